//! Pages of a data source as tests and the demo see them, past the API.

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::record::{Record, Seeded};

/// Looks at a page of a data source just after a write and may rewrite some of its properties, as a database automation
/// does in a person's name. It runs inside the sandbox's lock and must not call the sandbox.
pub type Automation = Arc<dyn Fn(&Record) -> Option<BTreeMap<String, String>> + Send + Sync>;
