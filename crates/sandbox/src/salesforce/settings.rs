//! How a look-alike is set up.

use super::field::Property;
use crate::world::{Clock, Wait, system_clock};

/// How the look-alike is set up.
#[derive(Clone)]
pub struct SalesforceSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of ids and tokens.
    pub seed: u64,
    /// Index lag and the daily limit on or off.
    pub quirks: bool,
    /// How long the search index takes to learn of a write, in microseconds. Queries know at once.
    pub index_lag_us: i64,
    /// API calls in any 24 hours: 100,000 and more for paying orgs, 15,000 for a Developer Edition.
    pub daily_limit: usize,
    /// Rows on a page of a query at most; Salesforce's own bound is 2,000.
    pub page_max: Option<usize>,
    /// How long a bulk job waits in the queue, and then is in progress, in microseconds each.
    pub bulk_step_us: i64,
    /// Whether a rule of the org refuses a new contact or lead whose e-mail address another one has.
    pub duplicate_rule: bool,
    /// Whether REST takes `Email` as an upsert key; sources differ on it.
    pub upserts_by_email: bool,
    /// The app's OAuth client id.
    pub client_id: String,
    /// The app's OAuth client secret.
    pub client_secret: String,
    /// Whether every refresh answers with a new refresh token and ends the old one.
    pub rotates_refresh_tokens: bool,
    /// Whether an authorisation without PKCE is refused, as for listed apps since May 2026.
    pub requires_pkce: bool,
    /// How long a session lives without use, in microseconds.
    pub session_life_us: i64,
    /// Whether any bearer token that was never issued passes as a session.
    pub accepts_any_token: bool,
    /// Number of the org; whoever consents under another number has another org id.
    pub org_no: u32,
    /// Where the look-alike is reached, such as `https://crm.example.com`; none to go by each request's Host header.
    pub public_origin: Option<String>,
    /// Custom fields that an admin has made.
    pub properties: Vec<Property>,
    /// Steps of the times written on records, in microseconds.
    pub granularity_us: i64,
    /// How far Salesforce's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
}

impl Default for SalesforceSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            quirks: true,
            index_lag_us: 5_000_000,
            daily_limit: 100_000,
            page_max: None,
            bulk_step_us: 1_000_000,
            duplicate_rule: false,
            upserts_by_email: false,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            rotates_refresh_tokens: false,
            requires_pkce: false,
            session_life_us: 7_200_000_000,
            accepts_any_token: true,
            org_no: 1,
            public_origin: None,
            properties: Vec::new(),
            granularity_us: 1_000_000,
            clock_offset_us: 0,
        }
    }
}
