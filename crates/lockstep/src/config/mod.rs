//! The settings: one commented TOML file, the environment over it, flags over both.
//!
//! The shipped file [`defaults`] is at once the list of known keys, their types, their defaults and the
//! reference for people.

mod layers;
mod vendors;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use secrecy::SecretString;
use serde::Deserialize;
use toml::Table;

use crate::app::{RateLimits, Settings};
use crate::egress::Rules;

pub use layers::{ConfigError, insert};
pub use vendors::VendorConfig;

use layers::{from_environment, known_settings, overlay};

/// Every setting at its default, with a comment each.
pub fn defaults() -> String {
    format!("{}{}", include_str!("../../data/lockstep.toml"), vendors::sections())
}

/// The name of the settings file in the data folder.
pub const FILE_NAME: &str = "lockstep.toml";

/// Seconds; a shorter poll would eat a vendor's search limit, a longer census would hide deletes for weeks.
const POLL_SECONDS: std::ops::RangeInclusive<u64> = 1..=86_400;
const CENSUS_SECONDS: std::ops::RangeInclusive<u64> = 60..=2_592_000;

/// All settings, checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A `postgres://` address, or empty for SQLite in the data folder.
    pub database: String,
    /// The key ring, or empty for the file in the data folder.
    pub keyring: SecretString,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The outward address without a slash at the end, or empty for the listening one.
    pub public_url: String,
    /// The region of phone numbers without a country code, or empty.
    pub region: String,
    /// Requests a minute.
    pub rate_limits: RateLimitsConfig,
    /// Webhooks to subscribers.
    pub webhooks: WebhooksConfig,
    /// Keeping in step.
    pub sync: SyncConfig,
    /// Which targets may be reached.
    pub egress: EgressConfig,
    /// The log.
    pub log: LogConfig,
    /// Each vendor, by slug.
    #[serde(skip)]
    pub vendors: BTreeMap<String, VendorConfig>,
}

/// Section `rate_limits`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimitsConfig {
    /// Which numbers apply.
    pub preset: RateLimitPreset,
}

/// Named pairs of limits; the two of Kirim are those of its public documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateLimitPreset {
    /// 6,000 writes and 60,000 reads a minute.
    SelfHosted,
    /// 60 and 600.
    KirimDefault,
    /// 600 and 6,000.
    KirimPro,
    /// No limit.
    Lifted,
}

/// Section `webhooks`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhooksConfig {
    /// Dead deliveries in a row before a subscription is disabled.
    pub disable_after: u32,
}

/// Section `sync`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncConfig {
    /// Seconds between two polls.
    pub poll_seconds: u64,
    /// Seconds between two censuses.
    pub census_seconds: u64,
}

/// Section `egress`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EgressConfig {
    /// `host:port` of private targets that are allowed.
    pub allow: Vec<String>,
    /// Whether loopback is allowed.
    pub allow_local_targets: bool,
}

/// Section `log`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A `tracing` filter.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// How lines of the log look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// Reads the settings: `file` (which must exist) or else `DATA/lockstep.toml` (which need not), then `environment`,
    /// then `flags`, a table of the same shape.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn load(
        data: &Path,
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Table,
    ) -> Result<Self, ConfigError> {
        let path = file.map_or_else(|| data.join(FILE_NAME), Path::to_path_buf);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        Self::layered(&path.display().to_string(), &text, environment, flags)
    }

    /// The shipped settings with `flags` over them, whatever the machine's files and environment say.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn shipped(flags: Table) -> Result<Self, ConfigError> {
        Self::layered("the defaults", "", [], flags)
    }

    fn layered(
        origin: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: Table,
    ) -> Result<Self, ConfigError> {
        let syntax = |origin: &str, error: toml::de::Error| ConfigError::Syntax {
            origin: origin.to_owned(),
            detail: error.to_string().trim_end().to_owned(),
        };
        let mut settings: Table = defaults().parse().map_err(|error| syntax("the defaults", error))?;
        let known = known_settings();
        overlay(&mut settings, text.parse().map_err(|error| syntax(origin, error))?, "", origin, &known)?;
        overlay(&mut settings, from_environment(environment, &known)?, "", "the environment", &known)?;
        overlay(&mut settings, flags, "", "the command line", &known)?;
        let vendors = vendors::take(&mut settings)?;
        let config: Self = settings
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Invalid(error.to_string().trim().replace('\n', " ")))?;
        Self { vendors, ..config }.checked()
    }

    fn checked(mut self) -> Result<Self, ConfigError> {
        let invalid = |detail: &str| Err(ConfigError::Invalid(detail.to_owned()));
        let region_given = !self.region.is_empty();
        if region_given && (self.region.len() != 2 || !self.region.bytes().all(|b| b.is_ascii_alphabetic())) {
            return invalid("\"region\" must be two letters such as \"ID\"");
        }
        self.region.make_ascii_uppercase();
        if !POLL_SECONDS.contains(&self.sync.poll_seconds) {
            return invalid("\"sync.poll_seconds\" must be from 1 to 86400");
        }
        if !CENSUS_SECONDS.contains(&self.sync.census_seconds) {
            return invalid("\"sync.census_seconds\" must be from 60 to 2592000");
        }
        if self.webhooks.disable_after == 0 {
            return invalid("\"webhooks.disable_after\" must be at least 1");
        }
        if !self.public_url.is_empty() {
            let web = url::Url::parse(&self.public_url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
            if !web {
                return invalid("\"public_url\" must be an http or https address");
            }
            self.public_url.truncate(self.public_url.trim_end_matches('/').len());
        }
        Ok(self)
    }

    /// The region of phone numbers without a country code.
    pub fn region(&self) -> Option<&str> {
        (!self.region.is_empty()).then_some(self.region.as_str())
    }

    fn of_vendors<T>(&self, part: fn(&VendorConfig) -> Option<T>) -> BTreeMap<String, T> {
        self.vendors.iter().filter_map(|(slug, vendor)| Some((slug.clone(), part(vendor)?))).collect()
    }

    /// What the surfaces and the sync need of the settings, for a server at `url` unless they name another address.
    pub fn settings(&self, url: &str) -> Settings {
        let public_url = if self.public_url.is_empty() { url.to_owned() } else { self.public_url.clone() };
        Settings {
            public_url,
            rate_limits: self.rate_limits.preset.limits(),
            disable_after: self.webhooks.disable_after,
            poll_seconds: self.sync.poll_seconds,
            census_seconds: self.sync.census_seconds,
            vendor_limits: self.of_vendors(VendorConfig::limits),
            oauth_apps: self.of_vendors(VendorConfig::app),
            vendor_urls: self.of_vendors(VendorConfig::url),
            egress: Rules {
                allow: self.egress.allow.iter().cloned().collect(),
                allow_local_targets: self.egress.allow_local_targets,
            },
        }
    }
}

impl RateLimitPreset {
    /// The numbers behind the name.
    pub const fn limits(self) -> RateLimits {
        let (write_per_minute, read_per_minute) = match self {
            Self::SelfHosted => (Some(6_000), Some(60_000)),
            Self::KirimDefault => (Some(60), Some(600)),
            Self::KirimPro => (Some(600), Some(6_000)),
            Self::Lifted => (None, None),
        };
        RateLimits { write_per_minute, read_per_minute }
    }
}

#[cfg(test)]
mod tests;
