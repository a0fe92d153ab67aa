//! What becomes of a queued message, decided in commits around the one moment when the channel has it: what is about to be
//! sent is written down before, and a message whose answer was lost is never sent again.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::event::EventType;
use lockstep_core::ids::MessageId;
use lockstep_core::message::{Message, MessageError, MessageStatus};
use lockstep_store::{Account, Org, StoreError, Tx};

use crate::app::App;
use crate::channel::{Line, Outgoing, StatusNews};
use crate::ops::Author;
use crate::ops::conversations::publish;
use crate::ops::messages::{news, object, passed_on};
use crate::ops::payload;

/// How long the channel's own news of a message may take before a lost answer counts as a failure.
pub const DOUBT: Duration = Duration::from_secs(120);

/// When a message looks again whether its turn has come.
const TURN: Duration = Duration::from_secs(2);

/// What is to be done about a queued message.
#[derive(Debug)]
pub enum Step {
    /// Nothing more.
    Done,
    /// Look again then: the answer to the send was lost, and the channel may still tell what became of it.
    Wait(Time),
    /// Hand it over. From now on it counts as sent unless the channel says otherwise.
    Send(Box<(Line, Outgoing)>),
}

/// Begins to send a message, or decides what became of an attempt without an answer.
///
/// # Errors
/// The store's.
pub fn begin(tx: &mut Tx<'_>, app: &App, id: &MessageId) -> Result<Step, StoreError> {
    let Some(org) = tx.org_of_message(id)? else { return Ok(Step::Done) };
    let Some(mut message) = tx.message(&org, id)? else { return Ok(Step::Done) };
    let now = tx.now();
    match message.status {
        // One that is put off holds back those after it: a customer reads a conversation in its order.
        MessageStatus::Queued if tx.waits_behind(&org, &message)? => Ok(Step::Wait(now.plus(TURN))),
        MessageStatus::Queued => {
            let account = tx.account(&org, &message.account)?.ok_or(StoreError::Missing { what: "account" })?;
            let contact = tx.contact(&org, &message.contact)?;
            let Some(to) = contact.and_then(|contact| contact.phone_number) else { return Ok(Step::Done) };
            if !message.livemode {
                simulate(tx, app, &org, &account, &message, to.as_str())?;
                return Ok(Step::Done);
            }
            message.status = MessageStatus::Sending;
            message.attempted_at = Some(now);
            let message = tx.put_message(&org, &message)?;
            let outgoing = Outgoing {
                id: message.id,
                to,
                kind: message.kind,
                content: message.content,
                reply_to: message.reply_to,
            };
            Ok(Step::Send(Box::new((Line { org, account }, outgoing))))
        }
        MessageStatus::Sending => {
            let end = message.attempted_at.unwrap_or_default().plus(DOUBT);
            if now < end {
                return Ok(Step::Wait(end));
            }
            let error = MessageError {
                code: MessageError::OUTCOME_UNKNOWN.to_owned(),
                message:
                    "The channel's answer was lost, so the message may have arrived. It is not sent again by itself: \
                          ask the customer, or send a new one."
                        .to_owned(),
            };
            give_up(tx, app, &org, message, MessageStatus::Unknown, error)?;
            Ok(Step::Done)
        }
        _ => Ok(Step::Done),
    }
}

/// A test key's message reaches nobody: it is told of as if the channel had taken and delivered it at once.
fn simulate(
    tx: &mut Tx<'_>,
    app: &App,
    org: &Org,
    account: &Account,
    message: &Message,
    to: &str,
) -> Result<(), StoreError> {
    let (now, vendor_id) = (tx.now(), format!("wamid.test.{}", message.id));
    let named = Message { vendor_id: Some(vendor_id.clone()), ..message.clone() };
    for status in [MessageStatus::Sent, MessageStatus::Delivered] {
        let body = payload::own_status(&named, account, to, status, now);
        let ours = Some(message.id.clone());
        let told = StatusNews { vendor_id: vendor_id.clone(), ours, status, at: now, error: None, body };
        news(tx, app, org, account, told)?;
    }
    Ok(())
}

/// The channel has taken the message under this id of its own. When it went on from there the channel tells later.
///
/// # Errors
/// The store's.
pub fn taken(tx: &mut Tx<'_>, app: &App, org: &Org, id: &MessageId, vendor_id: String) -> Result<(), StoreError> {
    let Some(mut message) = tx.message(org, id)? else { return Ok(()) };
    message.status = message.status.join(MessageStatus::Sent);
    if message.vendor_id.is_none() {
        message.vendor_id = Some(vendor_id);
        announce(tx, app, org, &message)?;
    }
    tx.put_message(org, &message).map(|_| ())
}

/// The channel has surely not taken the message: it waits for another try.
///
/// # Errors
/// The store's.
pub fn put_back(tx: &mut Tx<'_>, org: &Org, id: &MessageId) -> Result<(), StoreError> {
    let Some(mut message) = tx.message(org, id)? else { return Ok(()) };
    if message.status == MessageStatus::Sending {
        message.status = MessageStatus::Queued;
        tx.put_message(org, &message)?;
    }
    Ok(())
}

/// The channel will never take the message.
///
/// # Errors
/// The store's.
pub fn refused(tx: &mut Tx<'_>, app: &App, org: &Org, id: &MessageId, error: MessageError) -> Result<(), StoreError> {
    let Some(message) = tx.message(org, id)? else { return Ok(()) };
    give_up(tx, app, org, message, MessageStatus::Failed, error)
}

/// A customer's message and the line on which to tell that it was read; `None` when the message is gone.
///
/// # Errors
/// No such account, or the store's.
pub fn read_receipt(tx: &mut Tx<'_>, id: &MessageId) -> Result<Option<(Line, String)>, StoreError> {
    let Some(org) = tx.org_of_message(id)? else { return Ok(None) };
    let Some(message) = tx.message(&org, id)? else { return Ok(None) };
    let account = tx.account(&org, &message.account)?;
    Ok(account.zip(message.vendor_id).map(|(account, vendor_id)| (Line { org, account }, vendor_id)))
}

/// Tells that our id of a message and the channel's belong together.
///
/// # Errors
/// The store's.
pub(super) fn announce(tx: &mut Tx<'_>, app: &App, org: &Org, message: &Message) -> Result<(), StoreError> {
    let Some(contact) = tx.contact(org, &message.contact)? else { return Ok(()) };
    let shown = object(tx, app, org, message)?;
    let by = author(org, message);
    publish(tx, &by, EventType::MessageSent, payload::message_sent(message, &shown, &contact))
}

fn give_up(
    tx: &mut Tx<'_>,
    app: &App,
    org: &Org,
    mut message: Message,
    to: MessageStatus,
    error: MessageError,
) -> Result<(), StoreError> {
    let now = tx.now();
    if !message.advance(to, now, Some(error)) {
        return Ok(());
    }
    let message = tx.put_message(org, &message)?;
    let account = tx.account(org, &message.account)?.ok_or(StoreError::Missing { what: "account" })?;
    let contact = tx.contact(org, &message.contact)?;
    let to = contact.and_then(|contact| contact.phone_number).map(|phone| phone.to_string()).unwrap_or_default();
    let body = payload::own_status(&message, &account, &to, MessageStatus::Failed, now);
    passed_on(tx, app, &author(org, &message), EventType::MessageStatus, &message, body)
}

fn author(org: &Org, message: &Message) -> Author {
    Author { livemode: message.livemode, ..Author::customer(org.clone(), &message.account) }
}
