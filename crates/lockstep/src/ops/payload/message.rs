//! Messages as callers and subscribers read them (reference sections "Messages" and "Payloads").

use lockstep_core::contact::Contact;
use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, ConversationId, MessageId};
use lockstep_core::message::{Direction, Message, MessageError, MessageKind, MessageStatus, Source};
use lockstep_store::Account;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::{ContactStub, WhatsappAccount};

/// A message. Members that its type does not have are null.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageObject {
    /// `msg_…`
    #[schema(value_type = String)]
    pub id: MessageId,
    /// Always `message`.
    #[schema(value_type = String)]
    pub object: &'static str,
    /// `cnv_…`
    #[schema(value_type = String)]
    pub conversation_id: ConversationId,
    /// `ctc_…`
    #[schema(value_type = String)]
    pub contact_id: ContactId,
    /// The account that it came or goes over.
    pub whatsapp_account: WhatsappAccount,
    /// `inbound` or `outbound`.
    #[schema(value_type = String)]
    pub direction: Direction,
    /// Who wrote it: `api`, `dashboard` or `app`.
    #[schema(value_type = String)]
    pub source: Source,
    /// `text`, `image`, `video`, `audio`, `document`, `sticker`, `location`, `contacts`, `interactive`, `template`,
    /// `reaction`, `button` or `unknown`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: MessageKind,
    /// `received` (inbound, not read yet), `queued`, `sent`, `delivered`, `read` or `failed`.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// The channel's id, such as a wamid; null until the channel has taken it.
    #[schema(required)]
    pub provider_id: Option<String>,
    /// The message that it answers.
    #[schema(required)]
    pub context: Option<ReplyContext>,
    /// The text.
    #[schema(required)]
    pub content: Option<String>,
    /// Where its file can be fetched with an API key.
    #[schema(required)]
    pub media_url: Option<String>,
    /// The file's type.
    #[schema(required)]
    pub mime_type: Option<String>,
    /// The words under a picture, film or file.
    #[schema(required)]
    pub caption: Option<String>,
    /// The file's name.
    #[schema(required)]
    pub filename: Option<String>,
    /// A place: `latitude`, `longitude`, `name`, `address`.
    #[schema(value_type = Option<Object>, required)]
    pub location: Option<Json>,
    /// Address cards.
    #[schema(value_type = Option<Vec<Object>>, required)]
    pub contacts: Option<Json>,
    /// What was offered, or what the customer chose: then with `type`, `id`, `title` and `description`.
    #[schema(value_type = Option<Object>, required)]
    pub interactive: Option<Json>,
    /// A template as it was sent.
    #[schema(value_type = Option<Object>, required)]
    pub template: Option<Json>,
    /// `target_message_id` and `emoji`; an empty emoji takes the reaction away.
    #[schema(value_type = Option<Object>, required)]
    pub reaction: Option<Json>,
    /// A pressed quick reply: `payload` and `text`.
    #[schema(value_type = Option<Object>, required)]
    pub button: Option<Json>,
    /// Why it failed.
    #[schema(required)]
    pub error: Option<FailureObject>,
    /// When it was written (inbound), or taken by the channel.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub sent_at: Option<Time>,
    /// When it reached the other side.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub delivered_at: Option<Time>,
    /// When it was read.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub read_at: Option<Time>,
    /// When it failed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub failed_at: Option<Time>,
    /// When it was taken here.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
}

/// The message that another one answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReplyContext {
    /// The channel's id of it.
    pub message_id: String,
}

/// Why a message failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FailureObject {
    /// The channel's code as text, or `outcome_unknown`.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl From<MessageError> for FailureObject {
    fn from(error: MessageError) -> Self {
        Self { code: error.code, message: error.message }
    }
}

impl MessageObject {
    /// Shows a message; `accounts` are its organization's.
    pub fn new(message: &Message, accounts: &[Account], public_url: &str) -> Self {
        let is = |kind: MessageKind| message.kind == kind;
        let whole = |kind: MessageKind| is(kind).then(|| Json::Object(message.content.clone()));
        let text = |member: &str| message.content.get(member).and_then(Json::as_str).map(str::to_owned);
        let media = |member: &str| text(member).filter(|_| message.kind.is_media());
        Self {
            id: message.id.clone(),
            object: "message",
            conversation_id: message.conversation.clone(),
            contact_id: message.contact.clone(),
            whatsapp_account: WhatsappAccount::new(&message.account, accounts),
            direction: message.direction,
            source: message.source,
            kind: message.kind,
            status: message.status.as_str(),
            provider_id: message.vendor_id.clone(),
            context: message.reply_to.clone().map(|message_id| ReplyContext { message_id }),
            content: text("body").filter(|_| is(MessageKind::Text)),
            media_url: media_url(message, public_url),
            mime_type: media("mime_type"),
            caption: media("caption"),
            filename: media("filename"),
            location: whole(MessageKind::Location),
            contacts: message.content.get("contacts").filter(|_| is(MessageKind::Contacts)).cloned(),
            interactive: is(MessageKind::Interactive).then(|| interactive(&message.content)),
            template: whole(MessageKind::Template),
            reaction: is(MessageKind::Reaction).then(|| {
                json!({ "target_message_id": message.content.get("message_id"), "emoji": text("emoji").unwrap_or_default() })
            }),
            button: whole(MessageKind::Button),
            error: message.error.clone().map(FailureObject::from),
            sent_at: message.times.sent,
            delivered_at: message.times.delivered,
            read_at: message.times.read,
            failed_at: message.times.failed,
            created_at: message.created_at,
            updated_at: message.updated_at,
        }
    }
}

/// The customer's choice comes as `{type: T, T: {id, title, description?}}`; what stands under `T` is shown beside it.
fn interactive(content: &Map<String, Json>) -> Json {
    let mut shown = content.clone();
    let chosen = content.get("type").and_then(Json::as_str).and_then(|kind| content.get(kind)?.as_object());
    for (member, value) in chosen.into_iter().flatten() {
        shown.entry(member.clone()).or_insert_with(|| value.clone());
    }
    Json::Object(shown)
}

fn media_url(message: &Message, public_url: &str) -> Option<String> {
    message.kind.is_media().then(|| format!("{public_url}/v1/messages/{}/media", message.id))
}

/// What an event adds at the root of a body in Meta's form.
pub fn kirim(message: &Message, public_url: &str) -> Json {
    json!({
        "contact_id": message.contact,
        "conversation_id": message.conversation,
        "message_id": message.id,
        "media_url": media_url(message, public_url),
        // Files are fetched when they are asked for, so none is ever waited for.
        "media_status": message.kind.is_media().then_some("ready"),
    })
}

/// The `data` of `message.created` and `message.sent`.
pub fn message_sent(message: &Message, shown: &MessageObject, contact: &Contact) -> Json {
    let mut member = json!(shown);
    member["body"] = json!(shown.content);
    member["to"] = json!(contact.phone_number);
    json!({
        "session": message.account,
        "message": member,
        "contact": ContactStub::new(contact),
        "meta": { "phone_number_id": message.account },
    })
}

/// A status in Meta's form that Meta did not send: a failure that only we know of, or what a test message is told. Meta's
/// codes are numbers, ours are words.
pub fn own_status(
    message: &Message,
    account: &Account,
    to: &str,
    status: MessageStatus,
    at: Time,
) -> Map<String, Json> {
    let errors: Vec<Json> = message
        .error
        .iter()
        .map(|error| {
            let code = error.code.parse::<u64>().map_or_else(|_| json!(error.code), |code| json!(code));
            json!({ "code": code, "title": error.message, "message": error.message })
        })
        .collect();
    let mut status = json!({
        "id": message.vendor_id.as_deref().unwrap_or(message.id.as_str()),
        "status": status.as_str(),
        "timestamp": at.as_secs().to_string(),
        "recipient_id": to.trim_start_matches('+'),
        "biz_opaque_callback_data": message.id,
    });
    if !errors.is_empty() {
        status["errors"] = errors.into();
    }
    let metadata = json!({ "display_phone_number": account.phone_number, "phone_number_id": account.phone_number_id });
    let value = json!({ "messaging_product": "whatsapp", "metadata": metadata, "statuses": [status] });
    let entry = json!([{ "id": account.id, "changes": [{ "field": "messages", "value": value }] }]);
    Map::from_iter([("object".to_owned(), json!("whatsapp_business_account")), ("entry".to_owned(), entry)])
}
