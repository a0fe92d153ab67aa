//! CRM Link: the pages where an app's user connects their CRM and decides where fields come from and what events do.
//!
//! `link.js` shows them in a frame and hands it a token; every screen is a fragment that the frame asks for with it. They
//! call the operations that the browser JSON API calls. Screens are made of plain data ([`scene`]) by pure code, choices
//! become edits of a draft ([`edits`]), and templates hold no rules.

pub mod accent;
pub mod assets;
pub mod edits;
pub mod event;
pub mod fields;
pub mod journey;
pub mod options;
pub mod preview;
pub mod review;
pub mod row;
pub mod scene;
pub mod screens;
pub mod words;

use axum::Router;
use axum::routing::get;

use crate::app::App;

/// The routes of link.js and of what the frame loads.
pub fn router() -> Router<App> {
    Router::new()
        .route("/link.js", get(assets::module))
        .route("/link.classic.js", get(assets::classic))
        .route("/link/assets/{name}", get(assets::file))
        .route("/link/accent/{name}", get(assets::colours))
}

#[cfg(test)]
mod tests;
