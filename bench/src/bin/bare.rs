//! The yardstick: a bare axum program over one SQLite file, with nothing but the durability that is asked for.
//!
//! `--commit shared` lets concurrent requests share commits on one writer thread; `--commit each` commits every request
//! on its own. Both run WAL with `synchronous=FULL` and answer after the commit. `/sink` counts what it is sent, keeps the
//! last body for `/last` and stands for a webhook receiver.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use clap::{Parser, ValueEnum};
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

#[derive(Parser)]
struct Args {
    #[arg(long)]
    listen: String,
    #[arg(long)]
    database: PathBuf,
    #[arg(long, value_enum)]
    commit: Commit,
}

#[derive(Clone, Copy, ValueEnum)]
enum Commit {
    Shared,
    Each,
}

impl Commit {
    /// The most requests that one commit may cover.
    const fn group_max(self) -> usize {
        match self {
            Self::Shared => 256,
            Self::Each => 1,
        }
    }
}

enum Row {
    Hook(Bytes),
    Contact(Bytes),
}

type Answer = oneshot::Sender<bool>;
type Queue = mpsc::Sender<(Row, Answer)>;

fn main() -> Result<()> {
    let args = Args::parse();
    let connection = open(&args.database)?;
    let (queue, waiting) = mpsc::channel();
    std::thread::spawn(move || write_groups(connection, &waiting, args.commit.group_max()));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(&args.listen, queue))
}

async fn serve(listen: &str, queue: Queue) -> Result<()> {
    let sink = Arc::new(Sink::default());
    let (counted, kept) = (Arc::clone(&sink), Arc::clone(&sink));
    let router = Router::new()
        .route("/sink", post(move |body: Bytes| async move { sink.take(body) }))
        .route("/sunk", get(move || async move { counted.seen.load(Ordering::Relaxed).to_string() }))
        .route("/last", get(move || async move { kept.last.lock().unwrap_or_else(PoisonError::into_inner).clone() }))
        .route("/hooks/hubspot", post(hook))
        .route("/v1/contacts", post(contact))
        .route("/v1/health", get(|| async { "ok" }))
        .with_state(queue);
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("ready on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

fn open(path: &PathBuf) -> Result<Connection> {
    let connection = Connection::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
         CREATE TABLE IF NOT EXISTS hooks (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS contacts (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS changes (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
    )?;
    Ok(connection)
}

fn write_groups(connection: Connection, waiting: &mpsc::Receiver<(Row, Answer)>, group_max: usize) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        while group.len() < group_max {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        let durable = write_group(&connection, &group).is_ok();
        for (_, answer) in group {
            // A caller that hung up has nobody left to tell.
            let _ = answer.send(durable);
        }
    }
}

fn write_group(connection: &Connection, group: &[(Row, Answer)]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for (row, _) in group {
        match row {
            Row::Hook(body) => insert(connection, "INSERT INTO hooks (body) VALUES (?1)", body)?,
            Row::Contact(body) => {
                insert(connection, "INSERT INTO contacts (body) VALUES (?1)", body)?;
                insert(connection, "INSERT INTO changes (body) VALUES (?1)", body)?;
                insert(connection, "INSERT INTO events (body) VALUES (?1)", body)?;
                insert(connection, "INSERT INTO jobs (body) VALUES (?1)", body)?;
            }
        }
    }
    connection.execute_batch("COMMIT")
}

fn insert(connection: &Connection, sql: &str, body: &Bytes) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(params![body.as_ref()]).map(|_| ())
}

#[derive(Default)]
struct Sink {
    seen: AtomicU64,
    last: Mutex<Bytes>,
}

impl Sink {
    fn take(&self, body: Bytes) -> StatusCode {
        self.seen.fetch_add(1, Ordering::Relaxed);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = body;
        StatusCode::NO_CONTENT
    }
}

async fn hook(State(queue): State<Queue>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let uri = format!("http://{}/hooks/hubspot", text("host"));
    let expected = lockstep_bench::signature_v3(&uri, &body, text("x-hubspot-request-timestamp"));
    if expected.is_ok_and(|expected| expected == text("x-hubspot-signature-v3")) {
        durable(queue, Row::Hook(body), StatusCode::NO_CONTENT).await
    } else {
        StatusCode::UNAUTHORIZED
    }
}

async fn contact(State(queue): State<Queue>, body: Bytes) -> StatusCode {
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(_) => durable(queue, Row::Contact(body), StatusCode::CREATED).await,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

async fn durable(queue: Queue, row: Row, done: StatusCode) -> StatusCode {
    let (answer, answered) = oneshot::channel();
    if queue.send((row, answer)).is_ok() && answered.await.unwrap_or(false) {
        done
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}
