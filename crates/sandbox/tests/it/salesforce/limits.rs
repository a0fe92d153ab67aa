use lockstep_sandbox::salesforce::Flow;
use lockstep_sandbox::{Effect, Fault};
use serde_json::{Map, json};

use super::desk::{DAY_US, Desk};

#[test]
fn a_day_has_so_many_calls() {
    let desk = Desk::with(|settings| settings.daily_limit = 3);
    for used in 1..=3 {
        let got = desk.get("sobjects");
        assert_eq!(
            (got.status.as_u16(), got.headers["sforce-limit-info"].to_str().ok()),
            (200, Some(format!("api-usage={used}/3").as_str()))
        );
    }
    let over = desk.get("sobjects");
    assert_eq!(over.json, json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]));
    assert_eq!(over.status, 403);
    assert!(!over.headers.contains_key("retry-after"));
    assert_eq!(desk.salesforce.calls().throttled, 1);
    desk.pass(DAY_US);
    assert_eq!(desk.get("limits").json["DailyApiRequests"], json!({"Max": 3, "Remaining": 2}));
    let free = Desk::with(|settings| (settings.daily_limit, settings.quirks) = (1, false));
    assert!((0..3).all(|_| free.get("sobjects").status == 200));
}

#[test]
fn faults_answer_in_salesforces_words() {
    let desk = Desk::new();
    let strike = |status: u16, policy: Option<&str>| {
        desk.salesforce.faults().push(Fault::anywhere(Effect::Status { status, policy: policy.map(str::to_owned) }));
        desk.get("sobjects")
    };
    assert_eq!(strike(401, None).refusal(), (401, "INVALID_SESSION_ID"));
    assert_eq!(strike(403, None).refusal(), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(strike(400, Some("UNABLE_TO_LOCK_ROW")).refusal(), (400, "UNABLE_TO_LOCK_ROW"));
    assert_eq!(strike(503, None).refusal(), (503, "SERVER_UNAVAILABLE"));
    assert!(strike(503, Some("html")).text.starts_with("<html>"));
    let route = "POST /services/data/{version}/sobjects/{object}";
    desk.salesforce.faults().push(Fault::once(route, Effect::LostAfter));
    assert!(desk.post("sobjects/Contact", &json!({"LastName": "A"})).dropped);
    assert_eq!(desk.salesforce.records().len(), 1);
    desk.salesforce.faults().push(Fault::once(route, Effect::LostBefore));
    assert!(desk.post("sobjects/Contact", &json!({"LastName": "B"})).dropped);
    assert_eq!(desk.salesforce.records().len(), 1);
}

#[test]
fn flows_are_listed_and_run() {
    let desk = Desk::new();
    desk.salesforce.add_flow(Flow {
        name: "Greet".to_owned(),
        label: "Greet somebody".to_owned(),
        required: vec!["contactId".to_owned()],
        optional: Vec::new(),
        outputs: Map::from_iter([("done".to_owned(), json!("yes"))]),
    });
    assert_eq!(desk.get("actions/custom/flow").json["actions"][0]["name"], "Greet");
    let ran = desk.post("actions/custom/flow/Greet", &json!({"inputs": [{"contactId": "1"}]}));
    assert_eq!(ran.status, 200);
    assert_eq!(ran.json[0]["outputValues"], json!({"done": "yes", "Flow__InterviewStatus": "Finished"}));
    assert_eq!(desk.salesforce.flow_runs()[0].inputs, json!({"contactId": "1"}));
    let lacking = desk.post("actions/custom/flow/Greet", &json!({"inputs": [{}]}));
    assert_eq!((lacking.status.as_u16(), &lacking.json[0]["isSuccess"]), (400, &json!(false)));
    assert_eq!(desk.post("actions/custom/flow/Other", &json!({"inputs": [{}]})).status, 404);
}

#[test]
fn the_sandboxs_own_routes_are_not_counted() {
    let desk = Desk::new();
    let own = |method: &str, path: &str, body: &str| desk.send(method, path, "application/json", body.to_owned());
    let made = own("POST", "/__create", r#"{"properties": {"LastName": "A"}}"#);
    assert_eq!(made.status, 200, "{}", made.text);
    let field = r#"{"name": "Other__c", "label": "Other", "external_id": true}"#;
    assert_eq!(own("POST", "/__add-property", field).status, 200);
    let seeded = desk.send("POST", "/__records", "text/csv", "LastName,Other__c\nB,x\n,y\n".to_owned());
    assert_eq!((&seeded.json["created"], seeded.json["refused"][0][0].as_u64()), (&json!(1), Some(2)));
    assert_eq!(own("GET", "/__records?object=Contact", "").json.as_array().map(Vec::len), Some(2));
    assert!(own("GET", "/", "").text.contains("2 in Contact"));
    assert_eq!(own("POST", "/__faults", r#"{"effect": "lost_before"}"#).status, 204);
    assert_eq!(own("GET", "/__faults", "").json.as_array().map(Vec::len), Some(1));
    assert_eq!(own("DELETE", "/__faults", "").status, 204);
    assert_eq!(own("GET", "/__calls", "").json["total"], 0);
    assert_eq!(desk.get("sobjects/Contact/Other__c/x").json["LastName"], "B");
    assert_eq!(own("GET", "/__calls", "").json["total"], 1);
}
