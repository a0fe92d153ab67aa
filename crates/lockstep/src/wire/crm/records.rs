//! Records and events: what an app reads, and what it invokes.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Asked, Body, CrmRefusal, Paging, Segments, idempotency_key};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::invoke::{self, Invoke};
use crate::ops::crm::records;

/// The routes below `/api/v1/crm`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/{connection}/objects/{object}", get(list))
        .route("/{connection}/objects/{object}/{record}", get(read))
        .route("/{connection}/objects/{object}/events/{event}", post(invoke_on_object))
        .route("/{connection}/objects/{object}/{record}/events/{event}", post(invoke_on_record))
}

/// The body of an invocation.
#[derive(Deserialize)]
struct Invocation {
    #[serde(default = "nothing")]
    payload: Value,
}

fn nothing() -> Value {
    json!({})
}

#[derive(Deserialize)]
struct Strictness {
    #[serde(default)]
    strict: bool,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object)): Segments<(String, String)>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, CrmRefusal> {
    let mapped = records::mapped(&app, &caller.org, &connection, &object).await?;
    if mapped.api.is_none() {
        return Ok(Json(json!({ "records": [], "next_cursor": null })));
    }
    let (records, next) = mapped.search(&app, Vec::new(), paging.limit()?, paging.cursor.clone()).await?;
    Ok(Json(json!({ "records": records, "next_cursor": next })))
}

async fn read(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, record)): Segments<(String, String, String)>,
) -> Result<Json<Value>, CrmRefusal> {
    let record = records::read(&app, &caller.org, &connection, &object, &record).await?;
    Ok(Json(json!({ "record": record })))
}

async fn invoke_on_object(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, event)): Segments<(String, String, String)>,
    Asked(paging): Asked<Paging>,
    Asked(Strictness { strict }): Asked<Strictness>,
    headers: HeaderMap,
    Body(Invocation { payload }): Body<Invocation>,
) -> Result<Json<Value>, CrmRefusal> {
    let (limit, cursor) = (paging.limit()?, paging.cursor.clone());
    let idempotency_key = idempotency_key(&headers)?;
    let asked = Invoke { connection, object, record: None, event, payload, strict, idempotency_key, limit, cursor };
    Ok(Json(invoke::invoke(&app, &caller.org, &asked).await?))
}

async fn invoke_on_record(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, record, event)): Segments<(String, String, String, String)>,
    Asked(Strictness { strict }): Asked<Strictness>,
    headers: HeaderMap,
    Body(Invocation { payload }): Body<Invocation>,
) -> Result<Json<Value>, CrmRefusal> {
    let (record, idempotency_key) = (Some(record), idempotency_key(&headers)?);
    let asked = Invoke { connection, object, record, event, payload, strict, idempotency_key, limit: 1, cursor: None };
    Ok(Json(invoke::invoke(&app, &caller.org, &asked).await?))
}
