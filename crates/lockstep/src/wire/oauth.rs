//! The door through which a user's browser goes to a vendor to be asked for permission, and comes back.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use lockstep_core::problem::{Code, Problem};
use serde::Deserialize;
use url::Url;

use crate::app::App;
use crate::ops::authorise::{self, Answer, Returned};
use crate::wire::cookie;
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::Filters;

/// The routes of all vendors.
pub fn router() -> Router<App> {
    Router::new().route("/oauth/begin", get(begin)).route("/oauth/callback", get(callback))
}

#[derive(Deserialize)]
struct Begin {
    state: String,
}

async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Filters(asked): Filters<Begin>,
) -> Result<Response, Refusal> {
    let departure = authorise::depart(&app, &asked.state, page_of(&app, &headers).as_deref()).await?;
    let (name, value) = departure.cookie;
    let cookie = cookie::set(&app, &name, &value, departure.good_for);
    let headers = [(header::SET_COOKIE, cookie.as_str()), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Redirect::to(&departure.address)).into_response())
}

/// The origin of the page that led the browser here, where the browser tells.
fn page_of(app: &App, headers: &HeaderMap) -> Option<String> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let origin = |address: &str| Some(Url::parse(address).ok()?.origin().ascii_serialization());
    if headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin") {
        return origin(&app.settings.public_url);
    }
    origin(headers.get(header::REFERER)?.to_str().ok()?)
}

/// What a vendor adds to the address (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Deserialize)]
struct Sent {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    Filters(redirect): Filters<Sent>,
) -> Result<Response, Refusal> {
    let missing = |name: &str| Problem::of(Code::MissingRequiredField, name, format!("{name} is required."));
    let state = redirect.state.ok_or_else(|| missing("state"))?;
    let answer = match (redirect.error, redirect.code) {
        (Some(error), _) => Answer::Refused(error),
        (None, code) => Answer::Code(code.ok_or_else(|| missing("code"))?),
    };
    let brought = |name: &str| cookie::find(&app, &headers, name).map(str::to_owned);
    match authorise::finish(&app, &state, answer, brought).await? {
        Returned::Operator(connection) => {
            let row = connection.connection();
            tracing::info!(connection = %row.id, vendor = row.vendor, "connected");
            let told = format!("Connected to {} account {}: {}\n", row.vendor, row.account, row.id);
            Ok((told + "You can close this window.\n").into_response())
        }
        Returned::User => Ok(Redirect::to("/link/authorized").into_response()),
    }
}
