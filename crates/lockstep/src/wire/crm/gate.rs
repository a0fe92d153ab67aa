//! What stands before an app's back end: its key pair, then the organization's rate limit.

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::ids::RequestId;

use super::envelope::CrmRefusal;
use crate::auth;
use crate::wire::gate::{Gate, TOO_MANY};

/// Lets a request in, or answers 401 or 429 for it.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new(&gate.app.env));
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let caller = match auth::pair(&gate.app, authorization.as_ref(), id).await {
        Ok(caller) => caller,
        Err(problem) => return CrmRefusal(problem).into_response(),
    };
    let refused = |wait| {
        let problem = CrmProblem { retry_after: Some(wait), ..CrmProblem::new(CrmCode::RateLimited, TOO_MANY) };
        CrmRefusal(problem).into_response()
    };
    gate.count(caller, request, next, refused).await
}
