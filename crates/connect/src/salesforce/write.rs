//! Writes in collections of up to 200 rows, up to five of them in a call, each row with its own outcome; and what became
//! of them, read in the same call where it has room for that (Salesforce's pages "sObject Collections" and "Composite").

use std::collections::BTreeMap;
use std::iter::{repeat_n, repeat_with};

use lockstep_core::env::Time;
use lockstep_core::record::Properties;
use serde_json::{Map, Value as Json, json};

use super::names::{self, named, renamed};
use super::wire::{
    self, CONTACT, DATA, PartAnswer, Row, Saved, check_name, compose, field_of, in_path, long_id, on_wire, part,
    retrieve,
};
use super::{ABOUT, faults, read};
use crate::connector::{Create, Outcome, RowOutcome, Update, Write, unseen};
use crate::door::{Method, Session};
use crate::fault::{Fault, FaultClass};

/// Rows of a collection.
const ROWS_MAX: usize = 200;
/// Parts of a composite call that may be collections, be it to write rows or to read records.
const COLLECTIONS_MAX: usize = 5;
/// Where collections are written.
const COLLECTIONS: &str = "composite/sobjects";

/// Writes one batch. One call; one more where not every row of a create was saved, and one before an update whose names
/// depend on what the records hold. Of more than four collections nothing is shown: the call has no room for a read.
pub(super) async fn write(session: &Session, write: &Write, asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    write.check(ABOUT.write_batch)?;
    match write {
        Write::Create { key, rows } => create(session, key.as_deref(), rows, asked).await,
        Write::Update(rows) => update(session, rows, asked).await,
        Write::Archive(ids) => archive(session, ids).await,
    }
}

/// The name of a collection among the parts of its call.
fn name_of(collection: usize) -> String {
    format!("rows{collection}")
}

/// Rows in collections.
fn collections(method: Method, path: &str, rows: Vec<Map<String, Json>>) -> Vec<Json> {
    let attributes = json!({ "type": CONTACT });
    let typed = |row: &Map<String, Json>| {
        let mut row = row.clone();
        row.insert("attributes".to_owned(), attributes.clone());
        row
    };
    let collection = |(at, rows): (usize, &[Map<String, Json>])| {
        let records: Vec<_> = rows.iter().map(typed).collect();
        part(method, path, &name_of(at), Some(json!({ "allOrNone": false, "records": records })))
    };
    rows.chunks(ROWS_MAX).enumerate().map(collection).collect()
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
        let mut fields = on_wire(&named(row.properties.clone(), &Properties::new()));
        // A new record holds nothing that could be cleared; with a key it may be there already.
        fields.retain(|_, value| key.is_some() || !value.is_null());
        if let Some(key) = key {
            fields.insert(field_of(key).to_owned(), row.key_value.clone().into());
        }
        fields
    });
    let writes = match key.map(field_of) {
        Some(field) => {
            check_name(field)?;
            let path = format!("{DATA}/{COLLECTIONS}/{CONTACT}/{}", in_path(field));
            collections(Method::Patch, &path, sent.collect())
        }
        None => collections(Method::Post, &format!("{DATA}/{COLLECTIONS}"), sent.collect()),
    };
    // The ids are not known yet; the answers of the parts before are referred to. One row without an id spoils that.
    let made = |at: usize| format!("@{{{}[{}].id}}", name_of(at / ROWS_MAX), at % ROWS_MAX);
    let made: Vec<String> = (0..rows.len()).map(made).collect();
    let (saved, shown) = write_and_read(session, writes, &made, asked).await?;
    let shown = match shown {
        Some(shown) => shown,
        None => read_saved(session, &saved, asked).await,
    };
    let of_new = |fault: Fault| match fault.class {
        // Nothing can be missing of what is only made: it is another record that a value refers to.
        FaultClass::Missing => Fault { class: FaultClass::Rejected, ..fault },
        _ => fault,
    };
    Ok(outcomes(session, saved, &shown, asked).map(|row| row.map_err(of_new)).collect())
}

async fn update(session: &Session, rows: &[Update], asked: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let held = names::held(session, rows, asked).await.map_err(Fault::nothing_done)?;
    let known: Vec<(&Update, String)> = rows.iter().filter_map(|row| Some((row, long_id(&row.id)?))).collect();
    let mut done = Vec::new();
    if !known.is_empty() {
        let sent = known.iter().map(|(row, id)| {
            let mut fields = on_wire(&renamed(row.properties.clone(), held.get(id)));
            fields.insert("id".to_owned(), id.clone().into());
            fields
        });
        let writes = collections(Method::Patch, &format!("{DATA}/{COLLECTIONS}"), sent.collect());
        let ids: Vec<String> = known.iter().map(|(_, id)| id.clone()).collect();
        let (saved, shown) = write_and_read(session, writes, &ids, asked).await?;
        done.extend(outcomes(session, saved, &shown.unwrap_or_default(), asked));
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

/// What was shown after a write, by id.
type Shown = BTreeMap<String, Row>;

/// What a collection's answer says of a row, or what refused the whole collection.
type Saving = Result<Saved, Fault>;

/// One call: collections are written, then read where there is room for that. No rows where the read was refused, which
/// undoes nothing.
async fn write_and_read(
    session: &Session,
    writes: Vec<Json>,
    ids: &[String],
    asked: &[String],
) -> Result<(Vec<Saving>, Option<Shown>), Fault> {
    let count = writes.len();
    let mut parts = writes;
    if count < COLLECTIONS_MAX {
        let (path, body) = retrieve(CONTACT, ids, asked)?;
        parts.push(part(Method::Post, &path, "shown", Some(body)));
    }
    let (mut written, sent_at) = compose(session, &parts, false).await?;
    let shown = match written.split_off(count).into_iter().next() {
        Some(shown) => Some(shown).filter(PartAnswer::is_done).and_then(|shown| rows_of(shown.body)),
        None => Some(Shown::new()),
    };
    Ok((savings(written, ids.len(), sent_at)?, shown))
}

fn rows_of(body: Json) -> Option<Shown> {
    let rows: Vec<Option<Row>> = serde_json::from_value(body).ok()?;
    Some(rows.into_iter().flatten().map(|row| (row.id.clone(), row)).collect())
}

/// One for each row, since answers come in the order of the rows. Where all collections were refused alike, the call was.
fn savings(answers: Vec<PartAnswer>, rows: usize, sent_at: Time) -> Result<Vec<Saving>, Fault> {
    let saved = |answer: PartAnswer| {
        if answer.is_done() { wire::read(answer.body, true) } else { Err(answer.fault(sent_at, true)) }
    };
    let collections: Vec<Result<Vec<Saved>, Fault>> = answers.into_iter().map(saved).collect();
    if let Some(Err(first)) = collections.first()
        && collections.iter().all(|it| it.as_ref().is_err_and(|fault| fault.class == first.class))
    {
        return Err(first.clone());
    }
    let mut savings = Vec::with_capacity(rows);
    for collection in collections {
        let count = ROWS_MAX.min(rows - savings.len());
        match collection {
            Ok(saved) => {
                savings.extend(saved.into_iter().map(Ok).chain(repeat_with(|| Err(unmentioned()))).take(count))
            }
            // What does not say that nothing was done is looked up before it is repeated.
            Err(fault) if fault.class == FaultClass::Busy => {
                savings.extend(repeat_n(fault.half_done(), count).map(Err))
            }
            Err(fault) => savings.extend(repeat_n(fault, count).map(Err)),
        }
    }
    Ok(savings)
}

/// What was saved, read by its ids. Whatever keeps it from being shown, it was saved.
async fn read_saved(session: &Session, saved: &[Saving], asked: &[String]) -> Shown {
    let saved = saved.iter().flatten().filter(|row| row.success);
    let ids: Vec<String> = saved.filter_map(|row| row.id.clone()).collect();
    if ids.is_empty() {
        return Shown::new();
    }
    let rows = read::living(session, CONTACT, &ids, asked).await.unwrap_or_default();
    rows.into_iter().map(|row| (row.id.clone(), row)).collect()
}

/// One outcome for each row.
fn outcomes(
    session: &Session,
    saved: Vec<Saving>,
    shown: &Shown,
    asked: &[String],
) -> impl Iterator<Item = RowOutcome> {
    saved.into_iter().map(move |row| {
        let row = row?;
        match row.id.filter(|_| row.success) {
            Some(id) => Ok(Outcome::Written(
                shown.get(&id).map_or_else(|| unseen(id, session.env.now()), |row| row.record(asked)),
            )),
            None if row.success => Err(unmentioned()),
            None => Err(faults::of_row(&row.errors)),
        }
    })
}

fn unmentioned() -> Fault {
    Fault::new(FaultClass::Unknown, "ROW_NOT_MENTIONED", "Salesforce's answer does not mention this row.")
}

async fn archive(session: &Session, ids: &[String]) -> Result<Vec<RowOutcome>, Fault> {
    let known: Vec<String> = ids.iter().filter_map(|id| long_id(id)).collect();
    let mut saved = Vec::new();
    if !known.is_empty() {
        let collection = |(at, ids): (usize, &[String])| {
            let path = format!("{DATA}/{COLLECTIONS}?ids={}&allOrNone=false", ids.join(","));
            part(Method::Delete, &path, &name_of(at), None)
        };
        let parts: Vec<Json> = known.chunks(ROWS_MAX).enumerate().map(collection).collect();
        let (answers, sent_at) = compose(session, &parts, false).await?;
        saved = savings(answers, known.len(), sent_at)?;
    }
    let mut saved = saved.into_iter();
    let outcome = |id: &String| {
        // What can be no id of theirs is not there.
        if long_id(id).is_none() {
            return Ok(Outcome::Archived);
        }
        let row = saved.next().unwrap_or_else(|| Err(unmentioned()))?;
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
        assert_eq!(parts[1]["body"]["ids"], json!(["@{rows0[0].id}", "@{rows0[1].id}"]));
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
        let row =
            |id: &str, pairs| Update { trace: id.into(), id: id.into(), properties: properties(pairs), before: None };
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
    async fn a_first_name_alone_needs_no_read_after_one() {
        let cases =
            [(None, json!({ "LastName": "Ada", "FirstName": null })), (Some("Byron"), json!({ "FirstName": "Ada" }))];
        for (last, expected) in cases {
            let (script, session, _) = Script::new([composite(&[(200, json!([saved(IDS[0])])), (200, json!([]))])]);
            let row = Update {
                trace: "a".into(),
                id: IDS[0].into(),
                properties: properties(&[("FirstName", Some("Ada"))]),
                before: Some(properties(&[("FirstName", None), ("LastName", last)])),
            };
            write(&session, &Write::Update(vec![row]), &[]).await.expect("an answer");
            let body = script.calls().remove(0).body.expect("a body");
            let mut sent = body["compositeRequest"][0]["body"]["records"][0].clone();
            sent.as_object_mut().expect("a row").retain(|name, _| name.ends_with("Name"));
            assert_eq!(sent, expected);
        }
    }

    #[tokio::test]
    async fn what_could_not_be_read_before_was_not_written() {
        let (script, session, _) = Script::new([Line::new(503, Json::Null)]);
        let row = Update {
            trace: "a".into(),
            id: IDS[0].into(),
            properties: properties(&[("LastName", None)]),
            before: None,
        };
        let fault = write(&session, &Write::Update(vec![row]), &[]).await.expect_err("not read");
        assert_eq!((fault.class, script.calls()[0].effect), (FaultClass::Unreachable, false));
    }

    #[tokio::test]
    async fn what_is_gone_counts_as_archived() {
        let gone = json!({ "success": false, "errors": [{ "statusCode": "ENTITY_IS_DELETED", "message": "entity is deleted", "fields": [] }] });
        let held = json!({ "success": false, "errors": [{ "statusCode": "UNABLE_TO_LOCK_ROW", "message": "no", "fields": [] }] });
        let (script, session, _) = Script::new([composite(&[(200, json!([gone, held]))])]);
        let ids = [IDS[0], "7", IDS[1]].map(str::to_owned).into();
        let outcomes = write(&session, &Write::Archive(ids), &[]).await.expect("an answer");
        assert_eq!(told(outcomes), [Ok("archived".into()), Ok("archived".into()), Err(FaultClass::Busy)]);
        let path = format!("/services/data/v66.0/composite/sobjects?ids={},{}&allOrNone=false", IDS[0], IDS[1]);
        let call = script.calls().remove(0);
        let part = &call.body.as_ref().expect("a body")["compositeRequest"][0];
        assert_eq!((&part["method"], &part["url"], call.effect), (&json!("DELETE"), &json!(path), true));
    }

    #[tokio::test]
    async fn of_five_collections_one_that_was_refused_says_nothing_about_the_others() {
        let ids: Vec<String> = (0..1_000).map(|n| long_id(&format!("003ak0000{n:06}")).expect("an id")).collect();
        let done = |at: usize| (200, ids[at * 200..][..200].iter().map(|id| saved(id)).collect::<Json>());
        let answer = |(status, body): (u16, Json)| [done(0), done(1), (status, body), done(3), done(4)];
        let rows = ids.iter().map(|id| Update {
            trace: id.clone(),
            id: id.clone(),
            properties: properties(&[("Title", None)]),
            before: None,
        });
        let update = Write::Update(rows.collect());
        let refusal = |code: &str| json!([{ "errorCode": code, "message": "no" }]);
        let cases = [
            ((400, refusal("JSON_PARSER_ERROR")), FaultClass::Rejected),
            ((404, refusal("NOT_FOUND")), FaultClass::Missing),
            ((503, refusal("SERVER_UNAVAILABLE")), FaultClass::Unknown),
            ((500, refusal("UNKNOWN_EXCEPTION")), FaultClass::Unknown),
            ((400, refusal("UNABLE_TO_LOCK_ROW")), FaultClass::Unreachable),
            ((200, json!("half an answer")), FaultClass::Unknown),
            ((200, json!([])), FaultClass::Unknown),
        ];
        for (refused, class) in cases {
            let (script, session, _) = Script::new([composite(&answer(refused.clone()))]);
            let outcomes = told(write(&session, &update, &[]).await.expect("an answer"));
            let written = |at: usize| outcomes[at * 200..][..200].iter().all(Result::is_ok);
            assert!([0, 1, 3, 4].into_iter().all(written), "{class:?}");
            assert!(outcomes[400..600].iter().all(|row| *row == Err(class)), "{class:?}: {:?}", outcomes[400]);
            assert_eq!(outcomes[999], Ok(format!("{} None", ids[999])), "not shown");
            let body = script.calls().remove(0).body.expect("a body");
            let parts = body["compositeRequest"].as_array().expect("parts");
            assert!(parts.len() == 5 && parts.iter().all(|part| part["body"]["allOrNone"] == false));
            assert_eq!((&body["allOrNone"], &body["collateSubrequests"]), (&json!(false), &json!(false)));
        }
        let busy = || (503, refusal("SERVER_UNAVAILABLE"));
        let (_script, session, _) = Script::new([composite(&[busy(), busy(), busy(), busy(), busy()])]);
        assert_eq!(write(&session, &update, &[]).await.expect_err("refused alike").class, FaultClass::Busy);
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
