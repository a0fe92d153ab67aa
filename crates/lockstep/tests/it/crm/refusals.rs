//! Every refusal with its body: what an app has done wrong, what its user has not done, and what the CRM says.

use lockstep_core::ids::InvocationId;
use lockstep_sandbox::{Effect, Fault};
use lockstep_store::NewInvocation;
use serde_json::{Value, json};

use super::signet::{ORIGIN, Signet, direct, fixed};

fn objects() -> Value {
    json!({
        "document": {
            "fields": { "title": { "type": "string" } },
            "events": {
                "made": { "type": "create", "payloadSchema": { "title": { "type": "string" }, "stage": { "type": "string" } } },
                "moved": { "type": "update", "payloadSchema": { "title": { "type": "string" } } },
                "undecided": { "type": "create" },
            },
        },
        "unmapped": { "events": { "x": { "type": "create" } } },
    })
}

fn ready() -> Signet {
    let mut signet = Signet::new();
    signet.connect("c");
    let made = json!({ "event": { "slug": "made" }, "action_type": "create", "transformations": [
        direct("title", "dealname"), direct("stage", "dealstage"), fixed("default", "pipeline") ] });
    let moved = json!({ "event": { "slug": "moved" }, "action_type": "update", "transformations": [direct("title", "dealname")] });
    signet.map("c", &objects(), "deals", &json!([direct("title", "dealname")]), &json!([made, moved]));
    signet
}

const MADE: &str = "/api/v1/crm/c/objects/document/events/made";

#[track_caller]
fn refused(answer: (u16, Value), status: u16, code: &str) -> Value {
    let (is, body) = answer;
    assert_eq!((is, body["code"].as_str()), (status, Some(code)), "{body}");
    assert!(body["error"].is_string() || body["errors"].is_array(), "{body}");
    body
}

#[test]
fn a_wrong_request_is_told_what_is_wrong_before_any_call_is_made() {
    let signet = ready();
    let calls = signet.world.hubspot.calls().total;
    let on = |path: &str, payload: Value| signet.api("POST", path, &json!({ "payload": payload }));
    refused(on("/api/v1/crm/none/objects/document/events/made", json!({})), 404, "connection_not_found");
    refused(on("/api/v1/crm/c/objects/none/events/made", json!({})), 404, "object_not_found");
    refused(on("/api/v1/crm/c/objects/document/events/none", json!({})), 404, "event_not_found");
    refused(on("/api/v1/crm/c/objects/unmapped/events/x", json!({})), 422, "object_not_mapped");
    refused(on("/api/v1/crm/c/objects/document/events/undecided", json!({})), 422, "event_not_mapped");
    refused(on("/api/v1/crm/c/objects/document/events/moved", json!({})), 422, "record_required");
    refused(on("/api/v1/crm/c/objects/document/deals:1/events/made", json!({})), 422, "record_not_allowed");
    refused(on("/api/v1/crm/c/objects/document/contacts:1/events/moved", json!({})), 404, "record_not_found");
    refused(on("/api/v1/crm/c/objects/document/nonsense/events/moved", json!({})), 404, "record_not_found");
    let body = refused(on(MADE, json!({ "title": 7 })), 422, "payload_invalid");
    assert_eq!(body["errors"][0]["path"], "payload.title", "{body}");
    refused(on(&format!("{MADE}?strict=true"), json!({ "other": 1 })), 422, "payload_invalid");
    refused(signet.api("POST", MADE, &json!({ "payload": "text" })), 422, "payload_invalid");
    refused(signet.api("POST", MADE, &json!([])), 400, "malformed_request");
    refused(signet.api("GET", MADE, &Value::Null), 405, "method_not_allowed");
    refused(signet.api("GET", "/api/v1/crm/c/nothing", &Value::Null), 404, "not_found");
    refused(signet.api("GET", "/api/v1/crm/c/objects/document?limit=0", &Value::Null), 400, "malformed_request");
    refused(signet.api("GET", "/api/v1/crm/c/invocations/inv_1", &Value::Null), 404, "not_found");
    assert_eq!(signet.world.hubspot.calls().total, calls, "none of it cost a call");
}

#[test]
fn a_back_end_needs_both_keys() {
    let signet = ready();
    let bare = |headers: &[(&str, &str)]| {
        let (status, headers, body) = signet.send("POST", MADE, &json!({}), headers);
        assert_eq!(headers.get("www-authenticate").and_then(|it| it.to_str().ok()), Some("Basic"));
        refused((status.as_u16(), body), 401, "unauthorized")
    };
    bare(&[]);
    bare(&[("authorization", "Basic Zm9vOmJhcg==")]);
    bare(&[("authorization", "Bearer x")]);
    bare(&[("authorization", "Basic %%%")]);
}

#[test]
fn a_browser_needs_a_token_and_an_allowed_page() {
    let mut signet = ready();
    let ask = |signet: &Signet, token: &str, origin: &str| {
        let bearer = format!("Bearer {token}");
        let (status, _, body) = signet.send(
            "GET",
            "/api/platform_user/connections",
            &Value::Null,
            &[("authorization", &bearer), ("origin", origin)],
        );
        (status.as_u16(), body)
    };
    let token = signet.token.clone();
    assert_eq!(ask(&signet, &token, ORIGIN).0, 200);
    refused(ask(&signet, &token, "https://evil.example"), 403, "origin_not_allowed");
    refused(ask(&signet, "ctk_x", ORIGIN), 401, "token_invalid");
    let other = signet.token_of("other");
    let bearer = format!("Bearer {other}");
    let (status, _, body) =
        signet.send("GET", "/api/platform_user/connection/c", &Value::Null, &[("authorization", &bearer)]);
    refused((status.as_u16(), body), 404, "connection_not_found");
    let (status, _, body) = signet.send(
        "POST",
        "/api/platform_user/connections/hubspot",
        &json!({ "id": "c" }),
        &[("authorization", &bearer)],
    );
    refused((status.as_u16(), body), 404, "connection_not_found");
    signet.world.pass(std::time::Duration::from_secs(3_601));
    refused(ask(&signet, &token, ORIGIN), 401, "token_invalid");
}

#[test]
fn a_definitions_flaws_are_all_listed_and_nothing_else_is_in_the_body() {
    let signet = ready();
    let objects = json!({ "document": { "events": { "made": { "type": "explode" }, "2x": { "type": "create" } } } });
    let (status, body) = signet.browser("POST", "/connection/c/crm_setup", &json!({ "objects": objects }));
    assert_eq!((status, body["errors"].as_array().map(Vec::len)), (400, Some(2)), "{body}");
    assert!(body.get("error").is_none(), "the stock client takes it for something else: {body}");
}

#[test]
fn what_the_crm_refuses_is_told_in_its_own_words_with_the_field_that_caused_it() {
    let signet = ready();
    let payload = json!({ "payload": { "title": "Apple", "stage": "no_such_stage" } });
    let body = refused(signet.api("POST", MADE, &payload), 502, "crm_refused");
    assert_eq!(body["field"], "stage", "{body}");
    assert!(body["crm"]["code"].is_string() && body["crm"]["message"].is_string(), "{body}");
    assert!(signet.world.hubspot.records_of("deals").expect("deals").is_empty());
}

#[test]
fn a_call_without_room_waits_its_turn_and_is_refused_where_that_takes_long() {
    let signet = ready();
    let payload = json!({ "payload": { "title": "Apple", "stage": "appointmentscheduled" } });
    let began = signet.world.now();
    let mut sent = 0;
    while signet.world.now() == began {
        assert_eq!(signet.api("POST", MADE, &payload).0, 200, "after {sent}");
        sent += 1;
    }
    let waited = signet.world.now().since(began);
    assert!(sent > 50 && waited.as_secs() <= 10, "{sent} calls, then {waited:?}");
    assert_eq!(signet.world.hubspot.calls().throttled, 0);

    let day = Effect::Status { status: 429, policy: Some("DAILY".to_owned()) };
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", day));
    refused(signet.api("POST", MADE, &payload), 429, "rate_limited");
    let (calls, now) = (signet.world.hubspot.calls().total, signet.world.now());
    refused(signet.api("POST", MADE, &payload), 429, "rate_limited");
    assert_eq!(
        (signet.world.hubspot.calls().total, signet.world.now()),
        (calls, now),
        "nothing was sent or waited for"
    );
}

#[test]
fn the_crms_state_is_told_as_what_to_do() {
    let mut signet = ready();
    let payload = json!({ "payload": { "title": "Apple", "stage": "appointmentscheduled" } });
    let full = Effect::Status { status: 429, policy: Some("TEN_SECONDLY_ROLLING".to_owned()) };
    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", full));
    refused(signet.api("POST", MADE, &payload), 429, "rate_limited");
    signet.world.pass(std::time::Duration::from_secs(60));
    signet.world.hubspot.revoke();
    signet.world.hubspot.expire_tokens();
    refused(signet.api("POST", MADE, &payload), 409, "reauthorisation_needed");
    refused(signet.api("POST", MADE, &payload), 409, "reauthorisation_needed");
    let (status, _) = signet.browser("DELETE", "/connection/c", &Value::Null);
    assert_eq!(status, 200);
    refused(signet.api("POST", MADE, &payload), 409, "connection_disabled");
}

#[test]
fn what_stands_in_the_way_is_named() {
    let signet = ready();
    let deal = signet.deal("Held");
    let (record, held) = (format!("deals:{deal}"), format!("deals:{deal}"));
    signet.world.write(move |tx, org| {
        let of = tx.named_connection(org, "c")?.expect("a connection");
        let open = NewInvocation {
            id: InvocationId::new(tx.env()),
            object: "document".to_owned(),
            event: "moved".to_owned(),
            idempotency_key: None,
            fingerprint: [0; 32],
            exclusive: Some(held),
            found_by: None,
            deed: json!({}),
        };
        tx.begin_invocation(&of, &open)
    });
    let path = format!("/api/v1/crm/c/objects/document/{record}/events/moved");
    refused(signet.api("POST", &path, &json!({ "payload": { "title": "New" } })), 409, "invocation_in_progress");
    let large = json!({ "payload": { "title": "x".repeat(1_100_000) } });
    refused(signet.api("POST", MADE, &large), 413, "body_too_large");
    let stale = json!({ "objects": [], "mapping": [], "version": 99 });
    refused(signet.browser("POST", "/connection/c/crm_mapping", &stale), 409, "mapping_changed");
}

#[test]
fn a_key_that_several_records_have_and_a_field_that_has_gone_write_nothing() {
    let mut signet = Signet::new();
    signet.connect("c");
    let text = json!({ "type": "string" });
    let objects = json!({ "document": { "fields": { "title": text, "note": text }, "events": {
        "made": { "type": "create", "payloadSchema": { "title": text } },
        "find": { "type": "search", "payloadSchema": { "title": text } },
    } } });
    let made = json!({ "event": { "slug": "made" }, "action_type": "create", "find_by": "#/properties/dealname",
        "transformations": [direct("title", "dealname"), fixed("appointmentscheduled", "dealstage"), fixed("default", "pipeline")] });
    let mut filter = direct("title", "description");
    filter["criteria_operator"] = json!("eq");
    let find = json!({ "event": { "slug": "find" }, "action_type": "search", "transformations": [filter] });
    signet.map(
        "c",
        &objects,
        "deals",
        &json!([direct("title", "dealname"), direct("note", "description")]),
        &json!([made, find]),
    );
    let deal = signet.deal("Twin");
    signet.deal("Twin");
    signet.world.pass(std::time::Duration::from_secs(30));
    let twin = json!({ "payload": { "title": "Twin" } });
    refused(signet.api("POST", MADE, &twin), 409, "record_ambiguous");
    assert_eq!(signet.world.hubspot.records_of("deals").expect("deals").len(), 2);
    signet.world.hubspot.drop_property_of("deals", "description").expect("a property");
    refused(signet.api("POST", "/api/v1/crm/c/objects/document/events/find", &twin), 422, "mapping_broken");
    let (status, body) = signet.api("GET", &format!("/api/v1/crm/c/objects/document/deals:{deal}"), &Value::Null);
    assert_eq!((status, &body["record"]["data"]), (200, &json!({ "note": null, "title": "Twin" })), "{body}");
}
