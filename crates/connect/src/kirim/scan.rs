//! What changed: windows in Kirim's clock over its list of contacts.
//!
//! The list has no documented filter by time (the guide names `updated_after` as planned) and no documented order. Each
//! window asks for what changed since shortly before the last one closed, all the same: a server that has the filter, such
//! as another Lockstep, answers that alone, and from one that leaves it aside the whole list comes, of which this keeps what
//! changed since. A contact that moves in the list between two pages has changed in the window, and so is in the next one.

use std::time::Duration;

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};

use super::wire;
use crate::clock::{Begun, Course, Sighting};
use crate::connector::{ChangePage, Cursor};
use crate::door::{Answer, Session};
use crate::fault::{Fault, FaultClass};
use crate::wire::in_path;

/// How long before it shows in a list a contact's time may have been set: commits take a while.
const OVERLAP: Duration = Duration::from_secs(60);

/// Where the scan stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    course: Course,
    /// Where the window under way will close; none before its first page.
    closes: Option<Time>,
    /// Where the next page of the window begins. It is bound to the filter.
    after: Option<String>,
    /// Whether the server refuses the filter.
    unfiltered: bool,
}

impl Place {
    /// What changed before this is none of the window's.
    fn from(&self) -> Option<Time> {
        self.course.since.map(|since| since.minus(OVERLAP))
    }

    fn filter(&self) -> String {
        let from = self.from().filter(|_| !self.unfiltered);
        from.map(|from| format!("&updated_after={}", in_path(&from.to_string()))).unwrap_or_default()
    }

    async fn page(&self, session: &Session) -> Result<(wire::Page, Answer), Fault> {
        wire::page(session, &self.filter(), self.after.as_deref()).await
    }
}

/// One page of changes. One call, or as [`wire::contacts`] says; one more when the server first refuses the filter.
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let mut place: Place = Cursor::place(cursor)?;
    let answered = match place.page(session).await {
        Err(fault) if fault.class == FaultClass::Rejected && place.after.is_none() && !place.filter().is_empty() => {
            place.unfiltered = true;
            place.page(session).await
        }
        answered => answered,
    };
    let (page, answer) = answered?;
    let seen = Sighting::of(&answer, session);
    let after = page.next()?;
    let from = place.from().unwrap_or_default();
    let changed = page.data.iter().filter(|contact| contact.updated_at() >= from);
    let records = changed.map(|contact| contact.record(properties)).collect();
    let unfiltered = place.unfiltered;
    let begun = match place.closes {
        Some(closes) => Begun::Window { course: place.course, closes },
        None => place.course.begin(&seen),
    };
    let (place, more) = match begun {
        Begun::Window { course, closes } if after.is_some() => {
            (Place { course, closes: Some(closes), after, unfiltered }, true)
        }
        Begun::Window { course, closes } => {
            (Place { course: course.closed(closes), unfiltered, ..Place::default() }, false)
        }
        Begun::Anew(course) => (Place { course, unfiltered, ..Place::default() }, true),
    };
    Ok(ChangePage { records, more, clock: seen.at_the_latest(), cursor: Cursor::of(&place)? })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::script::{Line, NOON, Script};

    fn list(contacts: &[(&str, Time)], next: Option<&str>) -> Line {
        let row = |(id, at): &(&str, Time)| json!({ "id": id, "updated_at": at.to_string() });
        let rows: Vec<Json> = contacts.iter().map(row).collect();
        Line::new(200, json!({ "data": rows, "has_more": next.is_some(), "next_cursor": next })).date(NOON)
    }

    fn refusal(code: &str) -> Line {
        Line::new(400, json!({ "error": { "type": "invalid_request_error", "code": code, "message": "No" } }))
    }

    /// The ids, whether there is more, and the query that was sent last.
    async fn step(script: &Script, session: &Session, cursor: &mut Option<Cursor>) -> (Vec<String>, bool, String) {
        let page = changes(session, cursor.as_ref(), &[]).await.expect("a page");
        *cursor = Some(page.cursor);
        let path = script.calls().pop().expect("a call").path;
        let query = path.split_once("limit=100").expect("a page's query").1.to_owned();
        (page.records.into_iter().map(|record| record.id).collect(), page.more, query)
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[tokio::test]
    async fn a_window_is_walked_and_the_next_asks_for_what_changed_since() {
        let (script, session, _) = Script::new([list(&[], None), list(&[("a", NOON)], Some("p2"))]);
        let mut cursor = None;
        let first = step(&script, &session, &mut cursor).await;
        assert_eq!(first, (ids(&["a"]), true, String::new()));
        script.then(list(&[], None));
        script.then(list(&[("b", Time::from_secs(0))], None));
        assert_eq!(step(&script, &session, &mut cursor).await, (ids(&["b"]), false, "&cursor=p2".to_owned()));
        let (old, new) = (("a", NOON.minus(Duration::from_secs(61))), ("b", NOON.minus(Duration::from_secs(60))));
        script.then(list(&[], None));
        script.then(list(&[old, new], None));
        let (shown, more, query) = step(&script, &session, &mut cursor).await;
        assert_eq!((shown, more), (ids(&["b"]), false), "a server without the filter shows all");
        assert_eq!(query, "&updated_after=2026-11-22T11%3A59%3A00%2E000Z");
    }

    #[tokio::test]
    async fn a_server_that_refuses_the_filter_is_not_asked_again() {
        let probe = || list(&[], None);
        let (script, session, _) = Script::new([probe(), list(&[], None)]);
        let mut cursor = None;
        step(&script, &session, &mut cursor).await;
        [probe(), refusal("invalid_field_value"), probe(), list(&[("a", NOON)], None)]
            .into_iter()
            .for_each(|line| script.then(line));
        assert_eq!(step(&script, &session, &mut cursor).await, (ids(&["a"]), false, String::new()));
        [probe(), list(&[], None)].into_iter().for_each(|line| script.then(line));
        assert_eq!(step(&script, &session, &mut cursor).await.2, "");
        [probe(), refusal("invalid_cursor")].into_iter().for_each(|line| script.then(line));
        let fault = changes(&session, cursor.as_ref(), &[]).await.expect_err("a place that is gone");
        assert_eq!(fault.class, FaultClass::Stale);
    }
}
