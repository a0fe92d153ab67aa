//! Pipedrive's envelope as it travels, read leniently: every member that we can do without is optional.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::faults;
use crate::door::{Answer, Call, Session};
use crate::fault::{Fault, FaultClass};

/// What is encoded in a path or a query: names of fields travel as they are.
const IN_PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'-');

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
    let effect = call.effect;
    let answer = session.door.send(call).await?;
    if (200..300).contains(&answer.status) { Ok(answer) } else { Err(faults::of_answer(&answer, effect)) }
}

/// Sends a call and reads the one thing in its answer.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    let effect = call.effect;
    let envelope: Envelope<T> = read(send(session, call).await?.body, effect)?;
    envelope.data.ok_or_else(|| unreadable(effect, true, "it holds no data"))
}

/// Sends a call and reads the page in its answer.
pub(super) async fn page<T: DeserializeOwned>(session: &Session, call: Call) -> Result<Page<T>, Fault> {
    page_of(send(session, call).await?.body)
}

/// The page in an answer's body.
pub(super) fn page_of<T: DeserializeOwned>(body: Json) -> Result<Page<T>, Fault> {
    let envelope: Envelope<Vec<T>> = read(body, false)?;
    let next = envelope.additional_data.and_then(|it| it.next_cursor).filter(|cursor| !cursor.is_empty());
    Ok(Page { rows: envelope.data.unwrap_or_default(), next })
}

/// Reads an answer's body. After a write, an answer that cannot be read is as good as lost.
fn read<T: DeserializeOwned>(body: Json, effect: bool) -> Result<T, Fault> {
    let is_json = !matches!(body, Json::String(_) | Json::Null);
    serde_json::from_value(body).map_err(|error| unreadable(effect, is_json, &error.to_string()))
}

fn unreadable(effect: bool, is_json: bool, reason: &str) -> Fault {
    let class = match (effect, is_json) {
        (true, _) => FaultClass::Unknown,
        (false, false) => FaultClass::Busy,
        (false, true) => FaultClass::Bug,
    };
    Fault::new(class, "UNREADABLE_ANSWER", format!("Pipedrive's answer could not be read: {reason}."))
}

/// A text as a part of a path or a query.
pub(super) fn in_path(part: &str) -> PercentEncode<'_> {
    utf8_percent_encode(part, &IN_PATH)
}

/// An id that may stand in a path: Pipedrive's are numbers.
pub(super) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}
