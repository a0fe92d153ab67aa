//! The surfaces: HTTP in, operations called, HTTP out. Nothing is decided here.

mod cookie;
pub mod crm;
pub(crate) mod files;
mod gate;
pub mod hooks;
pub mod inbox;
mod manual;
mod media;
mod oauth;
mod page;
mod rate;
pub(crate) mod request;

use axum::Router;
use axum::middleware;
use axum::routing::get;

use crate::app::App;
use crate::link;
use crate::wire::inbox::envelope::Refusal;
use lockstep_core::problem::{Code, Problem};

/// What a person finds who opens the server's address in a browser.
const FRONT: &str = concat!(
    "Lockstep ",
    env!("CARGO_PKG_VERSION"),
    "\n\n\
    /v1                 Inbox API, described in /v1/openapi.json\n\
    /docs               the same as pages to browse and to try\n\
    /inbox              conversations, for people\n\
    /v1/health          whether this server works\n\
    /api/v1/crm         CRM API, described in /api/openapi.json and at /docs/crm\n\
    /api/platform       contexts of the CRM API\n\
    /link.js            CRM Link, for apps and their users\n\
    /hooks/{vendor}     where CRMs and WhatsApp send their webhooks\n\
    /oauth/callback     where CRMs send people back who allowed access\n\
    /media/{token}      files of messages\n"
);

/// Every surface, to be served on one address.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(async || FRONT))
        .merge(inbox::router(&app))
        .merge(manual::router())
        .merge(crm::router(&app))
        .merge(hooks::router())
        .merge(oauth::router())
        .merge(media::router())
        .merge(page::router())
        .merge(link::router())
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(app.env.clone(), request::scope))
        .with_state(app)
}

pub(crate) async fn no_such_path() -> Refusal {
    Refusal(Problem::not_found("path"))
}

pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal(Problem::new(
        Code::MethodNotAllowed,
        "This path does not take that method. The Allow header lists those that it takes.",
    ))
}
