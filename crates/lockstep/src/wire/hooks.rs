//! Where webhooks of vendors and channels come in: verified over their raw bytes, stored, and only then answered with 2xx.

use axum::Router;
use axum::extract::{DefaultBodyLimit, OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use lockstep_connect::{HookRequest, registry};
use lockstep_core::limits::BODY_BYTES_MAX;
use lockstep_core::problem::{Code, Problem};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::app::App;
use crate::channel::whatsapp::hook;
use crate::ops::channels;
use crate::ops::received::{self, VerifiedHook};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::{Filters, Raw, Segments};

/// The routes of all vendors and channels.
pub fn router() -> Router<App> {
    let vendors =
        Router::new().route("/hooks/{vendor}", post(receive)).layer(DefaultBodyLimit::max(BODY_BYTES_MAX as usize));
    let whatsapp = Router::new()
        .route("/hooks/whatsapp/{channel}", get(greet_whatsapp).post(hear_whatsapp))
        .layer(DefaultBodyLimit::max(WHATSAPP_BYTES_MAX));
    vendors.merge(whatsapp)
}

/// Bytes of one of Meta's webhooks; theirs have up to 3 MB ("Webhooks" of the WhatsApp Business Platform).
const WHATSAPP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Meta's question whether this is the address that it was told ("Create a webhook endpoint", verification requests).
#[derive(Deserialize)]
struct Greeting {
    #[serde(rename = "hub.mode")]
    mode: String,
    #[serde(rename = "hub.verify_token")]
    verify_token: String,
    #[serde(rename = "hub.challenge")]
    challenge: String,
}

async fn greet_whatsapp(
    State(app): State<App>,
    Segments(channel): Segments<String>,
    Filters(greeting): Filters<Greeting>,
) -> Result<String, Refusal> {
    if greeting.mode != "subscribe" {
        return Err(Problem::of(Code::InvalidFieldValue, "hub.mode", "Only subscribe is known.").into());
    }
    Ok(channels::challenge(&app, &channel, &greeting.verify_token, greeting.challenge).await?)
}

/// Meta sends again what is answered with anything but 200.
async fn hear_whatsapp(
    State(app): State<App>,
    Segments(channel): Segments<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Refusal> {
    let signature = headers.get(hook::SIGNATURE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    channels::receive(&app, &channel, signature, body).await?;
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
