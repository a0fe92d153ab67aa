//! SQLite's threads: one that writes, sharing each commit among all who came meanwhile, and a few that read.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lockstep_core::env::Env;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::error::{OpenError, StoreError};
use crate::sqlite::{self, Group, Synchronous};
use crate::task::Task;

/// Closures that share one commit at most.
const GROUP_MAX: usize = 256;
/// How long a group stays open at least, while closures keep coming.
const GROUP_TIME_MIN: Duration = Duration::from_millis(2);
/// How long an open group waits for one more closure at most.
const LINGER_MAX: Duration = Duration::from_micros(500);
/// Readers; each is one thread with one connection.
const READERS: usize = 4;

/// Where closures are sent.
pub(crate) struct Queues {
    pub(crate) write: Sender<Box<dyn Task>>,
    pub(crate) read: Sender<Box<dyn Task>>,
}

/// Opens the file, which is migrated already, and starts the threads. They end when the queues are dropped.
pub(crate) fn start(path: &Path, env: &Env, jobs_ready: &watch::Sender<u64>) -> Result<Queues, OpenError> {
    let (write, tasks) = channel();
    let conn = sqlite::open_writer(path, Synchronous::Full)?;
    let (writer_env, jobs_ready) = (env.clone(), jobs_ready.clone());
    spawn(path, "store-writer", move || {
        Writer { conn, env: writer_env, jobs_ready, pace: Pace::default() }.work(&tasks)
    })?;

    let (read, tasks) = channel();
    let tasks = Arc::new(Mutex::new(tasks));
    for _ in 0..READERS {
        let conn = sqlite::open_reader(path)?;
        let (env, tasks) = (env.clone(), Arc::clone(&tasks));
        spawn(path, "store-reader", move || {
            while let Some(task) = next(&tasks) {
                sqlite::read(&conn, &env, task);
            }
        })?;
    }
    Ok(Queues { write, read })
}

fn spawn(path: &Path, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
    let io = |error: std::io::Error| OpenError::Io { location: path.display().to_string(), detail: error.to_string() };
    thread::Builder::new().name(name.to_owned()).spawn(work).map(|_| ()).map_err(io)
}

/// The next closure that somebody waits for, for one of several threads; `None` when the store was dropped.
pub(crate) fn next(tasks: &Mutex<Receiver<Box<dyn Task>>>) -> Option<Box<dyn Task>> {
    loop {
        let task = tasks.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
        if !task.abandoned() {
            return Some(task);
        }
    }
}

struct Writer {
    conn: Connection,
    env: Env,
    jobs_ready: watch::Sender<u64>,
    pace: Pace,
}

impl Writer {
    fn work(mut self, tasks: &Receiver<Box<dyn Task>>) {
        while let Ok(first) = tasks.recv() {
            if !first.abandoned() {
                self.serve(first, tasks);
            }
        }
    }

    /// Serves one group.
    fn serve(&mut self, first: Box<dyn Task>, tasks: &Receiver<Box<dyn Task>>) {
        let mut group = match Group::begin(&self.conn, &self.env) {
            Ok(group) => group,
            Err(failure) => return first.answer(Err(failure)),
        };
        if let Err(failure) = fill(&mut group, first, tasks, &self.pace) {
            return group.fail(&failure);
        }
        let (size, begun) = (group.len(), stopwatch());
        let enqueued = group.commit();
        self.pace.note(size, begun.elapsed());
        if enqueued {
            self.jobs_ready.send_modify(|commits| *commits += 1);
        }
    }
}

/// Runs closures until the group is full, its time is over or nobody comes.
fn fill(
    group: &mut Group<'_>,
    first: Box<dyn Task>,
    tasks: &Receiver<Box<dyn Task>>,
    pace: &Pace,
) -> Result<(), StoreError> {
    let begun = stopwatch();
    group.run(first)?;
    while group.len() < GROUP_MAX && begun.elapsed() < pace.group_time() {
        let wait = if group.len() < pace.last_group { pace.linger() } else { Duration::ZERO };
        match tasks.recv_timeout(wait) {
            Ok(task) if task.abandoned() => {}
            Ok(task) => group.run(task)?,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(())
}

/// What the last commits teach about the next group.
#[derive(Default)]
struct Pace {
    last_group: usize,
    commit: Duration,
}

impl Pace {
    fn note(&mut self, size: usize, commit: Duration) {
        self.last_group = size;
        self.commit = (self.commit * 7 + commit) / 8;
    }

    /// A slow disk makes larger groups worth while.
    fn group_time(&self) -> Duration {
        GROUP_TIME_MIN.max(self.commit * 2)
    }

    fn linger(&self) -> Duration {
        LINGER_MAX.min(self.commit / 8)
    }
}

#[expect(clippy::disallowed_methods, reason = "measures this machine's commits; decides nothing that tests replay")]
fn stopwatch() -> Instant {
    Instant::now()
}
