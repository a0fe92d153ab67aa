//! What stands before every route that needs a key: the key, then the organization's rate limit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::ids::RequestId;
use lockstep_core::problem::{Code, Problem};

use crate::app::App;
use crate::auth;
use crate::wire::inbox::envelope::Refusal;
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
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new(&gate.app.env));
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    match auth::caller(&gate.app, authorization.as_ref(), id).await {
        Ok(caller) => {
            let (app, class) = (&gate.app, Class::of(request.method()));
            let standing =
                gate.limiter.take(&app.store, &caller, class, &app.settings.rate_limits, app.env.now()).await;
            // A database that cannot count now may still be read; what cannot be committed is refused by the handler.
            let standing = standing.unwrap_or_else(|error| {
                tracing::warn!(%error, "a request is let in uncounted");
                None
            });
            let org = caller.org.id().clone();
            let mut response = if let Some(wait) = standing.and_then(|standing| standing.wait) {
                let message = "Too many requests. Wait for Retry-After seconds and add some jitter.";
                let problem = Problem { retry_after: Some(wait), ..Problem::new(Code::RateLimitExceeded, message) };
                Refusal(problem).into_response()
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
        Err(problem) => Refusal(problem).into_response(),
    }
}
