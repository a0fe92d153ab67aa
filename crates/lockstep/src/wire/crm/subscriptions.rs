//! Subscriptions to changes of one record, or of all that a search event finds.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lockstep_store::CrmSubscription;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Asked, Body, CrmRefusal, Paging, Segments};
use super::shapes::{OneSubscription, RecordReference, SubscriptionList, SubscriptionObject};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::subscriptions::{self, Wanted};

/// The routes below `/api/v1/crm`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(to_record))
        .routes(routes!(to_search))
        .routes(routes!(list))
        .routes(routes!(one, end))
}

/// What is searched for.
#[derive(Deserialize, ToSchema)]
struct Criteria {
    /// The search event's values.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, Value>>)]
    payload: Option<Value>,
}

/// Subscribes to changes of a record. The same wish twice is one subscription.
#[utoipa::path(post, path = "/{connection}/objects/{object}/{record}/subscriptions", tag = "subscriptions",
    operation_id = "subscribe_to_record", responses((status = 201, body = OneSubscription)))]
async fn to_record(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, record)): Segments<(String, String, String)>,
) -> Result<(StatusCode, Json<OneSubscription>), CrmRefusal> {
    made(&app, &caller, &connection, Wanted::Record { object, record }).await
}

/// Subscribes to changes of every record that a search event finds.
#[utoipa::path(post, path = "/{connection}/objects/{object}/events/{event}/subscriptions", tag = "subscriptions",
    operation_id = "subscribe_to_search", request_body = Criteria, responses((status = 201, body = OneSubscription)))]
async fn to_search(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, event)): Segments<(String, String, String)>,
    Body(Criteria { payload }): Body<Criteria>,
) -> Result<(StatusCode, Json<OneSubscription>), CrmRefusal> {
    let payload = payload.unwrap_or_else(|| json!({}));
    made(&app, &caller, &connection, Wanted::Search { object, event, payload }).await
}

async fn made(
    app: &App,
    caller: &Caller,
    connection: &str,
    wanted: Wanted,
) -> Result<(StatusCode, Json<OneSubscription>), CrmRefusal> {
    let kept = subscriptions::subscribe(app, &caller.org, connection, wanted).await?;
    Ok((StatusCode::CREATED, Json(OneSubscription { subscription: shown(kept)? })))
}

/// Lists a connection's subscriptions, oldest first.
#[utoipa::path(get, path = "/{connection}/subscriptions", tag = "subscriptions", operation_id = "list_subscriptions",
    params(Paging), responses((status = 200, body = SubscriptionList)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(connection): Segments<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<SubscriptionList>, CrmRefusal> {
    let (page, next) =
        subscriptions::page(&app, &caller.org, &connection, paging.cursor.as_deref(), paging.limit()?).await?;
    let subscriptions = page.into_iter().map(shown).collect::<Result<_, _>>()?;
    Ok(Json(SubscriptionList { subscriptions, next_cursor: next }))
}

/// Shows a subscription.
#[utoipa::path(get, path = "/{connection}/subscriptions/{id}", tag = "subscriptions", operation_id = "get_subscription",
    responses((status = 200, body = OneSubscription)))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<Json<OneSubscription>, CrmRefusal> {
    let kept = subscriptions::get(&app, &caller.org, &connection, &id).await?;
    Ok(Json(OneSubscription { subscription: shown(kept)? }))
}

/// Ends a subscription.
#[utoipa::path(delete, path = "/{connection}/subscriptions/{id}", tag = "subscriptions", operation_id = "unsubscribe",
    responses((status = 204)))]
async fn end(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<StatusCode, CrmRefusal> {
    subscriptions::delete(&app, &caller.org, &connection, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn shown(kept: CrmSubscription) -> Result<SubscriptionObject, CrmRefusal> {
    let wanted = subscriptions::wanted(&kept)?;
    let object = wanted.object().to_owned();
    let (record, event, payload) = match wanted {
        Wanted::Record { object, record } => (Some(RecordReference { object, id: record }), None, None),
        Wanted::Search { event, payload, .. } => (None, Some(event), Some(payload)),
    };
    Ok(SubscriptionObject { id: kept.id, object, record, event, payload, created_at: kept.created_at })
}
