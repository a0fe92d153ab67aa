//! The way of every call behind the front: read, authenticated, limited, then done under one lock.

use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::{HeaderMap, Method, StatusCode};

use super::Hubspot;
use super::answer::{Answer, Call, Refusal, Reply};
use super::limits::{Policy, refusal};
use super::oauth::unauthenticated;
use super::objects::plural_of;
use super::portal::Portal;
use super::scopes;
use crate::front::{Cut, Front, Fronted, Throttled};
use crate::wire::{credentials, form_pairs, set_date};

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The correlation id of a call that never reached an account.
pub(super) const NO_CORRELATION_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The content type of JSON, as HubSpot writes it.
const JSON: &str = "application/json;charset=utf-8";

/// What a route does.
pub(super) type Work = fn(&mut Portal, &Call) -> Answer;

/// What a route asks of its caller, and which limiters count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: authorisation itself.
    Open,
    /// A bearer token.
    Token,
    /// A bearer token; counted by the search limiter too.
    Search,
    /// A developer key in the query, or a bearer token.
    Developer,
}

/// A vendor route: everything about it but its path.
pub(super) fn gated(method: MethodFilter, access: Access, work: Work) -> MethodRouter<Hubspot> {
    on(
        method,
        move |State(hubspot): State<Hubspot>,
              matched: MatchedPath,
              params: Result<RawPathParams, RawPathParamsRejection>,
              request: Request| async move {
            let (head, body) = request.into_parts();
            let mut call = Call {
                // A path that is not UTF-8 names nothing that exists.
                params: params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                query: form_pairs(head.uri.query().unwrap_or_default().as_bytes()),
                writes: is_write(&head.method, matched.as_str()),
                route: matched.as_str().to_owned(),
                cut: head.extensions.get::<Cut>().map(|cut| cut.0),
                ..Call::default()
            };
            let body = to_bytes(body, BODY_BYTES_MAX).await;
            hubspot.with(|portal| match body {
                Ok(body) => {
                    call.body = body;
                    enter(portal, access, work, &head.headers, &call)
                }
                Err(_) => {
                    let message = "Request body is too large or broken";
                    ordered(portal, &Refusal::plain(StatusCode::PAYLOAD_TOO_LARGE, message))
                }
            })
        },
    )
}

fn is_write(method: &Method, path: &str) -> bool {
    *method != Method::GET && !path.ends_with("/search") && !path.ends_with("/batch/read")
}

impl Fronted for Hubspot {
    fn front(&self) -> &Front {
        &self.0.front
    }

    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        let refusal = match StatusCode::from_u16(status) {
            Ok(StatusCode::TOO_MANY_REQUESTS) => refusal(Policy::named(policy)),
            Ok(StatusCode::UNAUTHORIZED) => unauthenticated("The token used to make this call is not valid."),
            Ok(status) => Refusal::plain(status, status.canonical_reason().unwrap_or("Error")),
            Err(_) => Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        };
        self.with(|portal| ordered(portal, &refusal))
    }

    /// With the object named. Only objects of every account are: a counter per text that callers make up would have no
    /// bound.
    fn route(&self, template: &str, path: &str) -> String {
        let mut parts = template.split('/').zip(path.split('/'));
        let object = parts.find(|(part, _)| matches!(*part, "{object}" | "{objectType}"));
        match object.and_then(|(part, named)| Some((part, plural_of(named)?))) {
            Some((part, object)) => template.replace(part, object),
            None => template.to_owned(),
        }
    }
}

fn enter(portal: &mut Portal, access: Access, work: Work, headers: &HeaderMap, call: &Call) -> Response {
    let (answer, headers, throttled) = match admit(portal, access, headers, call) {
        Ok(headers) => (work(portal, call), headers, false),
        Err(refusal) => {
            let throttled = refusal.status == StatusCode::TOO_MANY_REQUESTS;
            (Err(refusal), HeaderMap::new(), throttled)
        }
    };
    let correlation_id = portal.rng.uuid();
    let mut response = match answer {
        Ok(reply) => reply.response(JSON),
        Err(refusal) => refusal_response(&refusal, correlation_id),
    };
    response.headers_mut().extend(headers);
    if throttled {
        response.extensions_mut().insert(Throttled);
    }
    dated(portal, response)
}

/// The refusal of a call that never reached the account.
fn ordered(portal: &Portal, refusal: &Refusal) -> Response {
    dated(portal, refusal_response(refusal, NO_CORRELATION_ID.to_owned()))
}

fn dated(portal: &Portal, mut response: Response) -> Response {
    set_date(response.headers_mut(), portal.now_us() + portal.settings.clock_offset_us);
    response
}

fn admit(portal: &mut Portal, access: Access, headers: &HeaderMap, call: &Call) -> Result<HeaderMap, Refusal> {
    let now_us = portal.now_us();
    let bearer = credentials(headers, "bearer");
    let app = match access {
        Access::Open => return Ok(HeaderMap::new()),
        Access::Developer if call.query("hapikey").is_some_and(|key| !key.is_empty()) => {
            return Ok(HeaderMap::new());
        }
        Access::Token | Access::Search | Access::Developer => {
            portal.grants.app_of(bearer, portal.settings.accepts_any_token, now_us)?
        }
    };
    scopes::check(portal, bearer, call)?;
    if !portal.settings.quirks {
        return Ok(HeaderMap::new());
    }
    portal.windows.admit(portal.settings.limits, now_us, &app, access == Access::Search)
}

pub(super) fn refusal_response(refusal: &Refusal, correlation_id: String) -> Response {
    Reply::json(refusal.status, refusal.envelope(correlation_id)).rows(0).response(JSON)
}
