//! What a vendor is, as data: the pages, the pacing and the documents are drawn from it.

use std::time::Duration;

/// What a vendor is.
#[derive(Debug)]
pub struct About {
    /// The word in commands and addresses, such as `hubspot`.
    pub slug: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// Where its API lives unless a connection says otherwise.
    pub base_url: &'static str,
    /// Its OAuth addresses and scopes.
    pub oauth: crate::oauth::OAuth,
    /// Rows in one write call.
    pub write_batch: usize,
    /// Records in one read by id.
    pub read_batch: usize,
    /// Records in one page of changes.
    pub page: usize,
    /// How late a write may appear in searches.
    pub index_lag: Duration,
    /// The step of its modification times.
    pub granularity: Duration,
    /// The general limit: calls in a window.
    pub general_limit: RateLimit,
    /// The limit of searches.
    pub search_limit: RateLimit,
    /// Whether it keeps a custom property unique and can upsert by it.
    pub upsert_by_key: bool,
    /// The page of our documents.
    pub docs: &'static str,
}

/// Calls allowed in any window of this length.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many calls.
    pub calls: u32,
    /// How long the window is.
    pub window: Duration,
}

/// What was agreed at `connect` about a unique property for our id (law 5).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KeyField {
    /// None: a lost create is looked for by e-mail and phone.
    None,
    /// This property.
    Property {
        /// Its name.
        name: String,
    },
}
