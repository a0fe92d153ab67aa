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
    /// Never sent: no connection could be made, or what has to be known first could not be read. Safe to repeat.
    Unreachable,
    /// An answer that makes no sense: our defect or theirs.
    Bug,
}

impl FaultClass {
    /// That of a server which cannot. These of its statuses may come after the effect, so a write's outcome is unknown
    /// then.
    pub(crate) fn of_server(status: u16, effect: bool) -> Self {
        if effect && matches!(status, 500 | 502 | 504 | 520 | 524) { Self::Unknown } else { Self::Busy }
    }
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
    /// How much of a sentence is kept, in characters.
    pub const MESSAGE_CHARS_MAX: usize = 500;

    /// How much of a code, of a property's name and of a request id is kept, in characters.
    pub const NAME_CHARS_MAX: usize = 255;

    /// A fault with nothing more to say. An overlong message or code is cut.
    pub fn new(class: FaultClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        let (code, message) = (cut(code.into(), Self::NAME_CHARS_MAX), cut(message.into(), Self::MESSAGE_CHARS_MAX));
        Self { class, code, message, retry_at: None, property: None, existing: None, request_id: None }
    }

    /// The same with what else the vendor named cut, too.
    pub fn bounded(self) -> Self {
        let bounded = |text: Option<String>| text.map(|text| cut(text, Self::NAME_CHARS_MAX));
        Self { property: bounded(self.property), request_id: bounded(self.request_id), ..self }
    }

    /// The same of a step before the deed itself. Whatever became of that step, the deed was not sent and can be
    /// repeated.
    pub(crate) fn nothing_done(self) -> Self {
        match self.class {
            FaultClass::Busy | FaultClass::Unknown => Self { class: FaultClass::Unreachable, ..self },
            _ => self,
        }
    }

    /// The same after something was done: nobody may say that nothing was written.
    pub(crate) fn half_done(self) -> Self {
        Self { class: FaultClass::Unknown, ..self }
    }

    /// Whether the failed call used up a try. Waiting for a budget and waiting for a person do not (law 11).
    pub fn counts_as_try(&self) -> bool {
        !matches!(self.class, FaultClass::Limited | FaultClass::Reauthorise | FaultClass::Forbidden)
    }
}

fn cut(mut text: String, chars_max: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(chars_max) {
        text.truncate(end);
    }
    text
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
        FaultClass::Missing | FaultClass::Duplicate | FaultClass::Rejected | FaultClass::Drift | FaultClass::Bug => {
            Next::Park
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [FaultClass; 12] = [
        FaultClass::Reauthorise,
        FaultClass::Forbidden,
        FaultClass::Missing,
        FaultClass::Duplicate,
        FaultClass::Rejected,
        FaultClass::Stale,
        FaultClass::Limited,
        FaultClass::Busy,
        FaultClass::Drift,
        FaultClass::Unknown,
        FaultClass::Unreachable,
        FaultClass::Bug,
    ];

    fn next_of(class: FaultClass, attempt: u32) -> Next {
        let (env, _) = Env::manual(Time::from_secs(1_000), 1);
        next(&Fault::new(class, "X", "x"), attempt, &env)
    }

    #[test]
    fn an_overlong_message_is_cut_between_characters() {
        let fault = Fault::new(FaultClass::Bug, "X", "é".repeat(10_000));
        assert_eq!(fault.message.chars().count(), Fault::MESSAGE_CHARS_MAX);
        assert_eq!(Fault::new(FaultClass::Bug, "é".repeat(300), "x").code, "é".repeat(Fault::NAME_CHARS_MAX));
    }

    #[test]
    fn a_limit_is_waited_for_and_costs_no_try() {
        let (env, _) = Env::manual(Time::from_secs(1_000), 1);
        let mut fault = Fault::new(FaultClass::Limited, "X", "x");
        assert_eq!(next(&fault, 99, &env), Next::RetryAt(Time::from_secs(1_010)));
        fault.retry_at = Some(Time::from_secs(5_000));
        assert_eq!(next(&fault, 99, &env), Next::RetryAt(Time::from_secs(5_000)));
        let free: Vec<_> = ALL.into_iter().filter(|class| !Fault::new(*class, "X", "x").counts_as_try()).collect();
        assert_eq!(free, [FaultClass::Reauthorise, FaultClass::Forbidden, FaultClass::Limited]);
    }

    #[test]
    fn a_given_time_is_never_undercut() {
        let (env, _) = Env::manual(Time::from_secs(1_000), 1);
        let fault = Fault { retry_at: Some(Time::from_secs(9_000)), ..Fault::new(FaultClass::Busy, "X", "x") };
        assert_eq!(next(&fault, 0, &env), Next::RetryAt(Time::from_secs(9_000)));
    }

    #[test]
    fn what_repeating_cannot_mend_goes_to_a_person() {
        for class in [FaultClass::Duplicate, FaultClass::Rejected, FaultClass::Drift, FaultClass::Bug] {
            assert_eq!(next_of(class, 0), Next::Park, "{class:?}");
        }
        assert_eq!(next_of(FaultClass::Reauthorise, 0), Next::StopConnection);
        assert_eq!(next_of(FaultClass::Stale, 0), Next::Drop);
        assert!(matches!(next_of(FaultClass::Missing, 4), Next::RetryAt(_)), "not readable yet, perhaps");
        assert_eq!(next_of(FaultClass::Missing, 5), Next::Park);
        assert!(matches!(next_of(FaultClass::Busy, 500), Next::RetryAt(_)), "a long outage parks nothing");
    }
}
