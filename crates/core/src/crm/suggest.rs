//! First choices for a mapping, found by label. A person sees and changes them; nothing is guessed beyond equality.

use std::collections::BTreeMap;

use super::check::actions;
use super::definition::{CrmEvent, CrmField, CrmObject, EventType};
use super::mapping::{ActionType, EventAction, ObjectMapping, Operator, SlugRef, Transformation, Way};
use super::schema::SimpleType;
use super::selector::{ApiObject, Operation, Passage, Selector};

/// Words that CRMs use for the same thing.
const ALIASES: [[&str; 2]; 5] = [
    ["account", "company"],
    ["contact", "customer"],
    ["lead", "prospect"],
    ["deal", "opportunity"],
    ["meeting", "event"],
];

/// Whether two labels say the same: equal but for case and white space, or both in one pair of aliases.
pub fn same_label(one: &str, other: &str) -> bool {
    let bare = |label: &str| label.split_whitespace().collect::<String>().to_lowercase();
    let (one, other) = (bare(one), bare(other));
    one == other || ALIASES.iter().any(|pair| pair.contains(&one.as_str()) && pair.contains(&other.as_str()))
}

/// Whether a native object is a good guess for a CRM object.
pub fn suggests(object: &CrmObject, api: &ApiObject) -> bool {
    [&api.label_one, &api.label_many].into_iter().any(|label| same_label(&object.label, label))
}

/// The native field that a field's label names, if it can be chosen for the operation.
pub fn field<'a>(field: &CrmField, root: &'a Selector, operation: Operation) -> Option<&'a Selector> {
    let named = |selector: &&Selector| {
        let names = [selector.label.as_deref(), selector.api_name.as_deref()];
        names.into_iter().flatten().any(|name| same_label(&field.label, name))
    };
    let fits = |selector: &&Selector| !selector.passages(field.simple_type, operation).is_empty();
    root.children.iter().filter(fits).find(named)
}

/// A mapping to begin with: fields and payload values by label, each event with the action it is named after. What
/// has no good guess is left open.
pub fn mapping(object: &CrmObject, api: &ApiObject) -> ObjectMapping {
    let root = api.selector.as_ref();
    let read = |of: &CrmField| Some(row(of, field(of, root?, Operation::Read)?, Operation::Read));
    let transformations: Vec<Transformation> = object.fields.iter().filter_map(read).collect();
    let event_actions = object.events.iter().filter_map(|event| action(event, &transformations, root)).collect();
    ObjectMapping {
        crm_object_id: object.id,
        api_object_id: Some(api.id),
        transformations,
        event_actions,
        keep_key: false,
    }
}

/// An event's first action. A search without a payload has none: it would find everything.
fn action(event: &CrmEvent, read: &[Transformation], root: Option<&Selector>) -> Option<EventAction> {
    let (action_type, operation) = match event.event_type {
        EventType::Create => (ActionType::Create, Operation::Create),
        EventType::Update => (ActionType::Update, Operation::Update),
        EventType::Delete => (ActionType::Delete, Operation::Update),
        EventType::Search => (ActionType::Search, Operation::Search),
    };
    debug_assert!(actions(event.event_type).contains(&action_type));
    if event.event_type == EventType::Search && event.fields.is_empty() {
        return None;
    }
    let guess = |of: &CrmField| Some(row(of, guess(of, read, root?, operation)?, operation));
    let fields = event.fields.iter().filter(|_| action_type != ActionType::Delete);
    let transformations = match action_type {
        // A search begins with a filter for each value, with its field still open where there is no guess.
        ActionType::Search => fields.map(|of| guess(of).unwrap_or_else(|| open_filter(of))).collect(),
        _ => fields.filter_map(guess).collect(),
    };
    Some(EventAction {
        event: SlugRef { slug: event.slug.clone() },
        action_type,
        transformations,
        find_by: None,
        associations: Vec::new(),
        workflow: None,
        laid_by: BTreeMap::new(),
    })
}

/// What a field of the same slug is read from, if that fits here too, else what the label names.
fn guess<'a>(of: &CrmField, read: &[Transformation], root: &'a Selector, operation: Operation) -> Option<&'a Selector> {
    let same = read.iter().find(|row| row.slug() == Some(&of.slug));
    let known = same.and_then(|row| root.find(row.source_pointer.as_deref()?));
    known
        .filter(|selector| !selector.passages(of.simple_type, operation).is_empty())
        .or_else(|| field(of, root, operation))
}

fn row(of: &CrmField, selector: &Selector, operation: Operation) -> Transformation {
    Transformation {
        field: Some(SlugRef { slug: of.slug.clone() }),
        source_pointer: selector.pointer.clone(),
        criteria_operator: (operation == Operation::Search).then_some(Operator::Eq),
        ..Transformation::new(way(selector, of.simple_type, operation))
    }
}

/// As it is where that can be, else as a date.
fn way(selector: &Selector, simple_type: SimpleType, operation: Operation) -> Way {
    let direct = selector.passages(simple_type, operation).contains(&Passage::Direct);
    if direct { Way::Direct } else { Way::Date { time_zone: None } }
}

fn open_filter(of: &CrmField) -> Transformation {
    Transformation {
        field: Some(SlugRef { slug: of.slug.clone() }),
        criteria_operator: Some(Operator::Eq),
        ..Transformation::new(Way::Direct)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::check::{State, check};
    use crate::crm::definition::objects;
    use crate::crm::selector::tests::deals;
    use serde_json::json;

    #[test]
    fn labels_are_the_same_by_equality_or_alias() {
        for (one, other) in [("Close Date", "closedate"), ("Opportunity", "Deal"), ("company", "ACCOUNT"), ("A", "a")] {
            assert!(same_label(one, other), "{one} {other}");
        }
        for (one, other) in [("Close", "Close Date"), ("Deal", "Account"), ("Lead", "Contact")] {
            assert!(!same_label(one, other), "{one} {other}");
        }
    }

    #[test]
    fn a_first_mapping_holds_the_good_guesses_and_leaves_the_rest_open() {
        let text = json!({"type": "string", "label": "Deal Name"});
        let moment = json!({"type": "string", "format": "datetime", "label": "Close date"});
        let object = objects(&json!({"opportunity": {
            "fields": {"name": text, "create_date": {"type": "string", "format": "datetime"}, "colour": {"type": "string"}},
            "events": {
                "made": {"type": "create", "payloadSchema": {"name": {"type": "string", "label": "Title"}, "on": moment}},
                "moved": {"type": "update", "payloadSchema": {"create_date": moment}},
                "gone": {"type": "delete", "payloadSchema": {"on": moment}},
                "find": {"type": "search", "payloadSchema": {"name": text, "colour": {"type": "string"}}},
                "all": {"type": "search"}
            }
        }}))
        .unwrap()
        .remove(0);
        assert!(suggests(&object, &deals()));
        let mapping = mapping(&object, &deals());
        let chosen = |rows: &[Transformation]| {
            rows.iter().map(|row| (row.slug().unwrap().to_owned(), row.source_pointer.clone())).collect::<Vec<_>>()
        };
        let to = |slug: &str, name: &str| (slug.to_owned(), Some(format!("#/properties/{name}")));
        assert_eq!(chosen(&mapping.transformations), [to("name", "dealname"), to("create_date", "createdate")]);
        let of = |slug: &str| chosen(&mapping.action(slug).unwrap().transformations);
        assert_eq!(of("made"), [to("name", "dealname"), to("on", "closedate")]);
        assert_eq!(of("moved"), [to("create_date", "closedate")]);
        assert_eq!((of("gone"), mapping.action("all")), (vec![], None));
        assert_eq!(of("find"), [to("name", "dealname"), ("colour".to_owned(), None)]);
        let open = check(Some(&mapping), &object, Some(&deals()));
        assert!(open.iter().all(|finding| finding.state == State::Missing));
        let paths: Vec<&str> = open.iter().map(|finding| finding.path.trim_start_matches("opportunity.")).collect();
        assert_eq!(paths, ["fields.colour", "events.find.colour", "events.all"]);
    }
}
