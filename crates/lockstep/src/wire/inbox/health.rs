//! Whether a webhook subscription works: its counts, and a test event.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::SubscriptionId;
use lockstep_core::limits::{HEALTH_HOURS_DEFAULT, HEALTH_HOURS_MAX};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Subscription, SubscriptionHealth, SubscriptionStatus, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::webhooks;
use crate::wire::inbox::deliveries::{DeliveryObject, NoMembers};
use crate::wire::inbox::envelope::{Answer, One, Refusal};
use crate::wire::inbox::extract::{Filters, Post, Segments};
use crate::wire::inbox::once;
use crate::wire::inbox::webhooks::SubscriptionPath;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(health)).routes(routes!(ping))
}

/// How a subscription fares.
#[derive(Debug, Serialize, ToSchema)]
struct HealthObject {
    /// Always `webhook_subscription_health`.
    #[schema(value_type = String)]
    object: &'static str,
    /// `wbs_…`
    #[schema(value_type = String)]
    subscription_id: SubscriptionId,
    /// `active`, `paused` or `disabled`.
    #[schema(value_type = String)]
    status: SubscriptionStatus,
    /// How many hours the counts go back.
    hours: u64,
    /// Deliveries of those hours by how they stand.
    counts: HealthCounts,
    /// The share of the settled deliveries that arrived, 0 to 1; null where none is settled.
    #[schema(required)]
    success_rate: Option<f64>,
    /// Deliveries given up in a row.
    consecutive_failures: i64,
    /// When the oldest delivery was made that waits for an attempt.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    oldest_waiting_at: Option<Time>,
    /// When a delivery last arrived.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_delivered_at: Option<Time>,
    /// When an attempt last failed.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_failed_at: Option<Time>,
    /// Why it did.
    #[schema(required)]
    last_error: Option<String>,
}

/// Deliveries by how they stand.
#[derive(Debug, Serialize, ToSchema)]
struct HealthCounts {
    /// Not tried yet.
    pending: i64,
    /// Failed, to be tried again.
    failed: i64,
    /// Arrived.
    delivered: i64,
    /// Given up.
    dead: i64,
}

impl HealthObject {
    fn new(subscription: Subscription, health: SubscriptionHealth, hours: u64) -> Self {
        let SubscriptionHealth { pending, failed, delivered, dead, .. } = health;
        let settled = delivered + dead;
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let success_rate = (settled > 0).then(|| delivered as f64 / settled as f64);
        Self {
            object: "webhook_subscription_health",
            subscription_id: subscription.id,
            status: subscription.status,
            hours,
            counts: HealthCounts { pending, failed, delivered, dead },
            success_rate,
            consecutive_failures: subscription.consecutive_failures,
            oldest_waiting_at: health.oldest_waiting,
            last_delivered_at: health.last_delivered_at,
            last_failed_at: health.last_failed_at,
            last_error: health.last_error,
        }
    }
}

/// How far to count.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct HealthFilters {
    /// Hours that the counts go back, 1 to 720; 24 when absent.
    #[param(pattern = r"^([1-9]\d?|[1-6]\d\d|7[01]\d|720)$")]
    hours: Option<String>,
}

impl HealthFilters {
    fn hours(&self) -> Result<u64, Problem> {
        let Some(text) = &self.hours else { return Ok(HEALTH_HOURS_DEFAULT) };
        let hours = text.parse().ok().filter(|hours| (1..=HEALTH_HOURS_MAX).contains(hours));
        let bad = || Problem::of(Code::InvalidFieldValue, "hours", format!("hours takes 1 to {HEALTH_HOURS_MAX}."));
        hours.filter(|_| text.bytes().all(|byte| byte.is_ascii_digit())).ok_or_else(bad)
    }
}

/// Tells how a subscription fares: what arrives, what waits, and what went wrong last.
#[utoipa::path(get, path = "/webhook_subscriptions/{id}/health", tag = "webhooks", operation_id = "get_webhook_subscription_health",
    params(("id" = String, Path, description = "`wbs_…`"), HealthFilters), responses((status = 200, body = One<HealthObject>)))]
async fn health(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
    Filters(filters): Filters<HealthFilters>,
) -> Result<Answer, Refusal> {
    let (org, id, hours) = (caller.org.clone(), path.id()?, filters.hours()?);
    let (subscription, health) = app.store.read(move |tx| webhooks::health(tx, &org, &id, hours)).await?;
    Ok(Answer::ok(&caller.request, HealthObject::new(subscription, health, hours))?)
}

/// Sends a `webhook.ping` to a subscription, paused and disabled ones too. It is tried once and counts for nothing; its
/// delivery tells what came of it.
#[utoipa::path(post, path = "/webhook_subscriptions/{id}/ping", tag = "webhooks", operation_id = "ping_webhook_subscription",
    params(("id" = String, Path, description = "`wbs_…`")), responses((status = 202, body = One<DeliveryObject>)))]
async fn ping(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<SubscriptionPath>,
    Post { body, once }: Post<NoMembers>,
) -> Result<Answer, Refusal> {
    let id = path.id()?;
    let (by, request) = (caller.author(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        body?;
        let delivery = webhooks::ping(tx, &by, &id)?;
        Answer::new(202, &request, &One { data: DeliveryObject::from(delivery), request_id: request.clone() })
    };
    once::answer(&app, &caller, once, effect).await
}
