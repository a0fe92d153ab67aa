//! The job queue. A job's due time is data; its lane keeps apart what must not run at once; its lease and fence keep
//! a worker that was taken for dead from finishing what another has begun anew.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::holes::{self, Hole};
use lockstep_core::ids::JobId;
use lockstep_core::job::Job;

use crate::error::StoreError;
use crate::sql::{Arg, args};
use crate::tx::Tx;

/// How long a claim lasts unless it is renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// Which jobs a worker takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Every one that is due.
    All,
    /// Those that work on a sync's pairs.
    Syncs,
    /// Those that send to subscribers.
    Deliveries,
    /// All but those.
    ButDeliveries,
}

impl Share {
    /// Narrows a query of `jobs`. A job of a sync has the sync's lane.
    const fn clause(self) -> &'static str {
        match self {
            Self::All => "",
            Self::Syncs => " AND jobs.lane IN (SELECT id FROM syncs)",
            Self::Deliveries => " AND jobs.job_key LIKE 'deliver:%'",
            Self::ButDeliveries => " AND jobs.job_key NOT LIKE 'deliver:%'",
        }
    }
}

/// A job that this worker runs, until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// The row.
    pub id: JobId,
    /// What to do.
    pub job: Job,
    /// Which counted try this is, from 1.
    pub attempt: u32,
    /// Grows with each claim of the lane.
    pub fence: i64,
    /// When the lease ends.
    pub lease_until: Time,
}

/// How many jobs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Waiting, due or not.
    pub waiting: i64,
    /// Waiting and due.
    pub due: i64,
    /// Running.
    pub running: i64,
}

struct Candidate {
    id: JobId,
    job: Job,
    attempts: i64,
}

impl Tx<'_> {
    /// Adds a job, or moves the waiting one with the same key forward; never before the end of a snooze.
    ///
    /// # Errors
    /// When the store fails.
    pub fn enqueue(&mut self, job: &Job, due: Time) -> Result<(), StoreError> {
        if holes::open(Hole::DedupeAgainstRunning) {
            let sql = "SELECT 1 FROM jobs WHERE job_key = ?1 AND state = 'running'";
            if self.one(sql, args![job.key()], |row| row.take::<i64>())?.is_some() {
                return Ok(());
            }
        }
        let id = JobId::new(self.env());
        let touched = self.execute(
            "INSERT INTO jobs (id, job_key, content, lane, state, due, held_until, attempts, fence)
             VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, 0, 0, 0)
             ON CONFLICT (job_key) WHERE state = 'waiting'
             DO UPDATE SET due = CASE WHEN excluded.due > jobs.held_until THEN excluded.due ELSE jobs.held_until END
             WHERE excluded.due < jobs.due AND jobs.held_until < jobs.due",
            args![&id, job.key(), Arg::json(job)?, job.lane(), due],
        )?;
        // Nothing new for the worker to learn otherwise: it knows when the waiting one is due.
        if touched > 0 {
            self.note_enqueued();
        }
        Ok(())
    }

    /// Adds a job that is due now, or ends the snooze of the waiting one: a person has mended the cause.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hurry(&mut self, job: &Job) -> Result<(), StoreError> {
        let sql = "UPDATE jobs SET held_until = 0, attempts = 0 WHERE job_key = ?1 AND state = 'waiting'";
        self.execute(sql, args![job.key()])?;
        let now = self.now();
        self.enqueue(job, now)
    }

    /// Takes up to `limit` due jobs, longest due first, at most one per lane.
    ///
    /// # Errors
    /// When the store fails.
    pub fn claim(&mut self, worker: &str, share: Share, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let now = self.now();
        let sql = format!(
            "SELECT id, content, attempts FROM jobs WHERE state = 'waiting' AND due <= ?1
             AND NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.lane = jobs.lane AND lanes.job_id IS NOT NULL){}
             ORDER BY due, id LIMIT ?2{}",
            share.clause(),
            self.dialect().skip_locked()
        );
        let candidates = self.query(&sql, args![now, limit], |row| {
            Ok(Candidate { id: row.take()?, job: row.json()?, attempts: row.take()? })
        })?;
        let mut claimed = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let Some(fence) = self.enter_lane(&candidate.job.lane(), &candidate.id)? else { continue };
            let lease_until = now.plus(LEASE);
            self.execute(
                "UPDATE jobs SET state = 'running', worker = ?2, fence = ?3, lease_until = ?4 WHERE id = ?1",
                args![&candidate.id, worker, fence, lease_until],
            )?;
            let attempt = u32::try_from(candidate.attempts + 1).unwrap_or(u32::MAX);
            claimed.push(Claimed { id: candidate.id, job: candidate.job, attempt, fence, lease_until });
        }
        Ok(claimed)
    }

    /// Takes a lane and answers its new fence; `None` while another job has it.
    fn enter_lane(&mut self, lane: &str, job: &JobId) -> Result<Option<i64>, StoreError> {
        let sql = "INSERT INTO lanes (lane, fence, job_id) VALUES (?1, 1, ?2)
             ON CONFLICT (lane) DO UPDATE SET fence = lanes.fence + 1, job_id = excluded.job_id WHERE lanes.job_id IS NULL
             RETURNING fence";
        self.one(sql, args![lane, job], |row| row.take())
    }

    fn leave_lane(&mut self, job: &JobId) -> Result<(), StoreError> {
        self.execute("UPDATE lanes SET job_id = NULL WHERE job_id = ?1", args![job]).map(|_| ())
    }

    /// Removes a job that is done; false when the claim was lost, and then the caller's work must not be kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish(&mut self, claimed: &Claimed) -> Result<bool, StoreError> {
        let sql = "DELETE FROM jobs WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        let held = self.execute(sql, args![&claimed.id, claimed.fence])? > 0;
        if held {
            self.leave_lane(&claimed.id)?;
        }
        Ok(held)
    }

    /// Puts a job back to wait until `due`, which no enqueue cuts short; `count_try` says whether this try counts.
    /// One that was enqueued meanwhile is the same job and goes. False when the claim was lost.
    ///
    /// # Errors
    /// When the store fails.
    pub fn snooze(&mut self, claimed: &Claimed, due: Time, count_try: bool) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM jobs WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        if self.one(sql, args![&claimed.id, claimed.fence], |_| Ok(()))?.is_none() {
            return Ok(false);
        }
        self.execute("DELETE FROM jobs WHERE job_key = ?1 AND state = 'waiting'", args![claimed.job.key()])?;
        self.execute(
            "UPDATE jobs SET state = 'waiting', due = ?2, held_until = ?2, attempts = attempts + ?3, worker = NULL,
                 lease_until = NULL WHERE id = ?1",
            args![&claimed.id, due, count_try],
        )?;
        self.leave_lane(&claimed.id)?;
        self.note_enqueued();
        Ok(true)
    }

    /// Makes a claim last longer and answers its new end; `None` when it was lost.
    ///
    /// # Errors
    /// When the store fails.
    pub fn renew(&mut self, claimed: &Claimed) -> Result<Option<Time>, StoreError> {
        let lease_until = self.now().plus(LEASE);
        let sql = "UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'";
        Ok((self.execute(sql, args![&claimed.id, claimed.fence, lease_until])? > 0).then_some(lease_until))
    }

    /// Puts jobs back to wait whose lease has ended, as tries that count; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reclaim_expired(&mut self) -> Result<usize, StoreError> {
        let now = self.now();
        self.reclaim(now)
    }

    /// Puts every running job back to wait: for the one worker of a SQLite file, which has just started.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reclaim_all(&mut self) -> Result<usize, StoreError> {
        self.reclaim(Time(i64::MAX))
    }

    fn reclaim(&mut self, before: Time) -> Result<usize, StoreError> {
        let sql = format!(
            "SELECT id, job_key FROM jobs WHERE state = 'running' AND lease_until < ?1 ORDER BY id{}",
            self.dialect().skip_locked()
        );
        let lost = self.query(&sql, args![before], |row| Ok((row.take::<JobId>()?, row.take::<String>()?)))?;
        for (id, key) in &lost {
            self.execute("DELETE FROM jobs WHERE job_key = ?1 AND state = 'waiting'", args![key])?;
            self.execute(
                "UPDATE jobs SET state = 'waiting', attempts = attempts + 1, worker = NULL, lease_until = NULL WHERE id = ?1",
                args![id],
            )?;
            self.leave_lane(id)?;
            self.note_enqueued();
        }
        Ok(lost.len())
    }

    /// When the next waiting job is due whose lane is free.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_due(&mut self, share: Share) -> Result<Option<Time>, StoreError> {
        let sql = format!(
            "SELECT due FROM jobs WHERE state = 'waiting'
             AND NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.lane = jobs.lane AND lanes.job_id IS NOT NULL){}
             ORDER BY due LIMIT 1",
            share.clause()
        );
        self.one(&sql, &[], |row| row.take())
    }

    /// How many jobs wait and run.
    ///
    /// # Errors
    /// When the store fails.
    pub fn queue_counts(&mut self) -> Result<QueueCounts, StoreError> {
        let now = self.now();
        let sql = "SELECT SUM(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END),
                 SUM(CASE WHEN state = 'waiting' AND due <= ?1 THEN 1 ELSE 0 END),
                 SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END) FROM jobs";
        let counts = self.one(sql, args![now], |row| {
            let (waiting, due, running): (Option<i64>, Option<i64>, Option<i64>) =
                (row.take()?, row.take()?, row.take()?);
            Ok(QueueCounts { waiting: waiting.unwrap_or(0), due: due.unwrap_or(0), running: running.unwrap_or(0) })
        })?;
        Ok(counts.unwrap_or_default())
    }
}
