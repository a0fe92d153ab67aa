//! What waits for a person, with the reason and what resuming it does.

use serde::{Deserialize, Serialize};

use crate::env::Time;
use crate::ids::{ContactId, PairId, ParkedId, SyncId};
use crate::record::Field;

/// Something set aside (law 7). A question closes by itself when the sides come to agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its id.
    pub id: ParkedId,
    /// The sync it belongs to.
    pub sync: SyncId,
    /// The contact, where one is known.
    pub contact: Option<ContactId>,
    /// The pair, where there is one.
    pub pair: Option<PairId>,
    /// The native record, where one is known.
    pub native: Option<String>,
    /// Why.
    pub reason: Reason,
    /// When.
    pub parked_at: Time,
}

/// Why something waits. `detail` texts are for people: one sentence, with the vendor's own words where there are any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// More than one record or contact matches; none is guessed.
    Ambiguous {
        /// The contacts that match.
        contacts: Vec<ContactId>,
        /// The native records that match.
        records: Vec<String>,
    },
    /// The vendor refused the row for a cause that repeating does not mend.
    Refused {
        /// The field at fault, where the vendor named one.
        field: Option<Field>,
        /// The vendor's code.
        code: String,
        /// The vendor's sentence.
        detail: String,
    },
    /// A create's answer was lost and no look could prove whether it landed.
    UnknownOutcome,
    /// The CRM set a field back three times after our write.
    Fight {
        /// The field.
        field: Field,
        /// What the inbox holds.
        ours: Option<String>,
        /// What the CRM holds.
        theirs: Option<String>,
    },
    /// Two paired records were merged: the survivor keeps the other contact.
    MergedAway {
        /// The surviving record.
        survivor: String,
    },
    /// One side was deleted while the other was edited since the last agreement.
    DeletedButEdited {
        /// What is known of the edit.
        detail: String,
    },
    /// A census found more deletes at once than the safety share allows.
    MassDelete {
        /// How many records are absent.
        absent: i64,
        /// How many pairs there are.
        of: i64,
    },
}

impl Reason {
    /// The stable code of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "ambiguous",
            Self::Refused { .. } => "refused",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Fight { .. } => "fight",
            Self::MergedAway { .. } => "merged_away",
            Self::DeletedButEdited { .. } => "deleted_but_edited",
            Self::MassDelete { .. } => "mass_delete",
        }
    }
}
