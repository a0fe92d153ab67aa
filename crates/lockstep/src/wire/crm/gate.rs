//! What stands before an app's back end: its key pair, then the organization's rate limit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::ids::RequestId;

use super::envelope::CrmRefusal;
use crate::app::App;
use crate::auth;
use crate::wire::rate::{Class, Limiter};

/// The gate's state: one for a router.
#[derive(Clone)]
pub struct Gate {
    app: App,
    limiter: Arc<Limiter>,
}

impl Gate {
    /// A gate with full buckets.
    pub fn new(app: App) -> Self {
        Self { app, limiter: Arc::default() }
    }
}

/// Lets a request in, or answers 401 or 429 for it.
pub async fn pass(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let app = &gate.app;
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new(&app.env));
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let caller = match auth::pair(app, authorization.as_ref(), id).await {
        Ok(caller) => caller,
        Err(problem) => return CrmRefusal(problem).into_response(),
    };
    let class = Class::of(request.method());
    let standing = gate.limiter.take(&app.store, &caller, class, &app.settings.rate_limits, app.env.now()).await;
    let standing = standing.unwrap_or_else(|error| {
        tracing::warn!(%error, "a request is let in uncounted");
        None
    });
    let org = caller.org.id().clone();
    let mut response = if let Some(wait) = standing.and_then(|standing| standing.wait) {
        let message = "Too many requests. Wait for Retry-After seconds and add some jitter.";
        CrmRefusal(CrmProblem { retry_after: Some(wait), ..CrmProblem::new(CrmCode::RateLimited, message) })
            .into_response()
    } else {
        request.extensions_mut().insert(caller);
        next.run(request).await
    };
    if let Some(standing) = standing.filter(|_| !response.status().is_server_error()) {
        standing.write(response.headers_mut());
    }
    response.extensions_mut().insert(org);
    response
}
