//! The settings that every vendor has, drawn from the registry of connectors.

use std::collections::BTreeMap;

use lockstep_connect::registry;
use secrecy::SecretString;
use serde::Deserialize;
use toml::{Table, Value};

use super::layers::ConfigError;
use crate::app::{OAuthApp, VendorLimits};

/// Section of a vendor, named by its slug.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorConfig {
    /// The app's client id, or empty.
    pub client_id: String,
    /// The app's client secret, or empty.
    pub client_secret: SecretString,
    /// Where the vendor is for CRM Link, or empty for its own address.
    pub base_url: String,
    /// Calls in the vendor's general window, 0 for the connector's figure.
    pub calls: u32,
    /// Searches in the vendor's window of searches, 0 for the connector's figure.
    pub searches: u32,
}

impl VendorConfig {
    /// The app that we are to the vendor, if one was made.
    pub fn app(&self) -> Option<OAuthApp> {
        let (client_id, client_secret) = (self.client_id.clone(), self.client_secret.clone());
        (!client_id.is_empty()).then_some(OAuthApp { client_id, client_secret })
    }

    /// Another address than the vendor's own.
    pub fn url(&self) -> Option<String> {
        let url = self.base_url.trim_end_matches('/');
        (!url.is_empty()).then(|| url.to_owned())
    }

    /// What the account's plan allows, where the operator says.
    pub fn limits(&self) -> Option<VendorLimits> {
        (self.calls > 0).then_some(VendorLimits { general: self.calls, search: self.searches })
    }
}

/// The sections of all vendors at their defaults, with a comment each.
pub(super) fn sections() -> String {
    registry::all().iter().map(|connector| section(connector.about().slug, connector.about().name)).collect()
}

fn section(slug: &str, name: &str) -> String {
    let variable = |key: &str| format!("#{:74}LOCKSTEP_{}_{}", "", slug.to_uppercase(), key.to_uppercase());
    format!(
        "\n[{slug}]\n\
         # The app of your {name} developer account, where {name} has such apps. Only needed to connect by\n\
         # OAuth and to receive webhooks; a token needs neither.\n{}\nclient_id = \"\"\n\n\
         {}\nclient_secret = \"\"\n\n\
         # Where {name} is for people who connect in CRM Link; empty for {name} itself, or the address of\n\
         # a sandbox.\n{}\nbase_url = \"\"\n\n\
         # Calls that your {name} plan allows in its window, and searches in theirs; 0 for both keeps to\n\
         # what every plan allows.\n{}\ncalls = 0\n\n\
         {}\nsearches = 0\n",
        variable("client_id"),
        variable("client_secret"),
        variable("base_url"),
        variable("calls"),
        variable("searches"),
    )
}

/// Takes the vendors' sections out of all settings.
pub(super) fn take(settings: &mut Table) -> Result<BTreeMap<String, VendorConfig>, ConfigError> {
    let mut vendors = BTreeMap::new();
    for slug in registry::all().iter().map(|connector| connector.about().slug) {
        let section = settings.remove(slug).unwrap_or_else(|| Value::Table(Table::new()));
        let vendor: VendorConfig =
            section.try_into().map_err(|error| ConfigError::Invalid(error.to_string().trim().replace('\n', " ")))?;
        if (vendor.calls == 0) != (vendor.searches == 0) {
            let message = format!("\"{slug}.calls\" and \"{slug}.searches\" are wanted both, or 0 for both");
            return Err(ConfigError::Invalid(message));
        }
        vendors.insert(slug.to_owned(), vendor);
    }
    Ok(vendors)
}
