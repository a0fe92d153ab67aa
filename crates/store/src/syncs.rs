//! Syncs: what binds an organization's accounts to one connection. None exists until a person makes it.

use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, PlanId, SyncId};
use lockstep_core::mapping::Mapping;
use serde::{Deserialize, Serialize};

use crate::connections::ConnectionOf;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

/// Where a sync stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyncStatus {
    /// Its first-run plan is being computed.
    Planning,
    /// The plan waits for a person.
    Planned,
    /// It keeps both sides in step.
    Running,
    /// A person paused it.
    Paused,
    /// It stopped itself; the row has the reason.
    Stopped,
}

/// What a delete on one side does to the other (law 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    /// Nothing: the pair becomes a tombstone.
    Unlink,
    /// It is archived there.
    Archive,
    /// It is deleted there.
    Delete,
}

/// A sync as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRow {
    /// Its id.
    pub id: SyncId,
    /// Its connection; a connection has one sync at most.
    pub connection: ConnectionId,
    /// Where it stands.
    pub status: SyncStatus,
    /// Why it stopped itself.
    pub stopped_reason: Option<String>,
    /// What corresponds to what.
    pub mapping: Mapping,
    /// What deletes do.
    pub on_delete: OnDelete,
    /// The plan that was made last.
    pub plan: Option<PlanId>,
    /// Where the next read of changes starts, as JSON of the connector's.
    pub cursor: Option<String>,
    /// How far a first-run scan has come, as JSON of the caller's.
    pub scan: Option<String>,
    /// When changes were last read to their end.
    pub pulled_at: Option<Time>,
    /// When a census last came to its end.
    pub census_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Proof that a sync belongs to an organization.
#[derive(Clone, Debug)]
pub struct SyncOf {
    org: Org,
    row: SyncRow,
}

impl SyncOf {
    /// Whose it is.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// The sync's id.
    pub fn id(&self) -> &SyncId {
        &self.row.id
    }

    /// The sync as it was when looked up.
    pub fn row(&self) -> &SyncRow {
        &self.row
    }
}

const SYNC: &str =
    "SELECT org_id, id, connection_id, status, stopped_reason, mapping, on_delete, plan_id, cursor, scan,
    pulled_at, census_at, created_at, updated_at FROM syncs";

fn sync_row(row: &Row<'_>) -> Result<SyncOf, StoreError> {
    Ok(SyncOf {
        org: Org::proven(row.take()?),
        row: SyncRow {
            id: row.take()?,
            connection: row.take()?,
            status: row.word()?,
            stopped_reason: row.take()?,
            mapping: row.json()?,
            on_delete: row.word()?,
            plan: row.take()?,
            cursor: row.take()?,
            scan: row.take()?,
            pulled_at: row.take()?,
            census_at: row.take()?,
            created_at: row.take()?,
            updated_at: row.take()?,
        },
    })
}

impl Tx<'_> {
    /// Makes a sync that waits for its plan.
    ///
    /// # Errors
    /// `Conflict` when the connection has one already.
    pub fn add_sync(&mut self, of: &ConnectionOf, mapping: &Mapping) -> Result<SyncOf, StoreError> {
        let (id, now) = (SyncId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO syncs (id, org_id, connection_id, status, mapping, on_delete, created_at, updated_at)
             VALUES (?1, ?2, ?3, 'planning', ?4, 'unlink', ?5, ?5)",
            args![&id, of.org().id(), of.id(), Arg::json(mapping)?, now],
        )?;
        self.sync(&id)?.ok_or(StoreError::Missing { what: "sync" })
    }

    /// The sync of a claimed job.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sync(&mut self, id: &SyncId) -> Result<Option<SyncOf>, StoreError> {
        self.one(&format!("{SYNC} WHERE id = ?1"), args![id], sync_row)
    }

    /// The sync as it stands now. What else writes to its organization waits until this transaction ends.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hold_sync(&mut self, of: &SyncOf) -> Result<Option<SyncOf>, StoreError> {
        self.hold(of.org().id())?;
        self.sync(of.id())
    }

    /// The organization's syncs, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn syncs(&mut self, org: &Org) -> Result<Vec<SyncOf>, StoreError> {
        self.query(&format!("{SYNC} WHERE org_id = ?1 ORDER BY id"), args![org.id()], sync_row)
    }

    /// The sync of a connection.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sync_of_connection(&mut self, of: &ConnectionOf) -> Result<Option<SyncOf>, StoreError> {
        self.one(&format!("{SYNC} WHERE connection_id = ?1"), args![of.id()], sync_row)
    }

    /// Moves a sync to another status; `reason` is why it stopped itself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_status(&mut self, of: &SyncOf, status: SyncStatus, reason: Option<&str>) -> Result<(), StoreError> {
        self.hold(of.org().id())?;
        let now = self.now();
        let sql = "UPDATE syncs SET status = ?2, stopped_reason = ?3, updated_at = ?4 WHERE id = ?1";
        self.change("sync", sql, args![of.id(), Arg::word(&status)?, reason, now])
    }

    /// Keeps where the next read of changes starts, in the commit of the data it covers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_cursor(&mut self, of: &SyncOf, cursor: Option<&str>) -> Result<(), StoreError> {
        self.change("sync", "UPDATE syncs SET cursor = ?2 WHERE id = ?1", args![of.id(), cursor])
    }

    /// Keeps how far the first-run scan has come.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_scan(&mut self, of: &SyncOf, scan: Option<&str>) -> Result<(), StoreError> {
        self.change("sync", "UPDATE syncs SET scan = ?2 WHERE id = ?1", args![of.id(), scan])
    }

    /// Notes when changes were last read to their end.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_pulled_at(&mut self, of: &SyncOf, at: Option<Time>) -> Result<(), StoreError> {
        self.change("sync", "UPDATE syncs SET pulled_at = ?2 WHERE id = ?1", args![of.id(), at])
    }

    /// How far a census has come, as JSON of the caller's. Not in [`SyncRow`]: each write of a contact reads that, and
    /// a mass delete makes this long.
    ///
    /// # Errors
    /// When the store fails.
    pub fn sync_census(&mut self, of: &SyncOf) -> Result<Option<String>, StoreError> {
        Ok(self.one("SELECT census FROM syncs WHERE id = ?1", args![of.id()], |row| row.take())?.flatten())
    }

    /// Keeps how far a census has come and, when it has ended, when.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_census(
        &mut self,
        of: &SyncOf,
        census: Option<&str>,
        ended_at: Option<Time>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE syncs SET census = ?2, census_at = COALESCE(?3, census_at) WHERE id = ?1";
        self.change("sync", sql, args![of.id(), census, ended_at])
    }

    /// Names the plan that was made last.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_plan(&mut self, of: &SyncOf, plan: Option<&PlanId>) -> Result<(), StoreError> {
        let now = self.now();
        self.change("sync", "UPDATE syncs SET plan_id = ?2, updated_at = ?3 WHERE id = ?1", args![of.id(), plan, now])
    }

    /// Saves another version of the mapping.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_mapping(&mut self, of: &SyncOf, mapping: &Mapping) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE syncs SET mapping = ?2, updated_at = ?3 WHERE id = ?1";
        self.change("sync", sql, args![of.id(), Arg::json(mapping)?, now])
    }

    /// Chooses what deletes do.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_sync_on_delete(&mut self, of: &SyncOf, on_delete: OnDelete) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE syncs SET on_delete = ?2, updated_at = ?3 WHERE id = ?1";
        self.change("sync", sql, args![of.id(), Arg::word(&on_delete)?, now])
    }
}
