//! Conversations: begun by a message, given to somebody, closed and opened again; each with its event in the same commit.

use lockstep_core::contact::Contact;
use lockstep_core::conversation::{Conversation, ConversationPatch, ConversationStatus};
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{ConversationId, EventId};
use lockstep_core::problem::Problem;
use lockstep_store::{Org, StoreError, Tx};
use serde_json::Value as Json;

use crate::ops::Author;
use crate::ops::payload::{self, Assignee, ConversationObject};

/// The contact's conversation, opened if there is none.
///
/// # Errors
/// The store's.
pub fn open(tx: &mut Tx<'_>, by: &Author, contact: &Contact) -> Result<Conversation, StoreError> {
    let (conversation, made) = tx.conversation_with(&by.org, &contact.account, &contact.id)?;
    if made {
        let shown = object(tx, &by.org, &conversation)?;
        publish(tx, by, EventType::ConversationOpened, payload::conversation_opened(&shown))?;
    }
    Ok(conversation)
}

/// Finds a conversation, within one account if one is given.
///
/// # Errors
/// No such conversation.
pub fn find(tx: &mut Tx<'_>, org: &Org, account: Option<&str>, id: &ConversationId) -> Result<Conversation, Problem> {
    tx.conversation(org, id)?
        .filter(|conversation| account.is_none_or(|account| conversation.account == account))
        .ok_or_else(|| Problem::not_found("conversation"))
}

/// Changes a conversation. A patch that changes nothing leaves no trace.
///
/// # Errors
/// The store's.
pub fn edit(
    tx: &mut Tx<'_>,
    by: &Author,
    old: &Conversation,
    patch: ConversationPatch,
) -> Result<Conversation, StoreError> {
    commit(tx, by, old, &old.patched(patch))
}

/// Commits what became of a conversation, with the events that tell it.
///
/// # Errors
/// The store's.
pub fn commit(
    tx: &mut Tx<'_>,
    by: &Author,
    old: &Conversation,
    next: &Conversation,
) -> Result<Conversation, StoreError> {
    if next == old {
        return Ok(old.clone());
    }
    let next = tx.put_conversation(&by.org, next)?;
    let shown = object(tx, &by.org, &next)?;
    if (&next.assigned_user, &next.assigned_team) != (&old.assigned_user, &old.assigned_team) {
        let data = payload::conversation_assigned(&shown, old.assigned_user.as_ref());
        publish(tx, by, EventType::ConversationAssigned, data)?;
    }
    match (old.status, next.status) {
        (ConversationStatus::Open | ConversationStatus::Pending, ConversationStatus::Resolved) => {
            publish(tx, by, EventType::ConversationClosed, payload::conversation_closed(&shown))?;
        }
        (ConversationStatus::Resolved, ConversationStatus::Open | ConversationStatus::Pending) => {
            publish(tx, by, EventType::ConversationReopened, payload::conversation_opened(&shown))?;
        }
        _ => {}
    }
    Ok(next)
}

/// Shows a conversation to callers and subscribers.
///
/// # Errors
/// The store's.
pub fn object(tx: &mut Tx<'_>, org: &Org, conversation: &Conversation) -> Result<ConversationObject, StoreError> {
    let accounts = tx.accounts(org)?;
    let contact = tx.contact(org, &conversation.contact)?.ok_or(StoreError::Missing { what: "contact" })?;
    let user = match &conversation.assigned_user {
        Some(id) => tx.users_by_id(org, std::slice::from_ref(id))?.remove(id),
        None => None,
    };
    let assignee = user.map(|user| Assignee { id: user.id, name: Some(user.name), email: user.email });
    Ok(ConversationObject::new(conversation, &contact, &accounts, assignee))
}

pub(super) fn publish(tx: &mut Tx<'_>, by: &Author, event_type: EventType, data: Json) -> Result<(), StoreError> {
    let event = Event { id: EventId::new(tx.env()), event_type, created_at: tx.now(), livemode: by.livemode, data };
    tx.publish(&by.org, &event)?;
    Ok(())
}
