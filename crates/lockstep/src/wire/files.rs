//! Files that are built into the program, as pages load them.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The type of a script.
pub const SCRIPT: &str = "text/javascript; charset=utf-8";
/// The type of a style sheet.
pub const STYLE: &str = "text/css; charset=utf-8";
/// The type of a picture.
pub const PICTURE: &str = "image/svg+xml";

/// Answers with a file. A browser asks each time whether it has changed, so that a new version shows at once.
pub fn answer(kind: &'static str, bytes: &'static [u8], headers: &HeaderMap) -> Response {
    let etag = etag(bytes);
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static(""))),
    ];
    if is_current(headers, &etag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, bytes).into_response()
}

/// A validator for these bytes (RFC 9110, section 8.8.3).
pub fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]))
}

/// Whether the caller has what the validator stands for.
pub fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag)
}
