//! Queries of a data source (Notion's pages "Query a data source" and "Query large data sources").
//!
//! Rows are walked in the order in which they were made, which no edit changes. A query ends after 10,000 rows although
//! there are more; the walk goes on with another that begins with the minute in which the last row was made.

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::wire::{List, Page, source_path};
use crate::door::Call;
use crate::door::Method;
use crate::fault::{Fault, FaultClass};

/// Rows on one page; Notion's limit.
pub(super) const PAGE: usize = 100;

/// How far a walk has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Walk {
    /// The minute in which the first row of the query was made, in milliseconds; `None` for a query of all rows.
    made_from: Option<i64>,
    /// Where the next page of the query starts.
    cursor: Option<String>,
}

impl Walk {
    /// The next page of what passes the filters.
    pub(super) fn call(&self, source: &str, mut filters: Vec<Json>, limit: usize, in_trash: bool) -> Call {
        if let Some(from) = self.made_from {
            filters.push(time("created_time", "on_or_after", Time::from_millis(from)));
        }
        let mut body = json!({
            "sorts": [{ "timestamp": "created_time", "direction": "ascending" }],
            "page_size": limit.clamp(1, PAGE),
        });
        if in_trash {
            body["in_trash"] = true.into();
        }
        call(source, filters, self.cursor.as_deref(), body)
    }

    /// Where the walk goes on after this page; `None` at the end.
    ///
    /// # Errors
    /// When it would never end: Notion promises more and shows nothing new.
    pub(super) fn after(&self, list: &List<Page>) -> Result<Option<Self>, Fault> {
        if let Some(cursor) = list.next() {
            if list.results.is_empty() || self.cursor.as_deref() == Some(cursor) {
                let message = "Notion's query answered an empty page, or the same again, and promised more.";
                return Err(Fault::new(FaultClass::Busy, "EMPTY_PAGE", message));
            }
            return Ok(Some(Self { made_from: self.made_from, cursor: Some(cursor.to_owned()) }));
        }
        if !list.is_cut() {
            return Ok(None);
        }
        let last = list.results.last().map(|page| page.created_time.as_millis());
        match last.filter(|last| self.made_from.is_none_or(|from| *last > from)) {
            Some(last) => Ok(Some(Self { made_from: Some(last), cursor: None })),
            None => Err(Fault::new(
                FaultClass::Rejected,
                "TOO_MANY_AT_ONCE",
                "More than 10,000 pages were made in one minute; Notion shows no program all of them.",
            )),
        }
    }

    /// Whether the page before this one belongs to the same walk.
    pub(super) fn is_begun(&self) -> bool {
        *self != Self::default()
    }
}

/// A query with its filters, which must all hold.
pub(super) fn call(source: &str, mut filters: Vec<Json>, cursor: Option<&str>, mut body: Json) -> Call {
    match filters.len() {
        0 => {}
        1 => body["filter"] = filters.remove(0),
        _ => body["filter"] = json!({ "and": filters }),
    }
    if let Some(cursor) = cursor {
        body["start_cursor"] = cursor.into();
    }
    Call::read(Method::Post, format!("{}/query", source_path(source)), Some(body))
}

/// A condition on one of the times that every page has. They are cut to the minute, so the bound is, too.
pub(super) fn time(name: &str, condition: &str, at: Time) -> Json {
    json!({ "timestamp": name, name: { condition: minute(at).to_string() } })
}

/// The minute that a time lies in.
pub(super) fn minute(at: Time) -> Time {
    Time::from_secs(at.as_secs().div_euclid(60) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(minutes: &[i64], next: Option<&str>, is_cut: bool) -> List<Page> {
        let page = |minute: &i64| {
            let at = Time::from_secs(minute * 60).to_string();
            json!({ "id": "p", "created_time": at, "last_edited_time": at })
        };
        let mut body = json!({
            "results": minutes.iter().map(page).collect::<Vec<_>>(), "has_more": next.is_some(), "next_cursor": next,
        });
        if is_cut {
            body["request_status"] = json!({ "type": "incomplete", "incomplete_reason": "query_result_limit_reached" });
        }
        serde_json::from_value(body).expect("a list")
    }

    fn filter(walk: &Walk) -> Option<Json> {
        walk.call("s", Vec::new(), 10, false).body.and_then(|body| body.get("filter").cloned())
    }

    #[test]
    fn a_walk_goes_on_by_cursor_and_beyond_the_cap_by_time() {
        let start = Walk::default();
        assert_eq!(filter(&start), None);
        let second = start.after(&list(&[1, 1], Some("c"), false)).expect("sound").expect("more");
        assert_eq!(second.call("s", Vec::new(), 10, false).body.expect("a body")["start_cursor"], "c");
        let beyond = second.after(&list(&[2, 3], None, true)).expect("sound").expect("more");
        let from =
            json!({ "timestamp": "created_time", "created_time": { "on_or_after": "1970-01-01T00:03:00.000Z" } });
        assert_eq!((filter(&beyond), beyond.cursor.as_deref()), (Some(from), None));
        assert_eq!(beyond.after(&list(&[3], None, false)), Ok(None));
        let fault = beyond.after(&list(&[3, 3], None, true)).expect_err("no way on");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "TOO_MANY_AT_ONCE"));
    }

    #[test]
    fn a_walk_that_does_not_move_ends() {
        let here = Walk { made_from: None, cursor: Some("c".into()) };
        for page in [list(&[], Some("d"), false), list(&[1], Some("c"), false)] {
            assert_eq!(here.after(&page).expect_err("stuck").class, FaultClass::Busy);
        }
    }

    #[test]
    fn bounds_are_whole_minutes() {
        assert_eq!(minute(Time::from_secs(119)), Time::from_secs(60));
        assert_eq!(minute(Time::from_secs(-1)), Time::from_secs(-60));
    }
}
