use serde_json::{Value, json};

use crate::desk::{Desk, Got};

const BATCH: &str = "/crm/v3/objects/contacts/batch";

fn desk_with_key() -> Desk {
    let desk = Desk::new();
    let draft = json!({"name": "lockstep_id", "label": "Lockstep id", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    assert_eq!(desk.post("/crm/v3/properties/contacts", &draft).status, 201);
    desk
}

fn ids(got: &Got) -> Vec<String> {
    let results = got.json["results"].as_array().expect("results");
    results.iter().map(|it| it["id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn a_batch_answers_every_row_in_no_promised_order() {
    let desk = Desk::with(|settings| settings.echoes_trace = true);
    let inputs: Vec<Value> = (0..100)
        .map(|i| json!({"properties": {"firstname": i.to_string()}, "objectWriteTraceId": i.to_string()}))
        .collect();
    let got = desk.post(&format!("{BATCH}/create"), &json!({"inputs": inputs}));
    assert_eq!(got.status, 201);
    let traces: Vec<&str> = got.json["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|it| it["objectWriteTraceId"].as_str().expect("a trace"))
        .collect();
    assert_eq!(traces.len(), 100);
    assert!(!traces.is_sorted_by_key(|trace| trace.parse::<u32>().expect("a number")));
    let calls = desk.hubspot.calls();
    let counted = calls.route("POST /crm/v3/objects/contacts/batch/create");
    assert_eq!((counted.total, counted.rows, counted.statuses.get(&201)), (1, 100, Some(&1)));
    let too_many = vec![json!({"properties": {}}); 101];
    assert_eq!(desk.post(&format!("{BATCH}/create"), &json!({"inputs": too_many})).status, 400);
}

#[test]
fn without_trace_ids_one_bad_row_fails_the_whole_create() {
    let desk = Desk::new();
    desk.contact(json!({"email": "a@example.com"}));
    let got = desk.post(
        &format!("{BATCH}/create"),
        &json!({"inputs": [{"properties": {"email": "b@example.com"}}, {"properties": {"email": "a@example.com"}}]}),
    );
    assert_eq!(got.status, 409);
    assert_eq!(got.json["message"], "Contact already exists");
    assert_eq!(desk.hubspot.records().len(), 1);
    let got = desk.post(
        &format!("{BATCH}/create"),
        &json!({"inputs": [{"properties": {"email": "c@example.com"}}, {"properties": {"email": "c@example.com"}}]}),
    );
    assert_eq!(got.status, 409, "two rows of one batch may not share an address");
    assert_eq!(desk.hubspot.records().len(), 1);
}

#[test]
fn with_trace_ids_each_row_stands_alone() {
    let desk = Desk::new();
    let taken = desk.contact(json!({"email": "a@example.com"}));
    let got = desk.post(
        &format!("{BATCH}/create"),
        &json!({"inputs": [
            {"objectWriteTraceId": "0", "properties": {"email": "a@example.com"}},
            {"objectWriteTraceId": "1", "properties": {"email": "b@example.com"}},
            {"objectWriteTraceId": "2", "properties": {"email": "nonsense"}},
        ]}),
    );
    assert_eq!(got.status, 207);
    assert_eq!(got.json["numErrors"], 2);
    assert_eq!(got.json["errors"][0]["category"], "CONFLICT");
    assert_eq!(got.json["errors"][0]["context"], json!({"objectWriteTraceId": ["0"], "existingId": [taken]}));
    assert_eq!(got.json["errors"][1]["category"], "VALIDATION_ERROR");
    assert_eq!(got.json["errors"][1]["context"]["objectWriteTraceId"], json!(["2"]));
    assert_eq!(got.json["results"][0]["properties"]["email"], "b@example.com");
    assert_eq!(got.json["results"][0].get("objectWriteTraceId"), None, "no recorded row carries it");
}

#[test]
fn a_property_that_does_not_exist_fails_the_batch_either_way() {
    let desk = Desk::new();
    let got = desk.post(
        &format!("{BATCH}/create"),
        &json!({"inputs": [{"objectWriteTraceId": "0", "properties": {"first000name": "x"}}]}),
    );
    assert_eq!(got.status, 400);
    assert_eq!(got.json["errors"][0]["code"], "PROPERTY_DOESNT_EXIST");
}

#[test]
fn an_update_tells_what_is_missing_and_refuses_doubles() {
    let desk = Desk::new();
    let id = desk.contact(json!({"firstname": "Ada"}));
    let got = desk.post(
        &format!("{BATCH}/update"),
        &json!({"inputs": [{"id": id, "properties": {"firstname": "B"}}, {"id": "888", "properties": {"firstname": "C"}}]}),
    );
    assert_eq!(got.status, 207);
    assert_eq!(got.json["errors"][0]["category"], "OBJECT_NOT_FOUND");
    assert_eq!(got.json["errors"][0]["context"]["ids"], json!(["888"]));
    assert_eq!(ids(&got), [id.as_str()]);
    let twice = json!({"id": id, "properties": {"firstname": "D"}});
    let got = desk.post(&format!("{BATCH}/update"), &json!({"inputs": [twice, twice]}));
    assert_eq!(got.status, 400);
    assert_eq!(got.json["message"], format!("Duplicate IDs found in batch input: [{id}]. IDs must be unique"));
    assert_eq!(got.json["context"]["ids"], json!([id]));
}

#[test]
fn an_upsert_by_key_may_be_repeated() {
    let desk = desk_with_key();
    let row = |key: &str, name: &str| json!({"id": key, "idProperty": "lockstep_id", "objectWriteTraceId": key, "properties": {"firstname": name}});
    let body = json!({"inputs": [row("k1", "Ada"), row("k2", "Grace")]});
    let first = desk.post(&format!("{BATCH}/upsert"), &body);
    assert_eq!(first.status, 200, "{}", first.text);
    assert!(first.json["results"].as_array().expect("results").iter().all(|it| it["new"] == true));
    let second = desk.post(&format!("{BATCH}/upsert"), &body);
    assert!(second.json["results"].as_array().expect("results").iter().all(|it| it["new"] == false));
    assert_eq!(desk.hubspot.records().len(), 2);
    let (mut a, mut b) = (ids(&first), ids(&second));
    a.sort();
    b.sort();
    assert_eq!(a, b);
    assert!(desk.hubspot.records().iter().any(|it| it.value("lockstep_id") == Some("k2")));
}

#[test]
fn a_read_finds_merged_ids_and_names_what_is_missing() {
    let desk = desk_with_key();
    let a = desk.contact(json!({"email": "a@example.com", "lockstep_id": "k1"}));
    let b = desk.contact(json!({"email": "b@example.com"}));
    let c = desk.hubspot.merge(&a, &b).expect("both are there");
    let got = desk.post(
        &format!("{BATCH}/read"),
        &json!({"inputs": [{"id": a}, {"id": b}, {"id": "7"}], "properties": ["phone"], "propertiesWithHistory": []}),
    );
    assert_eq!(got.status, 207);
    assert_eq!(ids(&got), [c.as_str()]);
    assert_eq!(got.json["results"][0]["properties"]["phone"], Value::Null);
    assert_eq!(got.json["errors"][0]["context"]["ids"], json!(["7"]));
    let by_key = json!({"inputs": [{"id": "k1"}], "idProperty": "lockstep_id", "properties": ["email"]});
    let got = desk.post(&format!("{BATCH}/read"), &by_key);
    assert_eq!((got.status.as_u16(), ids(&got)), (200, vec![c]));
}

#[test]
fn a_batch_archive_passes_over_what_is_gone() {
    let desk = Desk::new();
    let id = desk.contact(json!({"firstname": "Ada"}));
    let body = json!({"inputs": [{"id": id}, {"id": "7"}]});
    assert_eq!(desk.post(&format!("{BATCH}/archive"), &body).status, 204);
    assert_eq!(desk.post(&format!("{BATCH}/archive"), &body).status, 204);
    assert!(desk.hubspot.get(&id).is_some_and(|it| it.archived));
}
