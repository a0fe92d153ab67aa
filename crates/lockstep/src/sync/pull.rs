//! Reading what changed in the CRM, a page a job; the cursor is saved in the commit of the data that it covers.

use std::time::Duration;

use lockstep_connect::{ChangePage, Cursor, FaultClass};
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_store::{StoreError, Tx};

use super::spoke::{Halt, Spoke};
use super::{arrive, check, unknown};
use crate::app::App;
use crate::reach::{self, Class};

/// Reads one page.
///
/// # Errors
/// The store's and the vendor's.
pub async fn run(app: &App, sync: &SyncId) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Live).await? else { return Ok(()) };
    unknown::resolve(&spoke).await?;
    let begun = app.env.now();
    let cursor = cursor(&spoke)?;
    let page = match spoke.connector.changes(&spoke.session, cursor.as_ref(), &spoke.properties()).await {
        Err(fault) if fault.class == FaultClass::Stale => {
            tracing::warn!(sync = %sync, "the CRM does not know the cursor any more: everything is read anew");
            spoke.connector.changes(&spoke.session, None, &spoke.properties()).await?
        }
        page => page?,
    };
    let doubtful = {
        let page = page.clone();
        spoke.read(move |spoke, tx| doubtful(tx, spoke, &page)).await?
    };
    check::read_and_take(&spoke, &doubtful).await?;
    if holes::open(Hole::CursorBeforeData) {
        let saved =
            serde_json::to_string(&page.cursor).map_err(|error| StoreError::Bug { detail: error.to_string() })?;
        spoke.write(move |spoke, tx| tx.set_sync_cursor(&spoke.sync, Some(&saved))).await?;
    }
    let pause = match page.more {
        true => Duration::ZERO,
        false => reach::poll_pause(app, spoke.connector.about(), &spoke.connection),
    };
    spoke
        .write(move |spoke, tx| {
            take_page(tx, spoke, &page, &doubtful)?;
            let saved =
                serde_json::to_string(&page.cursor).map_err(|error| StoreError::Bug { detail: error.to_string() })?;
            tx.set_sync_cursor(&spoke.sync, Some(&saved))?;
            if !page.more {
                tx.set_sync_pulled_at(&spoke.sync, Some(begun))?;
            }
            let next = tx.now().plus(pause);
            tx.enqueue(&Job::Pull { sync: spoke.sync.id().clone() }, next)
        })
        .await?;
    Ok(())
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

/// Takes in what a page shows; what was doubtful was read by id.
fn take_page(tx: &mut Tx<'_>, spoke: &Spoke, page: &ChangePage, doubtful: &[String]) -> Result<(), StoreError> {
    let mut sure = page.records.iter().filter(|record| !doubtful.contains(&record.id));
    sure.try_for_each(|record| arrive::take(tx, spoke, record))
}
