//! The secrets of one number.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::channel::{ChannelFault, Outcome};

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

impl Secrets {
    /// As they are kept.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self) -> Result<SecretString, ChannelFault> {
        let plain = Plain {
            access_token: self.access_token.expose_secret().to_owned(),
            app_secret: self.app_secret.expose_secret().to_owned(),
            verify_token: self.verify_token.expose_secret().to_owned(),
            business_account: self.business_account.clone(),
        };
        serde_json::to_string(&plain).map(SecretString::from).map_err(|_| unreadable())
    }

    /// From how they are kept.
    ///
    /// # Errors
    /// They are not of this form.
    pub fn read(kept: &SecretString) -> Result<Self, ChannelFault> {
        let plain: Plain = serde_json::from_str(kept.expose_secret()).map_err(|_| unreadable())?;
        Ok(Self {
            access_token: plain.access_token.into(),
            app_secret: plain.app_secret.into(),
            verify_token: plain.verify_token.into(),
            business_account: plain.business_account,
        })
    }
}

/// The parser's own words may hold a part of a secret.
fn unreadable() -> ChannelFault {
    let outcome = Outcome::NotTaken { retry_after: None };
    ChannelFault::new(outcome, "secrets", "The account's secrets are not in their form. Connect it again.")
}
