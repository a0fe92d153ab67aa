//! Transactions on the calling thread, for tests and the storm: nothing happens at a moment they did not choose.

use std::future::poll_fn;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::thread;

use lockstep_core::env::Env;
use rusqlite::Connection;
use tokio::sync::watch;

use crate::error::{OpenError, StoreError};
use crate::postgres::Session;
use crate::sqlite::{self, Group, Synchronous};
use crate::task::Task;
use crate::tx::Mode;

/// One connection that runs what it is given and returns when it is answered.
pub(crate) enum Inline {
    Sqlite {
        conn: Mutex<Connection>,
        env: Env,
        jobs_ready: watch::Sender<u64>,
    },
    /// The driver blocks on a runtime of its own, which a caller inside another runtime may not do: the connection
    /// lives on a thread that the caller waits for.
    Postgres(Sender<Errand>),
}

/// A closure for the PostgreSQL thread and the way to say that it was answered.
pub(crate) struct Errand {
    mode: Mode,
    task: Box<dyn Task>,
    done: Sender<()>,
}

impl Inline {
    pub(crate) fn sqlite(path: &Path, env: Env, jobs_ready: watch::Sender<u64>) -> Result<Self, OpenError> {
        let conn = Mutex::new(sqlite::open_writer(path, Synchronous::Off)?);
        Ok(Self::Sqlite { conn, env, jobs_ready })
    }

    pub(crate) fn postgres(mut session: Session) -> Result<Self, OpenError> {
        let (errands, inbox) = channel::<Errand>();
        let work = move || {
            while let Ok(errand) = inbox.recv() {
                session.serve(errand.mode, errand.task);
                let _ = errand.done.send(());
            }
        };
        let io = |error: std::io::Error| OpenError::Io { location: "a thread".to_owned(), detail: error.to_string() };
        thread::Builder::new().name("store-inline".to_owned()).spawn(work).map_err(io)?;
        Ok(Self::Postgres(errands))
    }

    /// Runs the closure; when this returns, it was answered.
    pub(crate) fn serve(&self, mode: Mode, task: Box<dyn Task>) {
        match self {
            Self::Sqlite { conn, env, jobs_ready } => {
                let conn = conn.lock().unwrap_or_else(PoisonError::into_inner);
                match mode {
                    Mode::Read => sqlite::read(&conn, env, task),
                    Mode::Write if write(&conn, env, task) => jobs_ready.send_modify(|commits| *commits += 1),
                    Mode::Write => {}
                }
            }
            Self::Postgres(errands) => {
                let (done, answered) = channel();
                if let Err(refused) = errands.send(Errand { mode, task, done }) {
                    refused.0.task.answer(Err(StoreError::unavailable("the database's thread has ended")));
                }
                // An error means the same as the word: the thread has dropped the errand.
                let _ = answered.recv();
            }
        }
    }
}

fn write(conn: &Connection, env: &Env, task: Box<dyn Task>) -> bool {
    let mut group = match Group::begin(conn, env) {
        Ok(group) => group,
        Err(failure) => {
            task.answer(Err(failure));
            return false;
        }
    };
    match group.run(task) {
        Ok(()) => group.commit(),
        Err(failure) => {
            group.fail(&failure);
            false
        }
    }
}

/// Returns `Pending` once: a test that polls by hand can act, or drop the future, at this boundary.
pub(crate) async fn boundary() {
    let mut passed = false;
    poll_fn(|context| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
