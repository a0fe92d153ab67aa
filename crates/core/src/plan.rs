//! The first run is a plan (law 8): what would be matched, made and overwritten, before anything is written.

use serde::{Deserialize, Serialize};

use crate::ids::ContactId;
use crate::mapping::model::Side;
use crate::record::Field;

/// One row of a plan, as shown and as later carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlanRow {
    /// One contact and one record belong together.
    Matched {
        /// The contact.
        contact: ContactId,
        /// The record.
        native: String,
        /// Fields where both hold different values.
        conflicts: Vec<PlanConflict>,
    },
    /// Several could belong together: never guessed.
    Ambiguous {
        /// The contacts.
        contacts: Vec<ContactId>,
        /// The records.
        records: Vec<String>,
    },
    /// A contact that the CRM lacks.
    NewInCrm {
        /// The contact.
        contact: ContactId,
    },
    /// A record that the inbox lacks.
    NewInInbox {
        /// The record.
        native: String,
    },
}

/// A field on which a matched pair disagrees, with the winner by rule. A person can turn it before accepting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanConflict {
    /// The field.
    pub field: Field,
    /// What the inbox holds.
    pub ours: String,
    /// What the CRM holds.
    pub theirs: String,
    /// Whose value will stand.
    pub winner: Side,
}

/// The counts of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Pairs found.
    pub matched: i64,
    /// Questions for a person.
    pub ambiguous: i64,
    /// Contacts to be made in the CRM.
    pub new_in_crm: i64,
    /// Records to be made in the inbox.
    pub new_in_inbox: i64,
    /// Fields on which matched pairs disagree.
    pub conflicts: i64,
    /// Vendor calls that carrying it out will take.
    pub calls: i64,
    /// Seconds that the vendor's limits make it last at least.
    pub seconds: i64,
}
