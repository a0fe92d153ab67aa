//! Contexts: an app's tenants, as the app names them.

use lockstep_core::ids::{ContextId, OrgId};
use serde_json::{Map, Value as Json};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

/// Proof that a context belongs to an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextOf {
    org: Org,
    id: ContextId,
    external_id: String,
}

impl ContextOf {
    /// Whose it is.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// Its id.
    pub fn id(&self) -> &ContextId {
        &self.id
    }

    /// The app's name for it.
    pub fn external_id(&self) -> &str {
        &self.external_id
    }
}

/// What an app tells of a context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextData {
    /// A name for people.
    pub name: Option<String>,
    /// Whatever else the app gave.
    pub attributes: Map<String, Json>,
}

const CONTEXT: &str = "SELECT org_id, id, external_id FROM contexts";

fn context_row(row: &Row<'_>) -> Result<ContextOf, StoreError> {
    Ok(ContextOf { org: Org::proven(row.take()?), id: row.take()?, external_id: row.take()? })
}

impl Tx<'_> {
    /// Makes an app's context, or changes what is told of it. What is not told this time stays.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_context(&mut self, org: &Org, external_id: &str, data: &ContextData) -> Result<ContextOf, StoreError> {
        let (id, now) = (ContextId::new(self.env()), self.now());
        let attributes = (!data.attributes.is_empty()).then(|| Arg::json(&data.attributes)).transpose()?;
        self.execute(
            "INSERT INTO contexts (id, org_id, external_id, name, attributes, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (org_id, external_id) DO UPDATE SET name = COALESCE(excluded.name, contexts.name),
                 attributes = COALESCE(excluded.attributes, contexts.attributes)",
            args![&id, org.id(), external_id, data.name.as_deref(), attributes, now],
        )?;
        self.named_context(org, external_id)?.ok_or(StoreError::Missing { what: "context" })
    }

    /// What is told of a context.
    ///
    /// # Errors
    /// When the store fails.
    pub fn context_data(&mut self, of: &ContextOf) -> Result<ContextData, StoreError> {
        let sql = "SELECT name, attributes FROM contexts WHERE id = ?1";
        let read =
            |row: &Row<'_>| Ok(ContextData { name: row.take()?, attributes: row.maybe_json()?.unwrap_or_default() });
        self.one(sql, args![of.id()], read)?.ok_or(StoreError::Missing { what: "context" })
    }

    /// The organization's context that its app gave this name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn named_context(&mut self, org: &Org, external_id: &str) -> Result<Option<ContextOf>, StoreError> {
        let sql = format!("{CONTEXT} WHERE org_id = ?1 AND external_id = ?2");
        self.one(&sql, args![org.id(), external_id], context_row)
    }

    /// An app's context by its ids, which a sealed token proves.
    ///
    /// # Errors
    /// When the store fails.
    pub fn context(&mut self, org: &OrgId, id: &ContextId) -> Result<Option<ContextOf>, StoreError> {
        let sql = format!("{CONTEXT} WHERE org_id = ?1 AND id = ?2 AND external_id IS NOT NULL");
        self.one(&sql, args![org, id], context_row)
    }

    /// The app's name for a context of the organization; `None` for the organization's own.
    ///
    /// # Errors
    /// When the store fails.
    pub fn context_name(&mut self, org: &Org, id: &ContextId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT external_id FROM contexts WHERE org_id = ?1 AND id = ?2";
        Ok(self.one(sql, args![org.id(), id], |row| row.take())?.flatten())
    }
}
