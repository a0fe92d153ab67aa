//! How a look-alike is set up.

use super::limits::Limits;
use super::records::Unset;
use crate::world::{Clock, Wait, system_clock};

/// How the look-alike is set up.
#[derive(Clone)]
pub struct HubspotSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of ids, tokens and orders.
    pub seed: u64,
    /// How long the search index takes to learn of a write, in microseconds.
    pub index_lag_us: i64,
    /// Index lag, limiters and shuffled batches on or off.
    pub quirks: bool,
    /// What the limiters let through.
    pub limits: Limits,
    /// Rows on a page at most, however many were asked for; none for HubSpot's own bounds.
    pub page_max: Option<usize>,
    /// How reads show what holds no value.
    pub unset: Unset,
    /// The app's id.
    pub app_id: u32,
    /// The app's OAuth client id.
    pub client_id: String,
    /// The app's OAuth client secret, which signs webhooks too.
    pub client_secret: String,
    /// The account's id.
    pub portal_id: u32,
    /// Life of an access token in microseconds.
    pub access_token_life_us: i64,
    /// Whether any bearer token passes as a private app's that does not look like one that OAuth issues.
    pub accepts_any_token: bool,
    /// Whether the result of a batch's row names its `objectWriteTraceId`. No recorded one does.
    pub echoes_trace: bool,
    /// Steps of the times written on records, in microseconds.
    pub granularity_us: i64,
    /// How far HubSpot's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
}

impl Default for HubspotSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            index_lag_us: 5_000_000,
            quirks: true,
            limits: Limits::default(),
            page_max: None,
            unset: Unset::default(),
            app_id: 19_083_857,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            portal_id: 44_237_313,
            access_token_life_us: 1_800_000_000,
            accepts_any_token: true,
            echoes_trace: false,
            granularity_us: 1_000,
            clock_offset_us: 0,
        }
    }
}
