//! Webhooks out: subscribing, signed deliveries, retries, dead letters and replays. Webhooks in: verified and stored.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use lockstep::network::NetworkError;
use lockstep::vault::Vault;
use lockstep::worker;
use lockstep_core::signature;
use lockstep_store::{Share, StoreError};
use serde_json::{Value as Json, json};

use crate::desk::{APP_SECRET, BEGINNING, Desk};

const HOOK: &str = "https://example.com/hook";

/// The value of a request's header.
fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers()[name].to_str().expect("ASCII")
}

fn event(request: &Request<Bytes>) -> Json {
    serde_json::from_slice(request.body()).expect("JSON")
}

async fn contact(desk: &Desk, n: usize) -> String {
    desk.post("/v1/contacts", json!({ "phone_number": format!("+62811122233{n}"), "name": "Ana" })).await.text_of("id")
}

/// The newest delivery.
async fn delivery(desk: &Desk) -> Json {
    desk.get("/v1/webhook_deliveries?limit=1").await.data()[0].clone()
}

#[tokio::test]
async fn events_arrive_signed_with_the_documented_payloads() {
    let desk = Desk::new().await;
    let (_, secret) = desk.subscribe(HOOK).await;
    let id = contact(&desk, 0).await;
    let path = format!("/v1/contacts/{id}");
    let made = desk.get(&path).await.data().clone();
    let patch = json!({ "email": "a@b.c", "metadata": { "x": 1 } });
    let changed = desk.send("PATCH", &path, patch.clone()).await.data().clone();
    desk.send("PATCH", &path, patch).await;
    assert_eq!(desk.deliver_due().await, 2, "a patch that changed nothing is no event");
    desk.send("DELETE", &path, Json::Null).await;
    desk.deliver_due().await;

    let got = desk.subscriber.take();
    let events: Vec<Json> = got.iter().map(event).collect();
    assert_eq!(events[0]["data"], json!({ "contact": made, "acquisition_source": "api" }));
    assert_eq!(events[1]["data"], json!({ "contact": changed, "changed_fields": ["email", "metadata"] }));
    assert_eq!(events[2]["data"], json!({ "contact": { "id": id, "object": "contact", "deleted": true } }));
    let members: Vec<&String> = events[0].as_object().expect("an object").keys().collect();
    assert_eq!(members, ["id", "type", "created_at", "livemode", "sequence", "data"]);
    for (request, name) in got.iter().zip(["contact.created", "contact.updated", "contact.deleted"]) {
        let event = event(request);
        assert_eq!((request.method().as_str(), request.uri().to_string()), ("POST", HOOK.to_owned()));
        assert_eq!((&event["type"], &event["livemode"]), (&json!(name), &json!(true)));
        assert_eq!(header(request, "content-type"), "application/json");
        assert_eq!(header(request, "user-agent"), "Kirim-Webhook/1.0");
        assert_eq!((header(request, "x-kirim-source"), header(request, "x-kirim-event")), ("kirim", name));
        assert_eq!(header(request, "x-kirim-event-id"), event["id"].as_str().expect("an id"));
        assert!(header(request, "x-kirim-delivery-id").starts_with("wbd_"));
        assert_eq!(header(request, "x-kirim-attempt"), "1");
        let signed = header(request, "x-kirim-signature");
        signature::verify(signed, request.body(), &[&secret], BEGINNING).expect("the signature verifies");
    }
    assert_eq!(delivery(&desk).await["status"], "delivered");
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_delivered_any_more() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    let id = contact(&desk, 0).await;
    desk.send("DELETE", &format!("/v1/contacts/{id}"), Json::Null).await;
    desk.deliver_due().await;
    let got = desk.subscriber.take();
    assert_eq!(got.iter().map(|request| header(request, "x-kirim-event")).collect::<Vec<_>>(), ["contact.deleted"]);
    let dead = desk.get("/v1/webhook_deliveries?status=dead").await;
    assert_eq!(dead.data()[0]["last_error"], "the contact was deleted");
    let old = dead.data()[0]["id"].as_str().expect("an id");
    assert_eq!(desk.post(&format!("/v1/webhook_deliveries/{old}/replay"), json!({})).await.status, 202);
    desk.deliver_due().await;
    assert!(desk.subscriber.take().is_empty());
}

#[tokio::test]
async fn failures_are_tried_again_on_the_schedule_and_signed_anew() {
    let desk = Desk::new().await;
    let (_, secret) = desk.subscribe(HOOK).await;
    contact(&desk, 0).await;
    desk.subscriber.answer(&[500, 301, 408, 503]);
    desk.subscriber.push(Err(NetworkError::Lost("the connection broke".to_owned())));
    desk.subscriber.push(Err(NetworkError::NotSent("no route".to_owned())));
    desk.subscriber.answer(&[500, 500]);
    let mut id = String::new();
    for (attempt, after) in (1..).zip([0, 10, 30, 120, 600, 3_600, 21_600, 86_400_i64]) {
        let before = desk.dial.now();
        if attempt > 1 {
            let due = desk.wait_for_next().await;
            let waited = due.since(before).as_millis();
            let (low, high) = (u128::from(after.unsigned_abs()) * 800, u128::from(after.unsigned_abs()) * 1_200);
            assert!((low..=high).contains(&waited), "attempt {attempt} after {waited} ms");
        }
        assert_eq!(desk.deliver_due().await, 1);
        let got = desk.subscriber.take().remove(0);
        assert_eq!(header(&got, "x-kirim-attempt"), attempt.to_string());
        signature::verify(header(&got, "x-kirim-signature"), got.body(), &[&secret], desk.dial.now())
            .expect("signed now");
        let kept = delivery(&desk).await;
        assert_eq!(
            (&kept["attempt"], &kept["status"]),
            (&json!(attempt), &json!(if attempt < 8 { "failed" } else { "dead" }))
        );
        assert!(kept["last_error"].is_string());
        id = kept["id"].as_str().expect("an id").to_owned();
        assert_eq!(header(&got, "x-kirim-delivery-id"), id, "one id for all attempts");
    }
    assert_eq!(desk.app.store.read(|tx| tx.next_due(Share::All)).await, Ok::<_, StoreError>(None));
    let one = desk.get(&format!("/v1/webhook_deliveries/{id}")).await;
    assert_eq!((&one.data()["status"], &one.data()["response_status"]), (&json!("dead"), &json!(500)));
    assert_eq!(one.data()["next_attempt_at"], Json::Null);
}

#[tokio::test]
async fn other_4xx_end_a_delivery_and_retry_after_is_honoured() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    contact(&desk, 0).await;
    let limited = Response::builder().status(429).header("retry-after", "7200").body(Bytes::new());
    desk.subscriber.push(Ok(limited.expect("an answer")));
    desk.subscriber.answer(&[410]);
    desk.deliver_due().await;
    assert_eq!(delivery(&desk).await["next_attempt_at"], "2026-09-21T16:13:20.000Z");
    desk.wait_for_next().await;
    desk.deliver_due().await;
    let dead = delivery(&desk).await;
    assert_eq!((&dead["status"], &dead["attempt"], &dead["response_status"]), (&json!("dead"), &json!(2), &json!(410)));
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    contact(&desk, 0).await;
    let limited = Response::builder().status(429).header("retry-after", "Mon, 21 Sep 2026 16:00:00 GMT");
    desk.subscriber.push(Ok(limited.body(Bytes::new()).expect("an answer")));
    desk.deliver_due().await;
    assert_eq!(delivery(&desk).await["next_attempt_at"], "2026-09-21T16:00:00.000Z");
}

#[tokio::test]
async fn deliveries_wait_for_a_key_ring_that_opens_their_secret() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    contact(&desk, 0).await;
    let wrong = Vault::from_text(&format!("k2:{}=", "E".repeat(43))).expect("a key ring");
    let mut locked_out = desk.app.clone();
    locked_out.vault = wrong;
    let jobs = desk.app.store.write(|tx| tx.claim("locked out", Share::All, 9)).await;
    for claimed in jobs.unwrap_or_else(|never: StoreError| panic!("{never}")) {
        worker::run_one(&locked_out, &claimed).await.expect("the store works");
    }
    let waiting = delivery(&desk).await;
    assert_eq!((&waiting["status"], &waiting["attempt"]), (&json!("pending"), &json!(0)));
    assert!(desk.subscriber.take().is_empty());
    let subscription = desk.get(&format!("/v1/webhook_subscriptions/{id}")).await;
    assert_eq!(subscription.data()["consecutive_failures"], 0);
    assert_eq!(desk.wait_for_next().await, BEGINNING.plus(Duration::from_secs(60)));
    assert_eq!(desk.deliver_due().await, 1);
    assert_eq!(delivery(&desk).await["status"], "delivered");
}

#[tokio::test]
async fn too_many_dead_deliveries_disable_a_subscription_until_it_is_revived() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    let path = format!("/v1/webhook_subscriptions/{id}");
    desk.subscriber.answer(&[410, 410, 200, 410, 410, 410]);
    for n in 0..6 {
        contact(&desk, n).await;
        assert_eq!(desk.deliver_due().await, 1, "{n}");
    }
    let disabled = desk.get(&path).await;
    assert_eq!((&disabled.data()["status"], &disabled.data()["consecutive_failures"]), (&json!("disabled"), &json!(3)));
    assert!(disabled.data()["disabled_reason"].is_string() && disabled.data()["disabled_at"].is_string());

    contact(&desk, 6).await;
    assert_eq!(desk.deliver_due().await, 0);
    let dead = delivery(&desk).await;
    assert_eq!(dead["status"], "dead", "an event for a disabled subscription can be replayed later");

    let revived = desk.send("PATCH", &path, json!({ "status": "active" })).await;
    assert_eq!((&revived.data()["status"], &revived.data()["consecutive_failures"]), (&json!("active"), &json!(0)));
    let old = dead["id"].as_str().expect("an id");
    let replayed = desk.post_once("r1", &format!("/v1/webhook_deliveries/{old}/replay"), json!({})).await;
    assert_eq!((replayed.status.as_u16(), replayed.text_of("replayed_from")), (202, old.to_owned()));
    assert_eq!(
        (replayed.text_of("status"), replayed.text_of("object")),
        ("pending".to_owned(), "webhook_delivery".to_owned())
    );
    let again = desk.post_once("r1", &format!("/v1/webhook_deliveries/{old}/replay"), json!({})).await;
    assert_eq!(again.text_of("id"), replayed.text_of("id"), "the key keeps a repeat from sending twice");
    desk.subscriber.take();
    assert_eq!(desk.deliver_due().await, 1);
    let got = desk.subscriber.take().remove(0);
    assert_eq!(header(&got, "x-kirim-delivery-id"), replayed.text_of("id"));
    assert_eq!(header(&got, "x-kirim-event-id"), dead["event_id"].as_str().expect("an id"), "the event is the same");
    assert_eq!(desk.get(&format!("/v1/webhook_deliveries/{old}")).await.text_of("status"), "dead");
}

#[tokio::test]
async fn a_paused_subscription_gets_nothing_even_from_retries() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe(HOOK).await;
    desk.subscriber.answer(&[500]);
    contact(&desk, 0).await;
    desk.deliver_due().await;
    let path = format!("/v1/webhook_subscriptions/{id}");
    assert_eq!(desk.send("PATCH", &path, json!({ "status": "paused" })).await.text_of("status"), "paused");
    desk.subscriber.take();
    desk.wait_for_next().await;
    desk.deliver_due().await;
    contact(&desk, 1).await;
    desk.deliver_due().await;
    assert!(desk.subscriber.take().is_empty());
    let dead = desk.get("/v1/webhook_deliveries?status=dead").await;
    assert_eq!(dead.data().as_array().map(Vec::len), Some(2));
    let made = [0, 1].map(|n| (dead.data()[n]["attempt"].clone(), dead.data()[n]["response_status"].clone()));
    assert_eq!(made, [(json!(0), Json::Null), (json!(1), json!(500))], "what was not sent was no attempt");
}

#[tokio::test]
async fn secrets_rotate_with_an_overlap() {
    let desk = Desk::new().await;
    let (id, old) = desk.subscribe(HOOK).await;
    let path = format!("/v1/webhook_subscriptions/{id}/secrets");
    let rotated = desk.post(&path, json!({ "expires_in_hours": 2 })).await;
    assert_eq!((rotated.status.as_u16(), &rotated.data()["expires_at"]), (201, &Json::Null));
    let new = rotated.text_of("secret");
    assert!(new.starts_with("whsec_") && new != old);
    let subscription = desk.get(&format!("/v1/webhook_subscriptions/{id}")).await;
    let secrets = subscription.data()["secrets"].as_array().expect("secrets").clone();
    let ends: Vec<&Json> = secrets.iter().map(|secret| &secret["expires_at"]).collect();
    assert!(ends.contains(&&json!("2026-09-21T16:13:20.000Z")) && ends.contains(&&Json::Null));
    assert!(!subscription.text.contains("whsec_"), "secrets are shown once");

    let verify = async |n: usize, secret: &str| {
        contact(&desk, n).await;
        desk.deliver_due().await;
        let got = desk.subscriber.take().remove(0);
        signature::verify(header(&got, "x-kirim-signature"), got.body(), &[secret], desk.dial.now()).is_ok()
    };
    assert!(verify(0, &old).await && verify(1, &new).await);
    desk.dial.advance(Duration::from_secs(2 * 3_600));
    assert!(!verify(2, &old).await && verify(3, &new).await);

    let current = rotated.text_of("id");
    let last = desk.send("DELETE", &format!("{path}/{current}"), Json::Null).await;
    assert_eq!(last.refusal(), (400, "invalid_field_value", None));
    let expired = secrets.iter().find(|secret| secret["id"] != *current).expect("the old one");
    let gone = desk.send("DELETE", &format!("{path}/{}", expired["id"].as_str().expect("an id")), Json::Null).await;
    assert_eq!((gone.text_of("object"), &gone.data()["deleted"]), ("webhook_secret".to_owned(), &json!(true)));
    for bad in [0, 721] {
        let refused = desk.post(&path, json!({ "expires_in_hours": bad })).await;
        assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("expires_in_hours")));
    }
}

#[tokio::test]
async fn subscriptions_are_made_listed_changed_and_deleted() {
    let desk = Desk::new().await;
    let body = json!({ "url": HOOK, "events": ["contact.created", "contact.created"], "description": "CRM" });
    let made = desk.post("/v1/webhook_subscriptions", body).await;
    assert_eq!((made.status.as_u16(), &made.data()["events"]), (201, &json!(["contact.created"])));
    for n in 0..4 {
        desk.subscribe(&format!("{HOOK}/{n}")).await;
    }
    let first = desk.get("/v1/webhook_subscriptions?limit=3").await;
    let cursor = first.body["next_cursor"].as_str().expect("a cursor");
    let second = desk.get(&format!("/v1/webhook_subscriptions?limit=3&cursor={cursor}")).await;
    assert_eq!((second.data().as_array().map(Vec::len), &second.body["has_more"]), (Some(2), &json!(false)));

    let path = format!("/v1/webhook_subscriptions/{}", made.text_of("id"));
    let changed = desk.send("PATCH", &path, json!({ "description": null, "events": ["contact.deleted"] })).await;
    assert_eq!((&changed.data()["description"], &changed.data()["events"]), (&Json::Null, &json!(["contact.deleted"])));
    let gone = desk.send("DELETE", &path, Json::Null).await;
    assert_eq!(gone.data()["object"], "webhook_subscription");
    assert_eq!(desk.get(&path).await.refusal(), (404, "resource_not_found", None));

    for url in
        ["http://example.com/hook", "https://127.0.0.1/hook", "https://10.1.2.3/", "https://localhost/", "hook", ""]
    {
        let refused =
            desk.post("/v1/webhook_subscriptions", json!({ "url": url, "events": ["contact.created"] })).await;
        assert_eq!(refused.refusal(), (400, "invalid_webhook_url", Some("url")), "{url}");
    }
    let long = json!({ "url": format!("{HOOK}/{}", " ".repeat(1_000)) + "x", "events": ["contact.created"] });
    assert_eq!(desk.post("/v1/webhook_subscriptions", long).await.refusal().1, "invalid_webhook_url");
    let unknown =
        desk.post("/v1/webhook_subscriptions", json!({ "url": HOOK, "events": ["contact.created", "x"] })).await;
    assert_eq!(unknown.refusal(), (400, "invalid_field_value", Some("events.1")));
}

#[tokio::test]
async fn an_address_is_kept_in_the_form_that_is_delivered_to() {
    let desk = Desk::new().await;
    let made = json!({ "url": "https://Bücher.example/sp ace?q=é", "events": ["contact.created", "contact.updated"] });
    let made = desk.post("/v1/webhook_subscriptions", made).await;
    let kept = "https://xn--bcher-kva.example/sp%20ace?q=%C3%A9";
    assert_eq!(made.text_of("url"), kept);
    contact(&desk, 0).await;
    desk.deliver_due().await;
    assert_eq!(desk.subscriber.take()[0].uri().to_string(), kept);
    let path = format!("/v1/webhook_subscriptions/{}", made.text_of("id"));
    let moved = desk.send("PATCH", &path, json!({ "url": "https://example.com/a b" })).await;
    assert_eq!(moved.text_of("url"), "https://example.com/a%20b");
}

#[tokio::test]
async fn deliveries_are_listed_by_their_filters() {
    let desk = Desk::new().await;
    let (one, _) = desk.subscribe(HOOK).await;
    desk.subscribe("https://example.com/other").await;
    for n in 0..3 {
        contact(&desk, n).await;
        desk.dial.advance(Duration::from_secs(60));
    }
    desk.deliver_due().await;
    let count =
        async |query: &str| desk.get(&format!("/v1/webhook_deliveries?{query}")).await.data().as_array().map(Vec::len);
    assert_eq!(count("").await, Some(6));
    assert_eq!(count(&format!("subscription_id={one}&status=delivered")).await, Some(3));
    assert_eq!(count("status=pending").await, Some(0));
    assert_eq!(count("event_type=contact.deleted").await, Some(0));
    assert_eq!(count("created_after=2026-09-21T14:14:20Z").await, Some(4));
    assert_eq!(count("created_before=2026-09-21T14:14:20Z").await, Some(2));
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = desk.get(&format!("/v1/webhook_deliveries?limit=4{cursor}")).await;
        seen += page.data().as_array().map_or(0, Vec::len);
        let Some(next) = page.body["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, 6);
}

#[tokio::test]
async fn a_test_key_causes_events_that_are_not_live() {
    let desk = Desk::new().await;
    desk.subscribe(HOOK).await;
    let minted =
        lockstep::ops::keys::mint(&desk.app, &desk.org, lockstep_store::KeyKind::Api, "test", false, None).await;
    let key = secrecy::ExposeSecret::expose_secret(&minted.expect("a key").plaintext).to_owned();
    assert!(key.starts_with("kdv_test_"));
    desk.send_as(&key, "POST", "/v1/contacts", json!({ "phone_number": "+628111222333" })).await;
    desk.deliver_due().await;
    assert_eq!(event(&desk.subscriber.take()[0])["livemode"], false);
}

/// HubSpot's signature, version 3, made here from its documentation: method, URI, body and time under the app's secret.
fn hubspot_signature(uri: &str, body: &str, millis: i64) -> String {
    use base64::Engine;
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("any key");
    mac.update(format!("POST{uri}{body}{millis}").as_bytes());
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

#[tokio::test]
async fn a_vendors_webhook_is_verified_and_stored_before_it_is_answered() {
    let desk = Desk::new().await;
    let body = r#"[{"eventId":1,"subscriptionId":2,"portalId":62515,"occurredAt":1790000000000,"subscriptionType":"contact.propertyChange","objectId":123,"propertyName":"email","propertyValue":"a@b.c","attemptNumber":0,"appId":54321,"changeSource":"CRM"}]"#;
    let millis = BEGINNING.as_millis();
    let post = |signature: String, body: &'static str| {
        Request::post("/hooks/hubspot")
            .header("x-hubspot-signature-v3", signature)
            .header("x-hubspot-request-timestamp", millis.to_string())
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("a request")
    };
    let good = hubspot_signature("https://lockstep.test/hooks/hubspot", body, millis);
    let jobs = async || {
        desk.app.store.read(|tx| tx.queue_counts()).await.map(|counts: lockstep_store::QueueCounts| counts.waiting)
    };
    assert_eq!(desk.request(post(good.clone(), body)).await.status, 204);
    assert_eq!(jobs().await, Ok::<_, StoreError>(1));
    assert_eq!(desk.request(post(good.clone(), body)).await.status, 204, "the same bytes again");
    assert_eq!(jobs().await, Ok::<_, StoreError>(1));
    let forged = desk.request(post(hubspot_signature("https://evil.test/hooks/hubspot", body, millis), body)).await;
    assert_eq!(forged.refusal().0, 401);
    assert_eq!(desk.request(post(good, "[]")).await.refusal().0, 401);
    let big = Request::post("/hooks/hubspot").body(Body::from(vec![b' '; 1024 * 1024 + 1])).expect("a request");
    assert_eq!(desk.request(big).await.refusal(), (413, "body_too_large", None));
    let unknown = Request::post("/hooks/nobody").body(Body::empty()).expect("a request");
    assert_eq!(desk.request(unknown).await.refusal(), (404, "resource_not_found", None));
}

#[tokio::test]
async fn the_audit_says_who_did_what_and_keeps_no_secret() {
    let desk = Desk::new().await;
    let (id, _) = desk.subscribe("https://example.com/hook/their-secret").await;
    let path = format!("/v1/webhook_subscriptions/{id}");
    desk.send("PATCH", &path, json!({ "status": "paused" })).await;
    let rotated = desk.post(&format!("{path}/secrets"), json!({})).await.text_of("id");
    desk.send("DELETE", &path, Json::Null).await;
    assert_eq!(desk.send("DELETE", &path, Json::Null).await.status, 404, "what did not happen is not noted");
    let entries = desk.app.store.read({
        let org = desk.org.clone();
        move |tx| tx.audit_list(&org, None, 9)
    });
    let entries = entries.await.expect("reads");
    let done: Vec<&str> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        done,
        ["key.created", "subscription.made", "subscription.changed", "secret.rotated", "subscription.deleted"]
    );
    let key = entries[4].detail["key"].as_str().expect("the key's id");
    assert_eq!(entries[4].actor, "command line");
    assert!(entries[..4].iter().all(|entry| entry.actor == key && entry.detail["subscription"] == *id));
    assert_eq!(entries[1].detail["secret"], rotated);
    assert_eq!(entries[3].detail["host"], "example.com");
    assert!(!format!("{entries:?}").contains("their-secret"));
}
