//! What a channel's webhooks tell.

use lockstep_core::env::Time;
use lockstep_core::ids::MessageId;
use lockstep_core::message::{MessageError, MessageKind, MessageStatus};
use lockstep_core::phone::Phone;
use serde_json::{Map, Value as Json};

/// One thing that a webhook tells of one of the organization's accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The account, as its `phone_number_id`.
    pub number: String,
    /// What it tells.
    pub news: News,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A customer wrote.
    Message(Inbound),
    /// Something happened to a message of ours.
    Status(StatusNews),
    /// Nothing that the inbox could keep, in words for the log.
    Other(String),
}

/// A message that came in, as a channel understood it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inbound {
    /// The channel's id of it; one that came before is the same message.
    pub vendor_id: String,
    /// Who wrote.
    pub from: Phone,
    /// How the channel names them; taken for a contact that has no name yet.
    pub profile_name: Option<String>,
    /// When they wrote, as the channel tells it.
    pub at: Time,
    /// What it is.
    pub kind: MessageKind,
    /// What stands under the kind's name in Meta's form.
    pub content: Map<String, Json>,
    /// The channel's id of the message that it answers.
    pub reply_to: Option<String>,
    /// The webhook's body in Meta's form, narrowed to this one message: subscribers get it with a `kirim` member.
    pub body: Map<String, Json>,
}

/// What a channel tells of a message of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusNews {
    /// The channel's id of the message.
    pub vendor_id: String,
    /// Our id, where the channel echoes it.
    pub ours: Option<MessageId>,
    /// What happened: `Sent`, `Delivered`, `Read` or `Failed`.
    pub status: MessageStatus,
    /// When, as the channel tells it.
    pub at: Time,
    /// Why it failed.
    pub error: Option<MessageError>,
    /// The webhook's body in Meta's form, narrowed to this one status.
    pub body: Map<String, Json>,
}
