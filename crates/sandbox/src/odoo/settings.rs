//! How a look-alike is set up.

use crate::world::{Clock, Wait, system_clock};

/// What Odoo Online's front lets through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one key in any second; none for a server of one's own, which has no limit. Odoo Online is said to
    /// allow about one.
    pub per_second: Option<usize>,
}

/// How the look-alike is set up.
#[derive(Clone)]
pub struct OdooSettings {
    /// Where time comes from.
    pub clock: Clock,
    /// How to wait, for faults that slow an answer; none under a virtual clock.
    pub wait: Option<Wait>,
    /// Seed of keys and orders.
    pub seed: u64,
    /// Rows that a search leaves in no order come in another one each time, as PostgreSQL's may.
    pub quirks: bool,
    /// What the front lets through.
    pub limits: Limits,
    /// Odoo's major version, 14 to 21. JSON-2 exists from 19, webhooks from 17; `mobile` went in 19.
    pub version: u32,
    /// The database's name.
    pub database: String,
    /// The API user's login.
    pub login: String,
    /// The API user's password, which opens JSON-RPC as a key does.
    pub password: String,
    /// Whether any key that was never issued, expired or revoked opens the database.
    pub accepts_any_token: bool,
    /// Whether the API user has the Settings right, without which no custom field is made.
    pub is_admin: bool,
    /// Life of an API key in microseconds. Odoo allows three months at most, from version 18 on.
    pub key_life_us: i64,
    /// Whether the account's own company and users show among the contacts, as they do in every real account.
    pub shows_own_contacts: bool,
    /// How long before its commit a call's transaction began, in microseconds: rows appear with a `write_date` this old.
    pub commit_lag_us: i64,
    /// How far Odoo's own clock is ahead of ours, in microseconds.
    pub clock_offset_us: i64,
    /// Where people reach this Odoo, such as `http://127.0.0.1:8069`; without it, the request's own `Host`.
    pub public_origin: Option<String>,
}

impl Default for OdooSettings {
    fn default() -> Self {
        Self {
            clock: system_clock(),
            wait: None,
            seed: 1,
            quirks: true,
            limits: Limits::default(),
            version: 19,
            database: "sandbox".to_owned(),
            login: "admin".to_owned(),
            password: "sandbox-secret".to_owned(),
            accepts_any_token: true,
            is_admin: true,
            key_life_us: 90 * 86_400 * 1_000_000,
            shows_own_contacts: true,
            commit_lag_us: 0,
            clock_offset_us: 0,
            public_origin: None,
        }
    }
}
