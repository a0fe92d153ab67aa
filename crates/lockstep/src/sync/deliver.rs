//! Sends events to one subscriber, each signed anew for each attempt (reference sections "Headers" and "Delivery contract").
//! Every subscriber has a lane of its own, so that one that is slow or dead keeps no other waiting.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use lockstep_core::env::Time;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::SubscriptionId;
use lockstep_core::job::Job;
use lockstep_core::limits::{DELIVERIES_AT_ONCE_MAX, DELIVERY_TIMEOUT_SECS};
use lockstep_core::retry::{DeliveryVerdict, delivery_retry, delivery_verdict};
use lockstep_core::signature;
use lockstep_store::{Delivery, DeliveryWork, Outcome, Settled, StoreError, SubscriptionStatus};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use crate::app::App;
use crate::network::{Body, Limits};
use crate::ops::webhooks::open_secret;

/// The longest wait that a subscriber's `Retry-After` may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Deliveries that one job settles in one commit at most.
const BATCH: usize = 256;
/// A job starts no attempt after this long, so that a slow subscriber's job ends soon too.
const BATCH_SPAN: Duration = Duration::from_secs(1);

/// How long a subscriber rests after a whole batch that it did not take: a dead one costs the others little.
const REST: Duration = Duration::from_secs(1);

/// When deliveries are looked at again whose secrets we cannot open: an operator has to mend the key ring.
const SECRETS_WAIT: Duration = Duration::from_secs(60);

/// What came of one exchange.
struct Attempted {
    status: Option<u16>,
    error: String,
    retry_after: Option<Duration>,
}

/// Attempts the deliveries that are due, some at the same time, and commits what came of them in one transaction with the
/// job of the next batch if there will be one. Running it twice does no harm beyond a second copy.
///
/// # Errors
/// The store's; the job is then to be repeated.
pub async fn run(app: &App, subscription: &SubscriptionId) -> Result<(), StoreError> {
    let wanted = subscription.clone();
    let Some(work) = app.store.read(move |tx| tx.delivery_work(&wanted, BATCH)).await? else { return Ok(()) };
    let secrets: Result<Vec<SecretString>, _> = work.secrets.iter().map(|secret| open_secret(app, secret)).collect();
    let secrets = match secrets {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::error!(%subscription, %error, "a subscription's signing secret cannot be opened: its deliveries wait");
            let job = Job::Deliver { subscription: subscription.clone() };
            let later = app.env.now().plus(SECRETS_WAIT);
            return app.store.write(move |tx| tx.enqueue(&job, later)).await;
        }
    };
    let began = app.env.now();
    let attempts: Vec<_> =
        work.due.iter().map(|(delivery, event)| deliver(app, &work, &secrets, delivery, event, began)).collect();
    let settled: Vec<Option<Settled>> =
        stream::iter(attempts).buffer_unordered(DELIVERIES_AT_ONCE_MAX as usize).collect().await;
    let settled: Vec<Settled> = settled.into_iter().flatten().collect();
    let (to, disable_after) = (subscription.clone(), i64::from(app.settings.disable_after));
    let disabled = app.store.write(move |tx| {
        let disabled = tx.settle_deliveries(&to, &settled, disable_after)?;
        if let Some(due) = tx.next_delivery_due(&to)? {
            let none_taken = settled.len() == BATCH
                && settled.iter().all(|settled| matches!(settled.outcome, Outcome::Failed { .. }));
            let due = if none_taken { due.max(tx.now().plus(REST)) } else { due };
            tx.enqueue(&Job::Deliver { subscription: to }, due)?;
        }
        Ok::<_, StoreError>(disabled)
    });
    if disabled.await? {
        tracing::warn!(%subscription, "too many deliveries in a row were given up: the subscription is disabled");
    }
    Ok(())
}

/// Makes one attempt and says how the delivery goes on; `None` when the batch's time is up.
async fn deliver(
    app: &App,
    work: &DeliveryWork,
    secrets: &[SecretString],
    delivery: &Delivery,
    event: &Event,
    began: Time,
) -> Option<Settled> {
    let ping = event.event_type == EventType::WebhookPing;
    let refused = if work.status != SubscriptionStatus::Active && !ping {
        Some("the subscription is not active")
    } else if event.data.get("erased").is_some() {
        Some("the contact was deleted")
    } else {
        None
    };
    if let Some(error) = refused {
        let outcome = Outcome::Dropped { error: error.to_owned() };
        return Some(Settled { id: delivery.id.clone(), response_status: None, outcome });
    }
    if app.env.now().since(began) > BATCH_SPAN {
        return None;
    }
    let (response_status, outcome) = match attempt(app, &work.url, secrets, delivery, event).await {
        Ok(attempted) => (attempted.status, judged(app, attempted, delivery, ping)),
        Err(error) => (None, Outcome::Dead { error, counts: !ping }),
    };
    if let Outcome::Failed { error, .. } | Outcome::Dead { error, .. } = &outcome {
        let attempt = delivery.attempt + 1;
        tracing::info!(subscription = %delivery.subscription, delivery = %delivery.id, attempt, error, "a delivery attempt failed");
    }
    Some(Settled { id: delivery.id.clone(), response_status: response_status.map(i64::from), outcome })
}

/// A ping is tried once, and counts for nothing: somebody looks at what comes of it.
fn judged(app: &App, attempted: Attempted, delivery: &Delivery, ping: bool) -> Outcome {
    let made = u32::try_from(delivery.attempt).unwrap_or(u32::MAX).saturating_add(1);
    let next = delivery_retry(made.saturating_add(1), &app.env).filter(|_| !ping);
    match (delivery_verdict(attempted.status), next) {
        (DeliveryVerdict::Delivered, _) => Outcome::Delivered,
        (DeliveryVerdict::Retry, Some(wait)) => {
            let wait = wait.max(attempted.retry_after.unwrap_or_default());
            Outcome::Failed { error: attempted.error, next_attempt_at: app.env.now().plus(wait) }
        }
        (DeliveryVerdict::Retry | DeliveryVerdict::Dead, _) => Outcome::Dead { error: attempted.error, counts: !ping },
    }
}

/// `Err` says why the delivery can never be made.
async fn attempt(
    app: &App,
    url: &str,
    secrets: &[SecretString],
    delivery: &Delivery,
    event: &Event,
) -> Result<Attempted, String> {
    let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    let request = request(url, delivery, event, &secrets, app.env.now())?;
    let limits = Limits { timeout: Duration::from_secs(DELIVERY_TIMEOUT_SECS), body: Body::Unread };
    Ok(match app.network.exchange(request, limits).await {
        Ok(answer) => Attempted {
            status: Some(answer.status().as_u16()),
            error: format!("answered {}", answer.status().as_u16()),
            retry_after: retry_after(answer.headers(), app.env.now())
                .filter(|_| answer.status() == http::StatusCode::TOO_MANY_REQUESTS),
        },
        Err(error) => Attempted { status: None, error: error.to_string(), retry_after: None },
    })
}

fn request(
    url: &str,
    delivery: &Delivery,
    event: &Event,
    secrets: &[&str],
    now: Time,
) -> Result<http::Request<Bytes>, String> {
    let metas = event.event_type.is_metas();
    let body = if metas { serde_json::to_vec(&event.data) } else { serde_json::to_vec(event) };
    let body = body.map_err(|error| error.to_string())?;
    let event_id = if metas { metas_id(&event.data) } else { None };
    let mut request = http::Request::post(url);
    if let Some(sequence) = event.sequence {
        request = request.header("X-Kirim-Sequence", sequence);
    }
    request
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "Kirim-Webhook/1.0")
        .header("X-Kirim-Source", if metas { "meta" } else { "kirim" })
        .header("X-Kirim-Event", event.event_type.as_str())
        .header("X-Kirim-Event-Id", event_id.as_deref().unwrap_or(event.id.as_str()))
        .header("X-Kirim-Delivery-Id", delivery.id.as_str())
        .header("X-Kirim-Attempt", delivery.attempt + 1)
        .header(signature::HEADER, signature::sign(&body, secrets, now))
        .body(Bytes::from(body))
        .map_err(|error| error.to_string())
}

/// What receivers drop repeats of Meta's bodies by: the message's id, and for its statuses, which all have that id, the
/// status too.
fn metas_id(body: &Json) -> Option<String> {
    let value = body.pointer("/entry/0/changes/0/value")?;
    let text = |place: &str| value.pointer(place).and_then(Json::as_str);
    match (text("/messages/0/id"), text("/statuses/0/id"), text("/statuses/0/status")) {
        (Some(message), _, _) => Some(message.to_owned()),
        (None, Some(message), Some(status)) => Some(format!("{message}:{status}")),
        _ => None,
    }
}

/// Seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &http::HeaderMap, now: Time) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?;
            Time(date.timestamp().as_microsecond()).since(now)
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}
