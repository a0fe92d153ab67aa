//! The messaging inbox: channels and messages of an app.

use serde_json::{Value, json};

use super::desk::Desk;

#[test]
fn an_app_brings_messages_in() {
    let mut desk = Desk::calm();
    let draft = json!({"name": "WhatsApp", "provider_channel_id": "49151", "provider_type": "whatsapp"});
    let refused = desk.post("/v1/channels", &draft);
    assert_eq!(refused.status, 403, "a personal token may not");
    desk.bearer(&desk.pipedrive.grant().access_token.clone());
    let channel = desk.post("/v1/channels", &draft).json["data"].clone();
    assert_eq!(channel["pd_company_id"], 13_313_052);
    let message = json!({"id": "m1", "channel_id": channel["id"], "sender_id": "s", "conversation_id": "c",
        "message": "Hello 👋", "status": "sent", "created_at": "2026-01-01T00:00:00Z"});
    for _ in 0..2 {
        let got = desk.post("/v1/channels/messages/receive", &message);
        assert_eq!((got.status.as_u16(), &got.json["data"]), (200, &message));
    }
    assert_eq!(desk.pipedrive.messages().as_slice(), std::slice::from_ref(&message));
    for (name, value) in [("channel_id", json!("x")), ("status", json!("lost")), ("message", Value::Null)] {
        let mut wrong = message.clone();
        wrong[name] = value;
        assert_eq!(desk.post("/v1/channels/messages/receive", &wrong).status, 400, "{name}");
    }
    let path = format!("/v1/channels/{}", channel["id"].as_str().expect("an id"));
    assert_eq!(desk.delete(&path).status, 200);
    assert_eq!(desk.delete(&path).status, 400);
    assert!(desk.pipedrive.messages().is_empty());
}
