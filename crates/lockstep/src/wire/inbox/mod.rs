//! The Inbox API: Kirim's `/v1` in both path layouts, and what goes beyond it.

mod accounts;
mod channel;
mod contact_labels;
mod contacts;
mod conversation_labels;
pub(super) mod conversations;
pub(super) mod cursor;
mod deliveries;
mod dto;
pub mod envelope;
pub(crate) mod extract;
mod gate;
mod health;
mod keys;
mod labels;
mod me;
mod messages;
mod once;
pub(super) mod openapi;
mod organizations;
mod outgoing;
pub(super) mod refusals;
mod rows;
mod streams;
mod subscription;
mod teams;
mod templates;
mod users;
mod webhooks;

use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router, middleware};
use lockstep_core::limits::BODY_BYTES_MAX;
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::wire::gate::Gate;
use crate::wire::{method_not_allowed, no_such_path};

/// The routes below `/v1`. All but health and the document stand behind the gate, unknown paths too.
pub fn router(app: &App) -> Router<App> {
    let (open, document) = surface();
    let gated = Router::from(gated())
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize))
        .layer(middleware::from_fn(gate::scoped))
        .layer(middleware::from_fn_with_state(Gate::new(app.clone()), gate::pass));
    let answer = Json(document);
    Router::from(open)
        .route("/v1/openapi.json", get(move || async move { answer.into_response() }))
        .method_not_allowed_fallback(method_not_allowed)
        .nest("/v1", gated)
}

/// The OpenAPI document of this version.
pub fn document() -> OpenApi {
    surface().1
}

fn gated() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me::me))
        .merge(accounts::routes())
        .merge(channel::routes())
        .merge(organizations::routes())
        .merge(keys::routes())
        .merge(webhooks::routes())
        .merge(deliveries::routes())
        .merge(health::routes())
        .merge(of_account())
        .nest("/{phone_number_id}", of_account())
}

/// What both layouts have: for the whole organization, or for one account.
fn of_account() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(rows::routes())
        .merge(streams::routes())
        .merge(contacts::routes())
        .merge(conversations::routes())
        .merge(conversation_labels::routes())
        .merge(messages::routes())
        .merge(templates::routes())
        .merge(contact_labels::routes())
        .merge(labels::routes())
        .merge(users::routes())
        .merge(teams::routes())
}

/// The routes that need no key, and the document of all.
fn surface() -> (OpenApiRouter<App>, OpenApi) {
    let open = OpenApiRouter::with_openapi(openapi::Head::openapi()).routes(routes!(me::health));
    let document = open.get_openapi().clone().nest("/v1", gated().into_openapi());
    (open, openapi::complete(document))
}
