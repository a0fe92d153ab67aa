//! Searches of any data source (Notion's pages "Filter data source entries" and "Query a data source").

use lockstep_core::crm::{Filter, Operator};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::naming::{self, Column};
use super::objects::COMMENTS;
use super::query::{self, PAGE, Walk};
use super::read;
use super::sources::{self, Which};
use super::wire::{List, Page, is_id, read as read_body, send};
use crate::clock::Sighting;
use crate::door::Session;
use crate::fault::{Fault, FaultClass};
use crate::objects::{Found, Search, bad_place};

/// Conditions of one search: far more than anybody needs, and few enough for Notion.
const FILTERS_MAX: usize = 50;

/// Where a search goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Place {
    /// Among changes.
    Walk(Walk),
    /// Among all, the newest first.
    Cursor(String),
    /// Behind the 10,000 results that Notion shows.
    Beyond,
}

/// One page of a search. One call, one for the data source if there are filters and it is not remembered, and those of
/// [`read::record`].
pub(super) async fn search(
    session: &Session,
    object: &str,
    search: &Search,
    properties: &[String],
) -> Result<Found, Fault> {
    let place = search.after.as_deref().map(serde_json::from_str::<Place>).transpose();
    let place = place.map_err(|_| bad_place())?;
    let mut filters = filters(session, object, &search.filters).await?;
    if !is_id(object) {
        return Err(Fault::new(FaultClass::Missing, "object_not_found", format!("Notion has no \"{object}\".")));
    }
    let call = match (&search.changed, &place) {
        (_, Some(Place::Beyond)) => {
            let message = "Notion shows the first 10,000 results of a search; narrow it down.".to_owned();
            return Err(refused("SEARCH_TOO_WIDE", message));
        }
        (Some(changed), None | Some(Place::Walk(_))) => {
            // No end in time: an edit between two pages would take a row out of the query, and another past the cursor.
            filters.push(query::time("last_edited_time", "on_or_after", changed.from));
            walk(&place).call(object, filters, search.limit, false)
        }
        (None, None) => newest(object, filters, search.limit, None),
        (None, Some(Place::Cursor(cursor))) => newest(object, filters, search.limit, Some(cursor)),
        _ => return Err(refused("BAD_PLACE", "A search goes on where a page of the same kind ended.".to_owned())),
    };
    let answer = send(session, call).await?;
    let asked_at = Sighting::of(&answer, session).asked_at();
    let list: List<Page> = read_body(answer.body, false)?;
    let next = match search.changed {
        Some(_) => walk(&place).after(&list)?.map(Place::Walk),
        None if list.is_cut() => Some(Place::Beyond),
        None => list.next().map(|cursor| Place::Cursor(cursor.to_owned())),
    };
    let after = next.map(|next| serde_json::to_string(&next)).transpose();
    let after = after.map_err(|error| Fault::new(FaultClass::Bug, "BAD_PLACE", error.to_string()))?;
    let until = search.changed.and_then(|changed| changed.until).map(query::minute);
    let mut records = Vec::with_capacity(list.results.len());
    for page in list.results.into_iter().filter(|page| until.is_none_or(|until| page.last_edited_time <= until)) {
        records.push(read::record(session, page, properties).await?);
    }
    Ok(Found { records, after, asked_at })
}

fn refused(code: &str, message: String) -> Fault {
    Fault::new(FaultClass::Rejected, code, message)
}

fn walk(place: &Option<Place>) -> Walk {
    if let Some(Place::Walk(walk)) = place { walk.clone() } else { Walk::default() }
}

fn newest(object: &str, filters: Vec<Json>, limit: usize, cursor: Option<&str>) -> crate::door::Call {
    let sorts = json!([{ "timestamp": "last_edited_time", "direction": "descending" }]);
    query::call(object, filters, cursor, json!({ "sorts": sorts, "page_size": limit.clamp(1, PAGE) }))
}

/// The conditions of a search, of which each has to name its property's type.
async fn filters(session: &Session, object: &str, wanted: &[Filter]) -> Result<Vec<Json>, Fault> {
    if object == COMMENTS {
        return Err(refused("NOT_SEARCHABLE", "Notion lets no program search comments.".to_owned()));
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    if wanted.len() > FILTERS_MAX {
        return Err(refused("TOO_MANY_FILTERS", format!("A search in Notion has at most {FILTERS_MAX} conditions.")));
    }
    let names = wanted.iter().map(|filter| &filter.property);
    let source = sources::source_with(session, Which::Id(object), names).await?;
    let columns = source.columns();
    let condition = |filter: &Filter| {
        let name = &filter.property;
        let column = naming::find(&columns, name).ok_or_else(|| sources::gone(name, &columns))?;
        condition(column, filter.operator, filter.value.as_deref()).ok_or_else(|| {
            let how = if filter.operator == Operator::Contains { " for a part" } else { "" };
            let message = format!("\"{}\" cannot be searched{how} for this in Notion.", column.label);
            Fault { property: Some(name.clone()), ..refused("NOT_SEARCHABLE", message) }
        })
    };
    wanted.iter().map(condition).collect()
}

/// Whether there is a condition for properties of this type.
pub(super) fn is_searchable(kind: &str) -> bool {
    !matches!(kind, "rollup" | "files" | "button" | "verification" | "place")
}

/// One condition; `None` where Notion knows no such.
fn condition(column: &Column, operator: Operator, value: Option<&str>) -> Option<Json> {
    let kind = column.kind.as_str();
    let part = operator == Operator::Contains;
    let tested = match (kind, value) {
        _ if !is_searchable(kind) => return None,
        ("checkbox", None) => json!({ "equals": false }),
        ("checkbox", Some(value)) => json!({ "equals": value.parse::<bool>().ok()? }),
        ("formula", None) => json!({ "string": { "is_empty": true } }),
        ("formula", Some(value)) => json!({ "string": { if part { "contains" } else { "equals" }: value } }),
        ("unique_id" | "created_by" | "last_edited_by" | "created_time" | "last_edited_time", None) => return None,
        (_, None) => json!({ "is_empty": true }),
        ("title" | "rich_text" | "url" | "email" | "phone_number", Some(value)) => {
            json!({ if part { "contains" } else { "equals" }: value })
        }
        ("multi_select", Some(value)) => json!({ "contains": value }),
        ("relation" | "people" | "created_by" | "last_edited_by", Some(id)) if is_id(id) => json!({ "contains": id }),
        (_, Some(_)) if part => return None,
        ("number", Some(value)) => json!({ "equals": value.trim().parse::<f64>().ok()? }),
        ("unique_id", Some(value)) => json!({ "equals": value.rsplit('-').next()?.parse::<u64>().ok()? }),
        ("select" | "status" | "date", Some(value)) => json!({ "equals": value }),
        ("created_time" | "last_edited_time", Some(at)) => {
            return Some(json!({ "timestamp": kind, kind: { "equals": at } }));
        }
        _ => return None,
    };
    Some(json!({ "property": column.id, kind: tested }))
}

#[cfg(test)]
mod tests {
    use lockstep_core::env::Time;

    use super::*;
    use crate::objects::Changed;
    use crate::script::{Line, Script};

    const SOURCE: &str = "393abc1e-edcd-8179-9372-000bd163e729";

    fn one(kind: &str, operator: Operator, value: Option<&str>) -> Option<Json> {
        let column = Column { id: "a".into(), label: "A".into(), kind: kind.into() };
        condition(&column, operator, value).map(|found| found[kind].clone())
    }

    #[test]
    fn each_type_has_its_conditions() {
        use Operator::{Contains, Eq};
        let cases = [
            ("title", Contains, Some("lam"), Some(json!({ "contains": "lam" }))),
            ("email", Eq, Some("a@example.com"), Some(json!({ "equals": "a@example.com" }))),
            ("rich_text", Eq, None, Some(json!({ "is_empty": true }))),
            ("number", Eq, Some("1.5"), Some(json!({ "equals": 1.5 }))),
            ("number", Contains, Some("1"), None),
            ("number", Eq, Some("x"), None),
            ("checkbox", Eq, Some("true"), Some(json!({ "equals": true }))),
            ("checkbox", Eq, None, Some(json!({ "equals": false }))),
            ("multi_select", Eq, Some("VIP"), Some(json!({ "contains": "VIP" }))),
            ("select", Eq, Some("Lead"), Some(json!({ "equals": "Lead" }))),
            ("select", Contains, Some("Le"), None),
            ("relation", Eq, Some(SOURCE), Some(json!({ "contains": SOURCE }))),
            ("relation", Eq, Some("7"), None),
            ("unique_id", Eq, Some("C-7"), Some(json!({ "equals": 7 }))),
            ("formula", Eq, Some("x"), Some(json!({ "string": { "equals": "x" } }))),
            ("rollup", Eq, Some("x"), None),
            ("created_time", Eq, None, None),
        ];
        for (kind, operator, value, expected) in cases {
            assert_eq!(one(kind, operator, value), expected, "{kind} {operator:?} {value:?}");
        }
    }

    #[tokio::test]
    async fn a_search_that_notion_would_refuse_is_not_sent() {
        let changed = Some(Changed { from: Time::from_secs(1), until: None });
        let cursor = serde_json::to_string(&Place::Cursor("c".into())).expect("text");
        let beyond = serde_json::to_string(&Place::Beyond).expect("text");
        let after = |after: &str| Search { after: Some(after.to_owned()), limit: 5, ..Search::default() };
        let cases = [
            ("BAD_PLACE", after("over there")),
            ("BAD_PLACE", Search { changed, ..after(&cursor) }),
            ("SEARCH_TOO_WIDE", after(&beyond)),
        ];
        for (code, wanted) in cases {
            let (script, session, _) = Script::new([]);
            let fault = search(&session, SOURCE, &wanted, &[]).await.expect_err("refused");
            assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, code));
            assert!(script.calls().is_empty());
        }
    }

    #[tokio::test]
    async fn what_notion_cuts_is_not_called_the_end() {
        let at = "2026-11-22T11:00:00.000Z";
        let cut = json!({ "results": [{ "id": "p", "created_time": at, "last_edited_time": at }], "has_more": false,
            "request_status": { "type": "incomplete" } });
        let (_script, session, _) = Script::new([Line::new(200, cut)]);
        let found = search(&session, SOURCE, &Search { limit: 5, ..Search::default() }, &[]).await.expect("a page");
        assert_eq!(found.after.as_deref(), Some("\"beyond\""));
    }
}
