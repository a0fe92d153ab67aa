//! The OAuth way to a connection: a person is sent to the vendor and comes back with a code. Nothing is stored in
//! between: what is needed on the way back travels sealed in the `state`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_connect::oauth::{Pkce, authorize_url};
use lockstep_core::env::Time;
use lockstep_core::ids::OrgId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{ConnectionOf, Org};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::syncs::{Connect, KeyChoice, connect, vendor_problem};
use crate::app::App;
use crate::reach;
use crate::vault::Place;

/// How long a person may take at the vendor.
const STATE_LIFE: Duration = Duration::from_secs(15 * 60);
/// A state longer than this was not made here.
const STATE_CHARS_MAX: usize = 4_096;
const STATE: Place<'_> = Place { table: "oauth", row: "state", column: "state" };

#[derive(Serialize, Deserialize)]
struct State {
    org: OrgId,
    vendor: String,
    /// `None` takes the vendor's own address.
    base_url: Option<String>,
    key: KeyChoice,
    verifier: String,
    made_at: Time,
}

/// The address where a person allows access.
///
/// # Errors
/// The vendor is unknown, or no client id and secret are configured for it.
pub fn begin(app: &App, org: &Org, vendor: &str, base_url: Option<String>, key: KeyChoice) -> Result<String, Problem> {
    let about = reach::connector(vendor).map_err(vendor_problem)?.about();
    let client = reach::oauth_app(app, about).map_err(vendor_problem)?;
    let pkce = Pkce::new(&app.env);
    // A sandbox has its own page for this, at the same path below its address.
    let path = about.oauth.authorize_url.splitn(4, '/').nth(3).unwrap_or_default();
    let page = base_url.as_ref().map(|base| format!("{}/{path}", base.trim_end_matches('/')));
    let state = State {
        org: org.id().clone(),
        vendor: vendor.to_owned(),
        base_url,
        key,
        verifier: pkce.verifier.expose_secret().to_owned(),
        made_at: app.env.now(),
    };
    let internal = |error: &dyn std::fmt::Display| Problem::new(Code::InternalError, error.to_string());
    let text = serde_json::to_vec(&state).map_err(|error| internal(&error))?;
    let sealed = app.vault.seal(STATE, &text, &app.env).map_err(|error| internal(&error))?;
    Ok(authorize_url(&about.oauth, page.as_deref(), &client, &URL_SAFE_NO_PAD.encode(sealed), &pkce))
}

/// Takes the code that a person came back with and makes the connection, or renews the one that the account has.
///
/// # Errors
/// A state that was not made here or is too old, or the vendor's refusal.
pub async fn finish(app: &App, state: &str, code: &str) -> Result<ConnectionOf, Problem> {
    let unusable = || Problem::of(Code::InvalidFieldValue, "state", "This authorisation is not ours or took too long: begin it again.");
    let state = open(app, state).ok_or_else(unusable)?;
    let now = app.env.now();
    if now.since(state.made_at) > STATE_LIFE || now < state.made_at {
        return Err(unusable());
    }
    let org_id = state.org.clone();
    let org = app.store.read(move |tx| tx.org(&org_id)).await?.ok_or_else(unusable)?;
    let about = reach::connector(&state.vendor).map_err(vendor_problem)?.about();
    let base_url = state.base_url.clone().unwrap_or_else(|| about.base_url.to_owned());
    let grant = reach::exchange_code(app, &state.vendor, &base_url, code, &Pkce::of(state.verifier)).await.map_err(vendor_problem)?;
    connect(app, &org, Connect { vendor: state.vendor, base_url: state.base_url, grant, key: state.key }).await
}

fn open(app: &App, state: &str) -> Option<State> {
    if state.len() > STATE_CHARS_MAX {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(state).ok()?;
    let text = app.vault.open(STATE, &sealed).ok()?;
    serde_json::from_str(text.expose_secret()).ok()
}
