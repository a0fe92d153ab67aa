//! How a look-alike is set up.

use super::limits::{Limits, Plan};
use crate::world::{Clock, Wait, system_clock};

/// Which record lives on after a merge. Pipedrive's reference says only whose data wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survivor {
    /// The one named in the body as `merge_with_id`, whose data wins.
    #[default]
    MergeWith,
    /// The one in the path; the data of `merge_with_id` wins all the same.
    Path,
}

/// How the look-alike is set up.
#[derive(Clone)]
pub struct PipedriveSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of field codes and tokens.
    pub seed: u64,
    /// Limiters and index lag on or off.
    pub quirks: bool,
    /// What the limiters let through.
    pub limits: Limits,
    /// How long the search index takes at most to learn of a write, in microseconds. Pipedrive does not say.
    pub index_lag_us: i64,
    /// Whether a phone number is also found by its digits alone, however it is written. Pipedrive does not say.
    pub phones_by_digits: bool,
    /// Rows on a page at most, however many were asked for; none for Pipedrive's own 500.
    pub page_max: Option<usize>,
    /// Status of an answer to a create in v2 and of notes. Its reference says 200, its older pages 201.
    pub created_status: u16,
    /// Whether a deleted record is read by its id (with `is_deleted`) until it is purged, or is not found.
    pub reads_deleted: bool,
    /// Which record lives on after a merge.
    pub survivor: Survivor,
    /// The company's id.
    pub company_id: u32,
    /// Origin named as `api_domain`, such as `https://sandbox.example.com`; none for the one of the request.
    pub public_origin: Option<String>,
    /// The app's OAuth client id.
    pub client_id: String,
    /// The app's OAuth client secret.
    pub client_secret: String,
    /// The app's scopes, fixed where the app is registered.
    pub scopes: Vec<String>,
    /// The one personal token there is.
    pub api_token: String,
    /// Whether any other text passes as somebody's personal token.
    pub accepts_any_token: bool,
    /// Life of an access token in microseconds.
    pub access_token_life_us: i64,
    /// Life of a refresh token since its last use, in microseconds.
    pub refresh_token_life_us: i64,
    /// Steps of the times written on records, in microseconds.
    pub granularity_us: i64,
    /// How far Pipedrive's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
}

impl Default for PipedriveSettings {
    fn default() -> Self {
        let scopes = [
            "base",
            "deals:full",
            "contacts:full",
            "activities:full",
            "search:read",
            "users:read",
            "webhooks:full",
            "messengers-integration",
            "admin",
        ];
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            quirks: true,
            limits: Limits::of(Plan::Growth, 1),
            index_lag_us: 2_000_000,
            phones_by_digits: true,
            page_max: None,
            created_status: 201,
            reads_deleted: true,
            survivor: Survivor::default(),
            company_id: 13_313_052,
            public_origin: None,
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            api_token: "sandbox-token".to_owned(),
            accepts_any_token: true,
            access_token_life_us: 3_600_000_000,
            refresh_token_life_us: 60 * 86_400_000_000,
            granularity_us: 1_000_000,
            clock_offset_us: 0,
        }
    }
}
