//! The browser's app and its sessions: tokens renewed by a cookie, and windows signed in.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::CrmRefusal;
use super::user::{check_origin, visitor};
use crate::app::App;
use crate::ops::crm::app;
use crate::ops::crm::tokens::{self, Kind, SESSION_LIFE};

/// The cookie of a browser's session.
pub const COOKIE: &str = "lockstep_link";

/// The routes below `/api/platform_user` that are about the app and the browser's session.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(platform))
        .routes(routes!(sign_in, sign_out))
        .routes(routes!(session))
        .routes(routes!(renew))
        .routes(routes!(one_time))
}

/// The app that a page's host belongs to.
#[derive(Serialize, ToSchema)]
struct OnePlatform {
    /// The app.
    platform: PlatformObject,
}

/// An app as everybody may see it.
#[derive(Serialize, ToSchema)]
struct PlatformObject {
    /// Its name for people.
    name: String,
    /// The first part of the host.
    slug: String,
    /// The host that the app's pages name.
    #[schema(required)]
    custom_domain: Option<String>,
    /// The app's own address.
    #[schema(required)]
    website: Option<String>,
    /// Where a page goes whose session has ended.
    #[schema(required)]
    login_redirect_url: Option<String>,
    /// Always true: there is no branding.
    remove_branding: bool,
}

/// Shows the app that the host belongs to.
#[utoipa::path(get, path = "/platform", tag = "browser", operation_id = "get_platform", security(()),
    responses((status = 200, body = OnePlatform)))]
async fn platform(State(app): State<App>, headers: HeaderMap) -> Result<Json<OnePlatform>, CrmRefusal> {
    let host = headers.get(header::HOST).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let (_, settings) = app::of_host(&app, host).await?;
    Ok(Json(OnePlatform {
        platform: PlatformObject {
            name: settings.name,
            slug: host.split('.').next().unwrap_or_default().to_owned(),
            custom_domain: settings.domain,
            website: settings.website,
            login_redirect_url: settings.login_redirect_url,
            remove_branding: true,
        },
    }))
}

/// Nothing to tell.
#[derive(Serialize, ToSchema)]
struct Nothing {}

/// Begins a session: its cookie renews the token for twelve hours.
#[utoipa::path(post, path = "/sessions", tag = "browser", operation_id = "begin_session",
    responses((status = 200, body = Nothing)))]
async fn sign_in(State(app): State<App>, headers: HeaderMap) -> Result<Response, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let session = tokens::issue(&app, &visitor.context, Kind::Session)?;
    Ok((StatusCode::OK, [(header::SET_COOKIE, cookie(&app, &session, SESSION_LIFE.as_secs()))], Json(Nothing {}))
        .into_response())
}

/// Ends the session: its cookie is taken away.
#[utoipa::path(delete, path = "/sessions", tag = "browser", operation_id = "end_session", security(()),
    responses((status = 204)))]
async fn sign_out(State(app): State<App>) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie(&app, "", 0))]).into_response()
}

/// Pages of other sites have to send it, which takes `SameSite=None` and that takes https.
fn cookie(app: &App, value: &str, secs: u64) -> String {
    let reach = if app.settings.public_url.starts_with("https:") { "SameSite=None; Secure" } else { "SameSite=Lax" };
    format!("{COOKIE}={value}; Path=/api/platform_user; HttpOnly; Max-Age={secs}; {reach}")
}

/// Tells whether the token is good.
#[utoipa::path(get, path = "/session", tag = "browser", operation_id = "check_session",
    responses((status = 200, body = Nothing)))]
async fn session(State(app): State<App>, headers: HeaderMap) -> Result<Json<Nothing>, CrmRefusal> {
    visitor(&app, &headers).await?;
    Ok(Json(Nothing {}))
}

/// A new token of the context.
#[derive(Serialize, ToSchema)]
struct RenewedToken {
    /// Good for an hour.
    access_token: String,
}

/// Gives a new token for the session's cookie alone: only pages of the app's own origins get one.
#[utoipa::path(post, path = "/sessions/token", tag = "browser", operation_id = "renew_token",
    security(("session_cookie" = [])), responses((status = 200, body = RenewedToken)))]
async fn renew(State(app): State<App>, headers: HeaderMap) -> Result<Json<RenewedToken>, CrmRefusal> {
    let cookies = headers.get(header::COOKIE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let session = cookies.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    let visitor = tokens::visitor(&app, session.unwrap_or_default(), Kind::Session).await?;
    check_origin(&app, &headers, &visitor)?;
    Ok(Json(RenewedToken { access_token: tokens::issue(&app, &visitor.context, Kind::Bearer)? }))
}

/// What signs a window in.
#[derive(Serialize, ToSchema)]
struct OneTimeToken {
    /// Good for a minute.
    ott: String,
}

/// Gives a token that signs the pop-up window in.
#[utoipa::path(post, path = "/sessions/ott", tag = "browser", operation_id = "make_one_time_token",
    responses((status = 200, body = OneTimeToken)))]
async fn one_time(State(app): State<App>, headers: HeaderMap) -> Result<Json<OneTimeToken>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    Ok(Json(OneTimeToken { ott: tokens::issue(&app, &visitor.context, Kind::OneTime)? }))
}
