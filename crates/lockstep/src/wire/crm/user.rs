//! The Platform User API: what a browser may do for its context (xkit reference, section 4).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::limits::PAGE_SIZE_MAX;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Asked, Body, CrmRefusal, Segments};
use super::user_shapes;
use crate::app::App;
use crate::ops::crm::app;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::tokens::{self, Kind, SESSION_LIFE, Visitor};

/// The cookie of a browser's session.
const COOKIE: &str = "lockstep_link";

/// The routes below `/api/platform_user`, but for those about what is mapped.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/platform", get(platform))
        .route("/platform/connectors", get(public_connectors))
        .route("/platform/connectors/{crm}", get(public_connector))
        .route("/sessions", post(sign_in).delete(sign_out))
        .route("/session", get(session))
        .route("/sessions/token", post(renew))
        .route("/sessions/ott", post(one_time))
        .route("/connectors", get(connectors))
        .route("/connectors/{crm}", get(connector))
        .route("/connections", get(list))
        .route("/connections/{crm}", get(first).post(begin).delete(disconnect_first))
        .route("/connection/{id}", get(one).delete(disconnect))
        .route("/authorizations/{crm}", axum::routing::put(give_token))
        .route("/authorizations/{crm}/{id}", get(authorization))
}

/// Lets pages of the allowed origins in, with their cookies. A preflight names no app, so any app's origin will do for
/// it; what follows is checked against the token's own app.
pub async fn cross_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let Some(origin) = origin.filter(|origin| *origin != app.settings.public_url) else {
        return next.run(request).await;
    };
    match app::knows_origin(&app, &origin).await {
        Err(problem) => return CrmRefusal(problem).into_response(),
        Ok(false) => {
            let message = "This page's origin is not among the app's allowed origins: PUT /api/platform/app adds it.";
            return CrmRefusal(CrmProblem::new(CrmCode::OriginNotAllowed, message)).into_response();
        }
        Ok(true) => {}
    }
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(&origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, accept, xkit-js-version"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (header::VARY, "Origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The browser's context, by its bearer token; its page's origin must be the app's.
///
/// # Errors
/// [`CrmCode::TokenInvalid`] or [`CrmCode::OriginNotAllowed`]; the store's.
pub(super) async fn visitor(app: &App, headers: &HeaderMap) -> Result<Visitor, CrmRefusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()).and_then(|it| it.split_once(' '));
    let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let visitor = tokens::visitor(app, token.unwrap_or_default(), Kind::Bearer).await?;
    check_origin(app, headers, &visitor)?;
    Ok(visitor)
}

fn check_origin(app: &App, headers: &HeaderMap, visitor: &Visitor) -> Result<(), CrmRefusal> {
    let origin = headers.get(header::ORIGIN).and_then(|it| it.to_str().ok());
    if origin.is_none_or(|origin| origin == app.settings.public_url || visitor.settings.allows_origin(origin)) {
        return Ok(());
    }
    let message = "This page's origin is not among the app's allowed origins.";
    Err(CrmRefusal(CrmProblem::new(CrmCode::OriginNotAllowed, message)))
}

async fn platform(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, CrmRefusal> {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (_, settings) = app::of_host(&app, host).await?;
    Ok(Json(json!({ "platform": {
        "name": settings.name,
        "slug": host.split('.').next().unwrap_or_default(),
        "custom_domain": settings.domain,
        "website": settings.website,
        "login_redirect_url": settings.login_redirect_url,
        "remove_branding": true,
    } })))
}

async fn public_connectors(State(app): State<App>) -> Json<Value> {
    let all: Vec<Value> =
        connections::connectors().into_iter().map(|about| user_shapes::public_connector(&app, about)).collect();
    Json(json!({ "connectors": all }))
}

async fn public_connector(State(app): State<App>, Segments(crm): Segments<String>) -> Result<Json<Value>, CrmRefusal> {
    let about = connections::connector(&crm)?;
    Ok(Json(json!({ "connector": user_shapes::public_connector(&app, about) })))
}

async fn sign_in(State(app): State<App>, headers: HeaderMap) -> Result<Response, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let session = tokens::issue(&app, &visitor.context, Kind::Session)?;
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie(&app, &session, SESSION_LIFE.as_secs()))], Json(json!({})))
        .into_response())
}

async fn sign_out(State(app): State<App>) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&app, "", 0))]).into_response()
}

/// Pages of other sites have to send it, which takes `SameSite=None` and that takes https.
fn cookie(app: &App, value: &str, secs: u64) -> String {
    let reach = if app.settings.public_url.starts_with("https:") { "SameSite=None; Secure" } else { "SameSite=Lax" };
    format!("{COOKIE}={value}; Path=/api/platform_user; HttpOnly; Max-Age={secs}; {reach}")
}

async fn session(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, CrmRefusal> {
    visitor(&app, &headers).await?;
    Ok(Json(json!({})))
}

/// The cookie alone: only pages of the app's own origins get a token for it.
async fn renew(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, CrmRefusal> {
    let cookies = headers.get(header::COOKIE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let session = cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let visitor = tokens::visitor(&app, session.unwrap_or_default(), Kind::Session).await?;
    check_origin(&app, &headers, &visitor)?;
    Ok(Json(json!({ "access_token": tokens::issue(&app, &visitor.context, Kind::Bearer)? })))
}

async fn one_time(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    Ok(Json(json!({ "ott": tokens::issue(&app, &visitor.context, Kind::OneTime)? })))
}

async fn seen(app: &App, visitor: &Visitor) -> Result<Vec<Seen>, CrmRefusal> {
    let context = visitor.context.clone();
    let org = context.org().clone();
    Ok(connections::page(app, &org, Some(context), "", PAGE_SIZE_MAX as usize).await?.0)
}

async fn connectors(State(app): State<App>, headers: HeaderMap) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    let all: Vec<Value> =
        connections::connectors().into_iter().map(|about| user_shapes::connector(&app, about, &seen)).collect();
    Ok(Json(json!({ "connectors": all })))
}

async fn connector(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    Ok(Json(json!({ "connector": user_shapes::connector(&app, connections::connector(&crm)?, &seen) })))
}

#[derive(Deserialize)]
struct Of {
    slug: Option<String>,
}

async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Asked(Of { slug }): Asked<Of>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    let wanted = seen.iter().filter(|seen| slug.as_deref().is_none_or(|slug| slug == seen.about.slug));
    let all: Vec<Value> = wanted.map(|seen| user_shapes::connection(&app, seen)).collect();
    Ok(Json(json!({ "connections": all })))
}

async fn first_of(app: &App, headers: &HeaderMap, crm: &str) -> Result<Seen, CrmRefusal> {
    let visitor = visitor(app, headers).await?;
    let about = connections::connector(crm)?;
    let found = seen(app, &visitor).await?.into_iter().find(|seen| seen.about.slug == about.slug);
    Ok(found.ok_or_else(|| connections::unknown(crm))?)
}

async fn first(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    Ok(Json(json!({ "connection": user_shapes::connection(&app, &first_of(&app, &headers, &crm).await?) })))
}

async fn disconnect_first(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    gone(&app, first_of(&app, &headers, &crm).await?).await
}

async fn gone(app: &App, seen: Seen) -> Result<Json<Value>, CrmRefusal> {
    connections::disconnect(app, &seen).await?;
    let mut shown = user_shapes::connection(app, &seen);
    shown["enabled"] = json!(false);
    Ok(Json(json!({ "connection": shown })))
}

#[derive(Deserialize)]
struct Begin {
    id: Option<String>,
}

async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
    Body(Begin { id }): Body<Begin>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let begun = connections::begin(&app, &visitor, &crm, id.as_deref()).await?;
    Ok(Json(json!({ "connection": user_shapes::begun(&app, &begun) })))
}

async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = connections::of_context(&app, &visitor.context, &id).await?;
    Ok(Json(json!({ "connection": user_shapes::connection(&app, &seen) })))
}

async fn disconnect(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    gone(&app, connections::of_context(&app, &visitor.context, &id).await?).await
}

async fn authorization(
    State(app): State<App>,
    headers: HeaderMap,
    Segments((crm, id)): Segments<(String, String)>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let found = connections::authorization(&app, &visitor.context, &id).await?;
    let about = connections::connector(&crm)?;
    Ok(Json(json!({ "authorization": user_shapes::authorization(&app, &found, about) })))
}

#[derive(Deserialize)]
struct Token {
    state: String,
    token: SecretString,
}

async fn give_token(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
    Body(Token { state, token }): Body<Token>,
) -> Result<Json<Value>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let about = connections::connector(&crm)?;
    let found = connections::give_token(&app, &visitor.context, &state, token).await?;
    Ok(Json(json!({ "authorization": user_shapes::authorization(&app, &found, about) })))
}
