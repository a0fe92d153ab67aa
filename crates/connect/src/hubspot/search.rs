//! Searches of any object (HubSpot's page "CRM API | Search").

use lockstep_core::crm::{Filter, Operator};
use lockstep_core::record::Record;
use serde_json::{Value as Json, json};

use super::wire::{Object, Page, filter, read as read_body, records_of, send, with_merged};
use super::{ABOUT, metadata, read, scan};
use crate::clock::Sighting;
use crate::connector::Got;
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Changed, Found, Search};

/// Conditions that must all hold; HubSpot's limit in one group.
const FILTERS_MAX: usize = 6;
/// Those of them that a search for changes needs for itself: the times and the id to go on behind.
const FILTERS_OF_CHANGES: usize = 2;
/// How far HubSpot pages through one search.
const RESULTS_MAX: usize = 10_000;
/// Characters in the body of a search.
const BODY_CHARS_MAX: usize = 3_000;

/// One page of a search. One call; one more for each full batch of records whose properties are too many to be named in
/// a search.
pub(super) async fn search(
    session: &Session,
    object: &str,
    search: &Search,
    properties: &[String],
) -> Result<Found, Fault> {
    let mut body = body(object, search)?;
    let named = name(&mut body, properties);
    let call = Call::read(Method::Post, format!("{}/search", records_of(object)), Some(body)).as_search();
    let answer = send(session, call).await?;
    let asked_at = Sighting::of(&answer, session).asked_at();
    let page: Page = read_body(answer.body, false)?;
    let after = match search.changed {
        None => page.after().map(str::to_owned),
        Some(_) => {
            let more = scan::has_more(&page);
            Some(scan::last_id(&page, search.place()?, more)?.to_string()).filter(|_| more)
        }
    };
    Ok(Found { records: records(session, object, page.results, properties, named).await?, after, asked_at })
}

/// Whether a search names the properties that are wanted of what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// They come with the results.
    All,
    /// They are too many to be named in a search: the records are read by their ids.
    IdAlone,
}

/// Names the wanted properties in the body of a search, as far as HubSpot takes one so long.
pub(super) fn name(body: &mut Json, properties: &[String]) -> Named {
    body["properties"] = with_merged(properties).into();
    if body.to_string().chars().count() <= BODY_CHARS_MAX {
        return Named::All;
    }
    body["properties"] = json!(["hs_object_id"]);
    Named::IdAlone
}

/// The records that a search found, with their properties. One call for each full batch where the search did not name
/// them, and none else.
pub(super) async fn records(
    session: &Session,
    object: &str,
    mut results: Vec<Object>,
    properties: &[String],
    named: Named,
) -> Result<Vec<Record>, Fault> {
    if named == Named::All {
        metadata::complete(session, object, &mut results, properties).await?;
        return Ok(results.into_iter().map(|found| found.record(properties)).collect());
    }
    let ids: Vec<String> = results.into_iter().map(|found| found.id).collect();
    let got = read::get(session, object, &ids, properties).await?;
    Ok(got.into_iter().filter_map(Got::found).collect())
}

fn body(object: &str, search: &Search) -> Result<Json, Fault> {
    let refuse = |code: &str, message: String| Err(Fault::new(FaultClass::Rejected, code, message));
    let modified = if object == "contacts" { "lastmodifieddate" } else { "hs_lastmodifieddate" };
    let mut filters: Vec<Json> = search.filters.iter().map(condition).collect();
    let (room, kind) = match search.changed {
        None => (FILTERS_MAX, "one search"),
        Some(_) => (FILTERS_MAX - FILTERS_OF_CHANGES, "a search for changes"),
    };
    if filters.len() > room {
        return refuse("TOO_MANY_FILTERS", format!("HubSpot takes at most {room} conditions in {kind}."));
    }
    let place = search.place()?;
    let (sorted_by, direction) = match search.changed {
        None => (modified, "DESCENDING"),
        Some(changed) => {
            filters.extend([times(modified, changed), filter("hs_object_id", "GT", &place.to_string())]);
            ("hs_object_id", "ASCENDING")
        }
    };
    let start = if search.changed.is_some() { 0 } else { usize::try_from(place).unwrap_or(usize::MAX) };
    if start >= RESULTS_MAX {
        let message = format!("HubSpot shows the first {RESULTS_MAX} results of a search; narrow it down.");
        return refuse("SEARCH_TOO_WIDE", message);
    }
    let groups = if filters.is_empty() { json!([]) } else { json!([{ "filters": filters }]) };
    let mut body = json!({
        "filterGroups": groups,
        "sorts": [{ "propertyName": sorted_by, "direction": direction }],
        "limit": search.limit.clamp(1, ABOUT.page).min(RESULTS_MAX - start),
    });
    if start > 0 {
        body["after"] = start.to_string().into();
    }
    Ok(body)
}

/// One condition for both ends of the times: HubSpot counts conditions.
fn times(modified: &str, changed: Changed) -> Json {
    let from = changed.from.as_millis().to_string();
    match changed.until {
        None => filter(modified, "GTE", &from),
        Some(until) => {
            let until = until.as_millis().to_string();
            json!({ "propertyName": modified, "operator": "BETWEEN", "value": from, "highValue": until })
        }
    }
}

/// HubSpot compares words: each word of what is to be contained stands for any word around it.
fn condition(wanted: &Filter) -> Json {
    match (&wanted.value, wanted.operator) {
        (None, _) => json!({ "propertyName": wanted.property, "operator": "NOT_HAS_PROPERTY" }),
        (Some(value), Operator::Eq) => filter(&wanted.property, "EQ", value),
        (Some(value), Operator::Contains) => {
            let words: Vec<String> = value.split_whitespace().map(|word| format!("*{word}*")).collect();
            filter(&wanted.property, "CONTAINS_TOKEN", &words.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn filters(count: usize) -> Vec<Filter> {
        vec![Filter { property: "city".to_owned(), operator: Operator::Eq, value: Some("Rome".to_owned()) }; count]
    }

    #[tokio::test]
    async fn a_search_that_hubspot_would_refuse_is_not_sent() {
        let wide = |after: &str| Search { after: Some(after.to_owned()), limit: 5, ..Search::default() };
        let changed = Some(Changed { from: lockstep_core::env::Time::from_secs(1), until: None });
        let cases = [
            ("TOO_MANY_FILTERS", Search { filters: filters(7), ..Search::default() }),
            ("TOO_MANY_FILTERS", Search { filters: filters(5), changed, ..Search::default() }),
            ("SEARCH_TOO_WIDE", wide("10000")),
            ("BAD_PLACE", wide("over there")),
            ("BAD_PLACE", Search { changed, ..wide("over there") }),
        ];
        for (code, wanted) in cases {
            let (script, session, _) = Script::new([]);
            let fault = search(&session, "deals", &wanted, &[]).await.expect_err("refused");
            assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, code));
            assert!(script.calls().is_empty());
        }
    }

    #[tokio::test]
    async fn the_last_page_is_as_long_as_hubspot_lets_it_be() {
        let (script, session, _) = Script::new([Line::new(200, json!({ "results": [] }))]);
        let wanted = Search { filters: filters(6), after: Some("9990".to_owned()), limit: 5_000, ..Search::default() };
        assert!(search(&session, "contacts", &wanted, &[]).await.expect("a page").after.is_none());
        let body = script.bodies().remove(0);
        assert_eq!((&body["limit"], &body["after"]), (&json!(10), &json!("9990")));
        assert_eq!(body["sorts"], json!([{ "propertyName": "lastmodifieddate", "direction": "DESCENDING" }]));
    }

    #[tokio::test]
    async fn changes_are_walked_by_id_inside_closed_times_and_never_end_too_early() {
        let at = lockstep_core::env::Time::from_secs;
        let results = json!([{ "id": "20000", "properties": {}, "updatedAt": "2026-11-22T11:00:00Z" }]);
        let (script, session, _) = Script::new([Line::new(200, json!({ "total": 3, "results": results }))]);
        let changed = Some(Changed { from: at(5), until: Some(at(9)) });
        let wanted = Search { filters: filters(4), changed, after: Some("10000".to_owned()), limit: 5 };
        let found = search(&session, "deals", &wanted, &[]).await.expect("a page");
        assert_eq!((found.after.as_deref(), found.asked_at), (Some("20000"), session.env.now()));
        let body = script.bodies().remove(0);
        let times = json!({ "propertyName": "hs_lastmodifieddate", "operator": "BETWEEN", "value": "5000", "highValue": "9000" });
        let sent = &body["filterGroups"][0]["filters"];
        assert_eq!((&sent[4], &sent[5]), (&times, &filter("hs_object_id", "GT", "10000")));
        assert_eq!(body["sorts"], json!([{ "propertyName": "hs_object_id", "direction": "ASCENDING" }]));
        assert!(body["after"].is_null());
    }

    #[test]
    fn words_are_looked_for_one_by_one() {
        let wanted = Filter {
            property: "dealname".to_owned(),
            operator: Operator::Contains,
            value: Some("big  lamp".to_owned()),
        };
        assert_eq!(condition(&wanted), filter("dealname", "CONTAINS_TOKEN", "*big* *lamp*"));
    }
}
