//! A person says which contact and which record belong together, where no rule can: after a delete, for an ambiguous
//! match, for a create whose outcome nobody could tell.

use lockstep_core::contact::Contact;
use lockstep_core::ids::{ConnectionId, ContactId};
use lockstep_core::job::Job;
use lockstep_core::pair::{Base, Pair, PairState};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Org, SyncOf, SyncStatus, Tx};
use serde_json::json;

use super::audit::{self, Action};
use super::syncs::connection_of;
use crate::app::App;
use crate::sync::{pairs, questions};

/// Binds a contact to a record and has both sides merged anew. Without `record` the contact keeps the record it has, or
/// gets a new one if that was deleted. What was asked about either of them is answered by it.
///
/// # Errors
/// No such connection, sync or contact; a sync that does not run; a record that the sync does not know, that was
/// deleted, or that another contact has.
pub async fn relink(
    app: &App,
    org: &Org,
    connection: &ConnectionId,
    contact: &ContactId,
    record: Option<String>,
) -> Result<Pair, Problem> {
    let of = connection_of(app, org, connection).await?;
    let contact = contact.clone();
    app.store
        .write(move |tx| {
            let sync = tx.sync_of_connection(&of)?.ok_or_else(|| Problem::not_found("sync"))?;
            if sync.row().status != SyncStatus::Running {
                let message = "The sync does not run: resume it first, then say what belongs together.";
                return Err(Problem::new(Code::InvalidFieldValue, message));
            }
            let contact = tx.contact(sync.org(), &contact)?.ok_or_else(|| Problem::not_found("contact"))?;
            if let Some(record) = &record {
                free(tx, &sync, &contact.id, record)?;
            }
            let pair = bound(tx, &sync, &contact, record)?;
            let detail = json!({ "sync": sync.id(), "contact": contact.id, "record": pair.native });
            audit::note_operator(tx, sync.org(), Action::PairRelinked, &detail)?;
            Ok(pair)
        })
        .await
}

/// Makes sure that the record lives and that no other living pair has it.
fn free(tx: &mut Tx<'_>, sync: &SyncOf, contact: &ContactId, record: &str) -> Result<(), Problem> {
    let refused = |message: String| Problem::of(Code::InvalidFieldValue, "record", message);
    match tx.native_record(sync, record)? {
        None => return Err(refused(format!("The sync has not seen a record {record}."))),
        Some(known) if known.archived => {
            return Err(refused(format!("The record {record} was deleted: restore it first.")));
        }
        Some(_) => {}
    }
    let Some(owner) = tx.pair_by_native(sync, record)?.filter(|owner| owner.contact != *contact) else { return Ok(()) };
    if owner.state != PairState::Tombstone {
        return Err(refused(format!("The record {record} is kept in step with the contact {}.", owner.contact)));
    }
    Ok(tx.save_pair(sync, &Pair { native: None, ..owner })?)
}

fn bound(tx: &mut Tx<'_>, sync: &SyncOf, contact: &Contact, record: Option<String>) -> Result<Pair, Problem> {
    let known = tx.pair_by_contact(sync, &contact.id)?;
    let before = known.as_ref().and_then(|pair| pair.native.clone());
    let native = match (record, &before) {
        (Some(record), _) => Some(record),
        (None, Some(before)) => {
            tx.native_record(sync, before)?.filter(|record| !record.archived).map(|record| record.id)
        }
        (None, None) => None,
    };
    let fresh = pairs::bound(tx, sync, &contact.id, native.clone());
    let pair = match known {
        None => {
            let pair = Pair { dirty: Some(contact.seq), ..fresh };
            tx.insert_pair(sync, &pair)?;
            pair
        }
        Some(mut known) => {
            questions::close_all(tx, sync, &mut known)?;
            // Another record was never in step with the contact.
            let base = if native == before { known.base } else { Base::new() };
            let pair = Pair { id: known.id, base, dirty: Some(contact.seq), ..fresh };
            tx.save_pair(sync, &pair)?;
            pair
        }
    };
    for record in native.iter() {
        questions::close_record(tx, sync, record)?;
    }
    let natives: Vec<String> = [before, native].into_iter().flatten().collect();
    if !natives.is_empty() {
        tx.hurry(&Job::Check { sync: sync.id().clone(), natives })?;
    }
    tx.hurry(&Job::Push { sync: sync.id().clone() })?;
    Ok(pair)
}
