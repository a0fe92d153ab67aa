//! Sends one event to one subscriber, signed anew for each attempt (reference sections "Headers" and "Delivery contract").

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use lockstep_core::env::Time;
use lockstep_core::ids::DeliveryId;
use lockstep_core::job::Job;
use lockstep_core::limits::DELIVERY_TIMEOUT_SECS;
use lockstep_core::retry::{DeliveryVerdict, delivery_retry, delivery_verdict};
use lockstep_core::signature;
use lockstep_store::{DeliveryStatus, DeliveryWork, StoreError, SubscriptionStatus};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;

use crate::app::App;
use crate::network::{Body, Limits};
use crate::ops::webhooks::open_secret;

/// The longest wait that a subscriber's `Retry-After` may ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What came of one attempt.
struct Attempted {
    status: Option<u16>,
    error: String,
    retry_after: Option<Duration>,
}

/// Makes one attempt of a delivery and commits what came of it, with the job of the next attempt if there will be one.
/// A delivery that is settled or not due yet is left alone, so running the job twice does no harm beyond a second copy.
///
/// # Errors
/// The store's; the job is then to be repeated.
pub async fn run(app: &App, delivery: &DeliveryId) -> Result<(), StoreError> {
    let wanted = delivery.clone();
    let Some(work) = app.store.read(move |tx| tx.delivery_work(&wanted)).await? else { return Ok(()) };
    match work.delivery.status {
        DeliveryStatus::Delivered | DeliveryStatus::Dead => return Ok(()),
        DeliveryStatus::Pending | DeliveryStatus::Failed => {}
    }
    if let Some(due) = work.delivery.next_attempt_at.filter(|due| *due > app.env.now()) {
        let job = Job::Deliver { delivery: delivery.clone() };
        return app.store.write(move |tx| tx.enqueue(&job, due)).await.map(|_| ());
    }
    let attempted = if work.subscription_status != SubscriptionStatus::Active {
        Err("the subscription is not active".to_owned())
    } else if work.event.data.get("erased").is_some() {
        Err("the contact was deleted".to_owned())
    } else {
        attempt(app, &work).await
    };
    settle(app, work, attempted).await
}

/// `Err` says why the delivery can never be made.
async fn attempt(app: &App, work: &DeliveryWork) -> Result<Attempted, String> {
    let opened: Result<Vec<SecretString>, _> = work.secrets.iter().map(|secret| open_secret(app, secret)).collect();
    let opened = opened.map_err(|error| error.to_string())?;
    let secrets: Vec<&str> = opened.iter().map(|secret| secret.expose_secret()).collect();
    let request = request(work, &secrets, app.env.now())?;
    let limits = Limits { timeout: Duration::from_secs(DELIVERY_TIMEOUT_SECS), body: Body::Unread };
    Ok(match app.network.exchange(request, limits).await {
        Ok(answer) => Attempted {
            status: Some(answer.status().as_u16()),
            error: format!("answered {}", answer.status().as_u16()),
            retry_after: retry_after(answer.headers())
                .filter(|_| answer.status() == http::StatusCode::TOO_MANY_REQUESTS),
        },
        Err(error) => Attempted { status: None, error: error.to_string(), retry_after: None },
    })
}

fn request(work: &DeliveryWork, secrets: &[&str], now: Time) -> Result<http::Request<Bytes>, String> {
    let event = &work.event;
    let metas = event.event_type.is_metas();
    let body = if metas { serde_json::to_vec(&event.data) } else { serde_json::to_vec(event) };
    let body = body.map_err(|error| error.to_string())?;
    let event_id = if metas { metas_id(&event.data) } else { None };
    http::Request::post(&work.url)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, "Kirim-Webhook/1.0")
        .header("X-Kirim-Source", if metas { "meta" } else { "kirim" })
        .header("X-Kirim-Event", event.event_type.as_str())
        .header("X-Kirim-Event-Id", event_id.as_deref().unwrap_or(event.id.as_str()))
        .header("X-Kirim-Delivery-Id", work.delivery.id.as_str())
        .header("X-Kirim-Attempt", work.delivery.attempt + 1)
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

fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let secs: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX))
}

async fn settle(app: &App, work: DeliveryWork, attempted: Result<Attempted, String>) -> Result<(), StoreError> {
    let id = work.delivery.id;
    let disable_after = i64::from(app.settings.disable_after);
    let made = u32::try_from(work.delivery.attempt).unwrap_or(u32::MAX).saturating_add(1);
    let (status, error, verdict, retry_after) = match attempted {
        Ok(attempted) => (attempted.status, attempted.error, delivery_verdict(attempted.status), attempted.retry_after),
        Err(error) => (None, error, DeliveryVerdict::Dead, None),
    };
    let next = delivery_retry(made.saturating_add(1), &app.env).filter(|_| verdict == DeliveryVerdict::Retry);
    let status = status.map(i64::from);
    let disabled = app.store.write({
        let (id, error) = (id.clone(), error.clone());
        move |tx| match (verdict, next) {
            (DeliveryVerdict::Delivered, _) => tx.delivery_done(&id, status.unwrap_or_default()).map(|()| false),
            (DeliveryVerdict::Retry, Some(wait)) => {
                let due = tx.now().plus(wait.max(retry_after.unwrap_or_default()));
                tx.delivery_failed(&id, status, &error, due)?;
                tx.enqueue(&Job::Deliver { delivery: id }, due)?;
                Ok(false)
            }
            (DeliveryVerdict::Retry | DeliveryVerdict::Dead, _) => tx.delivery_dead(&id, status, &error, disable_after),
        }
    });
    let subscription = &work.delivery.subscription;
    if disabled.await? {
        tracing::warn!(%subscription, delivery = %id, error, "too many deliveries in a row were given up: the subscription is disabled");
    } else if verdict != DeliveryVerdict::Delivered {
        tracing::info!(%subscription, delivery = %id, attempt = made, error, "a delivery attempt failed");
    }
    Ok(())
}
