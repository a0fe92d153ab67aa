//! Calls an app about its users' CRMs: signed, at least once, with what the CRM holds at that moment (xkit reference,
//! section 9), in the form of Standard Webhooks.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::ids::{CrmSubscriptionId, OrgId};
use lockstep_core::job::Job;
use lockstep_core::limits::{CRM_DELIVERY_RETRIES_MAX, DELIVERIES_AT_ONCE_MAX, DELIVERY_TIMEOUT_SECS};
use lockstep_core::retry::crm_delivery_retry;
use lockstep_core::signature::sign_standard;
use lockstep_store::{CrmDelivery, Org, StoreError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::network::{Body, Limits};
use crate::ops::crm::app::{self, AppSettings};
use crate::ops::crm::subscriptions::{Told, Wanted};
use crate::ops::crm::{connections, records, subscriptions};
use crate::sync::Halt;

/// Calls that one job makes.
const BATCH: usize = 128;
const LIMITS: Limits = Limits { timeout: Duration::from_secs(DELIVERY_TIMEOUT_SECS), body: Body::Unread };

/// What became of one call.
enum Called {
    /// It arrived, or has lost its meaning.
    Closed,
    /// It is to be tried again.
    Failed(String),
}

/// Carries out [`Job::TellApp`]: what is due, and then waits for what is due next.
///
/// # Errors
/// The store's; the job is then to be repeated.
pub async fn run(app: &App, org: &OrgId) -> Result<(), Halt> {
    let id = org.clone();
    let Some(org) = app.store.read(move |tx| tx.org(&id)).await? else { return Ok(()) };
    let of = org.clone();
    let (due, settings) = app
        .store
        .read(move |tx| Ok::<_, StoreError>((tx.due_crm_deliveries(&of, BATCH)?, tx.app::<AppSettings>(&of)?)))
        .await?;
    let Some(settings) = settings else { return Ok(()) };
    let secret = app::open_secret(app, &org, &settings.secret).map_err(|problem| Halt::Store(bug(&problem)))?;
    let calls = due.into_iter().map(|delivery| {
        let (settings, secret, org) = (&settings.settings, &secret, &org);
        async move { (call(app, org, settings, secret, &delivery).await, delivery) }
    });
    let called: Vec<(Called, CrmDelivery)> =
        stream::iter(calls).buffer_unordered(DELIVERIES_AT_ONCE_MAX as usize).collect().await;
    Ok(app.store.write(move |tx| settle(tx, &org, &called)).await?)
}

fn settle(tx: &mut lockstep_store::Tx<'_>, org: &Org, called: &[(Called, CrmDelivery)]) -> Result<(), StoreError> {
    let (now, env) = (tx.now(), tx.env());
    for (outcome, delivery) in called {
        match outcome {
            Called::Closed => tx.close_crm_delivery(org, delivery)?,
            Called::Failed(error) => {
                let failed = u32::try_from(delivery.attempt).unwrap_or(u32::MAX).saturating_add(1);
                let again = u64::from(failed) <= CRM_DELIVERY_RETRIES_MAX;
                let due = again.then(|| now.plus(crm_delivery_retry(failed, env)));
                if due.is_none() {
                    tracing::warn!(delivery = %delivery.id, error, "an app was not reached in all attempts: what it missed is not told again");
                }
                tx.fail_crm_delivery(org, &delivery.id, error, due)?;
            }
        }
    }
    match tx.next_crm_delivery(org)? {
        Some(due) => tx.enqueue(&Job::TellApp { org: org.id().clone() }, due.max(now)),
        None => Ok(()),
    }
}

async fn call(app: &App, org: &Org, settings: &AppSettings, secret: &SecretString, delivery: &CrmDelivery) -> Called {
    let Ok(told) = serde_json::from_value::<Told>(delivery.content.clone()) else { return Called::Closed };
    let (url, body) = match told {
        Told::Connection { url, event_type, connector, context, connection } => {
            let body = json!({ "event_type": event_type, "payload": {
                "connector": { "slug": connector },
                "context": { "external_id": context },
                "connection": { "external_id": connection },
            } });
            (Some(url), Ok(Some(body)))
        }
        Told::Record { connection, subscription, record } => {
            let body = of_record(app, org, &connection, &subscription, &record).await;
            (settings.data_webhook_url.clone(), body)
        }
    };
    match (url, body) {
        (Some(url), Ok(Some(body))) => {
            let strict = settings.strict_204 && Some(&url) == settings.data_webhook_url.as_ref();
            send(app, &url, secret, delivery, &body, strict).await
        }
        (_, Err(problem)) => Called::Failed(problem.to_string()),
        (None, _) | (_, Ok(None)) => Called::Closed,
    }
}

/// What the record holds now; `None` when nobody wants to know any more.
async fn of_record(
    app: &App,
    org: &Org,
    connection: &str,
    subscription: &CrmSubscriptionId,
    record: &str,
) -> Result<Option<Json>, CrmProblem> {
    let gone = |problem: &CrmProblem| {
        matches!(problem.code, CrmCode::NotFound | CrmCode::ConnectionNotFound | CrmCode::ConnectionDisabled)
    };
    let seen = match connections::of_org(app, org, connection).await {
        Err(problem) if gone(&problem) => return Ok(None),
        seen => seen?,
    };
    let kept = match subscriptions::get(app, org, connection, subscription.as_str()).await {
        Err(problem) if gone(&problem) => return Ok(None),
        kept => kept?,
    };
    let Ok(wanted) = serde_json::from_value::<Wanted>(kept.content) else { return Ok(None) };
    let mapped = records::mapped(app, org, connection, wanted.object()).await?;
    let id = mapped.record(record)?;
    let (event_type, told) = match mapped.held(app, &id).await? {
        Some(record) => ("record.changed", json!(record)),
        None => ("record.deleted", json!({ "type": wanted.object(), "id": record, "data": {} })),
    };
    Ok(Some(json!({ "event_type": event_type, "payload": {
        "connection": { "external_id": connection },
        "context": { "external_id": seen.context },
        "subscription": { "id": subscription },
        "record": told,
    } })))
}

async fn send(
    app: &App,
    url: &str,
    secret: &SecretString,
    delivery: &CrmDelivery,
    body: &Json,
    strict: bool,
) -> Called {
    let (id, body, at) = (call_id(delivery), body.to_string(), app.env.now());
    let request = http::Request::post(url)
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("user-agent", concat!("Lockstep/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &id)
        .header("webhook-timestamp", at.as_secs())
        .header("webhook-signature", sign_standard(&id, &body, secret.expose_secret(), at))
        .body(Bytes::from(body));
    let Ok(request) = request else { return Called::Failed("the address cannot be called".to_owned()) };
    match app.network.exchange(request, LIMITS).await {
        Ok(answer) if strict && answer.status() != 204 => {
            Called::Failed(format!("status {} where 204 is wanted", answer.status().as_u16()))
        }
        Ok(answer) if answer.status().is_success() => Called::Closed,
        Ok(answer) => Called::Failed(format!("status {}", answer.status().as_u16())),
        Err(error) => Called::Failed(error.to_string()),
    }
}

/// What a receiver knows a repeat by: another change is another call, or it would be taken for a repeat and passed over.
fn call_id(delivery: &CrmDelivery) -> String {
    match delivery.version {
        0 => delivery.id.to_string(),
        version => format!("{}_{version}", delivery.id),
    }
}

fn bug(problem: &CrmProblem) -> StoreError {
    StoreError::Bug { detail: problem.to_string() }
}
