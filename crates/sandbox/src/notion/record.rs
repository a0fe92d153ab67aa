//! Pages of a data source as tests and the demo see them, past the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// A page as it is, whatever the API would show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// Title of the data source it is a page of.
    pub object: String,
    /// Page id.
    pub id: String,
    /// Every property by its name, as plain text; none where it holds nothing. Options, pages and people of one
    /// property are joined by commas.
    pub properties: BTreeMap<String, Option<String>>,
    /// Creation by Notion's clock, in microseconds since the epoch, before it is cut to the minute.
    pub created_us: i64,
    /// Last write by Notion's clock, in microseconds since the epoch, before it is cut to the minute.
    pub updated_us: i64,
    /// Whether it lies in the trash.
    pub archived: bool,
    /// Always none: Notion cannot merge pages.
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

/// Looks at a page of a data source just after a write and may rewrite some of its properties, as a database automation
/// does in a person's name. It runs inside the sandbox's lock and must not call the sandbox.
pub type Automation = Arc<dyn Fn(&Record) -> Option<BTreeMap<String, String>> + Send + Sync>;
