//! Both engines have one schema, and the SQL keeps away from what would end a shared transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use lockstep_core::env::{Env, Time};
use lockstep_store::{MigrationReport, OpenError, Store, StoreError, Target, migrate};
use postgres::NoTls;

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

/// What a database of the first version holds, in both engines' words.
const OF_VERSION_1: &str = "CREATE TABLE schema_version (version BIGINT NOT NULL PRIMARY KEY);
    INSERT INTO schema_version VALUES (1);
    INSERT INTO organizations (id, name, seq, created_at) VALUES ('org_01HXYZABCDEFGHJKMNPQRSTVWX', 'Acme', 0, 5);
    INSERT INTO api_keys (id, org_id, kind, label, hash, first12, last4, live, created_at)
        VALUES ('key_01HXYZABCDEFGHJKMNPQRSTVWX', 'org_01HXYZABCDEFGHJKMNPQRSTVWX', 'api', 'old', '', '', '', 1, 5)";

fn an_organization_of_the_first_version_gets_a_team(target: &Target) {
    let (env, _) = Env::manual(Time::from_secs(9), 1);
    assert_eq!(migrate(target).unwrap().from, 1);
    let store = Store::open_inline(target, env).unwrap();
    let read = store.read(|tx| {
        let org = tx.oldest_org()?.ok_or(StoreError::Missing { what: "organization" })?;
        Ok::<_, StoreError>((tx.teams(&org, None, 9)?.0, tx.keys(&org, None, 9)?.0))
    });
    let (teams, keys) = finish(read).unwrap();
    assert_eq!(teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["General"]);
    assert_eq!((keys.len(), keys[0].scopes.len(), keys[0].last_used_at), (1, 0, None));
}

#[test]
fn a_sqlite_database_of_the_first_version_is_brought_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lockstep.db");
    let conn = rusqlite::Connection::open(&path).unwrap();
    conn.execute_batch(include_str!("../../src/migrations/sqlite/0001_contacts_in_step.sql")).unwrap();
    conn.execute_batch(&OF_VERSION_1.replace("'', '', ''", "x'', '', ''")).unwrap();
    drop(conn);
    an_organization_of_the_first_version_gets_a_team(&Target::Sqlite(path));
}

#[test]
fn a_postgres_database_of_the_first_version_is_brought_up() {
    let Some(schema) = Schema::make() else { return };
    let mut client = postgres::Client::connect(&schema.url(), NoTls).unwrap();
    client.batch_execute(include_str!("../../src/migrations/postgres/0001_contacts_in_step.sql")).unwrap();
    client.batch_execute(OF_VERSION_1).unwrap();
    an_organization_of_the_first_version_gets_a_team(&Target::Postgres(schema.url()));
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
