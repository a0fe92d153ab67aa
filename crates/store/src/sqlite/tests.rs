//! The shared transaction, closure by closure.

use lockstep_core::env::{Env, Time};
use lockstep_core::external::ExternalId;
use lockstep_core::ids::LabelId;
use lockstep_core::phone::Phone;
use tempfile::TempDir;
use tokio::sync::oneshot::Receiver;
use tokio::sync::oneshot::error::TryRecvError;

use super::*;
use crate::contacts::{ContactFilter, Order, Page, listing};
use crate::db::Target;
use crate::migrate::migrate;
use crate::orgs::Org;
use crate::task::Pending;

struct Bench {
    conn: Connection,
    env: Env,
    _dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lockstep.db");
        migrate(&Target::Sqlite(path.clone())).unwrap();
        let (env, _) = Env::manual(Time::from_secs(1_780_000_000), 7);
        Self { conn: open_writer(&path, Synchronous::Off).unwrap(), env, _dir: dir }
    }

    fn group(&self) -> Group<'_> {
        Group::begin(&self.conn, &self.env).unwrap()
    }

    fn orgs(&self) -> i64 {
        self.conn.query_row("SELECT COUNT(*) FROM organizations", [], |row| row.get(0)).unwrap()
    }
}

type Answer<T> = Receiver<Result<T, StoreError>>;

fn task<T: Send + 'static>(
    closure: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
) -> (Box<dyn Task>, Answer<T>) {
    let (task, answer) = Pending::new(closure, None);
    (Box::new(task), answer)
}

fn make_org() -> (Box<dyn Task>, Answer<Org>) {
    task(|tx| tx.create_org("Toko Maju"))
}

#[test]
fn a_refused_closure_leaves_its_neighbours_alone() {
    let bench = Bench::new();
    let mut group = bench.group();
    let (first, mut kept) = make_org();
    let (second, mut refused) = task(|tx| {
        tx.create_org("Refused")?;
        Err::<(), _>(StoreError::Missing { what: "reason" })
    });
    let (third, mut panicked) = task::<()>(|tx| {
        tx.create_org("Panicked")?;
        panic!("a planted panic");
    });
    let (fourth, mut seen) = task(|tx| tx.orgs());
    for task in [first, second, third, fourth] {
        group.run(task).unwrap();
    }
    group.commit();
    assert!(kept.try_recv().unwrap().is_ok());
    assert_eq!(refused.try_recv().unwrap(), Err(StoreError::Missing { what: "reason" }));
    assert!(matches!(panicked.try_recv().unwrap(), Err(StoreError::Bug { .. })));
    assert_eq!(seen.try_recv().unwrap().unwrap().len(), 1);
    assert_eq!(bench.orgs(), 1);
}

#[test]
fn every_answer_is_held_back_until_the_commit() {
    let bench = Bench::new();
    let mut group = bench.group();
    let (first, mut kept) = make_org();
    let (second, mut refused) = task(|_| Err::<(), _>(StoreError::Missing { what: "reason" }));
    group.run(first).unwrap();
    group.run(second).unwrap();
    assert_eq!(kept.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(refused.try_recv(), Err(TryRecvError::Empty));
    group.commit();
    assert!(kept.try_recv().is_ok() && refused.try_recv().is_ok());
}

#[test]
fn a_commit_that_fails_fails_everybody() {
    let bench = Bench::new();
    let mut group = bench.group();
    let (first, mut innocent) = make_org();
    let (second, mut refused) = task(|_| Err::<(), _>(StoreError::Missing { what: "reason" }));
    group.run(first).unwrap();
    group.run(second).unwrap();
    // What no statement of this crate does: a violation that shows only at the commit.
    let orphan = "PRAGMA defer_foreign_keys = ON;
        INSERT INTO contexts (id, org_id, created_at) VALUES ('ctx', 'nobody', 0)";
    bench.conn.execute_batch(orphan).unwrap();
    assert!(!group.commit());
    assert!(innocent.try_recv().unwrap().unwrap_err().is_retryable());
    assert!(refused.try_recv().unwrap().unwrap_err().is_retryable());
    assert_eq!(bench.orgs(), 0);
    let (again, mut answer) = make_org();
    let mut group = bench.group();
    group.run(again).unwrap();
    group.commit();
    assert!(answer.try_recv().unwrap().is_ok());
}

#[test]
fn a_full_disk_fails_the_group_and_passes() {
    let bench = Bench::new();
    let pages: i64 = bench.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |pages: i64| bench.conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    limit(pages + 2);
    let mut group = bench.group();
    let (first, mut innocent) = make_org();
    group.run(first).unwrap();
    let (second, mut culprit) = task(|tx| tx.create_org(&"x".repeat(1_000_000)));
    let failure = group.run(second).unwrap_err();
    assert!(failure.is_retryable());
    group.fail(&failure);
    assert!(innocent.try_recv().unwrap().unwrap_err().is_retryable());
    assert!(culprit.try_recv().unwrap().unwrap_err().is_retryable());
    assert_eq!(bench.orgs(), 0);
    limit(i64::from(i32::MAX));
    let (again, mut answer) = task(|tx| tx.create_org(&"x".repeat(1_000_000)));
    let mut group = bench.group();
    group.run(again).unwrap();
    group.commit();
    assert!(answer.try_recv().unwrap().is_ok());
}

#[test]
fn a_transaction_that_was_ended_under_a_closure_fails_the_group() {
    let bench = Bench::new();
    let mut group = bench.group();
    let (first, mut innocent) = make_org();
    group.run(first).unwrap();
    let (second, _) = task(|tx| tx.execute("ROLLBACK", &[]));
    let failure = group.run(second).unwrap_err();
    group.fail(&failure);
    assert!(innocent.try_recv().unwrap().unwrap_err().is_retryable());
    assert!(bench.conn.is_autocommit());
}

#[test]
fn a_reader_cannot_write() {
    let bench = Bench::new();
    let reader = open_reader(bench.conn.path().map(Path::new).unwrap()).unwrap();
    let (writing, mut answer) = make_org();
    read(&reader, &bench.env, writing);
    assert!(answer.try_recv().unwrap().is_err());
    assert_eq!(bench.orgs(), 0);
}

#[test]
fn a_list_is_entered_where_its_filter_leads_and_not_sorted_unless_it_is_few() {
    let bench = Bench::new();
    let (make, mut made) = make_org();
    let mut group = bench.group();
    group.run(make).unwrap();
    group.commit();
    let org = made.try_recv().unwrap().unwrap();
    let plan = |filter: &ContactFilter, order, few| {
        let (sql, values) = listing(&org, filter, &Page { limit: 9, after: None, order }, few);
        let mut steps = bench.conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = steps.query_map(params_from_iter(&values), |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        (steps[0].clone(), steps.iter().any(|step| step.contains("TEMP B-TREE")))
    };
    let all = ContactFilter::default();
    let account = ContactFilter { account: Some("299".to_owned()), ..ContactFilter::default() };
    let phone = ContactFilter { phone: Phone::parse("+628111222333").ok(), ..account.clone() };
    let email = ContactFilter { email: Some("ana@example.id".to_owned()), ..account.clone() };
    let external_id = ContactFilter { external_id: ExternalId::parse("crm:501").ok(), ..account.clone() };
    let label = ContactFilter { label: Some(LabelId::new(&bench.env)), ..account.clone() };
    let search = ContactFilter { search: Some("ana".to_owned()), ..account.clone() };
    let since = |filter: &ContactFilter| ContactFilter { updated_after: Some(Time::from_secs(5)), ..filter.clone() };
    for (filter, order, few, entered) in [
        (&all, Order::CreatedDesc, false, "contacts_created (org_id=?)"),
        (&since(&all), Order::SeqAsc, false, "contacts_stamp (org_id=? AND stamp>?)"),
        (&account, Order::CreatedDesc, false, "contacts_account_created (org_id=? AND account=?)"),
        (&since(&account), Order::SeqAsc, false, "contacts_stamp (org_id=? AND stamp>?)"),
        (&search, Order::CreatedDesc, false, "contacts_account_created (org_id=? AND account=?)"),
        (&label, Order::CreatedDesc, false, "contacts_account_created (org_id=? AND account=?)"),
        (&since(&label), Order::SeqAsc, false, "contacts_stamp (org_id=? AND stamp>?)"),
        (&label, Order::CreatedDesc, true, "contacts_by_id (org_id=? AND id=?)"),
        (&phone, Order::CreatedDesc, true, "contacts_phone (org_id=? AND phone=?)"),
        (&email, Order::CreatedDesc, true, "contacts_by_id (org_id=? AND id=?)"),
        (&since(&email), Order::SeqAsc, true, "contacts_by_id (org_id=? AND id=?)"),
        (&external_id, Order::CreatedDesc, true, "contacts_by_id (org_id=? AND id=?)"),
    ] {
        let (entry, sorted) = plan(filter, order, few);
        assert!(entry.ends_with(entered), "{filter:?}: {entry}");
        assert_eq!(sorted, few, "{filter:?}");
    }
}
