//! What became of an invocation: for those that were handed to an automation, and those whose answer was lost.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::envelope::{CrmRefusal, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::unknown;

/// The routes below `/api/v1/crm`.
pub fn routes() -> Router<App> {
    Router::new().route("/{connection}/invocations/{id}", get(one).delete(dismiss))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<Json<Value>, CrmRefusal> {
    let found = unknown::invocation(&app, &caller.org, &connection, &id).await?;
    Ok(Json(json!({ "invocation": {
        "id": found.id,
        "object": found.object,
        "event": found.event,
        "state": found.state,
        "answer": found.answer,
        "created_at": found.created_at.to_string(),
    } })))
}

async fn dismiss(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<StatusCode, CrmRefusal> {
    unknown::dismiss(&app, &caller.org, &connection, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
