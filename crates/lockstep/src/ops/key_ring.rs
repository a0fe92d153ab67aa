//! Whether the key ring is the one that this database was made with.

use lockstep_store::{ChannelOf, ConnectionOf, SealedGrant, StoreError, Subscription};

use super::webhooks::open_secret;
use crate::app::App;
use crate::channel;
use crate::reach;
use crate::vault::VaultError;

/// Subscriptions of an organization that are tried.
const SUBSCRIPTIONS_MAX: usize = 100;

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
    subscriptions: Vec<Subscription>,
    channels: Vec<ChannelOf>,
}

/// Opens what the database holds sealed. A server that cannot would fail later, at each call and each delivery.
///
/// # Errors
/// See [`KeyRingError`].
pub async fn check(app: &App) -> Result<(), KeyRingError> {
    let Sealed { grants, subscriptions, channels } = app
        .store
        .read(|tx| {
            let mut sealed = Sealed::default();
            for (org, _) in tx.orgs()? {
                for connection in tx.connections(&org)? {
                    let grant = tx.grant(&connection)?;
                    sealed.grants.push((connection, grant));
                }
                sealed.subscriptions.extend(tx.subscriptions(&org, None, SUBSCRIPTIONS_MAX)?);
                sealed.channels.extend(tx.channels(&org)?);
            }
            Ok::<_, StoreError>(sealed)
        })
        .await?;
    for (connection, grant) in &grants {
        reach::opens(&app.vault, connection.id(), &grant.sealed)?;
    }
    for secret in subscriptions.iter().flat_map(|subscription| &subscription.secrets) {
        open_secret(app, secret)?;
    }
    for of in &channels {
        channel::open(&app.vault, of.channel())?;
    }
    Ok(())
}
