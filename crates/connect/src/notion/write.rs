//! Pages made, changed and put into the trash, one by one: Notion has no batches (Notion's pages "Create a page" and
//! "Update page").

use lockstep_core::record::{Properties, Record};
use serde_json::{Map, Value as Json, json};

use super::sources::{self, Source, Which};
use super::wire::{Page, is_id, page_path, read as read_body, same_id};
use super::{ABOUT, faults, naming, read, values};
use crate::connector::{Outcome, RowOutcome, Write, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Writes one row. One call, and one for the data source if it is not remembered.
pub(super) async fn write(session: &Session, write: &Write, asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    write.check(ABOUT.write_batch)?;
    let mut outcomes = Vec::new();
    match write {
        Write::Create { key, rows } => {
            for row in rows {
                let properties = row.keyed(key.as_deref());
                let source = of_deed(session, Which::Contacts, &properties).await?;
                let made = create(session, &source, &properties, asked).await.map_err(read::of_contacts)?;
                outcomes.push(Ok(Outcome::Written(made)));
            }
        }
        Write::Update(rows) => {
            for row in rows {
                let source = of_deed(session, Which::Contacts, &row.properties).await?;
                outcomes.push(Ok(Outcome::Written(update(session, &source, &row.id, &row.properties, asked).await?)));
            }
        }
        Write::Archive(ids) => {
            for id in ids {
                outcomes.push(Ok(archive(session, id).await?));
            }
        }
    }
    Ok(outcomes)
}

/// The data source that a deed needs to know before it is done.
pub(super) async fn of_deed(session: &Session, which: Which<'_>, properties: &Properties) -> Result<Source, Fault> {
    sources::source_with(session, which, properties.keys()).await.map_err(Fault::nothing_done)
}

/// Makes a page. One call; one more where Notion refuses it and says that it was made all the same.
pub(super) async fn create(
    session: &Session,
    source: &Source,
    properties: &Properties,
    asked: &[String],
) -> Result<Record, Fault> {
    let body = json!({
        "parent": { "type": "data_source_id", "data_source_id": source.id },
        "properties": on_wire(source, properties)?,
    });
    let call = Call::write(Method::Post, "/v1/pages", Some(body));
    written(session, call, asked).await.map_err(|fault| refused(session, source, &source.id, properties, fault))
}

/// Changes the named properties of a page and no other. One call.
pub(super) async fn update(
    session: &Session,
    source: &Source,
    id: &str,
    properties: &Properties,
    asked: &[String],
) -> Result<Record, Fault> {
    if !is_id(id) {
        return Err(missing(id));
    }
    let body = json!({ "properties": on_wire(source, properties)? });
    let call = Call::write(Method::Patch, page_path(id), Some(body));
    written(session, call, asked).await.map_err(|fault| refused(session, source, id, properties, fault))
}

/// Puts a page into the trash; one that is there or nowhere needs nothing more. One call.
pub(super) async fn archive(session: &Session, id: &str) -> RowOutcome {
    if !is_id(id) {
        return Ok(Outcome::Archived);
    }
    let call = Call::write(Method::Patch, page_path(id), Some(json!({ "in_trash": true })));
    Outcome::archived(written(session, call, &[]).await)
}

/// The fault of a page that is not to be seen.
pub(super) fn missing(id: &str) -> Fault {
    Fault::new(FaultClass::Missing, "object_not_found", format!("Notion does not show the page {id}."))
}

/// Sends a write and reads what became of the page. Notion may save what it answers with 503 and then names the page.
async fn written(session: &Session, call: Call, asked: &[String]) -> Result<Record, Fault> {
    let answer = session.door.send(call).await?;
    if (200..300).contains(&answer.status) {
        return Ok(read::shown(read_body::<Page>(answer.body, true)?, asked));
    }
    let Some(id) = faults::committed(&answer) else { return Err(faults::of_answer(&answer, true)) };
    match read::page(session, id).await {
        Ok(Some(page)) => Ok(read::shown(page, asked)),
        // It is done, whatever keeps it from being shown.
        _ => Ok(unseen(id, session.env.now())),
    }
}

/// The refusal of a write in the caller's names. Whatever it is about, what we remember may be why.
fn refused(session: &Session, source: &Source, target: &str, sent: &Properties, fault: Fault) -> Fault {
    if matches!(fault.class, FaultClass::Drift | FaultClass::Rejected | FaultClass::Missing) {
        sources::forget(session);
    }
    let columns = source.columns();
    let id = |name: &str| naming::find(&columns, name).map(|column| &column.id);
    let named = fault.property.as_deref().and_then(id);
    let property = named.and_then(|named| sent.keys().find(|name| id(name) == Some(named))).cloned();
    // What is not there may also be a page that a relation was to lead to.
    let is_other = fault.class == FaultClass::Missing && names_another(&fault.message, target);
    let class = if is_other { FaultClass::Rejected } else { fault.class };
    Fault { property: property.or_else(|| fault.property.clone()), class, ..fault }
}

fn names_another(message: &str, target: &str) -> bool {
    let named = message.split_once(" with ID: ").and_then(|(_, rest)| rest.split(['.', ' ']).next());
    named.is_some_and(|named| !same_id(named, target))
}

/// Properties as a request names them: by id, which renaming does not change.
fn on_wire(source: &Source, properties: &Properties) -> Result<Map<String, Json>, Fault> {
    let columns = source.columns();
    let mut written = Map::new();
    for (name, value) in properties {
        let column = naming::find(&columns, name).ok_or_else(|| sources::gone(name, &columns))?;
        let value = values::write(&column.kind, value.as_deref()).map_err(|reason| {
            let fault = Fault::new(FaultClass::Rejected, "BAD_VALUE", format!("\"{}\" {reason}.", column.label));
            Fault { property: Some(name.clone()), ..fault }
        })?;
        written.insert(column.id.clone(), value);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::{Create, Update};
    use crate::script::{Line, Script};

    const SOURCE: &str = "393abc1e-edcd-8179-9372-000bd163e729";
    const PAGE: &str = "393abc1e-edcd-81a0-9a08-d7413a049dc8";

    fn contacts() -> Line {
        let properties = json!({
            "Name": { "id": "title", "type": "title", "title": {} },
            "Mail": { "id": "m%3A", "type": "email", "email": {} },
            "lockstep_id": { "id": "k", "type": "rich_text", "rich_text": {} },
            "Score": { "id": "n", "type": "number", "number": {} },
            "Firm": { "id": "r", "type": "relation", "relation": {} },
        });
        let source = json!({ "id": SOURCE, "title": [{ "plain_text": "Contacts" }], "properties": properties });
        Line::new(200, json!({ "results": [source], "has_more": false }))
    }

    fn page() -> Json {
        let properties = json!({
            "Mail": { "id": "m%3A", "type": "email", "email": "ada@example.com" },
            "Name": { "id": "title", "type": "title", "title": [] },
        });
        let at = "2026-11-22T11:00:00.000Z";
        json!({ "id": PAGE, "created_time": at, "last_edited_time": at, "properties": properties })
    }

    fn set(pairs: &[(&str, Option<&str>)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    fn created(pairs: &[(&str, Option<&str>)]) -> Write {
        let row = Create { trace: "t".into(), key_value: "cnt_1".into(), properties: set(pairs) };
        Write::Create { key: Some("lockstep_id".into()), rows: vec![row] }
    }

    fn updated(pairs: &[(&str, Option<&str>)]) -> Write {
        Write::Update(vec![Update { trace: "t".into(), id: PAGE.into(), properties: set(pairs), before: None }])
    }

    async fn run(what: &Write, line: Line) -> (Result<Record, Fault>, Vec<Call>) {
        let (script, session, _) = Script::new([contacts(), line]);
        let done = write(&session, what, &["email".to_owned()]).await.map(|mut rows| match rows.remove(0) {
            Ok(Outcome::Written(record)) => record,
            other => panic!("{other:?}"),
        });
        (done, script.calls())
    }

    #[tokio::test]
    async fn a_page_is_made_with_its_key_and_named_by_ids() {
        let (made, calls) = run(&created(&[("email", Some("ada@example.com"))]), Line::new(200, page())).await;
        assert_eq!(made.expect("a record").text("email"), Some("ada@example.com"));
        let expected = json!({
            "parent": { "type": "data_source_id", "data_source_id": SOURCE },
            "properties": { "k": { "rich_text": [{ "text": { "content": "cnt_1" } }] }, "m%3A": { "email": "ada@example.com" } },
        });
        assert_eq!(
            (calls[1].path.as_str(), calls[1].effect, calls[1].body.as_ref()),
            ("/v1/pages", true, Some(&expected))
        );
    }

    #[tokio::test]
    async fn a_change_names_what_changes_and_nothing_else() {
        let (_, calls) = run(&updated(&[("email", None)]), Line::new(200, page())).await;
        assert_eq!((calls[1].method, calls[1].path.clone()), (Method::Patch, format!("/v1/pages/{PAGE}")));
        assert_eq!(calls[1].body, Some(json!({ "properties": { "m%3A": { "email": null } } })));
    }

    #[tokio::test]
    async fn what_was_saved_though_it_was_refused_is_written() {
        let saved = json!({ "code": "service_unavailable", "message": "later", "additional_data": { "committed_resource_id": PAGE } });
        for (seen, email) in [(Line::new(200, page()), Some("ada@example.com")), (Line::new(503, Json::Null), None)] {
            let (script, session, _) = Script::new([contacts(), Line::new(503, saved.clone()), seen]);
            let done = write(&session, &created(&[]), &["email".to_owned()]).await.expect("it is there").remove(0);
            let Ok(Outcome::Written(record)) = done else { panic!("{done:?}") };
            assert_eq!((record.id.as_str(), record.text("email"), script.calls().len()), (PAGE, email, 3));
        }
        let unsure = json!({ "code": "service_unavailable", "message": "later" });
        assert_eq!(run(&created(&[]), Line::new(503, unsure)).await.0.expect_err("?").class, FaultClass::Unknown);
        assert_eq!(
            run(&created(&[]), Line::new(200, json!("{\"id"))).await.0.expect_err("?").class,
            FaultClass::Unknown
        );
    }

    #[tokio::test]
    async fn refusals_name_what_the_caller_named() {
        let refusal =
            |status, code: &str, message: &str| Line::new(status, json!({ "code": code, "message": message }));
        let bad = "body failed validation: body.properties.m%3A.email should be populated, instead was `\"\"`.";
        let other = format!("Could not find page with ID: {SOURCE}. Make sure the relevant pages are shared.");
        let same = format!("Could not find page with ID: {PAGE}. Make sure the relevant pages are shared.");
        let cases = [
            (refusal(400, "validation_error", bad), FaultClass::Rejected, Some("email")),
            (refusal(400, "validation_error", "m%3A is not a property that exists."), FaultClass::Drift, Some("email")),
            (refusal(400, "validation_error", "Mail is expected to be url."), FaultClass::Rejected, Some("email")),
            (refusal(404, "object_not_found", &other), FaultClass::Rejected, None),
            (refusal(404, "object_not_found", &same), FaultClass::Missing, None),
        ];
        for (line, class, property) in cases {
            let fault = run(&updated(&[("email", Some("x"))]), line).await.0.expect_err("refused");
            assert_eq!((fault.class, fault.property.as_deref()), (class, property), "{}", fault.message);
        }
    }

    #[tokio::test]
    async fn what_cannot_be_right_is_not_sent() {
        for (properties, class) in [
            (set(&[("n", Some("many"))]), FaultClass::Rejected),
            (set(&[("phone_number", Some("+1"))]), FaultClass::Drift),
        ] {
            // What is gone may have come back, so it is looked for twice only where something is remembered.
            let looks = if class == FaultClass::Drift { vec![contacts(), contacts()] } else { vec![contacts()] };
            let (_script, session, _) = Script::new(looks);
            let row = Update { trace: "t".into(), id: PAGE.into(), properties: properties.clone(), before: None };
            let fault = write(&session, &Write::Update(vec![row]), &[]).await.expect_err("refused");
            assert_eq!((fault.class, fault.property.as_ref()), (class, properties.keys().next()));
        }
        let (_script, session, _) = Script::new([]);
        let two = Write::Archive(vec![PAGE.into(), SOURCE.into()]);
        assert_eq!(write(&session, &two, &[]).await.expect_err("a defect").class, FaultClass::Bug);
        let (_script, session, _) = Script::new([Line::new(503, Json::Null)]);
        let fault = write(&session, &created(&[]), &[]).await.expect_err("nothing known");
        assert_eq!(fault.class, FaultClass::Unreachable, "nothing was sent");
    }

    #[tokio::test]
    async fn what_is_gone_already_counts_as_archived() {
        let gone = [
            Line::new(200, page()),
            Line::new(404, json!({ "code": "object_not_found", "message": "none" })),
            Line::new(400, json!({ "code": "validation_error", "message": "Can't edit block that is archived." })),
        ];
        for line in gone {
            let (script, session, _) = Script::new([line]);
            let done = write(&session, &Write::Archive(vec![PAGE.into()]), &[]).await.expect("an answer");
            assert!(matches!(done[..], [Ok(Outcome::Archived)]));
            assert_eq!(script.bodies(), [json!({ "in_trash": true })]);
        }
    }
}
