//! What corresponds to what: fields of a contact and properties of a native record.
//!
//! [`model`] is the data, [`view`] reads a record through it, [`native`] turns decided values back into properties.

pub mod model;
pub mod native;
pub mod view;

pub use model::{AlsoMatch, Direction, FieldMap, Kind, Mapping, Rule, Selector, WritePolicy};
