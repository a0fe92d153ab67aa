//! Reads by id, by a field's value, by address and as a list (Pipedrive's persons API v2 and search).

use std::collections::HashMap;

use lockstep_core::record::Record;
use serde::Deserialize;

use super::kinds::{Kind, PERSON};
use super::record::{Asked, Place, Row};
use super::wire::{Page, ask, in_path, is_id, page};
use super::{ABOUT, faults, search};
use crate::connector::{Find, Got, IdPage, Listed};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Ids in one list (Pipedrive's OpenAPI document of v2).
const LISTED_MAX: usize = 100;
/// Candidates that a search by e-mail or phone may bring; more say nothing that fewer do not.
const CANDIDATES_MAX: usize = 100;
/// The last digits of a number that it is searched by: they are the same however the country and the trunk are written.
const PHONE_DIGITS: usize = 7;

#[derive(Deserialize)]
struct Me {
    company_id: u64,
}

/// The company's id. One call.
pub(super) async fn account(session: &Session) -> Result<String, Fault> {
    let me: Me = ask(session, Call::read(Method::Get, "/api/v1/users/me", None)).await?;
    Ok(me.company_id.to_string())
}

/// One call for each full list, and one for each id that it did not show: only a read of its own tells a deleted record
/// from one that cannot be seen. A merge leaves the record that lost deleted, without a word about the other.
pub(super) async fn get(
    session: &Session,
    kind: &Kind,
    ids: &[String],
    properties: &[String],
) -> Result<Vec<Got>, Fault> {
    let asked = Asked::of(session, kind, properties).await?;
    let rows = by_ids(session, kind, ids).await?;
    let records = asked.records(session, kind, rows).await?;
    let got: HashMap<String, Got> = records.into_iter().map(|it| (it.id.clone(), it.into())).collect();
    Ok(ids.iter().map(|id| got.get(id).cloned().unwrap_or(Got::Missing)).collect())
}

async fn by_ids(session: &Session, kind: &Kind, ids: &[String]) -> Result<Vec<Row>, Fault> {
    let mut wanted: Vec<&str> = ids.iter().map(String::as_str).filter(|id| is_id(id)).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut rows = Vec::with_capacity(wanted.len());
    for batch in wanted.chunks(LISTED_MAX) {
        // A read of one costs a tenth of a list of one.
        let listed = if let [_] = batch { Vec::new() } else { living(session, kind, batch).await? };
        for id in batch.iter().filter(|id| listed.iter().all(|row| row.id() != **id)) {
            rows.extend(one(session, kind, id).await?);
        }
        rows.extend(listed);
    }
    Ok(rows)
}

/// The living ones of up to a list of records. One call.
async fn living(session: &Session, kind: &Kind, ids: &[&str]) -> Result<Vec<Row>, Fault> {
    let path = format!("{}?limit={}&ids={}", kind.records(), LISTED_MAX, in_path(&ids.join(",")));
    let page: Page<Row> = page(session, Call::read(Method::Get, path, None)).await?;
    Ok(page.rows)
}

/// A record, deleted ones included. One call.
pub(super) async fn one(session: &Session, kind: &Kind, id: &str) -> Result<Option<Row>, Fault> {
    if !is_id(id) {
        return Ok(None);
    }
    match ask(session, Call::read(Method::Get, format!("{}/{id}", kind.records()), None)).await {
        Err(fault) if fault.class == FaultClass::Missing => Ok(None),
        answered => answered.map(Some),
    }
}

/// A record that is there to be written to. One call.
///
/// # Errors
/// Class [`FaultClass::Missing`] when it was deleted or cannot be seen.
pub(super) async fn standing(session: &Session, kind: &Kind, id: &str) -> Result<Row, Fault> {
    let row = one(session, kind, id).await?.filter(|row| !row.is_deleted);
    row.ok_or_else(|| faults::missing(kind.slug, id))
}

/// The living ones among records that a search named. One call, or none.
pub(super) async fn hits(session: &Session, kind: &Kind, ids: &[String]) -> Result<Vec<Row>, Fault> {
    let mut rows = Vec::with_capacity(ids.len());
    for batch in ids.chunks(LISTED_MAX) {
        match batch {
            [id] => rows.extend(one(session, kind, id).await?.filter(|row| !row.is_deleted)),
            batch => rows.extend(living(session, kind, &batch.iter().map(String::as_str).collect::<Vec<_>>()).await?),
        }
    }
    Ok(rows)
}

/// Looks by search: one call, one for each value of a key; and one more to read what was found.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    let mut wanted = properties.to_vec();
    let ids = match by {
        Find::Key { property, values } => {
            if !wanted.contains(property) {
                wanted.push(property.clone());
            }
            by_key(session, property, values).await?
        }
        Find::Email(email) => search(session, "email", email, true).await?,
        Find::Phone(phone) => {
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            let last = digits.get(digits.len().saturating_sub(PHONE_DIGITS)..).unwrap_or(&digits);
            search(session, "phone", last, false).await?
        }
    };
    let asked = Asked::of(session, &PERSON, &wanted).await?;
    let rows = hits(session, &PERSON, &ids).await?;
    let mut records = asked.records(session, &PERSON, rows).await?;
    if let Find::Key { property, values } = by {
        // The search passes over case; ids of ours differ by it.
        records.retain(|record| record.text(property).is_some_and(|it| values.iter().any(|value| value == it)));
    }
    Ok(records)
}

async fn by_key(session: &Session, property: &str, values: &[String]) -> Result<Vec<String>, Fault> {
    if values.len() > ABOUT.read_batch {
        return Err(Fault::new(FaultClass::Bug, "BATCH_TOO_LARGE", "More keys than one call reads."));
    }
    let places = Asked::of(session, &PERSON, &[property.to_owned()]).await?;
    let code = places.place(property).map_or(property, Place::field);
    let mut ids = Vec::new();
    for value in values {
        let path = search::field_path(&PERSON, code, value, true, None);
        let page: Page<search::Hit> = page(session, Call::read(Method::Get, path, None).as_search()).await?;
        ids.extend(page.rows.into_iter().map(|hit| hit.id.to_string()));
    }
    Ok(ids)
}

#[derive(Deserialize)]
struct Results {
    #[serde(default)]
    items: Vec<ResultItem>,
}

#[derive(Deserialize)]
struct ResultItem {
    item: search::Hit,
}

/// Ids of people by an address, secondary ones included. One call.
async fn search(session: &Session, field: &str, term: &str, is_exact: bool) -> Result<Vec<String>, Fault> {
    let least = if is_exact { 1 } else { 2 };
    if term.chars().count() < least {
        return Ok(Vec::new());
    }
    let term = in_path(term);
    let path =
        format!("{}/search?term={term}&fields={field}&exact_match={is_exact}&limit={CANDIDATES_MAX}", PERSON.records());
    let results: Results = ask(session, Call::read(Method::Get, path, None).as_search()).await?;
    Ok(results.items.into_iter().map(|found| found.item.id.to_string()).collect())
}

/// One page of ids. One call; none for deleted records, which Pipedrive lists nowhere.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    if archived {
        return Ok(IdPage { records: Vec::new(), after: None });
    }
    let mut path = format!("{}?limit={}&sort_by=id&sort_direction=asc", PERSON.records(), ABOUT.page);
    if let Some(after) = after {
        path = format!("{path}&cursor={}", in_path(after));
    }
    let page: Page<Row> = page(session, Call::read(Method::Get, path, None)).await?;
    let listed = |row: Row| Listed { id: row.id(), updated_at: row.updated_at() };
    Ok(IdPage { records: page.rows.into_iter().map(listed).collect(), after: page.next })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};
    use serde_json::{Value as Json, json};

    fn row(id: u32, is_deleted: bool, name: &str) -> Json {
        json!({ "id": id, "name": name, "update_time": "2026-11-22T11:00:00Z", "is_deleted": is_deleted,
            "emails": [], "phones": [{ "value": "+14155551212", "primary": true }] })
    }

    fn good(data: Json) -> Line {
        Line::new(200, json!({ "success": true, "data": data }))
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn every_asked_id_gets_its_answer_in_order() {
        let none = Line::new(404, json!({ "success": false, "error": "Person not found", "code": "ERR_NOT_FOUND" }));
        let (script, session, _) = Script::new([good(json!([row(1, false, "Ada")])), good(row(4, true, "Bo")), none]);
        let asked = strings(&["1", "4", "../5", "9", "1"]);
        let got = get(&session, &PERSON, &asked, &strings(&["name"])).await.expect("answers");
        let told: Vec<String> = got
            .iter()
            .map(|got| match got {
                Got::Found(record) => format!("found {}", record.id),
                Got::Archived(record) => format!("archived {}", record.id),
                Got::Missing => "missing".to_owned(),
            })
            .collect();
        assert_eq!(told, ["found 1", "archived 4", "missing", "missing", "found 1"]);
        let paths: Vec<String> = script.calls().into_iter().map(|call| call.path).collect();
        let expected = ["/api/v2/persons?limit=100&ids=1%2C4%2C9", "/api/v2/persons/4", "/api/v2/persons/9"];
        assert_eq!(paths, expected);
    }

    #[tokio::test]
    async fn people_are_looked_for_by_the_last_digits_and_by_the_whole_address() {
        let hit = |id: u32| json!({ "items": [{ "result_score": 1, "item": { "id": id, "type": "person" } }] });
        let lines = [good(hit(1)), good(row(1, false, "Ada")), good(hit(2)), good(row(2, true, "Gone"))];
        let (script, session, _) = Script::new(lines);
        let asked = strings(&["name", "phone"]);
        let found = find(&session, &Find::Phone("+14155551212".into()), &asked).await.expect("people");
        assert_eq!((found[0].text("name"), found[0].text("phone")), (Some("Ada"), Some("+14155551212")));
        let found = find(&session, &Find::Email("a&b@example.com".into()), &asked).await.expect("people");
        assert!(found.is_empty(), "a deleted one is none");
        let calls = script.calls();
        assert_eq!(calls[0].path, "/api/v2/persons/search?term=5551212&fields=phone&exact_match=false&limit=100");
        let path = "/api/v2/persons/search?term=a%26b%40example%2Ecom&fields=email&exact_match=true&limit=100";
        assert_eq!((calls[2].path.as_str(), calls[2].window), (path, crate::door::Window::Search));
    }

    #[tokio::test]
    async fn a_key_is_searched_value_by_value_and_told_exactly() {
        let code = "dcf558aac1ae4e8c4f849ba5e668430d8df9be12";
        let keyed = |id: u32, key: &str| {
            let mut row = row(id, false, "Ada");
            row["custom_fields"] = json!({ code: key });
            row
        };
        let hits = |ids: &[u32]| good(ids.iter().map(|id| json!({ "id": id, "name": "Ada" })).collect());
        let lines = [hits(&[1, 2]), hits(&[]), good(json!([keyed(1, "cnt_a"), keyed(2, "CNT_A")]))];
        let (script, session, _) = Script::new(lines);
        let by = Find::Key { property: code.into(), values: strings(&["cnt_a", "cnt_b"]) };
        let found = find(&session, &by, &[]).await.expect("people");
        assert_eq!((found.len(), found[0].id.as_str(), found[0].text(code)), (1, "1", Some("cnt_a")));
        let path = format!("/api/v2/itemSearch/field?entity_type=person&field={code}&match=exact&limit=100&term=cnt_a");
        assert_eq!(script.calls()[0].path, path);
    }
}
