//! What every request gets, on every surface: an id, a whole answer even after a panic, and one log line.

use std::panic::AssertUnwindSafe;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use lockstep_core::env::Env;
use lockstep_core::ids::{OrgId, RequestId};
use lockstep_core::problem::{Code, Problem};

use crate::wire::inbox::envelope::{self, Refusal};

/// The header that names the request, in every answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps one request. A refusal travels here as an extension of the response, because only here its body can be
/// written for all that refuse: handlers, the router's own 404 and 405, limits and panics.
pub async fn scope(State(env): State<Env>, mut request: Request, next: Next) -> Response {
    let started = env.now();
    let id = RequestId::new(&env);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());

    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(request = %id, "a request handler panicked");
        Refusal(Problem::new(Code::InternalError, "Something broke on our side. Tell the operator the request id."))
            .into_response()
    });
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        envelope::write_refusal(&mut response, &problem, &id);
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().entry(REQUEST_ID).or_insert(value);
    }
    tracing::info!(
        %method,
        route = %route.as_ref().map_or("-", MatchedPath::as_str),
        status = response.status().as_u16(),
        ms = u64::try_from(env.now().since(started).as_millis()).unwrap_or(u64::MAX),
        org = %response.extensions().get::<OrgId>().map_or("-", OrgId::as_str),
        request = %id,
        "request"
    );
    response
}
