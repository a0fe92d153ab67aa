//! Where webhooks of vendors and channels come in: verified over their raw bytes, stored, and only then answered with 2xx.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use lockstep_connect::{HookRequest, registry};
use lockstep_core::limits::{BODY_BYTES_MAX, CHANNEL_HOOK_BYTES_MAX};
use lockstep_core::problem::{Code, Problem};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::app::App;
use crate::ops::received::{self, VerifiedHook};
use crate::ops::{channels, hook_addresses};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::{Filters, Raw, Segments};

/// The routes of all vendors and channels. Below a vendor's are the addresses of single connections.
pub fn router() -> Router<App> {
    let vendors =
        Router::new().route("/hooks/{vendor}", post(receive)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize));
    let channels = Router::new()
        .route("/hooks/{channel}/{id}", get(greet).post(hear))
        .layer(DefaultBodyLimit::max(CHANNEL_HOOK_BYTES_MAX as usize));
    vendors.merge(channels)
}

#[derive(Deserialize)]
struct ChannelPath {
    channel: String,
    id: String,
}

/// A network asks whether this is the address that it was told.
async fn greet(
    State(app): State<App>,
    Segments(path): Segments<ChannelPath>,
    Filters(asked): Filters<BTreeMap<String, String>>,
) -> Result<String, Refusal> {
    Ok(channels::greet(&app, &path.channel, &path.id, &asked).await?)
}

/// Networks send again what is answered with anything but 200.
async fn hear(
    State(app): State<App>,
    Segments(path): Segments<ChannelPath>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Refusal> {
    match registry::find(&path.channel) {
        Some(connector) => hook_addresses::receive(&app, connector, &path.id, &headers, body).await?,
        None => channels::receive(&app, &path.channel, &path.id, &headers, body).await?,
    }
    Ok(StatusCode::OK)
}

/// Signed with the secret of the app that we are to the vendor. An unknown vendor and one without an app look the same.
async fn receive(
    State(app): State<App>,
    Segments(vendor): Segments<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Refusal> {
    let unknown = || Problem::not_found("path");
    let connector = registry::find(&vendor).ok_or_else(unknown)?;
    let registered = app.settings.oauth_apps.get(&vendor).ok_or_else(unknown)?;
    let called = format!("{}{uri}", app.settings.public_url);
    let request = HookRequest { method: "POST", uri: &called, headers: &headers, body: &body };
    let hints =
        connector.read_hook(&request, registered.client_secret.expose_secret(), app.env.now()).map_err(|fault| {
            tracing::warn!(vendor, code = %fault.code, "a webhook was refused: {}", fault.message);
            Problem::new(Code::InvalidApiKey, "The signature does not verify.")
        })?;
    let hook = VerifiedHook {
        vendor: connector.about().slug,
        accounts: hints.into_iter().map(|hint| (hint.account, hint.at)).collect(),
        body,
    };
    received::receive(&app, hook).await?;
    Ok(StatusCode::NO_CONTENT)
}
