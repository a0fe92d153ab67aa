//! Files of messages, at addresses that carry their own permission.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::app::App;
use crate::ops::media::{self, File};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::Segments;

/// The route of all files.
pub fn router() -> Router<App> {
    Router::new().route("/media/{token}", get(file))
}

/// A customer may send anything, a page with scripts too: it is saved, never shown as a page of ours.
async fn file(State(app): State<App>, Segments(token): Segments<String>) -> Result<Response, Refusal> {
    let File { media, name } = media::open(&app, &token).await?;
    let named = utf8_percent_encode(name.as_deref().unwrap_or("file"), NON_ALPHANUMERIC);
    let plain = HeaderValue::from_static("application/octet-stream");
    let headers: [(HeaderName, HeaderValue); 5] = [
        (header::CONTENT_TYPE, HeaderValue::from_str(&media.mime_type).unwrap_or(plain)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{named}"))
                .unwrap_or(HeaderValue::from_static("attachment")),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((headers, media.bytes).into_response())
}
