//! Records as tests and the demo see them, past the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// A record as it is, whatever the API would show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The object it is a record of, as the vendor names it.
    pub object: String,
    /// Record id, unique within its object.
    pub id: String,
    /// Everything that holds or held a value, as text; none where it was cleared. What is no text in the vendor's API is
    /// told in the vendor's folder.
    pub properties: BTreeMap<String, Option<String>>,
    /// Creation by the vendor's clock, in microseconds since the epoch, finer than the API may tell it.
    pub created_us: i64,
    /// Last write by the vendor's clock, in microseconds since the epoch, finer than the API may tell it.
    pub updated_us: i64,
    /// Whether it was deleted and can be brought back.
    pub archived: bool,
    /// The record it lives on in; always none where the vendor cannot merge.
    pub merged_into: Option<String>,
}

impl Record {
    /// A value, if the property holds one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_deref()
    }
}

/// Looks at a record just after a write and may rewrite some of its properties, as an automation of the account does. It
/// runs inside the sandbox's lock and must not call the sandbox.
pub type Automation = Arc<dyn Fn(&Record) -> Option<BTreeMap<String, String>> + Send + Sync>;

/// What became of records the sandbox was filled with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Seeded {
    /// How many were made.
    pub created: usize,
    /// Rows that were not, with the reason; rows are counted from 1.
    pub refused: Vec<(usize, String)>,
}
