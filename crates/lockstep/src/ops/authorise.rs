//! Connecting an account with OAuth: an address to open in a browser, and the connection that comes of it.
//!
//! What has to be remembered meanwhile travels in the `state` parameter, sealed: nobody can read, alter or make one, any
//! node can finish what another began, and nothing is left behind by a person who closes the window.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_connect::oauth::{self, Pkce};
use lockstep_connect::{About, Fault};
use lockstep_core::env::Time;
use lockstep_core::ids::OrgId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{ConnectionOf, Org};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::ops::syncs::{self, Connect, KeyChoice};
use crate::reach;
use crate::vault::Place;

/// How long a person may take.
const GOOD_FOR: Duration = Duration::from_secs(15 * 60);
const PLACE: Place<'_> = Place { table: "authorisation", row: "", column: "state" };

#[derive(Serialize, Deserialize)]
struct State {
    org: OrgId,
    vendor: String,
    base_url: Option<String>,
    key: KeyChoice,
    verifier: String,
    until: Time,
}

/// The address where a person allows us to act at a vendor. It is good for 15 minutes.
///
/// # Errors
/// The vendor is unknown, or no client id and secret are configured for it.
pub fn begin(app: &App, org: &Org, vendor: &str, base_url: Option<String>, key: KeyChoice) -> Result<String, Problem> {
    let about = reach::connector(vendor).map_err(refused)?.about();
    let client = reach::oauth_app(app, about).map_err(refused)?;
    let pkce = Pkce::new(&app.env);
    let page = base_url.as_deref().map(|base_url| page_at(base_url, about));
    let state = State {
        org: org.id().clone(),
        vendor: vendor.to_owned(),
        base_url,
        key,
        verifier: pkce.verifier.expose_secret().to_owned(),
        until: app.env.now().plus(GOOD_FOR),
    };
    Ok(oauth::authorize_url(&about.oauth, page.as_deref(), &client, &seal(app, &state)?, &pkce))
}

/// The vendor's page under another address, such as a sandbox's.
fn page_at(base_url: &str, about: &About) -> String {
    let path = url::Url::parse(about.oauth.authorize_url).map(|url| url.path().to_owned()).unwrap_or_default();
    format!("{}{path}", base_url.trim_end_matches('/'))
}

/// Exchanges what the vendor sent the browser back with, and connects the account.
///
/// # Errors
/// A state that was altered or is too old, and whatever [`syncs::connect`] refuses.
pub async fn finish(app: &App, state: &str, code: &str) -> Result<ConnectionOf, Problem> {
    let state = open(app, state).filter(|state| state.until >= app.env.now()).ok_or_else(|| {
        Problem::of(Code::InvalidFieldValue, "state", "This authorisation is too old or was altered. Start again.")
    })?;
    let wanted = state.org.clone();
    let org = app.store.read(move |tx| tx.org(&wanted)).await?;
    let org = org.ok_or_else(|| Problem::not_found("organization"))?;
    let about = reach::connector(&state.vendor).map_err(refused)?.about();
    let base_url = state.base_url.as_deref().unwrap_or(about.base_url);
    let pkce = Pkce::of(state.verifier.clone());
    let grant = reach::exchange_code(app, &state.vendor, base_url, code, &pkce).await.map_err(refused)?;
    let State { vendor, base_url, key, .. } = state;
    syncs::connect(app, &org, Connect { vendor, base_url, grant, key, renews: None }).await
}

fn refused(fault: Fault) -> Problem {
    Problem::new(Code::InvalidFieldValue, fault.message)
}

fn seal(app: &App, state: &State) -> Result<String, Problem> {
    let internal = |error: &dyn std::fmt::Display| Problem::new(Code::InternalError, error.to_string());
    let plain = serde_json::to_vec(state).map_err(|error| internal(&error))?;
    let sealed = app.vault.seal(PLACE, &plain, &app.env).map_err(|error| internal(&error))?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

fn open(app: &App, state: &str) -> Option<State> {
    let plain = app.vault.open(PLACE, &URL_SAFE_NO_PAD.decode(state).ok()?).ok()?;
    serde_json::from_str(plain.expose_secret()).ok()
}
