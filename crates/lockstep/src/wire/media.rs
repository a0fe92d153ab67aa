//! Files of messages, at addresses that carry their own permission.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;
use lockstep_core::limits::MEDIA_AT_ONCE_MAX;
use lockstep_core::problem::{Code, Problem};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::App;
use crate::ops::media::{self, File};
use crate::wire::inbox::envelope::Refusal;
use crate::wire::inbox::extract::Segments;

/// What a caller is to wait when others fetch files.
const BUSY_WAIT: Duration = Duration::from_secs(2);

/// The route of all files. A file is in memory while it is given out, so there are only so many at once.
pub fn router() -> Router<App> {
    let room = Arc::new(Semaphore::new(MEDIA_AT_ONCE_MAX as usize));
    Router::new().route("/media/{token}", get(file).layer(Extension(room)))
}

/// A file's bytes, and its place among those in memory until they are sent.
struct Held {
    bytes: Bytes,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A customer may send anything, a page with scripts too: it is saved, never shown as a page of ours.
async fn file(
    State(app): State<App>,
    Extension(room): Extension<Arc<Semaphore>>,
    Segments(token): Segments<String>,
) -> Result<Response, Refusal> {
    let place = room.try_acquire_owned().map_err(|_| Problem {
        retry_after: Some(BUSY_WAIT),
        ..Problem::new(Code::TemporarilyUnavailable, "Others fetch files at this moment. Try again in a moment.")
    })?;
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
    let bytes = Bytes::from_owner(Held { bytes: media.bytes, _place: place });
    Ok((headers, bytes).into_response())
}
