use super::*;

/// The first pair is the example of the page "WhatsApp.Webhook" of the Elixir package whatsapp_sdk on hexdocs.pm; the
/// second was computed with `openssl dgst -sha256 -hmac` over a body with characters outside of ASCII.
#[test]
fn signatures_are_the_hmac_of_the_raw_bytes() {
    let good = "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914";
    assert!(verifies(good, "secret", b"test"));
    assert!(verifies(&good.to_uppercase().replace("SHA256", "sha256"), "secret", b"test"));
    assert!(verifies(OPENSSL, "app-secret", "{\"t\":\"Häl😀lo\"}".as_bytes()));
    for (header, secret, body) in [
        (good, "secret", "test "),
        (good, "Secret", "test"),
        (&good[..70], "secret", "test"),
        (&good[7..], "secret", "test"),
        ("sha1=0329", "secret", "test"),
        ("sha256=", "secret", "test"),
        ("sha256=zz", "secret", "test"),
        ("", "secret", "test"),
    ] {
        assert!(!verifies(header, secret, body.as_bytes()), "{header} {secret} {body}");
    }
}

const OPENSSL: &str = "sha256=6bce86f02a5f9ae57f4fda676ff5c706da5d844f4648f50e6f549fcc53534c89";

fn body(value: &Json) -> Vec<u8> {
    let mut value = value.clone();
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] = json!({"display_phone_number": "15550783881", "phone_number_id": "106540352242922"});
    let body = json!({"object": "whatsapp_business_account", "entry": [
        {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}]});
    body.to_string().into_bytes()
}

fn one(value: &Json) -> News {
    let mut told = read(&body(value)).unwrap();
    assert_eq!(told.len(), 1);
    let only = told.remove(0);
    assert_eq!(only.number, "106540352242922");
    only.news
}

fn message(message: &Json) -> Inbound {
    let mut full = json!({"from": "16505551234", "id": "wamid.A", "timestamp": "1749416383"});
    full.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
    match one(&json!({"contacts": [{"profile": {"name": "Sheena"}, "wa_id": "16505551234"}], "messages": [full]})) {
        News::Message(inbound) => inbound,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_text_is_read_with_its_writer_and_narrowed_to_itself() {
    let read = message(&json!({"type": "text", "text": {"body": "Hello"}, "context": {"from": "1", "id": "wamid.Z"}}));
    assert_eq!(read.from.as_str(), "+16505551234");
    assert_eq!((read.vendor_id.as_str(), read.profile_name.as_deref()), ("wamid.A", Some("Sheena")));
    assert_eq!((read.kind, read.at), (MessageKind::Text, Time::from_secs(1_749_416_383)));
    assert_eq!(Json::Object(read.content), json!({"body": "Hello"}));
    assert_eq!(read.reply_to.as_deref(), Some("wamid.Z"));
    let value = Json::Object(read.body)["entry"][0]["changes"][0]["value"].clone();
    assert_eq!(value["metadata"]["phone_number_id"], "106540352242922");
    assert_eq!(value["contacts"][0]["profile"]["name"], "Sheena");
    assert_eq!(value["messages"].as_array().map(Vec::len), Some(1));
}

#[test]
fn every_kind_keeps_what_stands_under_its_name() {
    for (sent, kind, content) in [
        (json!({"type": "image", "image": {"id": "1"}}), MessageKind::Image, json!({"id": "1"})),
        (
            json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "b"}}}),
            MessageKind::Interactive,
            json!({"type": "button_reply", "button_reply": {"id": "b"}}),
        ),
        (json!({"type": "button", "button": {"text": "Yes"}}), MessageKind::Button, json!({"text": "Yes"})),
        (
            json!({"type": "reaction", "reaction": {"message_id": "wamid.B", "emoji": "👍"}}),
            MessageKind::Reaction,
            json!({"message_id": "wamid.B", "emoji": "👍"}),
        ),
        (
            json!({"type": "contacts", "contacts": [{"name": {}}]}),
            MessageKind::Contacts,
            json!({"contacts": [{"name": {}}]}),
        ),
        (
            json!({"type": "order", "order": {"catalog_id": "1"}}),
            MessageKind::Unknown,
            json!({"type": "order", "order": {"catalog_id": "1"}}),
        ),
        (
            json!({"type": "unsupported", "errors": [{"code": 131_051}]}),
            MessageKind::Unknown,
            json!({"type": "unsupported", "errors": [{"code": 131_051}]}),
        ),
        (json!({"type": "text"}), MessageKind::Unknown, json!({"type": "text"})),
        (json!({"type": "text", "text": "x"}), MessageKind::Unknown, json!({"type": "text", "text": "x"})),
    ] {
        let read = message(&sent);
        assert_eq!((read.kind, Json::Object(read.content)), (kind, content), "{sent}");
    }
}

#[test]
fn what_cannot_be_kept_is_a_message_all_the_same() {
    let read = message(&json!({"type": "text", "text": {"body": "a\0b"}}));
    assert_eq!((read.kind, read.content["type"].as_str()), (MessageKind::Unknown, Some("text")));
}

#[test]
fn statuses_carry_our_id_and_the_reason_of_a_failure() {
    let status = json!({"id": "wamid.A", "status": "failed", "timestamp": "1749416383", "recipient_id": "16505551234",
        "biz_opaque_callback_data": "msg_01HXYZABCDEFGHJKMNPQRSTVWX",
        "errors": [{"code": 131_047, "title": "Re-engagement message", "error_data": {"details": "24 hours passed"}}]});
    let News::Status(news) = one(&json!({"statuses": [status]})) else { panic!("no status") };
    assert_eq!(news.ours.as_ref().map(MessageId::as_str), Some("msg_01HXYZABCDEFGHJKMNPQRSTVWX"));
    assert_eq!((news.status, news.vendor_id.as_str()), (MessageStatus::Failed, "wamid.A"));
    let error = news.error.unwrap();
    assert_eq!((error.code.as_str(), error.message.as_str()), ("131047", "Re-engagement message. 24 hours passed"));
    for (name, status) in [
        ("sent", MessageStatus::Sent),
        ("delivered", MessageStatus::Delivered),
        ("read", MessageStatus::Read),
        ("played", MessageStatus::Read),
    ] {
        let told = json!({"statuses": [{"id": "wamid.A", "status": name, "timestamp": 1_749_416_383}]});
        let News::Status(news) = one(&told) else { panic!("no status") };
        assert_eq!((news.status, news.ours, news.error), (status, None, None));
    }
}

#[test]
fn one_body_may_tell_many_things_and_what_is_odd_stops_none_of_them() {
    let value = json!({
        "messages": [
            {"from": "16505551234", "id": "wamid.A", "timestamp": "1", "type": "text", "text": {"body": "one"}},
            {"from_user_id": "US.1349", "id": "wamid.B", "timestamp": "1", "type": "text", "text": {"body": "two"}},
            {"from": "16505551234", "timestamp": "1", "type": "text"},
            {"from": "16505551234", "id": "wamid.C", "timestamp": "99999999999999", "type": "text"},
            "nonsense"
        ],
        "statuses": [{"id": "wamid.D", "status": "deleted", "timestamp": "1"}, {"id": "wamid.E", "status": "sent",
            "timestamp": "1"}],
        "errors": [{"code": 130_429, "title": "Rate limit hit"}],
    });
    let told: Vec<News> = read(&body(&value)).unwrap().into_iter().map(|told| told.news).collect();
    let kinds: Vec<&str> = told
        .iter()
        .map(|news| match news {
            News::Message(_) => "message",
            News::Status(_) => "status",
            News::Other(_) => "other",
        })
        .collect();
    assert_eq!(kinds, ["message", "other", "other", "other", "other", "other", "status", "other"]);
    let other = json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
        {"field": "account_update", "value": {"event": "X"}}]}]});
    assert!(matches!(read(other.to_string().as_bytes()).unwrap()[0].news, News::Other(_)));
    assert!(read(b"\"text\"").is_err() && read(b"{").is_err());
    assert!(read(b"{}").unwrap().is_empty());
}
