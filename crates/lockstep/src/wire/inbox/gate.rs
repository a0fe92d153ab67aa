//! What stands before every route that needs a key: the key, then the organization's rate limit.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::ids::RequestId;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::{Access, Resource, Scope};

use crate::app::App;
use crate::auth::{self, Caller};
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
            } else if let Err(problem) = check_scopes(&caller, &request) {
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

/// Refuses what the key's scopes do not cover. A route that no resource is known for is closed to a key with scopes.
fn check_scopes(caller: &Caller, request: &Request) -> Result<(), Problem> {
    // Unknown paths have no route: they answer 404 to everyone.
    let Some(route) = request.extensions().get::<MatchedPath>() else { return Ok(()) };
    let access = match Class::of(request.method()) {
        Class::Read => Access::Read,
        Class::Write => Access::Write,
    };
    match resource(route.as_str()) {
        Open::Every => Ok(()),
        Open::Resource(resource) => caller.may(Scope { resource, access }),
        Open::Unknown if caller.scopes.is_empty() => Ok(()),
        Open::Unknown => {
            Err(Problem::new(Code::InsufficientScope, "No scope covers this path: use a key without any."))
        }
    }
}

/// What a key needs for a route.
#[derive(Debug, PartialEq, Eq)]
enum Open {
    /// Nothing: the route says who the key is.
    Every,
    /// A scope of this resource.
    Resource(Resource),
    /// No scope covers it.
    Unknown,
}

fn resource(route: &str) -> Open {
    let mut words = route.split('/').filter(|word| !word.is_empty() && *word != "v1" && *word != "{phone_number_id}");
    match words.next() {
        Some("me") => Open::Every,
        Some(word) => Resource::of(word).map_or(Open::Unknown, Open::Resource),
        None => Open::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_behind_the_gate_has_its_scope() {
        for path in crate::wire::inbox::document().paths.paths.keys().filter(|path| *path != "/v1/health") {
            assert_ne!(resource(path), Open::Unknown, "{path}");
        }
        assert_eq!(resource("/v1/{phone_number_id}/contacts/{id}/labels"), Open::Resource(Resource::Contacts));
        assert_eq!(resource("/v1/nothing"), Open::Unknown);
    }
}
