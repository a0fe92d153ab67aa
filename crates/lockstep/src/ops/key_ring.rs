//! Whether the key ring is the one that this database was made with.

use lockstep_store::{ChannelOf, ConnectionOf, Org, SealedGrant, StoreError, Subscription};

use super::crm::{self, app::AppSettings};
use super::hook_addresses;
use super::webhooks::open_secret;
use crate::app::App;
use crate::channel;
use crate::reach;
use crate::vault::VaultError;

/// Subscriptions, and connections that its app named, of an organization that are tried.
const TRIED_MAX: usize = 100;

/// Why the key ring cannot be relied on.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// It does not open what is stored.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Default)]
struct Sealed {
    grants: Vec<(ConnectionOf, SealedGrant)>,
    hook_tokens: Vec<(ConnectionOf, Vec<u8>)>,
    subscriptions: Vec<Subscription>,
    channels: Vec<ChannelOf>,
    apps: Vec<(Org, Vec<u8>)>,
}

/// Opens what the database holds sealed. A server that cannot would fail later, at each call and each delivery.
///
/// # Errors
/// See [`KeyRingError`].
pub async fn check(app: &App) -> Result<(), KeyRingError> {
    let Sealed { grants, hook_tokens, subscriptions, channels, apps } = app
        .store
        .read(|tx| {
            let mut sealed = Sealed::default();
            for (org, _) in tx.orgs()? {
                let (named, _) = tx.named_connections(&org, None, "", TRIED_MAX)?;
                for connection in tx.connections(&org)?.into_iter().chain(named) {
                    let grant = tx.grant(&connection)?;
                    let token = tx.hook_address(&connection)?.and_then(|address| address.token_sealed);
                    sealed.hook_tokens.extend(token.map(|token| (connection.clone(), token)));
                    sealed.grants.push((connection, grant));
                }
                sealed.subscriptions.extend(tx.subscriptions(&org, None, TRIED_MAX)?);
                sealed.channels.extend(tx.channels(&org)?);
                let stored = tx.app::<AppSettings>(&org)?;
                sealed.apps.extend(stored.map(|stored| (org, stored.secret)));
            }
            Ok::<_, StoreError>(sealed)
        })
        .await?;
    for (connection, grant) in &grants {
        reach::opens(&app.vault, connection.id(), &grant.sealed)?;
    }
    for (connection, token) in &hook_tokens {
        hook_addresses::opens(&app.vault, connection.id(), token)?;
    }
    for secret in subscriptions.iter().flat_map(|subscription| &subscription.secrets) {
        open_secret(app, secret)?;
    }
    for of in &channels {
        channel::open(&app.vault, of.channel())?;
    }
    for (org, secret) in &apps {
        app.vault.open(crm::app::place(org.id().as_str()), secret)?;
    }
    Ok(())
}
