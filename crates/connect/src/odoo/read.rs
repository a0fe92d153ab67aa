//! Reads by id, by key, by address and as a list, all of them by `search_read`: unlike `read`, it leaves out what is
//! hidden or gone instead of refusing the rest.

use std::collections::{BTreeSet, HashMap};

use lockstep_core::record::Record;
use serde_json::{Value as Json, json};

use super::ABOUT;
use super::wire::{CONTACTS, Search, id_of, numbers, on_wire, records, search, time_of};
use crate::connector::{Find, Got, IdPage, Listed};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// Ids in one page of the list. Odoo has no limit; this one keeps an answer small.
const LIST_PAGE: usize = 2_000;
/// Candidates that a search by e-mail or phone may bring; more say nothing that fewer do not.
const CANDIDATES_MAX: usize = 100;
/// Digits at the end of a phone number that every way to write it shares.
const PHONE_DIGITS: usize = 7;

/// One call for each full batch, and one more for the ids that it did not show: they are archived, or not to be seen.
pub(super) async fn get(
    session: &Session,
    model: &str,
    ids: &[String],
    properties: &[String],
) -> Result<Vec<Got>, Fault> {
    let mut answer = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ABOUT.read_batch) {
        let wanted: BTreeSet<u64> = numbers(chunk).into_iter().collect();
        let mut found = by_id(session, model, &wanted, properties, false).await?;
        let absent: BTreeSet<u64> = wanted.into_iter().filter(|id| !found.contains_key(&id.to_string())).collect();
        if !absent.is_empty() {
            found.extend(by_id(session, model, &absent, properties, true).await?);
        }
        answer.extend(chunk.iter().map(|id| found.get(id).cloned().unwrap_or(Got::Missing)));
    }
    Ok(answer)
}

async fn by_id(
    session: &Session,
    model: &str,
    ids: &BTreeSet<u64>,
    properties: &[String],
    archived: bool,
) -> Result<HashMap<String, Got>, Fault> {
    let ids: Vec<u64> = ids.iter().copied().collect();
    let found = living(session, model, vec![json!(["id", "in", ids])], properties, archived, ids.len()).await?;
    let got = |record: Record| {
        let id = record.id.clone();
        (id, Got::from(Record { archived, ..record }))
    };
    Ok(found.into_iter().map(got).collect())
}

/// Records that a domain finds, in the order of their ids. One call, or as [`search()`] says.
pub(super) async fn living(
    session: &Session,
    model: &str,
    domain: Vec<Json>,
    properties: &[String],
    archived: bool,
    limit: usize,
) -> Result<Vec<Record>, Fault> {
    // No limit would be no end of records.
    let limit = limit.max(1);
    let wanted = Search { model, domain, properties, also: &[], order: "id", offset: 0, limit, archived };
    let found = search(session, &wanted).await?;
    records(session, model, &found.rows, properties).await
}

/// Looks by a key, an e-mail address or a phone number. One call, or as [`search()`] says.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    match by {
        Find::Key { property, values } => by_key(session, CONTACTS, property, values, properties).await,
        Find::Email(email) => {
            let domain = vec![
                json!("|"),
                json!(["email_normalized", "=", email.to_lowercase()]),
                json!(["email", "=ilike", literal(email)]),
            ];
            living(session, CONTACTS, domain, properties, false, CANDIDATES_MAX).await
        }
        Find::Phone(phone) => {
            let pattern = number_pattern(phone);
            let mut domain = vec![json!(["phone", "=like", pattern])];
            // Version 19 has no such field any more.
            if properties.iter().any(|name| name == "mobile") {
                domain = vec![json!("|"), domain.remove(0), json!(["mobile", "=like", pattern])];
            }
            living(session, CONTACTS, domain, properties, false, CANDIDATES_MAX).await
        }
    }
}

/// Records by the values of a property that is searched exactly; it is in them. One call, and one more for the values
/// that no living record has: what was made may have been archived since.
pub(super) async fn by_key(
    session: &Session,
    model: &str,
    property: &str,
    values: &[String],
    properties: &[String],
) -> Result<Vec<Record>, Fault> {
    if values.len() > ABOUT.read_batch {
        return Err(Fault::new(FaultClass::Bug, "BATCH_TOO_LARGE", "More keys than one call reads."));
    }
    let mut asked = properties.to_vec();
    asked.push(property.to_owned());
    // Odoo keeps nothing unique, so a value may have several records.
    let limit = CANDIDATES_MAX.max(2 * values.len());
    let domain = |values: &[String]| vec![json!([on_wire(property), "in", values])];
    let mut found = living(session, model, domain(values), &asked, false, limit).await?;
    let is_found = |value: &&String| found.iter().any(|record| record.text(property) == Some(value.as_str()));
    let absent: Vec<String> = values.iter().filter(|value| !is_found(value)).cloned().collect();
    if !absent.is_empty() {
        let archived = living(session, model, domain(&absent), &asked, true, limit).await?;
        found.extend(archived.into_iter().map(|record| Record { archived: true, ..record }));
    }
    Ok(found)
}

/// Text as a pattern of SQL's LIKE that only the text itself fits.
fn literal(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Numbers are stored as typed, so the last digits are looked for with anything between them. The caller checks what is
/// found.
fn number_pattern(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let ending = &digits[digits.len().saturating_sub(PHONE_DIGITS)..];
    ending.iter().map(|digit| format!("%{digit}")).collect()
}

/// One page of ids. One call.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    let last: u64 = after
        .map_or(Ok(0), str::parse)
        .map_err(|_| Fault::new(FaultClass::Stale, "BAD_PLACE", "The list goes on where a page of it ended."))?;
    let wanted = Search {
        model: CONTACTS,
        domain: vec![json!(["id", ">", last]), json!(["active", "=", !archived])],
        properties: &[],
        also: &[],
        order: "id",
        offset: 0,
        limit: LIST_PAGE + 1,
        archived,
    };
    let mut rows = search(session, &wanted).await?.rows;
    let more = rows.len() > LIST_PAGE;
    rows.truncate(LIST_PAGE);
    let mut listed = Vec::with_capacity(rows.len());
    for row in &rows {
        let written = row.get("write_date").and_then(Json::as_str).and_then(time_of);
        listed.push(Listed { id: id_of(row)?.to_string(), updated_at: written.unwrap_or_default() });
    }
    let after = listed.last().filter(|_| more).map(|last| last.id.clone());
    Ok(IdPage { records: listed, after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn row(id: u64) -> Json {
        json!({ "id": id, "name": "Ada", "write_date": "2026-11-22 11:00:00" })
    }

    #[tokio::test]
    async fn every_asked_id_gets_its_answer_in_order() {
        let (script, session, _) = Script::new([Line::new(200, json!([row(1)])), Line::new(200, json!([row(4)]))]);
        let ids = ["4", "1", "x", "9"].map(str::to_owned);
        let got = get(&session, CONTACTS, &ids, &["name".to_owned()]).await.expect("answers");
        assert!(matches!(&got[..], [Got::Archived(a), Got::Found(b), Got::Missing, Got::Missing]
            if a.id == "4" && a.archived && b.id == "1" && b.text("name") == Some("Ada")));
        let bodies = script.bodies();
        assert_eq!(bodies[0]["domain"], json!([["id", "in", [1, 4, 9]]]));
        assert_eq!(bodies[0]["context"], json!({ "active_test": true }));
        assert_eq!(
            (&bodies[1]["domain"], &bodies[1]["context"]["active_test"]),
            (&json!([["id", "in", [4, 9]]]), &json!(false))
        );
    }

    #[tokio::test]
    async fn a_key_is_looked_for_among_archived_records_too() {
        let keyed = |id: u64, key: &str| json!([{ "id": id, "ref": key, "write_date": "2026-11-22 11:00:00" }]);
        let (script, session, _) = Script::new([Line::new(200, keyed(1, "a")), Line::new(200, keyed(2, "b"))]);
        let values = ["a", "b"].map(str::to_owned);
        let found = by_key(&session, CONTACTS, "ref", &values, &[]).await.expect("two");
        let told: Vec<_> = found.iter().map(|it| (it.id.as_str(), it.text("ref"), it.archived)).collect();
        assert_eq!(told, [("1", Some("a"), false), ("2", Some("b"), true)]);
        let bodies = script.bodies();
        assert_eq!(bodies[1]["domain"], json!([["ref", "in", ["b"]]]));
        assert_eq!(bodies[1]["context"], json!({ "active_test": false }));
    }

    #[tokio::test]
    async fn addresses_are_looked_for_as_they_may_be_written() {
        let none = || Line::new(200, json!([]));
        let (script, session, _) = Script::new([none(), none(), none()]);
        find(&session, &Find::Email("a_B@example.com".into()), &[]).await.expect("none");
        find(&session, &Find::Phone("+14155551212".into()), &[]).await.expect("none");
        find(&session, &Find::Phone("+14155551212".into()), &["mobile".to_owned()]).await.expect("none");
        let bodies = script.bodies();
        let email =
            json!(["|", ["email_normalized", "=", "a_b@example.com"], ["email", "=ilike", "a\\_B@example.com"]]);
        assert_eq!(bodies[0]["domain"], email);
        assert_eq!(bodies[1]["domain"], json!([["phone", "=like", "%5%5%5%1%2%1%2"]]));
        assert_eq!(bodies[2]["domain"][2][0], "mobile");
    }

    #[tokio::test]
    async fn the_list_is_walked_by_id() {
        let rows: Vec<Json> = (1..=LIST_PAGE as u64 + 1).map(row).collect();
        let (script, session, _) = Script::new([Line::new(200, json!(rows)), Line::new(200, json!([row(2_001)]))]);
        let page = list_ids(&session, true, None).await.expect("a page");
        assert_eq!((page.records.len(), page.after.as_deref()), (LIST_PAGE, Some("2000")));
        assert_eq!(list_ids(&session, true, page.after.as_deref()).await.expect("a page").after, None);
        assert_eq!(script.bodies()[1]["domain"], json!([["id", ">", 2000], ["active", "=", false]]));
    }
}
