use lockstep_sandbox::{Effect, Fault};
use serde_json::json;

use super::desk::Desk;
use crate::desk::SECOND_US;

const CREATE: &str = "POST /v1/pages";

#[test]
fn the_window_gives_its_budget_back_whole() {
    let desk = Desk::with(|_| {});
    for _ in 0..180 {
        assert_eq!(desk.get("/v1/users/me").status, 200);
    }
    desk.pass(20 * SECOND_US);
    let got = desk.get("/v1/users/me");
    assert_eq!((got.status.as_u16(), got.code()), (429, "rate_limited"));
    assert_eq!(got.headers["retry-after"], "40");
    assert_eq!(
        got.json["additional_data"],
        json!({"rate_limit_reason": "public_api_request_rate_limit", "retry_after": 40})
    );
    assert_eq!(desk.notion.calls().throttled, 1);
    desk.pass(40 * SECOND_US);
    assert_eq!(desk.get("/v1/users/me").status, 200);
    let other = Desk::with(|settings| settings.limits.per_workspace = Some(1));
    other.get("/v1/users/me");
    let got = other.get("/v1/users/me");
    assert_eq!(got.headers["retry-after"], "300");
    assert_eq!(got.json["additional_data"]["rate_limit_reason"], "public_api_space_request_rate_limit");
}

#[test]
fn a_503_may_have_been_committed() {
    let desk = Desk::new();
    let committed = Effect::Status { status: 503, policy: Some("committed".into()) };
    desk.notion.faults().push(Fault::once(CREATE, committed.clone()));
    let got = desk.make(&json!({"Email": {"email": "ada@example.com"}}));
    assert_eq!((got.status.as_u16(), got.code()), (503, "service_unavailable"));
    let records = desk.notion.records();
    assert_eq!(got.json["additional_data"]["committed_resource_id"], records[0].id);
    assert!(got.json["additional_data"]["retry_guidance"].is_string());
    desk.notion.faults().push(Fault::once(CREATE, committed));
    assert_eq!(desk.make(&json!({"Mood": {"number": 1}})).code(), "validation_error", "what is refused is refused");
    desk.notion.faults().push(Fault::once(CREATE, Effect::Status { status: 503, policy: None }));
    assert_eq!(desk.make(&json!({})).status, 503);
    assert_eq!(desk.notion.records().len(), 1);
    let calls = desk.notion.calls().route(CREATE);
    assert_eq!((calls.total, calls.faulted), (3, 3));
}

#[test]
fn ordered_statuses_speak_notions_words() {
    let desk = Desk::new();
    for (status, code) in [
        (401, "unauthorized"),
        (403, "restricted_resource"),
        (409, "conflict_error"),
        (500, "internal_server_error"),
        (504, "gateway_timeout"),
    ] {
        desk.notion.faults().push(Fault::anywhere(Effect::Status { status, policy: None }));
        let got = desk.get("/v1/users/me");
        assert_eq!((got.status.as_u16(), got.code()), (status, code));
        assert_eq!(got.headers["x-notion-request-id"], got.json["request_id"].as_str().expect("an id"));
    }
    desk.notion.faults().push(Fault::anywhere(Effect::Status { status: 529, policy: None }));
    let got = desk.get("/v1/users/me");
    assert_eq!((got.code(), &got.headers["retry-after"]), ("service_overload", &http::HeaderValue::from_static("5")));
    let blocked = Some("public_api_request_blocked".to_owned());
    desk.notion.faults().push(Fault::anywhere(Effect::Status { status: 429, policy: blocked }));
    assert_eq!(desk.get("/v1/users/me").json["additional_data"]["rate_limit_reason"], "public_api_request_blocked");
    assert_eq!(desk.notion.calls().throttled, 0, "a fault is not the limiter");
    let html = Some("html".to_owned());
    desk.notion.faults().push(Fault::anywhere(Effect::Status { status: 502, policy: html }));
    let got = desk.get("/v1/users/me");
    assert_eq!(
        (got.status.as_u16(), &got.headers["content-type"]),
        (502, &http::HeaderValue::from_static("text/html; charset=utf-8"))
    );
}

#[test]
fn answers_are_lost_cut_and_broken() {
    let desk = Desk::new();
    let strike = |effect| {
        desk.notion.faults().push(Fault::once(CREATE, effect));
        (desk.make(&json!({})), desk.notion.records().len())
    };
    let (lost, count) = strike(Effect::LostBefore);
    assert_eq!((lost.dropped, count), (true, 0));
    let (lost, count) = strike(Effect::LostAfter);
    assert_eq!((lost.dropped, count), (true, 1));
    let (cut, count) = strike(Effect::Truncate);
    assert_eq!((cut.json, count), (serde_json::Value::Null, 2));
    let id = desk.contact("Ada", "ada@example.com");
    let paragraph = |text: &str| json!({"paragraph": {"rich_text": [{"text": {"content": text}}]}});
    desk.notion.faults().push(Fault::anywhere(Effect::PartialBatch { rows: 1 }));
    let path = format!("/v1/blocks/{id}/children");
    assert!(desk.patch(&path, &json!({"children": [paragraph("a"), paragraph("b")]})).dropped);
    assert_eq!(desk.get(&path).results().len(), 1);
}

#[test]
fn the_sandboxs_own_routes_are_neither_counted_nor_struck() {
    let desk = Desk::new();
    let got = desk.post("/__faults", &json!({"effect": "lost_before"}));
    assert_eq!(got.status, 204);
    let made = desk.post("/__create", &json!({"properties": {"Name": "Ada", "Tags": ["a", "b"], "Score": 3}}));
    let id = made.json["id"].as_str().expect("an id").to_owned();
    desk.post("/__edit", &json!({"id": id, "properties": {"Score": ""}}));
    let records = desk.get("/__records").json;
    assert_eq!(records[0]["properties"]["Tags"], "a,b");
    assert_eq!(records[0]["properties"]["Score"], serde_json::Value::Null);
    assert_eq!(desk.get("/__calls").json["total"], 0);
    let csv = [("content-type", "text/csv")];
    let seeded =
        desk.ask(http::Method::POST, "/__records", &csv, "Name,Email,Score\nBob,b@example.com,x\nEve,,2\n".into());
    assert_eq!(seeded.json["created"], 1, "{}", seeded.text);
    assert_eq!(seeded.json["refused"][0][0], 1);
    assert!(desk.get("/").text.contains("Eve"));
    assert!(desk.get("/v1/users").dropped, "the fault was for this one");
    assert_eq!(desk.delete("/__faults").status, 204);
    assert_eq!(desk.post("/__archive", &json!({"id": id})).status, 200);
    assert_eq!(desk.post("/__archive", &json!({"id": id})).status, 400);
    assert_eq!(desk.get("/v1/nothing").code(), "invalid_request_url");
}
