//! Questions for a person (law 7): parked with a reason, closed when they have no object any more.

use lockstep_core::ids::{ContactId, PairId, ParkedId};
use lockstep_core::mapping::view::same;
use lockstep_core::pair::Pair;
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::record::Values;
use lockstep_store::{StoreError, SyncOf, Tx};

use super::spoke::Spoke;

/// What a question is about.
#[derive(Clone, Debug, Default)]
pub struct About {
    contact: Option<ContactId>,
    pair: Option<PairId>,
    native: Option<String>,
}

impl About {
    /// A pair.
    pub fn pair(pair: &Pair) -> Self {
        Self { contact: Some(pair.contact.clone()), pair: Some(pair.id.clone()), native: pair.native.clone() }
    }

    /// A record that has no pair.
    pub fn record(native: &str) -> Self {
        Self { native: Some(native.to_owned()), ..Self::default() }
    }

    /// The sync as a whole.
    pub fn sync() -> Self {
        Self::default()
    }
}

/// Sets something aside for a person. The same question about the same thing is asked once.
///
/// # Errors
/// The store's.
pub fn park(tx: &mut Tx<'_>, sync: &SyncOf, about: About, reason: Reason) -> Result<(), StoreError> {
    tracing::info!(sync = %sync.id(), contact = ?about.contact.as_ref().map(ContactId::as_str), record = about.native, reason = reason.code(), "parked for a person");
    let About { contact, pair, native } = about;
    let parked = Parked {
        id: ParkedId::new(tx.env()),
        sync: sync.id().clone(),
        contact,
        pair,
        native,
        reason,
        parked_at: tx.now(),
    };
    tx.park(sync, &parked).map(|_| ())
}

/// Closes every question about a pair, so that no field of it is held back any more.
///
/// # Errors
/// The store's.
pub fn close_all(tx: &mut Tx<'_>, sync: &SyncOf, pair: &mut Pair) -> Result<(), StoreError> {
    pair.held.clear();
    for parked in tx.parked_of_pair(sync, &pair.id)? {
        tx.close_parked(sync.org(), &parked.id)?;
    }
    Ok(())
}

/// Closes every question about a record that has no pair.
///
/// # Errors
/// The store's.
pub fn close_record(tx: &mut Tx<'_>, sync: &SyncOf, native: &str) -> Result<(), StoreError> {
    for parked in tx.parked_of_native(sync, native)?.into_iter().filter(|parked| parked.pair.is_none()) {
        tx.close_parked(sync.org(), &parked.id)?;
    }
    Ok(())
}

/// Whether it is a question already if a record is one that we made: then it stays one, whatever becomes of its values.
///
/// # Errors
/// The store's.
pub fn is_our_doubt(tx: &mut Tx<'_>, sync: &SyncOf, native: &str) -> Result<bool, StoreError> {
    let asked = tx.parked_of_native(sync, native)?;
    Ok(asked.iter().any(|parked| parked.pair.is_none() && parked.reason == Reason::UnknownOutcome))
}

/// Whether a parked pair gets a new try because one of its sides was edited. An ambiguous match may be clear now and
/// refused values may be mended; what else waits goes on waiting. Closes the questions that get a new try.
///
/// # Errors
/// The store's.
pub fn facts_changed(tx: &mut Tx<'_>, sync: &SyncOf, pair: &mut Pair) -> Result<bool, StoreError> {
    let questions = tx.parked_of_pair(sync, &pair.id)?;
    let open_again = |reason: &Reason| matches!(reason, Reason::Ambiguous { .. } | Reason::Refused { .. });
    if !questions.iter().all(|parked| open_again(&parked.reason)) {
        return Ok(false);
    }
    close_all(tx, sync, pair)?;
    Ok(true)
}

/// Whether a parked pair without a record waits for nothing that a matching record would not answer. After a merge it is
/// a person's to say whether its contact gets another one.
///
/// # Errors
/// The store's.
pub fn a_record_answers(tx: &mut Tx<'_>, sync: &SyncOf, pair: &Pair) -> Result<bool, StoreError> {
    Ok(!tx.parked_of_pair(sync, &pair.id)?.iter().any(|parked| matches!(parked.reason, Reason::MergedAway { .. })))
}

/// Gives fields whose value the vendor refused a new try.
///
/// # Errors
/// The store's.
pub fn release_refused(tx: &mut Tx<'_>, sync: &SyncOf, pair: &mut Pair) -> Result<(), StoreError> {
    if pair.held.is_empty() {
        return Ok(());
    }
    for parked in tx.parked_of_pair(sync, &pair.id)? {
        if let Reason::Refused { field: Some(field), .. } = &parked.reason {
            pair.held.retain(|held| held != field);
            tx.close_parked(sync.org(), &parked.id)?;
        }
    }
    Ok(())
}

/// A held field on which both sides agree is no question any more.
///
/// # Errors
/// The store's.
pub fn close_agreed(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    pair: &mut Pair,
    ours: &Values,
    theirs: &Values,
) -> Result<(), StoreError> {
    if pair.held.is_empty() {
        return Ok(());
    }
    let region = spoke.mapping().region.as_deref();
    let agrees = |field: &String| {
        let kind = spoke.mapping().field(field).map(|map| map.kind);
        let value = |values: &Values| values.get(field).cloned();
        kind.is_none_or(|kind| same(kind, value(ours).as_deref(), value(theirs).as_deref(), region))
    };
    let agreed: Vec<String> = pair.held.iter().filter(|field| agrees(field)).cloned().collect();
    if agreed.is_empty() {
        return Ok(());
    }
    for parked in tx.parked_of_pair(&spoke.sync, &pair.id)? {
        let field = match &parked.reason {
            Reason::Fight { field, .. } | Reason::Refused { field: Some(field), .. } => field.as_str(),
            Reason::Ambiguous { .. } => "phone_number",
            _ => continue,
        };
        if agreed.iter().any(|name| name == field) {
            tx.close_parked(spoke.org(), &parked.id)?;
        }
    }
    pair.held.retain(|field| !agreed.contains(field));
    pair.fights.retain(|field, _| !agreed.contains(field));
    Ok(())
}
