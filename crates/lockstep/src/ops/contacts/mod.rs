//! Contacts made, changed and deleted: the row, the log, the event and the dirty pairs in one commit (law 6).

mod import;
mod rows;

use lockstep_core::change::{Change, FieldChange, Origin};
use lockstep_core::contact::{Contact, ContactPatch, NewContact, check_metadata};
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{ChangeId, ContactId, EventId};
use lockstep_core::mapping::model::Side;
use lockstep_core::mapping::view::contact_values;
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::Value as Json;

use crate::ops::Author;
use crate::ops::payload::{self, ContactObject};
use crate::sync;

pub use import::{Imported, import};
pub use rows::{Done, Fate, Row, apply};

/// Which account a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccountChoice {
    /// The organization's only one.
    #[default]
    Only,
    /// By Meta's `phone_number_id`, as in a path.
    Id(String),
    /// By its own number, as in a body's `from`.
    From(Phone),
}

/// Finds the chosen account.
///
/// # Errors
/// No such account, or several and none chosen.
pub fn account(tx: &mut Tx<'_>, org: &Org, choice: &AccountChoice) -> Result<Account, Problem> {
    let mut accounts = tx.accounts(org)?;
    match choice {
        AccountChoice::Id(id) => accounts
            .into_iter()
            .find(|account| account.phone_number_id == *id)
            .ok_or_else(|| Problem::not_found("phone_number_id")),
        AccountChoice::From(phone) => {
            accounts.into_iter().find(|account| has_number(account, phone)).ok_or_else(|| {
                Problem::of(Code::InvalidFieldValue, "from", "No account has this number. GET /v1/accounts lists them.")
            })
        }
        AccountChoice::Only if accounts.len() == 1 => Ok(accounts.remove(0)),
        AccountChoice::Only => {
            let message =
                "The organization has not exactly one account: say which by its number. GET /v1/accounts lists them.";
            Err(Problem::of(Code::MissingRequiredField, "from", message))
        }
    }
}

/// Accounts keep their number as people write it, with spaces and dashes.
fn has_number(account: &Account, phone: &Phone) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    digits(&account.phone_number) == digits(phone.as_str())
}

/// Makes a contact; its account must be an account of the organization.
///
/// # Errors
/// [`Code::ContactAlreadyExists`] when the account has a contact with this number; the transaction must not go on then.
pub fn create(tx: &mut Tx<'_>, by: &Author, new: NewContact) -> Result<Contact, Problem> {
    let contact = tx.insert_contact(&by.org, new).map_err(taken)?;
    let fields = contact_values(&contact)
        .into_iter()
        .map(|(field, value)| FieldChange {
            field,
            side: Side::Inbox,
            before: None,
            after: Some(value),
            decision: None,
        })
        .collect();
    log(tx, by, &contact.id, contact.seq, fields)?;
    let object = object(tx, &by.org, &contact)?;
    publish(tx, by, EventType::ContactCreated, contact.seq, payload::contact_created(&object))?;
    mark_dirty(tx, by, &contact)?;
    Ok(contact)
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => taken_by_another(),
        other => other.into(),
    }
}

fn taken_by_another() -> Problem {
    let message = "The account has a contact with this number already. Find it with ?phone= and PATCH it, or PUT /contacts/by_phone.";
    Problem::of(Code::ContactAlreadyExists, "phone_number", message)
}

/// Finds a living contact, within one account if one is given.
///
/// # Errors
/// No such contact.
pub fn find(tx: &mut Tx<'_>, org: &Org, account: Option<&str>, id: &ContactId) -> Result<Contact, Problem> {
    tx.contact(org, id)?
        .filter(|contact| account.is_none_or(|account| contact.account == account))
        .ok_or_else(|| Problem::not_found("contact"))
}

/// Changes a contact. A patch that changes nothing leaves no trace.
///
/// # Errors
/// The store's.
pub fn patch(tx: &mut Tx<'_>, by: &Author, old: &Contact, patch: ContactPatch) -> Result<Contact, StoreError> {
    let (next, changed) = old.patched(patch);
    let (before, after) = (contact_values(old), contact_values(&next));
    let fields = before
        .keys()
        .chain(after.keys().filter(|field| !before.contains_key(*field)))
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| FieldChange {
            field: field.clone(),
            side: Side::Inbox,
            before: before.get(field).cloned(),
            after: after.get(field).cloned(),
            decision: None,
        })
        .collect();
    commit_edit(tx, by, old, next, &changed, fields)
}

/// Changes a contact as a caller asks: merging metadata may exceed its limits, so the outcome is checked.
///
/// # Errors
/// The metadata would become too big, or the store's.
pub fn edit(tx: &mut Tx<'_>, by: &Author, old: &Contact, asked: ContactPatch) -> Result<Contact, Problem> {
    let (next, _) = old.patched(asked.clone());
    next.metadata.as_ref().map_or(Ok(()), check_metadata)?;
    Ok(patch(tx, by, old, asked)?)
}

/// Finds a contact by its number and edits it, or makes it. True when it was made.
///
/// # Errors
/// The account is not clear, or as [`create`] and [`edit`].
pub fn upsert(
    tx: &mut Tx<'_>,
    by: &Author,
    choice: &AccountChoice,
    new: NewContact,
    asked: ContactPatch,
) -> Result<(Contact, bool), Problem> {
    let account = account(tx, &by.org, choice)?.phone_number_id;
    let known = match &new.phone_number {
        Some(phone) => tx.contact_by_phone(&by.org, Some(&account), phone)?.into_iter().next(),
        None => None,
    };
    Ok(match known {
        Some(old) => (edit(tx, by, &old, asked)?, false),
        None => (create(tx, by, NewContact { account: Some(account), ..new })?, true),
    })
}

/// Commits an edit whose outcome the caller computed: row, log, event, and dirty pairs of all syncs but the one that it
/// came from. `changed` names the members that differ; none of them, and only `fields` are logged.
///
/// # Errors
/// The store's.
pub fn commit_edit(
    tx: &mut Tx<'_>,
    by: &Author,
    old: &Contact,
    next: Contact,
    changed: &[&str],
    fields: Vec<FieldChange>,
) -> Result<Contact, StoreError> {
    if changed.is_empty() {
        if !fields.is_empty() {
            log(tx, by, &old.id, old.seq, fields)?;
        }
        return Ok(old.clone());
    }
    let next = tx.put_contact(&by.org, &next)?;
    log(tx, by, &next.id, next.seq, fields)?;
    let object = object(tx, &by.org, &next)?;
    publish(tx, by, EventType::ContactUpdated, next.seq, payload::contact_updated(&object, changed))?;
    mark_dirty(tx, by, &next)?;
    Ok(next)
}

/// Deletes a contact: its personal values are erased here, in the log and in deliveries; the id is never used again.
///
/// # Errors
/// The store's.
pub fn delete(tx: &mut Tx<'_>, by: &Author, id: &ContactId) -> Result<(), StoreError> {
    let Some(gone) = tx.delete_contact(&by.org, id)? else { return Ok(()) };
    let deleted = FieldChange {
        field: "deleted".into(),
        side: Side::Inbox,
        before: None,
        after: Some("true".to_owned()),
        decision: None,
    };
    log(tx, by, id, gone.seq, vec![deleted])?;
    tx.erase_subject(&by.org, id)?;
    publish(tx, by, EventType::ContactDeleted, gone.seq, payload::contact_deleted(id))?;
    sync::contact_deleted(tx, &by.org, id)
}

/// Shows a contact to callers and subscribers.
///
/// # Errors
/// The store's.
pub fn object(tx: &mut Tx<'_>, org: &Org, contact: &Contact) -> Result<ContactObject, StoreError> {
    Ok(ContactObject::new(contact, &tx.accounts(org)?))
}

/// Shows contacts to callers, with their labels where they are wished.
///
/// # Errors
/// The store's.
pub fn objects(
    tx: &mut Tx<'_>,
    org: &Org,
    contacts: &[Contact],
    with_labels: bool,
) -> Result<Vec<ContactObject>, StoreError> {
    let accounts = tx.accounts(org)?;
    let shown = contacts.iter().map(|contact| ContactObject::new(contact, &accounts));
    if !with_labels {
        return Ok(shown.collect());
    }
    let ids: Vec<&ContactId> = contacts.iter().map(|contact| &contact.id).collect();
    let labels = tx.labels_of_contacts(org, &ids)?;
    Ok(shown.map(|contact| contact.labelled(&labels)).collect())
}

fn log(
    tx: &mut Tx<'_>,
    by: &Author,
    subject: &ContactId,
    seq: i64,
    fields: Vec<FieldChange>,
) -> Result<(), StoreError> {
    let change = Change {
        id: ChangeId::new(tx.env()),
        subject: subject.clone(),
        seq,
        at: tx.now(),
        origin: by.origin.clone(),
        fields,
    };
    tx.record(&by.org, &change)
}

fn publish(tx: &mut Tx<'_>, by: &Author, event_type: EventType, seq: i64, data: Json) -> Result<(), StoreError> {
    let event = event(tx, by, event_type, Some(seq), data);
    tx.publish(&by.org, &event).map(|_| ())
}

/// An event of now; `sequence` is the change number of the contact that it is about.
pub(super) fn event(tx: &Tx<'_>, by: &Author, event_type: EventType, sequence: Option<i64>, data: Json) -> Event {
    Event { id: EventId::new(tx.env()), event_type, created_at: tx.now(), livemode: by.livemode, sequence, data }
}

fn mark_dirty(tx: &mut Tx<'_>, by: &Author, contact: &Contact) -> Result<(), StoreError> {
    match &by.origin {
        Origin::Crm { sync, .. } => sync::mark_dirty_but(tx, &by.org, &contact.id, contact.seq, Some(sync)),
        _ => sync::mark_dirty(tx, &by.org, &contact.id, contact.seq),
    }
}
