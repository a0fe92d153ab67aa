//! A record that the CRM shows in its recycle bin (law 9).

use lockstep_core::change::{Change, FieldChange};
use lockstep_core::contact::Contact;
use lockstep_core::ids::ChangeId;
use lockstep_core::job::Job;
use lockstep_core::mapping::model::Side;
use lockstep_core::mapping::view::{contact_keys, record_keys};
use lockstep_core::pair::{Pair, PairState};
use lockstep_core::parked::Reason;
use lockstep_core::record::{Field, Record};
use lockstep_store::{OnDelete, StoreError, Tx};

use super::arrive;
use super::mark::mark_one;
use super::matching::{contacts_like, records_like};
use super::questions::{self, About};
use super::reconcile::foresee;
use super::spoke::Spoke;
use crate::ops::contacts;

/// Takes note that a record was deleted in the CRM. Its pair becomes a tombstone and what was to be written to it is
/// dropped, by name; an edit of the inbox that is lost by it becomes a question. A sync that carries deletes over
/// deletes the contact, unless it was edited since both were last in step.
///
/// # Errors
/// The store's.
pub fn gone(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<(), StoreError> {
    let before = tx.native_record(&spoke.sync, &record.id)?;
    // Without keys: what lies in the recycle bin is nobody's match.
    tx.put_record(&spoke.sync, &Record { archived: true, ..record.clone() }, &[])?;
    let Some(mut pair) = arrive::paired(tx, spoke, record)? else {
        questions::close_record(tx, &spoke.sync, &record.id)?;
        return ask_again(tx, spoke, before.as_ref().unwrap_or(record));
    };
    if let Some(intent) = tx.intent_of_pair(&spoke.sync, &pair.id)? {
        tx.close_intent(&spoke.sync, &intent.id)?;
    }
    if pair.state == PairState::Tombstone {
        pair.dirty = None;
        return tx.save_pair(&spoke.sync, &pair);
    }
    let contact = tx.contact(spoke.org(), &pair.contact)?;
    let edited = match &contact {
        Some(contact) => unwritten(tx, spoke, &pair, contact, before.as_ref())?,
        None => Vec::new(),
    };
    questions::close_all(tx, &spoke.sync, &mut pair)?;
    pair.state = PairState::Tombstone;
    pair.dirty = None;
    tx.save_pair(&spoke.sync, &pair)?;
    let Some(contact) = contact else { return Ok(()) };
    look_again_at_rivals(tx, spoke, &contact)?;
    log_gone(tx, spoke, &contact, &record.id)?;
    if !edited.is_empty() {
        let detail = format!("The record was deleted in the CRM before it took the inbox's {}.", edited.join(", "));
        return questions::park(tx, &spoke.sync, About::pair(&pair), Reason::DeletedButEdited { detail });
    }
    if spoke.sync.row().on_delete == OnDelete::Delete {
        contacts::delete(tx, &spoke.author(), &contact.id)?;
        // The record is gone already: nothing has to be carried over to this CRM. Read again, since its base was erased.
        if let Some(erased) = tx.pair(&spoke.sync, &pair.id)? {
            tx.save_pair(&spoke.sync, &Pair { dirty: None, ..erased })?;
        }
    }
    Ok(())
}

fn unwritten(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &Pair,
    contact: &Contact,
    before: Option<&Record>,
) -> Result<Vec<Field>, StoreError> {
    let Some(before) = before.filter(|_| pair.dirty.is_some()) else { return Ok(Vec::new()) };
    Ok(foresee(tx, spoke, pair, contact, Some(before))?.to_them.into_keys().collect())
}

fn log_gone(tx: &mut Tx<'_>, spoke: &Spoke, contact: &Contact, native: &str) -> Result<(), StoreError> {
    tracing::info!(sync = %spoke.sync.id(), contact = %contact.id, record = native, "deleted in the CRM");
    let field = FieldChange {
        field: spoke.mapping().record_id().cloned().unwrap_or_else(|| "metadata.crm_id".into()),
        side: Side::Crm,
        before: Some(native.to_owned()),
        after: None,
        decision: None,
    };
    let change = Change {
        id: ChangeId::new(tx.env()),
        subject: contact.id.clone(),
        seq: contact.seq,
        at: tx.now(),
        origin: spoke.origin(),
        fields: vec![field],
    };
    tx.record(spoke.org(), &change)
}

/// Records that could not be the contact's while it had this one may be now.
fn look_again_at_rivals(tx: &mut Tx<'_>, spoke: &Spoke, contact: &Contact) -> Result<(), StoreError> {
    let mut rivals = Vec::new();
    for native in records_like(tx, spoke, &contact_keys(contact))? {
        if tx.pair_by_native(&spoke.sync, &native)?.is_none() {
            rivals.push(native);
        }
    }
    if rivals.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    tx.enqueue(&Job::Check { sync: spoke.sync.id().clone(), natives: rivals }, now)
}

/// One candidate less: contacts for whom it was one of several get a new look.
fn ask_again(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<(), StoreError> {
    for contact in contacts_like(tx, spoke, &record_keys(spoke.mapping(), record))? {
        if let Some(pair) = tx.pair_by_contact(&spoke.sync, &contact)?
            && pair.state == PairState::Parked
            && let Some(contact) = tx.contact(spoke.org(), &contact)?
        {
            mark_one(tx, &spoke.sync, &contact.id, contact.seq)?;
        }
    }
    Ok(())
}
