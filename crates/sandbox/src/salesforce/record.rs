//! Records as tests and the demo see them, past the API.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::org::Org;
use super::rows::Row;

/// A record as it is, whatever the API would show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The object it is a record of, such as `Contact`.
    pub object: String,
    /// Record id, eighteen characters.
    pub id: String,
    /// Everything that holds or held a value; none where it was cleared.
    pub properties: BTreeMap<String, Option<String>>,
    /// Creation by Salesforce's clock, in microseconds since the epoch.
    pub created_us: i64,
    /// Last change by Salesforce's clock, in microseconds since the epoch.
    pub updated_us: i64,
    /// Whether it lies in the recycle bin.
    pub archived: bool,
    /// The record it lives on in.
    pub merged_into: Option<String>,
}

impl Record {
    /// A value, if the field holds one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_deref()
    }
}

/// What became of records the sandbox was filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// How many were made.
    pub created: usize,
    /// Rows that were not, with the reason; rows are counted from 1.
    pub refused: Vec<(usize, String)>,
}

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
