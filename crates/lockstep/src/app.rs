//! What every way through the house is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use lockstep_core::env::Env;
use lockstep_store::Store;
use secrecy::SecretString;

use crate::channel::Channels;
use crate::egress::Rules;
use crate::network::Network;
use crate::ops::crm::issuers::IssuerKeys;
use crate::reach::Pacing;
use crate::vault::Vault;

/// One running Lockstep. Clones share everything.
#[derive(Clone)]
pub struct App {
    /// Time, chance and ids.
    pub env: Env,
    /// The database.
    pub store: Store,
    /// The key ring that seals secrets.
    pub vault: Vault,
    /// The way out.
    pub network: Arc<dyn Network>,
    /// The ways to customers.
    pub channels: Channels,
    /// What each vendor account has left of its limits.
    pub pacing: Pacing,
    /// Keys of token issuers that were fetched a short while ago.
    pub issuer_keys: IssuerKeys,
    /// What the operator set.
    pub settings: Arc<Settings>,
}

/// What the operator set and the surfaces need to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that links, OAuth redirects and signature checks use; no slash at the end.
    pub public_url: String,
    /// Requests a minute of one organization.
    pub rate_limits: RateLimits,
    /// Deliveries that became dead in a row before a subscription is disabled.
    pub disable_after: u32,
    /// Seconds between polls of a CRM that no hint called for.
    pub poll_seconds: u64,
    /// Seconds between two censuses of a CRM.
    pub census_seconds: u64,
    /// What an account may use where its plan allows more than the figures in the connector's `About`, by vendor slug.
    pub vendor_limits: BTreeMap<String, VendorLimits>,
    /// The app that we are to each vendor, by vendor slug: for OAuth and for the signatures of its webhooks.
    pub oauth_apps: BTreeMap<String, OAuthApp>,
    /// Where a vendor's API and consent page are, where that is not the vendor's own address, by vendor slug.
    pub vendor_urls: BTreeMap<String, String>,
    /// Which targets webhooks and connections may have.
    pub egress: Rules,
}

/// Requests a minute of one organization, by class. `None` lifts the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// POST, PUT, PATCH, DELETE.
    pub write_per_minute: Option<u32>,
    /// GET, HEAD.
    pub read_per_minute: Option<u32>,
}

/// The app that we are to a vendor, as its developer page shows it.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// Calls that a vendor account allows, in the windows that the connector's `About` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorLimits {
    /// Calls in the general window.
    pub general: u32,
    /// Calls in the window of searches.
    pub search: u32,
}
