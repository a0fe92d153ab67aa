//! The way of every call behind the front: authenticated, then done under one lock.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::business::Business;
use super::{Meta, media, send, templates};
use crate::front::{Front, Fronted, Throttled};
use crate::wire::origin;

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 1024 * 1024;

impl Fronted for Meta {
    fn front(&self) -> &Front {
        &self.0.front
    }

    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        self.with(|business| respond(business, Err(Refusal::ordered(status, policy))))
    }

    /// As Meta's documents name the parts.
    fn route(&self, template: &str, _path: &str) -> String {
        match template {
            "/{version}/{id}/messages" => "/{version}/{phone-number-id}/messages".to_owned(),
            "/{version}/{id}/message_templates" => "/{version}/{waba-id}/message_templates".to_owned(),
            other => other.to_owned(),
        }
    }
}

pub(super) async fn messages(
    State(meta): State<Meta>,
    Path((version, number)): Path<(String, String)>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    meta.call(&head.headers, |business| {
        known_version(&version)?;
        send::messages(business, &number, &body)
    })
}

pub(super) async fn object(
    State(meta): State<Meta>,
    Path((version, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let origin = origin(&uri, &headers, "graph.facebook.com");
    meta.call(&headers, |business| {
        known_version(&version)?;
        media::object(business, &id, &origin)
    })
}

pub(super) async fn templates(
    State(meta): State<Meta>,
    Path((version, id)): Path<(String, String)>,
    Query(query): Query<BTreeMap<String, String>>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let origin = origin(&uri, &headers, "graph.facebook.com");
    meta.call(&headers, |business| {
        known_version(&version)?;
        templates::list(business, &id, &query, &origin)
    })
}

/// The bytes behind an address; the token is asked for here too.
pub(super) async fn download(State(meta): State<Meta>, Path(word): Path<String>, headers: HeaderMap) -> Response {
    let found = meta.with(|business| {
        admit(business, &headers).ok()?;
        business.download(&word).map(|(mime_type, bytes)| (mime_type.to_owned(), Bytes::copy_from_slice(bytes)))
    });
    match found {
        Some((mime_type, bytes)) => ([(CONTENT_TYPE, mime_type)], bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
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
    fn call(&self, headers: &HeaderMap, work: impl FnOnce(&mut Business) -> Answer) -> Response {
        self.with(|business| {
            let answer = admit(business, headers).and_then(|()| work(business));
            let throttled = matches!(&answer, Err(refusal) if matches!(refusal.code, 130_429 | 131_056));
            let mut response = respond(business, answer);
            if throttled {
                response.extensions_mut().insert(Throttled);
            }
            response
        })
    }
}

fn respond(business: &mut Business, answer: Answer) -> Response {
    let trace = business.rng.token(1);
    match answer {
        Ok(value) => json(StatusCode::OK, &value),
        Err(refusal) => json(refusal.status, &refusal.body(&trace)),
    }
}

fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json; charset=UTF-8"));
    response
}
