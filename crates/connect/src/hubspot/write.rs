//! Writes in batches of up to 100 rows, each with its own outcome (HubSpot's page "CRM API | Contacts", batch calls).

use std::collections::BTreeSet;

use lockstep_core::record::Properties;
use serde_json::{Map, Value as Json, json};

use super::wire::{CONTACTS, ErrorBody, Object, Page, read, send};
use super::{ABOUT, faults};
use crate::connector::{Create, Outcome, RowOutcome, Update, Write};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// One row as it is sent, and everything that can tell its answer: answers come in any order, and HubSpot promises
/// no more than to name the row of an error.
struct Row<'a> {
    trace: Option<&'a str>,
    id: &'a str,
    sent: Option<&'a Properties>,
}

/// Writes one batch. One call.
pub(super) async fn write(session: &Session, write: &Write, properties: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let rows = rows(write);
    check(&rows)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let key = match write {
        Write::Create { key, .. } => key.as_deref(),
        Write::Update(_) | Write::Archive(_) => None,
    };
    let answer = send(session, call(write, key)).await.map_err(|fault| of_whole_batch(fault, rows.len()))?;
    if matches!(write, Write::Archive(_)) {
        let page = if answer.body.is_null() { None } else { Some(read::<Page>(answer.body, true)?) };
        return Ok(rows.iter().map(|row| archived(row, page.as_ref())).collect());
    }
    let page = read(answer.body, true)?;
    Ok(outcomes(&rows, key, page, properties))
}

fn rows(write: &Write) -> Vec<Row<'_>> {
    match write {
        Write::Create { rows, .. } => rows
            .iter()
            .map(|row| Row { trace: Some(&row.trace), id: &row.key_value, sent: Some(&row.properties) })
            .collect(),
        Write::Update(rows) => rows
            .iter()
            .map(|row| Row { trace: Some(&row.trace), id: &row.id, sent: Some(&row.properties) })
            .collect(),
        Write::Archive(ids) => ids.iter().map(|id| Row { trace: None, id, sent: None }).collect(),
    }
}

/// HubSpot refuses a whole batch for a row that comes twice, so the caller has to fold them.
fn check(rows: &[Row<'_>]) -> Result<(), Fault> {
    let distinct: BTreeSet<&str> = rows.iter().map(|row| row.id).collect();
    let traces: BTreeSet<&str> = rows.iter().filter_map(|row| row.trace).collect();
    let traced = rows.iter().filter(|row| row.trace.is_some()).count();
    if rows.len() > ABOUT.write_batch || distinct.len() < rows.len() || traces.len() < traced {
        let message = format!("A batch of {} rows is too large or names a row twice.", rows.len());
        return Err(Fault::new(FaultClass::Bug, "BAD_BATCH", message));
    }
    Ok(())
}

fn call(write: &Write, key: Option<&str>) -> Call {
    let (verb, inputs): (&str, Vec<Json>) = match (write, key) {
        (Write::Create { rows, .. }, Some(key)) => {
            let input = |row: &Create| {
                let mut properties = on_wire(&row.properties);
                properties.insert(key.to_owned(), row.key_value.clone().into());
                json!({ "id": row.key_value, "idProperty": key, "objectWriteTraceId": row.trace, "properties": properties })
            };
            ("upsert", rows.iter().map(input).collect())
        }
        (Write::Create { rows, .. }, None) => {
            let input = |row: &Create| {
                json!({ "objectWriteTraceId": row.trace, "properties": on_wire(&row.properties), "associations": [] })
            };
            ("create", rows.iter().map(input).collect())
        }
        (Write::Update(rows), _) => {
            let input = |row: &Update| {
                json!({ "id": row.id, "objectWriteTraceId": row.trace, "properties": on_wire(&row.properties) })
            };
            ("update", rows.iter().map(input).collect())
        }
        (Write::Archive(ids), _) => ("archive", ids.iter().map(|id| json!({ "id": id })).collect()),
    };
    Call::write(Method::Post, format!("{CONTACTS}/batch/{verb}"), Some(json!({ "inputs": inputs })))
}

/// Values are text on the wire; the empty text clears.
fn on_wire(properties: &Properties) -> Map<String, Json> {
    properties.iter().map(|(name, value)| (name.clone(), value.as_deref().unwrap_or_default().into())).collect()
}

/// A refusal of several rows at once does not say which row is in the way: it only tells the caller to split.
fn of_whole_batch(fault: Fault, rows: usize) -> Fault {
    if fault.class == FaultClass::Duplicate && rows > 1 {
        return Fault { class: FaultClass::Rejected, existing: None, ..fault };
    }
    fault
}

fn archived(row: &Row<'_>, page: Option<&Page>) -> RowOutcome {
    let error = page.and_then(|page| page.errors.iter().find(|error| names(error, row)));
    match error.map(faults::of_row) {
        Some(fault) if fault.class != FaultClass::Missing => Err(fault),
        _ => Ok(Outcome::Archived),
    }
}

fn names(error: &ErrorBody, row: &Row<'_>) -> bool {
    let by_trace = row.trace.is_some_and(|trace| error.context("objectWriteTraceId").any(|named| named == trace));
    by_trace || error.context("ids").any(|named| named == row.id)
}

/// One outcome for each row. Results are matched by trace, key or id first, what is left over by the values sent.
fn outcomes(rows: &[Row<'_>], key: Option<&str>, page: Page, asked: &[String]) -> Vec<RowOutcome> {
    let unmentioned = unmentioned(rows, &page);
    let mut settled: Vec<Option<RowOutcome>> = rows
        .iter()
        .map(|row| page.errors.iter().find(|error| names(error, row)).map(|error| Err(faults::of_row(error))))
        .collect();
    let mut unsure = Vec::new();
    for object in page.results {
        let row = open(rows, &settled).find(|(_, row)| is_certain(row, &object, key)).map(|(at, _)| at);
        match row {
            Some(at) => settled[at] = Some(Ok(Outcome::Written(object.record(asked)))),
            None => unsure.push(object),
        }
    }
    for object in unsure {
        let alike = open(rows, &settled).filter_map(|(at, row)| Some((agreement(row, &object)?, at))).max();
        if let Some((_, at)) = alike {
            settled[at] = Some(Ok(Outcome::Written(object.record(asked))));
        }
    }
    settled.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(unmentioned.clone()))).collect()
}

/// The rows without an outcome.
fn open<'a>(
    rows: &'a [Row<'a>],
    settled: &'a [Option<RowOutcome>],
) -> impl Iterator<Item = (usize, &'a Row<'a>)> {
    rows.iter().enumerate().filter(|(at, _)| settled[*at].is_none())
}

fn is_certain(row: &Row<'_>, object: &Object, key: Option<&str>) -> bool {
    let by_trace = row.trace.is_some() && object.object_write_trace_id.as_deref() == row.trace;
    let by_key = key.is_some_and(|key| object.text(key) == Some(row.id));
    by_trace || by_key || object.id == row.id || object.merged().any(|id| id == row.id)
}

/// How many of the row's values the result shows; `None` when it shows another value, or none at all. Two rows that
/// agree with a result equally well are alike, so either may have it.
fn agreement(row: &Row<'_>, object: &Object) -> Option<usize> {
    let mut shown = 0;
    for (name, sent) in row.sent? {
        let Some(answered) = object.properties.get(name) else { continue };
        let [sent, answered] = [sent, answered].map(|value| value.as_deref().unwrap_or_default().trim().to_lowercase());
        if sent != answered {
            return None;
        }
        shown += usize::from(!sent.is_empty());
    }
    (shown > 0).then_some(shown)
}

/// The fault of rows that the answer says nothing about: the one error that names no row, if the batch came to its
/// end; else nobody knows.
fn unmentioned(rows: &[Row<'_>], page: &Page) -> Fault {
    let nameless = page.errors.iter().find(|error| !rows.iter().any(|row| names(error, row)));
    match nameless {
        Some(error) if page.is_complete() => faults::of_row(error),
        _ => Fault::new(FaultClass::Unknown, "ROW_NOT_MENTIONED", "HubSpot's answer does not mention this row."),
    }
}
