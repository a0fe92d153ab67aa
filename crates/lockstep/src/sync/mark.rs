//! What a write to the inbox leaves behind for the syncs, in the writer's own transaction (law 6).

use lockstep_core::ids::{ContactId, SyncId};
use lockstep_core::job::Job;
use lockstep_core::pair::PairState;
use lockstep_store::{OnDelete, Org, StoreError, SyncOf, SyncStatus, Tx};

use super::pairs;
use super::questions;

/// Tells every sync of the organization that a contact was made or changed under change number `seq`.
///
/// A contact without a pair gets one without a record as soon as a sync's plan was carried out: whether it has to be made
/// in the CRM or has a match there already is the push's to find out. A pair that waits because its match was ambiguous
/// or its values were refused gets a new try, since the facts have changed. Before that a plan's start looks for itself.
///
/// # Errors
/// The store's.
pub fn mark_dirty(tx: &mut Tx<'_>, org: &Org, contact: &ContactId, seq: i64) -> Result<(), StoreError> {
    mark_dirty_but(tx, org, contact, seq, None)
}

/// [`mark_dirty`] for every sync but the one that the change came from.
///
/// # Errors
/// The store's.
pub fn mark_dirty_but(
    tx: &mut Tx<'_>,
    org: &Org,
    contact: &ContactId,
    seq: i64,
    but: Option<&SyncId>,
) -> Result<(), StoreError> {
    for sync in tx.syncs(org)? {
        if Some(sync.id()) != but {
            mark_one(tx, &sync, contact, seq)?;
        }
    }
    Ok(())
}

/// [`mark_dirty`] for one sync.
pub(super) fn mark_one(tx: &mut Tx<'_>, sync: &SyncOf, contact: &ContactId, seq: i64) -> Result<(), StoreError> {
    let Some(mut pair) = tx.pair_by_contact(sync, contact)? else {
        if pairs::is_started(sync) {
            let pair = pairs::unmade(tx, sync, contact, seq);
            tx.insert_pair(sync, &pair)?;
            return enqueue_push(tx, sync);
        }
        return Ok(());
    };
    if pair.state == PairState::Tombstone {
        tracing::info!(sync = %sync.id(), %contact, "the contact's record was deleted or set aside, so its edit stays in the inbox; `lockstep sync relink` brings both together again");
        return Ok(());
    }
    if pair.state == PairState::Parked && questions::facts_changed(tx, sync, &mut pair)? {
        pair.state = PairState::Open;
    }
    questions::release_refused(tx, sync, &mut pair)?;
    pair.dirty = Some(seq);
    tx.save_pair(sync, &pair)?;
    enqueue_push(tx, sync)
}

/// Tells every sync of the organization that a contact is gone. Its pair stays as a tombstone, so that the record does
/// not come back as a new contact. Where the sync carries deletes over, the record is put into the CRM's recycle bin.
///
/// # Errors
/// The store's.
pub fn contact_deleted(tx: &mut Tx<'_>, org: &Org, contact: &ContactId) -> Result<(), StoreError> {
    for sync in tx.syncs(org)? {
        let Some(mut pair) = tx.pair_by_contact(&sync, contact)? else { continue };
        questions::close_all(tx, &sync, &mut pair)?;
        pair.state = PairState::Tombstone;
        pair.dirty = None;
        if pair.native.is_some() && sync.row().on_delete != OnDelete::Unlink {
            pair.dirty = Some(tx.next_seq(org)?);
        }
        tx.save_pair(&sync, &pair)?;
        if pair.dirty.is_some() {
            enqueue_push(tx, &sync)?;
        }
    }
    Ok(())
}

/// Has the sync's dirty pairs written, if it runs. A paused one catches up when it is resumed.
pub(super) fn enqueue_push(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<(), StoreError> {
    if sync.row().status == SyncStatus::Running {
        let now = tx.now();
        tx.enqueue(&Job::Push { sync: sync.id().clone() }, now)?;
    }
    Ok(())
}
