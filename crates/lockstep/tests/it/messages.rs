//! Messages through the Inbox API: queued, sent at most once, told of, read and fetched.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use lockstep::channel::{Outcome, StatusNews};
use lockstep::ops::{keys, messages, sending};
use lockstep_core::ids::MessageId;
use lockstep_core::message::{MessageError, MessageKind, MessageStatus};
use lockstep_store::{KeyKind, StoreError};
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use crate::conversations::{BUDI, inbound, receive, subscribe, told, write};
use crate::desk::{ACCOUNT, Desk, key, organization};

fn text(body: &str) -> Json {
    json!({ "to": BUDI, "type": "text", "text": { "body": body } })
}

/// The customer has just written, so that anything may be sent; a message of ours is queued.
async fn queued(desk: &Desk) -> MessageId {
    write(desk, BUDI, "wamid.in", "Halo").await;
    let made = desk.post("/v1/messages", text("Selamat pagi")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    MessageId::parse(&made.text_of("id")).expect("an id")
}

async fn shown(desk: &Desk, id: &MessageId) -> Json {
    desk.get(&format!("/v1/messages/{id}")).await.data().clone()
}

/// The channel tells what happened to a message. False when that is no news.
async fn news(desk: &Desk, id: &MessageId, status: MessageStatus, ours: bool) -> bool {
    let wamid = format!("wamid.{id}");
    let value = json!({ "statuses": [{ "id": wamid, "status": status.as_str() }] });
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "changes": [{ "value": value }] }] });
    let error = MessageError { code: "131026".to_owned(), message: "Undeliverable.".to_owned() };
    let news = StatusNews {
        vendor_id: wamid,
        ours: ours.then(|| id.clone()),
        status,
        at: desk.dial.now(),
        error: (status == MessageStatus::Failed).then_some(error),
        body: body.as_object().cloned().unwrap_or_default(),
    };
    let (app, org) = (desk.app.clone(), desk.org.clone());
    let told = desk.app.store.write(move |tx| {
        let account = tx.account(&org, ACCOUNT)?.expect("the account");
        messages::news(tx, &app, &org, &account, news)
    });
    told.await.expect("the store works")
}

#[tokio::test]
async fn a_message_is_queued_sent_and_told_of() {
    let desk = Desk::new().await;
    write(&desk, BUDI, "wamid.in", "Halo").await;
    desk.settle().await;
    subscribe(&desk).await;
    let body = json!({ "to": BUDI, "text": "Selamat pagi", "context": { "message_id": "wamid.in" } });
    let made = desk.post("/v1/messages", body).await;
    assert_eq!(made.status, 201);
    let id = MessageId::parse(&made.text_of("id")).expect("an id");
    let members = ["object", "direction", "type", "status", "content", "source", "provider_id"];
    assert_eq!(
        members.map(|member| made.data()[member].clone()),
        [
            json!("message"),
            json!("outbound"),
            json!("text"),
            json!("queued"),
            json!("Selamat pagi"),
            json!("api"),
            Json::Null
        ]
    );
    let events = told(&desk).await;
    let sent = desk.carrier.take_sent();
    assert_eq!((sent.len(), &sent[0].id, sent[0].to.as_str()), (1, &id, BUDI));
    assert_eq!((sent[0].kind, sent[0].reply_to.as_deref()), (MessageKind::Text, Some("wamid.in")));
    let names: Vec<_> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.contains(&"message.created") && names.contains(&"message.sent") && names.len() == 2, "{names:?}");
    let told_sent = &events.iter().find(|(name, _)| name == "message.sent").expect("it is told").1["data"];
    assert_eq!(
        [
            &told_sent["session"],
            &told_sent["message"]["provider_id"],
            &told_sent["message"]["body"],
            &told_sent["message"]["to"]
        ],
        [&json!(ACCOUNT), &json!(format!("wamid.{id}")), &json!("Selamat pagi"), &json!(BUDI)]
    );
    assert_eq!(told_sent["contact"]["phone_number"], BUDI);
    let now = shown(&desk, &id).await;
    assert_eq!((&now["status"], &now["provider_id"]), (&json!("sent"), &json!(format!("wamid.{id}"))));
    let heard = desk.get(&format!("/v1/conversations/{}", now["conversation_id"].as_str().expect("an id"))).await;
    assert_eq!(heard.data()["unread_count"], 1, "an answer reads nothing by itself");
}

#[tokio::test]
async fn news_in_any_order_never_take_a_message_back() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.settle().await;
    subscribe(&desk).await;
    assert!(news(&desk, &id, MessageStatus::Read, false).await);
    for late in [MessageStatus::Delivered, MessageStatus::Sent] {
        assert!(news(&desk, &id, late, false).await, "its time is news");
    }
    for repeated in [MessageStatus::Delivered, MessageStatus::Read, MessageStatus::Sent] {
        assert!(!news(&desk, &id, repeated, false).await, "{repeated:?}");
    }
    assert_eq!(shown(&desk, &id).await["status"], "read");
    let events = told(&desk).await;
    assert_eq!(events.len(), 3);
    for (_, body) in &events {
        assert_eq!(body["kirim"]["message_id"], json!(id));
    }
    let stranger = MessageId::new(&desk.app.env);
    assert!(!news(&desk, &stranger, MessageStatus::Sent, true).await, "a message of another program is none of ours");
}

#[tokio::test]
async fn repeats_of_a_status_can_be_told_from_the_next_one() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.settle().await;
    subscribe(&desk).await;
    news(&desk, &id, MessageStatus::Delivered, false).await;
    news(&desk, &id, MessageStatus::Read, false).await;
    desk.settle().await;
    let mut seen = Vec::new();
    for request in desk.subscriber.take() {
        assert_eq!(request.headers()["x-kirim-source"], "meta");
        seen.push(request.headers()["x-kirim-event-id"].to_str().expect("ASCII").to_owned());
    }
    seen.sort_unstable();
    assert_eq!(seen, [format!("wamid.{id}:delivered"), format!("wamid.{id}:read")]);
}

#[tokio::test]
async fn a_lost_answer_is_never_sent_again_and_the_channels_news_decide() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.carrier.fail(Outcome::Unknown, "timeout");
    desk.settle().await;
    assert_eq!(desk.carrier.take_sent().len(), 1);
    assert_eq!(shown(&desk, &id).await["status"], "queued", "the channel may still tell");
    subscribe(&desk).await;
    desk.wait_for_next().await;
    assert!(desk.dial.now().since(lockstep_core::env::Time::from_secs(1_790_000_000)) >= sending::DOUBT);
    let events = told(&desk).await;
    assert!(desk.carrier.take_sent().is_empty(), "it may have arrived");
    let failed = shown(&desk, &id).await;
    assert_eq!((&failed["status"], &failed["error"]["code"]), (&json!("failed"), &json!("outcome_unknown")));
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].1["entry"][0]["changes"][0]["value"]["statuses"][0]["status"], "failed");

    assert!(news(&desk, &id, MessageStatus::Delivered, true).await);
    let arrived = shown(&desk, &id).await;
    assert_eq!((&arrived["status"], &arrived["error"]), (&json!("delivered"), &Json::Null));
    assert_eq!(arrived["provider_id"], json!(format!("wamid.{id}")), "the echo of our id tells the channel's");
    let mut names: Vec<_> = told(&desk).await.into_iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["message.sent", "message.status"]);
}

#[tokio::test]
async fn news_within_the_doubt_spare_the_failure() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.carrier.fail(Outcome::Unknown, "timeout");
    desk.settle().await;
    assert!(news(&desk, &id, MessageStatus::Sent, true).await);
    desk.wait_for_next().await;
    desk.settle().await;
    let now = shown(&desk, &id).await;
    assert_eq!((&now["status"], &now["error"], &now["failed_at"]), (&json!("sent"), &Json::Null, &Json::Null));
    assert_eq!(desk.carrier.take_sent().len(), 1);
}

#[tokio::test]
async fn a_crash_while_the_channel_has_it_sends_nothing_twice() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    let (app, begun) = (desk.app.clone(), id.clone());
    let step = desk.app.store.write(move |tx| sending::begin(tx, &app, &begun)).await.expect("the store works");
    assert!(matches!(step, sending::Step::Send(_)), "{step:?}");
    desk.settle().await;
    desk.wait_for_next().await;
    desk.settle().await;
    assert!(desk.carrier.take_sent().is_empty(), "whoever began may have sent it");
    assert_eq!(shown(&desk, &id).await["error"]["code"], "outcome_unknown");
}

#[tokio::test]
async fn what_the_channel_surely_did_not_take_is_offered_again() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.carrier.fail(Outcome::NotTaken { retry_after: Some(Duration::from_secs(30)) }, "130429");
    desk.carrier.fail(Outcome::NotTaken { retry_after: None }, "unreachable");
    let before = desk.dial.now();
    desk.settle().await;
    let due = desk.wait_for_next().await;
    assert!(due.since(before) >= Duration::from_secs(30), "the channel's wait is kept");
    desk.settle().await;
    desk.wait_for_next().await;
    desk.settle().await;
    assert_eq!(desk.carrier.take_sent().len(), 3);
    assert_eq!(shown(&desk, &id).await["status"], "sent");
}

#[tokio::test]
async fn a_channel_that_never_takes_it_ends_the_tries() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    for _ in 0..20 {
        desk.carrier.fail(Outcome::NotTaken { retry_after: None }, "unreachable");
    }
    for _ in 0..20 {
        desk.settle().await;
        if shown(&desk, &id).await["status"] == "failed" {
            break;
        }
        desk.wait_for_next().await;
    }
    assert_eq!(shown(&desk, &id).await["error"]["code"], "unreachable");
    assert_eq!(desk.carrier.take_sent().len(), 14);
}

#[tokio::test]
async fn a_refused_message_fails_with_the_channels_code() {
    let desk = Desk::new().await;
    let id = queued(&desk).await;
    desk.carrier.fail(Outcome::Refused, "131026");
    subscribe(&desk).await;
    let events = told(&desk).await;
    let failed = shown(&desk, &id).await;
    assert_eq!(failed["error"], json!({ "code": "131026", "message": "It failed: 131026." }));
    let status = &events[0].1["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!((&status["errors"][0]["code"], &status["recipient_id"]), (&json!(131_026), &json!("628111222333")));
}

#[tokio::test]
async fn only_templates_may_begin_or_come_after_a_day() {
    let desk = Desk::new().await;
    let first = desk.post("/v1/messages", text("Halo")).await;
    assert_eq!(first.refusal(), (422, "outside_24h_window", Some("type")));
    assert_eq!(desk.get("/v1/contacts").await.data(), &json!([]), "a refusal leaves nothing");
    let template = json!({ "name": "hello", "language": { "code": "id" } });
    let template = json!({ "to": BUDI, "type": "template", "template": template });
    let made = desk.post("/v1/messages", template.clone()).await;
    assert_eq!((made.status.as_u16(), &made.data()["template"]["name"]), (201, &json!("hello")));
    write(&desk, BUDI, "wamid.1", "Ya").await;
    desk.dial.advance(Duration::from_secs(24 * 3_600 - 1));
    assert_eq!(desk.post("/v1/messages", text("Halo")).await.status, 201);
    desk.dial.advance(Duration::from_secs(1));
    assert_eq!(desk.post("/v1/messages", text("Halo")).await.refusal(), (422, "outside_24h_window", Some("type")));
    assert_eq!(desk.post("/v1/messages", template).await.status, 201);
}

#[tokio::test]
async fn a_key_makes_a_send_happen_once() {
    let desk = Desk::new().await;
    write(&desk, BUDI, "wamid.in", "Halo").await;
    let first = desk.post_once("k1", "/v1/messages", text("Sekali")).await;
    let again = desk.post_once("k1", "/v1/messages", text("Sekali")).await;
    assert_eq!((first.text_of("id"), again.header("idempotent-replayed")), (again.text_of("id"), Some("true")));
    desk.settle().await;
    assert_eq!(desk.carrier.take_sent().len(), 1);
}

#[tokio::test]
async fn messages_are_answered_and_reacted_to_by_either_id() {
    let desk = Desk::new().await;
    let heard = write(&desk, BUDI, "wamid.in", "Halo").await;
    let answer = json!({ "to": BUDI, "text": "Halo", "context": { "message_id": heard.id } });
    assert_eq!(desk.post("/v1/messages", answer).await.data()["context"]["message_id"], "wamid.in");
    let reaction =
        |id: &Json| json!({ "to": BUDI, "type": "reaction", "reaction": { "message_id": id, "emoji": "👍" } });
    let made = desk.post("/v1/messages", reaction(&json!(heard.id))).await;
    assert_eq!(made.data()["reaction"], json!({ "target_message_id": "wamid.in", "emoji": "👍" }));
    desk.settle().await;
    let sent = desk.carrier.take_sent();
    assert_eq!(
        (
            sent.len(),
            sent.iter().find(|of| of.kind == MessageKind::Reaction).expect("it").content["message_id"].as_str()
        ),
        (2, Some("wamid.in"))
    );
    let unknown = json!("msg_01HXYZABCDEFGHJKMNPQRSTVWX");
    let refused = desk.post("/v1/messages", reaction(&unknown)).await;
    assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("reaction.message_id")));
    let refused =
        desk.post("/v1/messages", json!({ "to": BUDI, "text": "Halo", "context": { "message_id": unknown } })).await;
    assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("context.message_id")));
}

#[tokio::test]
async fn reading_counts_here_and_is_told_to_the_channel() {
    let desk = Desk::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        desk.dial.advance(Duration::from_secs(1));
        ids.push(write(&desk, BUDI, &format!("wamid.{n}"), "Halo").await);
    }
    let unread = async |desk: &Desk| desk.get("/v1/conversations").await.data()[0]["unread_count"].clone();
    let read = desk.post(&format!("/v1/messages/{}/read", ids[1].id), Json::Null).await;
    assert_eq!((read.status.as_u16(), read.text_of("status")), (200, "read".to_owned()));
    assert_eq!(unread(&desk).await, 1, "the one that came after it stays unread");
    let metas = json!({
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.2", "typing_indicator": { "type": "text" },
    });
    assert_eq!(desk.post("/v1/messages", metas).await.status, 200);
    assert_eq!(unread(&desk).await, 0);
    desk.settle().await;
    let mut told = desk.carrier.take_read();
    told.sort();
    assert_eq!(told, [("wamid.1".to_owned(), false), ("wamid.2".to_owned(), true)]);
    assert_eq!(desk.post(&format!("/v1/messages/{}/read", ids[0].id), Json::Null).await.status, 200);
    desk.settle().await;
    assert!(desk.carrier.take_read().is_empty(), "what was read is not told again");

    let ours = desk.post("/v1/messages", text("Halo")).await.text_of("id");
    let refused = desk.post(&format!("/v1/messages/{ours}/read"), Json::Null).await;
    assert_eq!(refused.refusal(), (400, "invalid_field_value", Some("message_id")));
    let unknown = desk.post("/v1/messages", json!({ "status": "read", "message_id": "wamid.9" })).await;
    assert_eq!(unknown.refusal(), (404, "resource_not_found", None));
}

#[tokio::test]
async fn files_are_reached_for_a_while_without_a_key() {
    let desk = Desk::new().await;
    let photo = json!({ "id": "77", "mime_type": "image/jpeg", "caption": "Ini" });
    let photo = receive(&desk, inbound(&desk, BUDI, "wamid.1", MessageKind::Image, photo)).await.expect("new");
    let at = format!("/v1/messages/{}/media", photo.id);
    let object = shown(&desk, &photo.id).await;
    assert_eq!(
        (&object["media_url"], &object["mime_type"], &object["caption"]),
        (&json!(format!("https://lockstep.test{at}")), &json!("image/jpeg"), &json!("Ini"))
    );
    desk.carrier.fail(Outcome::Refused, "gone");
    assert_eq!(desk.get(&at).await.refusal(), (404, "resource_not_found", None), "it leads to nothing that is gone");
    desk.carrier.fail(Outcome::Unknown, "timeout");
    assert_eq!(desk.get(&at).await.refusal(), (502, "whatsapp_upstream_error", None));
    let led = desk.get(&at).await;
    assert_eq!(led.status, 302);
    let address =
        led.header("location").expect("an address").strip_prefix("https://lockstep.test").expect("ours").to_owned();
    let fetch = async |path: &str| desk.request(Request::get(path).body(Body::empty()).expect("a request")).await;
    let file = fetch(&address).await;
    assert_eq!((file.status.as_u16(), file.text.as_str()), (200, "file 77"));
    assert_eq!(
        (file.header("content-type"), file.header("x-content-type-options")),
        (Some("image/jpeg"), Some("nosniff"))
    );
    assert_eq!(file.header("content-disposition"), Some("attachment; filename*=UTF-8''file"));
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(desk.open("GET", &address, Body::empty()).await);
    }
    let busy = fetch(&address).await;
    assert_eq!(busy.refusal(), (503, "temporarily_unavailable", None), "what is given out is in memory");
    assert_eq!(busy.header("retry-after"), Some("2"));
    unread.pop();
    assert_eq!(fetch(&address).await.status, 200);
    drop(unread);
    assert_eq!(fetch(&format!("{address}A")).await.refusal(), (404, "resource_not_found", None));
    desk.carrier.fail(Outcome::Refused, "gone");
    assert_eq!(fetch(&address).await.refusal(), (404, "resource_not_found", None));
    desk.carrier.fail(Outcome::Unknown, "timeout");
    assert_eq!(fetch(&address).await.refusal(), (502, "whatsapp_upstream_error", None));
    desk.dial.advance(Duration::from_secs(600));
    assert_eq!(fetch(&address).await.refusal(), (404, "resource_not_found", None));

    let linked = json!({ "to": BUDI, "type": "document", "document": { "url": "https://example.com/a.pdf" } });
    let linked = desk.post("/v1/messages", linked).await.text_of("id");
    let led = desk.get(&format!("/v1/messages/{linked}/media")).await;
    assert_eq!((led.status.as_u16(), led.header("location")), (302, Some("https://example.com/a.pdf")));
    let plain = desk.post("/v1/messages", text("Halo")).await.text_of("id");
    assert_eq!(desk.get(&format!("/v1/messages/{plain}/media")).await.refusal(), (404, "resource_not_found", None));
}

#[tokio::test]
async fn lists_filter_and_stay_within_account_and_organization() {
    let desk = Desk::new().await;
    let first = write(&desk, BUDI, "wamid.1", "Halo").await;
    desk.dial.advance(Duration::from_secs(1));
    desk.post("/v1/messages", text("Pagi")).await;
    desk.dial.advance(Duration::from_secs(1));
    write(&desk, "+628111222334", "wamid.2", "Hai").await;
    let (org, at) = (desk.org.clone(), first.created_at.plus(Duration::from_secs(1)));
    desk.app
        .store
        .write(move |tx| tx.add_account(&org, "222222222", "+62 811-0000-0002", "Sales"))
        .await
        .expect("an account");
    let count = async |path: String| desk.get(&path).await.data().as_array().map(Vec::len);
    for (query, hits) in [
        (String::new(), 3),
        (format!("conversation_id={}", first.conversation), 2),
        ("direction=inbound".to_owned(), 2),
        ("direction=outbound&status=queued".to_owned(), 1),
        ("status=received".to_owned(), 2),
        (format!("created_after={at}"), 2),
        (format!("created_before={at}"), 1),
    ] {
        assert_eq!(count(format!("/v1/messages?{query}")).await, Some(hits), "{query}");
        assert_eq!(count(format!("/v1/{ACCOUNT}/messages?{query}")).await, Some(hits), "{query}");
        assert_eq!(count(format!("/v1/222222222/messages?{query}")).await, Some(0), "{query}");
    }
    let thread = format!("conversations/{}/messages", first.conversation);
    let page = desk.get(&format!("/v1/{thread}?limit=1")).await;
    assert_eq!(page.data()[0]["content"], "Pagi");
    let cursor = page.body["next_cursor"].as_str().expect("more");
    let rest = desk.get(&format!("/v1/{thread}?limit=1&cursor={cursor}")).await;
    assert_eq!((&rest.data()[0]["content"], &rest.body["has_more"]), (&json!("Halo"), &json!(false)));
    for (query, param) in
        [("direction=up", "direction"), ("status=sending", "status"), ("created_after=x", "created_after")]
    {
        let refused = desk.get(&format!("/v1/messages?{query}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_field_value", Some(param)));
    }
    let several = desk.post("/v1/messages", text("Halo")).await;
    assert_eq!(several.refusal(), (400, "missing_required_field", Some("from")));

    let other = organization(&desk.app, "Other").await;
    let foreign = key(&desk.app, &other).await;
    for (method, path, body) in [
        ("GET", format!("/v1/messages/{}", first.id), Json::Null),
        ("GET", format!("/v1/messages/{}/media", first.id), Json::Null),
        ("POST", format!("/v1/messages/{}/read", first.id), Json::Null),
        ("GET", format!("/v1/{thread}"), Json::Null),
        ("GET", format!("/v1/conversations/{}", first.conversation), Json::Null),
        ("PATCH", format!("/v1/conversations/{}", first.conversation), json!({ "status": "resolved" })),
    ] {
        let answer = desk.send_as(&foreign, method, &path, body.clone()).await;
        assert_eq!(answer.refusal(), (404, "resource_not_found", None), "{method} {path}");
        let scoped = path.replacen("/v1/", "/v1/222222222/", 1);
        assert_eq!(desk.send(method, &scoped, body).await.refusal(), (404, "resource_not_found", None), "{scoped}");
    }
}

#[tokio::test]
async fn nothing_that_was_said_outlives_the_person() {
    let desk = Desk::new().await;
    let heard = write(&desk, BUDI, "wamid.1", "Rahasia").await;
    let queued = desk.post_once("k1", "/v1/messages", text("Rahasia juga")).await.text_of("id");
    subscribe(&desk).await;
    write(&desk, BUDI, "wamid.2", "Rahasia lagi").await;
    assert_eq!(desk.send("DELETE", &format!("/v1/contacts/{}", heard.contact), Json::Null).await.status, 200);
    assert!(told(&desk).await.iter().all(|(_, body)| !body.to_string().contains("Rahasia")));
    assert!(desk.carrier.take_sent().is_empty(), "what waited to be sent is not");
    for path in [format!("/v1/messages/{queued}"), format!("/v1/conversations/{}", heard.conversation)] {
        assert_eq!(desk.get(&path).await.refusal(), (404, "resource_not_found", None));
    }
    assert_eq!(desk.get("/v1/messages").await.data(), &json!([]));
    let again = write(&desk, BUDI, "wamid.3", "Halo").await;
    assert_ne!(again.contact, heard.contact, "whoever writes again is somebody new");
}

#[tokio::test]
async fn an_account_that_no_channel_carries_sends_nothing() {
    let desk = Desk::new().await;
    let made = desk.app.store.write(|tx| {
        let org = tx.create_org("Fresh")?;
        tx.add_account(&org, "222222222", "+62 811-0000-0002", "Sales")?;
        Ok::<_, StoreError>(org)
    });
    let fresh = key(&desk.app, &made.await.expect("an organization")).await;
    let get = async |path: &str| desk.send_as(&fresh, "GET", path, Json::Null).await.data().clone();
    assert_eq!(get("/v1/accounts?status=connected").await, json!([]));
    for every in ["/v1/accounts", "/v1/accounts?status=all"] {
        assert_eq!(get(every).await[0]["status"], "onboarding", "{every}");
    }
    let template =
        json!({ "to": BUDI, "type": "template", "template": { "name": "hi", "language": { "code": "en" } } });
    let refused = desk.send_as(&fresh, "POST", "/v1/messages", template).await;
    assert_eq!(refused.refusal(), (422, "whatsapp_number_not_verified", None));
}

#[tokio::test]
async fn what_a_test_key_writes_and_reads_stays_here() {
    let desk = Desk::new().await;
    let heard = write(&desk, BUDI, "wamid.in", "Halo").await;
    desk.settle().await;
    subscribe(&desk).await;
    let minted = keys::mint(&desk.app, &desk.org, KeyKind::Api, "test", false, None).await.expect("a key");
    let test = minted.plaintext.expose_secret();
    let made = desk.send_as(test, "POST", "/v1/messages", text("Hanya coba")).await;
    assert_eq!((made.status.as_u16(), made.text_of("status")), (201, "queued".to_owned()));
    let path = format!("/v1/messages/{}/read", heard.id);
    assert_eq!(desk.send_as(test, "POST", &path, Json::Null).await.status, 200);
    let events = told(&desk).await;
    assert_eq!((desk.carrier.take_sent(), desk.carrier.take_read()), (vec![], vec![]), "nobody is told");
    let id = MessageId::parse(&made.text_of("id")).expect("an id");
    let now = shown(&desk, &id).await;
    assert_eq!((&now["status"], now["delivered_at"].is_string()), (&json!("delivered"), true));
    let of = |wanted: &str| -> Vec<&Json> {
        events.iter().filter(|(name, _)| name == wanted).map(|(_, body)| body).collect()
    };
    assert_eq!((of("message.created").len(), events.len()), (1, 4));
    assert_eq!(of("message.sent")[0]["livemode"], false);
    let status = |body: &Json| body["entry"][0]["changes"][0]["value"]["statuses"][0].clone();
    let mut statuses: Vec<Json> = of("message.status").into_iter().map(status).collect();
    statuses.sort_by_key(|status| status["status"].to_string());
    assert_eq!((&statuses[0]["status"], &statuses[1]["status"]), (&json!("delivered"), &json!("sent")));
    assert_eq!(statuses[0]["id"], now["provider_id"]);
}
