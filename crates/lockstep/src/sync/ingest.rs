//! Understanding a stored remote webhook: it only hints (law 1), so all that comes of it are reads.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep_connect::{Hint, HintKind};
use lockstep_core::job::Job;
use lockstep_store::{Received, StoreError, SyncOf, SyncStatus, Tx};

use super::spoke::Halt;
use crate::app::App;
use crate::reach;

/// Up to so many changed records are read by id at once, which no index lag delays; more are left to a pull.
const READ_AT_ONCE_MAX: usize = 10;
/// Stored webhooks that one job reads. SQLite keeps what a savepoint of a few more pages would undo in a file.
const WEBHOOKS_MAX: usize = 64;
/// So many at once are a burst, of which more will follow.
const BURST: usize = 8;
/// What a burst is given to gather: it becomes few jobs, few commits and few reads of the vendor.
const GATHER: Duration = Duration::from_millis(100);
/// Records that one check names; its key has to fit an index.
const CHECKED_MAX: usize = 50;

/// Reads the hints of an account's stored webhooks and enqueues the reads.
///
/// # Errors
/// The store's; a wait where more is to be read.
pub async fn run(app: &App, vendor: &str, account: &str) -> Result<(), Halt> {
    let (vendor, account) = (vendor.to_owned(), account.to_owned());
    let unread = {
        let (vendor, account) = (vendor.clone(), account.clone());
        app.store.read(move |tx| tx.unread(&vendor, &account, None, WEBHOOKS_MAX)).await?
    };
    let found = unread.len();
    let hints: Vec<Hint> =
        unread.iter().flat_map(|received| read(&vendor, received)).filter(|hint| hint.account == account).collect();
    app.store
        .write(move |tx| {
            let hints: Vec<&Hint> = hints.iter().collect();
            for connection in tx.connection_by_account(&vendor, &account)? {
                if let Some(sync) = tx.sync_of_connection(&connection)?
                    && sync.row().status == SyncStatus::Running
                {
                    enqueue_reads(tx, &sync, &hints)?;
                }
            }
            for received in &unread {
                tx.forget_received(&received.id)?;
            }
            Ok::<_, StoreError>(())
        })
        .await?;
    let now = app.env.now();
    match found {
        WEBHOOKS_MAX.. => Err(Halt::Wait { due: now, counted: false }),
        BURST.. => Err(Halt::Wait { due: now.plus(GATHER), counted: false }),
        _ => Ok(()),
    }
}

/// What one webhook hints at; nothing when it cannot be read.
fn read(vendor: &str, received: &Received) -> Vec<Hint> {
    reach::connector(vendor).and_then(|connector| connector.read_hints(&received.body)).unwrap_or_else(|fault| {
        tracing::warn!(received = %received.id, code = fault.code, "a verified webhook cannot be read: {fault}");
        Vec::new()
    })
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
    let named: Vec<String> = named.into_iter().collect();
    for natives in named.chunks(CHECKED_MAX) {
        tx.enqueue(&Job::Check { sync: sync.id().clone(), natives: natives.to_vec() }, now)?;
    }
    Ok(())
}
