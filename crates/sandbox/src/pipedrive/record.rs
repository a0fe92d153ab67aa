//! Records as tests and the demo see them, past the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// A record as it is, whatever the API would show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// The object it is a record of, as paths name it.
    pub object: String,
    /// Record id, unique within its object.
    pub id: String,
    /// Everything that holds or held a value; none where it was cleared. Custom fields go by their codes; `email` and
    /// `phone` are the primary ones, `emails` and `phones` all of them as JSON.
    pub properties: BTreeMap<String, Option<String>>,
    /// Creation by Pipedrive's clock, in microseconds since the epoch.
    pub created_us: i64,
    /// Last write by Pipedrive's clock, in microseconds since the epoch.
    pub updated_us: i64,
    /// Whether it was deleted.
    pub archived: bool,
    /// The record it lives on in.
    pub merged_into: Option<String>,
}

impl Record {
    /// A value, if the property holds one.
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

/// Looks at a record just after a write and may rewrite some of its properties, as an automation of the company does.
/// It runs inside the sandbox's lock and must not call the sandbox.
pub type Automation = Arc<dyn Fn(&Record) -> Option<BTreeMap<String, String>> + Send + Sync>;
