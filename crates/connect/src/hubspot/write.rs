//! Writes in batches of up to 100 rows, each with its own outcome (HubSpot's page "CRM API | Contacts", batch calls).

use std::collections::BTreeSet;

use lockstep_core::record::Properties;
use serde_json::{Value as Json, json};

use super::wire::{CONTACTS, ErrorBody, Object, Page, on_wire, read, send};
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
    check(write, &rows)?;
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
        Write::Update(rows) => {
            rows.iter().map(|row| Row { trace: Some(&row.trace), id: &row.id, sent: Some(&row.properties) }).collect()
        }
        Write::Archive(ids) => ids.iter().map(|id| Row { trace: None, id, sent: None }).collect(),
    }
}

/// HubSpot refuses a whole batch for a trace that comes twice, too.
fn check(write: &Write, rows: &[Row<'_>]) -> Result<(), Fault> {
    write.check(ABOUT.write_batch)?;
    let mut traces = BTreeSet::new();
    if rows.iter().filter_map(|row| row.trace).all(|trace| traces.insert(trace)) {
        return Ok(());
    }
    Err(Fault::new(FaultClass::Bug, "BAD_BATCH", "A batch has one trace for two rows."))
}

fn call(write: &Write, key: Option<&str>) -> Call {
    let (verb, inputs): (&str, Vec<Json>) = match (write, key) {
        (Write::Create { rows, .. }, Some(key)) => ("upsert", rows.iter().map(|row| upsert_input(row, key)).collect()),
        (Write::Create { rows, .. }, None) => ("create", rows.iter().map(create_input).collect()),
        (Write::Update(rows), _) => ("update", rows.iter().map(update_input).collect()),
        (Write::Archive(ids), _) => ("archive", ids.iter().map(|id| json!({ "id": id })).collect()),
    };
    Call::write(Method::Post, format!("{CONTACTS}/batch/{verb}"), Some(json!({ "inputs": inputs })))
}

fn upsert_input(row: &Create, key: &str) -> Json {
    let properties = on_wire(&row.keyed(Some(key)));
    json!({ "id": row.key_value, "idProperty": key, "objectWriteTraceId": row.trace, "properties": properties })
}

fn create_input(row: &Create) -> Json {
    json!({ "objectWriteTraceId": row.trace, "properties": on_wire(&row.properties), "associations": [] })
}

fn update_input(row: &Update) -> Json {
    json!({ "id": row.id, "objectWriteTraceId": row.trace, "properties": on_wire(&row.properties) })
}

/// A refusal of several rows at once does not say which row is in the way: it only tells the caller to split.
fn of_whole_batch(fault: Fault, rows: usize) -> Fault {
    if matches!(fault.class, FaultClass::Duplicate | FaultClass::Missing) && rows > 1 {
        return Fault { class: FaultClass::Rejected, existing: None, ..fault };
    }
    fault
}

fn archived(row: &Row<'_>, page: Option<&Page>) -> RowOutcome {
    let error = page.and_then(|page| page.errors.iter().find(|error| names(error, row)));
    Outcome::archived(error.map_or(Ok(()), |error| Err(faults::of_row(error))))
}

fn names(error: &ErrorBody, row: &Row<'_>) -> bool {
    let by_trace = row.trace.is_some_and(|trace| error.context("objectWriteTraceId").any(|named| named == trace));
    by_trace || error.context("ids").any(|named| named == row.id)
}

/// One outcome for each row. Results are matched by trace, key or id first, what is left over by the values sent.
fn outcomes(rows: &[Row<'_>], key: Option<&str>, page: Page, asked: &[String]) -> Vec<RowOutcome> {
    let mut settled: Vec<Option<RowOutcome>> = rows
        .iter()
        .map(|row| page.errors.iter().find(|error| names(error, row)).map(|error| Err(faults::of_row(error))))
        .collect();
    let mut unsure = Vec::new();
    let is_complete = page.is_complete();
    for object in page.results {
        let row = open(rows, &settled).find(|(_, row)| is_certain(row, &object, key)).map(|(at, _)| at);
        match row {
            Some(at) => settled[at] = Some(Ok(Outcome::Written(object.record(asked)))),
            None => unsure.push(object),
        }
    }
    for object in unsure {
        if let Some(at) = likeliest(open(rows, &settled), &object) {
            settled[at] = Some(Ok(Outcome::Written(object.record(asked))));
        }
    }
    let nameless = page.errors.iter().filter(|error| is_complete && !rows.iter().any(|row| names(error, row)));
    let unmentioned = unmentioned(open(rows, &settled).count(), &nameless.collect::<Vec<_>>());
    settled.into_iter().map(|outcome| outcome.unwrap_or_else(|| Err(unmentioned.clone()))).collect()
}

/// The rows without an outcome.
fn open<'a>(rows: &'a [Row<'a>], settled: &'a [Option<RowOutcome>]) -> impl Iterator<Item = (usize, &'a Row<'a>)> {
    rows.iter().enumerate().filter(|(at, _)| settled[*at].is_none())
}

fn is_certain(row: &Row<'_>, object: &Object, key: Option<&str>) -> bool {
    let by_trace = row.trace.is_some() && object.object_write_trace_id.as_deref() == row.trace;
    let by_key = key.is_some_and(|key| object.text(key) == Some(row.id));
    by_trace || by_key || object.id == row.id || object.merged().any(|id| id == row.id)
}

/// The row that a result agrees with best. Of several, any may have it if they sent the same; else nobody knows whose it
/// is, for what tells them apart may be what the result does not show.
fn likeliest<'a>(open: impl Iterator<Item = (usize, &'a Row<'a>)>, object: &Object) -> Option<usize> {
    let agreeing: Vec<_> = open.filter_map(|(at, row)| Some((agreement(row, object)?, at, row.sent))).collect();
    let most = agreeing.iter().map(|(shown, ..)| *shown).max()?;
    let mut best = agreeing.into_iter().filter(|(shown, ..)| *shown == most);
    let (_, at, sent) = best.next()?;
    best.all(|(_, _, other)| other == sent).then_some(at)
}

/// How many of the row's values the result shows; `None` when it shows another value, or none at all.
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

/// The fault of rows that the answer says nothing about: an error that names no row, if the batch came to its end with
/// one for each of them; else nobody knows. Which of several rows it speaks of is not known either.
fn unmentioned(rows: usize, nameless: &[&ErrorBody]) -> Fault {
    match nameless {
        [error] if rows == 1 => faults::of_row(error),
        [error, ..] if nameless.len() >= rows => Fault { existing: None, ..faults::of_row(error) },
        _ => Fault::new(FaultClass::Unknown, "ROW_NOT_MENTIONED", "HubSpot's answer does not mention this row."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn properties(pairs: &[(&str, Option<&str>)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    fn create(trace: &str, pairs: &[(&str, Option<&str>)]) -> Create {
        Create { trace: trace.into(), key_value: format!("cnt_{trace}"), properties: properties(pairs) }
    }

    fn update(trace: &str, id: &str) -> Update {
        Update {
            trace: trace.into(),
            id: id.into(),
            properties: properties(&[("email", Some("a@example.com"))]),
            before: None,
        }
    }

    fn object(id: &str, properties: Json) -> Json {
        json!({ "id": id, "properties": properties, "updatedAt": "2026-11-22T11:00:00Z" })
    }

    fn batch(results: &[Json], errors: &[Json]) -> Line {
        Line::new(207, json!({ "status": "COMPLETE", "results": results, "errors": errors }))
    }

    /// What became of each row: the record's id, or the fault's class.
    async fn run(rows: &Write, line: Line) -> (Vec<Result<String, FaultClass>>, Json) {
        let (script, session, _) = Script::new([line]);
        let outcomes = write(&session, rows, &["email".to_owned()]).await.expect("an answer");
        let told = outcomes.into_iter().map(|outcome| match outcome {
            Ok(Outcome::Written(record)) => Ok(record.id),
            Ok(Outcome::Archived) => Ok("archived".to_owned()),
            Err(fault) => Err(fault.class),
        });
        let call = script.calls().remove(0);
        assert!(call.effect);
        (told.collect(), json!({ "path": call.path, "inputs": call.body.expect("a body")["inputs"] }))
    }

    #[tokio::test]
    async fn an_upsert_is_keyed_and_matched_by_the_key() {
        let rows = vec![create("a", &[("email", Some("a@example.com"))]), create("b", &[("email", None)])];
        let write = Write::Create { key: Some("lockstep_id".into()), rows };
        let answer = batch(
            &[object("2", json!({ "lockstep_id": "cnt_b" })), object("1", json!({ "lockstep_id": "cnt_a" }))],
            &[],
        );
        let (told, call) = run(&write, answer).await;
        assert_eq!(told, [Ok("1".into()), Ok("2".into())]);
        let expected = json!({ "path": "/crm/v3/objects/contacts/batch/upsert", "inputs": [
            { "id": "cnt_a", "idProperty": "lockstep_id", "objectWriteTraceId": "a", "properties": { "email": "a@example.com", "lockstep_id": "cnt_a" } },
            { "id": "cnt_b", "idProperty": "lockstep_id", "objectWriteTraceId": "b", "properties": { "email": "", "lockstep_id": "cnt_b" } },
        ] });
        assert_eq!(call, expected);
    }

    #[tokio::test]
    async fn creates_are_matched_by_trace_or_else_by_what_was_sent() {
        let rows = vec![
            create("a", &[("firstname", Some("Ana"))]),
            create("b", &[("firstname", Some("Ana")), ("email", Some("Ana@Example.com"))]),
            create("c", &[("firstname", Some("Cem"))]),
            create("d", &[("firstname", Some("Dua"))]),
        ];
        let mut traced = object("13", json!({ "firstname": "changed at once by a workflow" }));
        traced["objectWriteTraceId"] = "c".into();
        let results = [
            traced,
            object("12", json!({ "firstname": "Ana", "email": "ana@example.com" })),
            object("11", json!({ "firstname": "Ana", "email": null })),
            object("99", json!({ "firstname": "Eve" })),
        ];
        let (told, _) = run(&Write::Create { key: None, rows }, batch(&results, &[])).await;
        assert_eq!(told, [Ok("11".into()), Ok("12".into()), Ok("13".into()), Err(FaultClass::Unknown)]);
    }

    #[tokio::test]
    async fn a_result_that_could_be_of_either_row_is_of_neither() {
        let ana = |trace: &str, phone: &str| create(trace, &[("firstname", Some("Ana")), ("phone", Some(phone))]);
        let answer = || [object("12", json!({ "firstname": "Ana" })), object("11", json!({ "firstname": "Ana" }))];
        let differ = Write::Create { key: None, rows: vec![ana("a", "+1"), ana("b", "+2")] };
        assert_eq!(run(&differ, batch(&answer(), &[])).await.0, vec![Err(FaultClass::Unknown); 2]);
        let alike = Write::Create { key: None, rows: vec![ana("a", "+1"), ana("b", "+1")] };
        assert_eq!(run(&alike, batch(&answer(), &[])).await.0, [Ok("12".into()), Ok("11".into())]);
    }

    #[tokio::test]
    async fn faults_come_by_row() {
        let rows =
            vec![create("a", &[("email", Some("a@example.com"))]), create("b", &[("email", Some("b@example.com"))])];
        let conflict = json!({ "category": "CONFLICT", "message": "Contact already exists. Existing ID: 7", "context": { "objectWriteTraceId": ["a"], "existingId": ["7"] } });
        let answer = batch(&[object("5", json!({ "email": "b@example.com" }))], &[conflict]);
        let (told, _) = run(&Write::Create { key: None, rows }, answer).await;
        assert_eq!(told, [Err(FaultClass::Duplicate), Ok("5".into())]);

        let gone = json!({ "category": "OBJECT_NOT_FOUND", "message": "none", "context": { "ids": ["2"] } });
        let answer = batch(&[object("1", json!({ "email": "a@example.com" }))], &[gone]);
        let (told, _) = run(&Write::Update(vec![update("x", "1"), update("y", "2")]), answer).await;
        assert_eq!(told, [Ok("1".into()), Err(FaultClass::Missing)]);
    }

    #[tokio::test]
    async fn an_error_that_names_no_row_is_of_those_not_mentioned() {
        let rows = || Write::Update(vec![update("x", "1"), update("y", "2")]);
        let nameless = json!({ "category": "VALIDATION_ERROR", "message": "no" });
        let (told, _) = run(&rows(), batch(&[object("1", json!({}))], std::slice::from_ref(&nameless))).await;
        assert_eq!(told, [Ok("1".into()), Err(FaultClass::Rejected)]);
        let (told, _) = run(&rows(), batch(&[], std::slice::from_ref(&nameless))).await;
        assert_eq!(told, [Err(FaultClass::Unknown), Err(FaultClass::Unknown)], "one of them may have been written");
        let taken = |id: &str| json!({ "category": "CONFLICT", "message": format!("Contact already exists. Existing ID: {id}") });
        let (_script, session, _) = Script::new([batch(&[], &[taken("7"), taken("8")])]);
        for outcome in write(&session, &rows(), &[]).await.expect("an answer") {
            let fault = outcome.expect_err("taken");
            assert_eq!((fault.class, fault.existing), (FaultClass::Duplicate, None), "nobody knows by which");
        }
        let (_script, session, _) = Script::new([batch(&[object("1", json!({}))], &[taken("7")])]);
        let outcomes = write(&session, &rows(), &[]).await.expect("an answer");
        assert_eq!(outcomes[1].as_ref().expect_err("taken").existing.as_deref(), Some("7"));
        let unfinished = Line::new(200, json!({ "status": "PROCESSING", "results": [], "errors": [nameless] }));
        assert_eq!(run(&rows(), unfinished).await.0, [Err(FaultClass::Unknown), Err(FaultClass::Unknown)]);
    }

    #[tokio::test]
    async fn an_update_by_an_old_id_follows_the_merge() {
        let merged = object("30", json!({ "email": "a@example.com", "hs_merged_object_ids": "10;20" }));
        assert_eq!(run(&Write::Update(vec![update("x", "20")]), batch(&[merged], &[])).await.0, [Ok("30".into())]);
    }

    #[tokio::test]
    async fn what_is_gone_already_counts_as_archived() {
        let write = Write::Archive(vec!["1".into(), "2".into()]);
        let (told, call) = run(&write, Line::new(204, Json::Null)).await;
        assert_eq!(
            (told, call["path"].as_str()),
            (vec![Ok("archived".into()); 2], Some("/crm/v3/objects/contacts/batch/archive"))
        );
        let gone = json!({ "category": "OBJECT_NOT_FOUND", "message": "none", "context": { "ids": ["2"] } });
        assert_eq!(run(&write, batch(&[], &[gone])).await.0, vec![Ok("archived".into()); 2]);
    }

    #[tokio::test]
    async fn an_unreadable_answer_to_a_write_is_a_lost_one() {
        let (_script, session, _) = Script::new([Line::new(200, json!("{\"results\":[{\"id\":\"1"))]);
        let fault = write(&session, &Write::Update(vec![update("x", "1")]), &[]).await.expect_err("no outcome");
        assert_eq!(fault.class, FaultClass::Unknown);
    }

    #[tokio::test]
    async fn a_refused_batch_says_only_that_it_must_be_split() {
        let conflict = json!({ "category": "CONFLICT", "message": "Contact already exists. Existing ID: 7" });
        let (_script, session, _) = Script::new([Line::new(409, conflict.clone()), Line::new(409, conflict)]);
        let pair = Write::Update(vec![update("x", "1"), update("y", "2")]);
        let fault = write(&session, &pair, &[]).await.expect_err("refused");
        assert_eq!((fault.class, fault.existing), (FaultClass::Rejected, None));
        let fault = write(&session, &Write::Update(vec![update("x", "1")]), &[]).await.expect_err("refused");
        assert_eq!((fault.class, fault.existing.as_deref()), (FaultClass::Duplicate, Some("7")));
    }

    #[tokio::test]
    async fn a_row_twice_or_one_too_many_is_our_defect_and_is_not_sent() {
        let (script, session, _) = Script::new([]);
        let too_many = (0..101).map(|n| update(&n.to_string(), &n.to_string())).collect();
        for rows in [Write::Update(vec![update("x", "1"), update("y", "1")]), Write::Update(too_many)] {
            let fault = write(&session, &rows, &[]).await.expect_err("a defect");
            assert_eq!(fault.class, FaultClass::Bug);
        }
        assert!(script.calls().is_empty());
    }
}
