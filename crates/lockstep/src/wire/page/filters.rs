//! Which conversations the list shows, as the page's address says it.

use lockstep_core::conversation::ConversationStatus;
use lockstep_core::ids::UserId;
use lockstep_core::limits::{SEARCH_CHARS_MAX, fits};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::ConversationFilter;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

/// Whose conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// Everybody's.
    #[default]
    All,
    /// Those of the user whom the session stands for.
    Mine,
    /// Those that nobody looks after.
    Nobody,
}

impl Whose {
    /// The word in an address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Mine => "mine",
            Self::Nobody => "nobody",
        }
    }
}

/// What the address asks for.
#[derive(Clone, Debug, Deserialize)]
pub struct Filters {
    /// Where they stand.
    #[serde(default = "open")]
    pub status: ConversationStatus,
    /// Whose they are.
    #[serde(default)]
    pub whose: Whose,
    /// What to look for.
    #[serde(default)]
    pub search: String,
    /// Of whom to choose: a part of their name, where there are more people than the page lists.
    #[serde(default)]
    pub person: String,
    /// The place in the list behind which to go on.
    pub after: Option<String>,
    /// The place in the conversation before which to show messages.
    pub before: Option<String>,
}

const fn open() -> ConversationStatus {
    ConversationStatus::Open
}

impl Filters {
    /// The store's filter; `me` is the user whom the session stands for.
    ///
    /// # Errors
    /// A search that is too long.
    pub fn checked(&self, me: Option<&UserId>) -> Result<ConversationFilter, Problem> {
        for (name, text) in [("search", &self.search), ("person", &self.person)] {
            if !fits(text, SEARCH_CHARS_MAX) {
                let message = format!("A search has at most {SEARCH_CHARS_MAX} characters.");
                return Err(Problem::of(Code::InvalidFieldValue, name, message));
            }
        }
        let search = self.search.trim();
        Ok(ConversationFilter {
            status: Some(self.status),
            assigned_user: me.filter(|_| self.whose == Whose::Mine).cloned(),
            unassigned: self.whose == Whose::Nobody,
            search: (!search.is_empty()).then(|| search.to_owned()),
            ..ConversationFilter::default()
        })
    }

    /// The filters as an address carries them on, without places.
    pub fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("status", self.status.as_str()).append_pair("whose", self.whose.as_str());
        if !self.search.is_empty() {
            query.append_pair("search", &self.search);
        }
        query.finish()
    }

    /// The same filters with another status.
    #[must_use]
    pub fn with_status(&self, status: ConversationStatus) -> Self {
        Self { status, after: None, before: None, ..self.clone() }
    }

    /// The same filters for somebody else's conversations.
    #[must_use]
    pub fn with_whose(&self, whose: Whose) -> Self {
        Self { whose, after: None, before: None, ..self.clone() }
    }
}
