//! The census finds deletes that no hint told (law 9): what the vendor lists as archived, and what two complete listings
//! in a row lack. More of them than the safety share, and nothing is done before a person says so.

use lockstep_connect::{Got, IdPage, Listed};
use lockstep_core::env::Time;
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_core::pair::PairState;
use lockstep_core::parked::{Parked, Reason};
use lockstep_store::{StoreError, SyncOf, Tx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

use super::questions::{self, About};
use super::spoke::{Halt, Spoke};
use super::{arrive, check, depart, schema};
use crate::app::App;
use crate::reach::Class;

/// So many deletes at once are never too many.
const DELETES_FREE: i64 = 5;
/// Of every so many pairs one may be found deleted at once before a person is asked.
const SHARE: i64 = 10;
/// How long the deletes that webhooks tell count as one.
const WINDOW: Duration = Duration::from_secs(3_600);
/// Absent records that one job asks for.
const ABSENT_MAX: usize = 100;

/// How far a sync's census has come; kept with the sync.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Census {
    /// Numbered upwards from 1.
    number: i64,
    begun_at: Time,
    /// When the one before was begun: what was not known then cannot have been missed twice.
    before_begun_at: Option<Time>,
    step: Step,
    /// Records with a pair that were found deleted.
    departed: BTreeSet<String>,
    /// A person has said that a mass delete is meant.
    allowed: bool,
    /// What webhooks told meanwhile.
    #[serde(default)]
    told: Told,
}

/// Deletes of paired records that webhooks told, in the window that began with the first.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Told {
    since: Time,
    count: i64,
}

impl Told {
    fn at(self, now: Time) -> Self {
        if now.since(self.since) < WINDOW { self } else { Self { since: now, count: 0 } }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
enum Step {
    /// Waits for the next one.
    #[default]
    Rest,
    /// Lists what lies in the recycle bin.
    Archived { after: Option<String> },
    /// Lists what lives.
    Living { after: Option<String> },
    /// Asks for what neither this listing nor the one before has shown.
    Absent { after: Option<String> },
}

/// Reads one page of the census.
///
/// # Errors
/// The store's and the vendor's.
pub async fn run(app: &App, sync: &SyncId) -> Result<(), Halt> {
    let Some(spoke) = Spoke::running(app, sync, Class::Backfill).await? else { return Ok(()) };
    let mut census = spoke.read(|spoke, tx| load(tx, &spoke.sync)).await?;
    match std::mem::take(&mut census.step) {
        Step::Rest => {
            schema::restore(&spoke).await?;
            let now = app.env.now();
            let before_begun_at = (census.number > 0).then_some(census.begun_at);
            let step = Step::Archived { after: None };
            let next = Census {
                number: census.number + 1,
                begun_at: now,
                before_begun_at,
                step,
                departed: BTreeSet::new(),
                ..census
            };
            spoke.write(move |spoke, tx| go_on(tx, spoke, next)).await?;
        }
        Step::Archived { after } => archived_page(&spoke, census, after).await?,
        Step::Living { after } => {
            let page = spoke.connector.list_ids(&spoke.session, false, after.as_deref()).await?;
            let listed = page.records.clone();
            let unseen = spoke.read(move |spoke, tx| unseen(tx, spoke, listed)).await?;
            check::read_and_take(&spoke, &unseen).await?;
            spoke.write(move |spoke, tx| living_page(tx, spoke, census, page)).await?;
        }
        Step::Absent { after } => absent_page(&spoke, census, after).await?,
    }
    Ok(())
}

/// A person has said that a mass delete is meant: the next census carries it out.
///
/// # Errors
/// The store's.
pub fn allow(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<(), StoreError> {
    let Some(sync) = tx.hold_sync(sync)? else { return Ok(()) };
    let census = Census { allowed: true, ..load(tx, &sync)? };
    save(tx, &sync, &census, None)?;
    tx.hurry(&Job::Census { sync: sync.id().clone() })
}

fn load(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<Census, StoreError> {
    let saved = tx.sync_census(sync)?.as_deref().map(serde_json::from_str).transpose();
    Ok(saved
        .map_err(|error| StoreError::Bug { detail: format!("the census cannot be read: {error}") })?
        .unwrap_or_default())
}

fn save(tx: &mut Tx<'_>, sync: &SyncOf, census: &Census, ended_at: Option<Time>) -> Result<(), StoreError> {
    let text = serde_json::to_string(census).map_err(|error| StoreError::Bug { detail: error.to_string() })?;
    tx.set_sync_census(sync, Some(&text), ended_at)
}

/// Counts a delete that a webhook told, and says whether it may be carried over now. Past the safety share a person is
/// asked, and what comes then waits for a census.
///
/// # Errors
/// The store's.
pub fn may_depart(tx: &mut Tx<'_>, spoke: &Spoke) -> Result<bool, StoreError> {
    let Some(sync) = tx.hold_sync(&spoke.sync)? else { return Ok(false) };
    let mut census = load(tx, &sync)?;
    census.told = census.told.at(tx.now());
    census.told.count += 1;
    save(tx, &sync, &census, None)?;
    if census.allowed {
        return Ok(true);
    }
    if !mass_deletes(tx, spoke)?.is_empty() {
        return Ok(false);
    }
    let absent = census.told.count;
    if absent <= DELETES_FREE {
        return Ok(true);
    }
    let of = tx.pair_counts(&spoke.sync)?.open + absent - 1;
    if absent <= free_deletes(of) {
        return Ok(true);
    }
    ask(tx, spoke, absent, of)?;
    Ok(false)
}

fn free_deletes(of: i64) -> i64 {
    DELETES_FREE.max(of / SHARE)
}

fn ask(tx: &mut Tx<'_>, spoke: &Spoke, absent: i64, of: i64) -> Result<(), StoreError> {
    tracing::warn!(sync = %spoke.sync.id(), absent, of, "so many deletes at once are carried over only when a person says so");
    questions::park(tx, &spoke.sync, About::sync(), Reason::MassDelete { absent, of })
}

/// Takes over what others wrote while the job was under way: a person's leave, and what webhooks told.
fn refresh(tx: &mut Tx<'_>, spoke: &Spoke, census: &mut Census) -> Result<(), StoreError> {
    if let Some(now) = tx.hold_sync(&spoke.sync)? {
        Census { allowed: census.allowed, told: census.told, .. } = load(tx, &now)?;
    }
    Ok(())
}

fn go_on(tx: &mut Tx<'_>, spoke: &Spoke, mut census: Census) -> Result<(), StoreError> {
    refresh(tx, spoke, &mut census)?;
    save(tx, &spoke.sync, &census, None)?;
    let now = tx.now();
    tx.enqueue(&Job::Census { sync: spoke.sync.id().clone() }, now)
}

/// Asks for the records of a page of the recycle bin by id, a read batch a commit: a refusal costs one batch.
async fn archived_page(spoke: &Spoke, mut census: Census, after: Option<String>) -> Result<(), Halt> {
    let page = spoke.connector.list_ids(&spoke.session, true, after.as_deref()).await?;
    census.step = Step::Archived { after };
    let listed = page.records.into_iter().map(|listed| listed.id).filter(|id| !census.departed.contains(id)).collect();
    for batch in paired(spoke, listed).await?.chunks(spoke.connector.about().read_batch) {
        let got = spoke.get(batch).await?;
        let noted = spoke.write(move |spoke, tx| {
            got.iter().try_for_each(|(_, got)| census.note(tx, spoke, None, got))?;
            refresh(tx, spoke, &mut census)?;
            save(tx, &spoke.sync, &census, None)?;
            Ok(census)
        });
        census = noted.await?;
    }
    census.step = match page.after {
        Some(after) => Step::Archived { after: Some(after) },
        None => Step::Living { after: None },
    };
    Ok(spoke.write(move |spoke, tx| go_on(tx, spoke, census)).await?)
}

impl Census {
    /// Notes what a read by id found of a record that a listing showed as archived, or did not show at all. `missing` is
    /// its id where not to be seen counts as departed.
    fn note(&mut self, tx: &mut Tx<'_>, spoke: &Spoke, missing: Option<&str>, got: &Got) -> Result<(), StoreError> {
        match got {
            Got::Found(record) => arrive::take(tx, spoke, record)?,
            Got::Archived(record) => {
                // It may have been merged before it was deleted: then its pair follows first.
                arrive::paired(tx, spoke, record)?;
                tx.put_record(&spoke.sync, record, &[])?;
                self.departed.insert(record.id.clone());
            }
            Got::Missing => self.departed.extend(missing.map(str::to_owned)),
        }
        Ok(())
    }
}

/// Those of the records that have a pair which is not a tombstone.
async fn paired(spoke: &Spoke, natives: Vec<String>) -> Result<Vec<String>, StoreError> {
    spoke
        .read(move |spoke, tx| {
            let mut paired = Vec::new();
            for native in natives {
                if tx.pair_by_native(&spoke.sync, &native)?.is_some_and(|pair| pair.state != PairState::Tombstone) {
                    paired.push(native);
                }
            }
            Ok(paired)
        })
        .await
}

/// Living records that stand there otherwise than any scan has shown them: their times lay before the scan's window, such
/// as while the vendor's clock stood wrong. And living records that have neither a pair nor a question: the look at them
/// was lost, such as while the sync stood still.
fn unseen(tx: &mut Tx<'_>, spoke: &Spoke, listed: Vec<Listed>) -> Result<Vec<String>, StoreError> {
    let mut unseen = Vec::new();
    for Listed { id, updated_at } in listed {
        let known = tx.native_record(&spoke.sync, &id)?;
        let as_known = known.is_some_and(|known| !known.archived && known.updated_at == updated_at);
        if !as_known || !has_its_place(tx, spoke, &id)? {
            unseen.push(id);
        }
    }
    Ok(unseen)
}

fn has_its_place(tx: &mut Tx<'_>, spoke: &Spoke, native: &str) -> Result<bool, StoreError> {
    let paired = tx.pair_by_native(&spoke.sync, native)?.is_some();
    Ok(paired || !tx.parked_of_native(&spoke.sync, native)?.is_empty())
}

fn living_page(tx: &mut Tx<'_>, spoke: &Spoke, mut census: Census, page: IdPage) -> Result<(), StoreError> {
    let ids: Vec<String> = page.records.into_iter().map(|listed| listed.id).collect();
    tx.seen_in_census(&spoke.sync, census.number, &ids)?;
    census.step = match page.after {
        Some(after) => Step::Living { after: Some(after) },
        None => Step::Absent { after: None },
    };
    go_on(tx, spoke, census)
}

/// What two complete listings lacked is asked for by id once more before it counts.
async fn absent_page(spoke: &Spoke, mut census: Census, after: Option<String>) -> Result<(), Halt> {
    let absent = match census.before_begun_at {
        Some(before) => {
            let number = census.number - 1;
            let limit = spoke.connector.about().read_batch.min(ABSENT_MAX);
            spoke
                .read(move |spoke, tx| tx.absent_since_census(&spoke.sync, number, before, after.as_deref(), limit))
                .await?
        }
        None => Vec::new(),
    };
    let last = absent.last().cloned();
    let got = spoke.get(&paired(spoke, absent).await?).await?;
    spoke
        .write(move |spoke, tx| {
            for (native, got) in &got {
                census.note(tx, spoke, Some(native), got)?;
            }
            match last {
                Some(last) => {
                    census.step = Step::Absent { after: Some(last) };
                    go_on(tx, spoke, census)
                }
                None => conclude(tx, spoke, census),
            }
        })
        .await?;
    Ok(())
}

fn conclude(tx: &mut Tx<'_>, spoke: &Spoke, mut census: Census) -> Result<(), StoreError> {
    let of = tx.pair_counts(&spoke.sync)?.open;
    let mut departed = Vec::new();
    for native in std::mem::take(&mut census.departed) {
        if !tx.seen_alive(&spoke.sync, &native, census.number, census.begun_at)? {
            departed.push(native);
        }
    }
    refresh(tx, spoke, &mut census)?;
    let absent = i64::try_from(departed.len()).unwrap_or(i64::MAX);
    let told = census.told.at(tx.now()).count;
    let too_many = absent + told > free_deletes(of) || !mass_deletes(tx, spoke)?.is_empty();
    if absent > 0 && too_many && !census.allowed {
        ask(tx, spoke, absent, of)?;
    } else {
        for native in departed {
            if let Some(record) = tx.native_record(&spoke.sync, &native)? {
                depart::gone(tx, spoke, &record)?;
            }
        }
        census.allowed = false;
        for asked in mass_deletes(tx, spoke)? {
            // What was asked about since the census began, it may have missed.
            if asked.parked_at <= census.begun_at {
                tx.close_parked(spoke.org(), &asked.id)?;
            }
        }
    }
    census.step = Step::Rest;
    let now = tx.now();
    save(tx, &spoke.sync, &census, Some(now))?;
    let pause = Duration::from_secs(spoke.app.settings.census_seconds);
    tx.enqueue(&Job::Census { sync: spoke.sync.id().clone() }, now.plus(pause))
}

fn mass_deletes(tx: &mut Tx<'_>, spoke: &Spoke) -> Result<Vec<Parked>, StoreError> {
    let asked = tx.parked_of_sync(&spoke.sync)?;
    Ok(asked.into_iter().filter(|parked| matches!(parked.reason, Reason::MassDelete { .. })).collect())
}
