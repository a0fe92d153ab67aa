use lockstep_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::desk::{DATA, Desk, KEY};

fn part(method: &str, path: &str, reference: &str, body: Value) -> Value {
    json!({"method": method, "url": format!("{DATA}/{path}"), "referenceId": reference, "body": body})
}

#[test]
fn a_later_call_uses_what_an_earlier_one_answered() {
    let desk = Desk::new();
    let parts = json!([
        part("POST", "sobjects/Account", "firm", json!({"Name": "Firm"})),
        part("POST", "sobjects/Contact", "ana", json!({"LastName": "A", "AccountId": "@{firm.id}"})),
        part("GET", "sobjects/Contact/@{ana.id}?fields=AccountId", "read", Value::Null),
        part("GET", "query?q=SELECT+Id+FROM+Contact", "all", Value::Null),
        part("PATCH", "sobjects/Contact/@{all.records[0].Id}", "changed", json!({"FirstName": "@{firm.id}"})),
        part("GET", "sobjects/Contact/@{nobody.id}", "lost", Value::Null),
    ]);
    let before = desk.get("limits").headers["sforce-limit-info"].to_str().expect("text").to_owned();
    assert_eq!(before, "api-usage=1/100000");
    let got = desk.post("composite", &json!({"compositeRequest": parts}));
    assert_eq!(got.headers["sforce-limit-info"], "api-usage=2/100000", "one call");
    let answers = got.json["compositeResponse"].as_array().expect("answers");
    let statuses: Vec<i64> = answers.iter().filter_map(|it| it["httpStatusCode"].as_i64()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 204, 400], "{}", got.text);
    assert_eq!(answers[2]["body"]["AccountId"], answers[0]["body"]["id"]);
    assert_eq!(answers[5]["body"][0]["errorCode"], "PROCESSING_HALTED");
}

#[test]
fn all_or_none_undoes_everything() {
    let desk = Desk::new();
    let rows = json!({"allOrNone": false, "records": [{"attributes": {"type": "Contact"}, "LastName": "B"}]});
    let parts = json!([
        part("POST", "sobjects/Contact", "a", json!({"LastName": "A"})),
        part("POST", "composite/sobjects", "b", rows),
        part("POST", "sobjects/Contact", "c", json!({"FirstName": "C"})),
        part("POST", "sobjects/Contact", "d", json!({"LastName": "D"})),
    ]);
    let got = desk.post("composite", &json!({"allOrNone": true, "compositeRequest": parts})).json;
    let codes: Vec<&str> =
        (0..4).filter_map(|i| got["compositeResponse"][i]["body"][0]["errorCode"].as_str()).collect();
    assert_eq!(codes, ["PROCESSING_HALTED", "PROCESSING_HALTED", "REQUIRED_FIELD_MISSING", "PROCESSING_HALTED"]);
    assert!(desk.salesforce.records().is_empty());
}

#[test]
fn five_collections_of_two_hundred_are_one_call() {
    let desk = Desk::new();
    let rows = |from: usize| -> Vec<Value> {
        (from..from + 200)
            .map(|i| json!({"attributes": {"type": "Contact"}, KEY: i.to_string(), "LastName": "A"}))
            .collect()
    };
    let path = format!("composite/sobjects/Contact/{KEY}");
    let part_of =
        |i: usize| part("PATCH", &path, &format!("r{i}"), json!({"allOrNone": false, "records": rows(i * 200)}));
    let five: Vec<Value> = (0..5).map(part_of).collect();
    let got = desk.post("composite", &json!({"compositeRequest": five}));
    assert_eq!((got.status.as_u16(), desk.salesforce.records().len()), (200, 1_000));
    assert_eq!(desk.salesforce.calls().route("POST /services/data/{version}/composite").rows, 1_000);
    let route = "POST /services/data/{version}/composite";
    desk.salesforce.faults().push(Fault::once(route, Effect::PartialBatch { rows: 300 }));
    let more: Vec<Value> = (5..10).map(part_of).collect();
    assert!(desk.post("composite", &json!({"compositeRequest": more})).dropped);
    assert_eq!(desk.salesforce.records().len(), 1_300, "cut in the second part");
    let six: Vec<Value> = (0..6).map(part_of).collect();
    assert_eq!(desk.post("composite", &json!({"compositeRequest": six})).status, 400);
}

#[test]
fn batches_and_trees_are_taken() {
    let desk = Desk::new();
    let id = desk.named("A");
    let parts = json!([{"method": "GET", "url": format!("v66.0/sobjects/Contact/{id}")}, {"method": "DELETE", "url": "v66.0/sobjects/Contact/7"}]);
    let got = desk.post("composite/batch", &json!({"batchRequests": parts})).json;
    assert_eq!((&got["hasErrors"], &got["results"][0]["result"]["Id"]), (&json!(true), &json!(id)));
    let tree = json!({"records": [{"attributes": {"type": "Contact", "referenceId": "r1"}, "LastName": "T"}]});
    let made = desk.post("composite/tree/Contact", &tree);
    assert_eq!((made.status.as_u16(), &made.json["results"][0]["referenceId"]), (201, &json!("r1")));
}
