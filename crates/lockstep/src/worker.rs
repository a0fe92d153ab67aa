//! Runs jobs as they become due. The only place that sleeps.

use std::collections::HashMap;
use std::time::Duration;

use lockstep_connect::fault::{Next, next};
use lockstep_core::ids::SyncId;
use lockstep_core::job::Job;
use lockstep_core::retry::backoff;
use lockstep_store::{Claimed, Share, StoreError, SyncStatus};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::app::App;
use crate::sync::{self, Halt};

/// Jobs that run at the same time.
const JOBS_MAX: usize = 128;
/// How long the worker sleeps at most: jobs of other processes show only in the table.
const POLL: Duration = Duration::from_secs(1);
/// How often running jobs renew their leases; well below a lease's length.
const RENEW: Duration = Duration::from_secs(20);
/// When a job that cannot go on is tried again, in case somebody has mended the cause.
const STUCK_WAIT: Duration = Duration::from_secs(300);

/// Runs one claimed job and commits what becomes of it: done, or back to wait.
///
/// # Errors
/// The store's, when not even that can be committed: the job's lease then ends and it is claimed again.
pub async fn run_one(app: &App, claimed: &Claimed) -> Result<(), StoreError> {
    let result = run_job(app, claimed).await;
    conclude(app, claimed, result).await
}

async fn run_job(app: &App, claimed: &Claimed) -> Result<(), Halt> {
    match &claimed.job {
        Job::Plan { sync } => sync::plan::run(app, sync).await,
        Job::Push { sync } => sync::push::run(app, sync, claimed).await,
        Job::Pull { sync } => sync::pull::run(app, sync).await,
        Job::Census { sync } => sync::census::run(app, sync).await,
        Job::Check { sync, natives } => sync::check::run(app, sync, natives).await,
        Job::Ingest { vendor, account } => sync::ingest::run(app, vendor, account).await,
        Job::Deliver { delivery } => Ok(sync::deliver::run(app, delivery).await?),
        Job::Purge => Ok(sync::purge::run(app).await?),
    }
}

async fn conclude(app: &App, claimed: &Claimed, result: Result<(), Halt>) -> Result<(), StoreError> {
    let now = app.env.now();
    let failed = claimed.attempt.saturating_sub(1);
    match result {
        Ok(()) => finish(app, claimed).await,
        Err(Halt::Store(error)) => {
            tracing::warn!(job = claimed.job.name(), attempt = claimed.attempt, %error, "a job could not be committed and waits");
            snooze(app, claimed, now.plus(backoff(failed, &app.env)), true).await
        }
        Err(Halt::Vendor(fault)) => {
            tracing::info!(job = claimed.job.name(), attempt = claimed.attempt, class = ?fault.class, code = fault.code, "the vendor keeps a job from going on: {fault}");
            match (next(&fault, failed, &app.env), &claimed.job) {
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
        Job::Ingest { .. } | Job::Deliver { .. } | Job::Purge => None,
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
            _ = ready.changed(), if crew.has_room() => {}
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
    running: HashMap<Id, Claimed>,
    tasks: JoinSet<()>,
}

impl Crew {
    fn has_room(&self) -> bool {
        self.running.len() < JOBS_MAX
    }

    /// Claims as many due jobs as there is room for; answers how long there is nothing more to do.
    async fn take_on(&mut self) -> Result<Duration, StoreError> {
        let room = JOBS_MAX.saturating_sub(self.running.len());
        if room == 0 {
            return Ok(POLL);
        }
        let wait_for = |next: Option<lockstep_core::env::Time>, now| next.map_or(POLL, |due| due.since(now).min(POLL));
        let share = self.share;
        let due: Option<_> = self.app.store.read(move |tx| tx.next_due(share)).await?;
        let wait = wait_for(due, self.app.env.now());
        if !wait.is_zero() {
            return Ok(wait);
        }
        let name = self.name.clone();
        let claimed = self.app.store.write(move |tx| tx.claim(&name, share, room)).await?;
        for claimed in claimed {
            let (app, job) = (self.app.clone(), claimed.clone());
            let task = self.tasks.spawn(async move {
                if let Err(error) = run_one(&app, &job).await {
                    tracing::warn!(job = job.job.name(), %error, "a job's end could not be committed; it will run again");
                }
            });
            self.running.insert(task.id(), claimed);
        }
        // Another look at once: more may be due than there was room for, or have become due meanwhile.
        Ok(Duration::from_millis(1))
    }

    /// A job that panicked goes back to wait; its neighbours do not notice.
    async fn put_away(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let (id, panicked) = match &done {
            Ok((id, ())) => (*id, false),
            Err(error) => (error.id(), true),
        };
        let Some(claimed) = self.running.remove(&id) else { return };
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

    /// Renews the leases of what is under way and takes back what has no worker any more.
    async fn renew(&self) {
        let running: Vec<Claimed> = self.running.values().cloned().collect();
        let renewed = self.app.store.write(move |tx| {
            for claimed in &running {
                tx.renew(claimed)?;
            }
            tx.reclaim_expired()
        });
        if let Err(error) = renewed.await {
            tracing::warn!(%error, "leases could not be renewed");
        }
    }
}
