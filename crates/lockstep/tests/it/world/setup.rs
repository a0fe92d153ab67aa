//! How a world is set up: what stands in it, what its operator set and where its database is.

use std::path::PathBuf;
use std::time::Duration;

use lockstep::app::{OAuthApp, RateLimits, Settings, VendorLimits};
use lockstep_sandbox::{Clock, HubspotSettings};

use super::CRM;

/// How a world is set up.
pub struct Setup {
    pub seed: u64,
    /// A PostgreSQL database of its own; SQLite in a folder of its own without.
    pub postgres: Option<String>,
    /// Whether the account lets us add our key property.
    pub keyed: bool,
    pub poll: Duration,
    pub census: Duration,
    /// Calls in ten seconds that the account allows.
    pub budget: u32,
    pub index_lag: Duration,
    pub granularity: Duration,
    /// Rows on a page at most.
    pub page: Option<usize>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 1,
            postgres: None,
            keyed: true,
            poll: Duration::from_secs(60),
            census: Duration::from_secs(3_600),
            budget: 110,
            index_lag: Duration::from_secs(5),
            granularity: Duration::from_millis(1),
            page: None,
        }
    }
}

impl Setup {
    /// HubSpot as it is to be.
    pub fn look_alike(&self, clock: Clock) -> HubspotSettings {
        let us = |span: Duration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        let mut settings = HubspotSettings {
            clock,
            seed: self.seed,
            index_lag_us: us(self.index_lag),
            granularity_us: us(self.granularity),
            page_max: self.page,
            ..HubspotSettings::default()
        };
        settings.limits.ten_seconds = usize::try_from(self.budget).unwrap_or(usize::MAX);
        settings
    }

    /// What our operator set.
    pub fn settings(&self) -> Settings {
        let defaults = HubspotSettings::default();
        let app = OAuthApp { client_id: defaults.client_id, client_secret: defaults.client_secret.into() };
        let limits = VendorLimits { general: self.budget, search: 5 };
        Settings {
            public_url: "https://lockstep.test".to_owned(),
            rate_limits: RateLimits { write_per_minute: None, read_per_minute: None },
            disable_after: 10,
            poll_seconds: self.poll.as_secs(),
            census_seconds: self.census.as_secs(),
            vendor_limits: [("hubspot".to_owned(), limits)].into(),
            oauth_apps: [("hubspot".to_owned(), app)].into(),
            vendor_urls: [("hubspot".to_owned(), CRM.to_owned())].into(),
            egress: lockstep::egress::Rules::default(),
        }
    }
}

/// Makes an empty schema on a PostgreSQL server and answers the URL that works in it.
pub fn postgres_schema(server: &str, schema: &str) -> String {
    let mut client = postgres::Client::connect(server, postgres::NoTls).expect("the server answers");
    client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}")).expect("a schema");
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}options=-csearch_path%3D{schema}")
}

/// Where databases live that nobody keeps.
pub fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}
