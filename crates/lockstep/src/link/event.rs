//! The screen where a person says what one event does.

use askama::Template;
use lockstep_core::crm::check::actions;
use lockstep_core::crm::mapping::Operator;
use lockstep_core::crm::{
    ActionType, ApiObject, CrmEvent, CrmObject, EventAction, Operation, Selector, State, Transformation, Way, template,
};

use super::edits::{RowKey, operation};
use super::fields::{fixed, last_name};
use super::journey::{self, Place};
use super::preview::{Preview, Try};
use super::scene::{Scene, field, nth};
use super::screens::Bar;
use super::words::Words;

/// The screen.
#[derive(Template)]
#[template(path = "link/event.html")]
pub struct EventScreen<'a> {
    w: &'a Words,
    bar: Bar,
    object: &'a CrmObject,
    event: &'a CrmEvent,
    nth: usize,
    post: String,
    next: String,
    next_label: String,
    actions: Vec<ActionChoice>,
    lines: Vec<RowLine>,
    add: Option<String>,
    searches: bool,
    workflows: Option<Vec<(&'a str, &'a str, bool)>>,
    find_by: Option<Vec<(String, String, bool)>>,
    links: Option<Links<'a>>,
    /// Of a create: whether our id may stand in the record.
    keeps_key: Option<bool>,
    preview: Option<Preview>,
    deletes: bool,
    errors: Vec<String>,
    left: usize,
    judged: bool,
}

/// One thing that an event can do.
struct ActionChoice {
    value: &'static str,
    icon: &'static str,
    label: String,
    on: bool,
}

/// One row of an action.
struct RowLine {
    from: String,
    to: String,
    note: String,
    mood: &'static str,
    href: String,
}

/// Records to link a written one with.
struct Links<'a> {
    made: Vec<(usize, String)>,
    fields: Vec<(&'a str, &'a str)>,
    natives: Vec<(&'a str, &'a str)>,
}

/// The action's word on the wire.
const fn word(action: ActionType) -> &'static str {
    match action {
        ActionType::Create => "create",
        ActionType::Update => "update",
        ActionType::Delete => "delete",
        ActionType::Search => "search",
        ActionType::Noop => "noop",
        ActionType::Workflow => "workflow",
    }
}

const fn picture(action: ActionType) -> &'static str {
    match action {
        ActionType::Create => "plus",
        ActionType::Update => "pencil",
        ActionType::Delete => "trash",
        ActionType::Search => "search",
        ActionType::Noop => "minus",
        ActionType::Workflow => "bolt",
    }
}

/// What an action is called.
fn label(action: ActionType, one: &str, w: &Words) -> String {
    match action {
        ActionType::Create => w.of("event-create", "one", one),
        ActionType::Update => w.of("event-update", "one", one),
        ActionType::Delete => w.of("event-delete", "one", one),
        ActionType::Search => w.say("event-search"),
        ActionType::Noop => w.say("event-noop"),
        ActionType::Workflow => w.say("event-workflow"),
    }
}

/// An action by its word.
pub fn action_of(text: &str) -> Option<ActionType> {
    serde_json::from_value(text.into()).ok()
}

/// The native fields that an action's rows speak of.
pub fn root_of<'a>(action: &EventAction, native: &'a ApiObject) -> Option<&'a Selector> {
    match action.action_type {
        ActionType::Workflow => {
            let id = action.workflow.as_ref()?;
            native.workflows.iter().find(|workflow| workflow.id == *id).map(|workflow| &workflow.selector)
        }
        _ => native.selector.as_ref(),
    }
}

/// What the screen is asked for.
#[derive(Default)]
pub struct Asked<'a> {
    /// The record to show the preview with.
    pub record: &'a str,
    /// Whether to point at what is missing.
    pub judged: bool,
}

impl<'a> EventScreen<'a> {
    /// The screen of an event; `None` where its object is not mapped to a described native object.
    pub fn new(scene: &'a Scene, object: &'a CrmObject, event: &'a CrmEvent, asked: &Asked<'_>) -> Option<Self> {
        let w = &scene.words;
        let (mapping, native) = (scene.mapping(object)?, scene.native(object)?);
        let action = mapping.action(&event.slug);
        let place = Place::Event(object.slug.clone(), event.slug.clone());
        let found = scene.findings_at(object, "events", &event.slug);
        let one = native.label_one.to_lowercase();
        let offered = actions(event.event_type)
            .iter()
            .filter(|action| **action != ActionType::Workflow || !native.workflows.is_empty());
        let choice = |offered: &ActionType| ActionChoice {
            value: word(*offered),
            icon: picture(*offered),
            label: label(*offered, &one, w),
            on: action.is_some_and(|action| action.action_type == *offered),
        };
        let records = scene.records(native);
        let try_it = Try { w, object, event, mapping, native, records, wanted: asked.record, now: scene.now };
        let rows = Rows { scene, object, event };
        let acts = action.and_then(|action| Some((action, operation(action.action_type)?, root_of(action, native)?)));
        let writes = acts.filter(|(_, operation, _)| matches!(operation, Operation::Create | Operation::Update));
        let writes = writes.filter(|(action, ..)| action.action_type != ActionType::Workflow);
        let own = |found: &&lockstep_core::crm::Finding| found.path.ends_with(&format!(".events.{}", event.slug));
        Some(Self {
            w,
            bar: Bar::at(scene, &place),
            object,
            event,
            nth: nth(object, event),
            post: scene.href("event", &[]),
            next: scene.href("event", &[("object", &object.slug), ("event", &event.slug), ("next", "yes")]),
            next_label: match journey::after(scene, &place) {
                Place::Event(of, _) if of == object.slug => w.say("event-next"),
                Place::Review => w.say("event-review"),
                _ => w.say("event-next-object"),
            },
            actions: offered.map(choice).collect(),
            lines: acts.map(|(action, operation, root)| rows.lines(action, operation, root)).unwrap_or_default(),
            add: acts.map(|_| rows.href(&RowKey::New(None))),
            searches: acts.is_some_and(|(_, operation, _)| operation == Operation::Search),
            workflows: action.filter(|action| action.action_type == ActionType::Workflow).map(|action| {
                let listed = native.workflows.iter();
                listed.map(|of| (&*of.id, &*of.label, action.workflow.as_ref() == Some(&of.id))).collect()
            }),
            find_by: writes
                .filter(|(_, operation, _)| *operation == Operation::Create)
                .map(|(action, _, root)| finds(action, root)),
            keeps_key: writes.filter(|(_, operation, _)| *operation == Operation::Create).map(|_| mapping.keep_key),
            links: writes.map(|(action, ..)| links(scene, event, action)),
            deletes: action.is_some_and(|action| action.action_type == ActionType::Delete),
            preview: action
                .filter(|action| action.action_type != ActionType::Noop)
                .map(|action| try_it.preview(action)),
            errors: found
                .iter()
                .filter(own)
                .filter(|found| found.state != State::Missing)
                .map(|found| found.error.clone())
                .collect(),
            left: found.len(),
            judged: asked.judged,
        })
    }
}

impl EventScreen<'_> {
    fn has_action(&self) -> bool {
        self.actions.iter().any(|action| action.on)
    }
}

/// The fields that a create can find a record by: those that a row writes and the CRM can search.
fn finds(action: &EventAction, root: &Selector) -> Vec<(String, String, bool)> {
    let written = action.transformations.iter().filter_map(|row| row.source_pointer.as_deref());
    let able = written.filter_map(|pointer| root.find(pointer)).filter(|field| field.allows(Operation::Search));
    able.filter_map(|field| {
        let pointer = field.pointer.clone()?;
        let on = action.find_by.as_ref() == Some(&pointer);
        Some((pointer, field.label.clone().unwrap_or_default(), on))
    })
    .collect()
}

fn links<'a>(scene: &'a Scene, event: &'a CrmEvent, action: &EventAction) -> Links<'a> {
    let native = |slug: &str| scene.natives.iter().find(|native| native.slug == slug);
    let told = |(at, link): (usize, &lockstep_core::crm::mapping::Association)| {
        let named = native(&link.api_object).map_or(&*link.api_object, |native| &*native.label_one).to_lowercase();
        let field = field(&event.fields, &link.field.slug).map_or(&*link.field.slug, |field| &*field.label);
        (at, scene.words.with("event-link", &[("native", named.into()), ("field", field.into())]))
    };
    let text =
        event.fields.iter().filter(|field| matches!(field.simple_type, lockstep_core::crm::SimpleType::String(_)));
    Links {
        made: action.associations.iter().enumerate().map(told).collect(),
        fields: text.map(|field| (&*field.slug, &*field.label)).collect(),
        natives: scene.natives.iter().map(|native| (&*native.slug, &*native.label_one)).collect(),
    }
}

/// The rows of one event, as lines that lead to their own screens.
struct Rows<'a> {
    scene: &'a Scene,
    object: &'a CrmObject,
    event: &'a CrmEvent,
}

impl Rows<'_> {
    fn href(&self, key: &RowKey) -> String {
        let asked = [("object", &*self.object.slug), ("event", &self.event.slug), ("row", &key.to_string())];
        self.scene.href("row", &asked)
    }

    fn lines(&self, action: &EventAction, operation: Operation, root: &Selector) -> Vec<RowLine> {
        let known = |row: &Transformation| row.slug().is_none_or(|slug| field(&self.event.fields, slug).is_some());
        let rows = action.transformations.iter().enumerate().filter(|(_, row)| known(row));
        let mut lines: Vec<RowLine> = rows.map(|(at, row)| self.line(at, row, root)).collect();
        let spoken: Vec<String> = action.transformations.iter().flat_map(spoken_of).collect();
        let linked = |slug: &str| action.associations.iter().any(|link| link.field.slug == slug);
        let open = self.event.fields.iter().filter(|field| {
            action.transformations.iter().all(|row| row.slug() != Some(&field.slug))
                && !spoken.contains(&field.slug)
                && !linked(&field.slug)
                && operation != Operation::Search
        });
        let key = if action.action_type == ActionType::Workflow { "optional" } else { "event-open" };
        lines.extend(open.map(|field| RowLine {
            from: field.label.clone(),
            to: self.scene.words.say(key),
            note: String::new(),
            mood: if key == "optional" { "quiet" } else { "warn" },
            href: self.href(&RowKey::Of(field.slug.clone())),
        }));
        if operation == Operation::Create {
            lines.extend(self.required(action, root));
        }
        lines
    }

    /// What the CRM needs and no row gives.
    fn required(&self, action: &EventAction, root: &Selector) -> Vec<RowLine> {
        let written = |pointer: &str| {
            action
                .transformations
                .iter()
                .any(|row| row.way != Way::Empty && row.source_pointer.as_deref() == Some(pointer))
        };
        let needed = root.children.iter().filter(|field| field.access.required && field.access.createable);
        let open = needed.filter_map(|field| Some((field, field.pointer.clone().filter(|pointer| !written(pointer))?)));
        open.map(|(field, pointer)| RowLine {
            from: self.scene.words.say("event-needs"),
            to: field.label.clone().unwrap_or_default(),
            note: String::new(),
            mood: "warn",
            href: self.href(&RowKey::New(Some(pointer))),
        })
        .collect()
    }

    fn line(&self, at: usize, row: &Transformation, root: &Selector) -> RowLine {
        let w = &self.scene.words;
        let named = row.slug().and_then(|slug| field(&self.event.fields, slug)).map(|field| field.label.clone());
        let from = match &row.way {
            Way::Static { static_value } if static_value.is_null() => w.say("row-way-static"),
            Way::Static { static_value } => fixed(&labelled(static_value, row, root), w),
            Way::Template { template } => format!("“{template}”"),
            _ => named.unwrap_or_default(),
        };
        let pointer = row.source_pointer.as_deref();
        let target = pointer.and_then(|pointer| root.find(pointer));
        let (to, mood) = match (&row.way, target, pointer) {
            (Way::Empty, ..) => (w.say("event-left-empty"), "quiet"),
            (_, Some(target), _) => (target.label.clone().unwrap_or_default(), ""),
            (_, None, Some(gone)) => (last_name(gone), "bad"),
            (_, None, None) => (w.say("event-open"), "warn"),
        };
        let note = match &row.way {
            Way::ValueMap { value_map, .. } => {
                w.of("event-values", "count", value_map.iter().map(|map| map.from.len()).sum::<usize>())
            }
            _ if row.criteria_operator == Some(Operator::Contains) => w.say("row-operator-contains"),
            _ if row.only_if_empty => w.say("row-only-if-empty"),
            _ => String::new(),
        };
        RowLine { from, to, note, mood, href: self.href(&RowKey::At(at)) }
    }
}

/// A fixed value by its label in the CRM's list.
fn labelled(value: &serde_json::Value, row: &Transformation, root: &Selector) -> serde_json::Value {
    let target = row.source_pointer.as_deref().and_then(|pointer| root.find(pointer));
    let choice = target.and_then(|target| target.choices.iter().find(|choice| value == &choice.value));
    choice.map_or_else(|| value.clone(), |choice| choice.label.clone().into())
}

fn spoken_of(row: &Transformation) -> Vec<String> {
    match &row.way {
        Way::Template { template } => template::names(template).unwrap_or_default().into_iter().collect(),
        _ => Vec::new(),
    }
}
