//! Notion's bodies as they travel, read leniently: every member that we can do without is optional.

use std::collections::BTreeMap;

use lockstep_core::env::Time;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::naming::Column;
use super::{ABOUT, faults};
use crate::door::{Answer, Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::wire;
use crate::wire::in_path;

/// A page in any answer.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Page {
    pub id: String,
    pub created_time: Time,
    pub last_edited_time: Time,
    #[serde(default)]
    pub in_trash: bool,
    /// What it was called before `in_trash`.
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    parent: PageParent,
    /// By the name for people.
    #[serde(default)]
    pub properties: BTreeMap<String, Json>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PageParent {
    data_source_id: Option<String>,
}

impl Page {
    pub(super) fn is_in_trash(&self) -> bool {
        self.in_trash || self.archived
    }

    /// Whether it is a page of the data source.
    pub(super) fn is_of(&self, source: &str) -> bool {
        self.parent.data_source_id.as_deref().is_some_and(|id| same_id(id, source))
    }

    /// Its properties without their values.
    pub(super) fn columns(&self) -> Vec<Column> {
        self.properties.iter().filter_map(|(label, value)| Column::of(label, value)).collect()
    }
}

/// One page of any list.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    pub results: Vec<T>,
    #[serde(default)]
    has_more: bool,
    next_cursor: Option<String>,
    request_status: Option<RequestStatus>,
}

#[derive(Debug, Deserialize)]
struct RequestStatus {
    #[serde(rename = "type")]
    kind: String,
}

impl<T> List<T> {
    /// Where the next page starts; `None` at the end.
    pub(super) fn next(&self) -> Option<&str> {
        self.next_cursor.as_deref().filter(|_| self.has_more)
    }

    /// Whether Notion ended it although there is more: a query shows 10,000 results (page "Query large data sources").
    pub(super) fn is_cut(&self) -> bool {
        self.request_status.as_ref().is_some_and(|status| status.kind == "incomplete")
    }
}

/// Whether two ids are the same: Notion takes them with and without dashes.
pub(super) fn same_id(one: &str, other: &str) -> bool {
    let digits = |id: &str| id.chars().filter(|it| *it != '-').map(|it| it.to_ascii_lowercase()).collect::<String>();
    digits(one) == digits(other)
}

/// Whether it can be an id at all: Notion refuses other text as a faulty request, not as a thing that is not there.
pub(super) fn is_id(text: &str) -> bool {
    let digits = text.chars().filter(|it| *it != '-');
    digits.clone().count() == 32 && digits.into_iter().all(|it| it.is_ascii_hexdigit())
}

/// Sends a call; a refusal becomes a fault.
pub(super) async fn send(session: &Session, call: Call) -> Result<Answer, Fault> {
    wire::send(session, call, faults::of_answer).await
}

/// Sends a call and reads its answer.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    let effect = call.effect;
    read(send(session, call).await?.body, effect)
}

/// Reads an answer's body.
pub(super) fn read<T: DeserializeOwned>(body: Json, effect: bool) -> Result<T, Fault> {
    wire::read(&ABOUT, body, effect)
}

/// The path of a page.
pub(super) fn page_path(id: &str) -> String {
    format!("/v1/pages/{}", in_path(id))
}

/// The path of a data source.
pub(super) fn source_path(id: &str) -> String {
    format!("/v1/data_sources/{}", in_path(id))
}

/// All entries of one property of a page, of which the page itself shows the first 25 (page "Retrieve a page property
/// item"). One call for each hundred entries.
pub(super) async fn entries(session: &Session, page: &str, property: &str) -> Result<Vec<Json>, Fault> {
    // Notion's own ids come encoded, and go into a path as they are.
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "%-_.~".contains(it);
    let property = if property.chars().all(is_plain) { property.to_owned() } else { in_path(property).to_string() };
    let base = format!("{}/properties/{property}?page_size=100", page_path(page));
    let mut path = base.clone();
    let mut all = Vec::new();
    for _ in 0..ENTRY_PAGES_MAX {
        let list: List<Json> = ask(session, Call::read(Method::Get, path, None)).await?;
        let next = list.next().map(str::to_owned);
        all.extend(list.results);
        let Some(next) = next else { return Ok(all) };
        path = format!("{base}&start_cursor={}", in_path(&next));
    }
    Err(Fault::new(FaultClass::Bug, "TOO_MANY_ENTRIES", "A property of the page has more entries than Notion allows."))
}

/// Pages of one property's entries. A relation that somebody filled by hand may hold more than the hundred that a
/// request may name.
const ENTRY_PAGES_MAX: usize = 100;

/// A rich text of plain words: pieces of up to 2,000 characters, counted as JavaScript counts (page "Request limits").
pub(super) fn rich_text(text: &str) -> Json {
    const PIECE_UNITS_MAX: usize = 2_000;
    let (mut pieces, mut units): (Vec<String>, usize) = (Vec::new(), PIECE_UNITS_MAX);
    for letter in text.chars() {
        if units + letter.len_utf16() > PIECE_UNITS_MAX {
            pieces.push(String::new());
            units = 0;
        }
        units += letter.len_utf16();
        if let Some(piece) = pieces.last_mut() {
            piece.push(letter);
        }
    }
    pieces.into_iter().map(|piece| json!({ "text": { "content": piece } })).collect()
}

/// The words of a rich text.
pub(super) fn plain_text(pieces: &Json) -> String {
    let pieces = pieces.as_array().into_iter().flatten();
    pieces.filter_map(|piece| piece["plain_text"].as_str().or_else(|| piece["text"]["content"].as_str())).collect()
}
