//! What stands before every route that needs a key: the key, the organization's rate limit, then the key's scopes.

use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::ids::RequestId;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::{Access, Resource, Scope};

use crate::auth::{self, Caller};
use crate::wire::gate::{Gate, TOO_MANY};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::rate::Class;

/// Lets a request in, or answers 401 or 429 for it.
pub async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId::new(&gate.app.env));
    let authorization = request.headers().get(header::AUTHORIZATION).cloned();
    let caller = match auth::caller(&gate.app, authorization.as_ref(), id).await {
        Ok(caller) => caller,
        Err(problem) => return Refusal(problem).into_response(),
    };
    let refused = |wait| {
        let problem = Problem { retry_after: Some(wait), ..Problem::new(Code::RateLimitExceeded, TOO_MANY) };
        Refusal(problem).into_response()
    };
    gate.count(caller, request, next, refused).await
}

/// Lets a request in that the key's scopes cover, or answers 403 for it.
pub async fn scoped(Extension(caller): Extension<Caller>, request: Request, next: Next) -> Response {
    match check_scopes(&caller, &request) {
        Ok(()) => next.run(request).await,
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
