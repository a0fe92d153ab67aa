//! What stands at the end of a story, as plain data: both sides, the pairs, the questions and the decisions.

use std::collections::BTreeMap;

use lockstep_core::change::Verdict;
use lockstep_core::pair::PairState;

use super::ledger::Cell;

/// A contact or a record as a person sees it.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    pub values: BTreeMap<Cell, String>,
    /// The other side's id, where this side notes it.
    pub points_to: Option<String>,
}

impl Shown {
    pub fn value(&self, cell: Cell) -> Option<&str> {
        self.values.get(&cell).map(String::as_str)
    }
}

/// One row of the pair table.
#[derive(Clone, Debug)]
pub struct Bond {
    pub id: String,
    pub contact: String,
    pub native: Option<String>,
    pub state: PairState,
}

/// One parked question with everything it speaks of.
#[derive(Clone, Debug, Default)]
pub struct Question {
    pub code: String,
    pub pair: Option<String>,
    pub contacts: Vec<String>,
    pub records: Vec<String>,
    /// The one cell it is about; `None` speaks of the whole.
    pub cell: Option<Cell>,
}

/// One decision of the change log.
#[derive(Clone, Debug)]
pub struct Ruled {
    pub contact: String,
    pub cell: Cell,
    pub verdict: Verdict,
    pub ours: Option<String>,
    pub theirs: Option<String>,
}

/// Everything that stands at the end.
#[derive(Debug, Default)]
pub struct Found {
    pub contacts: BTreeMap<String, Shown>,
    pub records: BTreeMap<String, Shown>,
    pub bonds: Vec<Bond>,
    pub questions: Vec<Question>,
    pub ruled: Vec<Ruled>,
    /// Whether a deleted contact's record is to be archived, and the other way round.
    pub archives: bool,
    /// Whether records carry our contact's id.
    pub keyed: bool,
}
