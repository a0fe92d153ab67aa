//! PostgreSQL: connections on threads of their own, one transaction a closure.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lockstep_core::env::Env;
use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Statement};
use tokio::sync::watch;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::dialect::for_postgres;
use crate::error::{OpenError, StoreError};
use crate::sql::{Arg, Row};
use crate::task::Task;
use crate::tx::{Failure, Mode, Tx};
use crate::writer::{Queues, next};

/// Threads that write; each is one connection, made when first needed.
const WRITERS: usize = 6;
/// Threads that read.
const READERS: usize = 4;
/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest server that the SQL is tested with, as `server_version_num` counts.
const OLDEST_SERVER: i32 = 150_000;
/// What each connection is told first: commits are on disk before they are answered, and nobody waits forever.
const SETTINGS: &str = "SET synchronous_commit = on; SET lock_timeout = '10s'; SET client_min_messages = warning";

/// A server's URL, checked.
#[derive(Clone)]
pub(crate) struct Url(Config);

impl Url {
    pub(crate) fn parse(url: &str) -> Result<Self, OpenError> {
        let mut config = Config::from_str(url).map_err(|error| OpenError::BadUrl { detail: chain(&error) })?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.application_name("lockstep");
        Ok(Self(config))
    }

    /// Opens a connection. The driver blocks on a runtime of its own: never call it inside another.
    pub(crate) fn connect(&self) -> Result<Client, OpenError> {
        let io = |detail: String| OpenError::Io { location: self.to_string(), detail };
        let connected = if self.0.get_ssl_mode() == SslMode::Require {
            let (tls, _) = MakeRustlsConnect::with_native_certs()
                .map_err(|_| io("this machine has no trusted certificates, which sslmode=require needs".to_owned()))?;
            self.0.connect(tls)
        } else {
            self.0.connect(NoTls)
        };
        let mut client = connected.map_err(|error| io(chain(&error)))?;
        let version = client.query_one("SELECT current_setting('server_version_num')::int4, version()", &[]);
        let version = version.map_err(|error| io(chain(&error)))?;
        if version.get::<_, i32>(0) < OLDEST_SERVER {
            return Err(OpenError::OldServer { found: version.get(1) });
        }
        client.batch_execute(SETTINGS).map_err(|error| io(chain(&error)))?;
        Ok(client)
    }
}

impl fmt::Display for Url {
    /// Host, port and database; neither user nor password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match self.0.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let port = self.0.get_ports().first().copied().unwrap_or(5432);
        write!(f, "postgres://{host}:{port}/{}", self.0.get_dbname().unwrap_or_default())
    }
}

/// Starts the threads. They end when the queues are dropped.
pub(crate) fn start(url: &Url, env: &Env, jobs_ready: &watch::Sender<u64>) -> Result<Queues, OpenError> {
    let pool = |mode, threads| {
        let (queue, tasks) = channel();
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads {
            let mut session = Session::new(url.clone(), env.clone(), jobs_ready.clone());
            let tasks = Arc::clone(&tasks);
            let work = move || {
                while let Some(task) = next(&tasks) {
                    session.serve(mode, task);
                }
            };
            let io = |error: std::io::Error| OpenError::Io { location: url.to_string(), detail: error.to_string() };
            thread::Builder::new().name("store-postgres".to_owned()).spawn(work).map_err(io)?;
        }
        Ok(queue)
    };
    Ok(Queues { write: pool(Mode::Write, WRITERS)?, read: pool(Mode::Read, READERS)? })
}

/// A connection, made again after it was lost, with its prepared statements.
pub(crate) struct Session {
    url: Url,
    env: Env,
    jobs_ready: watch::Sender<u64>,
    link: Option<Link>,
}

struct Link {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Session {
    pub(crate) fn new(url: Url, env: Env, jobs_ready: watch::Sender<u64>) -> Self {
        Self { url, env, jobs_ready, link: None }
    }

    /// Runs one closure in a transaction of its own and answers it.
    pub(crate) fn serve(&mut self, mode: Mode, mut task: Box<dyn Task>) {
        let outcome = self.transact(mode, task.as_mut());
        if outcome.is_err() || self.link.as_ref().is_some_and(|link| link.client.is_closed()) {
            self.link = None;
        }
        task.answer(outcome);
    }

    fn transact(&mut self, mode: Mode, task: &mut dyn Task) -> Result<(), StoreError> {
        self.statement(match mode {
            Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        })?;
        let env = self.env.clone();
        let mut tx = Tx::postgres(self, mode, &env);
        let keep = task.run(&mut tx);
        let enqueued = keep && tx.enqueued();
        self.statement(if keep { "COMMIT" } else { "ROLLBACK" })?;
        if enqueued {
            self.jobs_ready.send_modify(|commits| *commits += 1);
        }
        Ok(())
    }

    fn statement(&mut self, sql: &str) -> Result<(), StoreError> {
        let link = self.link().map_err(|failure| failure.error)?;
        link.client.batch_execute(sql).map_err(|error| StoreError::unavailable(chain(&error)))
    }

    fn link(&mut self) -> Result<&mut Link, Failure> {
        let link = match self.link.take() {
            Some(link) => link,
            None => {
                let lost = |error| Failure { error: StoreError::unavailable(error), shared: true };
                Link { client: self.url.connect().map_err(lost)?, statements: HashMap::new() }
            }
        };
        Ok(self.link.insert(link))
    }

    pub(crate) fn execute(&mut self, sql: &str, args: &[Arg<'_>]) -> Result<u64, Failure> {
        let link = self.link()?;
        let mut run = || {
            let statement = link.prepared(sql)?;
            link.client.execute(&statement, &parameters(args))
        };
        run().map_err(|error| failure(&error))
    }

    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        args: &[Arg<'_>],
        read: &dyn Fn(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, Failure> {
        let link = self.link()?;
        let mut run = || {
            let statement = link.prepared(sql)?;
            link.client.query(&statement, &parameters(args))
        };
        let rows = run().map_err(|error| failure(&error))?;
        let read_row = |row| read(&Row::postgres(row)).map_err(|error| Failure { error, shared: false });
        rows.iter().map(read_row).collect()
    }
}

impl Link {
    fn prepared(&mut self, sql: &str) -> Result<Statement, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(&for_postgres(sql))?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn parameters<'a>(args: &'a [Arg<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect()
}

fn failure(error: &postgres::Error) -> Failure {
    let detail = chain(error);
    let constraint = || error.as_db_error().and_then(|error| error.constraint()).unwrap_or(&detail).to_owned();
    let error = match error.code() {
        None if error.is_closed()
            || std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>()) =>
        {
            StoreError::Unavailable { detail }
        }
        None => StoreError::Bug { detail },
        Some(&SqlState::UNIQUE_VIOLATION) => StoreError::Conflict { constraint: constraint() },
        Some(&SqlState::FOREIGN_KEY_VIOLATION) => StoreError::Foreign { detail },
        Some(&(SqlState::PROGRAM_LIMIT_EXCEEDED | SqlState::CHARACTER_NOT_IN_REPERTOIRE)) => {
            StoreError::Invalid { detail }
        }
        // Connection, transaction rollback, resources (a full disk is 53100), locks, shutdown, I/O.
        Some(state) => match state.code().get(..2) {
            Some("08" | "40" | "53" | "55" | "57" | "58") => StoreError::Unavailable { detail },
            _ => StoreError::Bug { detail },
        },
    };
    Failure { error, shared: false }
}

/// What the server said, or the error with its cause: the driver's own text says only "db error". The server's details
/// are left out, they may quote a row.
pub(crate) fn chain(error: &postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        (Some(error), _) => error.message().to_owned(),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
