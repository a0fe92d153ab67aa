//! What a fault does to an answer on its way out.

use std::future::ready;
use std::io;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;

use crate::faults::{Delayed, Dropped, Effect};
use crate::world::Wait;

/// How long the first half of a body may take to leave before the rest breaks.
const FLUSH_US: i64 = 20_000;

/// Status of a response that is never sent.
const LOST: u16 = 599;

/// Whether the caller gets no status at all.
pub(crate) fn loses(effect: &Effect) -> bool {
    matches!(effect, Effect::LostBefore | Effect::LostAfter | Effect::Reset | Effect::PartialBatch { .. })
}

/// A response that must never be sent.
pub(crate) fn dropped() -> Response {
    let mut response = Response::new(Body::empty());
    if let Ok(status) = StatusCode::from_u16(LOST) {
        *response.status_mut() = status;
    }
    response.extensions_mut().insert(Dropped);
    response
}

/// The answer of a call that was done, as far as the fault lets it through. `wait` is absent under a virtual clock.
pub(crate) async fn spoil(mut response: Response, strike: Option<Effect>, wait: Option<&Wait>) -> Response {
    match strike {
        Some(Effect::LostAfter | Effect::PartialBatch { .. }) => dropped(),
        Some(Effect::Truncate) => Halved::of(response).await.ends(),
        Some(Effect::Reset) => Halved::of(response).await.breaks(wait.cloned()),
        Some(Effect::Slow { us }) => {
            match wait {
                Some(wait) => wait(us).await,
                None => drop(response.extensions_mut().insert(Delayed(us))),
            }
            response
        }
        Some(Effect::LostBefore | Effect::Status { .. }) | None => response,
    }
}

/// The first half of a body.
struct Halved {
    head: http::response::Parts,
    half: Bytes,
}

impl Halved {
    async fn of(response: Response) -> Self {
        let (head, body) = response.into_parts();
        let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
        Self { head, half: whole.slice(..whole.len() / 2) }
    }

    /// As if it were the whole.
    fn ends(self) -> Response {
        Response::from_parts(self.head, Body::from(self.half))
    }

    /// Then an error.
    fn breaks(self, wait: Option<Wait>) -> Response {
        let rest = async move {
            // A server sends what it has only when no more comes at once.
            if let Some(wait) = wait {
                wait(FLUSH_US).await;
            }
            Err(io::ErrorKind::ConnectionReset.into())
        };
        let parts = stream::once(ready(Ok::<Bytes, io::Error>(self.half))).chain(stream::once(rest));
        Response::from_parts(self.head, Body::from_stream(parts))
    }
}
