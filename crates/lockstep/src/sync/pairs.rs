//! Making pairs and asking what a sync does with them.

use lockstep_core::ids::{ContactId, PairId};
use lockstep_core::pair::{Base, Pair, PairState};
use lockstep_store::{SyncOf, Tx};

/// Whether the sync's plan was accepted and carried out: from then on new contacts and records are its business.
pub fn is_started(sync: &SyncOf) -> bool {
    sync.row().plan.is_some() && sync.row().scan.is_none()
}

/// A pair whose record has to be found or made.
pub fn unmade(tx: &Tx<'_>, sync: &SyncOf, contact: &ContactId, seq: i64) -> Pair {
    Pair { dirty: Some(seq), ..bound(tx, sync, contact, None) }
}

/// A pair of a contact and a record, not in step yet.
pub fn bound(tx: &Tx<'_>, sync: &SyncOf, contact: &ContactId, native: Option<String>) -> Pair {
    Pair {
        id: PairId::new(tx.env()),
        sync: sync.id().clone(),
        contact: contact.clone(),
        native,
        state: PairState::Open,
        base: Base::new(),
        fights: Default::default(),
        held: Vec::new(),
        dirty: None,
        updated_at: tx.now(),
    }
}
