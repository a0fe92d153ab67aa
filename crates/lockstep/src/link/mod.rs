//! CRM Link: the pages where an app's user connects their CRM and decides where fields come from and what events do.
//!
//! `link.js` shows them in a frame and hands it a token; every screen is a fragment that the frame asks for with it. They
//! call the operations that the browser JSON API calls. Screens are made of plain data ([`scene`]) by pure code, choices
//! become edits of a draft ([`edits`]), and templates hold no rules.

pub mod accent;
pub mod arrive;
pub mod assets;
pub mod edits;
pub mod endings;
pub mod event;
pub mod fields;
pub mod guest;
pub mod journey;
pub mod mapping_pages;
pub mod options;
pub mod preview;
pub mod review;
pub mod row;
pub mod row_pages;
pub mod samples;
pub mod scene;
pub mod screens;
pub mod words;
pub mod work;

use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use lockstep_core::limits::BODY_BYTES_MAX;
use serde::de::DeserializeOwned;
use tower_http::compression::CompressionLayer;

use crate::app::App;

/// The routes of link.js, of the frame and of its screens.
pub fn router() -> Router<App> {
    let screens = Router::new()
        .route("/link/frame", get(arrive::frame))
        .route("/link/opening", get(arrive::opening))
        .route("/link/authorized", get(arrive::authorized))
        .route("/link/open", post(arrive::open))
        .route("/link/connect/{crm}", post(arrive::connect))
        .route("/link/waiting/{authorization}", get(arrive::waiting))
        .route("/link/token/{authorization}", post(arrive::token))
        .route("/link/at/{connection}/reconnect", post(arrive::reconnect))
        .route("/link/at/{connection}/setup", post(arrive::setup))
        .route("/link/at/{connection}/wait", get(arrive::wait))
        .route("/link/at/{connection}/objects", get(mapping_pages::objects))
        .route("/link/at/{connection}/native", get(mapping_pages::native).post(mapping_pages::choose_native))
        .route("/link/at/{connection}/options", get(mapping_pages::options))
        .route("/link/at/{connection}/fields", get(mapping_pages::fields).post(mapping_pages::edit_field))
        .route("/link/at/{connection}/event", get(mapping_pages::event).post(mapping_pages::edit_event))
        .route("/link/at/{connection}/row", get(row_pages::get).post(row_pages::post))
        .route("/link/at/{connection}/review", get(mapping_pages::review))
        .route("/link/at/{connection}/finish", post(endings::finish))
        .route("/link/at/{connection}/disconnect", get(endings::ask_disconnect).post(endings::disconnect))
        .layer(Extension(samples::Samples::default()))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize));
    Router::new()
        .route("/link.js", get(assets::module))
        .route("/link.classic.js", get(assets::classic))
        .route("/link/assets/{name}", get(assets::file))
        .route("/link/accent/{name}", get(assets::colours))
        .route("/link/marks/{name}", get(assets::mark))
        .merge(screens)
        .layer(middleware::from_fn(guard))
        .layer(CompressionLayer::new())
}

/// Nothing is loaded from elsewhere and no code stands in a page. The frame adds who may show it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'none'; base-uri 'none'";

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let nobody = || HeaderValue::from_str(&format!("{POLICY}; frame-ancestors 'none'"));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = nobody()
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Parts of the path, percent-decoded.
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        Path::from_request_parts(parts, state).await.map(|Path(value)| Self(value)).map_err(|_| StatusCode::NOT_FOUND)
    }
}

/// Parameters of the query.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let found = Query::from_request_parts(parts, state).await;
        found.map(|Query(value)| Self(value)).map_err(IntoResponse::into_response)
    }
}

#[cfg(test)]
mod tests;
