//! Meta's webhooks: the handshake, the signature and what a body says. Source: "Create a webhook endpoint" and the
//! "messages webhook reference" of the WhatsApp Business Platform on developers.facebook.com.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use lockstep_core::env::Time;
use lockstep_core::ids::MessageId;
use lockstep_core::message::{MessageError, MessageKind, MessageStatus, check_content};
use lockstep_core::phone::Phone;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use sha2::Sha256;

use crate::channel::{Inbound, News, StatusNews, Told};

/// The header that carries the signature.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// Whether `header` is `sha256=` and the HMAC of the raw body under the app's secret, in hexadecimal. The comparison
/// takes the same time wherever they differ.
pub fn verifies(header: &str, app_secret: &str, body: &[u8]) -> bool {
    let Some(signature) = header.strip_prefix("sha256=").and_then(|digits| hex::decode(digits).ok()) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&signature).is_ok()
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    object: String,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    id: Json,
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: Map<String, Json>,
}

/// Everything that a body tells, in its order.
///
/// # Errors
/// It is not JSON in Meta's form.
pub fn read(body: &[u8]) -> Result<Vec<Told>, serde_json::Error> {
    let body: Body = serde_json::from_slice(body)?;
    let mut told = Vec::new();
    for entry in &body.entry {
        for change in &entry.changes {
            let frame = Frame { object: &body.object, entry: &entry.id, change };
            frame.read(&mut told);
        }
    }
    Ok(told)
}

/// What stands around a message or a status.
struct Frame<'a> {
    object: &'a str,
    entry: &'a Json,
    change: &'a Change,
}

impl Frame<'_> {
    fn read(&self, told: &mut Vec<Told>) {
        let value = &self.change.value;
        let number = value.get("metadata").and_then(|it| text(it, "phone_number_id")).unwrap_or_default();
        let mut tell = |news| told.push(Told { number: number.to_owned(), news });
        if self.change.field != "messages" {
            return tell(News::Other(format!("a change of {:?}, which nobody here reads", self.change.field)));
        }
        for message in list(value, "messages") {
            tell(self.message(message).map_or_else(News::Other, News::Message));
        }
        for status in list(value, "statuses") {
            tell(self.status(status).map_or_else(News::Other, News::Status));
        }
        for error in list(value, "errors") {
            let failure = failure(error);
            tell(News::Other(format!("error {} of the account: {}", failure.code, failure.message)));
        }
    }

    fn message(&self, message: &Json) -> Result<Inbound, String> {
        let vendor_id = text(message, "id").ok_or("a message without an id")?;
        // Somebody who hides their number behind a user name is known by `from_user_id` alone ("Business-scoped user
        // IDs"); a contact here is a phone number.
        let from =
            text(message, "from").and_then(phone).ok_or_else(|| format!("{vendor_id} of nobody with a number"))?;
        let profile = self.writer(text(message, "from").unwrap_or_default());
        let (kind, content) = content(message);
        let (kind, content) = match check_content(kind, &content) {
            Ok(()) => (kind, content),
            Err(problem) => (MessageKind::Unknown, cannot_be_kept(kind, &problem.message)),
        };
        Ok(Inbound {
            vendor_id: vendor_id.to_owned(),
            from,
            profile_name: profile.and_then(|it| text(it.get("profile")?, "name")).map(str::to_owned),
            at: time(message).ok_or_else(|| format!("{vendor_id} without a time"))?,
            kind,
            content,
            reply_to: message.get("context").and_then(|it| text(it, "id")).map(str::to_owned),
            body: self.narrowed("messages", message, profile),
        })
    }

    fn status(&self, status: &Json) -> Result<StatusNews, String> {
        let vendor_id = text(status, "id").ok_or("a status without an id")?;
        let name = text(status, "status").unwrap_or_default();
        let reached = match name {
            "sent" => MessageStatus::Sent,
            "delivered" => MessageStatus::Delivered,
            // A voice message that was played was read before.
            "read" | "played" => MessageStatus::Read,
            "failed" => MessageStatus::Failed,
            _ => return Err(format!("{vendor_id} is {name:?}, which nobody here knows")),
        };
        let errors = status.get("errors").and_then(Json::as_array);
        Ok(StatusNews {
            vendor_id: vendor_id.to_owned(),
            ours: text(status, "biz_opaque_callback_data").and_then(|id| MessageId::parse(id).ok()),
            status: reached,
            at: time(status).ok_or_else(|| format!("the status {name} of {vendor_id} has no time"))?,
            error: errors.and_then(|errors| errors.first()).map(failure),
            body: self.narrowed("statuses", status, None),
        })
    }

    /// The profile of whoever wrote.
    fn writer(&self, from: &str) -> Option<&Json> {
        list(&self.change.value, "contacts").find(|contact| text(contact, "wa_id") == Some(from))
    }

    /// The webhook's body as if it had told this alone.
    fn narrowed(&self, list: &str, item: &Json, contact: Option<&Json>) -> Map<String, Json> {
        let kept = |name: &str| !matches!(name, "messages" | "statuses" | "errors" | "contacts");
        let value = self.change.value.iter().filter(|(name, _)| kept(name));
        let mut value: Map<String, Json> = value.map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(contact) = contact {
            value.insert("contacts".to_owned(), json!([contact]));
        }
        value.insert(list.to_owned(), json!([item]));
        let entry = json!([{"id": self.entry, "changes": [{"field": self.change.field, "value": value}]}]);
        Map::from_iter([("object".to_owned(), self.object.into()), ("entry".to_owned(), entry)])
    }
}

/// What a message is and what it says. What has no name here keeps all its own members.
fn content(message: &Json) -> (MessageKind, Map<String, Json>) {
    let name = text(message, "type").unwrap_or_default();
    let kind = MessageKind::parse(name).unwrap_or(MessageKind::Unknown);
    let part = message.get(name);
    match (kind, part) {
        (MessageKind::Contacts, Some(cards @ Json::Array(_))) => {
            (kind, Map::from_iter([("contacts".to_owned(), cards.clone())]))
        }
        (MessageKind::Unknown, _) | (_, None) => (MessageKind::Unknown, whole(message)),
        (_, Some(Json::Object(part))) => (kind, part.clone()),
        (_, Some(_)) => (MessageKind::Unknown, whole(message)),
    }
}

fn whole(message: &Json) -> Map<String, Json> {
    let framing = |name: &str| matches!(name, "from" | "id" | "timestamp" | "context");
    let members = message.as_object().into_iter().flatten().filter(|(name, _)| !framing(name));
    members.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn cannot_be_kept(kind: MessageKind, why: &str) -> Map<String, Json> {
    Map::from_iter([("type".to_owned(), kind.as_str().into()), ("reason".to_owned(), why.into())])
}

/// Source: "Errors webhook reference": a code, a title and, in `error_data`, details.
fn failure(error: &Json) -> MessageError {
    let code = error.get("code").map_or_else(
        || "unknown".to_owned(),
        |code| match code {
            Json::String(code) => code.clone(),
            other => other.to_string(),
        },
    );
    let title = text(error, "title").or_else(|| text(error, "message")).unwrap_or("WhatsApp gives no reason");
    let mut message = format!("{}.", title.trim_end_matches('.'));
    let details = error.get("error_data").and_then(|data| text(data, "details"));
    if let Some(details) = details.filter(|details| *details != title) {
        // Writing to a string cannot fail.
        let _ = write!(message, " {details}");
    }
    MessageError { code, message }
}

fn list<'a>(value: &'a Map<String, Json>, name: &str) -> impl Iterator<Item = &'a Json> {
    value.get(name).and_then(Json::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Json, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str)
}

/// A `wa_id` is E.164 without its plus.
fn phone(wa_id: &str) -> Option<Phone> {
    Phone::parse(&format!("+{}", wa_id.trim_start_matches('+'))).ok()
}

/// Unix seconds, as text or as a number.
fn time(value: &Json) -> Option<Time> {
    let secs = match value.get("timestamp")? {
        Json::String(secs) => secs.parse().ok()?,
        other => other.as_i64()?,
    };
    (0..=MAX_SECS).contains(&secs).then(|| Time::from_secs(secs))
}

/// The year 9999; what is later is no time.
const MAX_SECS: i64 = 253_402_300_799;

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
