//! Which path leads where, and how a fault that was ordered is told in either protocol.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::StatusCode;
use serde_json::Value;

use super::refusal::Refusal;
use super::{Odoo, admin, json2, methods, rpc, wire};
use crate::front::{Front, Fronted, pass};
use crate::wire::set_date;

/// Bytes of a call that are kept to answer it in its own form.
const KEPT_BYTES_MAX: usize = 128 * 1024 * 1024;

/// In a response's extensions: a refusal that the fault switch ordered.
#[derive(Clone)]
struct Ordered(Refusal);

impl Fronted for Odoo {
    fn front(&self) -> &Front {
        &self.0.front
    }

    /// The policy of an ordered status names the exception, such as `odoo.exceptions.AccessError`; without one the
    /// server's front answers with a page.
    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        let Some(name) = policy else {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return wire::page(status, status.canonical_reason().unwrap_or_default());
        };
        let message = if name.ends_with("SerializationFailure") {
            "could not serialize access due to concurrent update\n"
        } else {
            "Ordered by the fault switch"
        };
        let refusal = Refusal::new(status, name, message);
        let mut response = json2::refused(&refusal);
        response.extensions_mut().insert(Ordered(refusal));
        response
    }
}

/// Puts an ordered refusal into JSON-RPC's envelope.
async fn in_envelope(State(odoo): State<Odoo>, request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, KEPT_BYTES_MAX).await else {
        return wire::page(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let response = next.run(Request::from_parts(head, Body::from(body.clone()))).await;
    let Some(Ordered(refusal)) = response.extensions().get::<Ordered>().cloned() else { return response };
    let envelope: Value = serde_json::from_slice(&body).unwrap_or_default();
    let version = odoo.with(|database| database.settings.version);
    rpc::refused(&envelope["id"], refusal, version)
}

/// Puts the server's clock on every answer, as every HTTP server does (RFC 9110, `Date`).
async fn dated(State(odoo): State<Odoo>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let now_us = odoo.with(|database| database.now_us());
    set_date(response.headers_mut(), now_us);
    response
}

/// Odoo's routes and the sandbox's own. JSON-2's methods have a route each, so that counters and faults tell them apart.
pub(super) fn router(odoo: Odoo) -> Router {
    let json2 = methods::METHODS.iter().fold(Router::new(), |router, method| {
        router.route(&format!("/json/2/{{model}}/{}", method.name), post(json2::call).fallback(json2::elsewhere))
    });
    let json2 = json2
        .route("/json/2/{model}/{method}", post(json2::call).fallback(json2::elsewhere))
        .route("/json/2", any(json2::elsewhere))
        .route("/json/2/{model}", any(json2::elsewhere))
        .route("/web/version", get(rpc::web_version))
        .route("/json/version", get(rpc::web_version))
        .route("/web/hook/{uuid}", post(rpc::web_hook).get(rpc::web_hook))
        .route_layer(from_fn_with_state(odoo.clone(), pass::<Odoo>));
    let rpc = Router::new()
        .route("/jsonrpc", post(rpc::jsonrpc))
        .route("/web/webclient/version_info", post(rpc::version_info))
        .route("/web/session/authenticate", post(rpc::authenticate))
        .route("/web/session/get_session_info", post(rpc::session_route))
        .route("/web/session/destroy", post(rpc::session_route))
        .route("/web/dataset/call_kw", post(rpc::call_kw))
        .route("/web/dataset/call_kw/{*path}", post(rpc::call_kw))
        .route_layer(from_fn_with_state(odoo.clone(), pass::<Odoo>))
        .route_layer(from_fn_with_state(odoo.clone(), in_envelope));
    let api = json2.merge(rpc).route_layer(from_fn_with_state(odoo.clone(), dated));
    api.merge(admin::routes()).fallback(|| async { wire::no_such_page() }).with_state(odoo)
}
