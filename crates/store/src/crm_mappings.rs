//! What users mapped, version by version, and what their CRMs offer.

use lockstep_core::crm::{ApiObject, CrmObject, ObjectMapping};
use lockstep_core::env::Time;

use crate::connections::ConnectionOf;
use crate::error::StoreError;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

/// One version of a connection's mapping, with the objects as they were defined for it.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingVersion {
    /// Counts from 1.
    pub version: i64,
    /// What the app defined, with the children that the user added.
    pub objects: Vec<CrmObject>,
    /// What the user chose.
    pub mapping: Vec<ObjectMapping>,
    /// When the user finished it; events go by the last finished one. `None` for the draft.
    pub finished_at: Option<Time>,
}

const MAPPING: &str = "SELECT version, objects, mapping, finished_at FROM crm_mappings WHERE connection_id = ?1";

fn mapping_row(row: &Row<'_>) -> Result<MappingVersion, StoreError> {
    Ok(MappingVersion { version: row.take()?, objects: row.json()?, mapping: row.json()?, finished_at: row.take()? })
}

impl Tx<'_> {
    /// The connection's last version, the draft if there is one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_mapping(&mut self, of: &ConnectionOf) -> Result<Option<MappingVersion>, StoreError> {
        self.hold(of.org().id())?;
        self.one(&format!("{MAPPING} ORDER BY version DESC LIMIT 1"), args![of.id()], mapping_row)
    }

    /// The version that events go by.
    ///
    /// # Errors
    /// When the store fails.
    pub fn mapping_in_force(&mut self, of: &ConnectionOf) -> Result<Option<MappingVersion>, StoreError> {
        let sql = format!("{MAPPING} AND finished_at IS NOT NULL ORDER BY version DESC LIMIT 1");
        self.one(&sql, args![of.id()], mapping_row)
    }

    /// Keeps a version: a new one, or the draft as it is now.
    ///
    /// # Errors
    /// `Conflict` when that version was finished before.
    pub fn put_mapping(&mut self, of: &ConnectionOf, kept: &MappingVersion) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "INSERT INTO crm_mappings (connection_id, version, objects, mapping, finished_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (connection_id, version) DO UPDATE SET objects = excluded.objects, mapping = excluded.mapping,
                 finished_at = excluded.finished_at, updated_at = excluded.updated_at
             WHERE crm_mappings.finished_at IS NULL";
        let (objects, mapping) = (Arg::json(&kept.objects)?, Arg::json(&kept.mapping)?);
        match self.execute(sql, args![of.id(), kept.version, objects, mapping, kept.finished_at, now])? {
            0 => Err(StoreError::Conflict { constraint: "crm_mappings_pkey".to_owned() }),
            _ => Ok(()),
        }
    }

    /// The objects that the connection's CRM was found to have, and when; `None` before they were fetched.
    ///
    /// # Errors
    /// When the store fails.
    pub fn api_objects(&mut self, of: &ConnectionOf) -> Result<Option<(Vec<ApiObject>, Time)>, StoreError> {
        let sql = "SELECT described, fetched_at FROM crm_schemas WHERE connection_id = ?1 AND object = ''";
        self.one(sql, args![of.id()], |row| Ok((row.json()?, row.take()?)))
    }

    /// One object with its fields, and when they were fetched; `None` before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn api_object(&mut self, of: &ConnectionOf, slug: &str) -> Result<Option<(ApiObject, Time)>, StoreError> {
        let sql = "SELECT described, fetched_at FROM crm_schemas WHERE connection_id = ?1 AND object = ?2";
        self.one(sql, args![of.id(), slug], |row| Ok((row.json()?, row.take()?)))
    }

    /// Keeps what the CRM was found to offer.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_api_objects(&mut self, of: &ConnectionOf, objects: &[ApiObject]) -> Result<(), StoreError> {
        self.put_schema(of, "", Arg::json(&objects)?)
    }

    /// Keeps one object's fields.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_api_object(&mut self, of: &ConnectionOf, object: &ApiObject) -> Result<(), StoreError> {
        self.put_schema(of, &object.slug, Arg::json(object)?)
    }

    fn put_schema(&mut self, of: &ConnectionOf, object: &str, described: Arg<'_>) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "INSERT INTO crm_schemas (connection_id, object, described, fetched_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (connection_id, object) DO UPDATE SET described = excluded.described, fetched_at = excluded.fetched_at";
        self.execute(sql, args![of.id(), object, described, now]).map(|_| ())
    }
}
