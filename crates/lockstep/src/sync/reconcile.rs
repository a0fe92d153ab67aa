//! The one decision of the sync: both sides of a pair merged against their base, and what follows from it in the inbox
//! (laws 1, 3 and 4). What has to be written to the CRM is left to the push.

use lockstep_core::change::FieldChange;
use lockstep_core::contact::Contact;
use lockstep_core::fight;
use lockstep_core::holes::{self, Hole};
use lockstep_core::mapping::view::{contact_patch, contact_values, record_values};
use lockstep_core::merge::{Interval, Merge, Sight, merge};
use lockstep_core::pair::Pair;
use lockstep_core::parked::Reason;
use lockstep_core::phone::Phone;
use lockstep_core::record::{Edits, Record, Values};
use lockstep_store::{StoreError, Tx};

use super::mark::enqueue_push;
use super::owner;
use super::questions::{self, About};
use super::spoke::Spoke;
use crate::ops::contacts;

/// What a merged pair still needs.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The pair as saved.
    pub pair: Pair,
    /// What the CRM has to take.
    pub to_them: Edits,
    /// What to log when it has.
    pub on_write: Vec<FieldChange>,
}

/// Merges an open pair with the record as it is now, applies what flows to the inbox and saves the pair. It stays dirty
/// exactly if the CRM has to be written. `None` when the contact is gone.
///
/// # Errors
/// The store's.
pub fn reconcile(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    mut pair: Pair,
    record: &Record,
) -> Result<Option<Reconciled>, StoreError> {
    let Some(contact) = tx.contact(spoke.org(), &pair.contact)? else { return Ok(None) };
    let ours = contact_values(&contact);
    let theirs = record_values(spoke.mapping(), record);
    if holes::open(Hole::NoBase) {
        pair.base.clear();
    }
    for (field, fight) in pair.fights.iter().filter(|_| holes::open(Hole::SwallowRepeat)) {
        if let Some(base) = pair.base.get_mut(field)
            && theirs.get(field) == fight.wrote.as_ref()
        {
            base.theirs.clone_from(&fight.wrote);
        }
    }
    questions::close_agreed(tx, spoke, &mut pair, &ours, &theirs)?;
    let given_up = hold_fought(tx, spoke, &mut pair, &contact, record, &ours, &theirs)?;
    let owned = owner::moved_too(tx, spoke, &pair, &ours, &theirs)?;
    let mut merged = merge(&Sight { owned: &owned, ..sight(spoke, &pair, &contact, Some(record), &ours, &theirs) });
    keep_number_unique(tx, spoke, &mut pair, &contact, &mut merged)?;
    merged.decided.extend(given_up);
    pair.base.append(&mut merged.base);
    let (next, changed) = contact.patched(contact_patch(&merged.to_us));
    let contact = contacts::commit_edit(tx, &spoke.author(), &contact, next, &changed, merged.decided)?;
    pair.dirty = (!merged.to_them.is_empty()).then_some(contact.seq);
    pair.updated_at = tx.now();
    tx.save_pair(&spoke.sync, &pair)?;
    if pair.dirty.is_some() {
        enqueue_push(tx, &spoke.sync)?;
    }
    Ok(Some(Reconciled { pair, to_them: merged.to_them, on_write: merged.on_write }))
}

/// What the CRM would have to take, were the record as last shown. Decides nothing and writes nothing.
///
/// # Errors
/// The store's.
pub fn foresee(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &Pair,
    contact: &Contact,
    record: Option<&Record>,
) -> Result<Merge, StoreError> {
    let ours = contact_values(contact);
    let theirs = record.map(|record| record_values(spoke.mapping(), record)).unwrap_or_default();
    let owned = owner::moved_too(tx, spoke, pair, &ours, &theirs)?;
    Ok(merge(&Sight { owned: &owned, ..sight(spoke, pair, contact, record, &ours, &theirs) }))
}

fn sight<'a>(
    spoke: &'a Spoke,
    pair: &'a Pair,
    contact: &Contact,
    record: Option<&'a Record>,
    ours: &'a Values,
    theirs: &'a Values,
) -> Sight<'a> {
    let granularity = spoke.connector.about().granularity;
    let in_step = pair.updated_at;
    let changed = record.map_or(in_step, |record| record.updated_at);
    Sight {
        mapping: spoke.mapping(),
        base: &pair.base,
        held: &pair.held,
        ours,
        theirs,
        ours_at: Interval { from: in_step.min(contact.updated_at), to: contact.updated_at },
        theirs_at: Interval { from: in_step.min(changed).minus(granularity), to: changed.plus(granularity) },
        owned: &[],
        far: record,
    }
}

/// Sets aside the fields that the CRM keeps setting back, and says so in the log.
fn hold_fought(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &mut Pair,
    contact: &Contact,
    record: &Record,
    ours: &Values,
    theirs: &Values,
) -> Result<Vec<FieldChange>, StoreError> {
    let mut fights = std::mem::take(&mut pair.fights);
    let given_up = fight::watch(&sight(spoke, pair, contact, Some(record), ours, theirs), &mut fights);
    pair.fights = fights;
    for change in &given_up {
        let field = change.field.clone();
        let reason = Reason::Fight {
            ours: ours.get(&field).cloned(),
            theirs: theirs.get(&field).cloned(),
            field: field.clone(),
        };
        questions::park(tx, &spoke.sync, About::pair(pair), reason)?;
        pair.held.push(field);
    }
    Ok(given_up)
}

/// A number that the CRM would give to a contact without one may be another contact's already: then it is a question.
fn keep_number_unique(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &mut Pair,
    contact: &Contact,
    merged: &mut Merge,
) -> Result<(), StoreError> {
    const FIELD: &str = "phone_number";
    let number = merged.to_us.get(FIELD).and_then(|value| Phone::parse(value.as_deref()?).ok());
    let Some(number) = number.filter(|_| contact.phone_number.is_none()) else { return Ok(()) };
    let owners = tx.contact_by_phone(spoke.org(), Some(&contact.account), &number)?;
    let Some(owner) = owners.into_iter().find(|owner| owner.id != contact.id) else { return Ok(()) };
    let records = pair.native.clone().into_iter().collect();
    let reason = Reason::Ambiguous { contacts: vec![contact.id.clone(), owner.id], records };
    questions::park(tx, &spoke.sync, About::pair(pair), reason)?;
    pair.held.push(FIELD.to_owned());
    merged.to_us.remove(FIELD);
    merged.base.remove(FIELD);
    merged.decided.retain(|change| change.field != FIELD);
    Ok(())
}
