//! A record as the CRM shows it now, taken in: merged with its pair, or brought together with its contact.

use std::time::Duration;

use lockstep_core::contact::NewContact;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::ContactId;
use lockstep_core::job::Job;
use lockstep_core::mapping::Direction;
use lockstep_core::mapping::view::{contact_values, new_contact, record_keys, record_values};
use lockstep_core::pair::{Base, Pair, PairState};
use lockstep_core::parked::Reason;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::record::Record;
use lockstep_store::{StoreError, Tx};

use super::matching::{self, Match};
use super::questions::{self, About};
use super::reconcile::reconcile;
use super::spoke::Spoke;
use super::{pairs, unknown};
use crate::ops::contacts;

/// When a record is looked at again whose contact waits for the answer to a create.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Takes a living record in.
///
/// # Errors
/// The store's.
pub fn take(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<(), StoreError> {
    let paired = paired(tx, spoke, record)?;
    let before = remember(tx, spoke, record)?;
    let same_time = before.as_ref().is_some_and(|before| before.updated_at == record.updated_at);
    if same_time && holes::open(Hole::DropEqualTimestamp) {
        return Ok(());
    }
    let Some(mut pair) = paired else { return adopt(tx, spoke, record) };
    match pair.state {
        PairState::Open => {}
        PairState::Parked => {
            let edited = before.is_none_or(|before| before.properties != record.properties);
            if !edited || !questions::facts_changed(tx, &spoke.sync, &mut pair)? {
                return Ok(());
            }
        }
        PairState::Tombstone => {
            let restored = before.is_some_and(|before| before.archived);
            if !restored || tx.contact(spoke.org(), &pair.contact)?.is_none() {
                return Ok(());
            }
            tracing::info!(sync = %spoke.sync.id(), record = record.id, contact = %pair.contact, "the record was restored: its pair is open again");
            questions::close_all(tx, &spoke.sync, &mut pair)?;
        }
    }
    pair.state = PairState::Open;
    if let Some(intent) = tx.intent_of_pair(&spoke.sync, &pair.id)? {
        // What an unanswered write has put there is no edit of the CRM's.
        pair.base.append(&mut unknown::shown_as_sent(spoke, &intent, record));
    }
    reconcile(tx, spoke, pair, record)?;
    Ok(())
}

/// Stores what the CRM shows of a living record, with its match keys, and forgets the records that were merged into it.
/// Answers what it showed before.
///
/// # Errors
/// The store's.
pub fn remember(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<Option<Record>, StoreError> {
    let before = tx.native_record(&spoke.sync, &record.id)?;
    for loser in record.merged.iter().filter(|loser| **loser != record.id) {
        tx.delete_record(&spoke.sync, loser)?;
    }
    tx.put_record(&spoke.sync, record, &record_keys(spoke.mapping(), record))?;
    Ok(before)
}

/// Binds a contact to a record and merges both. Where a create of the contact has no answer yet and a key can tell for
/// certain, that is left to [`unknown::resolve`]; without a key, a record that shows all that was sent, or a mark that only we write,
/// is what was made.
///
/// # Errors
/// The store's.
pub fn bind(tx: &mut Tx<'_>, spoke: &Spoke, contact: &ContactId, record: &Record) -> Result<(), StoreError> {
    if holes::open(Hole::StealPair)
        && let Some(robbed) = tx.pair_by_native(&spoke.sync, &record.id)?
    {
        tx.save_pair(&spoke.sync, &Pair { native: None, ..robbed })?;
    }
    let known = tx.pair_by_contact(&spoke.sync, contact)?;
    let mut sent = Base::new();
    if let Some(pair) = &known
        && let Some(intent) = tx.intent_of_pair(&spoke.sync, &pair.id)?
    {
        if spoke.key().is_some() {
            // Whose record it is, is known when the create has its answer: it is looked at again then.
            let later = tx.now().plus(LOOK_AGAIN);
            return tx.enqueue(&Job::Check { sync: spoke.sync.id().clone(), natives: vec![record.id.clone()] }, later);
        }
        if unknown::is_what_was_sent(spoke, &intent, record) {
            return unknown::landed(tx, spoke, pair.clone(), record);
        }
        // Somebody else's, it seems. The intent stays open: what we sent may yet show.
        sent = unknown::shown_as_sent(spoke, &intent, record);
    }
    let pair = match known {
        Some(mut pair) => {
            questions::close_all(tx, &spoke.sync, &mut pair)?;
            let mut base = pair.base;
            // Somebody made the person anew. Where this record shows what the other one had in step, an edit of the inbox
            // since then is one. Anything else was never in step here: not what we alone write, and no value that differs.
            let theirs = record_values(spoke.mapping(), record);
            let both_ways =
                |field: &str| spoke.mapping().field(field).is_some_and(|map| map.direction == Direction::Both);
            base.retain(|field, base| {
                base.theirs.is_some() && theirs.get(field) == base.theirs.as_ref() && both_ways(field)
            });
            base.append(&mut sent);
            Pair { id: pair.id, base, ..pairs::bound(tx, &spoke.sync, contact, Some(record.id.clone())) }
        }
        None => {
            let pair = pairs::bound(tx, &spoke.sync, contact, Some(record.id.clone()));
            tx.insert_pair(&spoke.sync, &pair)?;
            pair
        }
    };
    questions::close_record(tx, &spoke.sync, &record.id)?;
    reconcile(tx, spoke, pair, record)?;
    Ok(())
}

/// A record without a pair: our own create whose answer was lost, the other half of a contact, or somebody new.
fn adopt(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<(), StoreError> {
    if let Some(owner) = named_owner(spoke, record)
        && let Some(pair) = tx.pair_by_contact(&spoke.sync, &owner)?
        && pair.native.is_none()
    {
        return unknown::landed(tx, spoke, pair, record);
    }
    if questions::is_our_doubt(tx, &spoke.sync, &record.id)? {
        return Ok(());
    }
    match matching::of_record(tx, spoke, record)? {
        Match::One(contact) => bind(tx, spoke, &contact, record),
        Match::None | Match::Ambiguous(_) if unknown::may_be_ours(tx, spoke, record)? => Ok(()),
        Match::None => make_contact(tx, spoke, record),
        Match::Ambiguous(reason) => questions::park(tx, &spoke.sync, About::record(&record.id), reason),
    }
}

/// The contact that our key property in the record names.
fn named_owner(spoke: &Spoke, record: &Record) -> Option<ContactId> {
    ContactId::parse(record_values(spoke.mapping(), record).get("id")?).ok()
}

/// Makes the contact of a record that the inbox lacks, with its pair.
///
/// # Errors
/// The store's.
pub fn make_contact(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<(), StoreError> {
    let Some(account) = tx.accounts(spoke.org())?.into_iter().next() else {
        return Err(StoreError::Missing { what: "account to make contacts in" });
    };
    let new = new_contact(spoke.mapping(), record, spoke.connector.about().slug);
    let new = NewContact { account: Some(account.phone_number_id), ..new };
    let contact = contacts::create(tx, &spoke.author(), new).map_err(store_error)?;
    let pair = pairs::bound(tx, &spoke.sync, &contact.id, Some(record.id.clone()));
    tx.insert_pair(&spoke.sync, &pair)?;
    questions::close_record(tx, &spoke.sync, &record.id)?;
    reconcile(tx, spoke, pair, record)?;
    Ok(())
}

fn store_error(problem: Problem) -> StoreError {
    match problem.code {
        Code::TemporarilyUnavailable => StoreError::Unavailable { detail: problem.message },
        _ => StoreError::Bug { detail: problem.message },
    }
}

/// The pair of a record, found by its id or by the ids of records that were merged into it. After a merge the pair
/// follows to the survivor; of two pairs one keeps it and the other's contact becomes a question.
///
/// # Errors
/// The store's.
pub fn paired(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<Option<Pair>, StoreError> {
    let mut candidates: Vec<Pair> = tx.pair_by_native(&spoke.sync, &record.id)?.into_iter().collect();
    for loser in &record.merged {
        candidates.extend(tx.pair_by_native(&spoke.sync, loser)?);
    }
    let Some(keeper) = keeper(tx, spoke, record, &candidates)? else { return Ok(None) };
    let mut keeper = candidates.swap_remove(keeper);
    for pair in candidates {
        part(tx, spoke, pair, record)?;
    }
    if keeper.native.as_ref() != Some(&record.id) {
        tracing::info!(sync = %spoke.sync.id(), contact = %keeper.contact, survivor = record.id, "the record was merged: its pair follows");
        if keeper.state == PairState::Tombstone && !record.archived && unlinked_by_the_crm(tx, spoke, &keeper)? {
            // It was restored before it was merged.
            questions::close_all(tx, &spoke.sync, &mut keeper)?;
            keeper.state = PairState::Open;
        }
        keeper.native = Some(record.id.clone());
        tx.save_pair(&spoke.sync, &keeper)?;
    }
    Ok(Some(keeper))
}

/// Which pair keeps the survivor: the one that our key names, then a living one, then the one that agrees on most
/// fields, then the one that has it already.
fn keeper(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record, candidates: &[Pair]) -> Result<Option<usize>, StoreError> {
    if candidates.len() < 2 {
        return Ok((!candidates.is_empty()).then_some(0));
    }
    let theirs = record_values(spoke.mapping(), record);
    let named = named_owner(spoke, record);
    let mut best = None;
    for (n, pair) in candidates.iter().enumerate() {
        let contact = tx.contact(spoke.org(), &pair.contact)?;
        let ours = contact.map(|contact| contact_values(&contact)).unwrap_or_default();
        let equal = ours.iter().filter(|(field, value)| theirs.get(*field) == Some(value)).count();
        let open = pair.state == PairState::Open;
        let rank = (named.as_ref() == Some(&pair.contact), open, equal, pair.native.as_ref() == Some(&record.id));
        if best.as_ref().is_none_or(|(highest, _)| rank > *highest) {
            best = Some((rank, n));
        }
    }
    Ok(best.map(|(_, n)| n))
}

/// Parts a pair from a record that another contact keeps after a merge.
fn part(tx: &mut Tx<'_>, spoke: &Spoke, mut pair: Pair, record: &Record) -> Result<(), StoreError> {
    if pair.state == PairState::Tombstone && !unlinked_by_the_crm(tx, spoke, &pair)? {
        pair.native = None;
        return tx.save_pair(&spoke.sync, &pair);
    }
    questions::close_all(tx, &spoke.sync, &mut pair)?;
    pair.native = None;
    pair.state = PairState::Parked;
    pair.base = Base::new();
    pair.dirty = None;
    tx.save_pair(&spoke.sync, &pair)?;
    questions::park(tx, &spoke.sync, About::pair(&pair), Reason::MergedAway { survivor: record.id.clone() })
}

/// Whether a tombstone stands for a record that was deleted in the CRM, with a contact that lives on.
fn unlinked_by_the_crm(tx: &mut Tx<'_>, spoke: &Spoke, pair: &Pair) -> Result<bool, StoreError> {
    let Some(native) = &pair.native else { return Ok(false) };
    let deleted = tx.native_record(&spoke.sync, native)?.is_some_and(|record| record.archived);
    Ok(deleted && tx.contact(spoke.org(), &pair.contact)?.is_some())
}
