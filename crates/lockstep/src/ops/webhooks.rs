//! Webhook subscriptions, their signing secrets, and deliveries sent again (reference sections "Subscriptions" and "Replay").

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{DeliveryId, EventId, SecretId, SubscriptionId};
use lockstep_core::limits::{BULK_REPLAY_MAX, SECRETS_MAX, SUBSCRIPTIONS_MAX};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{
    Delivery, DeliveryFilter, NewSubscription, Org, SealedSecret, StoreError, Subscription, SubscriptionHealth,
    SubscriptionPatch, SubscriptionStatus, Tx,
};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

use crate::app::App;
use crate::ops::Author;
use crate::ops::audit::{self, Action};
use crate::vault::{Place, VaultError};

/// Random bytes of a signing secret.
const SECRET_BYTES: usize = 24;

/// A secret right after it was made.
#[derive(Debug)]
pub struct MintedSecret {
    /// Its record.
    pub id: SecretId,
    /// The secret itself. Nobody can show it again.
    pub plaintext: SecretString,
    sealed: Vec<u8>,
}

/// What is given to subscribe, checked already.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Where deliveries go.
    pub url: String,
    /// What a person calls it.
    pub description: Option<String>,
    /// What it wants.
    pub events: Vec<EventType>,
}

/// Makes a subscription with its first secret.
///
/// # Errors
/// Too many subscriptions, or the store's.
pub fn subscribe(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Author,
    new: Subscribe,
) -> Result<(Subscription, SecretString), Problem> {
    if all(tx, &by.org)?.len() as u64 >= SUBSCRIPTIONS_MAX {
        let message =
            format!("An organization has at most {SUBSCRIPTIONS_MAX} webhook subscriptions. Delete one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let MintedSecret { id, plaintext, sealed } = mint(app)?;
    let Subscribe { url, description, events } = new;
    let subscription =
        tx.add_subscription(&by.org, &NewSubscription { url, description, events, secret: id, sealed })?;
    note(tx, by, Action::SubscriptionMade, &subscription)?;
    Ok((subscription, plaintext))
}

/// The organization's subscriptions, oldest first.
///
/// # Errors
/// The store's.
pub fn all(tx: &mut Tx<'_>, org: &Org) -> Result<Vec<Subscription>, Problem> {
    Ok(tx.subscriptions(org, None, usize::try_from(SUBSCRIPTIONS_MAX).unwrap_or(usize::MAX))?)
}

/// Finds a subscription.
///
/// # Errors
/// No such subscription.
pub fn find(tx: &mut Tx<'_>, org: &Org, id: &SubscriptionId) -> Result<Subscription, Problem> {
    tx.subscription(org, id)?.ok_or_else(missing)
}

/// Of the address only the host is noted: path and query may hold the receiver's own secrets.
fn note(tx: &mut Tx<'_>, by: &Author, action: Action, subscription: &Subscription) -> Result<(), StoreError> {
    let url = Url::parse(&subscription.url).ok();
    let host = url.as_ref().and_then(Url::host_str);
    let detail = json!({ "subscription": subscription.id, "host": host, "status": subscription.status });
    audit::note(tx, by, action, &detail)
}

fn missing() -> Problem {
    Problem::not_found("webhook subscription")
}

/// Changes a subscription. Setting it active revives one that was disabled, with its failures forgotten.
///
/// # Errors
/// No such subscription, or the store's.
pub fn patch(
    tx: &mut Tx<'_>,
    by: &Author,
    id: &SubscriptionId,
    patch: &SubscriptionPatch,
) -> Result<Subscription, Problem> {
    let changed = tx.patch_subscription(&by.org, id, patch)?.ok_or_else(missing)?;
    note(tx, by, Action::SubscriptionChanged, &changed)?;
    Ok(changed)
}

/// Deletes a subscription with its deliveries.
///
/// # Errors
/// No such subscription, or the store's.
pub fn delete(tx: &mut Tx<'_>, by: &Author, id: &SubscriptionId) -> Result<(), Problem> {
    if !tx.delete_subscription(&by.org, id)? {
        return Err(missing());
    }
    Ok(audit::note(tx, by, Action::SubscriptionDeleted, &json!({ "subscription": id }))?)
}

/// Adds a secret. Those before it go on signing for `overlap`, so that a receiver can change over without a gap.
///
/// # Errors
/// No such subscription, too many active secrets, or the store's.
pub fn rotate(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Author,
    id: &SubscriptionId,
    overlap: Duration,
) -> Result<MintedSecret, Problem> {
    let subscription = find(tx, &by.org, id)?;
    let now = tx.now();
    if subscription.secrets.iter().filter(|secret| secret.expires_at.is_none_or(|end| end > now)).count() as u64
        >= SECRETS_MAX
    {
        let message = format!("A subscription has at most {SECRETS_MAX} active secrets. Delete one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let secret = mint(app)?;
    tx.add_secret(&by.org, id, &secret.id, &secret.sealed, now.plus(overlap))?;
    audit::note(tx, by, Action::SecretRotated, &json!({ "subscription": id, "secret": secret.id }))?;
    Ok(secret)
}

/// Ends a secret at once. The one that signs without an end stays, so that deliveries are always signed.
///
/// # Errors
/// No such secret, or it is the last one.
pub fn drop_secret(tx: &mut Tx<'_>, by: &Author, id: &SubscriptionId, secret: &SecretId) -> Result<(), Problem> {
    if !find(tx, &by.org, id)?.secrets.iter().any(|held| held.id == *secret) {
        return Err(Problem::not_found("secret"));
    }
    if !tx.delete_secret(&by.org, id, secret)? {
        let message = "This is the subscription's newest secret. Make another one first.";
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    Ok(audit::note(tx, by, Action::SecretDeleted, &json!({ "subscription": id, "secret": secret }))?)
}

/// Sends an event again, as a new delivery; the old one stays.
///
/// # Errors
/// No such delivery.
pub fn replay(tx: &mut Tx<'_>, org: &Org, id: &DeliveryId) -> Result<Delivery, Problem> {
    tx.replay(org, id)?.ok_or_else(|| Problem::not_found("webhook delivery"))
}

/// Which deliveries of a subscription are sent again.
#[derive(Clone, Debug)]
pub struct BulkReplay {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// What narrows its deliveries further.
    pub filter: DeliveryFilter,
}

/// Sends up to 1,000 deliveries again, oldest first, each once: those that a replay repeats already are passed over.
/// Answers how many, and whether more remain.
///
/// # Errors
/// No such subscription, or it is not active: what is sent again would only be dead again.
pub fn replay_many(tx: &mut Tx<'_>, org: &Org, wanted: &BulkReplay) -> Result<(usize, bool), Problem> {
    let subscription = find(tx, org, &wanted.subscription)?;
    if subscription.status != SubscriptionStatus::Active {
        let message = "The subscription is not active. PATCH its status to active first.";
        return Err(Problem::of(Code::InvalidFieldValue, "subscription_id", message));
    }
    let limit = usize::try_from(BULK_REPLAY_MAX).unwrap_or(usize::MAX);
    Ok(tx.replay_many(org, &subscription.id, &wanted.filter, limit)?)
}

/// Sends a test event to a subscription, active or not; it is tried once and counts for nothing.
///
/// # Errors
/// No such subscription.
pub fn ping(tx: &mut Tx<'_>, by: &Author, id: &SubscriptionId) -> Result<Delivery, Problem> {
    find(tx, &by.org, id)?;
    let event = Event {
        id: EventId::new(tx.env()),
        event_type: EventType::WebhookPing,
        created_at: tx.now(),
        livemode: by.livemode,
        sequence: None,
        data: json!({ "subscription": { "id": id, "object": "webhook_subscription" } }),
    };
    let delivery = tx.publish_to(&by.org, id, &event)?;
    tx.delivery(&by.org, &delivery)?.ok_or_else(|| Problem::not_found("webhook delivery"))
}

/// How a subscription fares, with counts of the last `hours`.
///
/// # Errors
/// No such subscription.
pub fn health(
    tx: &mut Tx<'_>,
    org: &Org,
    id: &SubscriptionId,
    hours: u64,
) -> Result<(Subscription, SubscriptionHealth), Problem> {
    let subscription = find(tx, org, id)?;
    let since = tx.now().minus(Duration::from_secs(hours * 60 * 60));
    let health = tx.subscription_health(id, since)?;
    Ok((subscription, health))
}

fn mint(app: &App) -> Result<MintedSecret, Problem> {
    let id = SecretId::new(&app.env);
    let plaintext = format!("whsec_{}", URL_SAFE_NO_PAD.encode(app.env.random_bytes::<SECRET_BYTES>()));
    let sealed = app.vault.seal(place(&id), plaintext.as_bytes(), &app.env).map_err(|error| {
        tracing::error!(%error, "a signing secret cannot be sealed");
        Problem::new(Code::InternalError, "The key ring cannot seal the secret.")
    })?;
    Ok(MintedSecret { id, plaintext: plaintext.into(), sealed })
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
