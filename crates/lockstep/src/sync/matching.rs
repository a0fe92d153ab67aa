//! Who belongs to whom, by match keys: phone numbers first, e-mail addresses where no number finds anybody (law 8).
//! Existing pairs win over keys, and nothing is guessed.

use lockstep_core::contact::Contact;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::ContactId;
use lockstep_core::mapping::view::{contact_keys, record_keys};
use lockstep_core::pair::{Pair, PairState};
use lockstep_core::parked::Reason;
use lockstep_core::record::Record;
use lockstep_store::{StoreError, Tx};

use super::questions;
use super::spoke::Spoke;

/// How many candidates a question names.
pub const CANDIDATES_MAX: usize = 20;

/// What a look for the other half found.
#[derive(Debug)]
pub enum Match<T> {
    /// Nobody.
    None,
    /// Exactly one that nobody else claims.
    One(T),
    /// Several, or one that somebody else has or claims too.
    Ambiguous(Reason),
}

/// Looks for the record of a contact that has none.
///
/// # Errors
/// The store's.
pub fn of_contact(tx: &mut Tx<'_>, spoke: &Spoke, contact: &Contact) -> Result<Match<String>, StoreError> {
    let records = records_like(tx, spoke, &contact_keys(contact))?;
    if records.is_empty() {
        return Ok(Match::None);
    }
    let free = free_records(tx, spoke, &records)?;
    let mut contacts = vec![contact.id.clone()];
    if let [native] = free.as_slice() {
        let rivals = rivals_for(tx, spoke, native, &contact.id)?;
        if rivals.is_empty() {
            return Ok(Match::One(native.clone()));
        }
        contacts.extend(rivals);
    }
    Ok(Match::Ambiguous(ambiguous(contacts, records)))
}

/// Looks for the contact of a record that has none.
///
/// # Errors
/// The store's.
pub fn of_record(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<Match<ContactId>, StoreError> {
    let keys = record_keys(spoke.mapping(), record);
    let contacts = contacts_like(tx, spoke, &keys)?;
    let free = free_contacts(tx, spoke, &contacts)?;
    let mut records = vec![record.id.clone()];
    if let [contact] = free.as_slice() {
        let rivals = rivals_of(tx, spoke, contact, &record.id)?;
        if rivals.is_empty() {
            return Ok(Match::One(contact.clone()));
        }
        records.extend(rivals);
    } else if contacts.is_empty() {
        let like = records_like(tx, spoke, &keys)?;
        let rivals = free_records(tx, spoke, &like)?;
        records.extend(rivals.into_iter().filter(|rival| *rival != record.id));
        if records.len() == 1 {
            return Ok(Match::None);
        }
    }
    Ok(Match::Ambiguous(ambiguous(contacts, records)))
}

/// Living records that share a key; e-mail keys count only where no phone key finds any.
///
/// # Errors
/// The store's.
pub fn records_like(tx: &mut Tx<'_>, spoke: &Spoke, keys: &[String]) -> Result<Vec<String>, StoreError> {
    by_phone_then_email(keys, |key| tx.records_by_key(&spoke.sync, key))
}

/// Contacts that share a key; e-mail keys count only where no phone key finds any.
///
/// # Errors
/// The store's.
pub fn contacts_like(tx: &mut Tx<'_>, spoke: &Spoke, keys: &[String]) -> Result<Vec<ContactId>, StoreError> {
    by_phone_then_email(keys, |key| tx.contacts_by_key(spoke.org(), key))
}

fn by_phone_then_email<T: Ord>(
    keys: &[String],
    mut look: impl FnMut(&str) -> Result<Vec<T>, StoreError>,
) -> Result<Vec<T>, StoreError> {
    for kind in ["phone:", "email:"] {
        let mut found = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(kind)) {
            found.append(&mut look(key)?);
        }
        found.sort();
        found.dedup();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// A question that names the candidates.
pub fn ambiguous(mut contacts: Vec<ContactId>, mut records: Vec<String>) -> Reason {
    contacts.truncate(CANDIDATES_MAX);
    records.truncate(CANDIDATES_MAX);
    Reason::Ambiguous { contacts, records }
}

/// Other contacts without a record that a record could belong to just as well.
fn rivals_for(tx: &mut Tx<'_>, spoke: &Spoke, native: &str, contact: &ContactId) -> Result<Vec<ContactId>, StoreError> {
    let Some(record) = tx.native_record(&spoke.sync, native)? else { return Ok(Vec::new()) };
    let like = contacts_like(tx, spoke, &record_keys(spoke.mapping(), &record))?;
    let free = free_contacts(tx, spoke, &like)?;
    Ok(free.into_iter().filter(|rival| rival != contact).collect())
}

/// Other records without a contact that a contact could belong to just as well.
fn rivals_of(tx: &mut Tx<'_>, spoke: &Spoke, contact: &ContactId, native: &str) -> Result<Vec<String>, StoreError> {
    let Some(contact) = tx.contact(spoke.org(), contact)? else { return Ok(Vec::new()) };
    let like = records_like(tx, spoke, &contact_keys(&contact))?;
    let free = free_records(tx, spoke, &like)?;
    Ok(free.into_iter().filter(|rival| rival != native).collect())
}

fn free_records(tx: &mut Tx<'_>, spoke: &Spoke, natives: &[String]) -> Result<Vec<String>, StoreError> {
    let mut free = Vec::new();
    for native in natives {
        if holes::open(Hole::StealPair) || tx.pair_by_native(&spoke.sync, native)?.is_none() {
            free.push(native.clone());
        }
    }
    Ok(free)
}

fn free_contacts(tx: &mut Tx<'_>, spoke: &Spoke, contacts: &[ContactId]) -> Result<Vec<ContactId>, StoreError> {
    let mut free = Vec::new();
    for contact in contacts {
        let pair = tx.pair_by_contact(&spoke.sync, contact)?;
        let is_free = match &pair {
            None => true,
            Some(pair) => lacks_record(tx, spoke, pair)?,
        };
        if is_free {
            free.push(contact.clone());
        }
    }
    Ok(free)
}

/// Whether a pair can take a record: it has none yet, or the one it had lies in the CRM's recycle bin and somebody made
/// the person anew there.
fn lacks_record(tx: &mut Tx<'_>, spoke: &Spoke, pair: &Pair) -> Result<bool, StoreError> {
    Ok(match (&pair.native, pair.state) {
        (None, PairState::Open) => true,
        (None, PairState::Parked) => questions::a_record_answers(tx, &spoke.sync, pair)?,
        (None, PairState::Tombstone) | (Some(_), PairState::Open | PairState::Parked) => false,
        (Some(native), PairState::Tombstone) => {
            tx.native_record(&spoke.sync, native)?.is_some_and(|record| record.archived)
        }
    })
}
