//! Bodies of the message routes: Meta's form, and the older one that differs from it in a few names.

use lockstep_core::ids::MessageId;
use lockstep_core::limits::{VENDOR_ID_CHARS_MAX, fits};
use lockstep_core::message::{MessageKind, Source, check_sendable};
use lockstep_core::problem::{Code, Problem};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use crate::ops::contacts::AccountChoice;
use crate::ops::messages::{MessageName, NewMessage};
use crate::wire::inbox::dto::{account_choice, phone_number};

/// A message to send, or with `status: "read"` the customer's message that was read.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct MessageBody {
    /// The account's number; needed only where there are several and the path names none.
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    from: Option<String>,
    /// To whom, E.164 with its `+`.
    #[schema(nullable = false, pattern = r"^\+[1-9]\d{6,14}$")]
    to: Option<String>,
    /// `text` (when absent), `image`, `video`, `audio`, `document`, `sticker`, `location`, `contacts`, `interactive`,
    /// `template` or `reaction`: the member of that name holds the content.
    #[serde(rename = "type")]
    #[schema(nullable = false)]
    kind: Option<String>,
    /// `{body, preview_url?}`, or the text itself.
    #[schema(schema_with = text_schema)]
    text: Option<Json>,
    /// `{link | id, caption?}`; `url` is read as `link`, in all files.
    #[schema(value_type = Option<Object>)]
    image: Option<Json>,
    /// `{link | id, caption?}`
    #[schema(value_type = Option<Object>)]
    video: Option<Json>,
    /// `{link | id}`
    #[schema(value_type = Option<Object>)]
    audio: Option<Json>,
    /// `{link | id, caption?, filename?}`
    #[schema(value_type = Option<Object>)]
    document: Option<Json>,
    /// `{link | id}`
    #[schema(value_type = Option<Object>)]
    sticker: Option<Json>,
    /// `{latitude, longitude, name?, address?}`
    #[schema(value_type = Option<Object>)]
    location: Option<Json>,
    /// Address cards.
    #[schema(value_type = Option<Vec<Object>>)]
    contacts: Option<Json>,
    /// Buttons or a list.
    #[schema(value_type = Option<Object>)]
    interactive: Option<Json>,
    /// `{name, language: {code}, components?}`
    #[schema(value_type = Option<Object>)]
    template: Option<Json>,
    /// `{message_id, emoji}`
    #[schema(value_type = Option<Object>)]
    reaction: Option<Json>,
    /// The message that this one answers.
    context: Option<ContextBody>,
    /// `read`: marks `message_id` and what came before it as read, and sends nothing.
    status: Option<String>,
    /// With `status`: the customer's message, by the channel's id of it or ours.
    message_id: Option<String>,
    /// With `status`: shows the customer that an answer is being typed.
    #[schema(value_type = Option<Object>)]
    typing_indicator: Option<Json>,
}

fn text_schema() -> Schema {
    let kinds = SchemaType::from_iter([Type::Object, Type::String, Type::Null]);
    ObjectBuilder::new()
        .schema_type(kinds)
        .description(Some("`{body, preview_url?}`, or the text itself."))
        .build()
        .into()
}

/// The message that another one answers.
#[derive(Debug, Deserialize, ToSchema)]
struct ContextBody {
    /// The channel's id of it, or ours.
    message_id: String,
}

/// What a body asks for.
#[derive(Debug, PartialEq)]
pub enum Asked {
    /// To send a message over an account.
    Send(Box<NewMessage>, AccountChoice),
    /// To mark a message as read.
    Read {
        /// The message.
        message: MessageName,
        /// The account that it came over.
        account: AccountChoice,
        /// Whether to show a typing sign.
        typing: bool,
    },
}

/// Reads either id of a message.
fn name(param: &str, text: String) -> Result<MessageName, Problem> {
    if let Ok(ours) = MessageId::parse(&text) {
        return Ok(MessageName::Ours(ours));
    }
    if text.is_empty() || !fits(&text, VENDOR_ID_CHARS_MAX) || text.contains('\0') {
        let message = format!("{param} must be the id of a message.");
        return Err(Problem::of(Code::InvalidFieldValue, param, message));
    }
    Ok(MessageName::Channels(text))
}

impl MessageBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do.
    pub fn checked(mut self) -> Result<Asked, Problem> {
        let account = account_choice(self.from.as_deref())?;
        if let Some(status) = self.status.as_deref() {
            if status != "read" {
                return Err(Problem::of(Code::InvalidFieldValue, "status", "status takes read."));
            }
            let message = name("message_id", self.message_id.ok_or_else(|| missing("message_id"))?)?;
            return Ok(Asked::Read { message, account, typing: self.typing_indicator.is_some() });
        }
        let to = phone_number("to", &self.to.take().ok_or_else(|| missing("to"))?)?;
        let word = self.kind.take().unwrap_or_else(|| MessageKind::Text.as_str().to_owned());
        let kind = MessageKind::parse(&word)
            .filter(|kind| *kind != MessageKind::Unknown)
            .ok_or_else(|| Problem::of(Code::InvalidFieldValue, "type", "No such type of message."))?;
        let content = content(kind, self.part(kind).ok_or_else(|| missing(kind.as_str()))?)?;
        check_sendable(kind, &content)?;
        let reply_to = self.context.take().map(|context| name("context.message_id", context.message_id));
        let new = NewMessage { source: Source::Api, to, kind, content, reply_to: reply_to.transpose()? };
        Ok(Asked::Send(Box::new(new), account))
    }

    fn part(&mut self, kind: MessageKind) -> Option<Json> {
        let part = match kind {
            MessageKind::Text => &mut self.text,
            MessageKind::Image => &mut self.image,
            MessageKind::Video => &mut self.video,
            MessageKind::Audio => &mut self.audio,
            MessageKind::Document => &mut self.document,
            MessageKind::Sticker => &mut self.sticker,
            MessageKind::Location => &mut self.location,
            MessageKind::Contacts => &mut self.contacts,
            MessageKind::Interactive => &mut self.interactive,
            MessageKind::Template => &mut self.template,
            MessageKind::Reaction => &mut self.reaction,
            MessageKind::Button | MessageKind::Unknown => return Some(json!({})),
        };
        part.take()
    }
}

fn missing(param: &str) -> Problem {
    Problem::of(Code::MissingRequiredField, param, format!("{param} is required."))
}

/// The part in Meta's form.
fn content(kind: MessageKind, part: Json) -> Result<Map<String, Json>, Problem> {
    match (kind, part) {
        (MessageKind::Text, Json::String(body)) => Ok(Map::from_iter([("body".to_owned(), Json::String(body))])),
        (MessageKind::Contacts, cards @ Json::Array(_)) => Ok(Map::from_iter([("contacts".to_owned(), cards)])),
        (_, Json::Object(mut content)) if kind != MessageKind::Contacts => {
            if kind.is_media()
                && let Some(url) = content.remove("url")
            {
                content.entry("link").or_insert(url);
            }
            Ok(content)
        }
        _ => {
            let shape = if kind == MessageKind::Contacts { "a list" } else { "an object" };
            let message = format!("{} must be {shape}.", kind.as_str());
            Err(Problem::of(Code::InvalidFieldValue, kind.as_str(), message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(body: Json) -> Result<NewMessage, (Code, Option<String>)> {
        let body: MessageBody = serde_json::from_value(body).unwrap();
        match body.checked().map_err(|problem| (problem.code, problem.param))? {
            Asked::Send(new, _) => Ok(*new),
            Asked::Read { .. } => panic!("a message was to be sent"),
        }
    }

    #[test]
    fn both_generations_of_bodies_mean_the_same() {
        let link =
            json!({ "to": "+628111222333", "type": "image", "image": { "link": "https://a.b/c", "caption": "x" } });
        let url =
            json!({ "to": "+628111222333", "type": "image", "image": { "url": "https://a.b/c", "caption": "x" } });
        assert_eq!(send(link), send(url));
        let whole =
            json!({ "to": "+628111222333", "type": "text", "text": { "body": "Hi" }, "recipient_type": "individual" });
        assert_eq!(send(whole), send(json!({ "to": "+628111222333", "text": "Hi" })));
    }

    #[test]
    fn bad_bodies_name_the_member_at_fault() {
        let wrong = |param: &str| Err((Code::InvalidFieldValue, Some(param.to_owned())));
        let missing = |param: &str| Err((Code::MissingRequiredField, Some(param.to_owned())));
        for (body, expected) in [
            (json!({ "text": "Hi" }), missing("to")),
            (json!({ "to": "0811", "text": "Hi" }), Err((Code::InvalidPhoneNumber, Some("to".to_owned())))),
            (json!({ "to": "+628111222333" }), missing("text")),
            (json!({ "to": "+628111222333", "type": "fax" }), wrong("type")),
            (json!({ "to": "+628111222333", "type": "unknown" }), wrong("type")),
            (json!({ "to": "+628111222333", "type": "button" }), wrong("type")),
            (json!({ "to": "+628111222333", "type": "image", "image": [] }), wrong("image")),
            (json!({ "to": "+628111222333", "type": "contacts", "contacts": {} }), wrong("contacts")),
            (json!({ "status": "delivered" }), wrong("status")),
            (json!({ "status": "read" }), missing("message_id")),
            (json!({ "status": "read", "message_id": "" }), wrong("message_id")),
            (
                json!({ "to": "+628111222333", "text": "Hi", "context": { "message_id": "" } }),
                wrong("context.message_id"),
            ),
        ] {
            assert_eq!(send(body.clone()), expected, "{body}");
        }
    }
}
