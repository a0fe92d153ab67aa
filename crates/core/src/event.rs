//! Events of the outbox, as subscribers choose them.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::env::Time;
use crate::ids::EventId;

/// What is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventType {
    /// A contact was made.
    #[serde(rename = "contact.created")]
    ContactCreated,
    /// A contact's name, email, number, metadata or labels changed.
    #[serde(rename = "contact.updated")]
    ContactUpdated,
    /// A contact was deleted.
    #[serde(rename = "contact.deleted")]
    ContactDeleted,
    /// A label was made.
    #[serde(rename = "label.created")]
    LabelCreated,
    /// A label's name or colour changed.
    #[serde(rename = "label.updated")]
    LabelUpdated,
    /// A label was deleted, and with it taken from all that it hung on.
    #[serde(rename = "label.deleted")]
    LabelDeleted,
    /// A conversation began.
    #[serde(rename = "conversation.opened")]
    ConversationOpened,
    /// The user or team that looks after a conversation changed.
    #[serde(rename = "conversation.assigned")]
    ConversationAssigned,
    /// A conversation became `resolved`.
    #[serde(rename = "conversation.closed")]
    ConversationClosed,
    /// A resolved conversation was opened again, by its customer or by hand.
    #[serde(rename = "conversation.reopened")]
    ConversationReopened,
    /// A customer wrote. Its body has Meta's form.
    #[serde(rename = "message.received")]
    MessageReceived,
    /// A message was sent, delivered or read, or it failed. Its body has Meta's form.
    #[serde(rename = "message.status")]
    MessageStatus,
    /// A message of ours was accepted and queued.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// The channel has taken a message of ours: its id and the channel's belong together.
    #[serde(rename = "message.sent")]
    MessageSent,
    /// Somebody asked whether deliveries arrive. Nobody chooses it: it goes to the one subscription it was asked for.
    #[serde(rename = "webhook.ping")]
    WebhookPing,
}

impl EventType {
    /// Every type that subscribers can choose.
    pub const ALL: [Self; 14] = [
        Self::ContactCreated,
        Self::ContactUpdated,
        Self::ContactDeleted,
        Self::LabelCreated,
        Self::LabelUpdated,
        Self::LabelDeleted,
        Self::ConversationOpened,
        Self::ConversationAssigned,
        Self::ConversationClosed,
        Self::ConversationReopened,
        Self::MessageReceived,
        Self::MessageStatus,
        Self::MessageCreated,
        Self::MessageSent,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContactCreated => "contact.created",
            Self::ContactUpdated => "contact.updated",
            Self::ContactDeleted => "contact.deleted",
            Self::LabelCreated => "label.created",
            Self::LabelUpdated => "label.updated",
            Self::LabelDeleted => "label.deleted",
            Self::ConversationOpened => "conversation.opened",
            Self::ConversationAssigned => "conversation.assigned",
            Self::ConversationClosed => "conversation.closed",
            Self::ConversationReopened => "conversation.reopened",
            Self::MessageReceived => "message.received",
            Self::MessageStatus => "message.status",
            Self::MessageCreated => "message.created",
            Self::MessageSent => "message.sent",
            Self::WebhookPing => "webhook.ping",
        }
    }

    /// Whether its body is Meta's own, without our envelope (reference section "Payloads").
    pub const fn is_metas(self) -> bool {
        matches!(self, Self::MessageReceived | Self::MessageStatus)
    }

    /// Reads the name on the wire of a type that subscribers can choose.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }
}

/// One event. Its envelope on the wire is `{id, type, created_at, livemode, sequence, data}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Receivers drop repeats by it.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// When.
    pub created_at: Time,
    /// False for events caused by a test key.
    pub livemode: bool,
    /// Grows from event to event of one contact, with gaps: a receiver that has seen a higher one drops this one. `None`
    /// until it is published, and for pings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<i64>,
    /// The payload.
    pub data: Json,
}
