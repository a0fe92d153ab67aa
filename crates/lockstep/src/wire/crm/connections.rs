//! Connections, as an app's back end sees them. No credential is ever shown.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Asked, CrmRefusal, Paging, Segments};
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::tokens;

/// The routes below `/api/v1/crm`.
pub fn routes() -> Router<App> {
    Router::new().route("/connections", get(list)).route("/connections/{id}", get(one).delete(disconnect))
}

#[derive(Deserialize)]
struct Of {
    context: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(of): Asked<Of>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, CrmRefusal> {
    let context = match of.context {
        None => None,
        Some(id) => match tokens::known_context(&app, &caller.org, &id).await? {
            Some(context) => Some(context),
            None => return Ok(Json(json!({ "connections": [], "next_cursor": null }))),
        },
    };
    let after = paging.cursor.clone().unwrap_or_default();
    let (page, next) = connections::page(&app, &caller.org, context, &after, paging.limit()?).await?;
    Ok(Json(json!({ "connections": page.iter().map(shown).collect::<Vec<_>>(), "next_cursor": next })))
}

async fn one(
    State(app): State<App>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    Ok(Json(json!({ "connection": shown(&connections::of_org(&app, &caller.org, &id).await?) })))
}

async fn disconnect(
    State(app): State<App>,
    caller: Caller,
    Segments(id): Segments<String>,
) -> Result<StatusCode, CrmRefusal> {
    let seen = connections::of_org(&app, &caller.org, &id).await?;
    connections::disconnect(&app, &seen).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A connection for an app's back end.
fn shown(seen: &Seen) -> Value {
    let row = seen.of.connection();
    json!({
        "id": seen.id,
        "enabled": true,
        "status": if seen.is_active() { "active" } else { "error" },
        "crm": { "slug": seen.about.slug, "name": seen.about.name },
        "account": row.account,
        "context": { "external_id": seen.context },
        "objects": seen.objects,
        "created_at": row.created_at.to_string(),
        "updated_at": row.updated_at.to_string(),
    })
}
