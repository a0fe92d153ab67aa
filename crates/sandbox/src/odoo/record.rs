//! Records as tests and the demo see them, past the API.

use std::collections::BTreeMap;

use serde::Serialize;

/// A record as it is, whatever the API would show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The model it is a record of.
    pub object: String,
    /// Record id.
    pub id: String,
    /// Every field with a column that holds a value, as text: a many2one as its id, a many2many as ids between commas.
    pub properties: BTreeMap<String, Option<String>>,
    /// Creation by Odoo's clock, in microseconds since the epoch.
    pub created_us: i64,
    /// `write_date` in microseconds since the epoch, finer than the API tells it.
    pub updated_us: i64,
    /// Whether it is archived.
    pub archived: bool,
    /// The contact it was merged into; it is deleted since.
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
