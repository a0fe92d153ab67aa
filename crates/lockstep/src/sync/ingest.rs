//! Understanding a stored remote webhook: it only hints (law 1), so all that comes of it are reads.

use std::collections::BTreeSet;
use std::time::Duration;

use lockstep_connect::{Hint, HintKind};
use lockstep_core::job::Job;
use lockstep_store::{Received, StoreError, SyncOf, SyncStatus, Tx};

use super::spoke::Halt;
use crate::app::App;
use crate::ops::received;
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
    let unread = received::unread(app, vendor, account, WEBHOOKS_MAX).await?;
    let found = unread.len();
    let connector = reach::connector(vendor)?;
    let mut read = Vec::with_capacity(found);
    for received in unread {
        match connector.read_hints(&received.body) {
            Ok(hints) => read.push((received, hints.into_iter().filter(|hint| hint.is_of(account)).collect())),
            Err(fault) => received::park(app, &received, &format!("it cannot be read: {fault}")).await?,
        }
    }
    match take_in(app, vendor, account, read.clone()).await {
        Err(error) if error.is_retryable() => return Err(error.into()),
        // Somewhere in it is what cannot be stored: each has a commit of its own.
        Err(_) => {
            for one in read {
                if let Err(error) = take_in(app, vendor, account, vec![one.clone()]).await {
                    received::put_off(app, &one.0, &error.into()).await?;
                }
            }
        }
        Ok(()) => {}
    }
    received::look_again(app, vendor, account).await?;
    let now = app.env.now();
    match found {
        WEBHOOKS_MAX.. => Err(Halt::Wait { due: now, counted: false }),
        BURST.. => Err(Halt::Wait { due: now.plus(GATHER), counted: false }),
        _ => Ok(()),
    }
}

/// What stored webhooks hint at, and that they are read, in one commit.
async fn take_in(app: &App, vendor: &str, account: &str, read: Vec<(Received, Vec<Hint>)>) -> Result<(), StoreError> {
    let (vendor, account) = (vendor.to_owned(), account.to_owned());
    app.store
        .write(move |tx| {
            let hints: Vec<&Hint> = read.iter().flat_map(|(_, hints)| hints).collect();
            for connection in tx.connection_by_account(&vendor, &account)? {
                if let Some(sync) = tx.sync_of_connection(&connection)?
                    && sync.row().status == SyncStatus::Running
                {
                    enqueue_reads(tx, &sync, &hints)?;
                }
            }
            read.iter().try_for_each(|(received, _)| tx.forget_received(&received.id))
        })
        .await
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
