//! Queries of a data source, and the paging that all lists share. Source: Notion's pages "Query a data source" and
//! "Query large data sources".

use serde_json::{Value, json};

use super::answer::{Answer, Call, Content, Refusal, Reply};
use super::filter::{Filter, Subject};
use super::schema::{self, Property};
use super::workspace::{Page, Workspace};

/// Sorts of one query.
const SORTS_MAX: usize = 100;

/// What makes a cursor one of ours; the rest of it counts the rows that were read.
const CURSOR: &str = "c0de0000-0000-4000-8000-";

/// One page of a list.
pub(super) struct Slice<T> {
    pub(super) rows: Vec<T>,
    pub(super) next: Option<String>,
}

/// The rows a caller may have on a page.
pub(super) fn page_size(workspace: &Workspace, given: Option<&Value>) -> Result<usize, Refusal> {
    let most = workspace.settings.page_max.clamp(1, 100);
    let Some(given) = given.filter(|it| !it.is_null()) else {
        return Ok(most);
    };
    match given.as_f64() {
        Some(size) if size > 100.0 => Err(Refusal::body("page_size", "≤ `100`", given)),
        Some(size) if size < 1.0 => Err(Refusal::body("page_size", "≥ `1`", given)),
        Some(_) => Ok(given.as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(most).min(most)),
        None => Err(Refusal::body("page_size", "a number or `undefined`", given)),
    }
}

/// Where a cursor leads. It is no snapshot: what was changed since may come twice or not at all.
fn start(cursor: Option<&str>) -> Result<usize, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(0);
    };
    let count = cursor.strip_prefix(CURSOR).and_then(|digits| usize::from_str_radix(digits, 16).ok());
    count.ok_or_else(|| Refusal::validation(format!("The start_cursor provided is invalid: {cursor}")))
}

fn cursor(at: usize) -> String {
    format!("{CURSOR}{at:012x}")
}

/// One page of `all`, for a page size and cursor from a query.
pub(super) fn slice<T: Clone>(
    workspace: &Workspace,
    size: Option<&str>,
    at: Option<&str>,
    all: &[T],
) -> Result<Slice<T>, Refusal> {
    let size = size.map(|it| serde_json::from_str(it).unwrap_or_else(|_| Value::from(it)));
    Ok(cut(all, page_size(workspace, size.as_ref())?, start(at)?))
}

/// One page of `all`, for a page size and cursor from a body.
pub(super) fn slice_for<T: Clone>(
    workspace: &Workspace,
    body: &serde_json::Map<String, Value>,
    all: &[T],
) -> Result<Slice<T>, Refusal> {
    Ok(cut(all, page_size(workspace, body.get("page_size"))?, start(body.get("start_cursor").and_then(Value::as_str))?))
}

fn cut<T: Clone>(all: &[T], size: usize, start: usize) -> Slice<T> {
    let end = start.saturating_add(size).min(all.len());
    let rows = all.get(start..end).unwrap_or_default().to_vec();
    Slice { rows, next: (end < all.len()).then(|| cursor(end)) }
}

/// What rows are ordered by.
struct Sort {
    subject: Subject,
    is_descending: bool,
}

fn read_sorts(given: Option<&Value>, properties: &[Property]) -> Result<Vec<Sort>, Refusal> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    let items = given.as_array().filter(|it| it.len() <= SORTS_MAX);
    let items = items.ok_or_else(|| Refusal::body("sorts", "an array", given))?;
    let read = |(at, item): (usize, &Value)| {
        let subject =
            match (item["timestamp"].as_str(), item["property"].as_str()) {
                (Some("created_time"), _) => Subject::Created,
                (Some("last_edited_time"), _) => Subject::Edited,
                (None, Some(key)) => Subject::of(schema::named(properties, key).ok_or_else(|| {
                    Refusal::validation(format!("Could not find sort property with name or id: {key}"))
                })?),
                _ => return Err(Refusal::body(&format!("sorts[{at}].timestamp"), "defined", &item["timestamp"])),
            };
        let is_descending = match item["direction"].as_str() {
            Some("ascending") | None => false,
            Some("descending") => true,
            _ => return Err(Refusal::body(&format!("sorts[{at}].direction"), "a direction", &item["direction"])),
        };
        Ok(Sort { subject, is_descending })
    };
    items.iter().enumerate().map(read).collect()
}

/// `POST /v1/data_sources/{data_source_id}/query`
pub(super) fn query(workspace: &mut Workspace, call: &Call) -> Answer {
    let body = call.object()?;
    let source = workspace.source(&call.id("data_source_id")?)?;
    let in_trash = super::pages::read_trash(call, &body)?.unwrap_or(false);
    let filter = match body.get("filter") {
        Some(filter) => Filter::read(filter, &source.properties, workspace.now_us())?,
        None => Filter::All(Vec::new()),
    };
    let sorts = read_sorts(body.get("sorts"), &source.properties)?;
    let mut found: Vec<&Page> = source
        .rows
        .iter()
        .filter_map(|id| workspace.pages.get(id))
        .filter(|page| page.life.in_trash == in_trash && workspace.is_in_sight(page))
        .filter(|page| filter.holds(workspace, source, page))
        .collect();
    // Without an order of its own a query shows the newest first.
    found.reverse();
    for sort in sorts.iter().rev() {
        if sort.is_descending {
            found.sort_by_cached_key(|page| std::cmp::Reverse(sort.subject.key(workspace, source, page)));
        } else {
            found.sort_by_cached_key(|page| sort.subject.key(workspace, source, page));
        }
    }
    let most = workspace.settings.query_max;
    let is_incomplete = found.len() > most;
    found.truncate(most);
    let Slice { rows, next } = slice_for(workspace, &body, &found)?;
    let only = call.query_list("filter_properties");
    let results = rows.iter().map(|page| workspace.show_page(page, &only)).collect();
    let is_last = next.is_none();
    let mut reply = Reply::list("page_or_data_source", results, next);
    if let (true, true, Content::Json(body)) = (is_incomplete, is_last, &mut reply.content) {
        body["request_status"] = json!({"type": "incomplete", "incomplete_reason": "query_result_limit_reached"});
    }
    Ok(reply)
}
