//! The store: where it is, how it is opened, and its two doors.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use lockstep_core::env::Env;
use tokio::sync::{Semaphore, watch};

use crate::dialect::Dialect;
use crate::error::{OpenError, StoreError};
use crate::inline::{Inline, boundary};
use crate::migrate::migrate;
use crate::postgres::{self, Session, Url};
use crate::task::{Pending, Task};
use crate::tx::{Mode, Tx};
use crate::writer;

/// Closures that may wait for a connection; further callers wait for room.
const WAITING_MAX: usize = 8_192;

/// Where the rows are kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Target {
    /// A file; it is made where it does not exist, its folder is not.
    Sqlite(PathBuf),
    /// A URL such as `postgres://user:password@host:5432/name`. With `sslmode=require` the server must show a
    /// certificate that this machine trusts; without, the connection is plain.
    Postgres(String),
}

impl Target {
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }
}

impl fmt::Display for Target {
    /// Never shows the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => match Url::parse(url) {
                Ok(url) => write!(f, "{url}"),
                Err(_) => write!(f, "a PostgreSQL URL"),
            },
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The open store. Clones share it; its threads end with the last one.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    engine: Engine,
    jobs_ready: watch::Sender<u64>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("target", &self.target).finish_non_exhaustive()
    }
}

enum Engine {
    Threads { write: Sender<Box<dyn Task>>, read: Sender<Box<dyn Task>>, room: Arc<Semaphore> },
    Inline(Inline),
}

impl Store {
    /// Migrates the database and opens it with threads of its own.
    ///
    /// # Errors
    /// When it cannot be opened, or a newer program has written it.
    pub fn open(target: &Target, env: Env) -> Result<Self, OpenError> {
        Self::open_with(target, |jobs_ready| {
            let queues = match target {
                Target::Sqlite(path) => writer::start(path, &env, jobs_ready)?,
                Target::Postgres(url) => postgres::start(&Url::parse(url)?, &env, jobs_ready)?,
            };
            Ok(Engine::Threads { write: queues.write, read: queues.read, room: Arc::new(Semaphore::new(WAITING_MAX)) })
        })
    }

    /// Migrates the database and opens it so that each transaction runs within the poll that asks for it.
    /// [`Store::write`] and [`Store::read`] return `Pending` once before and once after the transaction, so that
    /// whoever polls by hand can act or stop at each boundary. Needs no runtime. Commits survive the end of the
    /// process, not of the machine.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_inline(target: &Target, env: Env) -> Result<Self, OpenError> {
        Self::open_with(target, |jobs_ready| {
            Ok(Engine::Inline(match target {
                Target::Sqlite(path) => Inline::sqlite(path, env.clone(), jobs_ready.clone())?,
                Target::Postgres(url) => {
                    Inline::postgres(Session::new(Url::parse(url)?, env.clone(), jobs_ready.clone()))?
                }
            }))
        })
    }

    fn open_with(
        target: &Target,
        start: impl FnOnce(&watch::Sender<u64>) -> Result<Engine, OpenError>,
    ) -> Result<Self, OpenError> {
        migrate(target)?;
        let jobs_ready = watch::Sender::new(0);
        let engine = start(&jobs_ready)?;
        Ok(Self { shared: Arc::new(Shared { target: target.clone(), engine, jobs_ready }) })
    }

    /// Runs the closure in a transaction and answers once its outcome is on disk. An `Err` of the closure undoes
    /// its work.
    ///
    /// # Errors
    /// The closure's own, or the store's, turned into it.
    pub async fn write<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Mode::Write, f).await
    }

    /// Runs the closure against one snapshot that holds every write answered before.
    ///
    /// # Errors
    /// The closure's own, or the store's, turned into it. Writing fails.
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.run(Mode::Read, f).await
    }

    /// Changes after each commit of this process that enqueued a job. Jobs of other processes show only in the table.
    pub fn jobs_ready(&self) -> watch::Receiver<u64> {
        self.shared.jobs_ready.subscribe()
    }

    /// The engine's name: `sqlite` or `postgresql`.
    pub fn engine(&self) -> &'static str {
        self.shared.target.dialect().name()
    }

    /// Where the rows are kept; shown without its password.
    pub fn target(&self) -> &Target {
        &self.shared.target
    }

    async fn run<T, E, F>(&self, mode: Mode, closure: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        const ENDED: &str = "the database's thread has ended";
        let answer = match &self.shared.engine {
            Engine::Threads { write, read, room } => {
                let permit = Arc::clone(room).acquire_owned().await.map_err(StoreError::unavailable)?;
                let (task, answer) = Pending::new(closure, Some(permit));
                let queue = if mode == Mode::Write { write } else { read };
                queue.send(Box::new(task)).map_err(|_| StoreError::unavailable(ENDED))?;
                answer.await
            }
            Engine::Inline(inline) => {
                boundary().await;
                let (task, mut answer) = Pending::new(closure, None);
                inline.serve(mode, Box::new(task));
                boundary().await;
                return answer.try_recv().unwrap_or_else(|_| Err(E::from(StoreError::unavailable(ENDED))));
            }
        };
        answer.unwrap_or_else(|_| Err(E::from(StoreError::unavailable(ENDED))))
    }
}
