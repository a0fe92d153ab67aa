//! SQLite with its threads and its files: what callers see under load, beside other processes, and after a kill.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::task::{Context, Waker};

use lockstep_core::contact::NewContact;
use lockstep_core::env::Env;
use lockstep_core::ids::{ContactId, SyncId};
use lockstep_core::job::Job;
use lockstep_store::{OpenError, Org, Store, StoreError, Target, try_worker_lock};
use tempfile::TempDir;

struct House {
    store: Store,
    org: Org,
    path: PathBuf,
    _dir: TempDir,
}

async fn house() -> House {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    let store = open(&path);
    let org = store.write(|tx| {
        let org = tx.create_org("Toko Maju")?;
        tx.add_account(&org, "1", "+62 851-1760-0829", "Toko Maju")?;
        Ok::<_, StoreError>(org)
    });
    House { org: org.await.unwrap(), store, path, _dir: dir }
}

fn open(path: &Path) -> Store {
    Store::open(&Target::Sqlite(path.to_owned()), Env::system().unwrap()).unwrap()
}

async fn add(store: &Store, org: &Org, name: &str) -> Result<ContactId, StoreError> {
    let (org, new) = (org.clone(), NewContact { name: Some(name.to_owned()), ..NewContact::default() });
    store
        .write(move |tx| {
            let (now, sync) = (tx.now(), SyncId::new(tx.env()));
            tx.enqueue(&Job::Push { sync }, now)?;
            tx.insert_contact(&org, new).map(|contact| contact.id)
        })
        .await
}

async fn count(store: &Store, org: &Org) -> i64 {
    let org = org.clone();
    let counted: Result<i64, StoreError> = store.read(move |tx| tx.count_contacts(&org)).await;
    counted.unwrap()
}

/// Starts a future as far as it goes: a write is then in the writer's queue.
fn start<F: Future>(future: &mut Pin<Box<F>>) {
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[tokio::test]
async fn those_who_wait_share_a_commit() {
    let house = house().await;
    let (release, held) = channel::<()>();
    let mut blocking = Box::pin(house.store.write(move |_| {
        held.recv().unwrap();
        Ok::<_, StoreError>(())
    }));
    start(&mut blocking);
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(add(&house.store, &house.org, "Budi"))).collect();
    waiting.iter_mut().for_each(start);
    let commits = house.store.jobs_ready();
    release.send(()).unwrap();
    blocking.await.unwrap();
    for write in waiting {
        write.await.unwrap();
    }
    // How many they share depends on how busy the machine is.
    assert!(*commits.borrow() <= 10, "{} commits for 100 writes", *commits.borrow());
    assert_eq!(count(&house.store, &house.org).await, 100);
}

#[tokio::test]
async fn a_caller_that_leaves_before_its_turn_is_passed_over() {
    let house = house().await;
    let (release, held) = channel::<()>();
    let (begun, has_begun) = channel::<()>();
    let org = house.org.clone();
    let mut blocking = Box::pin(house.store.write(move |tx| {
        begun.send(()).unwrap();
        held.recv().unwrap();
        tx.insert_contact(&org, NewContact::default())
    }));
    start(&mut blocking);
    let mut left_early = Box::pin(add(&house.store, &house.org, "left before the start"));
    start(&mut left_early);
    has_begun.recv().unwrap();
    // The first one has begun: it commits although nobody waits. The second has not: it never runs.
    drop(blocking);
    drop(left_early);
    release.send(()).unwrap();
    add(&house.store, &house.org, "stayed").await.unwrap();
    assert_eq!(count(&house.store, &house.org).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_reads_their_own_writes_under_load() {
    let house = house().await;
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let (store, org) = (house.store.clone(), house.org.clone());
            tokio::spawn(async move {
                for n in 0..40 {
                    let id = add(&store, &org, &format!("{caller}/{n}")).await.unwrap();
                    let org = org.clone();
                    let found: Result<_, StoreError> = store.read(move |tx| tx.contact(&org, &id)).await;
                    assert!(found.unwrap().is_some());
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    assert_eq!(count(&house.store, &house.org).await, 640);
}

/// The child's part of the tests below, which start this test binary again: writes contacts and prints each id once
/// its write was answered, `LOCKSTEP_CHILD_WRITES` of them. Does nothing otherwise.
#[tokio::test]
async fn child_that_writes() {
    let (Ok(path), Ok(writes)) = (std::env::var("LOCKSTEP_CHILD_PATH"), std::env::var("LOCKSTEP_CHILD_WRITES")) else {
        return;
    };
    let store = open(Path::new(&path));
    let org: Result<Option<Org>, StoreError> = store.read(|tx| tx.oldest_org()).await;
    let org = org.unwrap().unwrap();
    for _ in 0..writes.parse::<usize>().unwrap() {
        println!("answered {}", add(&store, &org, "child").await.unwrap());
    }
}

fn child(path: &Path, writes: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child_that_writes", "--exact", "--nocapture"])
        .env("LOCKSTEP_CHILD_PATH", path)
        .env("LOCKSTEP_CHILD_WRITES", writes.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn answered(child: &mut Child) -> impl Iterator<Item = ContactId> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The test runner's own words may stand before the first line of ours.
    lines.map_while(Result::ok).filter_map(|line| {
        let (_, id) = line.split_once("answered ")?;
        Some(ContactId::parse(id).unwrap())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_writes_beside_us() {
    let house = house().await;
    let mut other = child(&house.path, 100);
    for n in 0..100 {
        add(&house.store, &house.org, &n.to_string()).await.unwrap();
    }
    assert_eq!(answered(&mut other).count(), 100);
    assert!(other.wait().unwrap().success());
    assert_eq!(count(&house.store, &house.org).await, 200);
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let House { store, org, path, _dir } = house().await;
    drop(store);
    let mut killed = child(&path, usize::MAX);
    let mut seen: Vec<ContactId> = Vec::new();
    let mut answers = answered(&mut killed);
    seen.extend(answers.by_ref().take(300));
    killed.kill().unwrap();
    seen.extend(answers);
    killed.wait().unwrap();
    assert!(seen.len() >= 300);
    let store = open(&path);
    let missing: Result<Vec<ContactId>, StoreError> = store
        .read(move |tx| {
            let mut missing = Vec::new();
            for id in seen {
                if tx.contact(&org, &id)?.is_none() {
                    missing.push(id);
                }
            }
            Ok(missing)
        })
        .await;
    assert_eq!(missing.unwrap(), []);
}

#[test]
fn what_is_no_database_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let open = |name: &str| {
        let error = Store::open(&Target::Sqlite(dir.path().join(name)), Env::system().unwrap()).unwrap_err();
        assert_eq!(error.to_string().lines().count(), 1);
        error
    };
    std::fs::write(dir.path().join("text"), "name,phone\nBudi,+628111222333\n".repeat(200)).unwrap();
    assert!(matches!(open("text"), OpenError::NotADatabase { .. }));
    let foreign = rusqlite::Connection::open(dir.path().join("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (id)").unwrap();
    assert!(matches!(open("foreign"), OpenError::NotADatabase { .. }));
    assert!(matches!(open("no/such/folder"), OpenError::Io { .. }));
    let kept: String = foreign.query_row("SELECT name FROM sqlite_master", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, "theirs");
}

#[test]
fn a_locked_database_is_refused_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    let holder = rusqlite::Connection::open(&path).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let refused = Store::open(&Target::Sqlite(path.clone()), Env::system().unwrap()).unwrap_err();
    assert_eq!(refused, OpenError::Locked { location: path.display().to_string() });
}

#[test]
fn one_process_runs_the_jobs() {
    let dir = tempfile::tempdir().unwrap();
    let target = Target::Sqlite(dir.path().join("lockstep.db"));
    let first = try_worker_lock(&target).unwrap();
    assert!(first.is_some());
    assert!(try_worker_lock(&target).unwrap().is_none());
    drop(first);
    assert!(try_worker_lock(&target).unwrap().is_some());
}

#[test]
fn a_password_is_never_shown() {
    let target = Target::Postgres("postgres://lockstep:hunter2@db.example.com:6432/crm?sslmode=require".to_owned());
    assert_eq!(target.to_string(), "postgres://db.example.com:6432/crm");
    assert!(!format!("{target:?}").contains("hunter2"));
    let broken = Target::Postgres("postgres://lockstep:hunter2@[".to_owned());
    let refused = Store::open(&broken, Env::system().unwrap()).unwrap_err();
    assert!(matches!(refused, OpenError::BadUrl { .. }) && !refused.to_string().contains("hunter2"));
}
