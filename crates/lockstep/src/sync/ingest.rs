//! Understanding a stored remote webhook: it only hints (law 1), so all that comes of it are reads.

use std::collections::BTreeSet;

use lockstep_connect::{Hint, HintKind};
use lockstep_core::ids::ReceivedId;
use lockstep_core::job::Job;
use lockstep_store::{StoreError, SyncOf, SyncStatus, Tx};

use super::spoke::Halt;
use crate::app::App;
use crate::reach;

/// Up to so many changed records are read by id at once, which no index lag delays; more are left to a pull.
const READ_AT_ONCE_MAX: usize = 10;

/// Reads the hints of one webhook and enqueues the reads.
///
/// # Errors
/// The store's.
pub async fn run(app: &App, received: &ReceivedId) -> Result<(), Halt> {
    let id = received.clone();
    let Some(received) = app.store.read(move |tx| tx.received(&id)).await? else { return Ok(()) };
    if received.body.is_empty() {
        return Ok(());
    }
    let hints = match reach::connector(&received.vendor).and_then(|connector| connector.read_hints(&received.body)) {
        Ok(hints) => hints,
        Err(fault) => {
            tracing::warn!(received = %received.id, code = fault.code, "a verified webhook cannot be read: {fault}");
            Vec::new()
        }
    };
    app.store
        .write(move |tx| {
            let hints: Vec<&Hint> = hints.iter().filter(|hint| hint.account == received.account).collect();
            for connection in tx.connection_by_account(&received.vendor, &received.account)? {
                if let Some(sync) = tx.sync_of_connection(&connection)?
                    && sync.row().status == SyncStatus::Running
                {
                    enqueue_reads(tx, &sync, &hints)?;
                }
            }
            tx.forget_received(&received.id)
        })
        .await?;
    Ok(())
}

fn enqueue_reads(tx: &mut Tx<'_>, sync: &SyncOf, hints: &[&Hint]) -> Result<(), StoreError> {
    let (changed, others): (Vec<&Hint>, Vec<&Hint>) = hints.iter().partition(|hint| hint.kind == HintKind::Changed);
    let natives = |hints: &[&Hint]| hints.iter().map(|hint| hint.record.clone()).collect::<BTreeSet<_>>();
    let (now, changed) = (tx.now(), natives(&changed));
    let mut named = natives(&others);
    if changed.len() <= READ_AT_ONCE_MAX {
        named.extend(changed);
    } else {
        for native in changed {
            // A restored record may not show among the changes.
            if tx.native_record(sync, &native)?.is_some_and(|record| record.archived) {
                named.insert(native);
            }
        }
        tx.enqueue(&Job::Pull { sync: sync.id().clone() }, now)?;
    }
    if named.is_empty() {
        return Ok(());
    }
    tx.enqueue(&Job::Check { sync: sync.id().clone(), natives: named.into_iter().collect() }, now)
}
