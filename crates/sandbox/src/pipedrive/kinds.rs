//! The objects of every company and the members their records have in v2. Source: Pipedrive's OpenAPI documents.

/// An object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Person,
    Organization,
    Deal,
    Activity,
    Note,
}

/// Every object, in the order the page shows them.
pub(super) const KINDS: [Kind; 5] = [Kind::Person, Kind::Organization, Kind::Deal, Kind::Activity, Kind::Note];

/// What a member holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text that a record is known by: never empty.
    Name,
    Text,
    LongText,
    Whole,
    Number,
    Flag,
    Date,
    Time,
    Moment,
    /// Addresses of one kind: `[{value, primary, label}]`.
    Points,
    /// Ids of labels, which are options of the field `label_ids`.
    Labels,
    VisibleTo,
    /// A postal address.
    Place,
    User,
    Ref(Kind),
    /// One of some words.
    Word(&'static [&'static str]),
    Stage,
    Pipeline,
    /// `[{person_id, primary}]`
    Participants,
    /// A list that is kept as it is given.
    List,
}

/// A member of a record that every company has.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name in records.
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) shape: Shape,
    /// Whether a request may write it.
    pub(super) writes: bool,
}

const fn open(code: &'static str, label: &'static str, shape: Shape) -> Member {
    Member { code, label, shape, writes: true }
}

const fn shut(code: &'static str, label: &'static str, shape: Shape) -> Member {
    Member { code, label, shape, writes: false }
}

const PERSON: &[Member] = &[
    open("name", "Name", Shape::Name),
    shut("first_name", "First name", Shape::Text),
    shut("last_name", "Last name", Shape::Text),
    open("owner_id", "Owner", Shape::User),
    open("org_id", "Organization", Shape::Ref(Kind::Organization)),
    open("emails", "Email", Shape::Points),
    open("phones", "Phone", Shape::Points),
    open("visible_to", "Visible to", Shape::VisibleTo),
    open("label_ids", "Labels", Shape::Labels),
    shut("picture_id", "Picture", Shape::Whole),
    open("postal_address", "Postal address", Shape::Place),
    open("notes", "Notes", Shape::LongText),
    open("im", "Instant messenger", Shape::Points),
    open("birthday", "Birthday", Shape::Date),
    open("job_title", "Job title", Shape::Text),
];

const ORGANIZATION: &[Member] = &[
    open("name", "Name", Shape::Name),
    open("owner_id", "Owner", Shape::User),
    open("visible_to", "Visible to", Shape::VisibleTo),
    open("label_ids", "Labels", Shape::Labels),
    open("address", "Address", Shape::Place),
    open("website", "Website", Shape::Text),
    open("linkedin", "LinkedIn profile", Shape::Text),
    open("industry", "Industry", Shape::Whole),
    open("annual_revenue", "Annual revenue", Shape::Whole),
    open("employee_count", "Number of employees", Shape::Whole),
];

const DEAL_STATUSES: &[&str] = &["open", "won", "lost", "deleted"];

const DEAL: &[Member] = &[
    open("title", "Title", Shape::Name),
    shut("creator_user_id", "Creator", Shape::User),
    open("owner_id", "Owner", Shape::User),
    open("value", "Value", Shape::Number),
    open("currency", "Currency", Shape::Text),
    open("person_id", "Contact person", Shape::Ref(Kind::Person)),
    open("org_id", "Organization", Shape::Ref(Kind::Organization)),
    open("pipeline_id", "Pipeline", Shape::Pipeline),
    open("stage_id", "Stage", Shape::Stage),
    shut("stage_change_time", "Last stage change", Shape::Moment),
    open("status", "Status", Shape::Word(DEAL_STATUSES)),
    open("probability", "Probability", Shape::Number),
    open("lost_reason", "Lost reason", Shape::Text),
    open("visible_to", "Visible to", Shape::VisibleTo),
    open("label_ids", "Labels", Shape::Labels),
    open("expected_close_date", "Expected close date", Shape::Date),
    open("close_time", "Deal closed on", Shape::Moment),
    open("won_time", "Won time", Shape::Moment),
    open("lost_time", "Lost time", Shape::Moment),
    open("is_archived", "Archived", Shape::Flag),
    open("archive_time", "Archive time", Shape::Moment),
    shut("origin", "Source origin", Shape::Text),
    shut("origin_id", "Source origin ID", Shape::Text),
    shut("channel", "Source channel", Shape::Whole),
    shut("channel_id", "Source channel ID", Shape::Text),
];

const ACTIVITY: &[Member] = &[
    open("subject", "Subject", Shape::Text),
    open("type", "Type", Shape::Text),
    open("owner_id", "Assigned to user", Shape::User),
    shut("creator_user_id", "Creator", Shape::User),
    open("deal_id", "Deal", Shape::Ref(Kind::Deal)),
    shut("lead_id", "Lead", Shape::Text),
    open("person_id", "Contact person", Shape::Ref(Kind::Person)),
    open("org_id", "Organization", Shape::Ref(Kind::Organization)),
    open("due_date", "Due date", Shape::Date),
    open("due_time", "Due time", Shape::Time),
    open("duration", "Duration", Shape::Time),
    open("busy", "Busy", Shape::Flag),
    open("done", "Done", Shape::Flag),
    shut("marked_as_done_time", "Marked as done time", Shape::Moment),
    open("location", "Location", Shape::Place),
    open("participants", "Participants", Shape::Participants),
    open("attendees", "Attendees", Shape::List),
    open("public_description", "Public description", Shape::LongText),
    open("priority", "Priority", Shape::Whole),
    open("note", "Note", Shape::LongText),
];

const NOTE: &[Member] = &[
    open("content", "Content", Shape::Name),
    open("person_id", "Person", Shape::Ref(Kind::Person)),
    open("org_id", "Organization", Shape::Ref(Kind::Organization)),
    open("deal_id", "Deal", Shape::Ref(Kind::Deal)),
    open("user_id", "User", Shape::User),
    open("pinned_to_person_flag", "Pinned to person", Shape::Flag),
    open("pinned_to_organization_flag", "Pinned to organization", Shape::Flag),
    open("pinned_to_deal_flag", "Pinned to deal", Shape::Flag),
];

impl Kind {
    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Organization => "organization",
            Self::Deal => "deal",
            Self::Activity => "activity",
            Self::Note => "note",
        }
    }

    /// Its name in paths.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Person => "persons",
            Self::Organization => "organizations",
            Self::Deal => "deals",
            Self::Activity => "activities",
            Self::Note => "notes",
        }
    }

    /// The object of either name.
    pub(super) fn named(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| name == kind.plural() || name == kind.singular())
    }

    pub(super) fn members(self) -> &'static [Member] {
        match self {
            Self::Person => PERSON,
            Self::Organization => ORGANIZATION,
            Self::Deal => DEAL,
            Self::Activity => ACTIVITY,
            Self::Note => NOTE,
        }
    }

    pub(super) fn member(self, code: &str) -> Option<&'static Member> {
        self.members().iter().find(|member| member.code == code)
    }

    /// The member a record is known by.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Person | Self::Organization => "name",
            Self::Deal => "title",
            Self::Activity => "subject",
            Self::Note => "content",
        }
    }

    /// Whether its records may have fields of a company's own.
    pub(super) fn takes_custom_fields(self) -> bool {
        matches!(self, Self::Person | Self::Organization | Self::Deal)
    }

    /// Members of a record that name it.
    pub(super) fn reference(self) -> &'static str {
        match self {
            Self::Person => "person_id",
            Self::Organization => "org_id",
            Self::Deal => "deal_id",
            Self::Activity => "activity_id",
            Self::Note => "note_id",
        }
    }

    /// What the member `include_fields` may ask for besides.
    pub(super) fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Person => &[
                "next_activity_id",
                "last_activity_id",
                "open_deals_count",
                "closed_deals_count",
                "activities_count",
                "files_count",
                "notes_count",
                "followers_count",
                "marketing_status",
                "doi_status",
                "smart_bcc_email",
            ],
            Self::Organization => {
                &["next_activity_id", "last_activity_id", "open_deals_count", "people_count", "notes_count"]
            }
            Self::Deal => &["next_activity_id", "last_activity_id", "products_count", "notes_count", "source_lead_id"],
            Self::Activity => &["attendees"],
            Self::Note => &[],
        }
    }
}

impl Shape {
    /// Pipedrive's type of a field that holds it.
    pub(super) fn field_type(self) -> &'static str {
        match self {
            Self::Name | Self::Text => "varchar",
            Self::LongText => "text",
            Self::Whole | Self::Pipeline => "int",
            Self::Number => "double",
            Self::Flag => "boolean",
            Self::Date | Self::Moment => "date",
            Self::Time => "time",
            Self::Points => "varchar_options",
            Self::Labels => "set",
            Self::VisibleTo => "visible_to",
            Self::Place => "address",
            Self::User => "user",
            Self::Ref(Kind::Person) => "people",
            Self::Ref(Kind::Organization) => "org",
            Self::Ref(Kind::Deal) => "deal",
            Self::Ref(_) => "activity",
            Self::Word(_) => "status",
            Self::Stage => "stage",
            Self::Participants | Self::List => "json",
        }
    }
}
