//! The page's own files, built into the program.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::Trouble;
use crate::wire::inbox::extract::Segments;
use lockstep_core::problem::Problem;

/// Every file: its name, its type and what it holds.
const FILES: [(&str, &str, &[u8]); 4] = [
    ("htmx-4.0.1.min.js", "text/javascript; charset=utf-8", include_bytes!("../../../assets/htmx-4.0.1.min.js")),
    ("inbox.js", "text/javascript; charset=utf-8", include_bytes!("../../../assets/inbox.js")),
    ("inbox.css", "text/css; charset=utf-8", include_bytes!("../../../assets/inbox.css")),
    ("icon.svg", "image/svg+xml", include_bytes!("../../../assets/icon.svg")),
];

/// `GET /inbox/assets/{name}`. A browser asks each time whether it has changed, so that a new version shows at once.
pub async fn file(Segments(name): Segments<String>, headers: HeaderMap) -> Result<Response, Trouble> {
    let (_, kind, bytes) = FILES.iter().find(|(known, ..)| *known == name).ok_or_else(|| Problem::not_found("file"))?;
    let etag = etag(bytes);
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static(""))),
    ];
    if is_current(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, *bytes).into_response())
}

/// A validator for these bytes (RFC 9110, section 8.8.3).
pub fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..16]))
}

/// Whether the caller has what the validator stands for.
pub fn is_current(headers: &HeaderMap, etag: &str) -> bool {
    headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_the_packages_file() {
        let (name, _, bytes) = FILES[0];
        let hash = hex::encode(Sha256::digest(bytes));
        assert_eq!(hash, "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130", "{name}");
    }
}
