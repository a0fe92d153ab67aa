//! Messages: taken in from the channel, queued for it, read, and what the channel tells of them.

use lockstep_core::contact::{Contact, ContactPatch, NewContact, check_name};
use lockstep_core::conversation::Conversation;
use lockstep_core::event::EventType;
use lockstep_core::ids::MessageId;
use lockstep_core::job::Job;
use lockstep_core::mapping::view::phone_key;
use lockstep_core::message::{Direction, Message, MessageKind, MessageStatus, Source, Times, check_content};
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::text;
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::{Map, Value as Json};

use crate::app::App;
use crate::channel::{Inbound, StatusNews};
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::conversations::{self, publish};
use crate::ops::payload::{self, MessageObject};
use crate::ops::{Author, sending};

/// A message to send, checked already by [`lockstep_core::message::check_sendable`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
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

/// Takes in a message of a customer, who becomes a contact with a conversation if nobody knows them yet. `None` when the
/// message came before.
///
/// # Errors
/// Content that cannot be kept, or the store's.
pub fn receive(
    tx: &mut Tx<'_>,
    app: &App,
    org: &Org,
    account: &Account,
    inbound: Inbound,
) -> Result<Option<Message>, Problem> {
    let number = account.phone_number_id.as_str();
    if tx.message_by_vendor(org, number, &inbound.vendor_id)?.is_some() {
        return Ok(None);
    }
    check_content(inbound.kind, &inbound.content)?;
    let by = Author::customer(org.clone(), number);
    let contact = writer(tx, &by, number, &inbound)?;
    let conversation = conversations::open(tx, &by, &contact)?;
    let now = tx.now();
    let written = inbound.at.min(now);
    let message = Message {
        id: MessageId::new(tx.env()),
        account: number.to_owned(),
        conversation: conversation.id.clone(),
        contact: contact.id.clone(),
        direction: Direction::Inbound,
        source: Source::App,
        kind: inbound.kind,
        content: inbound.content,
        vendor_id: Some(inbound.vendor_id),
        reply_to: inbound.reply_to,
        status: MessageStatus::Received,
        error: None,
        attempted_at: None,
        times: Times { sent: Some(written), ..Times::default() },
        livemode: true,
        created_at: now,
        updated_at: now,
    };
    tx.insert_message(org, &message)?;
    conversations::commit(tx, &by, &conversation, &conversation.with_inbound(written))?;
    passed_on(tx, app, &by, EventType::MessageReceived, &message, inbound.body)?;
    Ok(Some(message))
}

/// The contact who wrote. Their number may be kept in an older or newer spelling of the same line.
fn writer(tx: &mut Tx<'_>, by: &Author, account: &str, inbound: &Inbound) -> Result<Contact, Problem> {
    let name = inbound.profile_name.as_deref().map(text::clean).filter(|name| check_name(name).is_ok());
    let Some(known) = known(tx, &by.org, account, &inbound.from)? else {
        let new = NewContact {
            account: Some(account.to_owned()),
            phone_number: Some(inbound.from.clone()),
            name,
            acquisition_source: Some("inbound".to_owned()),
            ..NewContact::default()
        };
        return contacts::create(tx, by, new);
    };
    match name.filter(|_| known.name.is_none()) {
        Some(name) => {
            let patch = ContactPatch { name: Patch::Set(name), ..ContactPatch::default() };
            Ok(contacts::patch(tx, by, &known, patch)?)
        }
        None => Ok(known),
    }
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
        source: Source::Api,
        kind: new.kind,
        content: new.content,
        vendor_id: None,
        reply_to: new.reply_to.map(|id| answered(tx, &by.org, id)).transpose()?,
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
const CONNECTED: &str = "connected";

/// The channel's id of the message that a new one answers.
fn answered(tx: &mut Tx<'_>, org: &Org, name: MessageName) -> Result<String, Problem> {
    let ours = match name {
        MessageName::Ours(ours) => ours,
        MessageName::Channels(vendor_id) => return Ok(vendor_id),
    };
    tx.message(org, &ours)?.and_then(|message| message.vendor_id).ok_or_else(|| {
        let message = "There is no such message, or the channel has not taken it yet.";
        Problem::of(Code::InvalidFieldValue, "context.message_id", message)
    })
}

/// Takes in what the channel tells of a message of ours. False when the message is not ours or it is no news. The id
/// that the channel echoes tells what became of a send whose answer was lost.
///
/// # Errors
/// The store's.
pub fn news(tx: &mut Tx<'_>, app: &App, org: &Org, account: &Account, news: StatusNews) -> Result<bool, StoreError> {
    let number = account.phone_number_id.as_str();
    let found = match (tx.message_by_vendor(org, number, &news.vendor_id)?, &news.ours) {
        (None, Some(ours)) => tx.message(org, ours)?.filter(|message| message.vendor_id.is_none()),
        (found, _) => found,
    };
    let found = found.filter(|message| message.direction == Direction::Outbound && message.account == number);
    let Some(mut message) = found else { return Ok(false) };
    if message.vendor_id.is_none() {
        message.vendor_id = Some(news.vendor_id);
        sending::announce(tx, app, org, &message)?;
    }
    let told = message.advance(news.status, news.at, news.error);
    tx.put_message(org, &message)?;
    if told {
        let by = Author { livemode: message.livemode, ..Author::customer(org.clone(), number) };
        passed_on(tx, app, &by, EventType::MessageStatus, &message, news.body)?;
    }
    Ok(told)
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

/// Marks a customer's message and all before it as read, here and at the channel.
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
    if read > 0 || typing {
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

/// Queues an event whose body is the channel's own, with a `kirim` member that says what it is about here.
pub(super) fn passed_on(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Author,
    event_type: EventType,
    message: &Message,
    mut body: Map<String, Json>,
) -> Result<(), StoreError> {
    body.insert("kirim".to_owned(), payload::kirim(message, &app.settings.public_url));
    publish(tx, by, event_type, Json::Object(body))
}
