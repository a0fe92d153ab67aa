//! The secrets of an account's channel, sealed for the row that they stand in.

use lockstep_core::env::Env;
use lockstep_core::ids::ChannelId;
use lockstep_store::StoredChannel;
use secrecy::{ExposeSecret, SecretString};

use crate::vault::{Place, Vault, VaultError};

fn place(id: &ChannelId) -> Place<'_> {
    Place { table: "channels", row: id.as_str(), column: "sealed" }
}

/// Seals what a channel made for the row with this id.
///
/// # Errors
/// When the key ring cannot seal.
pub fn seal(secrets: &SecretString, vault: &Vault, id: &ChannelId, env: &Env) -> Result<Vec<u8>, VaultError> {
    vault.seal(place(id), secrets.expose_secret().as_bytes(), env)
}

/// Opens the secrets of a channel.
///
/// # Errors
/// [`VaultError::WrongKey`] when the key ring does not open them.
pub fn open(vault: &Vault, channel: &StoredChannel) -> Result<SecretString, VaultError> {
    vault.open(place(&channel.id), &channel.sealed)
}
