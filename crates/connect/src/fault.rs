//! A vendor's failure, classified once, and the one policy of what to do next.

use lockstep_core::env::Time;

/// What kind of failure it was; the closed list that every connector maps its vendor's codes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The grant is gone: a person has to authorise again.
    Reauthorise,
    /// Allowed to nobody with this grant: a scope or a permission is missing.
    Forbidden,
    /// Not to be seen. Not proof of a delete.
    Missing,
    /// The vendor holds such a record already.
    Duplicate,
    /// The vendor refuses the values; repeating does not help.
    Rejected,
    /// The scan's cursor is not accepted any more: start the window anew.
    Stale,
    /// A limit: ours before sending, or the vendor's 429.
    Limited,
    /// The vendor cannot now: 5xx, 423, 477.
    Busy,
    /// A property or object that the mapping names has gone.
    Drift,
    /// Sent, but no answer: it may have happened.
    Unknown,
    /// Never sent: no connection could be made. Safe to repeat.
    Unreachable,
    /// An answer that makes no sense: our defect or theirs.
    Bug,
}

/// A vendor's failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind.
    pub class: FaultClass,
    /// The vendor's code, or ours where the vendor said nothing.
    pub code: String,
    /// One sentence, the vendor's own where there is one.
    pub message: String,
    /// Not before this.
    pub retry_at: Option<Time>,
    /// The native property at fault.
    pub property: Option<String>,
    /// The id of the record that is in the way ([`FaultClass::Duplicate`]).
    pub existing: Option<String>,
    /// The vendor's request id.
    pub request_id: Option<String>,
}

impl Fault {
    /// A fault with nothing more to say.
    pub fn new(class: FaultClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class, code: code.into(), message: message.into(), retry_at: None, property: None, existing: None, request_id: None }
    }
}
