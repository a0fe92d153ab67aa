//! Runs jobs as they become due. The only place that sleeps.

use std::collections::HashMap;
use std::time::Duration;

use lockstep_connect::FaultClass;
use lockstep_connect::fault::{Next, next};
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_core::retry::backoff;
use lockstep_store::{Claimed, Share, StoreError, SyncStatus};
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinSet};

use crate::app::App;
use crate::ops::crm::schema;
use crate::sync::{self, Halt};

/// Jobs of different lanes that run at the same time, but for those that send to subscribers.
const LANES_MAX: usize = 128;
/// Subscribers that are sent to at the same time, beside those: one that dawdles keeps no sync waiting, and no other
/// subscriber either, since each has a lane.
const SUBSCRIBERS_MAX: usize = 256;
/// How long the worker sleeps at most: jobs of other processes show only in the table.
const POLL: Duration = Duration::from_secs(1);
/// How often running jobs renew their leases; well below a lease's length.
const RENEW: Duration = Duration::from_secs(20);
/// When a job that cannot go on is tried again, in case somebody has mended the cause.
const STUCK_WAIT: Duration = Duration::from_secs(300);
/// How often a job may be refused a property that the schema shows.
const DRIFTS_MAX: u32 = 3;

/// Runs one claimed job and commits what becomes of it: done, or back to wait.
///
/// # Errors
/// The store's, when not even that can be committed: the job's lease then ends and it is claimed again.
pub async fn run_one(app: &App, claimed: &Claimed) -> Result<(), StoreError> {
    match (run_job(app, claimed).await, sync_of(&claimed.job)) {
        (Err(Halt::Vendor(fault)), Some(sync)) if fault.class == FaultClass::Drift => {
            follow_schema(app, claimed, sync).await
        }
        (result, _) => conclude(app, claimed, result).await,
    }
}

/// The CRM lacks a property that the mapping names: the job runs again under a mapping without it. A refusal that the
/// schema does not explain may pass; one that stays stops the sync, so that a person hears of it.
async fn follow_schema(app: &App, claimed: &Claimed, sync: &SyncId) -> Result<(), StoreError> {
    match sync::schema::follow(app, sync).await {
        Ok(()) => snooze(app, claimed, app.env.now(), true).await,
        Err(Halt::Vendor(fault)) if fault.class == FaultClass::Bug && claimed.attempt >= DRIFTS_MAX => {
            stop(app, sync, &fault.message).await?;
            finish(app, claimed).await
        }
        Err(halt) => conclude(app, claimed, Err(halt)).await,
    }
}

async fn run_job(app: &App, claimed: &Claimed) -> Result<(), Halt> {
    match &claimed.job {
        Job::Plan { sync } => sync::plan::run(app, sync).await,
        Job::Push { sync } => sync::push::run(app, sync, claimed).await,
        Job::Pull { sync } => sync::pull::run(app, sync).await,
        Job::Census { sync } => sync::census::run(app, sync).await,
        Job::Check { sync, natives } => sync::check::run(app, sync, natives).await,
        Job::Ingest { vendor, account } => match app.channels.find(vendor) {
            Some(channel) => sync::hear::run(app, channel, account).await,
            None => sync::ingest::run(app, vendor, account).await,
        },
        Job::Deliver { subscription } => Ok(sync::deliver::run(app, subscription).await?),
        Job::Send { message, .. } => sync::send::run(app, message, claimed.attempt).await,
        Job::MarkRead { message, typing } => sync::send::mark_read(app, message, *typing, claimed.attempt).await,
        Job::Describe { connection } => schema::run(app, connection).await,
        Job::Watch { connection } => sync::watch::run(app, connection).await,
        Job::TellApp { org } => sync::tell::run(app, org).await,
        Job::Purge => Ok(sync::purge::run(app).await?),
    }
}

async fn conclude(app: &App, claimed: &Claimed, result: Result<(), Halt>) -> Result<(), StoreError> {
    let now = app.env.now();
    let failed = claimed.attempt.saturating_sub(1);
    match result {
        Ok(()) => finish(app, claimed).await,
        Err(Halt::Wait { due, counted }) => snooze(app, claimed, due, counted).await,
        Err(Halt::Store(error)) => {
            tracing::warn!(job = claimed.job.name(), attempt = claimed.attempt, %error, "a job could not be committed and waits");
            snooze(app, claimed, now.plus(backoff(failed, &app.env)), true).await
        }
        Err(Halt::Vendor(fault)) => {
            tracing::info!(job = claimed.job.name(), attempt = claimed.attempt, class = ?fault.class, code = fault.code, "the vendor keeps a job from going on: {fault}");
            match (next(&fault, failed, &app.env), &claimed.job) {
                (Next::RetryAt(due), _)
                    if fault.class == FaultClass::Limited && holes::open(Hole::CountPacingAsTry) =>
                {
                    if failed < 2 {
                        snooze(app, claimed, due, true).await
                    } else {
                        finish(app, claimed).await
                    }
                }
                (Next::RetryAt(due), _) => snooze(app, claimed, due, fault.counts_as_try()).await,
                (Next::StopConnection, job) => {
                    if let Some(sync) = sync_of(job) {
                        stop(app, sync, &fault.message).await?;
                    }
                    finish(app, claimed).await
                }
                // What a webhook named and nobody can see is the census's to find.
                (_, Job::Check { .. }) => finish(app, claimed).await,
                (Next::Park | Next::Drop, _) => snooze(app, claimed, now.plus(STUCK_WAIT), true).await,
            }
        }
    }
}

fn sync_of(job: &Job) -> Option<&SyncId> {
    match job {
        Job::Plan { sync }
        | Job::Push { sync }
        | Job::Pull { sync }
        | Job::Census { sync }
        | Job::Check { sync, .. } => Some(sync),
        Job::Ingest { .. }
        | Job::Deliver { .. }
        | Job::Send { .. }
        | Job::MarkRead { .. }
        | Job::Describe { .. }
        | Job::Watch { .. }
        | Job::TellApp { .. }
        | Job::Purge => None,
    }
}

/// Stops a sync as one problem; what waits keeps waiting, and no try of it is counted.
async fn stop(app: &App, sync: &SyncId, reason: &str) -> Result<(), StoreError> {
    tracing::warn!(sync = %sync, reason, "the sync stops until a person mends this");
    let (sync, reason) = (sync.clone(), reason.to_owned());
    app.store
        .write(move |tx| match tx.sync(&sync)? {
            Some(sync) if sync.row().status != SyncStatus::Paused => {
                tx.set_sync_status(&sync, SyncStatus::Stopped, Some(&reason))
            }
            _ => Ok(()),
        })
        .await
}

async fn finish(app: &App, claimed: &Claimed) -> Result<(), StoreError> {
    let done = claimed.clone();
    let held = app.store.write(move |tx| tx.finish(&done)).await?;
    note_lost(claimed, held);
    Ok(())
}

async fn snooze(
    app: &App,
    claimed: &Claimed,
    due: lockstep_core::env::Time,
    count_try: bool,
) -> Result<(), StoreError> {
    let waiting = claimed.clone();
    let held = app.store.write(move |tx| tx.snooze(&waiting, due, count_try)).await?;
    note_lost(claimed, held);
    Ok(())
}

fn note_lost(claimed: &Claimed, held: bool) {
    if !held {
        tracing::warn!(job = claimed.job.name(), "the job's lease had ended: another worker has it");
    }
}

/// Claims and runs its share of the jobs until `stop` says true; then finishes what is under way. The caller holds the worker's lock.
///
/// # Errors
/// The store's at the start. Later it waits for the store to come back.
pub async fn run(app: App, share: Share, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
    let alone = app.store.engine() == "sqlite";
    app.store
        .write(move |tx| {
            // The one process of a SQLite file has just begun: nothing can be running.
            let lost = if alone { tx.reclaim_all()? } else { tx.reclaim_expired()? };
            if lost > 0 {
                tracing::info!(jobs = lost, "jobs of a process that ended wait again");
            }
            let now = tx.now();
            tx.enqueue(&Job::Purge, now)
        })
        .await?;
    let mut crew = Crew { name: app.env.ulid(), share, app, running: HashMap::new(), tasks: JoinSet::new() };
    let mut ready = crew.app.store.jobs_ready();
    let mut renewed = crew.app.env.now();
    while !*stop.borrow() {
        ready.mark_unchanged();
        let wait = match crew.take_on().await {
            Ok(wait) => wait,
            Err(error) => {
                tracing::warn!(%error, "the queue cannot be read; trying again");
                POLL
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            _ = ready.changed(), if !crew.room().is_empty() => {}
            Some(done) = crew.tasks.join_next_with_id(), if !crew.tasks.is_empty() => crew.put_away(done).await,
            () = sleep(wait) => {}
        }
        while let Some(done) = crew.tasks.try_join_next_with_id() {
            crew.put_away(done).await;
        }
        let now = crew.app.env.now();
        if now.since(renewed) >= RENEW || now < renewed {
            renewed = now;
            crew.renew().await;
        }
    }
    while let Some(done) = crew.tasks.join_next_with_id().await {
        crew.put_away(done).await;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the worker is the only place that sleeps")]
async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

/// The jobs under way.
struct Crew {
    name: String,
    share: Share,
    app: App,
    running: HashMap<Id, (Claimed, AbortHandle)>,
    tasks: JoinSet<()>,
}

impl Crew {
    /// What may be claimed now, and how many of each.
    fn room(&self) -> Vec<(Share, usize)> {
        let deliveries =
            self.running.values().filter(|(claimed, _)| matches!(claimed.job, Job::Deliver { .. })).count();
        let lanes = LANES_MAX.saturating_sub(self.running.len() - deliveries);
        let deliveries = SUBSCRIBERS_MAX.saturating_sub(deliveries);
        let mut room = match self.share {
            Share::All => vec![(Share::ButDeliveries, lanes), (Share::Deliveries, deliveries)],
            Share::Deliveries => vec![(Share::Deliveries, deliveries)],
            Share::Syncs | Share::ButDeliveries => vec![(self.share, lanes)],
        };
        room.retain(|(_, room)| *room > 0);
        room
    }

    /// Claims as many due jobs as there is room for; answers how long there is nothing more to do.
    async fn take_on(&mut self) -> Result<Duration, StoreError> {
        let room = self.room();
        let shares: Vec<Share> = room.iter().map(|(share, _)| *share).collect();
        let next = self.app.store.read(move |tx| {
            let due: Vec<_> = shares.iter().map(|share| tx.next_due(*share)).collect::<Result<_, StoreError>>()?;
            Ok::<_, StoreError>(due.into_iter().flatten().min())
        });
        let next = next.await?;
        let wait = next.map_or(POLL, |due| due.since(self.app.env.now()).min(POLL));
        if !wait.is_zero() {
            return Ok(wait);
        }
        let name = self.name.clone();
        let claimed = self.app.store.write(move |tx| {
            let claimed = room.iter().map(|(share, room)| tx.claim(&name, *share, *room));
            claimed.collect::<Result<Vec<_>, StoreError>>()
        });
        for claimed in claimed.await?.into_iter().flatten() {
            let (app, job) = (self.app.clone(), claimed.clone());
            let task = self.tasks.spawn(async move {
                if let Err(error) = run_one(&app, &job).await {
                    tracing::warn!(job = job.job.name(), %error, "a job's end could not be committed; it will run again");
                }
            });
            self.running.insert(task.id(), (claimed, task));
        }
        // Another look at once: more may be due than there was room for, or have become due meanwhile.
        Ok(Duration::from_millis(1))
    }

    /// A job that panicked goes back to wait; its neighbours do not notice. One that was called off is another worker's.
    async fn put_away(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let (id, panicked) = match &done {
            Ok((id, ())) => (*id, false),
            Err(error) => (error.id(), !error.is_cancelled()),
        };
        let Some((claimed, _)) = self.running.remove(&id) else { return };
        if !panicked {
            return;
        }
        tracing::error!(
            job = claimed.job.name(),
            attempt = claimed.attempt,
            "a job panicked and waits for another try"
        );
        let due = self.app.env.now().plus(backoff(claimed.attempt, &self.app.env));
        if let Err(error) = snooze(&self.app, &claimed, due, true).await {
            tracing::warn!(%error, "a job's end could not be committed; it will run again");
        }
    }

    /// Renews the leases of what is under way and takes back what has no worker any more. A job whose claim was lost is
    /// called off: another worker has begun it anew.
    async fn renew(&self) {
        let running: Vec<(Id, Claimed)> =
            self.running.iter().map(|(id, (claimed, _))| (*id, claimed.clone())).collect();
        let renewed = self.app.store.write(move |tx| {
            let mut lost = Vec::new();
            for (id, claimed) in &running {
                if tx.renew(claimed)?.is_none() {
                    lost.push(*id);
                }
            }
            tx.reclaim_expired()?;
            Ok::<_, StoreError>(lost)
        });
        match renewed.await {
            Ok(lost) => lost.iter().filter_map(|id| self.running.get(id)).for_each(|(claimed, task)| {
                note_lost(claimed, false);
                task.abort();
            }),
            Err(error) => tracing::warn!(%error, "leases could not be renewed"),
        }
    }
}
