//! Records that a webhook says were deleted, merged or restored: asked for by id before anything is believed.

use lockstep_connect::{Fault, FaultClass, Got};
use lockstep_core::ids::SyncId;
use lockstep_core::pair::PairState;
use lockstep_core::record::Record;
use lockstep_store::{StoreError, Tx};

use super::spoke::{Halt, Spoke};
use super::{arrive, census, depart, unknown};
use crate::app::App;
use crate::reach::Class;

/// Reads the records and takes them in. What cannot be seen is asked for again a few times; after that the census
/// decides, since not to be seen is not to be deleted.
///
/// # Errors
/// The store's and the vendor's; [`FaultClass::Missing`] when some could not be seen.
pub async fn run(app: &App, sync: &SyncId, natives: &[String]) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Live).await? else { return Ok(()) };
    unknown::resolve(&spoke).await?;
    let got = spoke.get(natives).await?;
    let unseen = got.iter().filter(|(_, got)| matches!(got, Got::Missing)).count();
    spoke.write(move |spoke, tx| take_all(tx, spoke, &got)).await?;
    if unseen == 0 {
        return Ok(());
    }
    Err(Halt::Vendor(Fault::new(
        FaultClass::Missing,
        "unseen",
        format!("{unseen} records that a webhook names cannot be seen."),
    )))
}

/// Takes in what reads by id found. Of records that are gone only so many are taken in before a person is asked.
///
/// # Errors
/// The store's.
pub fn take_all(tx: &mut Tx<'_>, spoke: &Spoke, got: &[(String, Got)]) -> Result<(), StoreError> {
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
