//! `POST /{version}/{phone-number-id}/messages`: sends, and marks as read. Source: "Messages" of the WhatsApp Business
//! Platform on developers.facebook.com, one page a message type.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal, title_of};
use super::business::{Business, Message, TEMPLATES};

/// Characters of a text. Source: "Text messages".
const TEXT_CHARS_MAX: usize = 4_096;
/// Characters of a caption. Source: "Image messages".
const CAPTION_CHARS_MAX: usize = 1_024;

pub(super) fn messages(business: &mut Business, number: &str, body: &[u8]) -> Answer {
    if business.number(number).is_none() {
        return Err(Refusal::no_object(number));
    }
    let body: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| Refusal::parameter(format!("Invalid JSON: {error}")))?;
    if body.get("messaging_product") != Some(&json!("whatsapp")) {
        return Err(Refusal::parameter("The parameter messaging_product is required."));
    }
    if body.get("status") == Some(&json!("read")) {
        return mark_read(business, number, &body);
    }
    send(business, number, &body)
}

/// Source: "Mark messages as read".
fn mark_read(business: &mut Business, number: &str, body: &Map<String, Value>) -> Answer {
    let id = text(body, "message_id")?;
    let known = business.messages.iter().position(|it| it.id == id && it.number == number && !it.outbound);
    let known = known.ok_or_else(|| Refusal::value("message_id is no message that this number received"))?;
    // What came before it is read too.
    let customer = business.messages[known].customer.clone();
    for message in &mut business.messages[..=known] {
        if message.number == number && message.customer == customer && !message.outbound {
            message.marked_read = true;
        }
    }
    Ok(json!({"success": true}))
}

fn send(business: &mut Business, number: &str, body: &Map<String, Value>) -> Answer {
    let input = text(body, "to")?;
    let customer: String = input.chars().filter(char::is_ascii_digit).collect();
    if !(7..=15).contains(&customer.len()) {
        return Err(Refusal::value("to is no phone number"));
    }
    let kind = body.get("type").map_or(Ok("text"), |kind| kind.as_str().ok_or_else(|| wrong("type")))?;
    check(business, kind, body)?;
    let callback = body.get("biz_opaque_callback_data");
    let callback = callback.map(|it| it.as_str().ok_or_else(|| wrong("biz_opaque_callback_data"))).transpose()?;
    business.admit(number, &customer)?;
    let id = business.wamid();
    business.messages.push(Message {
        id: id.clone(),
        number: number.to_owned(),
        customer: customer.clone(),
        outbound: true,
        content: body.clone().into(),
        marked_read: false,
    });
    business.announce_statuses(number, &customer, &id, kind, callback);
    let mut message = json!({"id": id});
    if kind == "template" {
        message["message_status"] = "accepted".into();
    }
    Ok(json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": input, "wa_id": customer}],
        "messages": [message],
    }))
}

fn check(business: &Business, kind: &str, body: &Map<String, Value>) -> Result<(), Refusal> {
    let part = body.get(kind).and_then(Value::as_object).ok_or_else(|| wrong(kind));
    match kind {
        "text" => {
            let chars = text(part?, "body")?.chars().count();
            if chars == 0 || chars > TEXT_CHARS_MAX {
                return Err(Refusal::parameter(format!("Param text['body'] must be 1 to {TEXT_CHARS_MAX} characters")));
            }
            Ok(())
        }
        "image" | "video" | "audio" | "document" | "sticker" => {
            let part = part?;
            if part.contains_key("link") == part.contains_key("id") {
                return Err(Refusal::parameter(format!("Param {kind} needs one of link and id")));
            }
            if part.get("caption").and_then(Value::as_str).is_some_and(|it| it.chars().count() > CAPTION_CHARS_MAX) {
                return Err(Refusal::parameter(format!("Param {kind}['caption'] is too long")));
            }
            match part.get("id").and_then(Value::as_str) {
                Some(id) if !business.media.contains_key(id) => Err(Refusal::no_object(id)),
                _ => Ok(()),
            }
        }
        "template" => check_template(part?),
        "interactive" => text(part?, "type").map(|_| ()),
        "reaction" => {
            let part = part?;
            text(part, "emoji")?;
            text(part, "message_id").map(|_| ())
        }
        "location" => part.map(|_| ()),
        "contacts" => body.get(kind).and_then(Value::as_array).map(|_| ()).ok_or_else(|| wrong(kind)),
        _ => Err(Refusal::parameter(format!("Param type must be one of the documented types, got {kind}"))),
    }
}

/// Source: "Templates" and "Cloud API error codes" (132000, 132001).
fn check_template(part: &Map<String, Value>) -> Result<(), Refusal> {
    let name = text(part, "name")?;
    let language = part.get("language").and_then(|it| it.get("code")).and_then(Value::as_str);
    let language = language.ok_or_else(|| wrong("template['language']['code']"))?;
    let mut approved = TEMPLATES.iter().filter(|it| it.status == "APPROVED");
    let template = approved.find(|it| it.name == name && it.language == language).ok_or_else(|| {
        let details = format!("template name ({name}) does not exist in {language}");
        Refusal::new(StatusCode::NOT_FOUND, 132_001, title_of(132_001), details)
    })?;
    let components = part.get("components").and_then(Value::as_array).cloned().unwrap_or_default();
    let given = components.iter().find(|it| it["type"] == "body").and_then(|it| it["parameters"].as_array());
    let given = given.map_or(0, Vec::len);
    if given != template.parameters() {
        let details = format!("number of parameters ({given}) does not match the expected {}", template.parameters());
        return Err(Refusal::new(StatusCode::BAD_REQUEST, 132_000, title_of(132_000), details));
    }
    Ok(())
}

fn text<'a>(part: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    part.get(name).and_then(Value::as_str).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Refusal {
    Refusal::parameter(format!("The parameter {name} is required."))
}
