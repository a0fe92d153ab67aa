//! Connecting an account with OAuth: an address to open in a browser, and the connection that comes of it.
//!
//! What has to be remembered meanwhile travels in the `state` parameter, sealed: nobody can read, alter or make one, any
//! node can finish what another began, and nothing is left behind by a person who closes the window.
//!
//! A user's browser passes our own door ([`depart`]) on its way to the vendor and brings a cookie back from there. Without,
//! whoever begins an authorisation could send its address to somebody else, whose CRM would then be connected to them
//! (RFC 9700, section 4.7).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_connect::oauth::{self, Pkce};
use lockstep_connect::{Fault, Grant};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::env::Time;
use lockstep_core::ids::{AuthorizationId, ContextId, OrgId};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Authorization, AuthorizationStatus, ConnectionOf, ContextOf, Org, StoreError};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::ops::crm::app::AppSettings;
use crate::ops::crm::connections;
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
    purpose: For,
    verifier: String,
    until: Time,
}

/// What an authorisation is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum For {
    /// A connection of the organization's own, made at the command line.
    Operator {
        /// About a unique property for our id.
        key: KeyChoice,
    },
    /// A connection that a user makes in CRM Link.
    Link {
        /// The context.
        context: ContextId,
        /// The authorisation as it is kept.
        authorization: AuthorizationId,
        /// What the browser has to bring back.
        nonce: String,
    },
}

/// A user's browser on its way to the vendor.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The vendor's page.
    pub address: String,
    /// The cookie that is asked for when the browser comes back: its name, without prefix, and its value.
    pub cookie: (String, String),
    /// For how long both are good.
    pub good_for: Duration,
}

/// Where a person stands who came back from the vendor.
#[derive(Clone, Debug)]
pub enum Returned {
    /// The operator's account is connected.
    Operator(Box<ConnectionOf>),
    /// The user's authorisation has ended, well or not; the page that they came from says which.
    User,
}

/// The address where a person allows us to act at a vendor. It is good for 15 minutes.
///
/// # Errors
/// The vendor is unknown, or no client id and secret are configured for it.
pub fn begin(app: &App, org: &Org, vendor: &str, base_url: Option<String>, key: KeyChoice) -> Result<String, Problem> {
    let state = state(app, org, vendor, base_url, For::Operator { key });
    let sealed = seal(app, &state)?;
    vendor_page(app, &state, &sealed)
}

/// The address that a user's browser is led to from a page of the app: our own door, which leads on to the vendor. It is
/// good for 15 minutes.
///
/// # Errors
/// The vendor is unknown, or no client id and secret are configured for it.
pub fn begin_link(
    app: &App,
    context: &ContextOf,
    authorization: &Authorization,
    base_url: Option<String>,
) -> Result<String, Problem> {
    let purpose = For::Link {
        context: context.id().clone(),
        authorization: authorization.id.clone(),
        nonce: URL_SAFE_NO_PAD.encode(app.env.random_bytes::<16>()),
    };
    let state = state(app, context.org(), &authorization.vendor, base_url, purpose);
    let sealed = seal(app, &state)?;
    vendor_page(app, &state, &sealed)?;
    Ok(format!("{}/oauth/begin?state={sealed}", app.settings.public_url.trim_end_matches('/')))
}

/// Leads a user's browser on to the vendor. `from` is the origin of the page that it comes from.
///
/// # Errors
/// A state that was altered or is too old, or a page that is neither ours nor one that the app allows.
pub async fn depart(app: &App, sealed: &str, from: Option<&str>) -> Result<Departure, Problem> {
    let state = current(app, sealed)?;
    let For::Link { authorization, nonce, .. } = &state.purpose else { return Err(stale()) };
    let ours = url::Url::parse(&app.settings.public_url).map(|url| url.origin().ascii_serialization());
    let trusted = match from {
        Some(from) if ours.is_ok_and(|ours| ours == from) => true,
        Some(from) => settings_of(app, &state.org).await?.allows_origin(from),
        None => false,
    };
    if !trusted {
        let message =
            "An authorisation is begun on a page of the app and nowhere else. Open the app and connect there.";
        return Err(Problem::new(Code::InsufficientScope, message));
    }
    let cookie = (cookie_name(authorization), nonce.clone());
    Ok(Departure { address: vendor_page(app, &state, sealed)?, cookie, good_for: GOOD_FOR })
}

async fn settings_of(app: &App, org: &OrgId) -> Result<AppSettings, Problem> {
    let wanted = org.clone();
    let stored = app.store.read(move |tx| match tx.org(&wanted)? {
        Some(org) => Ok::<_, StoreError>(tx.app::<AppSettings>(&org)?),
        None => Ok(None),
    });
    Ok(stored.await?.map(|stored| stored.settings).unwrap_or_default())
}

/// One for each authorisation: a person may have two windows open.
fn cookie_name(authorization: &AuthorizationId) -> String {
    format!("lockstep-{}", authorization.as_str())
}

fn state(app: &App, org: &Org, vendor: &str, base_url: Option<String>, purpose: For) -> State {
    State {
        org: org.id().clone(),
        vendor: vendor.to_owned(),
        base_url,
        purpose,
        verifier: Pkce::new(&app.env).verifier.expose_secret().to_owned(),
        until: app.env.now().plus(GOOD_FOR),
    }
}

fn vendor_page(app: &App, state: &State, sealed: &str) -> Result<String, Problem> {
    let about = reach::connector(&state.vendor).map_err(refused)?.about();
    let (terms, client) = reach::oauth_app(app, about).map_err(refused)?;
    let page = state.base_url.as_deref().map(|base_url| reach::elsewhere(base_url, terms.authorize_url));
    let pkce = Pkce::of(state.verifier.clone());
    Ok(oauth::authorize_url(terms, page.as_deref(), &client, sealed, &pkce))
}

/// What the vendor sent the browser back with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Access was allowed: this code is exchanged for a grant.
    Code(String),
    /// It was not: the vendor's word for why (RFC 6749, section 4.1.2.1).
    Refused(String),
}

/// Goes on with a person who came back from the vendor. `brought` looks up a cookie by its name without prefix.
///
/// # Errors
/// A state that was altered or is too old, a user's browser that did not depart from here; for an operator's, whatever
/// [`syncs::connect`] refuses. What else becomes of a user's is written down with their authorisation instead.
pub async fn finish(
    app: &App,
    state: &str,
    answer: Answer,
    brought: impl Fn(&str) -> Option<String>,
) -> Result<Returned, Problem> {
    let state = current(app, state)?;
    match (state.purpose.clone(), answer) {
        (For::Link { context, authorization, nonce }, answer) => {
            if brought(&cookie_name(&authorization)) != Some(nonce) {
                let message =
                    "This authorisation was begun in another browser. Open the app in this one and connect there.";
                return Err(Problem::of(Code::InvalidFieldValue, "state", message));
            }
            finish_link(app, state, &context, &authorization, answer).await.map(|()| Returned::User)
        }
        (For::Operator { .. }, Answer::Refused(_)) => {
            Err(Problem::new(Code::InvalidFieldValue, "Access was not allowed. Start again to connect."))
        }
        (For::Operator { key }, Answer::Code(code)) => {
            let wanted = state.org.clone();
            let org = app.store.read(move |tx| tx.org(&wanted)).await?;
            let org = org.ok_or_else(|| Problem::not_found("organization"))?;
            let (grant, base_url) = exchange(app, &state, &code).await.map_err(refused)?;
            let request = Connect { vendor: state.vendor, base_url: Some(base_url), grant, key, renews: None };
            let connected = syncs::connect(app, &org, request).await?;
            Ok(Returned::Operator(Box::new(connected)))
        }
    }
}

async fn exchange(app: &App, state: &State, code: &str) -> Result<(Grant, String), Fault> {
    let about = reach::connector(&state.vendor)?.about();
    let base_url = state.base_url.as_deref().unwrap_or(about.base_url);
    reach::exchange_code(app, &state.vendor, base_url, code, &Pkce::of(state.verifier.clone())).await
}

async fn finish_link(
    app: &App,
    state: State,
    context: &ContextId,
    authorization: &AuthorizationId,
    answer: Answer,
) -> Result<(), Problem> {
    let (org, context, id) = (state.org.clone(), context.clone(), authorization.clone());
    let found = app.store.write(move |tx| {
        let Some(context) = tx.context(&org, &context)? else { return Ok(None) };
        // Who comes back twice with one code finds the first one's answer.
        let first = tx.move_authorization(&context, &id, AuthorizationStatus::RetrievingTokens, None)?;
        let row = tx.authorization(&context, &id)?.filter(|_| first);
        Ok::<_, StoreError>(row.map(|row| (context, row)))
    });
    let Some((context, row)) = found.await? else { return Ok(()) };
    let outcome = match answer {
        Answer::Refused(word) if word == "access_denied" => {
            Err(("access_denied".to_owned(), "Access was not allowed.".to_owned()))
        }
        Answer::Refused(word) => Err((word, "The CRM could not finish the authorisation.".to_owned())),
        Answer::Code(code) => match exchange(app, &state, &code).await {
            Err(fault) => Err((fault.code, fault.message)),
            Ok((grant, base_url)) => match connections::connect(app, &context, &row, grant, base_url).await {
                Ok(_) | Err(CrmProblem { code: CrmCode::Invalid, .. }) => Ok(()),
                Err(problem) => Err((problem.code.word().to_owned(), problem.message)),
            },
        },
    };
    if let Err((code, message)) = outcome {
        let failed = connections::fail(app, &context, authorization, &code, &message).await;
        failed.map_err(|problem| Problem::new(Code::TemporarilyUnavailable, problem.message))?;
    }
    Ok(())
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

fn current(app: &App, sealed: &str) -> Result<State, Problem> {
    open(app, sealed).filter(|state| state.until >= app.env.now()).ok_or_else(stale)
}

fn stale() -> Problem {
    Problem::of(Code::InvalidFieldValue, "state", "This authorisation is too old or was altered. Start again.")
}

fn open(app: &App, state: &str) -> Option<State> {
    let plain = app.vault.open(PLACE, &URL_SAFE_NO_PAD.decode(state).ok()?).ok()?;
    serde_json::from_str(plain.expose_secret()).ok()
}
