//! A pair: one contact bound to one native record of one sync.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::env::Time;
use crate::ids::{ContactId, PairId, SyncId};
use crate::record::Field;

/// What each side held when a field was last declared in step. Two values, because what a vendor makes of our
/// write (a reformatted phone number, say) becomes *its* base and not ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldBase {
    /// The inbox's value then.
    pub ours: Option<String>,
    /// The CRM's value then, as the mapping views it.
    pub theirs: Option<String>,
}

/// The bases of a pair by field. A field that is not in the map has no base yet.
pub type Base = BTreeMap<Field, FieldBase>;

/// Where a pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// In step, or about to be.
    Open,
    /// One side was deleted: stops re-creation on either side until a person resumes it (law 9).
    Tombstone,
    /// Waits for a person; its question stands in the parked list.
    Parked,
}

/// How often a CRM set a field back after our write (law 4). [`crate::fight`] keeps the score.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fight {
    /// What the CRM held before our last write.
    pub before: Option<String>,
    /// What we wrote.
    pub wrote: Option<String>,
    /// How many of our writes were set back to what stood before.
    pub set_back: u8,
}

/// One contact bound to one native record. One to one within a sync.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// Its id.
    pub id: PairId,
    /// The sync it belongs to.
    pub sync: SyncId,
    /// The inbox's side. It stays in a tombstone, where the contact itself may be gone.
    pub contact: ContactId,
    /// The CRM's side; `None` until the record is made.
    pub native: Option<String>,
    /// Where it stands.
    pub state: PairState,
    /// What both sides held when last in step.
    pub base: Base,
    /// Fields a CRM's automation sets back.
    pub fights: BTreeMap<Field, Fight>,
    /// Fields set aside for a person: merges leave them alone.
    pub held: Vec<Field>,
    /// The change number that made it dirty; `None` when nothing waits to be pushed.
    /// It is cleared only if it still equals what the merge read.
    pub dirty: Option<i64>,
    /// When it last changed.
    pub updated_at: Time,
}
