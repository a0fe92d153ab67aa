### CRM Link in English. $app is the app, $crm the CRM. Keys begin with their screen.

## Everywhere
months = Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
back = Back
close = Close
step = Step { $step } of 5, { $name }
step-choose = Choose
step-authorise = Allow access
step-fields = Fields
step-events = Events
step-check = Check
continue = Continue
change = Change
remove = Remove
optional = optional
yes = Yes
no = No
later = You can change this later in { $app }
empty = empty
offline = The server does not answer. What you chose is kept; try again.
try-again = Try again

## Choose a CRM
choose-title = Which CRM does your team use?
choose-lead = { $app } will keep your data there up to date.
choose-promise = You approve access at your CRM. Nothing is written there until you finish.
choose-one-title = Connect { $crm }
choose-one-button = Connect { $crm }
choose-none-title = No CRM can be connected yet
choose-none-why = The people who run { $app } have not set up a CRM here.

## Allow access
authorise-title = Continue in the { $crm } window.
authorise-lead = Choose your account there and allow access. This page goes on by itself.
authorise-again = Open it again
authorise-blocked-title = Your browser blocked the { $crm } window. Open it with this button.
authorise-open = Open { $crm }
authorise-cancel = Choose another CRM
authorise-refused-title = { $crm } did not give access
authorise-refused-why = Nothing was connected and nothing was written.
token-title = Connect { $crm } with a token
token-lead = Make an access token in { $crm } and paste it here. It is sealed and shown to nobody.
token-label = Access token
token-help = In { $crm }: settings, integrations, private apps or API tokens.
opening = Opening…
returned-title = You can close this window
returned-why = Go on where you came from.

## Fetching
fetch-title = Reading your { $crm } fields
fetch-lead = This takes a few seconds.

fetch-slow = { $crm } is slow to answer. Still trying.

## Objects
objects-title = What { $app } and { $crm } share
objects-done = Everything is set.
objects-left = { $count ->
    [one] 1 thing left
   *[other] { $count } things left
}
objects-gone = { $count ->
    [one] 1 field is gone
   *[other] { $count } fields are gone
}
objects-open = Choose what it is in { $crm }
objects-out = Not connected
objects-holds = { $native } · { $fields }, { $events }
objects-fields = { $count ->
    [0] no fields
    [one] 1 field
   *[other] { $count } fields
}
objects-events = { $count ->
    [0] no events
    [one] 1 event
   *[other] { $count } events
}
objects-active = Connected
objects-broken = Signed out
objects-reconnect = Reconnect
objects-broken-why = { $crm } no longer accepts our sign-in. What was set up is kept.
objects-disconnect = Disconnect { $crm }
objects-review = Check and finish
objects-nothing = Nothing needs to be set up.

## Which native object
native-title = What is “{ $object }” in { $crm }?
native-lead = { $app } reads and writes these.
native-suggested = Suggested
native-filter = Find an object
native-none = Do not connect “{ $object }”

## Fields
fields-title = Where does { $app } find these?
fields-lead = In your { $crm } { $native }.
fields-filled = { $total ->
    [one] { $done ->
        [0] It needs a field.
       *[other] It is set.
    }
   *[other] { $done ->
        [0] Choose a field for each.
       *[other] We filled in { $done } of { $total } for you.
    }
}
fields-all = { $total ->
    [one] It is set.
   *[other] All { $total } are set.
}
fields-suggested = Suggested
fields-chosen = Chosen by you
fields-choose = Choose a field
fields-latest = Your latest:
fields-none-latest = empty
fields-gone = This field no longer exists in { $crm }. Choose another.
fields-needed = Choose a field for “{ $field }”, or leave it empty.
fields-edit = Edit
fields-match = Match values
fields-matched = Edit { $count } matched values
fields-leave = Leave empty
fields-add-child = Add a field to “{ $field }”
fields-child-name = Name
fields-child-type = It holds
fields-child-add = Add
fields-child-string = Text
fields-child-number = A number
fields-child-boolean = Yes or no
fields-child-datetime = A date and time
fields-child-object = Several values
fields-bad-child = { $label } { $error }
fields-trouble = { $count ->
    [one] One field still needs a choice
   *[other] { $count } fields still need a choice
}

## The picker
picker-guess = Best guess
picker-fits = Fields that fit
picker-cannot = Cannot be used here
picker-leave = Leave empty
picker-leave-why = Nothing passes
picker-static = Always write…
picker-static-why = The same value every time
picker-template = Text with values…
picker-template-why = Several values in one text
picker-count = { "{" }shown{ "}" } of { "{" }total{ "}" } fields
picker-none = No field holds these words.
picker-move = to move
picker-choose = to choose
picker-empty = Empty in your last { $count }
picker-no-sample = No record to show yet
picker-no-read = Cannot be read in { $crm }
picker-no-create = Cannot be set on a new record
picker-no-update = Read only in { $crm }
picker-no-search = { $crm } cannot search by it

## One row
row-read-title = Where does { $app } find “{ $field }”?
row-write-title = Where does “{ $field }” go?
row-required-title = Where does “{ $field }” come from?
row-required = { $crm } needs it for every new record.
row-new-title = What else is written?
row-filter-title = Find by “{ $field }”
row-new-filter-title = What else must fit?
row-way = What passes
row-way-field = The value
row-way-static = A fixed value
row-way-template = A text
row-way-empty = Nothing
row-read-from = { $crm } field
row-write-to = { $crm } field
row-static = The value
row-choose-value = Choose a value
row-template = The text
row-template-help = Insert a value, or type. Values stand in double braces.
row-insert = Insert
row-more = More
row-default = If there is no value, take
row-only-if-empty = Only if it is empty in { $crm }
row-zone = Time zone
row-zone-help = Where a day begins, and where times without a zone are.
row-operator = It must
row-operator-eq = be equal
row-operator-contains = be part of it
row-map = Match values
row-map-on = Turn values into others
row-map-help = { $done } of { $total } matched
row-map-from = Value in { $from }
row-map-to = becomes
row-map-other = Any other value
row-map-skip = writes nothing
row-map-keep = passes as it is
row-map-use = becomes
row-map-park = waits for a person
row-map-none = no match
row-done = Done
row-wrong = This { $error }.

## Events
event-nth = Event { $nth } of { $of }
event-title = When “{ $event }” happens in { $app }, { $crm } should
event-create = Create { $one }
event-update = Update { $one }
event-delete = Delete { $one }
event-search = Search
event-noop = Do nothing
event-workflow = Start workflow
event-open = Choose where it goes
event-needs = Needed by { $crm }
event-add = Add another value
event-add-filter = Add a condition
event-values = { $count ->
    [one] 1 value
   *[other] { $count } values
}
event-left-empty = not written
event-chosen-workflow = Start this workflow
event-choose-workflow = Choose a workflow
event-workflow-why = Your workflow decides what happens. { $app } hands it the values below.
event-find = If it exists already
event-find-none = Make a new one every time
event-find-by = Update the one with the same { $field }
event-key = Keep our id in { $crm }, so that no record is ever made twice
event-links = Link it with
event-link = the { $native } in “{ $field }”
event-link-add = Link with a record
event-link-field = The value that holds its id
event-link-object = It is one of
event-contains = contains “{ $value }”
event-equals = is “{ $value }”
event-next = Looks right, next event
event-next-object = Looks right, next
event-review = Check and finish
event-needed = Choose what { $crm } should do.
event-rows-needed = { $count ->
    [one] One value still needs a choice
   *[other] { $count } values still need a choice
}

## The preview
preview = Preview
preview-nothing = nothing is written
preview-started = nothing is started
preview-example = with example values
preview-record = Record
preview-rest = All other fields
preview-left = left as they are
preview-was = was
preview-becomes = becomes
preview-delete = would be deleted
preview-none = { $crm } stays as it is.
preview-new = A new { $one } is made
preview-no-records = There is no { $one } in your { $crm } yet, so nothing can be shown.
preview-search = { $crm } looks for every { $one } where
preview-search-all = { $crm } finds every { $one }.
preview-links = Linked with
preview-refused = With these values it would not be done: { $why }
preview-park = “{ $value }” waits for a person

## Review
review-title = Is this right?
review-lead = From now on, whenever something happens in { $app }:
review-reads = { $app } reads { $fields }.
review-create = { $event }: create { $one }
review-update = { $event }: update { $one }
review-delete = { $event }: delete { $one }
review-search = { $event }: search { $many }
review-noop = { $event }: do nothing
review-workflow = { $event }: start { $workflow }
review-out = { $object } is not connected.
review-finish = Finish and connect
review-left = { $count ->
    [one] One thing is still open
   *[other] { $count } things are still open
}
review-go = Go there
review-moved = This was changed in another window meanwhile. Look at it once more.
review-nothing = { $app } asked for nothing more than access.

## Done
done-title = { $crm } and { $app } are connected
done-lead = You can change this at any time. Nothing was written yet; it begins with the next event.

## Disconnect
disconnect-title = Disconnect { $crm }?
disconnect-why = { $app } stops reading and writing { $crm }. What is there stays as it is.
disconnect-do = Disconnect { $crm }
disconnect-keep = Keep it
disconnected-title = { $crm } is disconnected

## Trouble
trouble-session = Your session has ended
trouble-session-why = { $app } did not renew it. Open this again from { $app }.
trouble-taken = This connection belongs to somebody else
trouble-taken-why = { $app } has to choose another name for it.
trouble-other-crm = This connection is to another CRM
trouble-other-crm-why = To choose another CRM, disconnect this one first.
trouble-objects = { $app } asked for something that cannot be mapped
trouble-objects-why = The people who make { $app } have to correct it.
trouble-gone = This is no longer here
trouble-gone-why = It was changed or disconnected meanwhile.
trouble-crm = { $crm } did not do that
trouble-busy = The server cannot do that now
trouble-busy-why = What you chose is kept.
