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
    /// The domains that are the vendor's own. A connection that lives elsewhere is to a look-alike, and gets its tokens
    /// there.
    pub domains: &'static [&'static str],
    /// Headers that go with every call, such as a version.
    pub headers: &'static [(&'static str, &'static str)],
    /// Its OAuth addresses and scopes, where it has OAuth.
    pub oauth: Option<crate::oauth::OAuth>,
    /// What a person types in who connects with a token.
    pub token: TokenForm,
    /// Rows in one write call.
    pub write_batch: usize,
    /// Of these, rows that one call changes to values of their own: 1 where a batch of changes is sent row by row.
    pub update_batch: usize,
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
    /// What it allows in a day, where it counts days.
    pub day: Option<DayLimit>,
    /// Whether it keeps a custom property unique and can upsert by it.
    pub upsert_by_key: bool,
    /// Where its webhooks go and what proves them.
    pub webhooks: Webhooks,
    /// The page of our documents.
    pub docs: &'static str,
}

/// Where a vendor's webhooks go and what proves their origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Webhooks {
    /// None can be proved with what an operator has, so none is taken.
    None,
    /// One address for all accounts; the app's client secret proves them.
    App,
    /// An address of each connection; a token that the vendor hands over there first proves them.
    Handshake,
}

/// What a person types in who connects without OAuth.
#[derive(Debug)]
pub struct TokenForm {
    /// What the vendor calls its token.
    pub label: &'static str,
    /// Whether the account has an address of its own, which is asked for, too.
    pub own_address: bool,
}

impl About {
    /// Whether an address is the vendor's own.
    pub fn is_home(&self, base_url: &str) -> bool {
        let host = url::Url::parse(base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
        host.is_some_and(|host| {
            self.domains
                .iter()
                .any(|domain| host.strip_suffix(domain).is_some_and(|below| below.is_empty() || below.ends_with('.')))
        })
    }
}

/// Calls allowed in any window of this length.
#[derive(Clone, Copy, Debug)]
pub struct RateLimit {
    /// How many calls.
    pub calls: u32,
    /// How long the window is.
    pub window: Duration,
}

/// What an account may use in a day. How much it really is, and what is left of it, the answers tell
/// ([`crate::Connector::day`]).
#[derive(Clone, Copy, Debug)]
pub struct DayLimit {
    /// What the smallest plan allows.
    pub least: u32,
    /// What is counted, for people.
    pub unit: &'static str,
    /// What a look for changes costs while nothing happens.
    pub poll: u32,
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
