//! The fault switch in both protocols.

use lockstep_sandbox::{Effect, Fault};
use serde_json::json;

use super::desk::Desk;

const CREATE: &str = "POST /json/2/{model}/create";

#[test]
fn answers_are_lost_before_and_after() {
    let desk = Desk::new();
    let make = || desk.call("res.partner", "create", &json!({"vals_list": [{"name": "A"}, {"name": "B"}]}));
    desk.odoo.faults().push(Fault::once(CREATE, Effect::LostBefore));
    assert!(make().dropped);
    assert!(desk.odoo.records().is_empty());
    desk.odoo.faults().push(Fault::once(CREATE, Effect::LostAfter));
    assert!(make().dropped);
    assert_eq!(desk.odoo.records().len(), 2);
    desk.odoo.faults().push(Fault::once(CREATE, Effect::PartialBatch { rows: 1 }));
    assert!(make().dropped);
    assert_eq!(desk.odoo.records().len(), 2, "one call is one transaction");
    desk.odoo.faults().push(Fault::once(CREATE, Effect::Truncate));
    assert!(make().json.is_null());
    assert_eq!(desk.odoo.records().len(), 4);
}

#[test]
fn statuses_are_told_as_pages_or_as_exceptions() {
    let desk = Desk::new();
    let conflict = "psycopg2.errors.SerializationFailure";
    let order = |policy: Option<&str>| {
        desk.odoo.faults().push(Fault::anywhere(Effect::Status { status: 500, policy: policy.map(str::to_owned) }));
    };
    order(None);
    let page = desk.call("res.partner", "search_count", &json!({"domain": []}));
    assert_eq!(page.status, 500);
    assert!(page.text.starts_with("<html>"));
    order(Some(conflict));
    assert_eq!(desk.call("res.partner", "search_count", &json!({"domain": []})).refusal(), (500, conflict));
    order(Some(conflict));
    let answer = desk.rpc("res.partner", "search_count", &json!([[]]), &json!({}));
    assert_eq!(answer["error"]["data"]["name"], conflict);
    assert_eq!(answer["id"], 7);
}

#[test]
fn faults_are_ordered_over_http() {
    let desk = Desk::new();
    let order = json!({"route": CREATE, "effect": {"status": {"status": 502}}});
    assert_eq!(desk.post("/__faults", &order).status, 204);
    assert_eq!(desk.get("/__faults").json.as_array().map(Vec::len), Some(1));
    assert_eq!(desk.call("res.partner", "create", &json!({"vals_list": [{"name": "A"}]})).status, 502);
    assert_eq!(desk.get("/__faults").json, json!([]));
}
