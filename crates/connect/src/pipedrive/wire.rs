//! Pipedrive's envelope as it travels, read leniently: every member that we can do without is optional.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{ABOUT, faults};
use crate::door::{Answer, Call, Session};
use crate::fault::Fault;
use crate::wire;
pub(super) use crate::wire::in_path;

/// What every good answer is wrapped in.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Envelope<T> {
    data: Option<T>,
    additional_data: Option<Additional>,
}

#[derive(Debug, Deserialize)]
struct Additional {
    next_cursor: Option<String>,
}

/// A page of a list of v2.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub rows: Vec<T>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// Sends a call; a refusal becomes a fault.
pub(super) async fn send(session: &Session, call: Call) -> Result<Answer, Fault> {
    wire::send(session, call, faults::of_answer).await
}

/// Sends a call and reads the one thing in its answer.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    let effect = call.effect;
    let envelope: Envelope<T> = wire::read(&ABOUT, send(session, call).await?.body, effect)?;
    envelope.data.ok_or_else(|| wire::unreadable(&ABOUT, true, effect, "it holds no data"))
}

/// Sends a call and reads the page in its answer.
pub(super) async fn page<T: DeserializeOwned>(session: &Session, call: Call) -> Result<Page<T>, Fault> {
    page_of(send(session, call).await?.body)
}

/// The page in an answer's body.
pub(super) fn page_of<T: DeserializeOwned>(body: Json) -> Result<Page<T>, Fault> {
    let envelope: Envelope<Vec<T>> = wire::read(&ABOUT, body, false)?;
    let next = envelope.additional_data.and_then(|it| it.next_cursor).filter(|cursor| !cursor.is_empty());
    Ok(Page { rows: envelope.data.unwrap_or_default(), next })
}

/// An id that may stand in a path: Pipedrive's are numbers.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}
