//! Whether the key ring is the one that this database was made with.

use lockstep_store::{ConnectionOf, SealedGrant, StoreError, Subscription};

use super::webhooks::open_secret;
use crate::app::App;
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

/// Opens what the database holds sealed. A server that cannot would fail later, at each call and each delivery.
///
/// # Errors
/// See [`KeyRingError`].
pub async fn check(app: &App) -> Result<(), KeyRingError> {
    let (grants, subscriptions) = app
        .store
        .read(|tx| {
            let (mut grants, mut subscriptions): (Vec<(ConnectionOf, SealedGrant)>, Vec<Subscription>) =
                Default::default();
            for (org, _) in tx.orgs()? {
                for connection in tx.connections(&org)? {
                    let grant = tx.grant(&connection)?;
                    grants.push((connection, grant));
                }
                subscriptions.extend(tx.subscriptions(&org, None, SUBSCRIPTIONS_MAX)?);
            }
            Ok::<_, StoreError>((grants, subscriptions))
        })
        .await?;
    for (connection, grant) in &grants {
        reach::opens(&app.vault, connection.id(), &grant.sealed)?;
    }
    for secret in subscriptions.iter().flat_map(|subscription| &subscription.secrets) {
        open_secret(app, secret)?;
    }
    Ok(())
}
