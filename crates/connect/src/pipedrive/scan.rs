//! What changed, by list: windows in the vendor's clock, walked by id (Pipedrive's persons API v2).
//!
//! A window asks for everything updated since its start (less the lag) in the order of ids, page by page behind the
//! vendor's cursor, so an edit between two pages shifts nothing. Pipedrive's times are whole seconds and its `updated_since`
//! includes its own second. The first answer's `Date` closes the window: the next starts there, less the lag, so what was
//! edited meanwhile is shown then. Repeats are harmless.

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};

use super::ABOUT;
use super::kinds::PERSON;
use super::record::{Asked, Row};
use super::wire::{in_path, page_of, send};
use crate::clock::{Begun, Course, Sighting};
use crate::connector::{ChangePage, Cursor};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Where the scan stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scan {
    course: Course,
    /// The window under way, after its first page.
    window: Option<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    closes: Time,
    /// The vendor's cursor.
    after: String,
}

/// One page of the window under way, or the first of the next. One call.
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let scan: Scan = Cursor::place(cursor)?;
    let asked = Asked::of(session, &PERSON, properties).await?;
    let answer = send(session, Call::read(Method::Get, path(&scan)?, None)).await;
    let answer = answer.map_err(|fault| match (fault.class, &scan.window) {
        (FaultClass::Rejected, Some(_)) => {
            let message = format!("The scan's place is not accepted: {}.", fault.message);
            Fault::new(FaultClass::Stale, "BAD_CURSOR", message)
        }
        _ => fault,
    })?;
    let seen = Sighting::of(&answer, session);
    let page = page_of::<Row>(answer.body)?;
    if page.next.is_some() && (page.rows.is_empty() || page.next == scan.window.as_ref().map(|it| it.after.clone())) {
        let message = "Pipedrive's list promised more and does not go on.";
        return Err(Fault::new(FaultClass::Busy, "EMPTY_PAGE", message));
    }
    let (scan, more) = scan.step(page.next, &seen);
    let records = asked.records(session, &PERSON, page.rows).await?;
    Ok(ChangePage { records, more, clock: seen.at_the_latest(), cursor: Cursor::of(&scan)? })
}

fn path(scan: &Scan) -> Result<String, Fault> {
    let mut path = format!("{}?limit={}&sort_by=id&sort_direction=asc", PERSON.records(), ABOUT.page);
    if let Some(since) = scan.course.since {
        path = format!("{path}&updated_since={}", in_path(&moment(since.minus(ABOUT.index_lag))?));
    }
    if let Some(window) = &scan.window {
        path = format!("{path}&cursor={}", in_path(&window.after));
    }
    Ok(path)
}

/// A time as `updated_since` takes it: in whole seconds, for it refuses fractions.
pub(super) fn moment(time: Time) -> Result<String, Fault> {
    let at = jiff::Timestamp::from_second(time.as_secs());
    at.map(|at| at.to_string()).map_err(|error| Fault::new(FaultClass::Bug, "BAD_TIME", error.to_string()))
}

impl Scan {
    /// After a page; says whether there is more now.
    fn step(self, next: Option<String>, seen: &Sighting) -> (Self, bool) {
        let (course, closes) = match self.window {
            Some(window) => (self.course, window.closes),
            None => match self.course.begin(seen) {
                Begun::Window { course, closes } => (course, closes),
                // What was read is kept.
                Begun::Anew(course) => return (Self { course, window: None }, true),
            },
        };
        match next {
            Some(after) => (Self { course, window: Some(Window { closes, after }) }, true),
            None => (Self { course: course.closed(closes), window: None }, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::STEP_MARGIN;
    use crate::script::{Line, NOON, Script};
    use serde_json::{Value as Json, json};

    fn page(ids: &[u64], next: Option<&str>) -> Line {
        let row = |id: &u64| json!({ "id": id, "name": "Ada", "emails": [], "phones": [], "update_time": "2026-11-22T11:00:00Z" });
        let rows: Vec<Json> = ids.iter().map(row).collect();
        Line::new(200, json!({ "success": true, "data": rows, "additional_data": { "next_cursor": next } }))
    }

    async fn step(
        script: &Script,
        session: &Session,
        cursor: Option<Cursor>,
        line: Line,
    ) -> (Vec<String>, bool, String, Option<Cursor>) {
        script.then(line);
        let page = changes(session, cursor.as_ref(), &["name".to_owned()]).await.expect("a page");
        let path = script.calls().remove(0).path;
        let query = path.split_once("direction=asc").expect("a list").1.to_owned();
        (page.records.into_iter().map(|record| record.id).collect(), page.more, query, Some(page.cursor))
    }

    fn since(time: Time) -> String {
        format!("&updated_since={}", in_path(&moment(time.minus(ABOUT.index_lag)).expect("a time")))
    }

    #[tokio::test]
    async fn the_first_window_reads_everything_and_the_next_starts_where_it_closed() {
        let (script, session, dial) = Script::new([]);
        let (ids, more, query, at) = step(&script, &session, None, page(&[3, 20], Some("c=1")).date(NOON)).await;
        assert_eq!((ids, more, query.as_str()), (vec!["3".to_owned(), "20".to_owned()], true, ""));
        dial.advance(Duration::from_secs(60));
        let (_, more, query, at) = step(&script, &session, at, page(&[21], None).date(dial.now())).await;
        assert_eq!((more, query.as_str()), (false, "&cursor=c%3D1"));
        let (ids, more, query, at) = step(&script, &session, at, page(&[], None).date(dial.now())).await;
        assert_eq!((ids.len(), more, query), (0, false, since(NOON)));
        let (.., query, _) = step(&script, &session, at, page(&[], None).date(dial.now())).await;
        assert_eq!(query, since(dial.now()));
    }

    #[tokio::test]
    async fn a_vendor_clock_that_steps_is_followed() {
        let (script, session, dial) = Script::new([]);
        let (.., at) = step(&script, &session, None, page(&[1], None).date(NOON)).await;
        dial.advance(Duration::from_secs(60));
        let back = NOON.minus(Duration::from_secs(540));
        let (ids, more, _, at) = step(&script, &session, at, page(&[5], None).date(back)).await;
        assert_eq!((ids.len(), more), (1, true), "what was read is kept, and more is said");
        let (_, more, query, at) = step(&script, &session, at, page(&[5, 6], None).date(back)).await;
        assert_eq!((more, query), (false, since(NOON.minus(Duration::from_secs(600) + STEP_MARGIN))));
        let ahead = back.plus(Duration::from_secs(900));
        let (.., query, at) = step(&script, &session, at, page(&[], None).date(ahead)).await;
        assert_eq!(query, since(back));
        let (.., query, at) = step(&script, &session, at, page(&[], None).date(ahead)).await;
        assert_eq!(query, since(back.minus(STEP_MARGIN)), "an edit just before the step is not lost");
        let (.., query, _) = step(&script, &session, at, page(&[], None).date(ahead)).await;
        assert_eq!(query, since(ahead), "the new course is taken up");
    }

    #[tokio::test]
    async fn answers_that_would_never_end_and_places_not_accepted_are_refused() {
        let (script, session, _) = Script::new([]);
        let (.., at) = step(&script, &session, None, page(&[3], Some("c"))).await;
        let refusal =
            json!({ "success": false, "error": "cursor is not valid", "code": "ERR_SCHEMA_VALIDATION_FAILED" });
        let cases = [
            (page(&[4], Some("c")), FaultClass::Busy),
            (page(&[], Some("d")), FaultClass::Busy),
            (Line::new(400, refusal), FaultClass::Stale),
        ];
        for (line, class) in cases {
            script.then(line);
            assert_eq!(changes(&session, at.as_ref(), &[]).await.expect_err("refused").class, class);
            script.calls();
        }
        let foreign = Cursor(json!({ "offset": 3 }));
        assert_eq!(changes(&session, Some(&foreign), &[]).await.expect_err("foreign").class, FaultClass::Stale);
    }
}
