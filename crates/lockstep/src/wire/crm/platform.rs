//! The Platform API: an app's settings, its contexts and their tokens.

use axum::Json;
use axum::extract::State;
use lockstep_core::limits::PAGE_SIZE_MAX;
use lockstep_store::ContextData;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Body, CrmRefusal, Segments};
use super::shapes::{
    AuthorizationStanding, ConnectionReference, ContextObject, ContextToken, OneApp, PlatformConnection,
};
use super::user_shapes::PublicConnector;
use crate::app::App;
use crate::auth::Caller;
use crate::ops::crm::app::{self, AppSettings};
use crate::ops::crm::connections;
use crate::ops::crm::tokens::{self, Kind, TOKEN_LIFE};

/// The routes below `/api/platform`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(settings, set)).routes(routes!(put_context)).routes(routes!(connection))
}

/// Shows the app's settings.
#[utoipa::path(get, path = "/app", tag = "app", operation_id = "get_app", responses((status = 200, body = OneApp)))]
async fn settings(State(app): State<App>, caller: Caller) -> Result<Json<OneApp>, CrmRefusal> {
    Ok(Json(OneApp { app: app::settings(&app, &caller.org).await?, webhook_secret: None }))
}

/// Sets the app: what the body leaves out is at its default. Who may set the app may read its webhook secret.
#[utoipa::path(put, path = "/app", tag = "app", operation_id = "set_app", request_body = AppSettings,
    responses((status = 200, body = OneApp)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    Body(settings): Body<AppSettings>,
) -> Result<Json<OneApp>, CrmRefusal> {
    let settings = app::set(&app, &caller.author(), settings).await?;
    let secret = app::secret(&app, &caller.org).await?;
    Ok(Json(OneApp { app: settings, webhook_secret: secret.map(|secret| secret.expose_secret().to_owned()) }))
}

/// A context to make or to change.
#[derive(Deserialize, ToSchema)]
struct PutContext {
    /// The context.
    context: NewContext,
}

/// A context as the app gives it; other members are kept and echoed.
#[derive(Deserialize, ToSchema)]
struct NewContext {
    /// The app's name for it, 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    external_id: String,
    /// Its name for people.
    #[serde(default)]
    #[schema(max_length = 255)]
    external_name: Option<String>,
    #[serde(flatten)]
    #[schema(value_type = HashMap<String, Value>)]
    attributes: Map<String, Value>,
}

/// Makes a context, or changes it, and gives a token for its browser.
#[utoipa::path(post, path = "/contexts", tag = "contexts", operation_id = "put_context", request_body = PutContext,
    responses((status = 200, body = ContextToken)))]
async fn put_context(
    State(app): State<App>,
    caller: Caller,
    Body(PutContext { context }): Body<PutContext>,
) -> Result<Json<ContextToken>, CrmRefusal> {
    let NewContext { external_id, external_name, attributes } = context;
    let data = ContextData { name: external_name, attributes };
    let of = tokens::put_context(&app, &caller.org, &external_id, data).await?;
    let kept = tokens::context_data(&app, &of).await?;
    Ok(Json(ContextToken {
        access_token: tokens::issue(&app, &of, Kind::Bearer)?,
        expires_in: TOKEN_LIFE.as_secs(),
        context: ContextObject { external_id, external_name: kept.name, attributes: kept.attributes },
    }))
}

/// Shows a context's connection to a CRM. What lets us act there is never shown: records are read and written here.
#[utoipa::path(get, path = "/contexts/{context}/connections/{crm}", tag = "contexts",
    operation_id = "get_context_connection", responses((status = 200, body = PlatformConnection)))]
async fn connection(
    State(app): State<App>,
    caller: Caller,
    Segments((context, crm)): Segments<(String, String)>,
) -> Result<Json<PlatformConnection>, CrmRefusal> {
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
    let status = if seen.is_active() { "active" } else { "error" };
    Ok(Json(PlatformConnection {
        connection: ConnectionReference { id: seen.id, enabled: true },
        connector: PublicConnector::new(&app, about),
        authorization: AuthorizationStanding { status, credential: None },
    }))
}
