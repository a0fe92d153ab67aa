//! The secrets of one number's channel, sealed as one.

use lockstep_core::env::Env;
use lockstep_core::ids::ChannelId;
use lockstep_store::StoredChannel;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::vault::{Place, Vault, VaultError};

/// What Meta's app and the operator agreed on.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The token that calls bear.
    pub access_token: SecretString,
    /// What Meta signs webhooks with.
    pub app_secret: SecretString,
    /// The word that Meta must know when it asks whether this is the address.
    pub verify_token: SecretString,
    /// The id of the WhatsApp Business Account. No secret, but known together with them.
    pub business_account: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    access_token: String,
    app_secret: String,
    verify_token: String,
    #[serde(default)]
    business_account: Option<String>,
}

fn place(id: &ChannelId) -> Place<'_> {
    Place { table: "channels", row: id.as_str(), column: "sealed" }
}

impl Secrets {
    /// Seals them for a channel.
    ///
    /// # Errors
    /// When the key ring cannot seal.
    pub fn seal(&self, vault: &Vault, id: &ChannelId, env: &Env) -> Result<Vec<u8>, VaultError> {
        let plain = Plain {
            access_token: self.access_token.expose_secret().to_owned(),
            app_secret: self.app_secret.expose_secret().to_owned(),
            verify_token: self.verify_token.expose_secret().to_owned(),
            business_account: self.business_account.clone(),
        };
        let text = serde_json::to_vec(&plain).map_err(|_| VaultError::Malformed("the secrets cannot be written"))?;
        vault.seal(place(id), &text, env)
    }

    /// Opens those of a channel.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] when the key ring does not open them.
    pub fn open(vault: &Vault, channel: &StoredChannel) -> Result<Self, VaultError> {
        let text = vault.open(place(&channel.id), &channel.sealed)?;
        let plain: Plain = serde_json::from_str(text.expose_secret()).map_err(|_| VaultError::WrongKey)?;
        Ok(Self {
            access_token: plain.access_token.into(),
            app_secret: plain.app_secret.into(),
            verify_token: plain.verify_token.into(),
            business_account: plain.business_account,
        })
    }
}
