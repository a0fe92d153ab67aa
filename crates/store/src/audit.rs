//! What people and keys did to an organization's set-up.

use lockstep_core::env::Time;
use serde_json::Value as Json;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, args};
use crate::tx::Tx;

/// One entry.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// The organization's change number.
    pub seq: i64,
    /// When.
    pub at: Time,
    /// Who: a key's id, or a word such as `command line`.
    pub actor: String,
    /// What was done, such as `connection.added`.
    pub action: String,
    /// To what.
    pub detail: Json,
}

impl Tx<'_> {
    /// Notes what was done.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit(&mut self, org: &Org, actor: &str, action: &str, detail: &Json) -> Result<(), StoreError> {
        let (seq, now) = (self.next_seq(org)?, self.now());
        self.execute(
            "INSERT INTO audit (org_id, seq, at, actor, action, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            args![org.id(), seq, now, actor, action, Arg::json(detail)?],
        )
        .map(|_| ())
    }

    /// What was done, newest first, from before entry `before`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn audit_list(&mut self, org: &Org, before: Option<i64>, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = "SELECT seq, at, actor, action, detail FROM audit WHERE org_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
        self.query(sql, args![org.id(), before.unwrap_or(i64::MAX), limit], |row| {
            Ok(AuditEntry {
                seq: row.take()?,
                at: row.take()?,
                actor: row.take()?,
                action: row.take()?,
                detail: row.json()?,
            })
        })
    }
}
