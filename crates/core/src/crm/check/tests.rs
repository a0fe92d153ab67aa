use serde_json::{Value as Json, json};

use super::*;
use crate::crm::definition::objects;
use crate::crm::selector::tests::{deals, field};
use crate::crm::selector::{NativeKind, Workflow};

fn object() -> CrmObject {
    let text = || json!({"type": "string"});
    let sent = json!({"title": text(), "at": {"type": "string", "format": "datetime"}});
    objects(&json!({"deal": {
        "fields": {"name": text(), "tags": {"type": "object"}, "open": {"type": "boolean"}},
        "events": {
            "sent": {"type": "create", "payloadSchema": sent},
            "lost": {"type": "delete", "payloadSchema": {"why": text()}},
            "find": {"type": "search", "payloadSchema": {"title": text()}}
        }
    }}))
    .unwrap()
    .remove(0)
}

fn at(name: &str) -> String {
    format!("#/properties/{name}")
}

/// A complete mapping.
fn complete() -> Json {
    json!({
        "crm_object_id": 1, "api_object_id": 2,
        "transformations": [
            {"name": "direct", "field": {"slug": "name"}, "source_pointer": at("dealname")},
            {"name": "empty", "field": {"slug": "tags"}},
            {"name": "static", "field": {"slug": "open"}, "static_value": false}
        ],
        "event_actions": [
            {"event": {"slug": "sent"}, "action_type": "create", "find_by": at("dealname"), "transformations": [
                {"name": "direct", "field": {"slug": "title"}, "source_pointer": at("dealname")},
                {"name": "date", "field": {"slug": "at"}, "source_pointer": at("closedate")},
                {"name": "static", "static_value": "open", "source_pointer": at("stage")}]},
            {"event": {"slug": "lost"}, "action_type": "delete", "transformations": []},
            {"event": {"slug": "find"}, "action_type": "search", "transformations": [
                {"name": "direct", "field": {"slug": "title"}, "source_pointer": at("dealname"), "criteria_operator": "contains"}]}
        ]
    })
}

fn found(mapping: &Json) -> Vec<(String, State)> {
    let mapping = serde_json::from_value(mapping.clone()).unwrap();
    let findings = check(Some(&mapping), &object(), Some(&deals()));
    findings.into_iter().map(|finding| (finding.path.trim_start_matches("deal.").to_owned(), finding.state)).collect()
}

/// What is found after one place of the complete mapping was changed.
fn after(pointer: &str, value: Json) -> Vec<(String, State)> {
    let mut mapping = complete();
    *mapping.pointer_mut(pointer).unwrap() = value;
    found(&mapping)
}

fn one(path: &str, state: State) -> Vec<(String, State)> {
    vec![(path.to_owned(), state)]
}

#[test]
fn a_complete_mapping_has_nothing_to_say() {
    assert_eq!(found(&complete()), []);
    assert_eq!(found(&json!({"crm_object_id": 1, "api_object_id": null})), []);
    let none = check(None, &object(), Some(&deals()));
    assert_eq!((none[0].path.as_str(), none[0].state), ("deal", State::Missing));
    let mapping: ObjectMapping = serde_json::from_value(complete()).unwrap();
    assert_eq!(check(Some(&mapping), &object(), None)[0].state, State::Gone);
    let bare = ApiObject::new("deals", "Deal", "Deals");
    assert_eq!(check(Some(&mapping), &object(), Some(&bare))[0].state, State::Missing);
}

#[test]
fn what_is_not_chosen_is_missing() {
    let expected: Vec<(String, State)> =
        ["fields.name", "fields.tags", "fields.open", "events.sent", "events.lost", "events.find"]
            .map(|path| (path.to_owned(), State::Missing))
            .to_vec();
    assert_eq!(found(&json!({"crm_object_id": 1, "api_object_id": 2})), expected);
    let rows = "/event_actions/0/transformations";
    let empty = after(rows, json!([]));
    let paths: Vec<&str> = empty.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["events.sent.title", "events.sent.at", "events.sent.required.dealname", "events.sent"]);
    assert!(empty.iter().all(|(_, state)| *state == State::Missing));
    assert_eq!(
        after("/event_actions/2/transformations/0/criteria_operator", json!(null)),
        one("events.find.title", State::Missing)
    );
    assert_eq!(after("/event_actions/2/transformations", json!([])), []);
    assert_eq!(
        after("/event_actions/0/transformations/2/static_value", json!(null)),
        one("events.sent.rows.2", State::Missing)
    );
}

#[test]
fn an_unfinished_row_is_missing_its_value() {
    let open = |name: &str| json!({"name": name, "field": {"slug": "name"}, "source_pointer": at("dealname")});
    for name in ["static", "template", "value_map"] {
        assert_eq!(after("/transformations/0", open(name)), one("fields.name", State::Missing), "{name}");
        let mut row = open(name);
        (row["field"], row["source_pointer"]) = (json!({"slug": "at"}), json!(at("tags")));
        assert_eq!(after("/event_actions/0/transformations/1", row), one("events.sent.at", State::Missing), "{name}");
    }
}

#[test]
fn what_left_the_crm_is_gone() {
    let pointer = |index| format!("/event_actions/0/transformations/{index}/source_pointer");
    assert_eq!(after("/transformations/0/source_pointer", json!(at("old"))), one("fields.name", State::Gone));
    assert_eq!(after(&pointer(1), json!(at("createdate"))), one("events.sent.at", State::Gone));
    assert_eq!(after(&pointer(2), json!(at("site/properties/city~1town"))), one("events.sent.rows.2", State::Gone));
    assert_eq!(
        after("/event_actions/0/transformations/2/static_value", json!("paused")),
        one("events.sent.rows.2", State::Gone)
    );
    assert_eq!(after("/event_actions/0/find_by", json!(at("old"))), one("events.sent", State::Gone));
}

#[test]
fn what_can_never_work_is_wrong() {
    let wrong = |pointer: &str, value: Json, path: &str| assert_eq!(after(pointer, value), one(path, State::Wrong));
    wrong("/transformations/2/static_value", json!("no"), "fields.open");
    wrong("/event_actions/0/transformations/2/static_value", json!("x".repeat(4097)), "events.sent.rows.2");
    wrong("/transformations/0/source_pointer", json!(at("site")), "fields.name");
    wrong("/event_actions/1/action_type", json!("create"), "events.lost");
    wrong("/event_actions/0/transformations/1/source_pointer", json!(at("amount")), "events.sent.at");
    let template = |source: &str| json!({"name": "template", "template": source, "source_pointer": at("stage")});
    wrong("/event_actions/0/transformations/2", template("{{ nobody }}"), "events.sent.rows.2");
    wrong("/event_actions/0/transformations/2", template("{{ title"), "events.sent.rows.2");
    let zone = json!({"name": "date", "field": {"slug": "at"}, "source_pointer": at("closedate"), "time_zone": "Mars"});
    wrong("/event_actions/0/transformations/1", zone, "events.sent.at");
    let twice = json!({"name": "static", "static_value": "x", "source_pointer": at("dealname")});
    wrong("/event_actions/0/transformations/2", twice, "events.sent.rows.2");
    let mut doubled = complete();
    let row = doubled["transformations"][0].clone();
    doubled["transformations"].as_array_mut().unwrap().push(row);
    assert_eq!(found(&doubled), one("fields.name", State::Wrong));
    let mut doubled = complete();
    doubled["event_actions"][2] = doubled["event_actions"][1].clone();
    doubled["event_actions"][2]["event"]["slug"] = json!("sent");
    let expected = [("events.sent".to_owned(), State::Wrong), ("events.find".to_owned(), State::Missing)];
    assert_eq!(found(&doubled), expected);
}

#[test]
fn a_value_that_a_template_or_a_link_uses_is_decided() {
    let rows = json!([
        {"name": "template", "template": "{{ title }}, {{ at }}", "source_pointer": at("dealname")},
        {"name": "value_map", "field": {"slug": "title"}, "source_pointer": at("stage"),
         "value_map": [{"from": ["a", "b"], "to": "won"}], "otherwise": {"then": "park"}}
    ]);
    assert_eq!(after("/event_actions/0/transformations", rows.clone()), []);
    let mut vanished = rows;
    vanished[1]["value_map"][0]["to"] = json!("vanished");
    assert_eq!(after("/event_actions/0/transformations", vanished), one("events.sent.title", State::Gone));
}

#[test]
fn a_workflow_wants_its_inputs_and_not_every_value() {
    let mut input = field("subject", "Subject", NativeKind::Text);
    input.access.required = true;
    let mut api = deals();
    api.workflows = vec![Workflow {
        id: "w1".to_owned(),
        label: "Onboard".to_owned(),
        selector: Selector::root("Onboard", "w1", &[input]),
    }];
    let states = |action: Json| {
        let mut mapping = complete();
        mapping["event_actions"][0] = action;
        let mapping = serde_json::from_value(mapping).unwrap();
        let findings = check(Some(&mapping), &object(), Some(&api));
        findings.into_iter().map(|finding| finding.state).collect::<Vec<_>>()
    };
    let row = json!([{"name": "template", "template": "New: {{ title }}", "source_pointer": at("subject")}]);
    let start = |workflow: &str, rows: Json| json!({"event": {"slug": "sent"}, "action_type": "workflow", "workflow": workflow, "transformations": rows});
    assert_eq!(states(start("w1", row)), []);
    assert_eq!(states(start("w1", json!([]))), [State::Missing]);
    assert_eq!(states(start("w2", json!([]))), [State::Gone]);
    assert_eq!(states(json!({"event": {"slug": "sent"}, "action_type": "workflow"})), [State::Missing]);
}

#[test]
fn a_parent_with_children_needs_no_choice_of_its_own() {
    let mut object = object();
    let child = json!({"id": 5, "slug": "tags.Region", "label": "Region", "parent_slug": "tags", "simple_type": {"type": "string"}});
    object.fields.push(serde_json::from_value(child).unwrap());
    let mapping: ObjectMapping = serde_json::from_value(complete()).unwrap();
    let findings = check(Some(&mapping), &object, Some(&deals()));
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].path, "deal.fields.tags.Region");
}
