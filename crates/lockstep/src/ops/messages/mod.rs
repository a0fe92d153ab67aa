//! Messages: taken in from the channel, queued for it, read, and what the channel tells of them.

mod heard;

pub(super) use heard::passed_on;
pub use heard::{news, receive};

use lockstep_core::contact::{Contact, NewContact};
use lockstep_core::conversation::Conversation;
use lockstep_core::event::EventType;
use lockstep_core::ids::MessageId;
use lockstep_core::job::Job;
use lockstep_core::mapping::view::phone_key;
use lockstep_core::message::{Direction, Message, MessageKind, MessageStatus, Source, Times};
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::{Map, Value as Json};

use crate::app::App;
use crate::ops::Author;
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::conversations::{self, publish};
use crate::ops::payload::{self, MessageObject};

/// A message to send, checked already by [`lockstep_core::message::check_sendable`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Who writes it.
    pub source: Source,
    /// To whom.
    pub to: Phone,
    /// What it is.
    pub kind: MessageKind,
    /// What stands under the kind's name in Meta's form.
    pub content: Map<String, Json>,
    /// The message that it answers.
    pub reply_to: Option<MessageName>,
}

/// A message as callers name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageName {
    /// By our id.
    Ours(MessageId),
    /// By the channel's.
    Channels(String),
}

fn known(tx: &mut Tx<'_>, org: &Org, account: &str, phone: &Phone) -> Result<Option<Contact>, StoreError> {
    if let Some(contact) = tx.contact_by_phone(org, Some(account), phone)?.into_iter().next() {
        return Ok(Some(contact));
    }
    for id in tx.contacts_by_key(org, &phone_key(phone))? {
        let contact = tx.contact(org, &id)?.filter(|contact| contact.account == account);
        if contact.is_some() {
            return Ok(contact);
        }
    }
    Ok(None)
}

/// Queues a message: its contact and conversation are made if need be, and the job that sends it is in the same commit.
///
/// # Errors
/// The account is not clear or not connected, the customer has not written for a day and it is no template, or the
/// message that it answers is not known.
pub fn queue(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Author,
    choice: &AccountChoice,
    new: NewMessage,
) -> Result<Message, Problem> {
    let account = sending_account(tx, &by.org, choice)?;
    let number = account.phone_number_id;
    let contact = match known(tx, &by.org, &number, &new.to)? {
        Some(contact) => contact,
        None => {
            let person = NewContact {
                account: Some(number.clone()),
                phone_number: Some(new.to.clone()),
                acquisition_source: Some("api".to_owned()),
                ..NewContact::default()
            };
            contacts::create(tx, by, person)?
        }
    };
    let conversation = conversations::open(tx, by, &contact)?;
    let now = tx.now();
    if new.kind != MessageKind::Template && !conversation.window_open(now) {
        let message = "The customer has not written for 24 hours. Send an approved template instead.";
        return Err(Problem::of(Code::Outside24hWindow, "type", message));
    }
    let message = Message {
        id: MessageId::new(tx.env()),
        account: number.clone(),
        conversation: conversation.id.clone(),
        contact: contact.id.clone(),
        direction: Direction::Outbound,
        source: new.source,
        kind: new.kind,
        content: channels_ids(tx, &by.org, new.kind, new.content)?,
        vendor_id: None,
        reply_to: new.reply_to.map(|name| answered(tx, &by.org, name, "context.message_id")).transpose()?,
        status: MessageStatus::Queued,
        error: None,
        attempted_at: None,
        times: Times::default(),
        livemode: by.livemode,
        created_at: now,
        updated_at: now,
    };
    tx.insert_message(&by.org, &message)?;
    conversations::commit(tx, by, &conversation, &conversation.with_outbound(now))?;
    let shown = object(tx, app, &by.org, &message)?;
    publish(tx, by, EventType::MessageCreated, payload::message_sent(&message, &shown, &contact))?;
    tx.enqueue(&Job::Send { message: message.id.clone(), conversation: conversation.id }, now)?;
    Ok(message)
}

/// The content with the channel's id of the message that a reaction is to.
fn channels_ids(
    tx: &mut Tx<'_>,
    org: &Org,
    kind: MessageKind,
    mut content: Map<String, Json>,
) -> Result<Map<String, Json>, Problem> {
    if kind == MessageKind::Reaction
        && let Some(Json::String(id)) = content.get_mut("message_id")
        && let Ok(ours) = MessageId::parse(id)
    {
        *id = answered(tx, org, MessageName::Ours(ours), "reaction.message_id")?;
    }
    Ok(content)
}

fn sending_account(tx: &mut Tx<'_>, org: &Org, choice: &AccountChoice) -> Result<Account, Problem> {
    let unverified = |message: &str| Problem::new(Code::WhatsappNumberNotVerified, message);
    if !tx.accounts(org)?.iter().any(|account| account.status == CONNECTED) {
        return Err(unverified("The organization has no connected WhatsApp number. Connect one first."));
    }
    let account = contacts::account(tx, org, choice)?;
    if account.status != CONNECTED {
        return Err(unverified("This WhatsApp number is not connected. GET /v1/accounts shows which are."));
    }
    Ok(account)
}

/// The status of an account that can send.
pub const CONNECTED: &str = "connected";

/// The channel's id of the message that a new one answers.
fn answered(tx: &mut Tx<'_>, org: &Org, name: MessageName, param: &str) -> Result<String, Problem> {
    let ours = match name {
        MessageName::Ours(ours) => ours,
        MessageName::Channels(vendor_id) => return Ok(vendor_id),
    };
    tx.message(org, &ours)?.and_then(|message| message.vendor_id).ok_or_else(|| {
        let message = "There is no such message, or the channel has not taken it yet.";
        Problem::of(Code::InvalidFieldValue, param, message)
    })
}

/// Finds the message that a caller names, of one account if the channel names it so.
///
/// # Errors
/// The account is not clear, or no such message.
pub fn named(tx: &mut Tx<'_>, org: &Org, choice: &AccountChoice, name: &MessageName) -> Result<Message, Problem> {
    match (name, choice) {
        (MessageName::Ours(id), AccountChoice::Only) => find(tx, org, None, id),
        (MessageName::Ours(id), _) => {
            let account = contacts::account(tx, org, choice)?.phone_number_id;
            find(tx, org, Some(&account), id)
        }
        (MessageName::Channels(vendor_id), _) => {
            let account = contacts::account(tx, org, choice)?.phone_number_id;
            tx.message_by_vendor(org, &account, vendor_id)?.ok_or_else(|| Problem::not_found("message"))
        }
    }
}

/// Finds a message, within one account if one is given.
///
/// # Errors
/// No such message.
pub fn find(tx: &mut Tx<'_>, org: &Org, account: Option<&str>, id: &MessageId) -> Result<Message, Problem> {
    tx.message(org, id)?
        .filter(|message| account.is_none_or(|account| message.account == account))
        .ok_or_else(|| Problem::not_found("message"))
}

/// Marks a customer's message and all before it as read, here and at the channel; a test key's reading stays here.
///
/// # Errors
/// The message is ours, or the store's.
pub fn mark_read(tx: &mut Tx<'_>, by: &Author, message: &Message, typing: bool) -> Result<Message, Problem> {
    if message.direction != Direction::Inbound {
        let text = "Only a message of the customer can be marked as read.";
        return Err(Problem::of(Code::InvalidFieldValue, "message_id", text));
    }
    let read = tx.read_messages(&by.org, message)?;
    if let Some(conversation) = tx.conversation(&by.org, &message.conversation)? {
        let unread = conversation.unread.saturating_sub(read).max(0);
        conversations::commit(tx, by, &conversation, &Conversation { unread, ..conversation.clone() })?;
    }
    if by.livemode && (read > 0 || typing) {
        let now = tx.now();
        tx.enqueue(&Job::MarkRead { message: message.id.clone(), typing }, now)?;
    }
    Ok(tx.message(&by.org, &message.id)?.unwrap_or_else(|| message.clone()))
}

/// Shows a message to callers and subscribers.
///
/// # Errors
/// The store's.
pub fn object(tx: &mut Tx<'_>, app: &App, org: &Org, message: &Message) -> Result<MessageObject, StoreError> {
    Ok(MessageObject::new(message, &tx.accounts(org)?, &app.settings.public_url))
}
