//! Conversations: begun by a message, given to somebody, closed and opened again; each with its event in the same commit.

use std::collections::BTreeMap;
use std::slice;

use lockstep_core::contact::Contact;
use lockstep_core::conversation::{Conversation, ConversationPatch, ConversationStatus};
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{ContactId, ConversationId, EventId, LabelId, UserId};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Org, StoreError, Tx};
use serde_json::{Value as Json, json};

use crate::ops::Author;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::labels::{self, Operation};
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
/// No such user or team, or the store's.
pub fn edit(
    tx: &mut Tx<'_>,
    by: &Author,
    old: &Conversation,
    patch: ConversationPatch,
) -> Result<Conversation, Problem> {
    let unknown = |param: &str, message: &str| Problem::of(Code::InvalidFieldValue, param, message);
    // Whoever has the conversation keeps it, also when they were removed since.
    if let Patch::Set(user) = &patch.assigned_user
        && old.assigned_user.as_ref() != Some(user)
    {
        tx.user(&by.org, user)?
            .ok_or_else(|| unknown("assigned_to", "There is no such user. GET /v1/users lists them."))?;
    }
    if let Patch::Set(team) = &patch.assigned_team {
        tx.team(&by.org, team)?
            .ok_or_else(|| unknown("team_id", "There is no such team. GET /v1/teams lists them."))?;
    }
    Ok(commit(tx, by, old, &old.patched(patch))?)
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
            publish(tx, by, EventType::ConversationClosed, payload::conversation_closed(&shown, by.user.as_ref()))?;
        }
        (ConversationStatus::Resolved, ConversationStatus::Open | ConversationStatus::Pending) => {
            publish(tx, by, EventType::ConversationReopened, payload::conversation_opened(&shown))?;
        }
        _ => {}
    }
    Ok(next)
}

/// Attaches a label to a conversation, or takes it off. What is so already is no error.
///
/// # Errors
/// No such label, or to attach it, another team's.
pub fn label(
    tx: &mut Tx<'_>,
    org: &Org,
    conversation: &Conversation,
    operation: Operation,
    label: &LabelId,
) -> Result<(), Problem> {
    match operation {
        Operation::Attach => {
            let account = contacts::account(tx, org, &AccountChoice::Id(conversation.account.clone()))?;
            labels::fitting(tx, org, &account, label)?;
            tx.attach_to_conversation(org, label, &conversation.id)?;
        }
        Operation::Detach => {
            labels::find(tx, org, None, label)?;
            tx.detach_from_conversation(org, label, &conversation.id)?;
        }
    }
    Ok(())
}

/// Shows a conversation to callers and subscribers.
///
/// # Errors
/// The store's.
pub fn object(tx: &mut Tx<'_>, org: &Org, conversation: &Conversation) -> Result<ConversationObject, StoreError> {
    objects(tx, org, slice::from_ref(conversation), false)?.pop().ok_or(StoreError::Missing { what: "contact" })
}

/// Shows conversations in their order, with their labels if those are wanted; one whose contact is just being deleted is
/// left out.
///
/// # Errors
/// The store's.
pub fn objects(
    tx: &mut Tx<'_>,
    org: &Org,
    conversations: &[Conversation],
    with_labels: bool,
) -> Result<Vec<ConversationObject>, StoreError> {
    let accounts = tx.accounts(org)?;
    let contacts: Vec<&ContactId> = conversations.iter().map(|conversation| &conversation.contact).collect();
    let contacts = tx.contacts_by_id(org, &contacts)?;
    let users: Vec<UserId> = conversations.iter().filter_map(|of| of.assigned_user.clone()).collect();
    let users = if users.is_empty() { BTreeMap::new() } else { tx.users_by_id(org, &users)? };
    let ids: Vec<&ConversationId> = conversations.iter().map(|conversation| &conversation.id).collect();
    let labels = if with_labels { Some(tx.labels_of_conversations(org, &ids)?) } else { None };
    let shown = conversations.iter().filter_map(|conversation| {
        let assignee = conversation.assigned_user.as_ref().and_then(|id| users.get(id)).map(Assignee::new);
        let shown = ConversationObject::new(conversation, contacts.get(&conversation.contact)?, &accounts, assignee);
        Some(match &labels {
            Some(labels) => shown.labelled(labels.get(&conversation.id).map(Vec::as_slice).unwrap_or_default()),
            None => shown,
        })
    });
    Ok(shown.collect())
}

/// Tells subscribers, with the next change number: it is above that of everything told of the contact before. Meta's bodies
/// have no envelope, so it stands in their `kirim` member too.
pub(super) fn publish(tx: &mut Tx<'_>, by: &Author, event_type: EventType, mut data: Json) -> Result<(), StoreError> {
    let sequence = tx.next_seq(&by.org)?;
    if let Some(kirim) = data.get_mut("kirim") {
        kirim["sequence"] = json!(sequence);
    }
    let event = Event {
        id: EventId::new(tx.env()),
        event_type,
        created_at: tx.now(),
        livemode: by.livemode,
        sequence: Some(sequence),
        data,
    };
    tx.publish(&by.org, &event)?;
    Ok(())
}
