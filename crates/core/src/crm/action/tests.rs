use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::crm::selector::tests::{deals, field};
use crate::crm::selector::{NativeKind, Workflow};
use crate::env::Time;

fn action(kind: &str, rows: Json, more: Json) -> EventAction {
    let mut wire = json!({"event": {"slug": "signed"}, "action_type": kind, "transformations": rows});
    wire.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    serde_json::from_value(wire).unwrap()
}

fn payload(value: Json) -> Payload {
    value.as_object().unwrap().clone().into_iter().collect()
}

fn run(action: &EventAction, given: Json) -> Result<Effect, Refusal> {
    evaluate(action, event_of(action), &deals(), &payload(given))
}

/// The kind of event that usually has such an action.
fn event_of(action: &EventAction) -> EventType {
    match action.action_type {
        ActionType::Update => EventType::Update,
        ActionType::Delete => EventType::Delete,
        ActionType::Search => EventType::Search,
        ActionType::Create | ActionType::Workflow | ActionType::Noop => EventType::Create,
    }
}

fn written(effect: Result<Effect, Refusal>) -> Write {
    match effect.unwrap() {
        Effect::Update(write) | Effect::Create { write, .. } => write,
        other => panic!("no write: {other:?}"),
    }
}

fn properties(of: &[(&str, Option<&str>)]) -> Properties {
    of.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
}

fn rows() -> Json {
    json!([
        {"name": "direct", "field": {"slug": "title"}, "source_pointer": "#/properties/dealname"},
        {"name": "date", "field": {"slug": "at"}, "source_pointer": "#/properties/closedate", "time_zone": "Asia/Jakarta"},
        {"name": "static", "static_value": true, "source_pointer": "#/properties/signed"},
        {"name": "empty", "field": {"slug": "size"}},
        {"name": "direct", "field": {"slug": "gone"}, "source_pointer": "#/properties/not_there_any_more"},
        {"name": "direct", "field": {"slug": "title"}, "source_pointer": "#/properties/createdate"},
        {"name": "value_map", "field": {"slug": "state"}, "source_pointer": "#/properties/stage",
         "value_map": [{"from": ["done", "signed"], "to": "won"}], "otherwise": {"then": "skip"}, "default_value": "done"},
        {"name": "template", "template": "{{ title }} #{{ size }}", "source_pointer": "#/properties/tags", "only_if_empty": true}
    ])
}

#[test]
fn a_create_writes_what_is_mapped_and_has_a_value() {
    let given = json!({"title": "Lease", "at": "2022-05-17T23:17:53Z", "size": null, "gone": "x"});
    let write = written(run(&action("create", rows(), json!({})), given));
    let expected = [
        ("closedate", Some("2022-05-18")),
        ("dealname", Some("Lease")),
        ("signed", Some("true")),
        ("stage", Some("won")),
        ("tags", Some("Lease #")),
    ];
    assert_eq!(write.properties, properties(&expected));
}

#[test]
fn an_update_clears_on_null_and_leaves_alone_what_did_not_come() {
    let update = action("update", rows(), json!({}));
    let write = written(run(&update, json!({"at": null, "state": "odd"})));
    assert_eq!(write.properties, properties(&[("closedate", None), ("signed", Some("true"))]));
    let nulls = written(run(&update, json!({"state": null, "title": "A"})));
    assert_eq!(nulls.properties["stage"].as_deref(), Some("won"));
    let current = |tags: Option<&str>| Record {
        id: "1".to_owned(),
        properties: properties(&[("tags", tags)]),
        updated_at: Time(0),
        archived: false,
        merged: Vec::new(),
    };
    assert!(!nulls.against(&current(Some("kept"))).contains_key("tags"));
    assert!(nulls.against(&current(None)).contains_key("tags"));
}

#[test]
fn a_row_that_is_not_finished_writes_nothing() {
    let rows = json!([
        {"name": "static", "source_pointer": "#/properties/stage"},
        {"name": "template", "source_pointer": "#/properties/dealname"},
        {"name": "value_map", "field": {"slug": "state"}, "source_pointer": "#/properties/tags"},
        {"name": "direct", "field": {"slug": "state"}}
    ]);
    assert_eq!(written(run(&action("update", rows, json!({})), json!({"state": "x"}))), Write::default());
}

#[test]
fn a_value_without_a_meaning_is_refused_or_set_aside() {
    let amount = json!([{"name": "direct", "field": {"slug": "sum"}, "source_pointer": "#/properties/amount"},
                        {"name": "template", "template": "{{ sum }} x", "source_pointer": "#/properties/sent_ms"}]);
    let refused = run(&action("update", amount, json!({})), json!({"sum": "much"}));
    let flaws =
        vec![Flaw::new("payload.sum", "is no number"), Flaw::new("mapping.#/properties/sent_ms", "is no whole number")];
    assert_eq!(refused, Err(Refusal::Payload(flaws)));
    let park = json!([{"name": "value_map", "field": {"slug": "state"}, "source_pointer": "#/properties/stage",
                       "value_map": [], "otherwise": {"then": "park"}}]);
    let parked = run(&action("update", park, json!({})), json!({"state": "odd"}));
    assert_eq!(parked, Err(Refusal::Park { slug: "state".to_owned(), value: json!("odd") }));
    let mut bare = deals();
    bare.selector = None;
    let unknown = evaluate(&action("create", json!([]), json!({})), EventType::Create, &bare, &Payload::new());
    assert_eq!(unknown, Err(Refusal::Undescribed));
}

#[test]
fn a_search_never_finds_more_than_its_filters_allow() {
    let filters = |pointer: &str| {
        json!([{"name": "direct", "field": {"slug": "title"}, "source_pointer": pointer, "criteria_operator": "contains"},
               {"name": "static", "static_value": "Open", "source_pointer": "#/properties/stage", "criteria_operator": "eq"}])
    };
    let search = action("search", filters("#/properties/dealname"), json!({}));
    let stage = Filter { property: "stage".to_owned(), operator: Operator::Eq, value: Some("open".to_owned()) };
    let name = |value: Option<&str>| Filter {
        property: "dealname".to_owned(),
        operator: Operator::Contains,
        value: value.map(str::to_owned),
    };
    assert_eq!(run(&search, json!({"title": "Lea"})), Ok(Effect::Search(vec![name(Some("Lea")), stage.clone()])));
    assert_eq!(run(&search, json!({"title": null})), Ok(Effect::Search(vec![name(None), stage])));
    let absent = Refusal::Payload(vec![Flaw::new("payload.title", "is needed by this search")]);
    assert_eq!(run(&search, json!({})), Err(absent));
    let gone = action("search", filters("#/properties/old"), json!({}));
    assert_eq!(run(&gone, json!({"title": "x"})), Err(Refusal::Gone("#/properties/old".to_owned())));
    assert_eq!(run(&action("search", json!([]), json!({})), json!({})), Ok(Effect::Search(Vec::new())));
}

#[test]
fn a_create_finds_by_its_key_and_links_to_where_it_came_from() {
    let more = json!({"find_by": "#/properties/dealname",
                      "associations": [{"field": {"slug": "signer"}, "api_object": "contacts"}]});
    let create = action("create", rows(), more);
    let Ok(Effect::Create { write, find_by }) = run(&create, json!({"title": "Lease", "signer": "contacts:7"})) else {
        panic!("no create");
    };
    assert_eq!(find_by, Some(Key { property: "dealname".to_owned(), value: "Lease".to_owned() }));
    assert_eq!(write.links, [Link { to: RecordId::new("contacts", "7").unwrap(), kind: None }]);
    let Ok(Effect::Create { find_by, .. }) = run(&create, json!({"signer": null})) else { panic!("no create") };
    assert_eq!(find_by, None);
    let Err(Refusal::Payload(flaws)) = run(&create, json!({"signer": "deals:7"})) else { panic!("no refusal") };
    assert_eq!(flaws[0].path, "payload.signer");
    let lost = action("create", rows(), json!({"find_by": "#/properties/old"}));
    assert_eq!(run(&lost, json!({})), Err(Refusal::Gone("#/properties/old".to_owned())));
}

#[test]
fn an_event_can_be_ignored_deleted_or_handed_to_a_workflow() {
    assert_eq!(run(&action("noop", json!([]), json!({})), json!({})), Ok(Effect::Nothing));
    assert_eq!(run(&action("delete", json!([]), json!({})), json!({})), Ok(Effect::Delete));
    let input = [field("subject", "Subject", NativeKind::Text)];
    let mut api = deals();
    api.workflows = vec![Workflow {
        id: "w1".to_owned(),
        label: "Onboard".to_owned(),
        selector: Selector::root("Onboard", "w1", &input),
    }];
    let row = json!([{"name": "direct", "field": {"slug": "title"}, "source_pointer": "#/properties/subject"}]);
    let start = action("workflow", row.clone(), json!({"workflow": "w1"}));
    let inputs = properties(&[("subject", Some("Lease"))]);
    let effect = evaluate(&start, EventType::Create, &api, &payload(json!({"title": "Lease"})));
    assert_eq!(effect, Ok(Effect::Start { workflow: "w1".to_owned(), inputs }));
    let mut waiting = start.clone();
    waiting.transformations[0].default_value = Some(json!("Untitled"));
    let none = |event_type| match evaluate(&waiting, event_type, &api, &Payload::new()) {
        Ok(Effect::Start { inputs, .. }) => inputs.len(),
        other => panic!("no start: {other:?}"),
    };
    assert_eq!((none(EventType::Create), none(EventType::Update)), (1, 0), "on a record what did not come stays");
    let gone = action("workflow", row, json!({"workflow": "w2"}));
    assert!(matches!(evaluate(&gone, EventType::Create, &api, &Payload::new()), Err(Refusal::Gone(_))));
}

fn any_row() -> impl Strategy<Value = Json> {
    let names = ["dealname", "stage", "createdate", "amount", "closedate", "signed", "tags", "sent_ms", "site", "none"];
    let ways = prop::sample::select(vec![
        json!({"name": "direct"}),
        json!({"name": "date"}),
        json!({"name": "static", "static_value": "1"}),
        json!({"name": "empty"}),
        json!({"name": "template", "template": "{{ a }}{{ b }}"}),
        json!({"name": "value_map", "value_map": [{"from": ["1"], "to": "2"}], "otherwise": {"then": "keep"}}),
    ]);
    (ways, prop::sample::select(names.to_vec()), prop::sample::select(vec!["a", "b", "c"])).prop_map(
        |(way, name, slug)| {
            let mut row = way;
            row["field"] = json!({"slug": slug});
            row["source_pointer"] = json!(format!("#/properties/{name}"));
            row
        },
    )
}

fn any_value() -> impl Strategy<Value = Json> {
    prop::sample::select(vec![
        json!(null),
        json!("1"),
        json!(1),
        json!(true),
        json!("2022-05-17"),
        json!(["x"]),
        json!({}),
    ])
}

proptest! {
    #[test]
    fn what_the_mapping_does_not_name_is_never_written(
        rows in prop::collection::vec(any_row(), 0..8),
        given in prop::collection::btree_map("[abz]", any_value(), 0..4),
        creates in any::<bool>(),
    ) {
        let (kind, operation) = if creates { ("create", Operation::Create) } else { ("update", Operation::Update) };
        let action = action(kind, json!(rows), json!({}));
        let deals = deals();
        if let Ok(Effect::Create { write, .. } | Effect::Update(write)) = evaluate(&action, event_of(&action), &deals, &given) {
            for property in write.properties.keys() {
                let pointer = format!("#/properties/{property}");
                let named = action.transformations.iter().any(|row| {
                    row.way != Way::Empty && row.source_pointer.as_deref() == Some(pointer.as_str())
                });
                prop_assert!(named, "{property} is in no row");
                prop_assert!(deals.selector.as_ref().unwrap().find(&pointer).unwrap().allows(operation));
            }
        }
    }
}
