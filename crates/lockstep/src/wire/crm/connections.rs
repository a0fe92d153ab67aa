//! Connections, as an app's back end sees them. No credential is ever shown.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Asked, CrmRefusal, Paging, Segments};
use super::shapes::{ConnectionList, ConnectionObject, OneConnection};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::connections;
use crate::ops::crm::tokens;

/// The routes below `/api/v1/crm`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one, disconnect))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// Only this context's.
    context: Option<String>,
}

/// Lists the connections, by their ids.
#[utoipa::path(get, path = "/connections", tag = "connections", operation_id = "list_connections", params(Of, Paging),
    responses((status = 200, body = ConnectionList)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(of): Asked<Of>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<ConnectionList>, CrmRefusal> {
    let context = match of.context {
        None => None,
        Some(id) => match tokens::known_context(&app, &caller.org, &id).await? {
            Some(context) => Some(context),
            None => return Ok(Json(ConnectionList { connections: Vec::new(), next_cursor: None })),
        },
    };
    let after = paging.cursor.clone().unwrap_or_default();
    let (page, next) = connections::page(&app, &caller.org, context, &after, paging.limit()?).await?;
    let connections = page.iter().map(ConnectionObject::from).collect();
    Ok(Json(ConnectionList { connections, next_cursor: next }))
}

/// Shows a connection.
#[utoipa::path(get, path = "/connections/{id}", tag = "connections", operation_id = "get_connection",
    responses((status = 200, body = OneConnection)))]
async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<OneConnection>, CrmRefusal> {
    let seen = connections::of_org(&app, &caller.org, &id).await?;
    Ok(Json(OneConnection { connection: ConnectionObject::from(&seen) }))
}

/// Disconnects: at once nothing is read or written any more.
#[utoipa::path(delete, path = "/connections/{id}", tag = "connections", operation_id = "disconnect",
    responses((status = 204)))]
async fn disconnect(
    State(app): State<App>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<StatusCode, CrmRefusal> {
    let seen = connections::of_org(&app, &caller.org, &id).await?;
    connections::disconnect(&app, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}
