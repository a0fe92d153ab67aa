//! The inbox's objects as callers and subscribers read them (reference sections "Contacts" and "Payloads").

mod conversation;
mod message;

use std::collections::BTreeMap;

pub use conversation::{
    Assignee, ContactStub, ConversationObject, conversation_assigned, conversation_closed, conversation_opened,
};
pub use message::{FailureObject, MessageObject, ReplyContext, kirim, message_sent, own_status};

use lockstep_core::contact::Contact;
use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, LabelId, TeamId};
use lockstep_core::label::{Color, Label};
use lockstep_store::Account;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

/// A contact. Beyond Kirim's members it shows `acquisition_source`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactObject {
    /// `ctc_…`
    #[schema(value_type = String)]
    pub id: ContactId,
    /// Always `contact`.
    #[schema(value_type = String)]
    pub object: &'static str,
    /// E.164 with its `+`.
    #[schema(required)]
    pub phone_number: Option<String>,
    /// The name as people see it.
    #[schema(required)]
    pub name: Option<String>,
    /// The e-mail address.
    #[schema(required)]
    pub email: Option<String>,
    /// A free JSON object; null when never set.
    #[schema(required)]
    pub metadata: Option<Map<String, Json>>,
    /// `inbound`, `api`, `dashboard`, `import` or a connector's name.
    #[schema(required)]
    pub acquisition_source: Option<String>,
    /// The account that the contact belongs to.
    pub whatsapp_account: WhatsappAccount,
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

/// A label.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LabelObject {
    /// `lbl_…`
    #[schema(value_type = String)]
    pub id: LabelId,
    /// Always `label`.
    #[schema(value_type = String)]
    pub object: &'static str,
    /// What people call it; unique within its team, whatever the case.
    pub name: String,
    /// How it looks.
    #[schema(value_type = String)]
    pub color: Color,
    /// The team that it belongs to, `team_…`.
    #[schema(value_type = String)]
    pub team_id: TeamId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// When its name or colour last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
}

impl LabelObject {
    /// Shows a label.
    pub fn new(label: &Label) -> Self {
        Self {
            id: label.id.clone(),
            object: "label",
            name: label.name.clone(),
            color: label.color,
            team_id: label.team.clone(),
            created_at: label.created_at,
            updated_at: label.updated_at,
        }
    }
}

/// The account inside a contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WhatsappAccount {
    /// The number as people write it.
    #[schema(required)]
    pub phone_number: Option<String>,
    /// Meta's `phone_number_id`.
    #[schema(required)]
    pub phone_number_id: Option<String>,
    /// Always null: Lockstep has no customers below an organization.
    #[schema(value_type = Option<Object>, required)]
    pub customer: (),
}

impl WhatsappAccount {
    /// Shows the account with this `phone_number_id`; `accounts` are the organization's.
    pub fn new(phone_number_id: &str, accounts: &[Account]) -> Self {
        let account = accounts.iter().find(|account| account.phone_number_id == phone_number_id);
        Self {
            phone_number: account.map(|account| account.phone_number.clone()),
            phone_number_id: Some(phone_number_id.to_owned()),
            customer: (),
        }
    }
}

impl ContactObject {
    /// Shows a contact; `accounts` are its organization's.
    pub fn new(contact: &Contact, accounts: &[Account]) -> Self {
        Self {
            id: contact.id.clone(),
            object: "contact",
            phone_number: contact.phone_number.as_ref().map(ToString::to_string),
            name: contact.name.clone(),
            email: contact.email.clone(),
            metadata: contact.metadata.clone(),
            acquisition_source: contact.acquisition_source.clone(),
            whatsapp_account: WhatsappAccount::new(&contact.account, accounts),
            created_at: contact.created_at,
            updated_at: contact.updated_at,
            labels: None,
        }
    }

    /// The same contact with its labels, out of those of many contacts.
    #[must_use]
    pub fn labelled(self, labels: &BTreeMap<ContactId, Vec<Label>>) -> Self {
        let own = labels.get(&self.id).into_iter().flatten();
        Self { labels: Some(own.map(LabelObject::new).collect()), ..self }
    }
}

/// Something that is gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Deleted {
    /// What it was called.
    pub id: String,
    /// What it was.
    #[schema(value_type = String)]
    pub object: &'static str,
    /// Always true.
    pub deleted: bool,
}

impl Deleted {
    /// Says that a thing is gone.
    pub fn new(id: impl ToString, object: &'static str) -> Self {
        Self { id: id.to_string(), object, deleted: true }
    }
}

/// The `data` of `contact.created`.
pub fn contact_created(contact: &ContactObject) -> Json {
    json!({ "contact": contact, "acquisition_source": contact.acquisition_source })
}

/// The `data` of `contact.updated`.
pub fn contact_updated(contact: &ContactObject, changed_fields: &[&str]) -> Json {
    json!({ "contact": contact, "changed_fields": changed_fields })
}

/// The `data` of `contact.deleted`: nothing personal is left in it.
pub fn contact_deleted(contact: &ContactId) -> Json {
    json!({ "contact": Deleted::new(contact, "contact") })
}

/// The `data` of `label.deleted`.
pub fn label_deleted(label: &LabelId) -> Json {
    json!({ "label": Deleted::new(label, "label") })
}
