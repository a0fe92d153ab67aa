//! Reads by id, by key, by address and as a list (Salesforce's pages "sObject Collections", "Query", "QueryAll" and
//! "Search" of the REST API, and its "SOQL and SOSL Reference").

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::crm::action::Key;
use lockstep_core::env::Time;
use lockstep_core::record::Record;
use serde::Deserialize;

use super::ABOUT;
use super::wire::{
    self, CONTACT, DATA, Page, Row, ask, check_name, field_of, fields, in_path, long_id, query_path, quoted,
    quoted_list, retrieve, send,
};
use crate::clock::Sighting;
use crate::connector::{Find, Got, IdPage, Listed};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Objects whose records can be merged.
const MERGEABLE: [&str; 3] = ["Account", CONTACT, "Lead"];
/// The field that says whether a record is in the recycle bin; not every object has it.
const IS_DELETED: &str = "IsDeleted";
/// Merges of merges that are followed.
const MERGES_MAX: usize = 5;
/// Values in one query's list: with it and its fields the address stays well below 16 KB, where servers refuse it.
const LIST_MAX: usize = 200;
/// Characters of an address above which a query names the record's id alone, and the fields are read by it.
const PATH_CHARS_MAX: usize = 12_000;
/// Candidates that one look brings back.
const CANDIDATES_MAX: usize = 50;
/// The fields of a contact that hold phone numbers.
const PHONES: [&str; 4] = ["Phone", "MobilePhone", "HomePhone", "OtherPhone"];
/// Digits that a number needs to be looked for without its country code.
const NATIONAL_DIGITS_MIN: usize = 6;

/// Reads by id. One call for each full batch; one more for every 200 ids that it did not show, since only `queryAll` tells
/// a deleted record and one that was merged away; and one more for the survivors of merges.
pub(super) async fn get(session: &Session, object: &str, ids: &[String], asked: &[String]) -> Result<Vec<Got>, Fault> {
    let mut answer = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ABOUT.read_batch) {
        let wanted: BTreeSet<String> = chunk.iter().filter_map(|id| long_id(id)).collect();
        let sight = see(session, object, wanted, asked).await?;
        answer.extend(chunk.iter().map(|id| long_id(id).map_or(Got::Missing, |id| sight.got(&id, asked))));
    }
    Ok(answer)
}

/// What Salesforce showed of some ids: records, living or deleted, and of those merged away where they went.
#[derive(Default)]
struct Sight {
    rows: BTreeMap<String, Row>,
}

impl Sight {
    fn got(&self, id: &str, asked: &[String]) -> Got {
        let mut losers = Vec::new();
        let mut at = id.to_owned();
        for _ in 0..=MERGES_MAX {
            let Some(row) = self.rows.get(&at) else { return Got::Missing };
            match row.master.as_deref().and_then(long_id) {
                Some(master) if row.is_deleted => losers.push(std::mem::replace(&mut at, master)),
                _ if row.is_deleted => return Got::Archived(Record { merged: losers, ..row.record(asked) }),
                _ => return Got::Found(Record { merged: losers, ..row.record(asked) }),
            }
        }
        Got::Missing
    }
}

async fn see(session: &Session, object: &str, mut wanted: BTreeSet<String>, asked: &[String]) -> Result<Sight, Fault> {
    let mut sight = Sight::default();
    for _ in 0..=MERGES_MAX {
        if wanted.is_empty() {
            break;
        }
        let ids: Vec<String> = wanted.into_iter().collect();
        let living = living(session, object, &ids, asked).await?;
        sight.rows.extend(living.into_iter().map(|row| (row.id.clone(), row)));
        let absent: Vec<String> = ids.into_iter().filter(|id| !sight.rows.contains_key(id)).collect();
        let mut masters = BTreeSet::new();
        for row in deleted(session, object, &absent, asked).await? {
            masters.extend(row.master.as_deref().and_then(long_id));
            sight.rows.insert(row.id.clone(), row);
        }
        wanted = masters.into_iter().filter(|id| !sight.rows.contains_key(id)).collect();
    }
    Ok(sight)
}

/// The records that are there. One call.
pub(super) async fn living(
    session: &Session,
    object: &str,
    ids: &[String],
    asked: &[String],
) -> Result<Vec<Row>, Fault> {
    let (path, body) = retrieve(object, ids, asked)?;
    let rows: Vec<Option<Row>> = ask(session, Call::read(Method::Post, path, Some(body))).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// What the recycle bin shows. One call for each full list; nothing of objects that have none, such as users.
async fn deleted(session: &Session, object: &str, ids: &[String], asked: &[String]) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::new();
    for chunk in ids.chunks(LIST_MAX) {
        let rest = format!("WHERE Id IN ({})", quoted_list(chunk.iter()));
        match query(session, &Query::all(object, rest), asked).await {
            Err(fault) if fault.class == FaultClass::Drift && fault.property.as_deref() == Some(IS_DELETED) => break,
            sheet => rows.extend(sheet?.rows),
        }
    }
    Ok(rows)
}

/// A query: what it is about, and everything behind that.
pub(super) struct Query<'a> {
    object: &'a str,
    deleted_too: bool,
    rest: String,
}

impl<'a> Query<'a> {
    /// For living records.
    pub(super) fn living(object: &'a str, rest: String) -> Self {
        Self { object, deleted_too: false, rest }
    }

    /// For deleted ones, too.
    pub(super) fn all(object: &'a str, rest: String) -> Self {
        Self { object, deleted_too: true, rest }
    }

    /// What is asked for of every record.
    fn always(&self) -> Vec<&'static str> {
        let mut always = vec!["Id", "SystemModstamp"];
        if self.deleted_too {
            always.push(IS_DELETED);
            always.extend(Some("MasterRecordId").filter(|_| MERGEABLE.contains(&self.object)));
        }
        always
    }

    fn path(&self, fields: &[&str]) -> String {
        let kind = if self.deleted_too { "queryAll" } else { "query" };
        query_path(kind, &format!("SELECT {} FROM {} {}", fields.join(","), self.object, self.rest))
    }
}

/// A page of what a query found.
pub(super) struct Sheet {
    pub rows: Vec<Row>,
    /// How many records there were, and the last of them; some may have gone before they were read by id.
    pub count: usize,
    pub last: Option<(Time, String)>,
    /// Whether nothing was left out of the page.
    pub done: bool,
    pub seen: Sighting,
}

/// The first page of a query. One call, and one more for each full batch where the fields are too many to be named in an
/// address.
pub(super) async fn query(session: &Session, query: &Query<'_>, asked: &[String]) -> Result<Sheet, Fault> {
    check_name(query.object)?;
    let always = query.always();
    let whole = query.path(&fields(&always, asked)?);
    let fits = whole.len() <= PATH_CHARS_MAX;
    let path = if fits { whole } else { query.path(&always) };
    let answer = send(session, Call::read(Method::Get, path, None)).await?;
    let seen = Sighting::of(&answer, session);
    let Page { mut records, done } = wire::read(answer.body, false)?;
    let (count, last) = (records.len(), records.last().map(|row| (row.updated_at(), row.id.clone())));
    if !fits {
        let ids: Vec<String> = records.iter().filter(|row| !row.is_deleted).map(|row| row.id.clone()).collect();
        records.retain(|row| row.is_deleted);
        for chunk in ids.chunks(ABOUT.read_batch) {
            records.extend(living(session, query.object, chunk, asked).await?);
        }
    }
    Ok(Sheet { rows: records, count, last, done, seen })
}

/// Looks by key or by e-mail, at once; a phone number also by a search, which lags. Few calls.
pub(super) async fn find(session: &Session, by: &Find, asked: &[String]) -> Result<Vec<Record>, Fault> {
    match by {
        Find::Key { property, values } => by_keys(session, property, values, asked).await,
        Find::Email(email) => {
            let rest = format!("WHERE Email = {} LIMIT {CANDIDATES_MAX}", quoted(email));
            let sheet = query(session, &Query::living(CONTACT, rest), asked).await?;
            Ok(sheet.rows.iter().map(|row| row.record(asked)).collect())
        }
        Find::Phone(phone) => by_phone(session, phone, asked).await,
    }
}

async fn by_keys(session: &Session, property: &str, values: &[String], asked: &[String]) -> Result<Vec<Record>, Fault> {
    let field = field_of(property);
    check_name(field)?;
    let mut asked = asked.to_vec();
    asked.push(property.to_owned());
    let mut found = Vec::new();
    for chunk in values.chunks(LIST_MAX) {
        let rest = format!("WHERE {field} IN ({})", quoted_list(chunk.iter()));
        let sheet = query(session, &Query::living(CONTACT, rest), &asked).await?;
        found.extend(sheet.rows.iter().map(|row| row.record(&asked)));
    }
    Ok(found)
}

/// The record that holds a value in an external id; the caller hears of it where several do. One call.
pub(super) async fn by_key(
    session: &Session,
    object: &str,
    key: &Key,
    asked: &[String],
) -> Result<Option<Record>, Fault> {
    let field = field_of(&key.property);
    let names = fields(&["Id", "SystemModstamp", field], asked)?.join(",");
    let path = format!("{DATA}/sobjects/{}/{field}/{}?fields={names}", in_path(object), in_path(&key.value));
    let no_key = |fault: Fault| {
        let message = format!("The field \"{}\" is no external id, or several records hold the value.", key.property);
        let property = Some(key.property.clone());
        Fault { property, request_id: fault.request_id, ..Fault::new(FaultClass::Rejected, fault.code, message) }
    };
    match ask::<Row>(session, Call::read(Method::Get, path, None)).await {
        Ok(row) => Ok(Some(row.record(asked))),
        Err(fault) if fault.class == FaultClass::Missing => Ok(None),
        Err(fault) if fault.code == "NOT_FOUND" || fault.code == "HTTP_300" => Err(no_key(fault)),
        Err(fault) => Err(fault),
    }
}

/// A query compares numbers as they were typed, and we write them in E.164, so our own are found at once. Others are
/// found by the search, which looks at digits alone and needs some time to learn of a record.
async fn by_phone(session: &Session, phone: &str, asked: &[String]) -> Result<Vec<Record>, Fault> {
    let conditions = PHONES.map(|field| format!("{field} = {}", quoted(phone))).join(" OR ");
    let rest = format!("WHERE {conditions} LIMIT {CANDIDATES_MAX}");
    let mut found = query(session, &Query::living(CONTACT, rest), asked).await?.rows;
    let term = phone_terms(phone).join(" OR ");
    if !term.is_empty() {
        let sosl = format!("FIND {{{term}}} IN PHONE FIELDS RETURNING {CONTACT}(Id LIMIT {CANDIDATES_MAX})");
        let path = format!("{DATA}/search?q={}", in_path(&sosl));
        let searched: Searched = ask(session, Call::read(Method::Get, path, None)).await?;
        let others = searched.records.into_iter().filter_map(|hit| long_id(&hit.id));
        let others: BTreeSet<String> = others.filter(|id| found.iter().all(|row| row.id != *id)).collect();
        if !others.is_empty() {
            found.extend(living(session, CONTACT, &others.into_iter().collect::<Vec<_>>(), asked).await?);
        }
    }
    Ok(found.iter().map(|row| row.record(asked)).collect())
}

#[derive(Deserialize)]
struct Searched {
    #[serde(rename = "searchRecords")]
    records: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "Id")]
    id: String,
}

/// How the number may have been typed: with its country code, and without the one to three digits that this has, with
/// and without the zero that many countries put there. The caller checks what comes back.
fn phone_terms(phone: &str) -> Vec<String> {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    let national = |code: usize| digits.get(code..).filter(|rest| rest.len() >= NATIONAL_DIGITS_MIN);
    let nationals = (1..=3).filter_map(national).flat_map(|rest| [rest.to_owned(), format!("0{rest}")]);
    let whole = Some(digits.clone()).filter(|digits| digits.len() >= NATIONAL_DIGITS_MIN);
    whole.into_iter().chain(nationals).collect()
}

/// One page of ids in their own order. One call.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    let mut conditions = Vec::new();
    if archived {
        conditions.push("IsDeleted = true".to_owned());
        conditions.push("MasterRecordId = null".to_owned());
    }
    conditions.extend(after.map(|after| format!("Id > {}", quoted(after))));
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
    let rest = format!("{filter} {}", by_id());
    let wanted = if archived { Query::all(CONTACT, rest) } else { Query::living(CONTACT, rest) };
    let sheet = query(session, &wanted, &[]).await?;
    let after = sheet.next_id(after)?;
    let listed = |row: Row| Listed { updated_at: row.updated_at(), id: row.id };
    Ok(IdPage { records: sheet.rows.into_iter().map(listed).collect(), after })
}

/// How a query is walked by id. Its limit is one more than a page holds: so a full page that is the last one says so.
pub(super) fn by_id() -> String {
    format!("ORDER BY Id LIMIT {}", ABOUT.page + 1)
}

impl Sheet {
    /// Where a walk by id goes on, if the page was not the last: one that would stand still is refused.
    pub(super) fn next_id(&self, before: Option<&str>) -> Result<Option<String>, Fault> {
        if self.done && self.count <= ABOUT.page {
            return Ok(None);
        }
        match &self.last {
            Some((_, id)) if Some(id.as_str()) != before => Ok(Some(id.clone())),
            _ => Err(Fault::new(FaultClass::Busy, "EMPTY_PAGE", "Salesforce answered no page and promised more.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::script::{Line, Script};

    const ID: &str = "003ak000003dQCGAA2";

    fn row(id: &str) -> Json {
        json!({ "Id": id, "SystemModstamp": "2026-11-22T11:00:00.000+0000" })
    }

    #[tokio::test]
    async fn full_batches_of_what_is_there_cost_one_call_each() {
        let ids: Vec<String> = (0..2_500).map(|n| long_id(&format!("003ak0000{n:06}")).expect("an id")).collect();
        let line = |ids: &[String]| Line::new(200, json!(ids.iter().map(|id| row(id)).collect::<Vec<_>>()));
        let (script, session, _) = Script::new([line(&ids[..2_000]), line(&ids[2_000..])]);
        let got = get(&session, CONTACT, &ids, &[]).await.expect("answers");
        assert!(got.len() == 2_500 && got.iter().all(|got| matches!(got, Got::Found(_))));
        let calls = script.calls();
        assert!(calls.len() == 2 && calls.iter().all(|call| !call.effect));
        let (script, session, _) = Script::new([]);
        let got = get(&session, CONTACT, &["999".to_owned()], &[]).await.expect("an answer");
        assert!(matches!(got[..], [Got::Missing]) && script.calls().is_empty(), "what can be no id is not asked for");
    }

    #[tokio::test]
    async fn objects_that_nothing_is_deleted_of_have_no_bin() {
        let user = "005ak000003dQCGAA2";
        let message = "No such column 'IsDeleted' on entity 'User'.";
        let refused = Line::new(400, json!([{ "errorCode": "INVALID_FIELD", "message": message }]));
        let (script, session, _) = Script::new([Line::new(200, json!([null])), refused]);
        let got = get(&session, "User", &[user.to_owned()], &[]).await.expect("an answer");
        assert!(matches!(got[..], [Got::Missing]) && script.calls().len() == 2, "{got:?}");
        let message = "No such column 'Fax2' on entity 'Contact'.";
        let refused = Line::new(400, json!([{ "errorCode": "INVALID_FIELD", "message": message }]));
        let (_script, session, _) = Script::new([Line::new(200, json!([null])), refused]);
        let fault = get(&session, CONTACT, &[ID.to_owned()], &["Fax2".to_owned()]).await.expect_err("gone");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("Fax2")));
    }

    #[tokio::test]
    async fn a_query_that_cannot_name_every_field_is_read_by_id() {
        let wanted: Vec<String> = (0..800).map(|n| format!("A_field_of_the_org_{n}__c")).collect();
        let mut shown = row(ID);
        shown[&wanted[799]] = "x".into();
        let found = Line::new(200, json!({ "done": true, "records": [row(ID)] }));
        let (script, session, _) = Script::new([found, Line::new(200, json!([shown]))]);
        let found = find(&session, &Find::Email("a@example.com".into()), &wanted).await.expect("one");
        assert_eq!(found[0].text(&wanted[799]), Some("x"));
        assert!(script.calls()[0].path.len() < PATH_CHARS_MAX);
    }

    #[tokio::test]
    async fn a_key_leads_to_one_record_to_none_or_to_too_many() {
        let refused = |message: &str| json!([{ "errorCode": "NOT_FOUND", "message": message }]);
        let no_key = "Provided external ID field does not exist or is not accessible: LastName";
        let lines = [
            Line::new(200, row(ID)),
            Line::new(404, refused("The requested resource does not exist")),
            Line::new(300, json!(["/a", "/b"])),
            Line::new(404, refused(no_key)),
        ];
        let (script, session, _) = Script::new(lines);
        let key = Key { property: "lockstep_id".to_owned(), value: "a/b c".to_owned() };
        let ask = || by_key(&session, CONTACT, &key, &[]);
        assert_eq!(ask().await.expect("an answer").map(|record| record.id).as_deref(), Some(ID));
        assert!(ask().await.expect("an answer").is_none());
        for _ in 0..2 {
            let fault = ask().await.expect_err("no key");
            assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("lockstep_id")));
        }
        let path =
            "/services/data/v66.0/sobjects/Contact/Lockstep_Id__c/a%2Fb%20c?fields=Id,SystemModstamp,Lockstep_Id__c";
        assert_eq!(script.calls()[0].path, path);
    }

    #[test]
    fn a_number_is_looked_for_as_people_may_have_typed_it() {
        let terms = phone_terms("+6281234567890");
        for typed in ["6281234567890", "81234567890", "081234567890"] {
            assert!(terms.iter().any(|term| term == typed), "{typed}");
        }
        assert!(phone_terms("+14155551212").iter().any(|term| term == "4155551212"));
        assert!(phone_terms("12").is_empty());
    }
}
