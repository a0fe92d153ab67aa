//! What the vendors' routes share of HTTP: forms, credentials, signatures, and answers before they are responses.

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HOST, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use serde_json::Value;
use sha2::Sha256;

use crate::front::Rows;
use crate::world::http_date;

/// Decodes `application/x-www-form-urlencoded` text, which a query is too.
pub(crate) fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    let decoded = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_encoding::percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            (decoded(halves.next().unwrap_or_default()), decoded(halves.next().unwrap_or_default()))
        })
        .collect()
}

/// What a token ends in that nobody has: look-alikes that take any token refuse it.
pub const NO_TOKEN: &str = "-not-issued";

/// Whether a look-alike that takes any token takes this one.
pub(crate) fn is_any_token(token: &str) -> bool {
    !token.is_empty() && !token.ends_with(NO_TOKEN)
}

/// What follows a scheme in `Authorization`.
pub(crate) fn credentials<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}

/// Whom `Authorization: Basic` names, and with which secret.
pub(crate) fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(credentials(headers, "basic")?).ok()?).ok()?;
    text.split_once(':').map(|(id, secret)| (id.to_owned(), secret.to_owned()))
}

/// Where the caller found the look-alike: in memory the whole address is in the request, on a real one only its host.
pub(crate) fn origin(uri: &Uri, headers: &HeaderMap, otherwise: &str) -> String {
    match (uri.scheme_str(), uri.authority(), headers.get(HOST).and_then(|it| it.to_str().ok())) {
        (Some(scheme), Some(authority), _) => format!("{scheme}://{authority}"),
        (_, _, host) => format!("http://{}", host.unwrap_or(otherwise)),
    }
}

/// The HMAC-SHA256 of parts that are signed as one.
pub(crate) fn hmac_sha256(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length; an empty MAC would only make the signature wrong.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return Vec::new() };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Puts the vendor's time on an answer.
pub(crate) fn set_date(headers: &mut HeaderMap, us: i64) {
    if let Ok(date) = HeaderValue::from_str(&http_date(us)) {
        headers.insert(DATE, date);
    }
}

/// What a reply carries.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Empty,
    Json(Value),
    Html(String),
    Redirect(String),
}

/// An answer before it is a response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content: Content,
    /// Rows carried, for the counters.
    pub(crate) rows: usize,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: Value) -> Self {
        Self { status, content: Content::Json(body), rows: 1 }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, content: Content::Empty, rows: 1 }
    }

    pub(crate) fn html(status: StatusCode, page: String) -> Self {
        Self { status, content: Content::Html(page), rows: 0 }
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self { status: StatusCode::FOUND, content: Content::Redirect(location), rows: 0 }
    }

    pub(crate) fn rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }

    /// The response, with the vendor's content type of JSON.
    pub(crate) fn response(self, json: &'static str) -> Response {
        let (header, body) = match self.content {
            Content::Empty => (None, Body::empty()),
            Content::Json(value) => (Some((CONTENT_TYPE, json.to_owned())), Body::from(value.to_string())),
            Content::Html(page) => (Some((CONTENT_TYPE, "text/html; charset=utf-8".to_owned())), Body::from(page)),
            Content::Redirect(to) => (Some((LOCATION, to)), Body::empty()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        if let Some((name, value)) = header
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.headers_mut().insert(name, value);
        }
        response.extensions_mut().insert(Rows(self.rows as u64));
        response
    }
}
