//! What the Graph API is sent. Source: "Messages" of the WhatsApp Business Platform on developers.facebook.com, with one
//! page a message type, and "Mark messages as read".

use lockstep_core::message::MessageKind;
use serde_json::{Map, Value as Json, json};

use crate::channel::Outgoing;

/// The body of `POST /{version}/{phone-number-id}/messages` that sends a message. Our id goes along as
/// `biz_opaque_callback_data`, which comes back in every status of the message ("messages webhook reference").
pub fn send(outgoing: &Outgoing) -> Json {
    let mut body = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": outgoing.to.as_str(),
        "type": outgoing.kind.as_str(),
        "biz_opaque_callback_data": outgoing.id.as_str(),
    });
    body[outgoing.kind.as_str()] = match outgoing.kind {
        MessageKind::Contacts => outgoing.content.get("contacts").cloned().unwrap_or_default(),
        _ => Json::Object(sendable(&outgoing.content)),
    };
    // A reaction cannot be a reply ("Contextual replies"): it names its message itself.
    if let Some(id) = outgoing.reply_to.as_ref().filter(|_| outgoing.kind != MessageKind::Reaction) {
        body["context"] = json!({"message_id": id});
    }
    body
}

/// What webhooks tell of a file and nobody may send back.
fn sendable(content: &Map<String, Json>) -> Map<String, Json> {
    let told = |name: &str| matches!(name, "mime_type" | "sha256" | "url");
    content.iter().filter(|(name, _)| !told(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The body that marks a customer's message, and all before it, as read. Source for the sign: "Typing indicators".
pub fn mark_read(vendor_id: &str, typing: bool) -> Json {
    let mut body = json!({"messaging_product": "whatsapp", "status": "read", "message_id": vendor_id});
    if typing {
        body["typing_indicator"] = json!({"type": "text"});
    }
    body
}

#[cfg(test)]
mod tests {
    use lockstep_core::ids::MessageId;
    use lockstep_core::phone::Phone;

    use super::*;

    fn outgoing(kind: MessageKind, content: Json, reply_to: Option<&str>) -> Outgoing {
        Outgoing {
            id: MessageId::parse("msg_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            to: Phone::parse("+6281234567890").unwrap(),
            kind,
            content: content.as_object().unwrap().clone(),
            reply_to: reply_to.map(str::to_owned),
        }
    }

    #[test]
    fn every_send_names_its_kind_its_content_and_our_id() {
        let text = outgoing(MessageKind::Text, json!({"body": "hi", "preview_url": true}), Some("wamid.A"));
        assert_eq!(
            send(&text),
            json!({
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                "to": "+6281234567890",
                "type": "text",
                "text": {"body": "hi", "preview_url": true},
                "context": {"message_id": "wamid.A"},
                "biz_opaque_callback_data": "msg_01HXYZABCDEFGHJKMNPQRSTVWX",
            })
        );
        let image = outgoing(MessageKind::Image, json!({"link": "https://a.example/b.jpg", "mime_type": "x"}), None);
        assert_eq!(send(&image)["image"], json!({"link": "https://a.example/b.jpg"}));
        let cards = outgoing(MessageKind::Contacts, json!({"contacts": [{"name": {"first_name": "A"}}]}), None);
        assert_eq!(send(&cards)["contacts"], json!([{"name": {"first_name": "A"}}]));
        let template = json!({"name": "hello_world", "language": {"code": "en_US"}});
        assert_eq!(send(&outgoing(MessageKind::Template, template.clone(), None))["template"], template);
    }

    #[test]
    fn a_reaction_is_never_a_reply() {
        let reaction =
            outgoing(MessageKind::Reaction, json!({"message_id": "wamid.A", "emoji": "👍"}), Some("wamid.B"));
        assert_eq!(send(&reaction).get("context"), None);
    }

    #[test]
    fn reading_can_show_that_an_answer_is_typed() {
        assert_eq!(
            mark_read("wamid.A", false),
            json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.A"})
        );
        assert_eq!(mark_read("wamid.A", true)["typing_indicator"], json!({"type": "text"}));
    }
}
