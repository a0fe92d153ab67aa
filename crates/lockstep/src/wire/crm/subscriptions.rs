//! Subscriptions to changes of one record, or of all that a search event finds.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Asked, Body, CrmRefusal, Paging, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::subscriptions::{self, Wanted, shown};

/// The routes below `/api/v1/crm`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/{connection}/objects/{object}/{record}/subscriptions", post(to_record))
        .route("/{connection}/objects/{object}/events/{event}/subscriptions", post(to_search))
        .route("/{connection}/subscriptions", get(list))
        .route("/{connection}/subscriptions/{id}", get(one).delete(end))
}

#[derive(Deserialize)]
struct Criteria {
    #[serde(default)]
    payload: Option<Value>,
}

async fn to_record(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, record)): Segments<(String, String, String)>,
) -> Result<(StatusCode, Json<Value>), CrmRefusal> {
    made(&app, &caller, &connection, Wanted::Record { object, record }).await
}

async fn to_search(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, event)): Segments<(String, String, String)>,
    Body(Criteria { payload }): Body<Criteria>,
) -> Result<(StatusCode, Json<Value>), CrmRefusal> {
    let payload = payload.unwrap_or_else(|| json!({}));
    made(&app, &caller, &connection, Wanted::Search { object, event, payload }).await
}

async fn made(
    app: &App,
    caller: &Caller,
    connection: &str,
    wanted: Wanted,
) -> Result<(StatusCode, Json<Value>), CrmRefusal> {
    let kept = subscriptions::subscribe(app, &caller.org, connection, wanted).await?;
    Ok((StatusCode::CREATED, Json(json!({ "subscription": shown(&kept)? }))))
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments(connection): Segments<String>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, CrmRefusal> {
    let (page, next) =
        subscriptions::page(&app, &caller.org, &connection, paging.cursor.as_deref(), paging.limit()?).await?;
    let rows = page.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
    Ok(Json(json!({ "subscriptions": rows, "next_cursor": next })))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<Json<Value>, CrmRefusal> {
    let kept = subscriptions::get(&app, &caller.org, &connection, &id).await?;
    Ok(Json(json!({ "subscription": shown(&kept)? })))
}

async fn end(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<StatusCode, CrmRefusal> {
    subscriptions::delete(&app, &caller.org, &connection, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
