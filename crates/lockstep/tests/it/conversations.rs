//! Conversations: begun by whoever writes, given to somebody, closed and opened again.

use std::time::Duration;

use lockstep::channel::Inbound;
use lockstep_core::message::{Message, MessageKind};
use lockstep_core::phone::Phone;
use lockstep_store::NewUser;
use serde_json::{Map, Value as Json, json};

use crate::desk::{ACCOUNT, Desk};

pub const BUDI: &str = "+628111222333";
const HOOK: &str = "https://example.com/hook";

fn object(value: Json) -> Map<String, Json> {
    value.as_object().cloned().unwrap_or_default()
}

/// A customer's message as a channel hands it over, with its webhook's body.
pub fn inbound(desk: &Desk, from: &str, wamid: &str, kind: MessageKind, content: Json) -> Inbound {
    let at = desk.dial.now();
    let message = json!({
        "from": from.trim_start_matches('+'), "id": wamid, "timestamp": at.as_secs().to_string(),
        "type": kind.as_str(), kind.as_str(): content,
    });
    let value = json!({
        "messaging_product": "whatsapp", "metadata": { "phone_number_id": ACCOUNT },
        "contacts": [{ "profile": { "name": "Budi" }, "wa_id": from.trim_start_matches('+') }], "messages": [message],
    });
    let body = json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "1", "changes": [{ "field": "messages", "value": value }] }],
    });
    Inbound {
        vendor_id: wamid.to_owned(),
        from: Phone::parse(from).expect("E.164"),
        profile_name: Some("Budi".to_owned()),
        at,
        kind,
        content: object(content),
        reply_to: None,
        body: object(body),
    }
}

/// A customer writes; `None` when the message came before.
pub async fn receive(desk: &Desk, inbound: Inbound) -> Option<Message> {
    let (app, org) = (desk.app.clone(), desk.org.clone());
    let taken = desk.app.store.write(move |tx| {
        let account = tx.account(&org, ACCOUNT)?.expect("the account");
        lockstep::ops::messages::receive(tx, &app, &org, &account, inbound)
    });
    taken.await.expect("the message is taken")
}

/// A customer writes a text.
pub async fn write(desk: &Desk, from: &str, wamid: &str, body: &str) -> Message {
    let text = inbound(desk, from, wamid, MessageKind::Text, json!({ "body": body }));
    receive(desk, text).await.expect("a new message")
}

/// Subscribes to all that is told of conversations and messages.
pub async fn subscribe(desk: &Desk) {
    let events = [
        "contact.created",
        "conversation.opened",
        "conversation.assigned",
        "conversation.closed",
        "conversation.reopened",
        "message.received",
        "message.status",
        "message.created",
        "message.sent",
    ];
    desk.post("/v1/webhook_subscriptions", json!({ "url": HOOK, "events": events })).await.text_of("id");
}

/// What subscribers got since the last call: the event's type and the body.
pub async fn told(desk: &Desk) -> Vec<(String, Json)> {
    desk.settle().await;
    let read = |request: &http::Request<bytes::Bytes>| {
        let name = request.headers()["x-kirim-event"].to_str().expect("ASCII").to_owned();
        (name, serde_json::from_slice(request.body()).expect("JSON"))
    };
    desk.subscriber.take().iter().map(read).collect()
}

fn names(events: &[(String, Json)]) -> Vec<&str> {
    let mut names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

async fn user(desk: &Desk, name: &str) -> String {
    let (org, new) = (desk.org.clone(), NewUser { name: name.to_owned(), email: Some(format!("{name}@example.com")) });
    desk.app.store.write(move |tx| tx.add_user(&org, &new)).await.expect("a user").id.to_string()
}

#[tokio::test]
async fn whoever_writes_becomes_a_contact_with_a_conversation_once() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let first = write(&desk, BUDI, "wamid.1", "Halo").await;
    assert_eq!(
        receive(&desk, inbound(&desk, BUDI, "wamid.1", MessageKind::Text, json!({ "body": "Halo" }))).await,
        None
    );
    let contact = desk.get("/v1/contacts").await.data()[0].clone();
    assert_eq!(
        (&contact["name"], &contact["acquisition_source"], &contact["phone_number"]),
        (&json!("Budi"), &json!("inbound"), &json!(BUDI))
    );
    let conversation = desk.get(&format!("/v1/conversations/{}", first.conversation)).await.data().clone();
    assert_eq!(
        conversation,
        json!({
            "id": first.conversation, "object": "conversation", "status": "open",
            "contact": { "id": contact["id"], "phone_number": BUDI, "name": "Budi" },
            "whatsapp_account": { "phone_number": "+62 851-1760-0829", "phone_number_id": ACCOUNT, "customer": null },
            "assignee": null, "team_id": null, "unread_count": 1,
            "last_message_at": "2026-09-21T14:13:20.000Z", "last_inbound_at": "2026-09-21T14:13:20.000Z",
            "created_at": "2026-09-21T14:13:20.000Z", "updated_at": "2026-09-21T14:13:20.000Z",
        })
    );

    let events = told(&desk).await;
    assert_eq!(names(&events), ["contact.created", "conversation.opened", "message.received"]);
    let received = events.iter().find(|(name, _)| name == "message.received").expect("it is told");
    assert_eq!(received.1["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"], "Halo");
    assert_eq!(received.1["kirim"]["conversation_id"], json!(first.conversation));
    let opened = events.iter().find(|(name, _)| name == "conversation.opened").expect("it is told");
    let sequence = |body: &Json| body["sequence"].as_i64().expect("a number");
    assert!(sequence(&opened.1) < sequence(&received.1["kirim"]), "a receiver can tell which is newer: {events:?}");
    assert!(received.1.get("type").is_none() && received.1.get("data").is_none(), "Meta's body has no envelope");
}

#[tokio::test]
async fn another_spelling_of_a_line_is_the_same_person() {
    let desk = Desk::new().await;
    let made = desk.post("/v1/contacts", json!({ "phone_number": "+5511987654321" })).await.text_of("id");
    let heard = write(&desk, "+551187654321", "wamid.1", "Oi").await;
    assert_eq!(heard.contact.as_str(), made);
    assert_eq!(desk.get(&format!("/v1/contacts/{made}")).await.data()["name"], "Budi", "an empty name is filled");
}

#[tokio::test]
async fn a_conversation_is_given_away_closed_and_opened_again() {
    let desk = Desk::new().await;
    subscribe(&desk).await;
    let (ana, sari) = (user(&desk, "ana").await, user(&desk, "sari").await);
    let path = format!("/v1/conversations/{}", write(&desk, BUDI, "wamid.1", "Halo").await.conversation);
    told(&desk).await;

    let given = desk.send("PATCH", &path, json!({ "assigned_to": ana })).await;
    assert_eq!(given.data()["assignee"], json!({ "id": ana, "name": "ana", "email": "ana@example.com" }));
    desk.send("PATCH", &path, json!({ "assigned_to": ana, "status": "open" })).await;
    let events = told(&desk).await;
    assert_eq!(names(&events), ["conversation.assigned"], "what is so already is no event");
    assert_eq!(events[0].1["data"]["assignee"], json!({ "user_id": ana, "team_id": null, "previous_user_id": null }));
    assert_eq!(events[0].1["data"]["conversation"], *given.data(), "the whole conversation is told");

    desk.send("PATCH", &path, json!({ "assigned_to": sari })).await;
    desk.send("PATCH", &path, json!({ "assigned_to": null, "status": "resolved" })).await;
    let events = told(&desk).await;
    assert_eq!(names(&events), ["conversation.assigned", "conversation.assigned", "conversation.closed"]);
    let assigned: Vec<_> = events
        .iter()
        .filter(|(name, _)| name == "conversation.assigned")
        .map(|(_, body)| &body["data"]["assignee"])
        .collect();
    assert_eq!((&assigned[0]["user_id"], &assigned[0]["previous_user_id"]), (&json!(sari), &json!(ana)));
    assert_eq!((&assigned[1]["user_id"], &assigned[1]["previous_user_id"]), (&Json::Null, &json!(sari)));
    let closed = events.iter().find(|(name, _)| name == "conversation.closed").expect("it is told");
    let told_of = &closed.1["data"]["conversation"];
    assert_eq!((&told_of["status"], &told_of["closed_by_user_id"]), (&json!("resolved"), &Json::Null));

    desk.dial.advance(Duration::from_secs(60));
    write(&desk, BUDI, "wamid.2", "Masih di sana?").await;
    assert_eq!(names(&told(&desk).await), ["conversation.reopened", "message.received"]);
    let open = desk.get(&path).await;
    assert_eq!((&open.data()["status"], &open.data()["unread_count"]), (&json!("open"), &json!(2)));
    desk.send("PATCH", &path, json!({ "status": "resolved" })).await;
    desk.send("PATCH", &path, json!({ "status": "pending" })).await;
    assert_eq!(names(&told(&desk).await), ["conversation.closed", "conversation.reopened"]);
}

#[tokio::test]
async fn bad_patches_name_the_member_at_fault() {
    let desk = Desk::new().await;
    let path = format!("/v1/conversations/{}", write(&desk, BUDI, "wamid.1", "Halo").await.conversation);
    for (body, code, param) in [
        (json!({}), "missing_required_field", None),
        (json!({ "status": "closed" }), "invalid_field_value", Some("status")),
        (json!({ "assigned_to": "somebody" }), "invalid_field_value", Some("assigned_to")),
        (json!({ "assigned_to": "usr_01HXYZABCDEFGHJKMNPQRSTVWX" }), "invalid_field_value", Some("assigned_to")),
        (json!({ "team_id": "team_01HXYZABCDEFGHJKMNPQRSTVWX" }), "invalid_field_value", Some("team_id")),
    ] {
        assert_eq!(desk.send("PATCH", &path, body.clone()).await.refusal(), (400, code, param), "{body}");
    }
    for unknown in ["/v1/conversations/cnv_01HXYZABCDEFGHJKMNPQRSTVWX", "/v1/conversations/x"] {
        let answer = desk.send("PATCH", unknown, json!({ "status": "open" })).await;
        assert_eq!(answer.refusal(), (404, "resource_not_found", None), "{unknown}");
    }
}

#[tokio::test]
async fn lists_come_by_activity_in_pages_and_in_both_layouts() {
    let desk = Desk::new().await;
    let ana = user(&desk, "ana").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        desk.dial.advance(Duration::from_secs(1));
        ids.push(
            write(&desk, &format!("+62811122233{n}"), &format!("wamid.{n}"), "Halo").await.conversation.to_string(),
        );
    }
    desk.dial.advance(Duration::from_secs(1));
    write(&desk, "+628111222331", "wamid.again", "Halo?").await;
    desk.send("PATCH", &format!("/v1/conversations/{}", ids[3]), json!({ "assigned_to": ana, "status": "pending" }))
        .await;
    let order: Vec<&str> = [1, 4, 3, 2, 0].iter().map(|n: &usize| ids[*n].as_str()).collect();
    let listed = |page: &Json| -> Vec<String> {
        let rows = page.as_array().expect("rows").iter();
        rows.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    for root in ["/v1".to_owned(), format!("/v1/{ACCOUNT}")] {
        let first = desk.get(&format!("{root}/conversations?limit=2")).await;
        assert_eq!(listed(first.data()), order[..2]);
        let cursor = first.body["next_cursor"].as_str().expect("more");
        let rest = desk.get(&format!("{root}/conversations?limit=3&cursor={cursor}")).await;
        assert_eq!((listed(rest.data()), rest.body["has_more"].as_bool()), (ids_of(&order[2..]), Some(false)));
        let other = desk.get(&format!("{root}/conversations?status=open&cursor={cursor}")).await;
        assert_eq!(other.refusal(), (400, "invalid_cursor", Some("cursor")));
    }
    let contact = desk.get(&format!("/v1/conversations/{}", ids[0])).await.data()["contact"]["id"].clone();
    let contact = contact.as_str().expect("an id");
    for (query, expected) in [
        (format!("contact_id={contact}"), vec![ids[0].as_str()]),
        (format!("assigned_to={ana}"), vec![ids[3].as_str()]),
        ("assigned_to=none&status=open&limit=1".to_owned(), vec![order[0]]),
        ("status=pending".to_owned(), vec![ids[3].as_str()]),
        ("label=lbl_01HXYZABCDEFGHJKMNPQRSTVWX".to_owned(), vec![]),
    ] {
        assert_eq!(listed(desk.get(&format!("/v1/conversations?{query}")).await.data()), expected, "{query}");
    }
    for (query, param) in
        [("status=x", "status"), ("contact_id=x", "contact_id"), ("assigned_to=x", "assigned_to"), ("label=x", "label")]
    {
        let refused = desk.get(&format!("/v1/conversations?{query}")).await;
        assert_eq!(refused.refusal(), (400, "invalid_field_value", Some(param)));
    }
    assert_eq!(desk.get("/v1/999999999/conversations").await.refusal(), (404, "resource_not_found", None));
}

#[tokio::test]
async fn labels_hang_on_conversations() {
    let desk = Desk::new().await;
    let path = format!("/v1/conversations/{}", write(&desk, BUDI, "wamid.1", "Halo").await.conversation);
    let label = desk.post("/v1/labels", json!({ "name": "urgent", "color": "red" })).await;
    let id = label.text_of("id");
    for _ in 0..2 {
        let attached = desk.post(&format!("{path}/labels"), json!({ "label_id": id })).await;
        let conversation = path.trim_start_matches("/v1/conversations/");
        assert_eq!(
            (attached.status.as_u16(), attached.data()),
            (200, &json!({ "conversation_id": conversation, "label_id": id, "attached": true }))
        );
    }
    for shown in
        [format!("{path}?expand=labels"), format!("/v1/{ACCOUNT}{}?expand=labels", path.trim_start_matches("/v1"))]
    {
        assert_eq!(desk.get(&shown).await.data()["labels"], json!([label.data()]), "{shown}");
    }
    let listed = desk.get(&format!("/v1/conversations?label={id}&expand=labels")).await;
    assert_eq!(listed.data()[0]["labels"][0]["name"], "urgent");
    assert_eq!(desk.get(&path).await.data().get("labels"), None);
    for _ in 0..2 {
        let detached = desk.send("DELETE", &format!("{path}/labels/{id}"), Json::Null).await;
        assert_eq!((detached.status.as_u16(), &detached.data()["attached"]), (200, &json!(false)));
    }
    assert_eq!(desk.get(&format!("/v1/conversations?label={id}")).await.data(), &json!([]));
    let unknown = json!({ "label_id": "lbl_01HXYZABCDEFGHJKMNPQRSTVWX" });
    assert_eq!(desk.post(&format!("{path}/labels"), unknown).await.refusal(), (404, "resource_not_found", None));
    assert_eq!(desk.get(&format!("{path}?expand=x")).await.refusal(), (400, "invalid_field_value", Some("expand")));

    let org = desk.org.clone();
    let moved = desk.app.store.write(move |tx| {
        let team = tx.add_team(&org, "Sales")?.id;
        tx.set_account_team(&org, ACCOUNT, Some(&team))
    });
    moved.await.expect("the account has a team");
    let foreign = desk.post(&format!("{path}/labels"), json!({ "label_id": id })).await;
    assert_eq!(foreign.refusal(), (400, "invalid_field_value", Some("label_id")));
}

fn ids_of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
