//! Matching for a plan, where nobody has a pair yet. Each contact and each record comes in at most one row, and the rows
//! do not depend on the order in which they are looked at.

use std::collections::BTreeSet;

use lockstep_core::change::Verdict;
use lockstep_core::contact::Contact;
use lockstep_core::ids::ContactId;
use lockstep_core::mapping::model::Side;
use lockstep_core::mapping::view::{contact_keys, record_keys};
use lockstep_core::plan::{PlanConflict, PlanRow};
use lockstep_core::record::Record;
use lockstep_store::{StoreError, Tx};

use super::matching::CANDIDATES_MAX;
use super::spoke::Spoke;
use super::{pairs, reconcile};

/// Who hangs together by shared keys is followed up to so many; a larger crowd is told contact by contact.
const CROWD_MAX: usize = 60;

const PHONE: &str = "phone:";
const EMAIL: &str = "email:";

/// Contacts and records that hang together by keys of one kind.
#[derive(Default)]
struct Crowd {
    contacts: BTreeSet<ContactId>,
    records: BTreeSet<String>,
    /// There are more than were followed.
    cut: bool,
}

/// The row that a contact stands for; `None` when another contact stands for its row.
///
/// # Errors
/// The store's.
pub fn row_of_contact(tx: &mut Tx<'_>, spoke: &Spoke, contact: &Contact) -> Result<Option<PlanRow>, StoreError> {
    let keys = contact_keys(contact);
    let by_phone = crowd(tx, spoke, &keys, PHONE)?;
    if !by_phone.records.is_empty() {
        return settle(tx, spoke, contact, by_phone, true);
    }
    let mut by_email = crowd(tx, spoke, &keys, EMAIL)?;
    if by_email.records.is_empty() {
        return Ok(Some(PlanRow::NewInCrm { contact: contact.id.clone() }));
    }
    // Who has a match by phone is told there; what is left here is clear only if nobody of these was among them.
    let all = by_email.contacts.len() + by_email.records.len();
    let mut told = BTreeSet::new();
    for other in &by_email.contacts {
        if let Some(other) = tx.contact(spoke.org(), other)?
            && !crowd(tx, spoke, &contact_keys(&other), PHONE)?.records.is_empty()
        {
            told.insert(other.id);
        }
    }
    by_email.contacts.retain(|other| !told.contains(other));
    let mut free = true;
    for native in &by_email.records {
        free &= !has_contact(tx, spoke, native, PHONE)?;
    }
    settle(tx, spoke, contact, by_email, free && told.is_empty() && all == 2)
}

/// The row that a record without a contact stands for; `None` when it is in the row of a contact or of another record.
///
/// # Errors
/// The store's.
pub fn row_of_record(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<Option<PlanRow>, StoreError> {
    let keys = record_keys(spoke.mapping(), record);
    if !contacts_with(tx, spoke, &keys, PHONE)?.is_empty() {
        return Ok(None);
    }
    let by_email = contacts_with(tx, spoke, &keys, EMAIL)?;
    for contact in &by_email {
        if let Some(contact) = tx.contact(spoke.org(), contact)?
            && crowd(tx, spoke, &contact_keys(&contact), PHONE)?.records.is_empty()
        {
            return Ok(None);
        }
    }
    if !by_email.is_empty() {
        let contacts = by_email.into_iter().take(CANDIDATES_MAX).collect();
        return Ok(Some(PlanRow::Ambiguous { contacts, records: vec![record.id.clone()] }));
    }
    let mut alike = BTreeSet::from([record.id.clone()]);
    for key in &keys {
        for native in tx.records_by_key(&spoke.sync, key)? {
            if !has_contact(tx, spoke, &native, "")? {
                alike.insert(native);
            }
        }
    }
    if alike.len() == 1 {
        return Ok(Some(PlanRow::NewInInbox { native: record.id.clone() }));
    }
    let first = alike.first() == Some(&record.id);
    let records = alike.into_iter().take(CANDIDATES_MAX).collect();
    Ok(first.then_some(PlanRow::Ambiguous { contacts: Vec::new(), records }))
}

fn settle(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    contact: &Contact,
    crowd: Crowd,
    clear: bool,
) -> Result<Option<PlanRow>, StoreError> {
    let native = crowd.records.first().filter(|_| clear && crowd.records.len() == 1 && crowd.contacts.len() == 1);
    if let Some(native) = native {
        let conflicts = conflicts(tx, spoke, contact, native)?;
        return Ok(Some(PlanRow::Matched { contact: contact.id.clone(), native: native.clone(), conflicts }));
    }
    if !crowd.cut && crowd.contacts.first() != Some(&contact.id) {
        return Ok(None);
    }
    let contacts = if crowd.cut { vec![contact.id.clone()] } else { crowd.contacts.into_iter().collect() };
    Ok(Some(PlanRow::Ambiguous { contacts, records: crowd.records.into_iter().take(CANDIDATES_MAX).collect() }))
}

/// Follows shared keys of one kind from contact to record to contact.
fn crowd(tx: &mut Tx<'_>, spoke: &Spoke, keys: &[String], kind: &str) -> Result<Crowd, StoreError> {
    let mut crowd = Crowd::default();
    let mut waiting: Vec<String> = keys.iter().filter(|key| key.starts_with(kind)).cloned().collect();
    let mut followed = BTreeSet::new();
    while let Some(key) = waiting.pop() {
        if !followed.insert(key.clone()) {
            continue;
        }
        for id in tx.contacts_by_key(spoke.org(), &key)? {
            if let Some(contact) = tx.contact(spoke.org(), &id)?
                && crowd.contacts.insert(id)
            {
                waiting.extend(contact_keys(&contact).into_iter().filter(|key| key.starts_with(kind)));
            }
        }
        for native in tx.records_by_key(&spoke.sync, &key)? {
            if let Some(record) = tx.native_record(&spoke.sync, &native)?
                && crowd.records.insert(native)
            {
                waiting.extend(record_keys(spoke.mapping(), &record).into_iter().filter(|key| key.starts_with(kind)));
            }
        }
        if crowd.contacts.len() + crowd.records.len() > CROWD_MAX {
            crowd.cut = true;
            break;
        }
    }
    Ok(crowd)
}

fn contacts_with(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    keys: &[String],
    kind: &str,
) -> Result<BTreeSet<ContactId>, StoreError> {
    let mut contacts = BTreeSet::new();
    for key in keys.iter().filter(|key| key.starts_with(kind)) {
        contacts.extend(tx.contacts_by_key(spoke.org(), key)?);
    }
    Ok(contacts)
}

fn has_contact(tx: &mut Tx<'_>, spoke: &Spoke, native: &str, kind: &str) -> Result<bool, StoreError> {
    let Some(record) = tx.native_record(&spoke.sync, native)? else { return Ok(false) };
    Ok(!contacts_with(tx, spoke, &record_keys(spoke.mapping(), &record), kind)?.is_empty())
}

/// The fields on which a matched pair disagrees, with the winner by rule.
pub fn conflicts(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    contact: &Contact,
    native: &str,
) -> Result<Vec<PlanConflict>, StoreError> {
    let Some(record) = tx.native_record(&spoke.sync, native)? else { return Ok(Vec::new()) };
    let pair = pairs::bound(tx, &spoke.sync, &contact.id, Some(native.to_owned()));
    let merged = reconcile::foresee(tx, spoke, &pair, contact, Some(&record))?;
    let conflict = |change: lockstep_core::change::FieldChange| {
        let decision = change.decision?;
        let winner = match decision.verdict {
            Verdict::Conflict { winner, .. } => winner,
            Verdict::ChannelAddress => Side::Inbox,
            _ => return None,
        };
        Some(PlanConflict { field: change.field, ours: decision.ours?, theirs: decision.theirs?, winner })
    };
    Ok(merged.decided.into_iter().chain(merged.on_write).filter_map(conflict).collect())
}
