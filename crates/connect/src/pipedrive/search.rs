//! Searches of any object: by the search of one field where that serves, else by list; every condition is looked at here
//! as well (Pipedrive's lists of v2 and itemSearch).

use lockstep_core::crm::{Filter, Operator};
use serde::Deserialize;

use super::fields::Field;
use super::kinds::Kind;
use super::record::{Asked, Place, Row};
use super::wire::{Page, in_path, is_id, page_of, send};
use super::{ABOUT, faults, fields, read, scan};
use crate::clock::Sighting;
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Found, Search, bad_place};
use lockstep_core::env::Time;

/// Pages that one search looks through for records that pass its conditions.
const PAGES_MAX: usize = 4;
/// Hits in one page of a search by a field: as many as are read by id at once.
const HITS: usize = 100;
/// Types of custom fields that Pipedrive searches.
const SEARCHED: [&str; 5] = ["varchar", "varchar_auto", "text", "phone", "double"];

/// What a search by a field shows of a record.
#[derive(Debug, Deserialize)]
pub(super) struct Hit {
    pub id: u64,
}

/// Where records come from.
enum Source {
    /// A list, with its query.
    List(String),
    /// A search by a field, with its path but for the cursor.
    Hits { code: String, term: String, is_exact: bool },
}

/// One page of a search. One call a page looked through, at most four; one more for what a search by a field found, and one
/// where a custom field's type decides how to search.
pub(super) async fn search(
    session: &Session,
    kind: &Kind,
    search: &Search,
    properties: &[String],
) -> Result<Found, Fault> {
    let asked = Asked::of(session, kind, properties).await?;
    let names: Vec<String> = search.filters.iter().map(|filter| filter.property.clone()).collect();
    let places = Asked::of(session, kind, &names).await?;
    let passes = |row: &Row| {
        search.filters.iter().all(|it| places.place(&it.property).is_some_and(|place| fits(it, row.text(place))))
    };
    let (mut skip, mut cursor) = place(search)?;
    let fields = types(session, kind, search, &places).await?;
    let source = source(kind, search, &places, &fields)?;
    let limit = search.limit.clamp(1, ABOUT.page);
    let (mut found, mut after, mut asked_at) = (Vec::new(), None, None);
    for _ in 0..PAGES_MAX {
        let (page, sent_at) = rows(session, kind, &source, search, cursor.as_deref()).await?;
        asked_at = asked_at.or(Some(sent_at));
        let matching: Vec<Row> = page.rows.into_iter().filter(&passes).collect();
        let (total, room) = (matching.len(), limit - found.len());
        found.extend(matching.into_iter().skip(skip).take(room));
        if skip.saturating_add(room) < total {
            after = Some(format!("{}:{}", skip + room, cursor.unwrap_or_default()));
            break;
        }
        after = page.next.as_ref().map(|next| format!("0:{next}"));
        if page.next.is_none() || found.len() == limit {
            break;
        }
        (skip, cursor) = (0, page.next);
    }
    let asked_at = asked_at.unwrap_or_else(|| session.env.now());
    Ok(Found { records: asked.records(session, kind, found).await?, after, asked_at })
}

/// Where a page begins: so many matching rows into the vendor's page behind its cursor.
fn place(search: &Search) -> Result<(usize, Option<String>), Fault> {
    let Some(after) = search.after.as_deref() else { return Ok((0, None)) };
    let read = after.split_once(':').and_then(|(skip, cursor)| Some((skip.parse().ok()?, cursor)));
    let (skip, cursor): (usize, &str) = read.ok_or_else(bad_place)?;
    Ok((skip, Some(cursor.to_owned()).filter(|cursor| !cursor.is_empty())))
}

/// Whether a value passes a condition. Case does not count, as in Pipedrive's own searches.
fn fits(filter: &Filter, held: Option<String>) -> bool {
    match (&filter.value, held, filter.operator) {
        (None, held, _) => held.is_none(),
        (Some(_), None, _) => false,
        (Some(wanted), Some(held), operator) => {
            let (wanted, held) = (wanted.trim().to_lowercase(), held.trim().to_lowercase());
            match operator {
                Operator::Eq => held == wanted,
                Operator::Contains => held.contains(&wanted),
            }
        }
    }
}

fn source(kind: &Kind, search: &Search, places: &Asked, fields: &[Field]) -> Result<Source, Fault> {
    let mut query = format!("{}?limit={}", kind.records(), list_limit(search));
    if let Some(changed) = search.changed {
        query = format!("{query}&sort_by=id&sort_direction=asc&updated_since={}", moment(changed.from)?);
        if let Some(until) = changed.until {
            // The end is not included there.
            query = format!("{query}&updated_until={}", moment(Time::from_secs(until.as_secs().saturating_add(1)))?);
        }
    } else {
        if let Some(hits) = search.filters.iter().find_map(|filter| by_field(kind, filter, places, fields)) {
            return Ok(hits);
        }
        query = format!("{query}&sort_by=update_time&sort_direction=desc");
    }
    for filter in &search.filters {
        let value = filter.value.as_deref().filter(|value| filter.operator == Operator::Eq && is_id(value));
        if let (Some(value), true) = (value, kind.listed_by.contains(&filter.property.as_str())) {
            query = format!("{query}&{}={value}", filter.property);
        }
    }
    Ok(Source::List(query))
}

/// Only where nothing is left out of a page here may the page be as short as was asked.
fn list_limit(search: &Search) -> usize {
    if search.filters.is_empty() { search.limit.clamp(1, ABOUT.page) } else { ABOUT.page }
}

fn moment(time: Time) -> Result<String, Fault> {
    Ok(in_path(&scan::moment(time)?).to_string())
}

/// The fields of an object where conditions are on a company's own. One call then, else none.
///
/// # Errors
/// Class [`FaultClass::Drift`] when one of them is gone: every record would look as if it held nothing there.
async fn types(session: &Session, kind: &Kind, search: &Search, places: &Asked) -> Result<Vec<Field>, Fault> {
    let is_custom = |filter: &&Filter| matches!(places.place(&filter.property), Some(Place::Custom(_)));
    let customs: Vec<&Filter> = search.filters.iter().filter(is_custom).collect();
    if customs.is_empty() {
        return Ok(Vec::new());
    }
    let known = fields::of(session, kind).await?;
    match customs.into_iter().find(|filter| Place::among(kind, &known, &filter.property).is_none()) {
        Some(gone) => Err(faults::gone(&gone.property, kind.slug)),
        None => Ok(known),
    }
}

/// The search by a field that a condition can be served by.
fn by_field(kind: &Kind, filter: &Filter, places: &Asked, fields: &[Field]) -> Option<Source> {
    let term = filter.value.as_deref()?.trim();
    let is_exact = filter.operator == Operator::Eq;
    let least = if is_exact { 1 } else { 2 };
    let place = places.place(&filter.property).filter(|_| kind.has_customs && term.chars().count() >= least)?;
    let is_searched = |field: &Field| SEARCHED.contains(&field.native_type.as_str());
    let serves = match place {
        Place::Primary(_) => true,
        Place::Member(name) => name == kind.title,
        Place::Custom(code) => fields.iter().any(|field| field.code == *code && is_searched(field)),
        Place::Id | Place::Others(_) => false,
    };
    serves.then(|| Source::Hits { code: place.field().to_owned(), term: term.to_owned(), is_exact })
}

/// The search of one field (Pipedrive's `itemSearch/field`).
pub(super) fn field_path(kind: &Kind, code: &str, term: &str, is_exact: bool, cursor: Option<&str>) -> String {
    let (fit, entity) = (if is_exact { "exact" } else { "middle" }, kind.singular);
    let (code, term) = (in_path(code), in_path(term));
    let path =
        format!("/api/v2/itemSearch/field?entity_type={entity}&field={code}&match={fit}&limit={HITS}&term={term}");
    cursor.map_or_else(|| path.clone(), |cursor| format!("{path}&cursor={}", in_path(cursor)))
}

/// One page, and as late as the vendor's clock surely stood when it was asked for.
async fn rows(
    session: &Session,
    kind: &Kind,
    source: &Source,
    search: &Search,
    cursor: Option<&str>,
) -> Result<(Page<Row>, Time), Fault> {
    let refused = |fault: Fault| match (fault.class, &search.after) {
        (FaultClass::Rejected, Some(_)) => Fault { code: "BAD_PLACE".to_owned(), ..fault },
        _ => fault,
    };
    match source {
        Source::List(query) => {
            let cursor = cursor.map(|cursor| format!("&cursor={}", in_path(cursor))).unwrap_or_default();
            let call = Call::read(Method::Get, format!("{query}{cursor}"), None);
            let answer = send(session, call).await.map_err(refused)?;
            let asked_at = Sighting::of(&answer, session).asked_at();
            Ok((page_of(answer.body)?, asked_at))
        }
        Source::Hits { code, term, is_exact } => {
            let call = Call::read(Method::Get, field_path(kind, code, term, *is_exact, cursor), None).as_search();
            let answer = send(session, call).await.map_err(refused)?;
            let asked_at = Sighting::of(&answer, session).asked_at();
            let hits: Page<Hit> = page_of(answer.body)?;
            let ids: Vec<String> = hits.rows.iter().map(|hit| hit.id.to_string()).collect();
            let mut rows = read::hits(session, kind, &ids).await?;
            // The newest first, as far as a page goes: the search itself goes by how well a record fits.
            rows.sort_by_key(|row| std::cmp::Reverse(row.updated_at()));
            Ok((Page { rows, next: hits.next }, asked_at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Changed;
    use crate::script::{Line, Script};
    use serde_json::{Value as Json, json};

    const CODE: &str = "dcf558aac1ae4e8c4f849ba5e668430d8df9be12";

    fn filter(property: &str, operator: Operator, value: Option<&str>) -> Filter {
        Filter { property: property.to_owned(), operator, value: value.map(str::to_owned) }
    }

    fn deals(titles: &[&str], next: Option<&str>) -> Line {
        let row =
            |(id, title): (usize, &&str)| json!({ "id": id + 1, "title": title, "stage_id": 2, "lost_reason": null });
        let rows: Vec<Json> = titles.iter().enumerate().map(row).collect();
        Line::new(200, json!({ "success": true, "data": rows, "additional_data": { "next_cursor": next } }))
    }

    async fn run(wanted: Search, lines: impl IntoIterator<Item = Line>) -> (Result<Found, Fault>, Vec<String>) {
        let (script, session, _) = Script::new(lines);
        let found = search(&session, super::super::kind("deals").expect("deals"), &wanted, &["title".to_owned()]).await;
        (found, script.calls().into_iter().map(|call| call.path).collect())
    }

    #[tokio::test]
    async fn a_page_that_holds_more_than_is_wanted_is_gone_on_with() {
        let stage = || vec![filter("stage_id", Operator::Eq, Some("2"))];
        let wanted = |after: Option<&str>| Search {
            filters: stage(),
            limit: 2,
            after: after.map(str::to_owned),
            ..Search::default()
        };
        let (found, paths) = run(wanted(None), [deals(&["a", "b", "c"], Some("x"))]).await;
        let found = found.expect("a page");
        assert_eq!((found.records.len(), found.after.as_deref()), (2, Some("2:")));
        assert_eq!(paths, ["/api/v2/deals?limit=500&sort_by=update_time&sort_direction=desc&stage_id=2"]);
        let lines = [deals(&["a", "b", "c"], Some("x:y")), deals(&["d"], Some("z"))];
        let (found, paths) = run(wanted(Some("2:")), lines).await;
        let found = found.expect("a page");
        assert_eq!((found.records.len(), found.after.as_deref()), (2, Some("0:z")));
        assert!(paths[1].ends_with("&cursor=x%3Ay"), "{paths:?}");
    }

    #[tokio::test]
    async fn so_many_pages_are_looked_through_and_no_more() {
        let filters = vec![filter("lost_reason", Operator::Eq, Some("price"))];
        let wanted = Search { filters, limit: 1, ..Search::default() };
        let (found, paths) = run(wanted, (0..PAGES_MAX).map(|_| deals(&["a"], Some("x")))).await;
        let found = found.expect("a page");
        assert_eq!((found.records.len(), found.after.as_deref(), paths.len()), (0, Some("0:x"), PAGES_MAX));
    }

    #[tokio::test]
    async fn times_are_whole_seconds_with_both_ends() {
        let changed = Some(Changed { from: Time(5_500_000), until: Some(Time(9_000_000)) });
        let (found, paths) = run(Search { changed, limit: 5, ..Search::default() }, [deals(&[], None)]).await;
        assert!(found.expect("a page").after.is_none());
        let path = "/api/v2/deals?limit=5&sort_by=id&sort_direction=asc&updated_since=1970-01-01T00%3A00%3A05Z\
                    &updated_until=1970-01-01T00%3A00%3A10Z";
        assert_eq!(paths, [path]);
    }

    #[tokio::test]
    async fn a_condition_on_a_field_that_is_gone_is_drift() {
        let wanted = Search { filters: vec![filter(CODE, Operator::Eq, None)], limit: 5, ..Search::default() };
        let (found, _) = run(wanted, [Line::new(200, json!({ "success": true, "data": [] }))]).await;
        let fault = found.expect_err("gone");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some(CODE)));
    }
}
