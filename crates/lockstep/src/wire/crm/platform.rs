//! The Platform API: an app's settings, its contexts and their tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use lockstep_core::limits::PAGE_SIZE_MAX;
use lockstep_store::ContextData;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::envelope::{Body, CrmRefusal, Segments};
use super::user_shapes;
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::app::{self, AppSettings};
use crate::ops::crm::connections;
use crate::ops::crm::tokens::{self, Kind, TOKEN_LIFE};

/// The routes below `/api/platform`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/app", get(settings).put(set))
        .route("/contexts", post(put_context))
        .route("/contexts/{context}/connections/{crm}", get(connection))
}

async fn settings(State(app): State<App>, caller: Caller) -> Result<Json<Value>, CrmRefusal> {
    Ok(Json(json!({ "app": app::settings(&app, &caller.org).await? })))
}

/// The webhook secret is in the answer: who may set the app may read it.
async fn set(
    State(app): State<App>,
    caller: Caller,
    Body(settings): Body<AppSettings>,
) -> Result<Json<Value>, CrmRefusal> {
    let settings = app::set(&app, &caller.org, settings).await?;
    let secret = app::secret(&app, &caller.org).await?;
    Ok(Json(json!({ "app": settings, "webhook_secret": secret.as_ref().map(|secret| secret.expose_secret()) })))
}

#[derive(Deserialize)]
struct PutContext {
    context: Given,
}

#[derive(Deserialize)]
struct Given {
    external_id: String,
    #[serde(default)]
    external_name: Option<String>,
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

async fn put_context(
    State(app): State<App>,
    caller: Caller,
    Body(PutContext { context }): Body<PutContext>,
) -> Result<Json<Value>, CrmRefusal> {
    let Given { external_id, external_name, attributes } = context;
    let data = ContextData { name: external_name.clone(), attributes: attributes.clone() };
    let of = tokens::put_context(&app, &caller.org, &external_id, data).await?;
    let mut shown = attributes;
    shown.insert("external_id".to_owned(), external_id.into());
    shown.insert("external_name".to_owned(), external_name.into());
    let token = tokens::issue(&app, &of, Kind::Bearer)?;
    Ok(Json(json!({ "access_token": token, "expires_in": TOKEN_LIFE.as_secs(), "context": shown })))
}

/// The context's connection to a CRM. What lets us act there is never shown: records are read and written here.
async fn connection(
    State(app): State<App>,
    caller: Caller,
    Segments((context, crm)): Segments<(String, String)>,
) -> Result<(StatusCode, Json<Value>), CrmRefusal> {
    let about = connections::connector(&crm)?;
    let known = tokens::known_context(&app, &caller.org, &context).await?;
    let found = match known {
        Some(context) => {
            let (page, _) = connections::page(&app, &caller.org, Some(context), "", PAGE_SIZE_MAX as usize).await?;
            page.into_iter().find(|seen| seen.about.slug == about.slug)
        }
        None => None,
    };
    let seen = found.ok_or_else(|| connections::unknown(&crm))?;
    let shown = user_shapes::connection(&app, &seen);
    Ok((
        StatusCode::OK,
        Json(json!({
            "connection": { "id": seen.id, "enabled": true },
            "connector": user_shapes::public_connector(&app, about),
            "authorization": { "status": shown["authorization"]["status"], "credential": null },
        })),
    ))
}
