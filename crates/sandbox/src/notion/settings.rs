//! How a look-alike is set up.

use super::limits::Limits;
use crate::world::{Clock, Wait, system_clock};

/// How the look-alike is set up.
#[derive(Clone)]
pub struct NotionSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of ids, tokens and orders.
    pub seed: u64,
    /// Limiter, search lag, bundled and disordered webhooks on or off.
    pub quirks: bool,
    /// What the limiter lets through.
    pub limits: Limits,
    /// How long `POST /v1/search` takes to learn of something new, in microseconds. Queries of a data source lag never.
    pub index_lag_us: i64,
    /// Rows on a page at most, however many were asked for.
    pub page_max: usize,
    /// Rows that one query can page through; 10,000 since April 2026.
    pub query_max: usize,
    /// Entries of a rich text, relation or people property that a page shows.
    pub entries_max: usize,
    /// The app's OAuth client id.
    pub client_id: String,
    /// The app's OAuth client secret.
    pub client_secret: String,
    /// What the connection is called in messages and comments.
    pub integration_name: String,
    /// The account's id, a UUID.
    pub workspace_id: String,
    /// The account's name.
    pub workspace_name: String,
    /// Life of an access token in microseconds, which Notion does not publish; none for tokens that live for ever.
    pub access_token_life_us: Option<i64>,
    /// Whether any bearer token that was never issued passes as an internal integration's.
    pub accepts_any_token: bool,
    /// Whether the connection was given the capability to read and write comments; without it they are refused with 403.
    pub can_comment: bool,
    /// Steps of the times written on pages, in microseconds: a whole minute.
    pub granularity_us: i64,
    /// How far Notion's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
    /// How long changes of one page are gathered into one webhook, in microseconds.
    pub bundle_us: i64,
    /// How many of a hundred webhooks are never sent: Notion promises each at most once.
    pub hooks_lost_percent: u8,
    /// What addresses in answers begin with; none for the origin that a request came to.
    pub public_origin: Option<String>,
}

impl Default for NotionSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            quirks: true,
            limits: Limits::default(),
            index_lag_us: 5_000_000,
            page_max: 100,
            query_max: 10_000,
            entries_max: 25,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            integration_name: "Sandbox".to_owned(),
            workspace_id: "5a4d0c7e-0f1b-4c7a-9e52-6b1d3f8a2c90".to_owned(),
            workspace_name: "Sandbox workspace".to_owned(),
            access_token_life_us: Some(3_600_000_000),
            accepts_any_token: true,
            can_comment: true,
            granularity_us: 60_000_000,
            clock_offset_us: 0,
            bundle_us: 30_000_000,
            hooks_lost_percent: 0,
            public_origin: None,
        }
    }
}
