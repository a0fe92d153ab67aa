//! The first run is a plan (law 8): the CRM is read, both sides are matched, and what would be written where is counted.
//! Nothing is written to either side before a person accepts it.

use std::collections::BTreeSet;

use lockstep_connect::{About, Cursor, FaultClass};
use lockstep_core::contact::Contact;
use lockstep_core::ids::{ContactId, PlanId, SyncId};
use lockstep_core::job::Job;
use lockstep_core::merge::needs_read;
use lockstep_core::pair::Pair;
use lockstep_core::plan::{PlanRow, PlanSummary};
use lockstep_core::record::Record;
use lockstep_store::{PlanStatus, StoreError, SyncOf, SyncStatus, Tx};
use serde::{Deserialize, Serialize};

use super::spoke::{Halt, Spoke};
use super::{arrive, pairs, planning, reconcile, start};
use crate::app::App;
use crate::reach::{self, Class};

/// Contacts or records that one commit of the matching covers.
const MATCH_CHUNK: usize = 200;

/// How far a sync's first run has come; kept with the sync until it runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstRun {
    /// The organization's change number when the matching began: a contact that changed later is not what was shown.
    pub seq: i64,
    /// Where it stands.
    pub step: Step,
    /// Records that changed since they were shown.
    #[serde(default)]
    pub changed: BTreeSet<String>,
    /// Calls that carrying it out takes, by kind.
    pub effort: Effort,
}

/// The steps of a first run.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Reads the CRM.
    Read {
        /// Where the next page starts.
        cursor: Option<Cursor>,
    },
    /// Looks for the record of each contact.
    Contacts {
        /// The last contact looked at.
        after: Option<ContactId>,
    },
    /// Looks at the records that no contact has.
    Records {
        /// The last record looked at.
        after: Option<String>,
    },
    /// Waits for a person.
    Ready,
    /// Accepted: reads what changed in the CRM since it was read for the plan.
    Refresh {
        /// Where the next page starts; `None` where the plan's reading ended.
        cursor: Option<Cursor>,
    },
    /// Carries the rows out.
    Start {
        /// The last row carried out.
        after: i64,
    },
    /// Takes up the contacts that changed since they were shown.
    CatchUp {
        /// The last change number taken up.
        after: i64,
    },
}

/// What carrying a plan out takes at the vendor.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Effort {
    /// Records to make.
    creates: i64,
    /// Records to change.
    updates: i64,
    /// Records to read again before they are changed.
    reads: i64,
}

impl FirstRun {
    /// The first run of a sync, unless it is done.
    ///
    /// # Errors
    /// When what is stored cannot be read.
    pub fn of(sync: &SyncOf) -> Result<Option<Self>, StoreError> {
        let saved = sync.row().scan.as_deref().map(serde_json::from_str).transpose();
        saved.map_err(|error| StoreError::Bug { detail: format!("the first run cannot be read: {error}") })
    }

    /// Saves it, and enqueues its next step unless that is a person's.
    ///
    /// # Errors
    /// The store's.
    pub fn save(&self, tx: &mut Tx<'_>, sync: &SyncOf) -> Result<(), StoreError> {
        let text = serde_json::to_string(self).map_err(|error| StoreError::Bug { detail: error.to_string() })?;
        tx.set_sync_scan(sync, Some(&text))?;
        if matches!(self.step, Step::Ready) {
            return Ok(());
        }
        let now = tx.now();
        tx.enqueue(&Job::Plan { sync: sync.id().clone() }, now)
    }
}

/// Begins a plan, or begins it anew when an earlier one was not accepted. Only enqueues: the caller's transaction holds
/// nothing of the work.
///
/// # Errors
/// The store's.
pub fn begin(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<PlanId, StoreError> {
    tx.hold_sync(sync)?;
    if let Some(old) = &sync.row().plan {
        tx.drop_plan_rows(old)?;
    }
    tx.clear_records(sync)?;
    let plan = tx.add_plan(sync)?;
    tx.set_sync_plan(sync, Some(&plan))?;
    tx.set_sync_cursor(sync, None)?;
    tx.set_sync_status(sync, SyncStatus::Planning, None)?;
    let first =
        FirstRun { seq: 0, step: Step::Read { cursor: None }, changed: BTreeSet::new(), effort: Effort::default() };
    first.save(tx, sync)?;
    Ok(plan)
}

/// Does one page of a first run.
///
/// # Errors
/// The store's and the vendor's.
pub async fn run(app: &App, sync: &SyncId) -> Result<(), Halt> {
    let Some(spoke) = Spoke::open(app, sync, Class::Backfill).await? else { return Ok(()) };
    let (Some(first), Some(plan)) = (FirstRun::of(&spoke.sync)?, spoke.sync.row().plan.clone()) else { return Ok(()) };
    if matches!(spoke.sync.row().status, SyncStatus::Paused | SyncStatus::Stopped) {
        return Ok(());
    }
    match first.step.clone() {
        Step::Read { cursor } => read(&spoke, first, cursor).await,
        Step::Contacts { after } => match_contacts(&spoke, first, plan, after).await,
        Step::Records { after } => match_records(&spoke, first, plan, after).await,
        Step::Ready => Ok(()),
        Step::Refresh { cursor } => start::refresh(&spoke, first, cursor).await,
        Step::Start { after } => start::carry_out(&spoke, first, plan, after).await,
        Step::CatchUp { after } => start::catch_up(&spoke, first, plan, after).await,
    }
}

/// Commits a step, unless the plan was begun anew meanwhile: then what the step has read belongs to no plan.
///
/// # Errors
/// The store's.
pub async fn commit(
    spoke: &Spoke,
    step: impl FnOnce(&Spoke, &mut Tx<'_>) -> Result<(), StoreError> + Send + 'static,
) -> Result<(), Halt> {
    spoke
        .write(move |spoke, tx| {
            let seen = spoke.sync.row();
            let same = tx
                .hold_sync(&spoke.sync)?
                .is_some_and(|now| now.row().plan == seen.plan && now.row().scan == seen.scan);
            if same { step(spoke, tx) } else { Ok(()) }
        })
        .await?;
    Ok(())
}

async fn read(spoke: &Spoke, mut first: FirstRun, cursor: Option<Cursor>) -> Result<(), Halt> {
    let page = match spoke.connector.changes(&spoke.session, cursor.as_ref(), &spoke.properties()).await {
        Err(fault) if fault.class == FaultClass::Stale => {
            spoke.connector.changes(&spoke.session, None, &spoke.properties()).await?
        }
        page => page?,
    };
    commit(spoke, move |spoke, tx| {
        for record in &page.records {
            arrive::remember(tx, spoke, record)?;
        }
        if page.more {
            first.step = Step::Read { cursor: Some(page.cursor) };
        } else {
            let cursor =
                serde_json::to_string(&page.cursor).map_err(|error| StoreError::Bug { detail: error.to_string() })?;
            tx.set_sync_cursor(&spoke.sync, Some(&cursor))?;
            first.seq = tx.next_seq(spoke.org())?;
            first.step = Step::Contacts { after: None };
        }
        first.save(tx, &spoke.sync)
    })
    .await
}

async fn match_contacts(
    spoke: &Spoke,
    mut first: FirstRun,
    plan: PlanId,
    after: Option<ContactId>,
) -> Result<(), Halt> {
    commit(spoke, move |spoke, tx| {
        let page = tx.contact_page(spoke.org(), after.as_ref(), MATCH_CHUNK)?;
        let mut rows = Vec::new();
        for contact in &page {
            let Some(row) = planning::row_of_contact(tx, spoke, contact)? else { continue };
            first.effort.count(tx, spoke, contact, &row)?;
            rows.push(row);
        }
        first.step = match page.last() {
            Some(last) => Step::Contacts { after: Some(last.id.clone()) },
            None => Step::Records { after: None },
        };
        add_rows(tx, &plan, &rows)?;
        first.save(tx, &spoke.sync)
    })
    .await
}

async fn match_records(spoke: &Spoke, mut first: FirstRun, plan: PlanId, after: Option<String>) -> Result<(), Halt> {
    commit(spoke, move |spoke, tx| {
        let page = tx.record_page(&spoke.sync, after.as_deref(), MATCH_CHUNK)?;
        let mut rows = Vec::new();
        for record in page.iter().filter(|record| !record.archived) {
            rows.extend(planning::row_of_record(tx, spoke, record)?);
        }
        first.effort.count_new_in_inbox(spoke, &rows);
        add_rows(tx, &plan, &rows)?;
        match page.last() {
            Some(last) => first.step = Step::Records { after: Some(last.id.clone()) },
            None => {
                first.step = Step::Ready;
                finish(tx, spoke, &first, &plan)?;
            }
        }
        first.save(tx, &spoke.sync)
    })
    .await
}

/// Appends rows and counts them.
fn add_rows(tx: &mut Tx<'_>, plan: &PlanId, rows: &[PlanRow]) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let Some(mut summary) = tx.plan(plan)?.map(|plan| plan.summary) else { return Ok(()) };
    for row in rows {
        match row {
            PlanRow::Matched { conflicts, .. } => {
                summary.matched += 1;
                summary.conflicts += i64::try_from(conflicts.len()).unwrap_or(i64::MAX);
            }
            PlanRow::Ambiguous { .. } => summary.ambiguous += 1,
            PlanRow::NewInCrm { .. } => summary.new_in_crm += 1,
            PlanRow::NewInInbox { .. } => summary.new_in_inbox += 1,
        }
    }
    tx.add_plan_rows(plan, rows)?;
    tx.set_plan(plan, PlanStatus::Computing, &summary)
}

fn finish(tx: &mut Tx<'_>, spoke: &Spoke, first: &FirstRun, plan: &PlanId) -> Result<(), StoreError> {
    let Some(summary) = tx.plan(plan)?.map(|plan| plan.summary) else { return Ok(()) };
    let about = spoke.connector.about();
    let calls = first.effort.calls(about);
    let seconds = reach::seconds(&spoke.app, about, &spoke.connection, Class::Live, calls.unsigned_abs());
    let seconds = if calls == 0 { 0 } else { i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(1) };
    let summary = PlanSummary { calls, seconds, ..summary };
    tx.set_plan(plan, PlanStatus::Ready, &summary)?;
    tx.set_sync_status(&spoke.sync, SyncStatus::Planned, None)
}

impl Effort {
    fn count(&mut self, tx: &mut Tx<'_>, spoke: &Spoke, contact: &Contact, row: &PlanRow) -> Result<(), StoreError> {
        match row {
            PlanRow::NewInCrm { .. } => self.creates += 1,
            PlanRow::Matched { native, .. } => {
                let Some(record) = tx.native_record(&spoke.sync, native)? else { return Ok(()) };
                let pair: Pair = pairs::bound(tx, &spoke.sync, &contact.id, Some(native.clone()));
                self.count_update(tx, spoke, &pair, contact, &record)?;
            }
            PlanRow::Ambiguous { .. } | PlanRow::NewInInbox { .. } => {}
        }
        Ok(())
    }

    fn count_update(
        &mut self,
        tx: &mut Tx<'_>,
        spoke: &Spoke,
        pair: &Pair,
        contact: &Contact,
        record: &Record,
    ) -> Result<(), StoreError> {
        let to_them = reconcile::foresee(tx, spoke, pair, contact, Some(record))?.to_them;
        self.updates += i64::from(!to_them.is_empty());
        self.reads += i64::from(!to_them.is_empty() && needs_read(spoke.mapping(), &to_them));
        Ok(())
    }

    /// A contact made of a record gives it our id, where a key was agreed.
    fn count_new_in_inbox(&mut self, spoke: &Spoke, rows: &[PlanRow]) {
        if spoke.key().is_some() {
            let made = rows.iter().filter(|row| matches!(row, PlanRow::NewInInbox { .. })).count();
            self.updates += i64::try_from(made).unwrap_or(i64::MAX);
        }
    }

    /// Full batches of writes and reads, and the pages in which the echoes of the writes come back.
    fn calls(&self, about: &About) -> i64 {
        let batches = |rows: i64, size: usize| {
            let size = i64::try_from(size).unwrap_or(1).max(1);
            (rows + size - 1).div_euclid(size)
        };
        batches(self.creates, about.write_batch)
            + batches(self.updates, about.update_batch)
            + batches(self.reads, about.read_batch)
            + batches(self.creates + self.updates, about.page)
    }
}
