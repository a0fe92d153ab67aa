//! What may come of a call to a channel instead of its answer.

use std::time::Duration;

/// Why the channel did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ChannelFault {
    /// What is certain about the message.
    pub outcome: Outcome,
    /// The channel's own code as text, or a word of ours such as `not_connected`. Callers read it.
    pub code: String,
    /// What went wrong and what to do. Callers read it.
    pub message: String,
}

/// The code of an account that has no channel, or whose channel lacks what it was asked for.
pub const NOT_CONNECTED: &str = "not_connected";

/// What is certain after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Surely not taken, and a later try may succeed: no connection, a rate limit, a channel that says "later".
    NotTaken {
        /// How long the channel wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// Never offered: our own pacing asks to wait so long first, and that is no try (law 11).
    Paced {
        /// How long.
        wait: Duration,
    },
    /// Surely not taken, and it never will be: refused by rule.
    Refused,
    /// As [`Refused`](Self::Refused), because the credentials are no longer accepted: nothing will be taken until a person
    /// connects the account again.
    Disconnected,
    /// It may have been taken: the answer was lost or says nothing.
    Unknown,
}

impl ChannelFault {
    /// A fault of our own words.
    pub fn new(outcome: Outcome, code: &str, message: &str) -> Self {
        Self { outcome, code: code.to_owned(), message: message.to_owned() }
    }
}
