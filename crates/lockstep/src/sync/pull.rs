//! Reading what changed in the CRM, a page a job; the cursor is saved in the commit of the data that it covers.

use std::time::Duration;

use lockstep_connect::{ChangePage, Cursor, FaultClass};
use lockstep_core::env::Time;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_store::{StoreError, Tx};

use super::spoke::{Halt, Spoke};
use super::{arrive, check, unknown};
use crate::app::App;
use crate::reach::{self, Class};

/// Pages that one job reads to catch up.
const PAGES_MAX: usize = 10;

/// Reads one page.
///
/// # Errors
/// The store's and the vendor's.
pub async fn run(app: &App, sync: &SyncId) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Live).await? else { return Ok(()) };
    unknown::resolve(&spoke).await?;
    let page = Page::read(&spoke, cursor(&spoke)?).await?;
    let pause = match page.changes.more {
        true => Duration::ZERO,
        false => reach::poll_pause(app, spoke.connector.about(), &spoke.connection),
    };
    spoke
        .write(move |spoke, tx| {
            page.take_in(tx, spoke)?;
            let next = tx.now().plus(pause);
            tx.enqueue(&Job::Pull { sync: spoke.sync.id().clone() }, next)
        })
        .await?;
    Ok(())
}

/// Reads everything that changed until now.
///
/// # Errors
/// The store's and the vendor's. What was read until then is taken in. [`Halt::Wait`] when it is too much for one job.
pub async fn catch_up(spoke: &Spoke) -> Result<(), Halt> {
    let mut cursor = cursor(spoke)?;
    for _ in 0..PAGES_MAX {
        let page = Page::read(spoke, cursor).await?;
        let (more, next) = (page.changes.more, page.changes.cursor.clone());
        spoke.write(move |spoke, tx| page.take_in(tx, spoke)).await?;
        if !more {
            return Ok(());
        }
        cursor = Some(next);
    }
    Err(Halt::Wait { due: spoke.app.env.now(), counted: false })
}

/// Where the sync's reading of changes goes on.
///
/// # Errors
/// When what is stored cannot be read.
pub fn cursor(spoke: &Spoke) -> Result<Option<Cursor>, StoreError> {
    let saved = spoke.sync.row().cursor.as_deref();
    saved
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| StoreError::Bug { detail: format!("the cursor cannot be read: {error}") })
}

/// Records that a page shows otherwise than we know them, though with no time that proves it to be newer, or that we know
/// to be deleted: searches lag, so only a read by id tells which is the truth. What we never saw cannot differ: the answer
/// to our own write mentions fewer properties than its echo.
fn doubtful(tx: &mut Tx<'_>, spoke: &Spoke, page: &ChangePage) -> Result<Vec<String>, StoreError> {
    let mut doubtful = Vec::new();
    for record in &page.records {
        let Some(known) = tx.native_record(&spoke.sync, &record.id)? else { continue };
        let other =
            record.properties.iter().any(|(name, value)| known.properties.get(name).is_some_and(|seen| seen != value));
        // A time that the vendor's clock has yet to reach was given before the clock was set back.
        let set_back = page.clock.is_some_and(|clock| record.updated_at > clock);
        if known.archived || (other && (set_back || record.updated_at <= known.updated_at)) {
            doubtful.push(record.id.clone());
        }
    }
    Ok(doubtful)
}

/// A page that was read and is not taken in yet.
struct Page {
    begun: Time,
    changes: ChangePage,
    /// Of these, what was read by id and taken in already.
    doubtful: Vec<String>,
}

impl Page {
    async fn read(spoke: &Spoke, cursor: Option<Cursor>) -> Result<Self, Halt> {
        let begun = spoke.app.env.now();
        let changes = match spoke.connector.changes(&spoke.session, cursor.as_ref(), &spoke.properties()).await {
            Err(fault) if fault.class == FaultClass::Stale => {
                tracing::warn!(sync = %spoke.sync.id(), "the CRM does not know the cursor any more: everything is read anew");
                spoke.connector.changes(&spoke.session, None, &spoke.properties()).await?
            }
            changes => changes?,
        };
        let doubtful = {
            let changes = changes.clone();
            spoke.read(move |spoke, tx| doubtful(tx, spoke, &changes)).await?
        };
        check::read_and_take(spoke, &doubtful).await?;
        if holes::open(Hole::CursorBeforeData) {
            let saved = saved(&changes.cursor)?;
            spoke.write(move |spoke, tx| tx.set_sync_cursor(&spoke.sync, Some(&saved))).await?;
        }
        Ok(Self { begun, changes, doubtful })
    }

    fn take_in(&self, tx: &mut Tx<'_>, spoke: &Spoke) -> Result<(), StoreError> {
        let mut sure = self.changes.records.iter().filter(|record| !self.doubtful.contains(&record.id));
        sure.try_for_each(|record| arrive::take(tx, spoke, record))?;
        tx.set_sync_cursor(&spoke.sync, Some(&saved(&self.changes.cursor)?))?;
        if !self.changes.more {
            tx.set_sync_pulled_at(&spoke.sync, Some(self.begun))?;
        }
        Ok(())
    }
}

fn saved(cursor: &Cursor) -> Result<String, StoreError> {
    serde_json::to_string(cursor).map_err(|error| StoreError::Bug { detail: error.to_string() })
}
