//! Records and events: what an app reads, and what it invokes.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Asked, Body, CrmRefusal, Paging, Segments, idempotency_key};
use super::shapes::{Done, EventAnswer, OneRecord, RecordList, RecordObject};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::invoke::{self, Invoke};
use crate::ops::crm::records;

/// The routes below `/api/v1/crm`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(invoke_on_object))
        .routes(routes!(invoke_on_record))
}

/// The body of an invocation.
#[derive(Deserialize, ToSchema)]
pub(super) struct Invocation {
    /// The event's values, by the slugs of its payload's fields. Absent is no value, `null` clears.
    #[serde(default = "nothing")]
    #[schema(value_type = HashMap<String, Value>)]
    payload: Value,
}

fn nothing() -> Value {
    json!({})
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Strictness {
    /// Whether members that the event does not define are refused.
    #[serde(default)]
    #[param(required = false)]
    strict: bool,
}

/// Lists the records of a CRM object.
#[utoipa::path(get, path = "/{connection}/objects/{object}", tag = "records", operation_id = "list_records", params(Paging),
    responses((status = 200, body = RecordList)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object)): Segments<(String, String)>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<RecordList>, CrmRefusal> {
    let (limit, cursor) = (paging.limit()?, paging.cursor.clone());
    let (records, next) = records::list(&app, &caller.org, &connection, &object, limit, cursor).await?;
    Ok(Json(RecordList { records: records.into_iter().map(RecordObject::from).collect(), next_cursor: next }))
}

/// Reads a record from the CRM.
#[utoipa::path(get, path = "/{connection}/objects/{object}/{record}", tag = "records", operation_id = "get_record",
    responses((status = 200, body = OneRecord)))]
async fn read(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, object, record)): Segments<(String, String, String)>,
) -> Result<Json<OneRecord>, CrmRefusal> {
    let record = records::read(&app, &caller.org, &connection, &object, &record).await?;
    Ok(Json(OneRecord { record: record.into() }))
}

/// Invokes a create or a search event.
#[utoipa::path(post, path = "/{connection}/objects/{object}/events/{event}", tag = "events", operation_id = "invoke_event",
    params(Paging, Strictness), request_body = Invocation, responses((status = 200, body = EventAnswer)))]
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

/// Invokes an update or a delete event, about one record.
#[utoipa::path(post, path = "/{connection}/objects/{object}/{record}/events/{event}", tag = "events",
    operation_id = "invoke_event_on_record", params(Strictness), request_body = Invocation,
    responses((status = 200, body = Done)))]
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
