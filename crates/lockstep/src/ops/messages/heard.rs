//! What the channel brings: messages of customers, and what became of ours.

use lockstep_core::contact::{Contact, ContactPatch, NewContact, check_name};
use lockstep_core::event::EventType;
use lockstep_core::ids::MessageId;
use lockstep_core::message::{Direction, Message, MessageStatus, Source, Times, check_content};
use lockstep_core::patch::Patch;
use lockstep_core::problem::Problem;
use lockstep_core::text;
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::{Map, Value as Json};

use super::known;
use crate::app::App;
use crate::channel::{Inbound, StatusNews};
use crate::ops::conversations::{self, publish};
use crate::ops::{Author, contacts, payload, sending};

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

/// Queues an event whose body is the channel's own, with a `kirim` member that says what it is about here.
pub(in crate::ops) fn passed_on(
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
