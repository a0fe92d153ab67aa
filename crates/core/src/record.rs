//! A native record as a connector hands it over, and the field values both sides are compared in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::env::Time;

/// A field's name on the inbox side: `email`, `name`, `metadata.crm_id`…
pub type Field = String;

/// Values by field. A field without a value is not in the map.
pub type Values = BTreeMap<Field, String>;

/// New values by field; `None` clears one. A field that is to stay as it is is not in the map.
pub type Edits = BTreeMap<Field, Option<String>>;

/// Native properties by name. In a write, `None` clears one. In a read, `None` is a property without a value;
/// one that is not in the map was not asked for or is not known to the vendor, which says nothing about its value.
pub type Properties = BTreeMap<String, Option<String>>;

/// One record of the user's CRM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The vendor's id, always the surviving one after a merge.
    pub id: String,
    /// The properties that were asked for.
    pub properties: Properties,
    /// The vendor's modification time, with the vendor's granularity.
    pub updated_at: Time,
    /// Whether the vendor shows it in its recycle bin.
    pub archived: bool,
    /// Ids of records that were merged into this one.
    pub merged: Vec<String>,
}

impl Record {
    /// A property's value; empty text counts as no value.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property)?.as_deref().filter(|text| !text.is_empty())
    }
}
