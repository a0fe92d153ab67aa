//! Where vendors send a person's browser back to after it was asked for permission.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use lockstep_core::problem::{Code, Problem};
use serde::Deserialize;

use crate::app::App;
use crate::ops::authorise::{self, Answer, Returned};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::Filters;

/// The route of all vendors.
pub fn router() -> Router<App> {
    Router::new().route("/oauth/callback", get(callback))
}

/// What a vendor adds to the address (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Deserialize)]
struct Sent {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(State(app): State<App>, Filters(redirect): Filters<Sent>) -> Result<Response, Refusal> {
    let missing = |name: &str| Problem::of(Code::MissingRequiredField, name, format!("{name} is required."));
    let state = redirect.state.ok_or_else(|| missing("state"))?;
    let answer = match (redirect.error, redirect.code) {
        (Some(error), _) => Answer::Refused(error),
        (None, code) => Answer::Code(code.ok_or_else(|| missing("code"))?),
    };
    match authorise::finish(&app, &state, answer).await? {
        Returned::Operator(connection) => {
            let row = connection.connection();
            tracing::info!(connection = %row.id, vendor = row.vendor, "connected");
            let told = format!("Connected to {} account {}: {}\n", row.vendor, row.account, row.id);
            Ok((told + "You can close this window.\n").into_response())
        }
        Returned::User => Ok(Redirect::to("/link/authorized").into_response()),
    }
}
