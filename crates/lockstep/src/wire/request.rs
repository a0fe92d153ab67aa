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

/// Why a request failed, for the log alone; travels as an extension of the response.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

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
    let mut cause = response.extensions_mut().remove::<Cause>().map(|Cause(cause)| cause);
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        envelope::write_refusal(&mut response, &problem, &id);
        cause = problem.cause;
    }
    if let Some(cause) = cause {
        tracing::warn!(request = %id, status = response.status().as_u16(), cause, "a request failed for a reason of ours");
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::routing::get;
    use lockstep_core::env::Time;
    use lockstep_store::StoreError;
    use tower::ServiceExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn what_broke_is_logged_with_the_request_and_not_told_to_the_caller() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let full = || StoreError::Unavailable { detail: "the disk is full".to_owned() };
        let failing = get(async move || Refusal(full().into()));
        let (env, _) = Env::manual(Time::from_secs(0), 1);
        let router = Router::new().route("/", failing).layer(axum::middleware::from_fn_with_state(env, scope));

        let answer = router.oneshot(Request::new(Body::empty())).await.unwrap();
        let id = answer.headers()[REQUEST_ID].to_str().unwrap().to_owned();
        assert_eq!(answer.status(), 503);
        let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("disk"));
        let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(logged.lines().any(|line| line.contains("the disk is full") && line.contains(&id)), "{logged}");
    }
}
