//! Writes in collections of up to 200 rows, each with its own outcome, and what became of them read in the same call
//! (Salesforce's pages "sObject Collections" and "Composite").

use std::collections::BTreeMap;

use lockstep_core::record::Properties;
use serde_json::{Map, Value as Json, json};

use super::wire::{
    self, CONTACT, DATA, PartAnswer, Row, Saved, check_name, compose, field_of, in_path, long_id, on_wire, part,
    retrieve, send,
};
use super::{ABOUT, faults, read};
use crate::connector::{Create, Outcome, RowOutcome, Update, Write, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// The field that no contact can be without.
const LAST_NAME: &str = "LastName";
const FIRST_NAME: &str = "FirstName";
/// What a contact is called by that has no name.
const NAMELESS: [&str; 5] = ["Phone", "MobilePhone", "HomePhone", "OtherPhone", "Email"];

/// Writes one batch. One call; one more where not every row of a create was saved, and one before an update that takes
/// last names away and does not say the first ones.
pub(super) async fn write(session: &Session, write: &Write, asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    write.check(ABOUT.write_batch)?;
    match write {
        Write::Create { key, rows } => create(session, key.as_deref(), rows, asked).await,
        Write::Update(rows) => update(session, rows, asked).await,
        Write::Archive(ids) => archive(session, ids).await,
    }
}

/// The collection of a write.
fn collection(rows: Vec<Map<String, Json>>) -> Json {
    let attributes = json!({ "type": CONTACT });
    let typed = |mut row: Map<String, Json>| {
        row.insert("attributes".to_owned(), attributes.clone());
        row
    };
    json!({ "allOrNone": false, "records": rows.into_iter().map(typed).collect::<Vec<_>>() })
}

async fn create(
    session: &Session,
    key: Option<&str>,
    rows: &[Create],
    asked: &[String],
) -> Result<Vec<RowOutcome>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sent = rows.iter().map(|row| {
        let mut fields = on_wire(&named(row.properties.clone()));
        // A new record holds nothing that could be cleared; with a key it may be there already.
        fields.retain(|_, value| key.is_some() || !value.is_null());
        if let Some(key) = key {
            fields.insert(field_of(key).to_owned(), row.key_value.clone().into());
        }
        fields
    });
    let body = collection(sent.collect());
    let path = format!("{DATA}/composite/sobjects");
    let write = match key.map(field_of) {
        Some(field) => {
            check_name(field)?;
            part(Method::Patch, &format!("{path}/{CONTACT}/{}", in_path(field)), "rows", Some(body))
        }
        None => part(Method::Post, &path, "rows", Some(body)),
    };
    // The ids are not known yet; the answer of the part before is referred to. One row without an id spoils that.
    let made: Vec<String> = (0..rows.len()).map(|at| format!("@{{rows[{at}].id}}")).collect();
    let (saved, shown) = write_and_read(session, write, &made, asked).await?;
    let shown = match shown {
        Some(shown) => shown,
        None => read_saved(session, &saved, asked).await,
    };
    let of_new = |fault: Fault| match fault.class {
        // Nothing can be missing of what is only made: it is another record that a value refers to.
        FaultClass::Missing => Fault { class: FaultClass::Rejected, ..fault },
        _ => fault,
    };
    Ok(outcomes(session, rows.len(), saved, &shown, asked).into_iter().map(|row| row.map_err(of_new)).collect())
}

async fn update(session: &Session, rows: &[Update], asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let first_names = first_names(session, rows).await.map_err(Fault::nothing_done)?;
    let known: Vec<(&Update, String)> = rows.iter().filter_map(|row| Some((row, long_id(&row.id)?))).collect();
    let mut done = Vec::new();
    if !known.is_empty() {
        let sent = known.iter().map(|(row, id)| {
            let mut properties = row.properties.clone();
            if let Some(first) = first_names.get(id) {
                properties.entry(FIRST_NAME.to_owned()).or_insert_with(|| first.clone());
            }
            if properties.get(LAST_NAME).is_some_and(is_empty) {
                properties = renamed(properties);
            }
            let mut fields = on_wire(&properties);
            fields.insert("id".to_owned(), id.clone().into());
            fields
        });
        let body = collection(sent.collect());
        let write = part(Method::Patch, &format!("{DATA}/composite/sobjects"), "rows", Some(body));
        let ids: Vec<String> = known.iter().map(|(_, id)| id.clone()).collect();
        let (saved, shown) = write_and_read(session, write, &ids, asked).await?;
        done = outcomes(session, known.len(), saved, &shown.unwrap_or_default(), asked);
    }
    let mut done = done.into_iter();
    let nobody =
        |id: &str| Fault::new(FaultClass::Missing, "MALFORMED_ID", format!("\"{id}\" is no id of Salesforce's."));
    let of_row = |row: &Update| match long_id(&row.id) {
        Some(_) => done.next().unwrap_or_else(|| Err(unmentioned())),
        None => Err(nobody(&row.id)),
    };
    Ok(rows.iter().map(of_row).collect())
}

/// The first names of records whose last name an update takes away, where it does not say them itself: no contact can be
/// without a last name, so the first one takes its place. At most one call.
async fn first_names(session: &Session, rows: &[Update]) -> Result<BTreeMap<String, Option<String>>, Fault> {
    let loses =
        |row: &&Update| row.properties.get(LAST_NAME).is_some_and(is_empty) && !row.properties.contains_key(FIRST_NAME);
    let ids: Vec<String> = rows.iter().filter(loses).filter_map(|row| long_id(&row.id)).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = read::living(session, CONTACT, &ids, &[FIRST_NAME.to_owned()]).await?;
    Ok(rows.into_iter().map(|row| (row.id.clone(), row.value(FIRST_NAME).flatten())).collect())
}

fn is_empty(value: &Option<String>) -> bool {
    value.as_deref().unwrap_or_default().trim().is_empty()
}

/// What a new contact holds: without a last name the first name stands there, else its number or address.
fn named(properties: Properties) -> Properties {
    if properties.get(LAST_NAME).is_some_and(|name| !is_empty(name)) {
        return properties;
    }
    let mut properties = renamed(properties);
    if properties.get(LAST_NAME).is_none_or(is_empty) {
        let called = NAMELESS.iter().find_map(|name| properties.get(*name).filter(|value| !is_empty(value))).cloned();
        properties.extend(called.map(|called| (LAST_NAME.to_owned(), called)));
    }
    properties
}

/// The first name in the place of the last one.
fn renamed(mut properties: Properties) -> Properties {
    if let Some(first) = properties.get(FIRST_NAME).filter(|first| !is_empty(first)).cloned() {
        properties.insert(LAST_NAME.to_owned(), first);
        properties.insert(FIRST_NAME.to_owned(), None);
    }
    properties
}

/// What was shown after a write, by id.
type Shown = BTreeMap<String, Row>;

/// One call: a collection is written, then read. No rows where the read was refused, which undoes nothing.
async fn write_and_read(
    session: &Session,
    write: Json,
    ids: &[String],
    asked: &[String],
) -> Result<(Vec<Saved>, Option<Shown>), Fault> {
    let (path, body) = retrieve(CONTACT, ids, asked)?;
    let parts = [write, part(Method::Post, &path, "shown", Some(body))];
    let (answers, sent_at) = compose(session, &parts, false).await?;
    let mut answers = answers.into_iter();
    let (written, shown) = (answers.next().ok_or_else(unmentioned)?, answers.next());
    if !written.is_done() {
        return Err(written.fault(sent_at, true));
    }
    Ok((wire::read(written.body, true)?, shown.filter(PartAnswer::is_done).and_then(|shown| rows_of(shown.body))))
}

fn rows_of(body: Json) -> Option<Shown> {
    let rows: Vec<Option<Row>> = serde_json::from_value(body).ok()?;
    Some(rows.into_iter().flatten().map(|row| (row.id.clone(), row)).collect())
}

/// What was saved, read by its ids. Whatever keeps it from being shown, it was saved.
async fn read_saved(session: &Session, saved: &[Saved], asked: &[String]) -> Shown {
    let ids: Vec<String> = saved.iter().filter(|row| row.success).filter_map(|row| row.id.clone()).collect();
    if ids.is_empty() {
        return Shown::new();
    }
    let rows = read::living(session, CONTACT, &ids, asked).await.unwrap_or_default();
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

/// One outcome for each row: answers come in the order of the rows.
fn outcomes(session: &Session, rows: usize, saved: Vec<Saved>, shown: &Shown, asked: &[String]) -> Vec<RowOutcome> {
    let outcome = |row: Saved| match row.id.filter(|_| row.success) {
        Some(id) => {
            Ok(Outcome::Written(shown.get(&id).map_or_else(|| unseen(id, session.env.now()), |row| row.record(asked))))
        }
        None if row.success => Err(unmentioned()),
        None => Err(faults::of_row(&row.errors)),
    };
    let told = saved.into_iter().map(outcome);
    told.chain(std::iter::repeat_with(|| Err(unmentioned()))).take(rows).collect()
}

fn unmentioned() -> Fault {
    Fault::new(FaultClass::Unknown, "ROW_NOT_MENTIONED", "Salesforce's answer does not mention this row.")
}

async fn archive(session: &Session, ids: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let known: Vec<String> = ids.iter().filter_map(|id| long_id(id)).collect();
    let mut saved: Vec<Saved> = Vec::new();
    if !known.is_empty() {
        let path = format!("{DATA}/composite/sobjects?ids={}&allOrNone=false", known.join(","));
        saved = wire::read(send(session, Call::write(Method::Delete, path, None)).await?.body, true)?;
    }
    let mut saved = saved.into_iter();
    let outcome = |id: &String| {
        // What can be no id of theirs is not there.
        if long_id(id).is_none() {
            return Ok(Outcome::Archived);
        }
        let row = saved.next().ok_or_else(unmentioned)?;
        Outcome::archived(if row.success { Ok(()) } else { Err(faults::of_row(&row.errors)) })
    };
    Ok(ids.iter().map(outcome).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn properties(pairs: &[(&str, Option<&str>)]) -> Properties {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect()
    }

    const IDS: [&str; 2] = ["003ak000003dQCGAA2", "003ak000003dQCDAA2"];

    fn composite(parts: &[(u16, Json)]) -> Line {
        let part = |(status, body): &(u16, Json)| json!({ "httpStatusCode": status, "body": body, "httpHeaders": {} });
        Line::new(200, json!({ "compositeResponse": parts.iter().map(part).collect::<Vec<_>>() }))
    }

    fn saved(id: &str) -> Json {
        json!({ "id": id, "success": true, "errors": [] })
    }

    fn shown(id: &str, email: &str) -> Json {
        json!({ "Id": id, "SystemModstamp": "2026-11-22T11:00:00.000+0000", "Email": email })
    }

    fn create(trace: &str, pairs: &[(&str, Option<&str>)]) -> Create {
        Create { trace: trace.into(), key_value: format!("cnt_{trace}"), properties: properties(pairs) }
    }

    fn told(outcomes: Vec<RowOutcome>) -> Vec<Result<String, FaultClass>> {
        let tell = |outcome: RowOutcome| match outcome {
            Ok(Outcome::Written(record)) => Ok(format!("{} {:?}", record.id, record.text("Email"))),
            Ok(Outcome::Archived) => Ok("archived".to_owned()),
            Err(fault) => Err(fault.class),
        };
        outcomes.into_iter().map(tell).collect()
    }

    #[tokio::test]
    async fn a_keyed_create_is_one_call_that_shows_what_was_made() {
        let rows = json!([shown(IDS[0], "a@example.com"), shown(IDS[1], "b@example.com")]);
        let line = composite(&[(200, json!([saved(IDS[0]), saved(IDS[1])])), (200, rows)]);
        let (script, session, _) = Script::new([line]);
        let rows = vec![
            create("a", &[("FirstName", Some("Ada")), ("Email", None)]),
            create("b", &[("LastName", Some("Byron")), ("FirstName", None)]),
        ];
        let write_rows = Write::Create { key: Some("lockstep_id".into()), rows };
        let outcomes = write(&session, &write_rows, &["Email".to_owned()]).await.expect("an answer");
        let expected =
            [(IDS[0], "a"), (IDS[1], "b")].map(|(id, name)| Ok(format!("{id} Some(\"{name}@example.com\")")));
        assert_eq!(told(outcomes), expected);
        let calls = script.calls();
        assert!(calls.len() == 1 && calls[0].effect);
        let parts = &calls[0].body.as_ref().expect("a body")["compositeRequest"];
        assert_eq!(parts[0]["url"], "/services/data/v66.0/composite/sobjects/Contact/Lockstep_Id__c");
        let attributes = json!({ "type": "Contact" });
        assert_eq!(
            parts[0]["body"]["records"],
            json!([
                { "attributes": attributes, "Lockstep_Id__c": "cnt_a", "LastName": "Ada", "FirstName": null, "Email": null },
                { "attributes": attributes, "Lockstep_Id__c": "cnt_b", "LastName": "Byron", "FirstName": null },
            ])
        );
        assert_eq!(parts[1]["body"]["ids"], json!(["@{rows[0].id}", "@{rows[1].id}"]));
    }

    #[tokio::test]
    async fn rows_that_were_saved_beside_a_refused_one_are_read_once_more() {
        let refused = json!({ "success": false, "errors": [{ "statusCode": "INVALID_EMAIL_ADDRESS", "message": "no", "fields": ["Email"] }] });
        let halted = json!([{ "errorCode": "PROCESSING_HALTED", "message": "Invalid reference specified." }]);
        let line = || composite(&[(200, json!([refused, saved(IDS[1])])), (400, halted.clone())]);
        let read = Line::new(200, json!([shown(IDS[1], "b@example.com")]));
        let rows = vec![create("a", &[("Email", Some("no"))]), create("b", &[("Email", Some("b@example.com"))])];
        let create_rows = Write::Create { key: None, rows };
        let (_script, session, _) = Script::new([line(), read]);
        let outcomes = write(&session, &create_rows, &["Email".to_owned()]).await.expect("an answer");
        let read_back = Ok(format!("{} Some(\"b@example.com\")", IDS[1]));
        assert_eq!(told(outcomes), [Err(FaultClass::Rejected), read_back]);
        let (_script, session, _) = Script::new([line(), Line::new(503, Json::Null)]);
        let outcomes = write(&session, &create_rows, &["Email".to_owned()]).await.expect("an answer");
        assert_eq!(told(outcomes), [Err(FaultClass::Rejected), Ok(format!("{} None", IDS[1]))], "saved, if not shown");
    }

    #[tokio::test]
    async fn a_last_name_that_is_taken_away_gives_its_place_to_the_first() {
        let first = Line::new(200, json!([{ "Id": IDS[0], "FirstName": "Ada" }]));
        let done = composite(&[(200, json!([saved(IDS[0])])), (200, json!([shown(IDS[0], "a@example.com")]))]);
        let (script, session, _) = Script::new([first, done]);
        let row = |id: &str, pairs| Update { trace: id.into(), id: id.into(), properties: properties(pairs) };
        let rows = vec![row(IDS[0], &[("LastName", None)]), row("999999999", &[("Email", None)])];
        let outcomes = write(&session, &Write::Update(rows), &["Email".to_owned()]).await.expect("an answer");
        assert_eq!(told(outcomes)[1], Err(FaultClass::Missing), "what can be no id is not sent");
        let calls = script.calls();
        let records = &calls[1].body.as_ref().expect("a body")["compositeRequest"][0]["body"]["records"];
        let renamed =
            json!([{ "attributes": { "type": "Contact" }, "id": IDS[0], "LastName": "Ada", "FirstName": null }]);
        assert_eq!(records, &renamed);
    }

    #[tokio::test]
    async fn what_could_not_be_read_before_was_not_written() {
        let (script, session, _) = Script::new([Line::new(503, Json::Null)]);
        let row = Update { trace: "a".into(), id: IDS[0].into(), properties: properties(&[("LastName", None)]) };
        let fault = write(&session, &Write::Update(vec![row]), &[]).await.expect_err("not read");
        assert_eq!((fault.class, script.calls()[0].effect), (FaultClass::Unreachable, false));
    }

    #[test]
    fn somebody_without_a_name_is_called_by_the_number() {
        let last = |pairs| named(properties(pairs)).get("LastName").cloned().flatten();
        assert_eq!(last(&[("Phone", Some("+39")), ("Email", Some("a@b.c"))]).as_deref(), Some("+39"));
        assert_eq!(last(&[("Email", Some("a@b.c")), ("LastName", None)]).as_deref(), Some("a@b.c"));
        assert_eq!(last(&[("FirstName", Some("Ada")), ("Phone", Some("+39"))]).as_deref(), Some("Ada"));
        assert_eq!(last(&[("Title", Some("Dr"))]), None, "which Salesforce refuses in its own words");
    }

    #[tokio::test]
    async fn what_is_gone_counts_as_archived() {
        let gone = json!({ "success": false, "errors": [{ "statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": [] }] });
        let held = json!({ "success": false, "errors": [{ "statusCode": "UNABLE_TO_LOCK_ROW", "message": "no", "fields": [] }] });
        let (script, session, _) = Script::new([Line::new(200, json!([gone, held]))]);
        let ids = [IDS[0], "7", IDS[1]].map(str::to_owned).into();
        let outcomes = write(&session, &Write::Archive(ids), &[]).await.expect("an answer");
        assert_eq!(told(outcomes), [Ok("archived".into()), Ok("archived".into()), Err(FaultClass::Busy)]);
        let path = format!("/services/data/v66.0/composite/sobjects?ids={},{}&allOrNone=false", IDS[0], IDS[1]);
        assert_eq!(script.calls()[0].path, path);
    }

    #[tokio::test]
    async fn a_refusal_of_the_whole_part_and_a_short_answer_have_their_faults() {
        let no_key = json!([{ "errorCode": "NOT_FOUND", "message": "Provided external ID field does not exist or is not accessible: Key__c" }]);
        let (_script, session, _) = Script::new([composite(&[(404, no_key), (400, json!([]))])]);
        let rows = vec![create("a", &[("LastName", Some("Ada"))])];
        let write_rows = Write::Create { key: Some("Key__c".into()), rows };
        let fault = write(&session, &write_rows, &[]).await.expect_err("no such key");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("Key__c")));
        let (_script, session, _) = Script::new([composite(&[(200, json!([])), (200, json!([]))])]);
        let outcomes = write(&session, &write_rows, &[]).await.expect("an answer");
        assert_eq!(told(outcomes), [Err(FaultClass::Unknown)]);
        let (_script, session, _) = Script::new([Line::new(200, json!({ "compositeResponse": [] }))]);
        assert_eq!(write(&session, &write_rows, &[]).await.expect_err("half an answer").class, FaultClass::Unknown);
    }
}
