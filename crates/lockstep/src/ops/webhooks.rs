//! Webhook subscriptions, their signing secrets, and deliveries sent again (reference sections "Subscriptions" and "Replay").

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::ids::{DeliveryId, SecretId, SubscriptionId};
use lockstep_core::limits::SUBSCRIPTIONS_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Delivery, NewSubscription, Org, SealedSecret, Subscription, SubscriptionPatch, Tx};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::vault::{Place, VaultError};

/// A secret right after it was made.
#[derive(Debug)]
pub struct MintedSecret {
    /// Its record.
    pub record: SealedSecret,
    /// The secret itself. Nobody can show it again.
    pub plaintext: SecretString,
}

/// Makes a subscription with its first secret. The address must be checked already.
///
/// # Errors
/// Too many subscriptions, or the store's.
pub fn subscribe(tx: &mut Tx<'_>, app: &App, org: &Org, new: NewSubscription) -> Result<(Subscription, SecretString), Problem> {
    if tx.count_subscriptions(org)? >= SUBSCRIPTIONS_MAX {
        let message = format!("An organization has at most {SUBSCRIPTIONS_MAX} webhook subscriptions. Delete one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let secret = mint(app)?;
    let subscription = tx.add_subscription(org, new, secret.record)?;
    Ok((subscription, secret.plaintext))
}

/// Finds a subscription.
///
/// # Errors
/// No such subscription.
pub fn find(tx: &mut Tx<'_>, org: &Org, id: &SubscriptionId) -> Result<Subscription, Problem> {
    tx.subscription(org, id)?.ok_or_else(|| Problem::not_found("webhook subscription"))
}

/// Changes a subscription. Setting it active revives one that was disabled, with its failures forgotten.
///
/// # Errors
/// No such subscription, or the store's.
pub fn patch(tx: &mut Tx<'_>, org: &Org, id: &SubscriptionId, patch: SubscriptionPatch) -> Result<Subscription, Problem> {
    find(tx, org, id)?;
    Ok(tx.patch_subscription(org, id, patch)?)
}

/// Adds a secret. Those before it go on signing for `overlap`, so that a receiver can change over without a gap.
///
/// # Errors
/// No such subscription, or the store's.
pub fn rotate(tx: &mut Tx<'_>, app: &App, org: &Org, id: &SubscriptionId, overlap: Duration) -> Result<MintedSecret, Problem> {
    find(tx, org, id)?;
    let secret = mint(app)?;
    tx.add_secret(org, id, secret.record.clone(), tx.now().plus(overlap))?;
    Ok(secret)
}

/// Ends a secret at once. A subscription keeps at least one.
///
/// # Errors
/// No such secret, or it is the last one.
pub fn drop_secret(tx: &mut Tx<'_>, org: &Org, id: &SubscriptionId, secret: &SecretId) -> Result<(), Problem> {
    let subscription = find(tx, org, id)?;
    let now = tx.now();
    let others = subscription.secrets.iter().any(|other| other.id != *secret && other.expires_at.is_none_or(|end| end > now));
    if !subscription.secrets.iter().any(|held| held.id == *secret) {
        return Err(Problem::not_found("secret"));
    }
    if !others {
        return Err(Problem::new(Code::InvalidFieldValue, "This is the subscription's last secret. Make another one first."));
    }
    Ok(tx.delete_secret(org, id, secret).map(|_| ())?)
}

/// Sends an event again, as a new delivery; the old one stays.
///
/// # Errors
/// No such delivery, or its event is gone.
pub fn replay(tx: &mut Tx<'_>, org: &Org, id: &DeliveryId) -> Result<Delivery, Problem> {
    tx.replay(org, id)?.ok_or_else(|| Problem::not_found("webhook delivery"))
}

fn mint(app: &App) -> Result<MintedSecret, Problem> {
    let id = SecretId::new(&app.env);
    let plaintext = SecretString::from(format!("whsec_{}", URL_SAFE_NO_PAD.encode(app.env.random_bytes::<24>())));
    let sealed = app.vault.seal(place(&id), plaintext.expose_secret().as_bytes(), &app.env).map_err(|error| {
        tracing::error!(%error, "a signing secret cannot be sealed");
        Problem::new(Code::InternalError, "The key ring cannot seal the secret.")
    })?;
    let record = SealedSecret { id, sealed, created_at: app.env.now(), expires_at: None };
    Ok(MintedSecret { record, plaintext })
}

/// Opens a signing secret.
///
/// # Errors
/// The key ring is not the one that sealed it.
pub fn open_secret(app: &App, secret: &SealedSecret) -> Result<SecretString, VaultError> {
    app.vault.open(place(&secret.id), &secret.sealed)
}

fn place(id: &SecretId) -> Place<'_> {
    Place { table: "subscription_secrets", row: id.as_str(), column: "sealed" }
}
