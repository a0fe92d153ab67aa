use lockstep_sandbox::{Effect, Fault};
use serde_json::json;

use crate::desk::Desk;

const CONTACTS: &str = "/crm/v3/objects/contacts";
const CREATE: &str = "POST /crm/v3/objects/contacts";

fn created_under(effect: Effect) -> (Desk, crate::desk::Got) {
    let desk = Desk::new();
    desk.hubspot.faults().push(Fault::once(CREATE, effect));
    let got = desk.post(CONTACTS, &json!({"properties": {"email": "a@example.com"}}));
    (desk, got)
}

#[test]
fn an_answer_is_lost_before_or_after_the_effect() {
    let (desk, got) = created_under(Effect::LostBefore);
    assert!(got.dropped && desk.hubspot.records().is_empty());
    let (desk, got) = created_under(Effect::LostAfter);
    assert!(got.dropped && desk.hubspot.records().len() == 1);
    let counted = desk.hubspot.calls().route(CREATE);
    assert_eq!((counted.total, counted.faulted, counted.statuses.len()), (1, 1, 0));
}

#[test]
fn an_answer_breaks_half_way() {
    let (desk, got) = created_under(Effect::Truncate);
    assert!(!got.dropped && got.status == 201 && !got.text.is_empty() && got.json.is_null());
    assert_eq!(desk.hubspot.records().len(), 1);
    let (desk, got) = created_under(Effect::Reset);
    assert!(got.dropped && desk.hubspot.records().len() == 1);
}

#[test]
fn a_status_is_answered_instead_of_the_effect() {
    let (desk, got) = created_under(Effect::Status { status: 503, policy: None });
    assert_eq!(got.status, 503);
    assert!(desk.hubspot.records().is_empty());
    let (desk, got) = created_under(Effect::Status { status: 429, policy: Some("DAILY".into()) });
    assert_eq!((got.status.as_u16(), got.json["policyName"].as_str()), (429, Some("DAILY")));
    assert_eq!((desk.hubspot.calls().throttled, desk.hubspot.calls().faulted), (0, 1));
    assert_eq!(desk.post(CONTACTS, &json!({"properties": {}})).status, 201, "the order has run out");
}

#[test]
fn a_batch_stops_after_some_rows() {
    let desk = Desk::new();
    let effect = Effect::PartialBatch { rows: 2 };
    desk.hubspot.faults().push(Fault::once("POST /crm/v3/objects/contacts/batch/create", effect));
    let inputs: Vec<_> = (0..5).map(|i| json!({"properties": {"firstname": i.to_string()}})).collect();
    let got = desk.post(&format!("{CONTACTS}/batch/create"), &json!({"inputs": inputs}));
    assert!(got.dropped);
    assert_eq!(desk.hubspot.records().len(), 2);
}

#[test]
fn the_switch_and_the_counters_are_reached_over_http() {
    let desk = Desk::new();
    let order = json!({"route": CREATE, "effect": "lost_after", "times": 1});
    assert_eq!(desk.post("/__faults", &order).status, 204);
    assert!(desk.post(CONTACTS, &json!({"properties": {}})).dropped);
    let calls = desk.get("/__calls").json;
    assert_eq!((calls["total"].as_u64(), calls["routes"][CREATE]["faulted"].as_u64()), (Some(1), Some(1)));
    assert_eq!(desk.post("/__calls/reset", &json!({})).status, 200);
    assert_eq!(desk.get("/__calls").json["total"], 0);
    assert_eq!(desk.post("/__faults", &json!({"effect": "explode"})).status, 400);
}

#[test]
fn records_are_filled_in_and_people_act_over_http() {
    let desk = Desk::new();
    let rows = json!([{"email": "a@example.com"}, {"email": "A@example.com"}, {"email": "b@example.com", "firstname": "<b>B</b>"}]);
    let got = desk.post("/__records", &rows);
    assert_eq!(got.json["created"], 2);
    assert_eq!(got.json["refused"][0][0], 2);
    let id = desk.get("/__records").json[1]["id"].as_str().expect("an id").to_owned();
    assert_eq!(desk.post("/__edit", &json!({"id": id, "properties": {"lastname": "C"}})).status, 200);
    assert_eq!(desk.hubspot.get(&id).expect("it is there").value("lastname"), Some("C"));
    let page = desk.get("/").text;
    assert!(page.contains("&#60;b&#62;B") && !page.contains("<b>B"), "values are escaped");
    assert_eq!(desk.post("/__archive", &json!({"id": id})).status, 200);
    assert_eq!(desk.post("/__archive", &json!({"id": id})).status, 404);
    assert_eq!(desk.post("/__archive", &json!({})).status, 400);
}

#[test]
fn bad_bodies_are_refused_in_the_vendors_envelope() {
    let desk = Desk::new();
    for body in [json!([]), json!({"properties": []}), json!(null), json!({"properties": {"firstname": {}}})] {
        let got = desk.post(CONTACTS, &body);
        assert_eq!(got.status, 400, "{body}");
        assert_eq!(got.json["status"], "error");
        assert_eq!(got.json["correlationId"].as_str().map(str::len), Some(36));
    }
    assert_eq!(desk.get("/nowhere").status, 404);
    assert_eq!(desk.delete(CONTACTS).status, 405);
    assert_eq!(desk.get("/crm/v3/objects/contacts/%ff").status, 400);
}
