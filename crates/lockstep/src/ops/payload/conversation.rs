//! Conversations as callers and subscribers read them (reference sections "Conversations" and "Payloads").

use lockstep_core::contact::Contact;
use lockstep_core::conversation::{Conversation, ConversationStatus};
use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, ConversationId, TeamId, UserId};
use lockstep_core::label::Label;
use lockstep_store::{Account, User};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::{LabelObject, WhatsappAccount};

/// A conversation. Beyond Kirim's members it shows `team_id`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationObject {
    /// `cnv_…`
    #[schema(value_type = String)]
    pub id: ConversationId,
    /// Always `conversation`.
    #[schema(value_type = String)]
    pub object: &'static str,
    /// `open`, `pending` or `resolved`.
    #[schema(value_type = String)]
    pub status: ConversationStatus,
    /// With whom.
    pub contact: ContactStub,
    /// The account that it runs over.
    pub whatsapp_account: WhatsappAccount,
    /// The user who looks after it; null when nobody does.
    #[schema(required)]
    pub assignee: Option<Assignee>,
    /// The team that looks after it.
    #[schema(value_type = Option<String>, required)]
    pub team_id: Option<TeamId>,
    /// The customer's messages that nobody has read.
    pub unread_count: i64,
    /// When the newest message came or went.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_message_at: Option<Time>,
    /// When the customer last wrote.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_inbound_at: Option<Time>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
    /// Its labels; only with `expand=labels`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub labels: Option<Vec<LabelObject>>,
}

/// The contact inside a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactStub {
    /// `ctc_…`
    #[schema(value_type = String)]
    pub id: ContactId,
    /// E.164 with its `+`.
    #[schema(required)]
    pub phone_number: Option<String>,
    /// The name as people see it.
    #[schema(required)]
    pub name: Option<String>,
}

/// A user who looks after a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Assignee {
    /// `usr_…`
    #[schema(value_type = String)]
    pub id: UserId,
    /// The name as people see it.
    #[schema(required)]
    pub name: Option<String>,
    /// The e-mail address.
    #[schema(required)]
    pub email: Option<String>,
}

impl Assignee {
    /// Shows a user in short.
    pub fn new(user: &User) -> Self {
        Self { id: user.id.clone(), name: Some(user.name.clone()), email: user.email.clone() }
    }
}

impl ContactStub {
    /// Shows a contact in short.
    pub fn new(contact: &Contact) -> Self {
        Self {
            id: contact.id.clone(),
            phone_number: contact.phone_number.as_ref().map(ToString::to_string),
            name: contact.name.clone(),
        }
    }
}

impl ConversationObject {
    /// Shows a conversation; `accounts` are its organization's.
    pub fn new(
        conversation: &Conversation,
        contact: &Contact,
        accounts: &[Account],
        assignee: Option<Assignee>,
    ) -> Self {
        Self {
            id: conversation.id.clone(),
            object: "conversation",
            status: conversation.status,
            contact: ContactStub::new(contact),
            whatsapp_account: WhatsappAccount::new(&conversation.account, accounts),
            assignee,
            team_id: conversation.assigned_team.clone(),
            unread_count: conversation.unread,
            last_message_at: conversation.last_message_at,
            last_inbound_at: conversation.last_inbound_at,
            created_at: conversation.created_at,
            updated_at: conversation.updated_at,
            labels: None,
        }
    }

    /// The same conversation with its labels.
    #[must_use]
    pub fn labelled(self, labels: &[Label]) -> Self {
        Self { labels: Some(labels.iter().map(LabelObject::new).collect()), ..self }
    }
}

/// The `data` of `conversation.opened` and `conversation.reopened`.
pub fn conversation_opened(conversation: &ConversationObject) -> Json {
    json!({ "conversation": conversation })
}

/// The `data` of `conversation.assigned`.
pub fn conversation_assigned(conversation: &ConversationObject, previous_user: Option<&UserId>) -> Json {
    let user = conversation.assignee.as_ref().map(|assignee| &assignee.id);
    let assignee = json!({ "user_id": user, "team_id": conversation.team_id, "previous_user_id": previous_user });
    json!({ "conversation": conversation, "assignee": assignee })
}

/// The `data` of `conversation.closed`. A key closes on nobody's behalf: then there is no user to name.
pub fn conversation_closed(conversation: &ConversationObject, by: Option<&UserId>) -> Json {
    let mut conversation = json!(conversation);
    conversation["closed_by_user_id"] = json!(by);
    json!({ "conversation": conversation })
}
