//! The way of every call: counted, struck by faults, authenticated, then done under one lock.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::business::Business;
use super::{Meta, media, send, templates};
use crate::calls::Ended;
use crate::faults::Effect;
use crate::strike::{dropped, loses, spoil};

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What the counters and faults call the routes.
pub(super) const MESSAGES: &str = "POST /{version}/{phone-number-id}/messages";
pub(super) const OBJECT: &str = "GET /{version}/{id}";
pub(super) const TEMPLATES: &str = "GET /{version}/{waba-id}/message_templates";
pub(super) const DOWNLOAD: &str = "GET /whatsapp_business/attachments/{word}";

pub(super) async fn messages(
    State(meta): State<Meta>,
    Path((version, number)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    meta.call(MESSAGES, &head.headers, |business| {
        known_version(&version)?;
        send::messages(business, &number, &body)
    })
    .await
}

pub(super) async fn object(
    State(meta): State<Meta>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let origin = origin(&uri, &headers);
    meta.call(OBJECT, &headers, |business| {
        known_version(&version)?;
        media::object(business, &id, &origin)
    })
    .await
}

pub(super) async fn templates(
    State(meta): State<Meta>,
    Path((version, id)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let origin = origin(&uri, &headers);
    meta.call(TEMPLATES, &headers, |business| {
        known_version(&version)?;
        templates::list(business, &id, &query, &origin)
    })
    .await
}

/// The bytes behind an address; the token is asked for here too.
pub(super) async fn download(State(meta): State<Meta>, Path(word): Path<String>, headers: HeaderMap) -> Response {
    let strike = meta.faults().strike(DOWNLOAD);
    let found = meta.with(|business| {
        admit(business, &headers).ok()?;
        business.download(&word).map(|(mime_type, bytes)| (mime_type.to_owned(), Bytes::copy_from_slice(bytes)))
    });
    let response = match found {
        _ if matches!(strike, Some(Effect::LostBefore)) => dropped(),
        Some((mime_type, bytes)) => ([(CONTENT_TYPE, mime_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    meta.end(DOWNLOAD, response, strike, false).await
}

/// Where the caller found the look-alike: in memory the whole address is in the request, on a real one only its host.
fn origin(uri: &Uri, headers: &HeaderMap) -> String {
    match (uri.scheme_str(), uri.authority(), headers.get(HOST).and_then(|it| it.to_str().ok())) {
        (Some(scheme), Some(authority), _) => format!("{scheme}://{authority}"),
        (_, _, host) => format!("http://{}", host.unwrap_or("graph.facebook.com")),
    }
}

/// Any version that is written as one.
fn known_version(version: &str) -> Result<(), Refusal> {
    let figures = version.strip_prefix('v').and_then(|it| it.split_once('.'));
    let is_number = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    match figures {
        Some((major, minor)) if is_number(major) && is_number(minor) => Ok(()),
        _ => Err(Refusal::no_object(version)),
    }
}

fn admit(business: &Business, headers: &HeaderMap) -> Result<(), Refusal> {
    let bearer = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok()).and_then(|it| it.strip_prefix("Bearer "));
    match (bearer, &business.settings.access_token) {
        (Some(given), Some(wanted)) if given == wanted => Ok(()),
        (Some(given), None) if !given.is_empty() => Ok(()),
        _ => Err(Refusal::token()),
    }
}

impl Meta {
    async fn call(&self, route: &str, headers: &HeaderMap, work: impl FnOnce(&mut Business) -> Answer) -> Response {
        let strike = self.faults().strike(route);
        let (answer, trace) = self.with(|business| {
            let answer = match &strike {
                Some(Effect::LostBefore) => return (None, String::new()),
                Some(Effect::Status { status, policy }) => Err(Refusal::ordered(*status, policy.as_deref())),
                _ => admit(business, headers).and_then(|()| work(business)),
            };
            (Some(answer), business.rng.token(1))
        });
        let throttled = matches!(&answer, Some(Err(refusal)) if matches!(refusal.code, 130_429 | 131_056));
        let response = match answer {
            None => dropped(),
            Some(Ok(value)) => json(StatusCode::OK, &value),
            Some(Err(refusal)) => json(refusal.status, &refusal.body(&trace)),
        };
        self.end(route, response, strike, throttled).await
    }

    async fn end(&self, route: &str, response: Response, strike: Option<Effect>, throttled: bool) -> Response {
        let lost = strike.as_ref().is_some_and(loses);
        let status = (!lost).then(|| response.status().as_u16());
        self.count(route, &Ended { status, rows: 1, throttled, faulted: strike.is_some() });
        spoil(response, strike, self.0.wait.as_ref()).await
    }
}

fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}
