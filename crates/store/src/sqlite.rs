//! SQLite: opening a connection, running statements, and the shared transaction that many closures commit together.

use std::path::Path;
use std::time::Duration;

use lockstep_core::env::Env;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi, params_from_iter};

use crate::error::{OpenError, StoreError};
use crate::sql::{Arg, Row};
use crate::task::Task;
use crate::tx::{Failure, Mode, Tx};

/// How long a connection waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the log grows, in pages of 4 KiB, before a commit copies it into the file: a request that touches a thousand
/// rows all over a large file writes more than the 1,000 pages at which SQLite would copy after each of them.
const CHECKPOINT_PAGES: i64 = 16_000;
/// Prepared statements kept per connection; more than this crate has.
const STATEMENTS_KEPT: usize = 256;

/// How carefully a commit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronous {
    /// Every commit is on disk before it is answered.
    Full,
    /// Survives the end of the process, not of the machine: for tests that end no machines.
    Off,
}

/// Opens the file for writing, making it where it does not exist.
pub(crate) fn open_writer(path: &Path, synchronous: Synchronous) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", if synchronous == Synchronous::Full { "FULL" } else { "OFF" })?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        conn.pragma_update(None, "foreign_keys", true)?;
        keep_plans(&conn)?;
        Ok(conn)
    };
    open().map_err(|error| open_error(path, &error))
}

/// Opens a connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.pragma_update(None, "query_only", true)?;
        keep_plans(&conn)?;
        Ok(conn)
    };
    open().map_err(|error| open_error(path, &error))
}

/// Statements are prepared once: without the stability guarantee SQLite plans many of them anew for each value bound.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

pub(crate) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    let location = path.display().to_string();
    let detail = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { location },
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::NotADatabase { location, detail },
        _ => OpenError::Io { location, detail },
    }
}

pub(crate) fn execute(conn: &Connection, sql: &str, args: &[Arg<'_>]) -> Result<u64, Failure> {
    let run = || conn.prepare_cached(sql)?.execute(params_from_iter(args));
    run().map(|rows| u64::try_from(rows).unwrap_or(u64::MAX)).map_err(|error| failure(&error))
}

pub(crate) fn query<T>(
    conn: &Connection,
    sql: &str,
    args: &[Arg<'_>],
    read: &dyn Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, Failure> {
    let mut statement = conn.prepare_cached(sql).map_err(|error| failure(&error))?;
    let mut rows = statement.query(params_from_iter(args)).map_err(|error| failure(&error))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failure(&error))? {
        found.push(read(&Row::sqlite(row)).map_err(|error| Failure { error, shared: false })?);
    }
    Ok(found)
}

/// A constraint, or one value that is too large, is the fault of one closure. Anything else (a full disk, an I/O
/// error, no memory) may have ended the transaction that others share.
fn failure(error: &rusqlite::Error) -> Failure {
    let detail = error.to_string();
    let own = |error| Failure { error, shared: false };
    let Some(code) = error.sqlite_error() else { return own(StoreError::bug(detail)) };
    match (code.code, code.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            let constraint = detail.trim_start_matches("UNIQUE constraint failed: ").to_owned();
            own(StoreError::Conflict { constraint })
        }
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => own(StoreError::Foreign { detail }),
        (ErrorCode::ConstraintViolation, _) => own(StoreError::bug(detail)),
        (ErrorCode::TooBig, _) => own(StoreError::Invalid { detail }),
        (ErrorCode::Unknown | ErrorCode::ApiMisuse | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange, _) => {
            Failure { error: StoreError::bug(detail), shared: true }
        }
        _ => Failure { error: StoreError::Unavailable { detail }, shared: true },
    }
}

/// The closures that one commit will cover. All their answers are held back until it, refusals included: they may
/// rest on a neighbour's rows.
pub(crate) struct Group<'c> {
    conn: &'c Connection,
    env: &'c Env,
    done: Vec<Box<dyn Task>>,
    enqueued: bool,
}

impl<'c> Group<'c> {
    /// Takes the write lock.
    pub(crate) fn begin(conn: &'c Connection, env: &'c Env) -> Result<Self, StoreError> {
        statement(conn, "BEGIN IMMEDIATE")?;
        Ok(Self { conn, env, done: Vec::new(), enqueued: false })
    }

    pub(crate) fn len(&self) -> usize {
        self.done.len()
    }

    /// Runs one closure in a savepoint of its own. An error means that the whole group is lost.
    pub(crate) fn run(&mut self, mut task: Box<dyn Task>) -> Result<(), StoreError> {
        let outcome = self.run_in_savepoint(task.as_mut());
        self.done.push(task);
        outcome
    }

    fn run_in_savepoint(&mut self, task: &mut dyn Task) -> Result<(), StoreError> {
        statement(self.conn, "SAVEPOINT closure")?;
        let mut tx = Tx::sqlite(self.conn, Mode::Write, self.env);
        let keep = task.run(&mut tx);
        let (enqueued, lost) = (tx.enqueued(), tx.shared_failure());
        // A full disk, an I/O error and the like can end the outer transaction without a word.
        if let Some(failure) = lost {
            return Err(failure);
        }
        if self.conn.is_autocommit() {
            return Err(StoreError::unavailable("the database ended the shared transaction"));
        }
        if !keep {
            statement(self.conn, "ROLLBACK TO closure")?;
        }
        statement(self.conn, "RELEASE closure")?;
        self.enqueued |= keep && enqueued;
        Ok(())
    }

    /// Commits, then answers everybody. True when jobs were enqueued.
    pub(crate) fn commit(self) -> bool {
        match statement(self.conn, "COMMIT") {
            Ok(()) => {
                self.done.into_iter().for_each(|task| task.answer(Ok(())));
                self.enqueued
            }
            Err(failure) => {
                self.fail(&failure);
                false
            }
        }
    }

    /// Undoes all and tells everybody to come back.
    pub(crate) fn fail(self, failure: &StoreError) {
        if !self.conn.is_autocommit() && statement(self.conn, "ROLLBACK").is_err() {
            tracing::error!("the shared transaction could not be rolled back");
        }
        tracing::warn!(closures = self.done.len(), %failure, "a shared transaction failed");
        let answer = StoreError::unavailable(failure);
        self.done.into_iter().for_each(|task| task.answer(Err(answer.clone())));
    }
}

/// Runs a closure against one snapshot.
pub(crate) fn read(conn: &Connection, env: &Env, mut task: Box<dyn Task>) {
    let outcome = statement(conn, "BEGIN").and_then(|()| {
        let mut tx = Tx::sqlite(conn, Mode::Read, env);
        task.run(&mut tx);
        if conn.is_autocommit() { Ok(()) } else { statement(conn, "ROLLBACK") }
    });
    task.answer(outcome);
}

fn statement(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    execute(conn, sql, &[]).map(|_| ()).map_err(|failure| StoreError::unavailable(failure.error))
}

#[cfg(test)]
mod tests;
