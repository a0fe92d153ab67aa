//! The Universal CRM API: Xkit's paths for an app's back end, for its contexts, and for the browser.

mod connections;
mod envelope;
mod gate;
mod invocations;
mod platform;
mod popup;
mod records;
mod socket;
mod subscriptions;
mod user;
mod user_mapping;
mod user_shapes;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use lockstep_core::limits::BODY_BYTES_MAX;

use crate::app::App;

/// The routes of all three: `/api/v1/crm`, `/api/platform` and `/api/platform_user`, and the pages of its pop-up window.
pub fn router(app: &App) -> Router<App> {
    let keyed = Router::new()
        .nest(
            "/v1/crm",
            connections::routes().merge(invocations::routes()).merge(records::routes()).merge(subscriptions::routes()),
        )
        .nest("/platform", platform::routes())
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(middleware::from_fn_with_state(gate::Gate::new(app.clone()), gate::pass));
    let browser = user::routes()
        .merge(user_mapping::routes())
        .fallback(envelope::no_such_path)
        .method_not_allowed_fallback(envelope::method_not_allowed)
        .layer(middleware::from_fn_with_state(app.clone(), user::cross_origin));
    Router::new()
        .nest("/api/platform_user", browser)
        .nest("/api", keyed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize))
        .merge(popup::routes())
        .merge(socket::routes())
}
