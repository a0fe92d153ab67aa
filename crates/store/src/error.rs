//! What can go wrong with a store, and when opening one.

use std::time::Duration;

use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::problem::{Code, Problem};

/// Why a read or a write did not happen. Nothing of the closure's work remains.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot commit now: a full disk, a lock, a lost connection. The same call may succeed later.
    /// After a lost connection the outcome of a write is unknown.
    #[error("the database is not available now: {detail}")]
    Unavailable {
        /// What the database said.
        detail: String,
    },
    /// A unique value exists already.
    #[error("{constraint} has this value already")]
    Conflict {
        /// The unique index, or the columns, that refused.
        constraint: String,
    },
    /// A row names another row that does not exist, or others still name it.
    #[error("a row refers to one that does not exist: {detail}")]
    Foreign {
        /// What the database said.
        detail: String,
    },
    /// A value that cannot be stored: a NUL character in a text, or a text too long for an index.
    #[error("a value cannot be stored: {detail}")]
    Invalid {
        /// What is wrong with it.
        detail: String,
    },
    /// The row to be changed is gone, or belongs to another owner.
    #[error("no such {what}")]
    Missing {
        /// The kind of row.
        what: &'static str,
    },
    /// Our defect: wrong SQL, a row that cannot be read back, a panic in the closure.
    #[error("internal error of the store: {detail}")]
    Bug {
        /// What was found.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn bug(detail: impl std::fmt::Display) -> Self {
        Self::Bug { detail: detail.to_string() }
    }

    pub(crate) fn unavailable(detail: impl std::fmt::Display) -> Self {
        Self::Unavailable { detail: detail.to_string() }
    }

    pub(crate) fn conflict(constraint: &str) -> Self {
        Self::Conflict { constraint: constraint.to_owned() }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// Why a database cannot be opened. Each is one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// A newer program has migrated the database.
    #[error(
        "the database has schema version {found} and this program knows {known}: use the program that wrote it, or a newer one"
    )]
    Newer {
        /// The database's version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// Another process holds the database.
    #[error("{location} is locked by another process: end that process or wait for it, then try again")]
    Locked {
        /// Where the database is.
        location: String,
    },
    /// The file is something else, or damaged.
    #[error(
        "{location} is not a database of this program, or it is damaged ({detail}): check the path, or restore a backup"
    )]
    NotADatabase {
        /// Where it was looked for.
        location: String,
        /// What the database said.
        detail: String,
    },
    /// The file cannot be made or read, or the server does not answer.
    #[error("cannot open {location} ({detail}): check that it exists and that this user may read and write it")]
    Io {
        /// Where it was looked for.
        location: String,
        /// What the system said.
        detail: String,
    },
    /// A PostgreSQL URL that cannot be read.
    #[error("the database URL cannot be read ({detail}): it should look like postgres://user:password@host:5432/name")]
    BadUrl {
        /// What is wrong with it.
        detail: String,
    },
    /// A PostgreSQL server that is too old.
    #[error("PostgreSQL {found} is too old: use 15 or newer")]
    OldServer {
        /// The server's version.
        found: String,
    },
}

impl From<StoreError> for CrmProblem {
    /// As [`Problem`]'s, in the CRM API's codes.
    fn from(error: StoreError) -> Self {
        let cause = Some(error.to_string().into());
        match error {
            StoreError::Unavailable { .. } => {
                let message = "The database cannot take this now. Try again in a moment.";
                let retry_after = Some(Duration::from_secs(1));
                Self { retry_after, cause, ..Self::new(CrmCode::TemporarilyUnavailable, message) }
            }
            StoreError::Invalid { detail } => {
                Self::new(CrmCode::Malformed, format!("A value cannot be stored: {detail}."))
            }
            StoreError::Missing { what } => Self::new(CrmCode::NotFound, format!("No such {what}.")),
            StoreError::Conflict { .. } | StoreError::Foreign { .. } | StoreError::Bug { .. } => {
                let message = "Something broke on our side. Tell the operator the request id.";
                Self { cause, ..Self::new(CrmCode::Internal, message) }
            }
        }
    }
}

impl From<StoreError> for Problem {
    /// What a caller is told: come back later, correct the value, or that it is our defect.
    fn from(error: StoreError) -> Self {
        let cause = Some(error.to_string());
        match error {
            StoreError::Unavailable { .. } => Self {
                retry_after: Some(Duration::from_secs(1)),
                cause,
                ..Self::new(Code::TemporarilyUnavailable, "The database cannot take this now. Try again in a moment.")
            },
            StoreError::Invalid { detail } => {
                Self::new(Code::InvalidFieldValue, format!("A value cannot be stored: {detail}."))
            }
            StoreError::Missing { what } => Self::not_found(what),
            StoreError::Conflict { .. } | StoreError::Foreign { .. } | StoreError::Bug { .. } => Self {
                cause,
                ..Self::new(Code::InternalError, "Something broke on our side. Tell the operator the request id.")
            },
        }
    }
}
