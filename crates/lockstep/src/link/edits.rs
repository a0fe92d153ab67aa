//! What a choice on a screen does to the draft. Pure: the caller keeps the draft.

use std::collections::BTreeMap;

use lockstep_core::crm::mapping::{Association, SlugRef};
use lockstep_core::crm::selector::Passage;
use lockstep_core::crm::{
    ActionType, ApiObject, CrmEvent, CrmField, CrmObject, EventAction, EventType, ObjectMapping, Operation, Operator,
    Selector, SimpleType, Transformation, Way, suggest,
};

/// What was picked for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A native field, by pointer.
    Field(String),
    /// Nothing passes.
    Empty,
    /// A fixed value, still to be typed.
    Static,
    /// A text, still to be typed.
    Template,
}

impl Pick {
    /// What the picker sends; `None` for words that it does not.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "empty" => Some(Self::Empty),
            "static" => Some(Self::Static),
            "template" => Some(Self::Template),
            pointer => pointer.starts_with('#').then(|| Self::Field(pointer.to_owned())),
        }
    }
}

/// Which native object a CRM object is: begins with what can be guessed, or opts out.
pub fn choose_native(mapping: &mut Vec<ObjectMapping>, object: &CrmObject, native: Option<&ApiObject>) {
    let known = mapping.iter().find(|mapping| mapping.crm_object_id == object.id);
    if known.is_some_and(|known| known.api_object_id == native.map(|native| native.id)) {
        return;
    }
    mapping.retain(|mapping| mapping.crm_object_id != object.id);
    mapping.push(native.map_or_else(
        || ObjectMapping {
            crm_object_id: object.id,
            api_object_id: None,
            transformations: Vec::new(),
            event_actions: Vec::new(),
            keep_key: false,
        },
        |native| suggest::mapping(object, native),
    ));
}

/// Guesses what is still open: fields and events that the app has added since. Says whether anything was.
pub fn guess_open(mapping: &mut ObjectMapping, object: &CrmObject, native: &ApiObject) -> bool {
    let guess = suggest::mapping(object, native);
    let fields =
        guess.transformations.into_iter().filter(|row| row.slug().is_some_and(|slug| mapping.row(slug).is_none()));
    let fields: Vec<Transformation> = fields.collect();
    let actions = guess.event_actions.into_iter().filter(|action| mapping.action(&action.event.slug).is_none());
    let actions: Vec<EventAction> = actions.collect();
    let guessed = !fields.is_empty() || !actions.is_empty();
    mapping.transformations.extend(fields);
    mapping.event_actions.extend(actions);
    guessed
}

/// How a value passes between a native field and the app: as it is where that can be, else as a date of the person's
/// zone. Types that do not fit pass through a value map, which is text on both sides.
pub fn way(selector: &Selector, simple: SimpleType, operation: Operation, zone: &str) -> Way {
    let passages = selector.passages(simple, operation);
    if passages.contains(&Passage::Date) && !passages.contains(&Passage::Direct) {
        return Way::Date { time_zone: Some(zone.to_owned()).filter(|zone| !zone.is_empty()) };
    }
    Way::Direct
}

/// A row for a pick.
pub fn row(of: &CrmField, pick: &Pick, root: &Selector, operation: Operation, zone: &str) -> Transformation {
    let (way, pointer) = match pick {
        Pick::Empty => (Way::Empty, None),
        Pick::Static => (Way::Static { static_value: serde_json::Value::Null }, None),
        Pick::Template => (Way::Template { template: String::new() }, None),
        Pick::Field(pointer) => {
            let way = root.find(pointer).map_or(Way::Direct, |found| way(found, of.simple_type, operation, zone));
            (way, Some(pointer.clone()))
        }
    };
    Transformation {
        field: Some(SlugRef { slug: of.slug.clone() }),
        source_pointer: pointer,
        criteria_operator: (operation == Operation::Search).then_some(Operator::Eq),
        ..Transformation::new(way)
    }
}

/// Where a field is read from. Payload values of the same slug and type that are still open follow it.
pub fn choose_field(mapping: &mut ObjectMapping, object: &CrmObject, row: Transformation, root: &Selector, zone: &str) {
    let slug = row.slug().unwrap_or_default().to_owned();
    if let Some(pointer) = &row.source_pointer
        && let Some(field) = object.fields.iter().find(|field| field.slug == slug)
    {
        for event in &object.events {
            follow(mapping, event, field, pointer, root, zone);
        }
    }
    match mapping.transformations.iter_mut().find(|known| known.slug() == Some(&slug)) {
        Some(known) => *known = row,
        None => mapping.transformations.push(row),
    }
}

fn follow(mapping: &mut ObjectMapping, event: &CrmEvent, field: &CrmField, pointer: &str, root: &Selector, zone: &str) {
    let same = |other: &&CrmField| other.slug == field.slug && other.simple_type == field.simple_type;
    let Some(value) = event.fields.iter().find(same) else { return };
    let Some(action) = mapping.event_actions.iter_mut().find(|action| action.event.slug == event.slug) else { return };
    let Some(operation) = operation(action.action_type) else { return };
    let fits = root.find(pointer).is_some_and(|found| !found.passages(value.simple_type, operation).is_empty());
    let pick = Pick::Field(pointer.to_owned());
    let open = action.transformations.iter_mut().find(|row| row.slug() == Some(&value.slug));
    match open {
        _ if !fits || action.action_type == ActionType::Workflow => {}
        None => action.transformations.push(row(value, &pick, root, operation, zone)),
        Some(open) if open.source_pointer.is_none() && open.way == Way::Direct => {
            *open = row(value, &pick, root, operation, zone);
        }
        Some(_) => {}
    }
}

/// What the rows of an action do with native fields; `None` for actions without rows.
pub const fn operation(action: ActionType) -> Option<Operation> {
    match action {
        ActionType::Create | ActionType::Workflow => Some(Operation::Create),
        ActionType::Update => Some(Operation::Update),
        ActionType::Search => Some(Operation::Search),
        ActionType::Delete | ActionType::Noop => None,
    }
}

/// What an event does. The rows of each action are kept for when it is chosen again, and guessed where there are none.
pub fn choose_action(
    mapping: &mut ObjectMapping,
    object: &CrmObject,
    event: &CrmEvent,
    action: ActionType,
    native: &ApiObject,
) {
    let known = mapping.event_actions.iter().position(|known| known.event.slug == event.slug);
    let mut kept = known.map_or_else(|| blank(event), |at| mapping.event_actions.remove(at));
    let workflow = kept.workflow.clone();
    kept.turn(action, workflow);
    if kept.transformations.is_empty() && action != ActionType::Workflow {
        kept.transformations = guessed(object, event, action, native);
    }
    mapping.event_actions.insert(known.unwrap_or(mapping.event_actions.len()), kept);
}

fn blank(event: &CrmEvent) -> EventAction {
    EventAction {
        event: SlugRef { slug: event.slug.clone() },
        action_type: ActionType::Noop,
        transformations: Vec::new(),
        find_by: None,
        associations: Vec::new(),
        workflow: None,
        laid_by: BTreeMap::new(),
    }
}

/// The rows that the event would begin with if it were named after this action.
fn guessed(object: &CrmObject, event: &CrmEvent, action: ActionType, native: &ApiObject) -> Vec<Transformation> {
    let event_type = match action {
        ActionType::Create => EventType::Create,
        ActionType::Update => EventType::Update,
        ActionType::Search => EventType::Search,
        ActionType::Delete | ActionType::Noop | ActionType::Workflow => return Vec::new(),
    };
    let alone = CrmObject { events: vec![CrmEvent { event_type, ..event.clone() }], ..object.clone() };
    let mut guess = suggest::mapping(&alone, native);
    if guess.event_actions.is_empty() { Vec::new() } else { guess.event_actions.remove(0).transformations }
}

/// Links what an action writes with the record whose id a payload value holds. A value links once.
pub fn link(action: &mut EventAction, field: &str, api_object: &str) {
    action.associations.retain(|known| known.field.slug != field);
    action.associations.push(Association {
        field: SlugRef { slug: field.to_owned() },
        api_object: api_object.to_owned(),
        kind: None,
    });
}

/// Which row of an action is meant: one that is there, one for a payload value that has none yet, or a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// The row at a place.
    At(usize),
    /// The first row of a value.
    Of(String),
    /// A row more, writing to a native field if one is named.
    New(Option<String>),
}

impl RowKey {
    /// `at:2`, `of:signed_on`, `new:` or `new:#/properties/stage`.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "at" => rest.parse().ok().map(Self::At),
            "of" => Some(Self::Of(rest.to_owned())),
            "new" => Some(Self::New((!rest.is_empty()).then(|| rest.to_owned()))),
            _ => None,
        }
    }
}

impl std::fmt::Display for RowKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::At(index) => write!(f, "at:{index}"),
            Self::Of(slug) => write!(f, "of:{slug}"),
            Self::New(pointer) => write!(f, "new:{}", pointer.as_deref().unwrap_or_default()),
        }
    }
}

/// The row that a key means, as far as it exists.
pub fn find<'a>(rows: &'a [Transformation], key: &RowKey) -> Option<&'a Transformation> {
    match key {
        RowKey::At(index) => rows.get(*index),
        RowKey::Of(slug) => rows.iter().find(|row| row.slug() == Some(slug)),
        RowKey::New(_) => None,
    }
}

/// Puts a row in the place that a key means; without a row, takes away what is there.
pub fn put(rows: &mut Vec<Transformation>, key: &RowKey, row: Option<Transformation>) {
    let at = match key {
        RowKey::At(index) => Some(*index).filter(|index| *index < rows.len()),
        RowKey::Of(slug) => rows.iter().position(|row| row.slug() == Some(slug)),
        RowKey::New(_) => None,
    };
    match (at, row) {
        (Some(at), Some(row)) => rows[at] = row,
        (Some(at), None) => {
            rows.remove(at);
        }
        (None, Some(row)) => rows.push(row),
        (None, None) => {}
    }
}
