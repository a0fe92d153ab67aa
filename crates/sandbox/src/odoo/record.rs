//! What a record looks like past the API: a many2one is its id, a many2many ids between commas.

pub use crate::record::{Record, Seeded};
