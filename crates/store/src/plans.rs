//! First-run plans: computed, shown, accepted, carried out.

use lockstep_core::env::Time;
use lockstep_core::ids::{ContactId, PlanId, SyncId};
use lockstep_core::plan::{PlanRow, PlanSummary};
use serde::{Deserialize, Serialize};

use crate::contacts::escape_like;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args};
use crate::syncs::SyncOf;
use crate::tx::Tx;

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Rows are still being found.
    Computing,
    /// It waits for a person.
    Ready,
    /// It is being carried out.
    Accepted,
    /// It was carried out.
    Done,
}

/// A plan without its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRowSet {
    /// Its id.
    pub id: PlanId,
    /// The sync it is for.
    pub sync: SyncId,
    /// Where it stands.
    pub status: PlanStatus,
    /// Its counts.
    pub summary: PlanSummary,
    /// When it was begun.
    pub created_at: Time,
}

fn plan_row(row: &Row<'_>) -> Result<PlanRowSet, StoreError> {
    Ok(PlanRowSet {
        id: row.take()?,
        sync: row.take()?,
        status: row.word()?,
        summary: row.json()?,
        created_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Begins an empty plan.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_plan(&mut self, of: &SyncOf) -> Result<PlanId, StoreError> {
        let (id, now) = (PlanId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO plans (id, sync_id, status, summary, created_at) VALUES (?1, ?2, 'computing', ?3, ?4)",
            args![&id, of.id(), Arg::json(&PlanSummary::default())?, now],
        )?;
        Ok(id)
    }

    /// Appends rows.
    ///
    /// # Errors
    /// `Foreign` when there is no such plan.
    pub fn add_plan_rows(&mut self, id: &PlanId, rows: &[PlanRow]) -> Result<(), StoreError> {
        let sql = "SELECT COALESCE(MAX(n), 0) FROM plan_rows WHERE plan_id = ?1";
        let last: i64 = self.one(sql, args![id], |row| row.take())?.unwrap_or(0);
        for (n, row) in (last + 1..).zip(rows) {
            let sql = "INSERT INTO plan_rows (plan_id, n, content) VALUES (?1, ?2, ?3)";
            self.execute(sql, args![id, n, Arg::json(row)?])?;
        }
        Ok(())
    }

    /// The plan with this id. Whoever shows it proves the sync first, by [`PlanRowSet::sync`].
    ///
    /// # Errors
    /// When the store fails.
    pub fn plan(&mut self, id: &PlanId) -> Result<Option<PlanRowSet>, StoreError> {
        self.one("SELECT id, sync_id, status, summary, created_at FROM plans WHERE id = ?1", args![id], plan_row)
    }

    /// Moves a plan on.
    ///
    /// # Errors
    /// `Missing` when there is no such plan.
    pub fn set_plan(&mut self, id: &PlanId, status: PlanStatus, summary: &PlanSummary) -> Result<(), StoreError> {
        let sql = "UPDATE plans SET status = ?2, summary = ?3 WHERE id = ?1";
        self.change("plan", sql, args![id, Arg::word(&status)?, Arg::json(summary)?])
    }

    /// Rows with their numbers, from behind `after` (0 for the first page).
    ///
    /// # Errors
    /// When the store fails.
    pub fn plan_rows(&mut self, id: &PlanId, after: i64, limit: usize) -> Result<Vec<(i64, PlanRow)>, StoreError> {
        let sql = "SELECT n, content FROM plan_rows WHERE plan_id = ?1 AND n > ?2 ORDER BY n LIMIT ?3";
        self.query(sql, args![id, after, limit], |row| Ok((row.take()?, row.json()?)))
    }

    /// Replaces a row: a person turned a conflict.
    ///
    /// # Errors
    /// `Missing` when there is no such row.
    pub fn replace_plan_row(&mut self, id: &PlanId, n: i64, row: &PlanRow) -> Result<(), StoreError> {
        let sql = "UPDATE plan_rows SET content = ?3 WHERE plan_id = ?1 AND n = ?2";
        self.change("row of the plan", sql, args![id, n, Arg::json(row)?])
    }

    /// Blanks what the organization's plans show of a contact's values. The rows stay: one that names others too is
    /// still theirs, and without a deleted contact's own row its record would come back as a new contact.
    pub(crate) fn blank_plan_rows(&mut self, org: &Org, contact: &ContactId) -> Result<(), StoreError> {
        let sql = "SELECT plan_id, n, content FROM plan_rows WHERE content LIKE ?2 ESCAPE '\\' AND plan_id IN
                       (SELECT id FROM plans WHERE sync_id IN (SELECT id FROM syncs WHERE org_id = ?1))";
        let quoted = format!("%{}%", escape_like(contact.as_str()));
        let rows = self.query(sql, args![org.id(), quoted], |row| {
            Ok((row.take::<PlanId>()?, row.take::<i64>()?, row.json::<PlanRow>()?))
        })?;
        for (plan, n, mut row) in rows {
            let PlanRow::Matched { conflicts, .. } = &mut row else { continue };
            for conflict in conflicts {
                conflict.ours.clear();
                conflict.theirs.clear();
            }
            self.replace_plan_row(&plan, n, &row)?;
        }
        Ok(())
    }

    /// Removes the rows of a plan that was carried out or has become useless.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_plan_rows(&mut self, id: &PlanId) -> Result<(), StoreError> {
        self.execute("DELETE FROM plan_rows WHERE plan_id = ?1", args![id]).map(|_| ())
    }
}
