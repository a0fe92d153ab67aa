//! Reads by id, by key, by address and as a list (HubSpot's pages "CRM API | Contacts" and "CRM API | Search").

use std::collections::{BTreeSet, HashMap};

use lockstep_core::record::Record;
use serde_json::{Value as Json, json};

use super::wire::{CONTACTS, Object, Page, ask, batch_read, filter, in_path};
use super::{ABOUT, metadata, search};
use crate::connector::{Find, Got, IdPage, Listed};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::phone::national_digits;

/// Ids in one page of the list; HubSpot's limit there.
const LIST_PAGE: usize = 100;
/// Candidates that a search by e-mail or phone may bring; more say nothing that fewer do not.
const CANDIDATES_MAX: usize = 100;

/// One call for each full batch, and one more for the ids that it did not show: only the recycle bin tells an
/// archived record from one that cannot be seen.
pub(super) async fn get(
    session: &Session,
    object: &str,
    ids: &[String],
    properties: &[String],
) -> Result<Vec<Got>, Fault> {
    let mut answer = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(ABOUT.read_batch) {
        let wanted: BTreeSet<&str> = chunk.iter().map(String::as_str).collect();
        let mut found = by_id(session, object, &wanted, properties, false).await?;
        let absent: BTreeSet<&str> = wanted.into_iter().filter(|id| !found.contains_key(*id)).collect();
        if !absent.is_empty() {
            found.extend(by_id(session, object, &absent, properties, true).await?);
        }
        answer.extend(chunk.iter().map(|id| found.get(id).cloned().unwrap_or(Got::Missing)));
    }
    Ok(answer)
}

/// What was found, by every asked id that leads to it: answers come in any order, and a merged record answers under
/// its new id.
async fn by_id(
    session: &Session,
    object: &str,
    ids: &BTreeSet<&str>,
    properties: &[String],
    archived: bool,
) -> Result<HashMap<String, Got>, Fault> {
    let inputs = ids.iter().map(|id| json!({ "id": id })).collect();
    let mut found = HashMap::new();
    let call = batch_read(object, inputs, properties, None, archived);
    for found_object in results(session, object, call, properties).await? {
        let record = found_object.record(properties);
        let asked: Vec<String> =
            record.merged.iter().chain([&record.id]).filter(|id| ids.contains(id.as_str())).cloned().collect();
        let got = Got::from(record);
        found.extend(asked.into_iter().map(|id| (id, got.clone())));
    }
    Ok(found)
}

/// Looks by key (no index lag) or by a search. One call, and one more for what a search finds when the properties are too
/// many to be named in it.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    let mut body = match by {
        Find::Key { property, values } => {
            return by_key(session, "contacts", property, values, properties).await;
        }
        Find::Email(email) => candidates(&email_groups(email)),
        Find::Phone(phone) => candidates(&phone_groups(phone)),
    };
    let named = search::name(&mut body, properties);
    let call = Call::read(Method::Post, format!("{CONTACTS}/search"), Some(body)).as_search();
    search::records(session, "contacts", shown(session, call).await?, properties, named).await
}

/// Reads records by the values of a unique property; no index lag. One call.
pub(super) async fn by_key(
    session: &Session,
    object: &str,
    property: &str,
    values: &[String],
    properties: &[String],
) -> Result<Vec<Record>, Fault> {
    if values.len() > ABOUT.read_batch {
        return Err(Fault::new(FaultClass::Bug, "BATCH_TOO_LARGE", "More keys than one call reads."));
    }
    let mut asked = properties.to_vec();
    asked.push(property.to_owned());
    let inputs = values.iter().map(|value| json!({ "id": value })).collect();
    let call = batch_read(object, inputs, &asked, Some(property), false);
    let found = results(session, object, call, &asked).await?;
    Ok(found.into_iter().map(|object| object.record(&asked)).collect())
}

async fn shown(session: &Session, call: Call) -> Result<Vec<Object>, Fault> {
    match ask::<Page>(session, call).await {
        Err(fault) if fault.class == FaultClass::Missing => Ok(Vec::new()),
        answered => Ok(answered?.results),
    }
}

/// What a read shows; nothing when HubSpot says that there is none of it.
async fn results(session: &Session, object: &str, call: Call, asked: &[String]) -> Result<Vec<Object>, Fault> {
    let mut objects = shown(session, call).await?;
    metadata::complete(session, object, &mut objects, asked).await?;
    Ok(objects)
}

fn candidates(groups: &[Json]) -> Json {
    let groups: Vec<Json> = groups.iter().map(|filter| json!({ "filters": [filter] })).collect();
    json!({ "filterGroups": groups, "limit": CANDIDATES_MAX })
}

fn email_groups(email: &str) -> [Json; 2] {
    let email = email.to_lowercase();
    [filter("email", "EQ", &email), filter("hs_additional_emails", "CONTAINS_TOKEN", &email)]
}

/// Numbers are stored as typed. The searchable shadows hold the national digits, with whatever stood before them
/// when the number was typed without a `+`; five groups are all that a search may have.
fn phone_groups(phone: &str) -> [Json; 5] {
    let national = national_digits(phone);
    let ending = format!("*{national}");
    [
        filter("hs_searchable_calculated_phone_number", "EQ", national),
        filter("hs_searchable_calculated_phone_number", "CONTAINS_TOKEN", &ending),
        filter("hs_searchable_calculated_mobile_number", "CONTAINS_TOKEN", &ending),
        filter("phone", "EQ", phone),
        filter("mobilephone", "EQ", phone),
    ]
}

/// One page of ids. One call.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    let mut path = format!("{CONTACTS}?limit={LIST_PAGE}&archived={archived}&properties=hs_object_id");
    if let Some(after) = after {
        path = format!("{path}&after={}", in_path(after));
    }
    let page: Page = ask(session, Call::read(Method::Get, path, None)).await?;
    let after = page.after().map(str::to_owned);
    let listed = |object: Object| Listed { id: object.id, updated_at: object.updated_at };
    Ok(IdPage { records: page.results.into_iter().map(listed).collect(), after })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn object(id: &str, archived: bool, properties: Json) -> Json {
        json!({ "id": id, "archived": archived, "properties": properties, "updatedAt": "2026-11-22T11:00:00Z" })
    }

    fn results(objects: &[Json]) -> Line {
        Line::new(207, json!({ "status": "COMPLETE", "results": objects }))
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[tokio::test]
    async fn every_asked_id_gets_its_answer_in_order() {
        let living = [
            object("30", false, json!({ "email": "m@example.com", "hs_merged_object_ids": "2; 3", "createdate": "x" })),
            object("1", false, json!({ "email": null })),
        ];
        let (script, session, _) =
            Script::new([results(&living), results(&[object("4", true, json!({ "email": null }))])]);
        let got = get(&session, "contacts", &strings(&["1", "2", "3", "4", "5", "1"]), &strings(&["email"]))
            .await
            .expect("answers");
        let told: Vec<String> = got
            .iter()
            .map(|got| match got {
                Got::Found(record) => format!("found {} {:?}", record.id, record.properties),
                Got::Archived(record) => format!("archived {}", record.id),
                Got::Missing => "missing".to_owned(),
            })
            .collect();
        let merged = r#"found 30 {"email": Some("m@example.com")}"#;
        assert_eq!(
            told,
            [r#"found 1 {"email": None}"#, merged, merged, "archived 4", "missing", r#"found 1 {"email": None}"#]
        );
        let calls = script.calls();
        assert_eq!(calls[0].body.as_ref().expect("a body")["inputs"].as_array().map(Vec::len), Some(5), "each id once");
        assert_eq!(calls[1].path, "/crm/v3/objects/contacts/batch/read?archived=true");
        assert_eq!(calls[1].body.as_ref().expect("a body")["inputs"], json!([{ "id": "4" }, { "id": "5" }]));
    }

    #[tokio::test]
    async fn full_batches_of_what_is_there_cost_one_call_each() {
        let ids: Vec<String> = (1..=250).map(|n: u32| n.to_string()).collect();
        let line = |range: std::ops::RangeInclusive<u32>| {
            results(&range.map(|n| object(&n.to_string(), false, json!({}))).collect::<Vec<_>>())
        };
        let (script, session, _) = Script::new([line(1..=100), line(101..=200), line(201..=250)]);
        let got = get(&session, "contacts", &ids, &[]).await.expect("answers");
        assert!(got.iter().all(|got| matches!(got, Got::Found(_))));
        assert_eq!(script.calls().len(), 3);
    }

    #[tokio::test]
    async fn searches_count_as_searches_and_key_reads_do_not() {
        let (script, session, _) =
            Script::new([results(&[]), results(&[]), results(&[object("1", false, json!({ "lockstep_id": "k" }))])]);
        let none = strings(&[]);
        find(&session, &Find::Email("Ana@Example.com".into()), &none).await.expect("none");
        find(&session, &Find::Phone("+6281234567890".into()), &none).await.expect("none");
        let by_key = Find::Key { property: "lockstep_id".into(), values: strings(&["k"]) };
        let found = find(&session, &by_key, &none).await.expect("one");
        assert_eq!(found[0].text("lockstep_id"), Some("k"), "the key comes back so that the caller can tell the rows");
        let calls = script.calls();
        let windows: Vec<_> = calls.iter().map(|call| call.window).collect();
        assert_eq!(windows, [crate::Window::Search, crate::Window::Search, crate::Window::General]);
        let groups =
            |at: usize| calls[at].body.as_ref().expect("a body")["filterGroups"].as_array().expect("groups").len();
        assert_eq!((groups(0), groups(1)), (2, 5));
        assert!(calls[0].body.as_ref().expect("a body").to_string().contains("ana@example.com"));
    }

    #[tokio::test]
    async fn a_search_that_cannot_name_every_property_is_read_by_id() {
        let wanted: Vec<String> = (0..200).map(|n| format!("a_property_of_the_account_{n}")).collect();
        let shown: serde_json::Map<String, Json> = wanted.iter().map(|name| (name.clone(), json!("x"))).collect();
        let found = || results(&[object("7", false, json!({ "hs_object_id": "7" }))]);
        let read = || results(&[object("7", false, json!(shown))]);
        let (script, session, _) = Script::new([found(), read(), found(), read()]);
        for by in [Find::Email("ana@example.com".into()), Find::Phone("+6281234567890".into())] {
            let found = find(&session, &by, &wanted).await.expect("one");
            assert_eq!((found[0].id.as_str(), found[0].text(&wanted[199])), ("7", Some("x")));
        }
        for search in script.bodies().iter().step_by(2) {
            assert!(search.to_string().len() <= 3_000 && search["properties"] == json!(["hs_object_id"]), "{search}");
        }
    }

    #[tokio::test]
    async fn the_list_is_walked_by_its_own_marks() {
        let first = json!({ "results": [object("1", false, json!({}))], "paging": { "next": { "after": "a+b=" } } });
        let (script, session, _) = Script::new([Line::new(200, first), Line::new(200, json!({ "results": [] }))]);
        let page = list_ids(&session, true, None).await.expect("a page");
        let ids: Vec<String> = page.records.into_iter().map(|listed| listed.id).collect();
        assert_eq!((ids, page.after.as_deref()), (strings(&["1"]), Some("a+b=")));
        assert_eq!(list_ids(&session, true, page.after.as_deref()).await.expect("a page").after, None);
        let paths: Vec<String> = script.calls().into_iter().map(|call| call.path).collect();
        assert_eq!(paths[1], "/crm/v3/objects/contacts?limit=100&archived=true&properties=hs_object_id&after=a%2Bb%3D");
    }
}
