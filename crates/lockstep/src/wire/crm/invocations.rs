//! What became of an invocation: for those that were handed to an automation, and those whose answer was lost.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{CrmRefusal, Segments};
use super::shapes::OneInvocation;
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::unknown;

/// The routes below `/api/v1/crm`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(one, dismiss))
}

/// Shows how an invoked event stands. One whose outcome is unknown is looked for once more.
#[utoipa::path(get, path = "/{connection}/invocations/{id}", tag = "events", operation_id = "get_invocation",
    responses((status = 200, body = OneInvocation)))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<Json<OneInvocation>, CrmRefusal> {
    let found = unknown::invocation(&app, &caller.org, &connection, &id).await?;
    Ok(Json(OneInvocation { invocation: found.into() }))
}

/// Closes the question of an unknown outcome, once a person has looked in the CRM.
#[utoipa::path(delete, path = "/{connection}/invocations/{id}", tag = "events", operation_id = "dismiss_invocation",
    responses((status = 204)))]
async fn dismiss(
    State(app): State<App>,
    caller: Caller,
    Segments((connection, id)): Segments<(String, String)>,
) -> Result<StatusCode, CrmRefusal> {
    unknown::dismiss(&app, &caller.org, &connection, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
