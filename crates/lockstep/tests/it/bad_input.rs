//! What callers should not send: always the documented refusal, nothing written, never a 5xx.

use axum::body::Body;
use http::Request;
use lockstep_core::crm::CrmCode;
use lockstep_core::problem::Code;
use lockstep_store::StoreError;
use serde_json::{Value as Json, json};

use crate::conversations;
use crate::desk::Desk;

/// Everything that a refused request must leave alone.
async fn state(desk: &Desk) -> Json {
    let org = desk.org.clone();
    let rows = desk.app.store.read(move |tx| {
        let counts = tx.queue_counts()?;
        Ok::<_, StoreError>((tx.count_contacts(&org)?, counts.waiting, tx.subscriptions(&org, None, 100)?.len()))
    });
    let (contacts, jobs, subscriptions) = rows.await.expect("reads");
    json!([contacts, jobs, subscriptions])
}

/// A body, the code of its refusal and the member at fault.
type Case = (Json, &'static str, Option<&'static str>);

/// Sends each body; all are refused with 400 and nothing is written.
async fn refuse_all(desk: &Desk, method: &str, path: &str, cases: Vec<Case>) {
    let before = state(desk).await;
    for (body, code, param) in cases {
        let refused = desk.send(method, path, body.clone()).await;
        assert_eq!(refused.refusal(), (400, code, param), "{method} {path} {body}");
    }
    assert_eq!(state(desk).await, before, "nothing was written");
}

/// A contact with a good number and one more member.
fn with(member: &str, value: Json) -> Json {
    json!({ "phone_number": "+628111222399", member: value })
}

#[tokio::test]
async fn bad_contacts_are_refused_with_their_member() {
    let desk = Desk::new().await;
    let many: serde_json::Map<String, Json> = (0..51).map(|n| (n.to_string(), Json::Null)).collect();
    let deep = (0..9).fold(json!(1), |inner, _| json!({ "a": inner }));
    let big = json!({ "a": "x".repeat(17_000) });
    let (phone, value) = (Some("phone_number"), "invalid_field_value");
    let cases = vec![
        (json!({}), "missing_required_field", phone),
        (json!({ "phone_number": null }), "missing_required_field", phone),
        (json!({ "phone_number": 62811 }), value, phone),
        (json!({ "phone_number": "0811" }), "invalid_phone_number", phone),
        (json!({ "phone_number": "+0811122233" }), "invalid_phone_number", phone),
        (json!({ "phone_number": "+6281112223334445" }), "invalid_phone_number", phone),
        (json!({ "phone_number": "+٦٢٨١١١٢٢٢" }), "invalid_phone_number", phone),
        (with("name", json!("")), value, Some("name")),
        (with("name", json!("a".repeat(256))), value, Some("name")),
        (with("name", json!("a\u{0}b")), value, Some("name")),
        (with("name", json!(["a"])), value, Some("name")),
        (with("email", json!("nobody")), value, Some("email")),
        (with("email", json!("a b@c")), value, Some("email")),
        (with("email", json!("a\u{0}@b")), value, Some("email")),
        (with("metadata", json!([])), value, Some("metadata")),
        (with("metadata", json!(many)), value, Some("metadata")),
        (with("metadata", big), value, Some("metadata")),
        (with("metadata", json!({ "": 1 })), value, Some("metadata.")),
        (with("metadata", json!({ "a": deep })), value, Some("metadata.a")),
        (with("metadata", json!({ "a": ["\u{0}"] })), value, Some("metadata.a")),
        (with("from", json!("here")), "invalid_phone_number", Some("from")),
        (json!([]), value, None),
    ];
    refuse_all(&desk, "POST", "/v1/contacts", cases).await;
    let upsert = vec![(json!({ "email": true }), value, Some("email"))];
    refuse_all(&desk, "PUT", "/v1/contacts/by_phone/%2B628111222399", upsert).await;
}

#[tokio::test]
async fn bad_patches_are_refused_with_their_member() {
    let desk = Desk::new().await;
    let keys = |from: u32| (from..from + 40).map(|n| (n.to_string(), json!(1))).collect::<serde_json::Map<_, _>>();
    let made = desk.post("/v1/contacts", json!({ "phone_number": "+628111222333", "metadata": keys(0) })).await;
    let cases = vec![
        (json!({}), "missing_required_field", None),
        (json!({ "unknown": 1 }), "missing_required_field", None),
        (json!({ "phone_number": "+628111222334" }), "invalid_field_value", Some("phone_number")),
        (json!({ "name": 1 }), "invalid_field_value", Some("name")),
        // Each patch is small enough; what the two lead to is not.
        (json!({ "metadata": keys(40) }), "invalid_field_value", Some("metadata")),
    ];
    refuse_all(&desk, "PATCH", &format!("/v1/contacts/{}", made.text_of("id")), cases).await;
}

#[tokio::test]
async fn bad_subscriptions_are_refused_with_their_member() {
    let desk = Desk::new().await;
    let to = |url: Json, events: Json| json!({ "url": url, "events": events });
    let good = json!("https://a.example/hook");
    let long = json!(format!("https://a.example/{}", "x".repeat(2_048)));
    let cases = vec![
        (json!({}), "missing_required_field", Some("url")),
        (json!({ "url": good }), "missing_required_field", Some("events")),
        (to(good.clone(), json!([])), "invalid_field_value", Some("events")),
        (to(good.clone(), json!("all")), "invalid_field_value", Some("events")),
        (to(good.clone(), json!([1])), "invalid_field_value", Some("events.0")),
        (to(json!(1), json!(["contact.created"])), "invalid_field_value", Some("url")),
        (to(long, json!(["contact.created"])), "invalid_webhook_url", Some("url")),
    ];
    refuse_all(&desk, "POST", "/v1/webhook_subscriptions", cases).await;
}

#[tokio::test]
async fn bytes_that_are_no_json_are_refused() {
    let desk = Desk::new().await;
    let deep = "[".repeat(100_000);
    for (body, refusal) in [
        (b"".to_vec(), (400, "missing_required_field")),
        (b"{".to_vec(), (400, "invalid_json")),
        (b"{\"phone_number\":\"\\ud800\"}".to_vec(), (400, "invalid_json")),
        (b"\xff\xfe".to_vec(), (400, "invalid_json")),
        (deep.into_bytes(), (400, "invalid_json")),
        (b"{\"metadata\":1e999}".to_vec(), (400, "invalid_json")),
        (vec![b' '; 1024 * 1024 + 1], (413, "body_too_large")),
    ] {
        let request = Request::post("/v1/contacts")
            .header("authorization", format!("Bearer {}", desk.key))
            .body(Body::from(body));
        let refused = desk.request(request.expect("a request")).await;
        let (status, code, _) = refused.refusal();
        assert_eq!((status, code), refusal);
    }
    assert_eq!(state(&desk).await, json!([0, 0, 0]));
}

#[tokio::test]
async fn bad_queries_and_paths_are_refused() {
    let desk = Desk::new().await;
    let long = "x".repeat(201);
    for (path, refusal) in [
        ("/v1/contacts?limit=0", (400, "invalid_limit", Some("limit"))),
        ("/v1/contacts?limit=101", (400, "invalid_limit", Some("limit"))),
        ("/v1/contacts?limit=ten", (400, "invalid_limit", Some("limit"))),
        ("/v1/contacts?phone=0811", (400, "invalid_phone_number", Some("phone"))),
        ("/v1/contacts?search=", (400, "invalid_field_value", Some("search"))),
        ("/v1/contacts?search=%00", (400, "invalid_field_value", Some("search"))),
        (&format!("/v1/contacts?search={long}"), (400, "invalid_field_value", Some("search"))),
        ("/v1/contacts?updated_after=yesterday", (400, "invalid_field_value", Some("updated_after"))),
        ("/v1/contacts?limit=1&limit=2", (400, "invalid_field_value", None)),
        ("/v1/contacts/ctc_short", (404, "resource_not_found", None)),
        ("/v1/contacts/%00", (404, "resource_not_found", None)),
        ("/v1/contacts/%FF%FE", (404, "resource_not_found", None)),
        ("/v1/contacts/ctc_01HXYZABCDEFGHJKMNPQRSTVWX", (404, "resource_not_found", None)),
        (&format!("/v1/contacts/{}", "9".repeat(5_000)), (404, "resource_not_found", None)),
        ("/v1/nothing", (404, "resource_not_found", None)),
        ("/nothing", (404, "resource_not_found", None)),
        ("/v1/webhook_deliveries?status=lost", (400, "invalid_field_value", Some("status"))),
        ("/v1/webhook_deliveries?event_type=x", (400, "invalid_field_value", Some("event_type"))),
        ("/v1/webhook_deliveries?subscription_id=x", (400, "invalid_field_value", Some("subscription_id"))),
        ("/v1/webhook_deliveries?created_after=x", (400, "invalid_field_value", Some("created_after"))),
    ] {
        assert_eq!(desk.get(path).await.refusal(), refusal, "{path}");
    }
    for path in ["/v1/contacts", "/v1/me", "/v1/health", "/v1/openapi.json", "/hooks/hubspot"] {
        let refused = desk.send("TRACE", path, Json::Null).await;
        assert_eq!(refused.refusal(), (405, "method_not_allowed", None), "{path}");
        assert!(refused.header("allow").is_some(), "{path}");
    }
}

#[tokio::test]
async fn null_is_refused_where_nothing_can_be_cleared() {
    let desk = Desk::new().await;
    let label = desk.post("/v1/labels", json!({ "name": "VIP" })).await.text_of("id");
    let (subscription, _) = desk.subscribe("https://example.com/hook").await;
    let conversation = conversations::write(&desk, "+628111222333", "wamid.1", "Halo").await.conversation;
    for (method, path, body, param) in [
        ("PATCH", format!("/v1/labels/{label}"), json!({ "name": null, "color": "red" }), "name"),
        (
            "PATCH",
            format!("/v1/conversations/{conversation}"),
            json!({ "status": null, "assigned_to": null }),
            "status",
        ),
        (
            "PATCH",
            format!("/v1/webhook_subscriptions/{subscription}"),
            json!({ "url": null, "status": "paused" }),
            "url",
        ),
        (
            "POST",
            format!("/v1/webhook_subscriptions/{subscription}/secrets"),
            json!({ "expires_in_hours": null }),
            "expires_in_hours",
        ),
        (
            "POST",
            "/v1/webhook_deliveries/bulk_replay".to_owned(),
            json!({ "subscription_id": subscription, "status": null }),
            "status",
        ),
    ] {
        refuse_all(&desk, method, &path, vec![(body, "invalid_field_value", Some(param))]).await;
    }
}

#[test]
fn the_openapi_documents_are_the_committed_ones() {
    let inbox = lockstep::wire::inbox::document().to_pretty_json().expect("JSON");
    compare("openapi/inbox.json", &format!("{inbox}\n"));
    let crm = lockstep::wire::crm::document().to_pretty_json().expect("JSON");
    compare("openapi/crm.json", &format!("{crm}\n"));
}

#[test]
fn the_reference_pages_are_generated_from_the_code() {
    let mut errors = String::from(
        "# Error codes\n\nA refusal of the Inbox API is `{\"error\": {type, code, message, param?, request_id}}`. Codes never change their \
         meaning; messages may.\n\n| status | type | code | when |\n| --- | --- | --- | --- |\n",
    );
    for code in Code::ALL {
        let (status, kind, name) = code.wire();
        errors.push_str(&format!("| {status} | `{kind}` | `{name}` | {} |\n", code.meaning()));
    }
    compare("docs/reference/errors.md", &errors);
    let mut crm = String::from(
        "# Error codes of the CRM API\n\nA refusal is `{\"code\", \"error\"}`, with `errors`, `field` and `crm` where there is more to \
         say. Codes never change their meaning; messages may.\n\n| status | code | when |\n| --- | --- | --- |\n",
    );
    for (code, meaning) in CrmCode::ALL {
        crm.push_str(&format!("| {} | `{}` | {meaning} |\n", code.status(), code.word()));
    }
    compare("docs/reference/crm-errors.md", &crm);
    let mut limits = String::from("# Limits\n\n| name | value | bounds |\n| --- | --- | --- |\n");
    for (name, value, meaning) in lockstep_core::limits::ALL {
        limits.push_str(&format!("| `{name}` | {value} | {meaning} |\n"));
    }
    compare("docs/reference/limits.md", &limits);
}

/// Compares a generated file with the committed one; `LOCKSTEP_BLESS=1` writes it.
fn compare(path: &str, generated: &str) {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("LOCKSTEP_BLESS").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder is made");
        std::fs::write(&file, generated).expect("the file is written");
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == generated, "{path} is out of date: run the tests with LOCKSTEP_BLESS=1 and commit it");
}
