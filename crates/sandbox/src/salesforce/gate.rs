//! The way of every call behind the front: authenticated, limited, then done under one lock.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::answer::{Answer, Call, Content, Refusal, Reply};
use super::dispatch::{ROUTES, answered};
use super::oauth;
use super::org::Org;
use super::{Salesforce, admin};
use crate::front::{Cut, Front, Fronted, Rows, Throttled, pass};
use crate::wire::{credentials, form_pairs, set_date};

/// Bytes a request body may have; a bulk job's data is the longest.
const BODY_BYTES_MAX: usize = 150 * 1024 * 1024;

/// Bytes an address may have; longer ones never reach the API.
const ADDRESS_MAX: usize = 16 * 1024;

/// What a route outside `/services/data/` does.
type Work = fn(&mut Org, &Call) -> Answer;

const OPEN: &[(&str, Work)] = &[
    ("/services/oauth2/authorize", oauth::authorize),
    ("/services/oauth2/token", oauth::token),
    ("/services/oauth2/revoke", oauth::revoke),
    ("/services/oauth2/introspect", oauth::introspect),
];

const WITH_TOKEN: &[(&str, Work)] =
    &[("/services/oauth2/userinfo", oauth::user_info), ("/id/{org}/{user}", oauth::identity)];

pub(super) fn router(salesforce: Salesforce) -> Router {
    let mut vendor = Router::new();
    for route in ROUTES {
        vendor = vendor.route(route, any(data)).route(&format!("{route}/"), any(data));
    }
    for &(route, work) in OPEN {
        vendor = vendor.route(route, plain(work, false));
    }
    for &(route, work) in WITH_TOKEN {
        vendor = vendor.route(route, plain(work, true));
    }
    vendor
        .route_layer(from_fn_with_state(salesforce.clone(), pass::<Salesforce>))
        .merge(admin::routes())
        .fallback(|| async { response(Refusal::not_found().reply()) })
        .with_state(salesforce)
}

impl Fronted for Salesforce {
    fn front(&self) -> &Front {
        &self.0.front
    }

    /// `policy` names an error code, or `html` for the page that stands before an org that is not there.
    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, message) = match (policy, status.as_u16()) {
            (Some("html"), _) | (None, 502 | 504) => {
                let words = status.canonical_reason().unwrap_or("Error");
                let page = format!(
                    "<html><head><title>{words}</title></head><body><h1>We are down for maintenance.</h1></body></html>"
                );
                return response(Reply::html(status, page));
            }
            (Some(code), _) => (code, "The switch for faults ordered this."),
            (None, 401) => return response(unauthenticated().reply()),
            (None, 403 | 429) => ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            (None, 503) => ("SERVER_UNAVAILABLE", "Server is too busy"),
            (None, 400) => ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
            _ => (
                "UNKNOWN_EXCEPTION",
                "An unexpected error occurred. Please include this ErrorId if you contact support",
            ),
        };
        response(Refusal::new(status, code, message).reply())
    }
}

fn unauthenticated() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
}

/// A route beneath `/services/data`.
async fn data(State(salesforce): State<Salesforce>, matched: MatchedPath, request: Request) -> Response {
    let is_open = matched.as_str().trim_end_matches('/') == "/services/data";
    let call = match call_of(&salesforce, request).await {
        Ok(call) => call,
        Err(reply) => return response(*reply),
    };
    salesforce.with(|org| {
        org.run_due_jobs();
        if is_open {
            let reply = answered(org, &call);
            return finished(org, reply, false);
        }
        if let Err(refusal) = admit(org, &call) {
            let throttled = refusal.throttled;
            return finished(org, refusal.refusal.reply(), throttled);
        }
        let reply = answered(org, &call);
        finished(org, reply, false)
    })
}

/// A route that is done as it is.
fn plain(work: Work, with_token: bool) -> MethodRouter<Salesforce> {
    any(move |State(salesforce): State<Salesforce>, request: Request| async move {
        let call = match call_of(&salesforce, request).await {
            Ok(call) => call,
            Err(reply) => return response(*reply),
        };
        salesforce.with(|org| {
            let admitted = if with_token { session(org, &call) } else { Ok(()) };
            let reply = admitted.and_then(|()| work(org, &call)).unwrap_or_else(Refusal::reply);
            response(reply)
        })
    })
}

struct Refused {
    refusal: Refusal,
    throttled: bool,
}

/// Whether the call carries a session that lives.
fn session(org: &mut Org, call: &Call) -> Result<(), Refusal> {
    let token = bearer(&call.headers).unwrap_or_default().to_owned();
    if org.is_session(&token) { Ok(()) } else { Err(unauthenticated()) }
}

pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credentials(headers, "bearer").or_else(|| credentials(headers, "oauth"))
}

fn admit(org: &mut Org, call: &Call) -> Result<(), Refused> {
    session(org, call).map_err(|refusal| Refused { refusal, throttled: false })?;
    let (now_us, limit) = (org.now_us(), org.settings.daily_limit);
    let limit = if org.settings.quirks { limit } else { usize::MAX };
    if !org.used.admit(now_us, 1, limit) {
        let message = "TotalRequests Limit exceeded.";
        let refusal = Refusal::new(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", message);
        return Err(Refused { refusal, throttled: true });
    }
    let kind = call.header("content-type").unwrap_or_default();
    let is_upload = call.path.first().is_some_and(|part| part == "jobs");
    let writes = matches!(call.method, Method::POST | Method::PATCH | Method::PUT) && !call.body.is_empty();
    if writes && !is_upload && !kind.starts_with("application/json") {
        let message = format!("Content-Type header specified in HTTP request is not supported: {kind}");
        let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
        return Err(Refused { refusal, throttled: false });
    }
    Ok(())
}

/// Reads a request: its version, the parts of its path, its body.
async fn call_of(salesforce: &Salesforce, request: Request) -> Result<Call, Box<Reply>> {
    let cut = request.extensions().get::<Cut>().map(|cut| cut.0);
    let (head, body) = request.into_parts();
    let address = head.uri.path_and_query().map_or("", |it| it.as_str());
    if address.len() > ADDRESS_MAX {
        let page = "<html><body><h1>URI Too Long</h1></body></html>".to_owned();
        return Err(Box::new(Reply::html(StatusCode::URI_TOO_LONG, page)));
    }
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        let refusal =
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "REQUEST_TOO_LARGE", "Maximum size of request reached");
        return Err(Box::new(refusal.reply()));
    };
    let (version, path) = parts(head.uri.path());
    let origin = salesforce.with(|org| origin_of(org, &head.headers));
    let query = form_pairs(head.uri.query().unwrap_or_default().as_bytes());
    Ok(Call { method: head.method, version, path, query, headers: head.headers, body, origin, cut })
}

/// The version and the parts behind it; of other paths all parts.
pub(super) fn parts(path: &str) -> (String, Vec<String>) {
    let decoded = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
    let beneath = path.strip_prefix("/services/data");
    let mut parts = beneath.unwrap_or(path).split('/').filter(|part| !part.is_empty()).map(decoded);
    let version = if beneath.is_some() { parts.next() } else { None };
    (version.unwrap_or_default(), parts.collect())
}

/// Where the caller reached us: as the settings say, else by its own Host header.
fn origin_of(org: &Org, headers: &HeaderMap) -> String {
    if let Some(origin) = &org.settings.public_origin {
        return origin.trim_end_matches('/').to_owned();
    }
    let header = |name: &HeaderName| headers.get(name).and_then(|it| it.to_str().ok());
    let scheme = header(&HeaderName::from_static("x-forwarded-proto")).unwrap_or("http");
    format!("{scheme}://{}", header(&HOST).unwrap_or("localhost"))
}

/// An answer of the API, with the headers that all of them carry.
fn finished(org: &mut Org, reply: Reply, throttled: bool) -> Response {
    let now_us = org.now_us();
    let usage = format!("api-usage={}/{}", org.used.used(now_us), org.settings.daily_limit);
    let mut response = response(reply.header("sforce-limit-info", usage));
    set_date(response.headers_mut(), org.org_us());
    if throttled {
        response.extensions_mut().insert(Throttled);
    }
    response
}

pub(super) fn response(reply: Reply) -> Response {
    let (kind, body) = match reply.content {
        Content::Empty => (None, Body::empty()),
        Content::Json(value) => (Some("application/json;charset=UTF-8"), Body::from(value.to_string())),
        Content::Other(kind, bytes) => (Some(kind), Body::from(bytes)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response.extensions_mut().insert(Rows(reply.rows as u64));
    response
}
