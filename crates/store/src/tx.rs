//! One transaction as closures see it. The nouns' files add the methods.

use lockstep_core::env::{Env, Time};
use lockstep_core::ids::OrgId;

use crate::dialect::Dialect;
use crate::error::StoreError;
use crate::postgres::Session;
use crate::sql::{Arg, Row};
use crate::sqlite;

/// A transaction under way: reads and writes of every noun. After a failed statement every further one fails the
/// same way and nothing is kept, on both engines alike.
pub struct Tx<'a> {
    conn: Conn<'a>,
    mode: Mode,
    env: &'a Env,
    now: Time,
    failure: Option<Failure>,
    enqueued: bool,
    held: Option<OrgId>,
}

enum Conn<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a mut Session),
}

/// What a transaction may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

/// A failed statement, and whether others that share the outer transaction are lost with it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) error: StoreError,
    pub(crate) shared: bool,
}

impl<'a> Tx<'a> {
    pub(crate) fn sqlite(conn: &'a rusqlite::Connection, mode: Mode, env: &'a Env) -> Self {
        Self::new(Conn::Sqlite(conn), mode, env)
    }

    pub(crate) fn postgres(session: &'a mut Session, mode: Mode, env: &'a Env) -> Self {
        Self::new(Conn::Postgres(session), mode, env)
    }

    fn new(conn: Conn<'a>, mode: Mode, env: &'a Env) -> Self {
        Self { conn, mode, env, now: env.now(), failure: None, enqueued: false, held: None }
    }

    /// The instant of this transaction.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Where ids and jitter come from.
    pub fn env(&self) -> &'a Env {
        self.env
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub fn ping(&mut self) -> Result<(), StoreError> {
        self.one("SELECT 1 FROM schema_version LIMIT 1", &[], |_| Ok(())).map(|_| ())
    }

    /// Why no work of this transaction may be kept.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failure.as_ref().map(|failure| failure.error.clone())
    }

    /// Why the transactions that share this commit are lost with it.
    pub(crate) fn shared_failure(&self) -> Option<StoreError> {
        self.failure.as_ref().filter(|failure| failure.shared).map(|failure| failure.error.clone())
    }

    /// Whether a job was enqueued that the worker should learn of.
    pub(crate) fn enqueued(&self) -> bool {
        self.enqueued
    }

    pub(crate) fn note_enqueued(&mut self) {
        self.enqueued = true;
    }

    pub(crate) fn dialect(&self) -> Dialect {
        match self.conn {
            Conn::Sqlite(_) => Dialect::Sqlite,
            Conn::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Makes this the organization's only write of contacts, pairs and numbers until the commit. Every lookup that a
    /// write may rest on does it first, so that a read before a write cannot be outrun and two writes cannot wait for
    /// each other.
    pub(crate) fn hold(&mut self, org: &OrgId) -> Result<(), StoreError> {
        let Some(sql) = self.dialect().hold_organization() else { return Ok(()) };
        if self.mode == Mode::Write && self.held.as_ref() != Some(org) {
            self.one(sql, &[Arg::from(org)], |_| Ok(()))?;
            self.held = Some(org.clone());
        }
        Ok(())
    }

    /// Runs a statement and answers how many rows it touched.
    pub(crate) fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        self.guarded(args, |conn| match conn {
            Conn::Sqlite(conn) => sqlite::execute(conn, sql, args),
            Conn::Postgres(session) => session.execute(sql, args),
        })
    }

    /// Runs a query and reads each row.
    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.guarded(args, |conn| match conn {
            Conn::Sqlite(conn) => sqlite::query(conn, sql, args, &read),
            Conn::Postgres(session) => session.query(sql, args, &read),
        })
    }

    /// Runs a query that answers one row or none.
    pub(crate) fn one<T>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.query(sql, args, read)?.into_iter().next())
    }

    /// Runs a statement that must touch a row.
    pub(crate) fn change(&mut self, what: &'static str, sql: &str, args: &[Arg<'_>]) -> Result<(), StoreError> {
        match self.execute(sql, args)? {
            0 => Err(StoreError::Missing { what }),
            _ => Ok(()),
        }
    }

    /// Carries out a `SELECT COUNT(*)`.
    pub(crate) fn count(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, StoreError> {
        let count: i64 = self.one(sql, args, |row| row.take())?.unwrap_or(0);
        u64::try_from(count).map_err(StoreError::bug)
    }

    /// Inserts rows into `into`, such as `changes (id, at)`, many in a statement. All have one length; few sizes of
    /// statement occur, because each is kept prepared.
    pub(crate) fn insert_rows(&mut self, into: &str, rows: Vec<Vec<Arg<'_>>>) -> Result<(), StoreError> {
        let mut rows = rows.into_iter();
        for size in [1_000, 100, 10, 1] {
            while rows.len() >= size {
                let chunk: Vec<Vec<Arg<'_>>> = rows.by_ref().take(size).collect();
                let width = chunk.first().map_or(0, Vec::len);
                let row = |n: usize| {
                    let places: Vec<String> = (n * width + 1..=(n + 1) * width).map(|at| format!("?{at}")).collect();
                    format!("({})", places.join(", "))
                };
                let values: Vec<String> = (0..size).map(row).collect();
                let cells: Vec<Arg<'_>> = chunk.into_iter().flatten().collect();
                self.execute(&format!("INSERT INTO {into} VALUES {}", values.join(", ")), &cells)?;
            }
        }
        Ok(())
    }

    fn guarded<T>(
        &mut self,
        args: &[Arg<'_>],
        run: impl FnOnce(&mut Conn<'a>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        if let Some(failure) = self.failure() {
            return Err(failure);
        }
        // PostgreSQL cannot store it; SQLite must not know better.
        if args.iter().any(|arg| matches!(arg, Arg::Text(text) if text.contains('\0'))) {
            return Err(StoreError::Invalid { detail: "a text holds a NUL character".to_owned() });
        }
        run(&mut self.conn).map_err(|failure| {
            let error = failure.error.clone();
            self.failure = Some(failure);
            error
        })
    }
}
