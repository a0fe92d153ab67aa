//! The inbox page: conversations for people, in a browser. It calls the operations that the API calls and decides
//! nothing. Everything works without scripts; with them the page is renewed in place.

mod actions;
mod assets;
mod filters;
mod read;
mod session;
mod templates;
mod view;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use lockstep_core::limits::PAGE_FORM_BYTES_MAX;
use lockstep_core::problem::Problem;

use crate::app::App;

/// The routes below `/inbox`.
pub fn router() -> Router<App> {
    Router::new()
        .route("/inbox", get(read::list))
        .route("/inbox/sign-in", post(session::sign_in))
        .route("/inbox/sign-out", post(session::sign_out))
        .route("/inbox/me", post(session::choose_user))
        .route("/inbox/assets/{name}", get(assets::file))
        .route("/inbox/{id}", get(read::conversation))
        .route("/inbox/{id}/files/{message}", get(read::file))
        .route("/inbox/{id}/reply", post(actions::reply))
        .route("/inbox/{id}/templates", get(templates::choose).post(templates::send))
        .route("/inbox/{id}/read", post(actions::mark_read))
        .route("/inbox/{id}/assign", post(actions::assign))
        .route("/inbox/{id}/status", post(actions::set_status))
        .route("/inbox/{id}/label", post(actions::label))
        .layer(DefaultBodyLimit::max(PAGE_FORM_BYTES_MAX as usize))
        .layer(middleware::from_fn(guard))
}

/// Nothing is loaded from elsewhere, no script stands in a page, and no other site may show it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A problem as a page.
#[derive(Debug)]
struct Trouble(Problem);

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = self.0.code.wire().0;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        html(status, &view::TroublePage { message: &self.0.message })
    }
}

/// Renders a page.
fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown.").into_response()
        }
    }
}
