use lockstep_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::desk::{Desk, KEY};

fn row(members: Value) -> Value {
    let mut row = json!({"attributes": {"type": "Contact"}});
    if let (Some(row), Some(members)) = (row.as_object_mut(), members.as_object()) {
        row.extend(members.clone());
    }
    row
}

fn batch(all_or_none: bool, rows: &[Value]) -> Value {
    json!({"allOrNone": all_or_none, "records": rows.iter().cloned().map(row).collect::<Vec<_>>()})
}

#[test]
fn rows_are_answered_in_their_order() {
    let desk = Desk::new();
    let rows = [json!({"LastName": "A"}), json!({"FirstName": "B"}), json!({"LastName": "C"})];
    let got = desk.post("composite/sobjects", &batch(false, &rows)).json;
    assert_eq!((&got[0]["success"], &got[2]["success"]), (&json!(true), &json!(true)));
    assert_eq!(got[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(desk.salesforce.records().len(), 2);

    let none = desk.post("composite/sobjects", &batch(true, &rows)).json;
    assert_eq!(none[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(none[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(desk.salesforce.records().len(), 2, "nothing stayed");

    let ids = [&got[0]["id"], &got[2]["id"]];
    let changes =
        [json!({"id": ids[0], "FirstName": "x"}), json!({"Id": ids[1], "Nonsense": 1}), json!({"FirstName": "y"})];
    let changed = desk.patch("composite/sobjects/", &batch(false, &changes)).json;
    assert_eq!(changed[0], json!({"id": ids[0], "success": true, "errors": []}));
    assert_eq!(changed[1]["errors"][0]["statusCode"], "INVALID_FIELD");
    assert_eq!(changed[2]["errors"][0]["statusCode"], "MISSING_ARGUMENT");

    let read = json!({"ids": [ids[0], "003ak0000000zzzAAA"], "fields": ["FirstName"]});
    let read = desk.post("composite/sobjects/Contact", &read).json;
    assert_eq!((&read[0]["FirstName"], &read[1]), (&json!("x"), &Value::Null));
    let path = format!("composite/sobjects?ids={},003ak0000000zzzAAA&allOrNone=false", ids[0].as_str().expect("an id"));
    let gone = desk.delete(&path).json;
    assert_eq!((&gone[0]["success"], &gone[1]["success"]), (&json!(true), &json!(false)));
}

#[test]
fn upserts_tell_what_was_made() {
    let desk = Desk::new();
    let path = format!("composite/sobjects/Contact/{KEY}");
    let rows = [json!({KEY: "1", "LastName": "A"}), json!({KEY: "2", "LastName": "B"}), json!({"LastName": "C"})];
    let made = desk.patch(&path, &batch(false, &rows)).json;
    assert_eq!((&made[0]["created"], &made[2]["errors"][0]["statusCode"]), (&json!(true), &json!("MISSING_ARGUMENT")));
    let again = desk.patch(&path, &batch(false, &rows[..2])).json;
    assert_eq!(again[0], json!({"id": made[0]["id"], "success": true, "errors": [], "created": false}));
    assert_eq!(desk.patch("composite/sobjects/Contact/Phone", &batch(false, &rows)).status, 404);
    let by_id = [json!({"Id": made[0]["id"], "FirstName": "x"}), json!({"LastName": "new"})];
    let by_id = desk.patch("composite/sobjects/Contact/Id", &batch(false, &by_id)).json;
    assert_eq!((&by_id[0]["created"], &by_id[1]["created"]), (&json!(false), &json!(true)));
}

#[test]
fn two_hundred_rows_and_no_more() {
    let desk = Desk::new();
    let rows: Vec<Value> = (0..201).map(|i| json!({"LastName": format!("{i}")})).collect();
    assert_eq!(desk.post("composite/sobjects", &batch(false, &rows)).refusal(), (400, "EXCEEDED_ID_LIMIT"));
    assert_eq!(desk.post("composite/sobjects", &batch(false, &rows[..200])).status, 200);
    let calls = desk.salesforce.calls();
    assert_eq!(calls.route("POST /services/data/{version}/composite/sobjects").rows, 200);
}

#[test]
fn a_batch_may_be_cut() {
    let desk = Desk::new();
    let route = "POST /services/data/{version}/composite/sobjects";
    desk.salesforce.faults().push(Fault::once(route, Effect::PartialBatch { rows: 2 }));
    let rows: Vec<Value> = (0..5).map(|i| json!({"LastName": format!("{i}")})).collect();
    assert!(desk.post("composite/sobjects", &batch(false, &rows)).dropped);
    assert_eq!(desk.salesforce.records().len(), 2);
    desk.salesforce.faults().push(Fault::once(route, Effect::PartialBatch { rows: 2 }));
    assert!(desk.post("composite/sobjects", &batch(true, &rows)).dropped);
    assert_eq!(desk.salesforce.records().len(), 2, "all or none");
}
