//! Calls and answers in the form that both protocols share, and rows as they are read.

use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use super::{ABOUT, faults, values};
use crate::clock::Sighting;
use crate::door::{Answer, Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::wire;

/// What every path of JSON-2 begins with.
pub(super) const JSON2: &str = "/json/2/";
/// The model of contacts.
pub(super) const CONTACTS: &str = "res.partner";
/// Our key as every CRM has it, and as Odoo does: the name of a custom field begins with `x_`.
const KEY: (&str, &str) = ("lockstep_id", "x_lockstep_id");
/// What is encoded in a path: models travel as they are.
const IN_PATH: AsciiSet = NON_ALPHANUMERIC.remove(b'_').remove(b'-').remove(b'.');

/// A row as a read shows it.
pub(super) type Row = Map<String, Json>;

fn path(model: &str, method: &str) -> String {
    format!("{JSON2}{}/{method}", utf8_percent_encode(model, &IN_PATH))
}

/// A call of a method that changes nothing.
pub(super) fn read(model: &str, method: &str, arguments: Json) -> Call {
    Call::read(Method::Post, path(model, method), Some(arguments))
}

/// A call of a method that changes something.
pub(super) fn write(model: &str, method: &str, arguments: Json) -> Call {
    Call::write(Method::Post, path(model, method), Some(arguments))
}

/// Our name of a property as Odoo has it.
pub(super) fn on_wire(property: &str) -> &str {
    if property == KEY.0 { KEY.1 } else { property }
}

/// A field's name as we have it.
pub(super) fn off_wire(field: &str) -> &str {
    if field == KEY.1 { KEY.0 } else { field }
}

/// Whether it is our own key, which nobody else writes.
pub(super) fn is_key(property: &str) -> bool {
    on_wire(property) == KEY.1
}

/// Sends a call and reads its result, which JSON-RPC wraps.
pub(super) async fn ask<T: DeserializeOwned>(session: &Session, call: Call) -> Result<T, Fault> {
    Ok(answered(session, call).await?.0)
}

/// As [`ask`], with what stands around the result.
pub(super) async fn answered<T: DeserializeOwned>(session: &Session, call: Call) -> Result<(T, Answer), Fault> {
    let effect = call.effect;
    let mut answer = session.door.send(call).await?;
    if let Some(fault) = faults::of_answer(&answer, effect) {
        return Err(fault);
    }
    let mut body = answer.body.take();
    if body.get("jsonrpc").is_some() {
        body = body.get_mut("result").map(Json::take).unwrap_or_default();
    }
    // Anything is taken for a result, but for what is not JSON.
    if matches!(body, Json::String(_) | Json::Null) {
        return Err(wire::unreadable(&ABOUT, false, effect, "it is not whole"));
    }
    let result = wire::read(&ABOUT, body, effect)?;
    Ok((result, answer))
}

/// A search for records, with the wanted properties of each.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub model: &'a str,
    pub domain: Vec<Json>,
    pub properties: &'a [String],
    /// Further fields that the caller needs for itself.
    pub also: &'a [&'a str],
    pub order: &'a str,
    pub offset: usize,
    pub limit: usize,
    /// Whether archived records are looked at, too.
    pub archived: bool,
}

/// Rows that a search found, and when.
pub(super) struct Rows {
    pub rows: Vec<Row>,
    pub seen: Sighting,
}

/// One call, and one more where the answer leaves the meaning of a value open or refuses a field.
pub(super) async fn search(session: &Session, search: &Search<'_>) -> Result<Rows, Fault> {
    let mut fields: Vec<&str> = search.properties.iter().map(|name| on_wire(name)).collect();
    fields.extend(search.also.iter().chain(&["write_date"]));
    fields.sort_unstable();
    fields.dedup();
    let arguments = json!({
        "domain": search.domain,
        "fields": fields,
        "order": search.order,
        "offset": search.offset,
        "limit": search.limit,
        "context": { "active_test": !search.archived },
    });
    let call = read(search.model, "search_read", arguments);
    let (rows, answer) = match answered(session, call).await {
        Err(fault) => return Err(values::drifted(session, search.model, fault, search.properties).await),
        answered => answered?,
    };
    Ok(Rows { rows, seen: Sighting::of(&answer, session) })
}

/// A row's id.
pub(super) fn id_of(row: &Row) -> Result<u64, Fault> {
    let id = row.get("id").and_then(Json::as_u64);
    id.ok_or_else(|| Fault::new(FaultClass::Bug, "UNREADABLE_ANSWER", "Odoo answered a row without an id."))
}

/// The records that rows are. One call where a value's meaning has to be looked up, and none else.
pub(super) async fn records(
    session: &Session,
    model: &str,
    rows: &[Row],
    asked: &[String],
) -> Result<Vec<Record>, Fault> {
    let kinds = values::kinds_in_doubt(session, model, rows, asked).await?;
    let record = |row: &Row| {
        let mut properties = Properties::new();
        for name in asked {
            let value = row.get(on_wire(name)).unwrap_or(&Json::Null);
            properties.insert(name.clone(), values::text(value, kinds.get(on_wire(name))));
        }
        let written = row.get("write_date").and_then(Json::as_str).and_then(time_of);
        Ok(Record {
            id: id_of(row)?.to_string(),
            properties,
            updated_at: written.unwrap_or_default(),
            archived: false,
            merged: Vec::new(),
        })
    };
    rows.iter().map(record).collect()
}

/// Ids as Odoo has them.
pub(super) fn numbers(ids: &[String]) -> Vec<u64> {
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}

/// Reads `2026-11-22 12:00:00`, which is UTC.
pub(super) fn time_of(text: &str) -> Option<Time> {
    let (day, time) = text.split_once(' ')?;
    Time::parse(&format!("{day}T{time}Z"))
}

/// Writes a time as Odoo has it, in whole seconds.
pub(super) fn text_of(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_without_a_zone() {
        let at = time_of("2026-11-22 12:00:00").expect("a time");
        assert_eq!((at, text_of(at.as_secs())), (crate::script::NOON, "2026-11-22 12:00:00".to_owned()));
        assert!(time_of("soon").is_none());
    }
}
