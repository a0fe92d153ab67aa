//! What became of the rows of a write: row by row, in one commit (laws 2, 6 and 7).

use std::collections::BTreeMap;

use lockstep_connect::{Fault, FaultClass, Got, Outcome, RowOutcome};
use lockstep_core::change::{Change, FieldChange, Origin};
use lockstep_core::fight;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::ChangeId;
use lockstep_core::mapping::native::after_write;
use lockstep_core::mapping::view::{contact_keys, contact_values, record_keys, record_values};
use lockstep_core::merge::settled;
use lockstep_core::pair::{Pair, PairState};
use lockstep_core::parked::Reason;
use lockstep_core::record::{Properties, Record};
use lockstep_store::{DirtyKind, IntentKind, StoreError, Tx};

use super::mark::enqueue_push;
use super::push::Sending;
use super::questions::{self, About};
use super::reconcile::reconcile;
use super::spoke::{Halt, Spoke};
use super::{arrive, matching, schema, unknown};

/// Commits the outcomes. A fault that concerns the whole connection or its schema comes back as an error, after
/// everything is settled.
///
/// # Errors
/// The store's and the vendor's.
pub async fn settle(spoke: &Spoke, sendings: Vec<Sending>, outcomes: Vec<RowOutcome>) -> Result<(), Halt> {
    let faults = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let halting = faults.clone().find(|fault| concerns_all(fault.class));
    let halting = halting.or_else(|| faults.clone().find(|fault| fault.class == FaultClass::Drift)).cloned();
    // A record that stands in a create's way is looked at before it is decided whether it is the contact's.
    let in_the_way: Vec<String> = faults.filter_map(|fault| fault.existing.clone()).collect();
    let in_the_way: BTreeMap<String, Got> = match spoke.get(&in_the_way).await {
        Ok(got) => got.into_iter().collect(),
        Err(fault) => {
            tracing::info!(sync = %spoke.sync.id(), code = fault.code, "the records in the way cannot be read now: their rows wait");
            BTreeMap::new()
        }
    };
    spoke
        .write(move |spoke, tx| {
            for (sending, outcome) in sendings.iter().zip(outcomes) {
                settle_row(tx, spoke, sending, outcome, &in_the_way)?;
            }
            push_on(tx, spoke)
        })
        .await?;
    halting.map_or(Ok(()), |fault| Err(Halt::Vendor(fault)))
}

/// Enqueues the next batch, if there is one.
///
/// # Errors
/// The store's.
pub fn push_on(tx: &mut Tx<'_>, spoke: &Spoke) -> Result<(), StoreError> {
    for kind in [DirtyKind::Creates, DirtyKind::Updates, DirtyKind::Archives] {
        if !tx.dirty_pairs(&spoke.sync, kind, true, 1)?.is_empty() {
            return enqueue_push(tx, &spoke.sync);
        }
    }
    Ok(())
}

/// Faults that say nothing about a row: it was not carried out and goes out again when the cause is mended.
fn concerns_all(class: FaultClass) -> bool {
    matches!(
        class,
        FaultClass::Limited
            | FaultClass::Busy
            | FaultClass::Unreachable
            | FaultClass::Reauthorise
            | FaultClass::Forbidden
            | FaultClass::Stale
    )
}

fn settle_row(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    sending: &Sending,
    outcome: RowOutcome,
    in_the_way: &BTreeMap<String, Got>,
) -> Result<(), StoreError> {
    let intent = &sending.row.intent;
    let Some(pair) = tx.pair(&spoke.sync, &intent.pair)? else { return tx.close_intent(&spoke.sync, &intent.id) };
    match outcome {
        Ok(Outcome::Written(answer)) => written(tx, spoke, sending, pair, &answer),
        Ok(Outcome::Archived) => archived(tx, spoke, sending, pair),
        Err(_) if intent.kind == IntentKind::Archive && holes::open(Hole::NoResendDelete) => {
            archived(tx, spoke, sending, pair)
        }
        Err(fault) => match fault.class {
            FaultClass::Unknown => {
                let not_before = unknown::first_look(spoke, intent.kind, tx.now());
                unknown::note(tx, spoke, intent, not_before)
            }
            FaultClass::Missing if intent.kind == IntentKind::Update => unknown::look_later(tx, spoke, intent),
            FaultClass::Duplicate if unread(&fault, in_the_way) => unknown::look_later(tx, spoke, intent),
            class => {
                tx.close_intent(&spoke.sync, &intent.id)?;
                match class {
                    FaultClass::Duplicate if intent.kind == IntentKind::Create => {
                        duplicate(tx, spoke, pair, &fault, in_the_way)
                    }
                    FaultClass::Drift => Ok(()),
                    class if concerns_all(class) => Ok(()),
                    _ => refused(tx, spoke, pair, &fault),
                }
            }
        },
    }
}

/// Whether the record in the way could not be read.
fn unread(fault: &Fault, in_the_way: &BTreeMap<String, Got>) -> bool {
    fault.existing.as_ref().is_some_and(|existing| !in_the_way.contains_key(existing))
}

/// The row was carried out: what was sent and what the vendor made of it is the base now, and the answer is merged like
/// any other sight of the record.
fn written(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    sending: &Sending,
    mut pair: Pair,
    answer: &Record,
) -> Result<(), StoreError> {
    let intent = &sending.row.intent;
    let record = after_write(sending.far.as_ref(), &intent.properties, answer);
    if let Some(owner) = tx.pair_by_native(&spoke.sync, &record.id)?.filter(|owner| owner.id != pair.id) {
        tx.close_intent(&spoke.sync, &intent.id)?;
        return claimed_twice(tx, spoke, pair, &owner, &record.id);
    }
    let silent = Record { properties: Properties::new(), ..answer.clone() };
    let literal = after_write(sending.far.as_ref(), &intent.properties, &silent);
    let mut base = settled(spoke.mapping(), &intent.fields, &literal, &record);
    if let Some(far) = &sending.far {
        let before = record_values(spoke.mapping(), far);
        fight::remember(spoke.mapping(), &mut pair.fights, &intent.fields, &before, &base);
    }
    pair.native = Some(record.id.clone());
    tx.close_intent(&spoke.sync, &intent.id)?;
    if holes::open(Hole::BaseNotAdvanced) {
        pair.dirty = None;
        return tx.save_pair(&spoke.sync, &pair);
    }
    pair.base.append(&mut base);
    arrive::remember(tx, spoke, &record)?;
    log(tx, spoke, &pair, sending.on_write.clone())?;
    if pair.state == PairState::Tombstone {
        return unknown::deleted_meanwhile(tx, spoke, pair);
    }
    if holes::open(Hole::ClearDirtyBlindly) {
        return settle_blindly(tx, spoke, pair);
    }
    reconcile(tx, spoke, pair, &record)?;
    Ok(())
}

/// What [`Hole::ClearDirtyBlindly`] does: whatever the contact holds by now counts as written.
fn settle_blindly(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair) -> Result<(), StoreError> {
    let contact = tx.contact(spoke.org(), &pair.contact)?;
    let now = contact.map(|contact| contact_values(&contact)).unwrap_or_default();
    for (field, base) in &mut pair.base {
        base.ours = now.get(field).cloned();
    }
    pair.dirty = None;
    tx.save_pair(&spoke.sync, &pair)
}

fn archived(tx: &mut Tx<'_>, spoke: &Spoke, sending: &Sending, mut pair: Pair) -> Result<(), StoreError> {
    tx.close_intent(&spoke.sync, &sending.row.intent.id)?;
    if let Some(record) =
        sending.row.native.as_deref().map(|native| tx.native_record(&spoke.sync, native)).transpose()?.flatten()
    {
        tx.put_record(&spoke.sync, &Record { archived: true, ..record }, &[])?;
    }
    pair.dirty = None;
    tx.save_pair(&spoke.sync, &pair)
}

/// The vendor holds a record that stands in the way of a create: the contact's own, if both share a key and nobody else
/// has it; otherwise a question.
fn duplicate(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: Pair,
    fault: &Fault,
    in_the_way: &BTreeMap<String, Got>,
) -> Result<(), StoreError> {
    let Some(existing) = &fault.existing else { return refused(tx, spoke, pair, fault) };
    let record = match in_the_way.get(existing) {
        Some(Got::Found(record)) => record,
        Some(Got::Archived(_) | Got::Missing) | None => return refused(tx, spoke, pair, fault),
    };
    let Some(contact) = tx.contact(spoke.org(), &pair.contact)? else { return Ok(()) };
    arrive::remember(tx, spoke, record)?;
    if let Some(owner) = tx.pair_by_native(&spoke.sync, &record.id)? {
        return claimed_twice(tx, spoke, pair, &owner, &record.id);
    }
    let keys = record_keys(spoke.mapping(), record);
    if contact_keys(&contact).iter().any(|key| keys.contains(key)) {
        return arrive::bind(tx, spoke, &contact.id, record);
    }
    refused(tx, spoke, pair, fault)
}

fn claimed_twice(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair, owner: &Pair, native: &str) -> Result<(), StoreError> {
    let reason = matching::ambiguous(vec![pair.contact.clone(), owner.contact.clone()], vec![native.to_owned()]);
    pair.state = PairState::Parked;
    tx.save_pair(&spoke.sync, &pair)?;
    questions::park(tx, &spoke.sync, About::pair(&pair), reason)
}

/// The vendor refuses the row for good: the field that it names is set aside, or else the pair.
fn refused(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair, fault: &Fault) -> Result<(), StoreError> {
    if pair.state == PairState::Tombstone {
        pair.dirty = None;
        tx.save_pair(&spoke.sync, &pair)?;
    }
    let field = fault.property.as_deref().and_then(|property| schema::field_of(spoke.mapping(), property));
    match &field {
        Some(field) if pair.held.contains(field) => {}
        Some(field) if pair.native.is_some() => pair.held.push(field.clone()),
        _ if pair.state == PairState::Open => pair.state = PairState::Parked,
        _ => {}
    }
    tx.save_pair(&spoke.sync, &pair)?;
    let reason = Reason::Refused { field, code: fault.code.clone(), detail: fault.message.clone() };
    questions::park(tx, &spoke.sync, About::pair(&pair), reason)
}

fn log(tx: &mut Tx<'_>, spoke: &Spoke, pair: &Pair, fields: Vec<FieldChange>) -> Result<(), StoreError> {
    let Some(contact) = tx.contact(spoke.org(), &pair.contact)? else { return Ok(()) };
    let change = Change {
        id: ChangeId::new(tx.env()),
        subject: contact.id,
        seq: contact.seq,
        at: tx.now(),
        origin: Origin::Push { sync: spoke.sync.id().clone(), connection: spoke.connection.id().clone() },
        fields,
    };
    tx.record(spoke.org(), &change)
}
