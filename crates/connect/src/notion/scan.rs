//! What changed, by query: windows in the vendor's clock, walked in the order in which pages were made (Notion's pages
//! "Query a data source" and "Query large data sources").
//!
//! A window asks for everything edited in or after the minute of its start (less the index lag), since times are cut to
//! the minute: what was edited in that minute comes again and is told apart by its content. A window has no end in time,
//! and the order is that of creation, so an edit between two pages moves nothing. The next window starts where the
//! vendor's clock stood before the first page of this one.
//!
//! What leaves a walk under way may push another page past its cursor, and only a page put into the trash leaves it. So
//! a window of several pages ends with a look into the trash, and is walked again if something went there meanwhile.

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::query::{self, PAGE, Walk};
use super::sources::{self, Which};
use super::wire::{List, Page, ask, read, send};
use super::{ABOUT, read as pages};
use crate::clock::{Begun, Course, Sighting};
use crate::connector::{ChangePage, Cursor};
use crate::door::Session;
use crate::fault::Fault;

/// How often a window is walked again. A page that is missed all the same is found by its next edit or by a census.
const AGAIN_MAX: u8 = 2;

/// Where the scan stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The data source; `None` before the first page.
    source: Option<String>,
    course: Course,
    /// The window under way, after its first page.
    window: Option<Window>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    closes: Time,
    walk: Walk,
    /// How often it was walked again.
    again: u8,
}

/// One page of the window under way, or the first of the next. One call; one more for the data source before the first
/// page, one for the trash after the last of several, and those of [`pages::record`].
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let mut place: Place = Cursor::place(cursor)?;
    let source = source(session, &mut place).await?;
    let walk = place.window.as_ref().map(|window| window.walk.clone()).unwrap_or_default();
    let since = place.course.since.map(|since| since.minus(ABOUT.index_lag));
    let edited = since.map(|since| query::time("last_edited_time", "on_or_after", since));
    let call = walk.call(&source, edited.into_iter().collect(), PAGE, false);
    let answer = send(session, call).await.map_err(pages::of_contacts)?;
    let seen = Sighting::of(&answer, session);
    let list: List<Page> = read(answer.body, false)?;
    let next = walk.after(&list)?;
    let (course, window) = match place.window {
        Some(window) => (place.course, Some(window)),
        None => match place.course.begin(&seen) {
            Begun::Window { course, closes } => (course, Some(Window { closes, walk: Walk::default(), again: 0 })),
            Begun::Anew(course) => (course, None),
        },
    };
    let (course, window, more) = match window {
        None => (course, None, true),
        Some(window) => match walked(session, &source, window, next).await? {
            Ok(window) => (course, Some(window), true),
            Err(closes) => (course.closed(closes), None, false),
        },
    };
    let place = Place { source: Some(source), course, window };
    let mut records = Vec::with_capacity(list.results.len());
    for page in list.results {
        records.push(pages::record(session, page, properties).await?);
    }
    Ok(ChangePage { records, more, clock: seen.at_the_latest(), cursor: Cursor::of(&place)? })
}

/// The data source that is scanned: the one that the scan began with. Before a window it is looked at again, where that is
/// remembered between calls: people may have given its name to another.
async fn source(session: &Session, place: &mut Place) -> Result<String, Fault> {
    let known = place.source.take();
    if let Some(known) = &known {
        sources::pin(session, known);
    }
    match known {
        Some(known) if place.window.is_some() || session.door.memory().is_none() => Ok(known),
        _ => {
            let current = sources::source(session, Which::Contacts).await?.id;
            sources::pin(session, &current);
            Ok(current)
        }
    }
}

/// The window after one of its pages, or where it closed.
async fn walked(
    session: &Session,
    source: &str,
    window: Window,
    next: Option<Walk>,
) -> Result<Result<Window, Time>, Fault> {
    match next {
        Some(walk) => Ok(Ok(Window { walk, ..window })),
        None if !window.walk.is_begun() || window.again == AGAIN_MAX => Ok(Err(window.closes)),
        None => {
            let since = query::time("last_edited_time", "on_or_after", window.closes);
            let body = json!({ "page_size": 1, "in_trash": true });
            let trash: List<Page> = ask(session, query::call(source, vec![since], None, body)).await?;
            if trash.results.is_empty() {
                return Ok(Err(window.closes));
            }
            Ok(Ok(Window { walk: Walk::default(), again: window.again + 1, ..window }))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fault::FaultClass;
    use crate::script::{Line, NOON, Script};
    use lockstep_core::env::Dial;
    use serde_json::Value as Json;

    const SOURCE: &str = "393abc1e-edcd-8179-9372-000bd163e729";

    fn at(seconds: i64) -> Time {
        Time(NOON.0 + seconds * 1_000_000)
    }

    fn page(ids: &[&str], next: Option<&str>) -> Line {
        let row = |id: &&str| json!({ "id": id, "created_time": "2026-11-22T11:00:00.000Z", "last_edited_time": "2026-11-22T11:00:00.000Z" });
        let results: Vec<Json> = ids.iter().map(row).collect();
        Line::new(200, json!({ "results": results, "has_more": next.is_some(), "next_cursor": next }))
    }

    struct Scan {
        script: Arc<Script>,
        session: Session,
        dial: Dial,
        cursor: Option<Cursor>,
    }

    impl Scan {
        fn new() -> Self {
            let (script, session, dial) = Script::new([]);
            let place = Place { source: Some(SOURCE.into()), ..Place::default() };
            Self { script, session, dial, cursor: Some(Cursor::of(&place).expect("a cursor")) }
        }

        /// Feeds answers; gives the ids, whether there is more, and the bodies that were sent.
        async fn step(&mut self, lines: impl IntoIterator<Item = Line>) -> (Vec<String>, bool, Vec<Json>) {
            lines.into_iter().for_each(|line| self.script.then(line));
            let page = changes(&self.session, self.cursor.as_ref(), &[]).await.expect("a page");
            self.cursor = Some(page.cursor);
            (page.records.into_iter().map(|record| record.id).collect(), page.more, self.script.bodies())
        }
    }

    fn since(body: &Json) -> Option<&str> {
        body["filter"]["last_edited_time"]["on_or_after"].as_str()
    }

    #[tokio::test]
    async fn windows_overlap_by_the_minute_and_the_lag() {
        let mut scan = Scan::new();
        let (ids, more, bodies) = scan.step([page(&["1"], None).date(at(65))]).await;
        assert_eq!((ids.len(), more, bodies.len(), since(&bodies[0])), (1, false, 1, None));
        scan.dial.set(at(60));
        let (_, more, bodies) = scan.step([page(&[], None).date(at(125))]).await;
        assert_eq!(
            (more, since(&bodies[0])),
            (false, Some("2026-11-22T12:00:00.000Z")),
            "65 s less the lag is minute 0"
        );
        let (_, _, bodies) = scan.step([page(&[], None).date(at(125))]).await;
        assert_eq!(since(&bodies[0]), Some("2026-11-22T12:01:00.000Z"));
        assert_eq!(bodies[0]["sorts"], json!([{ "timestamp": "created_time", "direction": "ascending" }]));
    }

    #[tokio::test]
    async fn a_window_during_which_something_was_trashed_is_walked_again() {
        let mut scan = Scan::new();
        for round in 0..=AGAIN_MAX {
            let (_, more, bodies) = scan.step([page(&["1"], Some("c")).date(at(0))]).await;
            assert!(more && bodies[0].get("start_cursor").is_none(), "round {round}");
            let is_last = round == AGAIN_MAX;
            let trash = (!is_last).then(|| page(&["9"], None));
            let (_, more, bodies) = scan.step([page(&["2"], None).date(at(30))].into_iter().chain(trash)).await;
            assert_eq!((more, &bodies[0]["start_cursor"]), (!is_last, &json!("c")));
            if !is_last {
                assert_eq!(
                    (&bodies[1]["in_trash"], since(&bodies[1])),
                    (&json!(true), Some("2026-11-22T12:00:00.000Z"))
                );
            }
        }
        let (_, _, bodies) = scan.step([page(&[], None).date(at(90))]).await;
        assert_eq!(since(&bodies[0]), Some("2026-11-22T11:59:00.000Z"), "where the first page was asked for");
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_starts_the_window_anew() {
        let mut scan = Scan::new();
        scan.step([page(&["1"], None).date(at(0))]).await;
        scan.dial.set(at(10));
        let (_, more, _) = scan.step([page(&[], None).date(at(-590))]).await;
        assert!(more, "to be asked again");
        let (_, more, bodies) = scan.step([page(&["1"], None).date(at(-590))]).await;
        assert_eq!(
            (more, since(&bodies[0])),
            (false, Some("2026-11-22T10:49:00.000Z")),
            "ten minutes, an hour, the lag"
        );
    }

    #[tokio::test]
    async fn a_clock_that_steps_forward_closes_the_window_on_its_old_course() {
        let mut scan = Scan::new();
        scan.step([page(&["1"], None).date(at(0))]).await;
        scan.step([page(&[], None).date(at(900))]).await;
        let (_, _, bodies) = scan.step([page(&[], None).date(at(900))]).await;
        assert_eq!(since(&bodies[0]), Some("2026-11-22T10:59:00.000Z"));
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_during_a_window_is_followed_behind_it() {
        let mut scan = Scan::new();
        scan.step([page(&["1"], Some("c")).date(at(0))]).await;
        let nothing_trashed = page(&[], None);
        let (_, more, _) = scan.step([page(&["2"], None).date(at(-600)), nothing_trashed]).await;
        assert!(!more);
        let (_, more, _) = scan.step([page(&[], None).date(at(-600))]).await;
        assert!(more, "to be asked again");
        let (_, more, bodies) = scan.step([page(&["1"], None).date(at(-600))]).await;
        assert_eq!((more, since(&bodies[0])), (false, Some("2026-11-22T10:49:00.000Z")));
    }

    #[tokio::test]
    async fn a_place_of_something_else_is_stale() {
        let (_script, session, _) = Script::new([]);
        let fault = changes(&session, Some(&Cursor(json!({ "last_id": 7 }))), &[]).await.expect_err("not ours");
        assert_eq!(fault.class, FaultClass::Stale);
    }
}
