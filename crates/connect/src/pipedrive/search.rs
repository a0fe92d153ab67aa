//! Searches of any object: by the search of one field where that serves, else by list; every condition is looked at here
//! as well (Pipedrive's lists of v2 and itemSearch).

use lockstep_core::crm::{Filter, Operator};
use serde::Deserialize;

use super::kinds::Kind;
use super::record::{Asked, Place, Row};
use super::wire::{Page, in_path, is_id, page_of, send};
use super::{ABOUT, fields, read, scan};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Found, Search};
use lockstep_core::env::Time;

/// Pages that one search looks through for records that pass its conditions.
const PAGES_MAX: usize = 4;
/// Hits in one page of a search by a field: as many as are read by id at once.
const HITS: usize = 100;
/// Types of custom fields that Pipedrive searches.
const SEARCHED: [&str; 6] = ["varchar", "varchar_auto", "text", "phone", "double", "address"];

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
    let source = source(session, kind, search, &places).await?;
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
    let (skip, cursor): (usize, &str) = read
        .ok_or_else(|| Fault::new(FaultClass::Rejected, "BAD_PLACE", "A search goes on where a page of it ended."))?;
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

async fn source(session: &Session, kind: &Kind, search: &Search, places: &Asked) -> Result<Source, Fault> {
    let mut query = format!("{}?limit={}", kind.records(), list_limit(search));
    if let Some(changed) = search.changed {
        query = format!("{query}&sort_by=id&sort_direction=asc&updated_since={}", moment(changed.from)?);
        if let Some(until) = changed.until {
            // The end is not included there.
            query = format!("{query}&updated_until={}", moment(Time::from_secs(until.as_secs().saturating_add(1)))?);
        }
    } else {
        for filter in &search.filters {
            if let Some(hits) = by_field(session, kind, filter, places).await? {
                return Ok(hits);
            }
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

/// The search by a field that a condition can be served by. One call for a custom field, which may be of a type that is
/// not searched.
async fn by_field(session: &Session, kind: &Kind, filter: &Filter, places: &Asked) -> Result<Option<Source>, Fault> {
    let Some(term) = filter.value.as_deref().map(str::trim) else { return Ok(None) };
    let is_exact = filter.operator == Operator::Eq;
    let least = if is_exact { 1 } else { 2 };
    let Some(place) = places.place(&filter.property).filter(|_| kind.has_customs && term.chars().count() >= least)
    else {
        return Ok(None);
    };
    let serves = match place {
        Place::Primary(_) => true,
        Place::Member(name) => name == kind.title,
        Place::Custom(code) => {
            let fields = fields::of(session, kind).await?;
            fields.iter().any(|it| it.code == *code && SEARCHED.contains(&it.native_type.as_str()))
        }
        Place::Id | Place::Others(_) => false,
    };
    let (code, term) = (place.field().to_owned(), term.to_owned());
    Ok(serves.then_some(Source::Hits { code, term, is_exact }))
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
            let asked_at = scan::vendor_now(&answer, session);
            Ok((page_of(answer.body)?, asked_at))
        }
        Source::Hits { code, term, is_exact } => {
            let call = Call::read(Method::Get, field_path(kind, code, term, *is_exact, cursor), None).as_search();
            let answer = send(session, call).await.map_err(refused)?;
            let asked_at = scan::vendor_now(&answer, session);
            let hits: Page<Hit> = page_of(answer.body)?;
            let ids: Vec<String> = hits.rows.iter().map(|hit| hit.id.to_string()).collect();
            let mut rows = read::hits(session, kind, &ids).await?;
            // The newest first, as far as a page goes: the search itself goes by how well a record fits.
            rows.sort_by_key(|row| std::cmp::Reverse(row.updated_at()));
            Ok((Page { rows, next: hits.next }, asked_at))
        }
    }
}
