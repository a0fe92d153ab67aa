//! The Universal CRM API, pure: what an app defines, what a CRM offers, and what a user's mapping makes of an event.
//!
//! An app defines CRM objects with fields and events ([`definition`]); a connector describes the user's CRM
//! ([`selector`]); the user maps one onto the other ([`mapping`], prefilled by [`suggest`], judged by [`mod@check`]). An
//! invoked event goes [`payload`] → [`action`] to native properties; a native record comes back through [`view`].
//! Shapes on the wire are those of Xkit's browser API (`xkit.js`, CRM Link); what we add stands beside them.

pub mod action;
pub mod check;
pub mod convert;
pub mod date;
pub mod definition;
pub mod mapping;
pub mod payload;
pub mod problem;
pub mod record_id;
pub mod schema;
pub mod selector;
pub mod suggest;
pub mod template;
pub mod view;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use action::{Effect, Filter, Link, Refusal, evaluate};
pub use check::{Finding, State, check};
pub use definition::{CrmEvent, CrmField, CrmObject, EventType};
pub use mapping::{ActionType, EventAction, ObjectMapping, Operator, Transformation, Way};
pub use payload::Payload;
pub use problem::{CrmCode, CrmProblem, CrmWords};
pub use record_id::RecordId;
pub use schema::SimpleType;
pub use selector::{Access, ApiObject, NativeField, NativeKind, Operation, Selector, Workflow};

/// One thing wrong with what a caller sent, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// The place, dotted: `opportunity.events.create_opportunity.type`.
    pub path: String,
    /// What is wrong, for a person; reads on after the path.
    pub error: String,
}

impl Flaw {
    /// A flaw at a place.
    pub fn new(path: impl Into<String>, error: impl Into<String>) -> Self {
        Self { path: path.into(), error: error.into() }
    }
}

/// The number that stands for a name in the browser API, where ids are whole numbers.
///
/// The same on every machine and never 0: 52 bits of the name's SHA-256, which JavaScript holds exactly.
pub fn number_of(name: &str) -> i64 {
    let digest = Sha256::digest(name.as_bytes());
    let bits = digest.iter().take(7).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    (bits >> 4) | 1
}

/// A place below another.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_stable_distinct_and_exact_in_javascript() {
        assert_eq!(number_of("opportunity"), number_of("opportunity"));
        assert_ne!(number_of("opportunity"), number_of("contact"));
        for name in ["", "a", "opportunity.events.create"] {
            assert!((1..1_i64 << 53).contains(&number_of(name)), "{name}");
        }
    }
}
