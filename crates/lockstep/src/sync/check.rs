//! Records that a webhook says were deleted, merged or restored: asked for by id before anything is believed.

use lockstep_connect::{Fault, FaultClass, Got};
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_core::pair::PairState;
use lockstep_core::record::Record;
use lockstep_store::{StoreError, Tx};

use super::spoke::{Halt, Spoke};
use super::{arrive, census, depart, unknown};
use crate::app::App;
use crate::reach::Class;

/// Reads the records and takes them in. What cannot be seen is asked for again a few times; after that the census
/// decides, since not to be seen is not to be deleted. More records than a call reads are a job each batch, so that a
/// refusal costs one batch.
///
/// # Errors
/// The store's and the vendor's; [`FaultClass::Missing`] when some could not be seen.
pub async fn run(app: &App, sync: &SyncId, natives: &[String]) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Live).await? else { return Ok(()) };
    let batch = spoke.connector.about().read_batch;
    if natives.len() > batch {
        let natives = natives.to_vec();
        return Ok(spoke.write(move |spoke, tx| enqueue_each(tx, spoke, &natives, batch)).await?);
    }
    unknown::resolve(&spoke).await?;
    let unseen = read_and_take(&spoke, natives).await?;
    if unseen == 0 {
        return Ok(());
    }
    Err(Halt::Vendor(Fault::new(
        FaultClass::Missing,
        "unseen",
        format!("{unseen} records that a webhook names cannot be seen."),
    )))
}

fn enqueue_each(tx: &mut Tx<'_>, spoke: &Spoke, natives: &[String], batch: usize) -> Result<(), StoreError> {
    let now = tx.now();
    natives.chunks(batch).try_for_each(|natives| {
        tx.enqueue(&Job::Check { sync: spoke.sync.id().clone(), natives: natives.to_vec() }, now)
    })
}

/// Reads records by id and takes them in, a read batch a commit: what was read before a refusal is not asked for again.
/// Answers how many cannot be seen.
///
/// # Errors
/// The store's and the vendor's.
pub async fn read_and_take(spoke: &Spoke, natives: &[String]) -> Result<usize, Halt> {
    let mut unseen = 0;
    for batch in natives.chunks(spoke.connector.about().read_batch) {
        let got = spoke.get(batch).await?;
        unseen += got.iter().filter(|(_, got)| matches!(got, Got::Missing)).count();
        spoke.write(move |spoke, tx| take_all(tx, spoke, &got)).await?;
    }
    Ok(unseen)
}

/// Takes in what reads by id found. Of records that are gone only so many are taken in before a person is asked.
///
/// # Errors
/// The store's.
fn take_all(tx: &mut Tx<'_>, spoke: &Spoke, got: &[(String, Got)]) -> Result<(), StoreError> {
    for (_, got) in got {
        match got {
            Got::Found(record) => arrive::take(tx, spoke, record)?,
            Got::Archived(record) if is_paired(tx, spoke, record)? && !census::may_depart(tx, spoke)? => {}
            Got::Archived(record) => depart::gone(tx, spoke, record)?,
            Got::Missing => {}
        }
    }
    Ok(())
}

fn is_paired(tx: &mut Tx<'_>, spoke: &Spoke, record: &Record) -> Result<bool, StoreError> {
    Ok(arrive::paired(tx, spoke, record)?.is_some_and(|pair| pair.state != PairState::Tombstone))
}
