//! A vendor's failure, classified once, and the one policy of what to do next.

use std::time::Duration;

use lockstep_core::env::{Env, Time};
use lockstep_core::retry;

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

    /// Whether the failed call used up a try. Waiting for a budget and waiting for a person do not (law 11).
    pub fn counts_as_try(&self) -> bool {
        !matches!(self.class, FaultClass::Limited | FaultClass::Reauthorise | FaultClass::Forbidden)
    }
}

/// How often an invisible record is asked for again before a person is asked.
const MISSING_TRIES_MAX: u32 = 5;
/// How long to wait for a limit that names no time; the longest of the vendors' short windows.
const LIMIT_WAIT: Duration = Duration::from_secs(10);

/// What to do after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again at this time. After [`FaultClass::Unknown`] that means: look what happened, then decide.
    RetryAt(Time),
    /// Set aside for a person, with the fault as the reason.
    Park,
    /// Stop the whole connection as one problem until a person authorises again; what waits keeps waiting.
    StopConnection,
    /// Forget what the call went on from, such as a scan's cursor, and begin anew.
    Drop,
}

/// The only retry policy. `attempt` counts the tries that failed before this one.
pub fn next(fault: &Fault, attempt: u32, env: &Env) -> Next {
    let later = |wait: Duration| {
        let due = env.now().plus(wait);
        Next::RetryAt(fault.retry_at.map_or(due, |not_before| not_before.max(due)))
    };
    match fault.class {
        FaultClass::Reauthorise | FaultClass::Forbidden => Next::StopConnection,
        FaultClass::Stale => Next::Drop,
        FaultClass::Limited => Next::RetryAt(fault.retry_at.unwrap_or_else(|| env.now().plus(LIMIT_WAIT))),
        FaultClass::Busy | FaultClass::Unreachable | FaultClass::Unknown => later(retry::backoff(attempt, env)),
        FaultClass::Missing if attempt < MISSING_TRIES_MAX => later(retry::backoff(attempt, env)),
        FaultClass::Missing | FaultClass::Duplicate | FaultClass::Rejected | FaultClass::Drift | FaultClass::Bug => Next::Park,
    }
}
