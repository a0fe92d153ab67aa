//! The pages that the stock browser client opens in its pop-up window (xkit reference, section 4.4): they say that they
//! are there, and go where the client tells them. Where the person ends, the window closes by itself.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use lockstep_core::crm::{CrmCode, CrmProblem};
use serde::Deserialize;

use super::envelope::{Asked, CrmRefusal};
use crate::app::App;
use crate::ops::crm::app;
use crate::wire::files::{self, SCRIPT};

const PAGE: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"color-scheme\" content=\"light dark\"><title>Connecting</title>\
    <link rel=\"stylesheet\" href=\"/link/assets/tokens.css\"><link rel=\"stylesheet\" href=\"/link/assets/link.css\">\
    <script type=\"module\" src=\"/authorizations/loading.js\"></script></head>\
    <body><main><p class=\"lead\">Connecting</p></main></body></html>";

/// The pages and their script.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/authorizations/loading", get(page))
        .route("/authorizations/{crm}/loading", get(page))
        .route("/authorizations/loading.js", get(script))
}

/// The client adds a one-time token as well, to sign the window in. Nothing in it needs that.
#[derive(Deserialize)]
struct Opened {
    opener_origin: String,
}

async fn page(State(app): State<App>, Asked(opened): Asked<Opened>) -> Result<Response, CrmRefusal> {
    let own = opened.opener_origin == app.settings.public_url;
    if !own && !app::knows_origin(&app, &opened.opener_origin).await? {
        let message = "This window was opened by a page that the app does not allow.";
        return Err(CrmProblem::new(CrmCode::OriginNotAllowed, message).into());
    }
    let mut response = Html(PAGE).into_response();
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

async fn script(headers: HeaderMap) -> Response {
    files::answer(SCRIPT, include_bytes!("../../../assets/link/loading.js"), &headers)
}
