//! What stands before every route that needs a key, whichever API it belongs to: the caller's rate limit.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::auth::Caller;
use crate::wire::rate::{Class, Limiter};

/// What a caller reads who has no token left.
pub const TOO_MANY: &str = "Too many requests. Wait for Retry-After seconds and add some jitter.";

/// The gate's state: one for a router.
#[derive(Clone)]
pub struct Gate {
    /// The house.
    pub app: App,
    limiter: Arc<Limiter>,
}

impl Gate {
    /// A gate with full buckets.
    pub fn new(app: App) -> Self {
        Self { app, limiter: Arc::default() }
    }

    /// Lets a request of a known caller in, or answers with what `refused` makes of the wait; either answer tells where
    /// the bucket stands.
    pub async fn count(
        &self,
        caller: Caller,
        mut request: Request,
        next: Next,
        refused: impl FnOnce(Duration) -> Response,
    ) -> Response {
        let (app, class) = (&self.app, Class::of(request.method()));
        let standing = self.limiter.take(&app.store, &caller, class, &app.settings.rate_limits, app.env.now()).await;
        // A database that cannot count now may still be read; what cannot be committed is refused by the handler.
        let standing = standing.unwrap_or_else(|error| {
            tracing::warn!(%error, "a request is let in uncounted");
            None
        });
        let org = caller.org.id().clone();
        let mut response = if let Some(wait) = standing.and_then(|standing| standing.wait) {
            refused(wait)
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
}
