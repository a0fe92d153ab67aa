//! What people do in Pipedrive's own pages, and the sandbox's own routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::{Desk, PERSONS, SECOND_US};

#[test]
fn a_person_edits_flat_texts_through_the_same_rules() {
    let desk = Desk::calm();
    let (plan, tags) = (desk.field("Plan", "monetary", &[]), desk.field("Tags", "set", &["New", "Old"]));
    let properties =
        [("name", "Ada"), ("email", "a@example.com"), ("phone", ""), ("Plan", "12.5 EUR"), (&tags, "new, Old")];
    let id = desk.pipedrive.create(&properties).expect("a person");
    let record = desk.pipedrive.get(&id).expect("the person");
    assert_eq!((record.value("email"), record.value("phone")), (Some("a@example.com"), None));
    let held: Value = serde_json::from_str(record.value(&plan).expect("a plan")).expect("JSON");
    assert_eq!(held, json!({"currency": "EUR", "value": 12.5}));
    assert_eq!(record.object, "persons");
    let path = format!("{PERSONS}/{id}");
    desk.patch(&path, &json!({"emails": [{"value": "x@example.com"}, {"value": "a@example.com", "primary": true}]}));
    desk.pass(SECOND_US);
    desk.pipedrive.edit(&id, &[("email", "b@example.com"), ("owner_id", "20580208"), (&plan, "")]).expect("an edit");
    let data = desk.get(&path).json["data"].clone();
    assert_eq!(data["emails"][1], json!({"value": "b@example.com", "primary": true, "label": "work"}));
    assert_eq!((&data["emails"][0]["value"], &data["owner_id"]), (&json!("x@example.com"), &json!(20_580_208)));
    assert_eq!((&data["custom_fields"][&plan], &data["update_time"]), (&json!(null), &json!("2026-01-01T00:00:01Z")));
    desk.pipedrive.edit(&id, &[("email", "")]).expect("an edit");
    assert_eq!(desk.pipedrive.get(&id).and_then(|it| it.properties["email"].clone()).as_deref(), Some("x@example.com"));
    assert!(desk.pipedrive.edit(&id, &[("shoe", "x")]).is_err());
    assert!(desk.pipedrive.create(&[("email", "a@example.com")]).is_err());
    assert!(desk.pipedrive.edit("77", &[("name", "x")]).is_err());
}

#[test]
fn bins_hiding_and_lateness() {
    let desk = Desk::calm();
    let id = desk.pipedrive.create(&[("name", "Ada")]).expect("a person");
    let status = || desk.get(&format!("{PERSONS}/{id}")).status.as_u16();
    desk.pipedrive.archive(&id).expect("deleted");
    assert!(desk.pipedrive.get(&id).is_some_and(|it| it.archived));
    desk.pipedrive.restore(&id).expect("restored");
    assert_eq!(desk.get(PERSONS).json["data"][0]["id"].to_string(), id, "with the same id");
    desk.pipedrive.hide(&id).expect("hidden");
    assert_eq!(status(), 404);
    desk.pipedrive.unhide(&id).expect("shown");
    desk.pipedrive.readable_after(&id, SECOND_US).expect("late");
    assert_eq!(status(), 404);
    desk.pass(SECOND_US);
    assert_eq!(status(), 200);
    assert!(desk.pipedrive.restore(&id).is_err());
}

#[test]
fn an_automation_rewrites_what_was_written() {
    let desk = Desk::calm();
    desk.pipedrive.subscribe("http://127.0.0.1:1/h");
    desk.pipedrive.set_automation(Some(Arc::new(|record| {
        let title = record.value("job_title").filter(|it| *it != "BOSS")?;
        Some(BTreeMap::from([("job_title".to_owned(), title.to_uppercase())]))
    })));
    let id = desk.person(json!({"name": "Ada", "job_title": "boss"}));
    assert_eq!(desk.get(&format!("{PERSONS}/{id}")).json["data"]["job_title"], "BOSS");
    assert_eq!(desk.pipedrive.take_hooks().len(), 2);
}

#[test]
fn the_sandbox_has_routes_of_its_own() {
    let desk = Desk::new();
    let rows = json!([{"name": "Ada", "email": "a@example.com"}, {"email": "nameless@example.com"}]);
    let seeded = desk.post("/__records", &rows);
    assert_eq!((&seeded.json["created"], &seeded.json["refused"][0][0]), (&json!(1), &json!(2)));
    let csv = desk.pipedrive.seed_csv(b"name,phone\nBob,+491\nCy,\n").expect("CSV");
    assert_eq!(csv.created, 2);
    let found = desk.get(&format!("{PERSONS}/search?term=ada")).json["data"]["items"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1), "seeded records are searchable at once");
    assert_eq!(desk.get("/__records").json[0]["properties"]["name"], "Ada");
    let made = desk.post("/__create", &json!({"object": "organizations", "properties": {"name": "Lamps"}}));
    assert_eq!(made.json["id"], "1");
    assert_eq!(desk.post("/__edit", &json!({"id": "1", "properties": {"name": "Ada L", "org_id": 1}})).status, 200);
    let made = desk.post("/__add-property", &json!({"name": "Plan", "field_type": "varchar"}));
    assert_eq!(made.json["field_code"].as_str().map(str::len), Some(40));
    assert_eq!(desk.post("/__edit", &json!({"id": "1", "properties": {"Plan": "Gold"}})).status, 200);
    assert_eq!(desk.post("/__merge", &json!({"primary": "2", "other": "3"})).json["id"], "2");
    assert_eq!(desk.post("/__archive", &json!({"id": "2"})).status, 200);
    assert_eq!(desk.post("/__restore", &json!({"id": "2"})).status, 200);
    assert_eq!(desk.post("/__edit", &json!({"id": "99", "properties": {}})).status, 400);
    assert!(desk.post("/__grant", &Value::Null).json["access_token"].is_string());
    assert_eq!(desk.post("/__faults", &json!({"effect": "lost_before"})).status, 204);
    assert_eq!(desk.get("/__faults").json.as_array().map(Vec::len), Some(1));
    assert_eq!(desk.delete("/__faults").status, 204);
    let page = desk.get("/");
    assert!(page.text.contains("Ada L") && page.text.contains("Pipedrive sandbox"));
    assert_eq!(desk.get("/?object=notes").status, 200);
    assert_eq!(desk.get("/__calls").json["total"], 1, "only the vendor's own are counted");
    desk.post("/__calls/reset", &Value::Null);
    assert_eq!(desk.pipedrive.calls().total, 0);
}

#[test]
fn one_seed_tells_one_story() {
    let story = || {
        let desk = Desk::calm();
        desk.field("Plan", "varchar", &[]);
        desk.person(json!({"name": "Ada"}));
        (desk.get(PERSONS).text, desk.pipedrive.grant().access_token)
    };
    assert_eq!(story(), story());
}
