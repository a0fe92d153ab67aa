//! Where vendors send a person's browser back to after it was asked for permission.

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use lockstep_core::problem::{Code, Problem};
use serde::Deserialize;

use crate::app::App;
use crate::ops::authorise;
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::Filters;

/// The route of all vendors.
pub fn router() -> Router<App> {
    Router::new().route("/oauth/callback", get(callback))
}

/// What a vendor adds to the address (RFC 6749, sections 4.1.2 and 4.1.2.1).
#[derive(Deserialize)]
struct Redirect {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

async fn callback(State(app): State<App>, Filters(redirect): Filters<Redirect>) -> Result<impl IntoResponse, Refusal> {
    if redirect.error.is_some() {
        return Err(Problem::new(Code::InvalidFieldValue, "Access was not allowed. Start again to connect.").into());
    }
    let missing = |name: &str| Problem::of(Code::MissingRequiredField, name, format!("{name} is required."));
    let state = redirect.state.ok_or_else(|| missing("state"))?;
    let code = redirect.code.ok_or_else(|| missing("code"))?;
    let connection = authorise::finish(&app, &state, &code).await?;
    let row = connection.connection();
    tracing::info!(connection = %row.id, vendor = row.vendor, "connected");
    Ok(format!("Connected to {} account {}: {}\nYou can close this window.\n", row.vendor, row.account, row.id))
}
