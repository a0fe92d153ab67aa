//! The Universal CRM API: Xkit's paths for an app's back end, for its contexts, and for the browser.

mod connections;
mod envelope;
mod gate;
mod invocations;
mod openapi;
mod platform;
mod popup;
mod records;
mod shapes;
mod socket;
mod subscriptions;
mod user;
mod user_mapping;
mod user_sessions;
mod user_shapes;

use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use lockstep_core::limits::BODY_BYTES_MAX;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::wire::gate::Gate;

/// Where the browser API is.
const BROWSER: &str = "/api/platform_user";

/// The routes of all three: `/api/v1/crm`, `/api/platform` and `/api/platform_user`, and the pages of its pop-up window.
pub fn router(app: &App) -> Router<App> {
    let keyed = Router::from(keyed())
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(middleware::from_fn_with_state(Gate::new(app.clone()), gate::pass));
    let browser = Router::from(browser())
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), user::cross_origin));
    let answer = Json(document());
    Router::new()
        .route("/api/openapi.json", get(move || async move { answer.into_response() }))
        .nest(BROWSER, browser)
        .nest("/api", keyed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize))
        .merge(popup::routes())
        .merge(socket::routes())
}

/// The OpenAPI document of what an app's back end and its pages call, in this version.
pub fn document() -> OpenApi {
    let both = openapi::Head::openapi().nest("/api", keyed().into_openapi());
    openapi::complete(both.nest(BROWSER, browser().into_openapi()))
}

/// What stands behind the key pair.
fn keyed() -> OpenApiRouter<App> {
    let crm =
        connections::routes().merge(invocations::routes()).merge(records::routes()).merge(subscriptions::routes());
    OpenApiRouter::new().nest("/v1/crm", crm).nest("/platform", platform::routes())
}

/// What a context token opens, or everybody.
fn browser() -> OpenApiRouter<App> {
    user::routes().merge(user_mapping::routes()).merge(user_sessions::routes())
}
