//! What may stand in a message. Limits are Meta's (developers.facebook.com/docs/whatsapp/cloud-api/reference/messages).

use serde_json::{Map, Value as Json};

use crate::limits;
use crate::message::MessageKind;
use crate::problem::{Code, Problem};
use crate::text;

/// Checks content that a caller wants to send: that the kind can be sent, and that it is all there.
///
/// # Errors
/// [`Code::InvalidFieldValue`] or [`Code::MissingRequiredField`] with the member as `param`.
pub fn check_sendable(kind: MessageKind, content: &Map<String, Json>) -> Result<(), Problem> {
    check_content(kind, content)?;
    match kind {
        MessageKind::Text => text_body(content),
        MessageKind::Image | MessageKind::Video | MessageKind::Audio | MessageKind::Document | MessageKind::Sticker => {
            media(kind, content)
        }
        MessageKind::Template => {
            words(kind, content, "name", limits::TEMPLATE_NAME_CHARS_MAX)?;
            let language = content.get("language").and_then(|language| language.get("code")).and_then(Json::as_str);
            language.filter(|code| !code.is_empty()).map_or_else(|| missing("template.language.code"), |_| Ok(()))
        }
        MessageKind::Interactive => {
            words(kind, content, "type", limits::MESSAGE_TEXT_CHARS_MAX)?;
            let action = content.get("action").is_some_and(Json::is_object);
            if action { Ok(()) } else { missing("interactive.action") }
        }
        MessageKind::Location => {
            for member in ["latitude", "longitude"] {
                if !content.get(member).is_some_and(|value| value.is_number() || value.is_string()) {
                    return missing(&format!("location.{member}"));
                }
            }
            Ok(())
        }
        MessageKind::Contacts => {
            let some = content.get("contacts").and_then(Json::as_array).is_some_and(|cards| !cards.is_empty());
            if some { Ok(()) } else { missing("contacts") }
        }
        MessageKind::Reaction => {
            words(kind, content, "message_id", limits::VENDOR_ID_CHARS_MAX)?;
            let emoji = content.get("emoji").is_some_and(Json::is_string);
            if emoji { Ok(()) } else { missing("reaction.emoji") }
        }
        MessageKind::Button | MessageKind::Unknown => {
            Err(Problem::of(Code::InvalidFieldValue, "type", format!("A {} cannot be sent.", kind.as_str())))
        }
    }
}

/// Checks that content can be kept: its size, and no U+0000 anywhere.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with the kind as `param`.
pub fn check_content(kind: MessageKind, content: &Map<String, Json>) -> Result<(), Problem> {
    let bytes = serde_json::to_string(content).unwrap_or_default();
    if bytes.len() as u64 > limits::MESSAGE_CONTENT_BYTES_MAX {
        let message = format!("A message takes at most {} bytes as JSON.", limits::MESSAGE_CONTENT_BYTES_MAX);
        return Err(Problem::of(Code::InvalidFieldValue, kind.as_str(), message));
    }
    // JSON writes U+0000 as this escape and a backslash as two, so an odd run of them before it is the real thing.
    let nul = bytes
        .match_indices("\\u0000")
        .any(|(at, _)| bytes[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0);
    if nul || content.keys().any(|key| text::has_nul(key)) {
        return Err(Problem::of(Code::InvalidFieldValue, kind.as_str(), "A message must not hold U+0000."));
    }
    Ok(())
}

fn text_body(content: &Map<String, Json>) -> Result<(), Problem> {
    words(MessageKind::Text, content, "body", limits::MESSAGE_TEXT_CHARS_MAX)
}

fn media(kind: MessageKind, content: &Map<String, Json>) -> Result<(), Problem> {
    let named = |member: &str| content.get(member).and_then(Json::as_str).filter(|text| !text.is_empty());
    let param = |member: &str| format!("{}.{member}", kind.as_str());
    match (named("link"), named("id")) {
        (None, None) => return missing(&param("link")),
        (Some(_), Some(_)) => {
            return Err(Problem::of(Code::InvalidFieldValue, param("link"), "Give either link or id, not both."));
        }
        (Some(link), None) if !is_web_address(link) => {
            let message = "link must be an http or https address that the channel can fetch.";
            return Err(Problem::of(Code::InvalidFieldValue, param("link"), message));
        }
        (Some(_), None) | (None, Some(_)) => {}
    }
    for (member, chars_max) in [("caption", limits::CAPTION_CHARS_MAX), ("filename", limits::FILENAME_CHARS_MAX)] {
        if content.contains_key(member) {
            words(kind, content, member, chars_max)?;
        }
    }
    Ok(())
}

fn is_web_address(link: &str) -> bool {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !link.contains(char::is_whitespace))
        && link.len() as u64 <= limits::MEDIA_LINK_BYTES_MAX
}

/// The member must be text of 1 to `chars_max` characters.
fn words(kind: MessageKind, content: &Map<String, Json>, member: &str, chars_max: u64) -> Result<(), Problem> {
    let param = format!("{}.{member}", kind.as_str());
    match content.get(member) {
        None | Some(Json::Null) => missing(&param),
        Some(Json::String(text)) if !text.is_empty() && limits::fits(text, chars_max) => Ok(()),
        Some(_) => {
            let message = format!("{param} must be text of 1 to {chars_max} characters.");
            Err(Problem::of(Code::InvalidFieldValue, param, message))
        }
    }
}

fn missing(param: &str) -> Result<(), Problem> {
    Err(Problem::of(Code::MissingRequiredField, param, format!("{param} is required.")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: MessageKind, content: Json) -> Result<(), (Code, String)> {
        let problem = |problem: Problem| (problem.code, problem.param.unwrap_or_default());
        check_sendable(kind, content.as_object().unwrap()).map_err(problem)
    }

    #[test]
    fn what_can_be_sent_is_all_there() {
        use MessageKind::{
            Button, Contacts, Document, Image, Interactive, Location, Reaction, Template, Text, Unknown,
        };
        let missing = |param: &str| Err((Code::MissingRequiredField, param.to_owned()));
        let wrong = |param: &str| Err((Code::InvalidFieldValue, param.to_owned()));
        let link = "https://example.com/a.jpg";
        for (kind, content, expected) in [
            (Text, json!({ "body": "é".repeat(4096) }), Ok(())),
            (Text, json!({ "body": "a".repeat(4097) }), wrong("text.body")),
            (Text, json!({ "body": "" }), wrong("text.body")),
            (Text, json!({ "body": "a\0" }), wrong("text")),
            (Text, json!({ "body": "a\\u0000" }), Ok(())),
            (Text, json!({}), missing("text.body")),
            (Image, json!({ "link": link, "caption": "hi" }), Ok(())),
            (Image, json!({ "id": "1" }), Ok(())),
            (Image, json!({ "id": "1", "link": link }), wrong("image.link")),
            (Image, json!({ "link": "ftp://example.com" }), wrong("image.link")),
            (Image, json!({ "link": link, "caption": "a".repeat(1025) }), wrong("image.caption")),
            (Document, json!({}), missing("document.link")),
            (Template, json!({ "name": "hello", "language": { "code": "id" } }), Ok(())),
            (Template, json!({ "name": "hello" }), missing("template.language.code")),
            (Template, json!({ "language": { "code": "id" } }), missing("template.name")),
            (Interactive, json!({ "type": "button", "action": {} }), Ok(())),
            (Interactive, json!({ "type": "button" }), missing("interactive.action")),
            (Location, json!({ "latitude": 1.5 }), missing("location.longitude")),
            (Contacts, json!({ "contacts": [] }), missing("contacts")),
            (Reaction, json!({ "message_id": "wamid.1", "emoji": "" }), Ok(())),
            (Button, json!({}), wrong("type")),
            (Unknown, json!({}), wrong("type")),
            (Interactive, json!({ "type": "list", "action": { "x": "a".repeat(64 * 1024) } }), wrong("interactive")),
        ] {
            let told = content.to_string().chars().take(60).collect::<String>();
            assert_eq!(check(kind, content), expected, "{kind:?} {told}");
        }
    }
}
