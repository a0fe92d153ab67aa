//! Deliveries: what was sent to whom, and sending it again.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::event::EventType;
use lockstep_core::ids::{DeliveryId, EventId, SubscriptionId};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Delivery, DeliveryFilter, DeliveryStatus, Tx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::webhooks::{self, BulkReplay};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{given, page_size, time};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(replay)).routes(routes!(bulk_replay))
}

/// One event on its way to one subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryObject {
    /// `wbd_…`, the same for all attempts.
    #[schema(value_type = String)]
    id: DeliveryId,
    /// Always `webhook_delivery`.
    #[schema(value_type = String)]
    object: &'static str,
    /// `wbs_…`
    #[schema(value_type = String)]
    subscription_id: SubscriptionId,
    /// `evt_…`, the same in replays.
    #[schema(value_type = String)]
    event_id: EventId,
    /// What happened.
    #[schema(value_type = String)]
    event_type: EventType,
    /// `pending`, `delivered`, `failed` (more attempts will come) or `dead` (given up).
    #[schema(value_type = String)]
    status: DeliveryStatus,
    /// Attempts made.
    attempt: i64,
    /// The last answer's HTTP status.
    #[schema(required)]
    response_status: Option<i64>,
    /// What went wrong last.
    #[schema(required)]
    last_error: Option<String>,
    /// When the next attempt is due.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    next_attempt_at: Option<Time>,
    /// The delivery that this one repeats.
    #[schema(value_type = Option<String>, required)]
    replayed_from: Option<DeliveryId>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it arrived.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    delivered_at: Option<Time>,
}

impl From<Delivery> for DeliveryObject {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id,
            object: "webhook_delivery",
            subscription_id: delivery.subscription,
            event_id: delivery.event,
            event_type: delivery.event_type,
            status: delivery.status,
            attempt: delivery.attempt,
            response_status: delivery.response_status,
            last_error: delivery.last_error,
            next_attempt_at: delivery.next_attempt_at,
            replayed_from: delivery.replayed_from,
            created_at: delivery.created_at,
            delivered_at: delivery.delivered_at,
        }
    }
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveryFilters {
    /// Only to this subscription.
    subscription_id: Option<String>,
    /// Only those that stand so.
    #[param(pattern = "^(pending|delivered|failed|dead)$")]
    status: Option<String>,
    /// Only of this type.
    #[param(pattern = r"^[a-z]+\.[a-z]+$")]
    event_type: Option<String>,
    /// Only those made at or after this time (RFC 3339).
    #[param(format = DateTime)]
    created_after: Option<String>,
    /// Only those made before this time (RFC 3339).
    #[param(format = DateTime)]
    created_before: Option<String>,
    /// Items on a page, 1 to 100; 25 when absent.
    #[param(pattern = r"^([1-9]\d?|100)$")]
    limit: Option<String>,
    /// The `next_cursor` of a page with the same filters.
    cursor: Option<String>,
}

impl DeliveryFilters {
    fn checked(&self) -> Result<DeliveryFilter, Problem> {
        let bad = |param: &str, message: &str| Problem::of(Code::InvalidFieldValue, param, message);
        let subscription =
            |text: &str| SubscriptionId::parse(text).map_err(|error| bad("subscription_id", &format!("{error}.")));
        let status = |text: &str| match text {
            "pending" => Ok(DeliveryStatus::Pending),
            "delivered" => Ok(DeliveryStatus::Delivered),
            "failed" => Ok(DeliveryStatus::Failed),
            "dead" => Ok(DeliveryStatus::Dead),
            _ => Err(bad("status", "Use pending, delivered, failed or dead.")),
        };
        let event_type = |text: &str| {
            let ping = (text == EventType::WebhookPing.as_str()).then_some(EventType::WebhookPing);
            EventType::parse(text).or(ping).ok_or_else(|| bad("event_type", "No such event."))
        };
        Ok(DeliveryFilter {
            subscription: self.subscription_id.as_deref().map(subscription).transpose()?,
            status: self.status.as_deref().map(status).transpose()?,
            event_type: self.event_type.as_deref().map(event_type).transpose()?,
            created_after: self.created_after.as_deref().map(|text| time("created_after", text)).transpose()?,
            created_before: self.created_before.as_deref().map(|text| time("created_before", text)).transpose()?,
        })
    }

    /// The filters that a cursor is bound to.
    fn named(&self) -> [Option<&str>; 5] {
        [&self.subscription_id, &self.status, &self.event_type, &self.created_after, &self.created_before]
            .map(Option::as_deref)
    }
}

/// Which deliveries to send again.
#[derive(Debug, Deserialize, ToSchema)]
struct BulkReplayBody {
    /// `wbs_…`
    #[schema(required, nullable = false)]
    subscription_id: Option<String>,
    /// `dead` when absent, or `failed`: those that will be tried again anyway.
    #[schema(nullable = false, pattern = "^(failed|dead)$")]
    #[serde(default, deserialize_with = "given")]
    status: Option<String>,
    /// Only of this type.
    #[schema(nullable = false, min_length = 1, max_length = 64)]
    #[serde(default, deserialize_with = "given")]
    event_type: Option<String>,
    /// Only those made at or after this time (RFC 3339).
    #[schema(nullable = false, format = DateTime)]
    #[serde(default, deserialize_with = "given")]
    created_after: Option<String>,
    /// Only those made before this time (RFC 3339).
    #[schema(nullable = false, format = DateTime)]
    #[serde(default, deserialize_with = "given")]
    created_before: Option<String>,
}

impl BulkReplayBody {
    fn checked(self) -> Result<BulkReplay, Problem> {
        if self.subscription_id.is_none() {
            let message = "subscription_id is required.";
            return Err(Problem::of(Code::MissingRequiredField, "subscription_id", message));
        }
        let filters = DeliveryFilters {
            subscription_id: self.subscription_id,
            status: Some(self.status.unwrap_or_else(|| "dead".to_owned())),
            event_type: self.event_type,
            created_after: self.created_after,
            created_before: self.created_before,
            limit: None,
            cursor: None,
        };
        let mut filter = filters.checked()?;
        if !matches!(filter.status, Some(DeliveryStatus::Failed | DeliveryStatus::Dead)) {
            return Err(Problem::of(Code::InvalidFieldValue, "status", "Use failed or dead."));
        }
        let subscription = filter.subscription.take().ok_or_else(|| Problem::not_found("webhook subscription"))?;
        Ok(BulkReplay { subscription, filter })
    }
}

/// What a bulk replay did.
#[derive(Debug, Serialize, ToSchema)]
struct BulkReplayed {
    /// How many deliveries were made.
    enqueued: usize,
    /// Whether more remain: the same request again goes on with them.
    capped: bool,
}

#[derive(Debug, Deserialize)]
struct DeliveryPath {
    id: String,
}

impl DeliveryPath {
    fn id(&self) -> Result<DeliveryId, Problem> {
        DeliveryId::parse(&self.id).map_err(|_| missing())
    }
}

fn missing() -> Problem {
    Problem::not_found("webhook delivery")
}

/// A replay takes no members.
#[derive(Debug, Deserialize)]
pub(super) struct NoMembers {}

/// Lists deliveries, newest first. They are kept for 30 days.
#[utoipa::path(get, path = "/webhook_deliveries", tag = "webhooks", operation_id = "list_webhook_deliveries",
    params(DeliveryFilters), responses((status = 200, body = List<DeliveryObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<DeliveryFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let filter = filters.checked()?;
    let listing = Listing::new(&app, &caller.org, "webhook_deliveries", &filters.named());
    let after = listing.position::<DeliveryId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let read = app.store.read(move |tx| Ok::<_, Problem>(tx.deliveries(&org, &filter, after.as_ref(), limit)?));
    let (rows, has_more) = read.await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(DeliveryObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Reads a delivery.
#[utoipa::path(get, path = "/webhook_deliveries/{id}", tag = "webhooks", operation_id = "get_webhook_delivery",
    params(("id" = String, Path, description = "`wbd_…`")), responses((status = 200, body = One<DeliveryObject>)))]
async fn get(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<DeliveryPath>,
) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let found = app.store.read(move |tx| tx.delivery(&org, &id)?.ok_or_else(missing)).await?;
    Ok(Answer::ok(&caller.request, DeliveryObject::from(found))?)
}

/// Sends the event again to the subscription's present address, as a new delivery; the old one stays.
#[utoipa::path(post, path = "/webhook_deliveries/{id}/replay", tag = "webhooks", operation_id = "replay_webhook_delivery",
    params(("id" = String, Path, description = "`wbd_…`")), responses((status = 202, body = One<DeliveryObject>)))]
async fn replay(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<DeliveryPath>,
    Post { body, once }: Post<NoMembers>,
) -> Result<Answer, Refusal> {
    let id = path.id()?;
    let (org, request) = (caller.org.clone(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        body?;
        let again = webhooks::replay(tx, &org, &id)?;
        Answer::new(202, &request, &One { data: DeliveryObject::from(again), request_id: request.clone() })
    };
    once::answer(&app, &caller, once, effect).await
}

/// Sends up to 1,000 deliveries of a subscription again, the oldest first. Those that a replay repeats already are
/// passed over.
#[utoipa::path(post, path = "/webhook_deliveries/bulk_replay", tag = "webhooks", operation_id = "bulk_replay_webhook_deliveries",
    request_body = BulkReplayBody, responses((status = 202, body = One<BulkReplayed>)))]
async fn bulk_replay(
    State(app): State<App>,
    caller: Caller,
    Post { body, once }: Post<BulkReplayBody>,
) -> Result<Answer, Refusal> {
    let (org, request) = (caller.org.clone(), caller.request.clone());
    let effect = move |tx: &mut Tx<'_>| {
        let (enqueued, capped) = webhooks::replay_many(tx, &org, &body.and_then(BulkReplayBody::checked)?)?;
        Answer::new(202, &request, &One { data: BulkReplayed { enqueued, capped }, request_id: request.clone() })
    };
    once::answer(&app, &caller, once, effect).await
}
