//! Both engines have one schema, and the SQL keeps away from what would end a shared transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lockstep_core::env::{Env, Time};
use lockstep_core::external::ExternalId;
use lockstep_core::job::Job;
use lockstep_store::{
    ContactFilter, MigrationReport, OpenError, Order, Page, Share, Store, StoreError, Target, migrate,
};
use postgres::NoTls;
use serde_json::json;

use crate::world::{Schema, finish};

/// Columns by table and name: nullable or not, and the kind.
type Columns = BTreeMap<(String, String), (bool, &'static str)>;
/// Unique keys: the table and the columns in order.
type Keys = BTreeSet<(String, String)>;

fn kind(declared: &str) -> &'static str {
    match declared {
        "INTEGER" | "BIGINT" | "bigint" => "integer",
        "TEXT" | "text" => "text",
        "BLOB" | "bytea" => "bytes",
        other => panic!("a column of type {other}"),
    }
}

fn of_sqlite(path: &Path) -> (Columns, Keys) {
    let conn = rusqlite::Connection::open(path).unwrap();
    let sql = "SELECT t.name, c.name, c.\"notnull\" = 0, c.type FROM sqlite_master AS t, pragma_table_info(t.name) AS c
               WHERE t.type = 'table'";
    let mut columns = conn.prepare(sql).unwrap();
    let columns =
        columns.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, kind(&row.get::<_, String>(3)?)))));
    let columns = columns.unwrap().map(Result::unwrap).collect();
    let sql = "SELECT t.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno))
               FROM sqlite_master AS t, pragma_index_list(t.name) AS i WHERE t.type = 'table' AND i.\"unique\" = 1";
    let mut keys = conn.prepare(sql).unwrap();
    let keys = keys.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    (columns, keys)
}

fn of_postgres(url: &str) -> (Columns, Keys) {
    let mut client = postgres::Client::connect(url, NoTls).unwrap();
    let sql = "SELECT table_name::text, column_name::text, is_nullable = 'YES', data_type::text, collation_name::text
               FROM information_schema.columns WHERE table_schema = current_schema()";
    let rows = client.query(sql, &[]).unwrap();
    let columns = rows.iter().map(|row| {
        let kind = kind(row.get(3));
        let collation: Option<&str> = row.get(4);
        assert_eq!(collation, (kind == "text").then_some("C"), "{:?}", row);
        ((row.get(0), row.get(1)), (row.get(2), kind))
    });
    let sql = "SELECT t.relname::text, string_agg(a.attname::text, ',' ORDER BY k.n)
               FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_namespace AS s ON s.oid = t.relnamespace,
                    unnest(i.indkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute AS a ON a.attnum = k.attnum
               WHERE i.indisunique AND s.nspname = current_schema() AND a.attrelid = t.oid GROUP BY t.relname, i.indexrelid";
    let columns = columns.collect();
    let keys = client.query(sql, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    (columns, keys)
}

#[test]
fn both_engines_have_one_schema() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    migrate(&Target::Sqlite(path.clone())).unwrap();
    let Some(schema) = Schema::make() else { return };
    migrate(&Target::Postgres(schema.url())).unwrap();
    let ((columns, keys), (pg_columns, pg_keys)) = (of_sqlite(&path), of_postgres(&schema.url()));
    assert!(columns.len() > 150 && keys.len() > 30);
    assert_eq!(columns, pg_columns);
    assert_eq!(keys, pg_keys);
}

const OF_VERSION_1: &str = include_str!("version_1.sql");

/// Migrates a filled database of the first version and reads it back. `count` counts a table's rows.
fn a_filled_database_is_brought_up_without_loss(target: &Target, mut count: impl FnMut(&str) -> i64) {
    let filled = OF_VERSION_1.match_indices("INSERT INTO ").map(|(at, insert)| &OF_VERSION_1[at + insert.len()..]);
    let tables: BTreeSet<&str> = filled.map(|rest| rest.split(' ').next().unwrap()).collect();
    let before: BTreeMap<&str, i64> = tables.iter().map(|table| (*table, count(table))).collect();
    let MigrationReport { from, to } = migrate(target).unwrap();
    assert_eq!(from, 1);
    for (table, rows) in before {
        let more = match table {
            "schema_version" => to - from,
            "contact_keys" => 1, // the id in another system that a contact's metadata names
            _ => 0,
        };
        assert_eq!(count(table), rows + more, "{table}");
    }
    let (env, _) = Env::manual(Time::from_secs(9), 1);
    let store = Store::open_inline(target, env).unwrap();
    finish(store.write(|tx| {
        let org = tx.oldest_org()?.ok_or(StoreError::Missing { what: "organization" })?;
        let (teams, keys) = (tx.teams(&org, None, 9)?.0, tx.keys(&org, None, 9)?.0);
        assert_eq!(teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["General"]);
        assert_eq!((keys.len(), keys[0].scopes.len(), keys[0].last_used_at), (1, 0, None));

        let mut listed = |filter: ContactFilter, order| {
            let (rows, _) = tx.list_contacts(&org, &filter, &Page { limit: 9, after: None, order })?;
            Ok::<_, StoreError>(rows.into_iter().map(|row| row.name.unwrap_or_default()).collect::<Vec<_>>())
        };
        let all = ContactFilter { account: Some("299".to_owned()), ..ContactFilter::default() };
        assert_eq!(listed(all.clone(), Order::CreatedDesc)?, ["Budi", "Ana"]);
        let since = |at| ContactFilter { updated_after: Some(Time(at)), ..all.clone() };
        assert_eq!(listed(since(19), Order::SeqAsc)?, ["Ana", "Budi"]);
        assert_eq!(listed(since(20), Order::SeqAsc)?, ["Ana"]);
        let known = |id| ContactFilter { external_id: ExternalId::parse(id).ok(), ..all.clone() };
        assert_eq!(listed(known("crm:501"), Order::CreatedDesc)?, ["Ana"]);
        assert_eq!(listed(known("hubspot:7"), Order::CreatedDesc)?, ["Budi"]);
        assert_eq!(tx.last_seq(&org)?, 4);

        let mut jobs: Vec<Job> = tx.claim("w", Share::All, 9)?.into_iter().map(|claimed| claimed.job).collect();
        jobs.sort_by_key(Job::name);
        let [Job::Deliver { subscription }, Job::Pull { .. }] = &jobs[..] else { panic!("{jobs:?}") };
        let work = tx.delivery_work(subscription, 9)?.unwrap();
        let (delivery, event) = &work.due[0];
        assert_eq!((work.due.len(), work.secrets.len(), delivery.attempt), (1, 1, 2));
        assert_eq!((&event.data["contact"], event.sequence), (&json!("Ana"), None));
        Ok::<_, StoreError>(())
    }))
    .unwrap();
}

#[test]
fn a_filled_sqlite_database_of_the_first_version_is_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(include_str!("../../src/migrations/sqlite/0001_contacts_in_step.sql")).unwrap();
    conn.execute_batch(&OF_VERSION_1.replace("BYTES", "x'01'")).unwrap();
    let count = |table: &str| conn.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap();
    a_filled_database_is_brought_up_without_loss(&Target::Sqlite(path), count);
}

#[test]
fn a_filled_postgres_database_of_the_first_version_is_brought_up() {
    let Some(schema) = Schema::make() else { return };
    let mut client = postgres::Client::connect(&schema.url(), NoTls).unwrap();
    client.batch_execute(include_str!("../../src/migrations/postgres/0001_contacts_in_step.sql")).unwrap();
    client.batch_execute(&OF_VERSION_1.replace("BYTES", "'\\x01'")).unwrap();
    let count = |table: &str| client.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[]).unwrap().get(0);
    a_filled_database_is_brought_up_without_loss(&Target::Postgres(schema.url()), count);
}

fn a_newer_database_is_refused(target: &Target, add_version: impl FnOnce()) {
    let (env, _) = Env::manual(Time::from_secs(0), 1);
    let first = migrate(target).unwrap();
    assert_eq!(first.from, 0);
    assert_eq!(migrate(target), Ok(MigrationReport { from: first.to, to: first.to }));
    add_version();
    let refused = Store::open(target, env).unwrap_err();
    assert_eq!(refused, OpenError::Newer { found: first.to + 1, known: first.to });
    assert!(refused.to_string().contains("newer"));
}

const ADD_VERSION: &str = "INSERT INTO schema_version SELECT MAX(version) + 1 FROM schema_version";

#[test]
fn a_newer_sqlite_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    a_newer_database_is_refused(&Target::Sqlite(path.clone()), || {
        rusqlite::Connection::open(&path).unwrap().execute_batch(ADD_VERSION).unwrap();
    });
}

#[test]
fn a_newer_postgres_database_is_refused() {
    let Some(schema) = Schema::make() else { return };
    a_newer_database_is_refused(&Target::Postgres(schema.url()), || {
        postgres::Client::connect(&schema.url(), NoTls).unwrap().batch_execute(ADD_VERSION).unwrap();
    });
}

#[test]
fn no_statement_can_end_a_shared_transaction() {
    let forbidden = ["OR ROLLBACK", "RAISE(", "DEFERRABLE", "OR ABORT", "OR FAIL"];
    let mut read = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap().to_uppercase();
            for word in forbidden {
                assert!(!text.contains(word), "{} says {word}", entry.path().display());
            }
            read += 1;
        }
    }
    assert!(read > 30);
}
