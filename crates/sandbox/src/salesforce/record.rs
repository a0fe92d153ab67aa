//! Records as tests and the demo see them, past the API.

use serde::Serialize;
use serde_json::Value;

use super::org::Org;
use super::rows::Row;

pub use crate::record::{Record, Seeded};

/// What a converted lead became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Converted {
    /// The new company.
    pub account: String,
    /// The new contact.
    pub contact: String,
    /// The new sale.
    pub opportunity: String,
}

impl Org {
    /// A row as people outside see it.
    pub(super) fn record_of(&self, row: &Row) -> Record {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        Record {
            object: row.object.clone(),
            id: row.id.clone(),
            properties: row.values.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            created_us: row.created_us,
            updated_us: row.stamp_us,
            archived: row.deleted_us.is_some(),
            merged_into: row.master.clone(),
        }
    }

    /// All records of an object that are not yet gone from the recycle bin.
    pub(super) fn records_of(&self, object: &str) -> Result<Vec<Record>, String> {
        let object = self.object(object).map_err(|wrong| wrong.to_string())?;
        Ok(self.rows.of(&object.prefix).filter(|row| self.in_bin(row)).map(|row| self.record_of(row)).collect())
    }
}
