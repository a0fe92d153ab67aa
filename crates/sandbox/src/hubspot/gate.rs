//! The way of every call: counted, struck by faults, authenticated, limited, then done under one lock.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::Hubspot;
use super::answer::{Answer, Call, Content, Refusal, Reply, form_urlencoded_pairs};
use super::limits::{Policy, refusal};
use super::oauth::unauthenticated;
use super::objects::plural_of;
use super::portal::Portal;
use super::scopes;
use crate::calls::Ended;
use crate::faults::Effect;
use crate::strike::{dropped, loses, spoil};
use crate::world::http_date;

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

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
            let mut call = Call {
                // A path that is not UTF-8 names nothing that exists.
                params: params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                query: form_urlencoded_pairs(request.uri().query().unwrap_or_default().as_bytes()),
                writes: is_write(request.method(), matched.as_str()),
                route: matched.as_str().to_owned(),
                ..Call::default()
            };
            let route = format!("{} {}", request.method(), template(matched.as_str(), &call.params));
            let (head, body) = request.into_parts();
            let body = to_bytes(body, BODY_BYTES_MAX).await;
            let strike = hubspot.faults().strike(&route);
            if let Some(Effect::PartialBatch { rows }) = strike {
                call.cut = Some(rows);
            }
            let done = match (&strike, body) {
                (Some(Effect::LostBefore), _) => Done::nothing(),
                (Some(Effect::Status { status, policy }), _) => {
                    Done::from(Err(fault_status(*status, policy.as_deref())), HeaderMap::new())
                }
                (_, Ok(body)) => {
                    call.body = body;
                    hubspot.with(|portal| enter(portal, access, work, &head.headers, &call))
                }
                (_, Err(_)) => {
                    let message = "Request body is too large or broken";
                    Done::from(Err(Refusal::plain(StatusCode::PAYLOAD_TOO_LARGE, message)), HeaderMap::new())
                }
            };
            hubspot.finish(&route, strike, done).await
        },
    )
}

fn is_write(method: &Method, path: &str) -> bool {
    *method != Method::GET && !path.ends_with("/search") && !path.ends_with("/batch/read")
}

/// Route template with the object type named, as the counters print it. Only objects of every account are named: a
/// counter per text that callers make up would have no bound.
fn template(matched: &str, params: &BTreeMap<String, String>) -> String {
    let object = ["object", "objectType"].iter().find_map(|name| plural_of(params.get(*name)?));
    match object {
        Some(object) => matched.replace("{object}", object).replace("{objectType}", object),
        None => matched.to_owned(),
    }
}

fn fault_status(status: u16, policy: Option<&str>) -> Refusal {
    match StatusCode::from_u16(status) {
        Ok(StatusCode::TOO_MANY_REQUESTS) => refusal(Policy::named(policy)),
        Ok(StatusCode::UNAUTHORIZED) => unauthenticated("The token used to make this call is not valid."),
        Ok(status) => Refusal::plain(status, status.canonical_reason().unwrap_or("Error")),
        Err(_) => Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

/// A call that was done, or refused, or never reached the account.
pub(super) struct Done {
    answer: Option<Answer>,
    headers: HeaderMap,
    throttled: bool,
    correlation_id: String,
}

impl Done {
    fn nothing() -> Self {
        Self { answer: None, headers: HeaderMap::new(), throttled: false, correlation_id: String::new() }
    }

    fn from(answer: Answer, headers: HeaderMap) -> Self {
        let correlation_id = "00000000-0000-4000-8000-000000000000".to_owned();
        Self { answer: Some(answer), headers, throttled: false, correlation_id }
    }
}

fn enter(portal: &mut Portal, access: Access, work: Work, headers: &HeaderMap, call: &Call) -> Done {
    let mut done = match admit(portal, access, headers, call) {
        Ok(headers) => Done::from(work(portal, call), headers),
        Err(refusal) => {
            let throttled = refusal.status == StatusCode::TOO_MANY_REQUESTS;
            Done { throttled, ..Done::from(Err(refusal), HeaderMap::new()) }
        }
    };
    done.correlation_id = portal.rng.uuid();
    done
}

fn admit(portal: &mut Portal, access: Access, headers: &HeaderMap, call: &Call) -> Result<HeaderMap, Refusal> {
    let now_us = portal.now_us();
    let bearer = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()).and_then(|it| {
        let (scheme, token) = it.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
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

impl Hubspot {
    /// Counts the call and turns what was done into a response, as far as the fault lets it through.
    async fn finish(&self, route: &str, strike: Option<Effect>, done: Done) -> Response {
        let lost = strike.as_ref().is_some_and(loses);
        let rows = match &done.answer {
            Some(Ok(reply)) => reply.rows as u64,
            Some(Err(_)) | None => 0,
        };
        let (throttled, correlation_id) = (done.throttled, done.correlation_id);
        let mut response = match done.answer {
            Some(Ok(reply)) => reply_response(reply),
            Some(Err(refusal)) => refusal_response(&refusal, correlation_id),
            None => dropped(),
        };
        response.headers_mut().extend(done.headers);
        if let Ok(date) =
            HeaderValue::from_str(&http_date(self.with(|portal| portal.now_us() + portal.settings.clock_offset_us)))
        {
            response.headers_mut().insert(DATE, date);
        }
        let status = (!lost).then(|| response.status().as_u16());
        self.count(route, &Ended { status, rows, throttled, faulted: strike.is_some() });
        spoil(response, strike, self.0.wait.as_ref()).await
    }
}

fn reply_response(reply: Reply) -> Response {
    let (kind, body) = match reply.content {
        Content::Empty => (None, Body::empty()),
        Content::Json(value) => (Some("application/json;charset=utf-8"), Body::from(value.to_string())),
        Content::Html(page) => (Some("text/html; charset=utf-8"), Body::from(page)),
        Content::Redirect(to) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = reply.status;
            if let Ok(to) = HeaderValue::from_str(&to) {
                response.headers_mut().insert(LOCATION, to);
            }
            return response;
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    response
}

pub(super) fn refusal_response(refusal: &Refusal, correlation_id: String) -> Response {
    reply_response(Reply::json(refusal.status, refusal.envelope(correlation_id)))
}
