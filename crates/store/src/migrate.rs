//! Migrations: numbered alike on both engines, each applied once, never edited after a release.

use std::path::Path;
use std::thread;

use rusqlite::Connection;

use crate::db::Target;
use crate::error::OpenError;
use crate::postgres::{Url, chain};
use crate::sqlite::{self, Synchronous};

/// One step of the schema, on both engines.
struct Migration {
    sqlite: &'static str,
    postgres: &'static str,
}

/// In order; the first has version 1.
const MIGRATIONS: &[Migration] = &[
    Migration {
        sqlite: include_str!("migrations/sqlite/0001_contacts_in_step.sql"),
        postgres: include_str!("migrations/postgres/0001_contacts_in_step.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0002_labels_and_teams.sql"),
        postgres: include_str!("migrations/postgres/0002_labels_and_teams.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0003_conversations.sql"),
        postgres: include_str!("migrations/postgres/0003_conversations.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0004_channels.sql"),
        postgres: include_str!("migrations/postgres/0004_channels.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0005_lookup_and_desk.sql"),
        postgres: include_str!("migrations/postgres/0005_lookup_and_desk.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0006_vendor_budgets.sql"),
        postgres: include_str!("migrations/postgres/0006_vendor_budgets.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0007_lists_by_account.sql"),
        postgres: include_str!("migrations/postgres/0007_lists_by_account.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0008_onboarding.sql"),
        postgres: include_str!("migrations/postgres/0008_onboarding.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0009_channel_slugs.sql"),
        postgres: include_str!("migrations/postgres/0009_channel_slugs.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0010_crm_api.sql"),
        postgres: include_str!("migrations/postgres/0010_crm_api.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0011_parked_webhooks.sql"),
        postgres: include_str!("migrations/postgres/0011_parked_webhooks.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0012_places_of_subscriptions.sql"),
        postgres: include_str!("migrations/postgres/0012_places_of_subscriptions.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0013_invocations_found_again.sql"),
        postgres: include_str!("migrations/postgres/0013_invocations_found_again.sql"),
    },
    Migration {
        sqlite: include_str!("migrations/sqlite/0014_hook_addresses.sql"),
        postgres: include_str!("migrations/postgres/0014_hook_addresses.sql"),
    },
];

const VERSION_TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)";
const VERSION: &str = "SELECT COALESCE(MAX(version), 0) FROM schema_version";

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrationReport {
    /// The schema version before; 0 for a new database.
    pub from: i64,
    /// The schema version now.
    pub to: i64,
}

/// Brings the database to this program's schema, in one transaction. [`crate::Store::open`] does it too.
///
/// # Errors
/// When the database cannot be opened, or a newer program has written it; then nothing was changed.
pub fn migrate(target: &Target) -> Result<MigrationReport, OpenError> {
    match target {
        Target::Sqlite(path) => migrate_sqlite(path),
        Target::Postgres(url) => {
            let url = Url::parse(url)?;
            // The driver may not run inside the caller's runtime.
            let work = || migrate_postgres(&url);
            let panicked = || OpenError::Io { location: url.to_string(), detail: "the driver panicked".to_owned() };
            thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|_| Err(panicked()))
        }
    }
}

/// The migrations after `found`, with their versions.
fn pending(found: i64) -> Result<impl Iterator<Item = (i64, &'static Migration)>, OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    Ok((1..).zip(MIGRATIONS).filter(move |(version, _)| *version > found))
}

fn migrate_sqlite(path: &Path) -> Result<MigrationReport, OpenError> {
    let conn = sqlite::open_writer(path, Synchronous::Full)?;
    let failed = |error: rusqlite::Error| sqlite::open_error(path, &error);
    conn.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    refuse_foreign(&conn, path)?;
    conn.execute_batch(VERSION_TABLE).map_err(failed)?;
    let from: i64 = conn.query_row(VERSION, [], |row| row.get(0)).map_err(failed)?;
    let mut to = from;
    for (version, migration) in pending(from)? {
        conn.execute_batch(migration.sqlite).map_err(failed)?;
        conn.execute("INSERT INTO schema_version (version) VALUES (?1)", [version]).map_err(failed)?;
        to = version;
    }
    conn.execute_batch("COMMIT").map_err(failed)?;
    Ok(MigrationReport { from, to })
}

/// A file with tables but without our version is somebody else's.
fn refuse_foreign(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let foreign = "SELECT COUNT(*) > 0 AND SUM(name = 'schema_version') = 0 FROM sqlite_master WHERE type = 'table'";
    let foreign = conn.query_row(foreign, [], |row| row.get::<_, Option<bool>>(0));
    if foreign.map_err(|error| sqlite::open_error(path, &error))?.unwrap_or(false) {
        let location = path.display().to_string();
        return Err(OpenError::NotADatabase { location, detail: "it holds other tables".to_owned() });
    }
    Ok(())
}

fn migrate_postgres(url: &Url) -> Result<MigrationReport, OpenError> {
    let failed = |error: postgres::Error| OpenError::Io { location: url.to_string(), detail: chain(&error) };
    let mut client = url.connect()?;
    let mut tx = client.transaction().map_err(failed)?;
    // Nodes that start together migrate one after the other.
    tx.batch_execute("SELECT pg_advisory_xact_lock(4993420)").map_err(failed)?;
    tx.batch_execute(VERSION_TABLE).map_err(failed)?;
    let from: i64 = tx.query_one(VERSION, &[]).map_err(failed)?.get(0);
    let mut to = from;
    for (version, migration) in pending(from)? {
        tx.batch_execute(migration.postgres).map_err(failed)?;
        tx.execute("INSERT INTO schema_version (version) VALUES ($1)", &[&version]).map_err(failed)?;
        to = version;
    }
    tx.commit().map_err(failed)?;
    Ok(MigrationReport { from, to })
}
