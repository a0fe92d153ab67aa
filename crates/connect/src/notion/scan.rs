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

use std::time::Duration;

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::query::{self, PAGE, Walk};
use super::sources::{self, Which};
use super::wire::{List, Page, ask, read, send};
use super::{ABOUT, read as pages};
use crate::connector::{ChangePage, Cursor};
use crate::door::{Answer, Session};
use crate::fault::{Fault, FaultClass};

/// By how much the vendor's clock may leave its expected course, either way, before it counts as a step: `Date` has
/// whole seconds, and two clocks are never quite alike.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);
/// How much further back a window starts after the vendor's clock stepped: our own clock, by which the step is
/// measured, may have stepped in the same while.
const STEP_MARGIN: Duration = Duration::from_secs(3_600);
/// The step of the `Date` header.
const DATE_STEP: Duration = Duration::from_secs(1);
/// How often a window is walked again. A page that is missed all the same is found by its next edit or by a census.
const AGAIN_MAX: u8 = 2;

/// Where the scan stands. Times are milliseconds of the vendor's clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// The data source; `None` before the first page.
    source: Option<String>,
    /// Where the last finished window closed; `None` before the first one has ended.
    since: Option<i64>,
    /// The window under way, after its first page.
    window: Option<Window>,
    /// What the vendor's clock showed last.
    clock: Option<ClockSight>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    /// Where the next window starts: as late as the vendor's clock surely stood when the first call was sent, and no
    /// later than its old course if it stepped forward.
    closes: i64,
    walk: Walk,
    /// How often it was walked again.
    again: u8,
}

/// The vendor's clock and ours at one call, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockSight {
    vendor: i64,
    ours: i64,
}

/// One page of the window under way, or the first of the next. One call; one more for the data source before the first
/// page, one for the trash after the last of several, and those of [`pages::record`].
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let place = cursor.map_or_else(|| Ok(Place::default()), |cursor| serde_json::from_value(cursor.0.clone()));
    let mut place: Place = place.map_err(|error| {
        Fault::new(FaultClass::Stale, "BAD_CURSOR", format!("The scan's place is unreadable: {error}."))
    })?;
    let source = source(session, &mut place).await?;
    let walk = place.window.as_ref().map(|window| window.walk.clone()).unwrap_or_default();
    let lag = ABOUT.index_lag;
    let since = place.since.map(|since| Time::from_millis(since).minus(lag));
    let edited = since.map(|since| query::time("last_edited_time", "on_or_after", since));
    let call = walk.call(&source, edited.into_iter().collect(), PAGE, false);
    let answer = send(session, call).await.map_err(pages::of_contacts)?;
    let (sight, sent_at) = (ClockSight::of(&answer), answer.sent_at);
    let elapsed = millis(session.env.now().since(sent_at));
    let list: List<Page> = read(answer.body, false)?;
    let next = walk.after(&list)?;
    let (mut place, more) = match (place.window.take(), place.stepped_back(sight)) {
        (None, Some(lowered)) => (lowered, true),
        (window, _) => {
            let first = || {
                let now = sight.map_or(sent_at.as_millis(), |sight| sight.vendor);
                let closes = place.on_course(sight).unwrap_or(now).saturating_sub(elapsed);
                Window { closes, walk: Walk::default(), again: 0 }
            };
            let window = window.unwrap_or_else(first);
            let clock = sight.or(place.clock);
            let window = walked(session, &source, window, next).await?;
            let more = window.is_ok();
            match window {
                Ok(window) => (Place { window: Some(window), clock, ..place }, more),
                Err(closed) => (Place { since: Some(closed), window: None, clock, ..place }, more),
            }
        }
    };
    place.source = Some(source);
    let mut records = Vec::with_capacity(list.results.len());
    for page in list.results {
        records.push(pages::record(session, page, properties).await?);
    }
    Ok(ChangePage { records, more, clock: sight.map(ClockSight::at_the_latest), cursor: place.cursor()? })
}

/// The data source that is scanned. Before a window it is compared with what is called "Contacts" now, where that is
/// remembered between calls: people may have given the name to another.
async fn source(session: &Session, place: &mut Place) -> Result<String, Fault> {
    let known = place.source.take();
    let is_settled = place.window.is_some() || session.door.memory().is_none();
    if is_settled && let Some(known) = known {
        return Ok(known);
    }
    let current = sources::source(session, Which::Contacts).await?.id;
    if known.is_some_and(|known| known != current) {
        let message = "Another data source is called \"Contacts\" now; it is read from its beginning.";
        return Err(Fault::new(FaultClass::Stale, "OTHER_CONTACTS", message));
    }
    Ok(current)
}

/// The window after one of its pages, or where it closed.
async fn walked(
    session: &Session,
    source: &str,
    window: Window,
    next: Option<Walk>,
) -> Result<Result<Window, i64>, Fault> {
    match next {
        Some(walk) => Ok(Ok(Window { walk, ..window })),
        None if !window.walk.is_begun() || window.again == AGAIN_MAX => Ok(Err(window.closes)),
        None => {
            let since = query::time("last_edited_time", "on_or_after", Time::from_millis(window.closes));
            let body = json!({ "page_size": 1, "in_trash": true });
            let trash: List<Page> = ask(session, query::call(source, vec![since], None, body)).await?;
            if trash.results.is_empty() {
                return Ok(Err(window.closes));
            }
            Ok(Ok(Window { walk: Walk::default(), again: window.again + 1, ..window }))
        }
    }
}

/// As late as the vendor's clock surely stood when the call was sent; our own clock where the answer has no `Date`.
pub(super) fn asked_at(answer: &Answer, session: &Session) -> Time {
    let elapsed = session.env.now().since(answer.sent_at);
    ClockSight::of(answer).map_or(answer.sent_at, |sight| Time::from_millis(sight.vendor).minus(elapsed))
}

impl ClockSight {
    fn of(answer: &Answer) -> Option<Self> {
        let date = answer.headers.get(http::header::DATE)?.to_str().ok()?;
        let date = jiff::fmt::rfc2822::parse(date).ok()?;
        Some(Self { vendor: date.timestamp().as_millisecond(), ours: answer.sent_at.as_millis() })
    }

    fn at_the_latest(self) -> Time {
        Time::from_millis(self.vendor.saturating_add(millis(DATE_STEP)).saturating_sub(1))
    }

    /// What the vendor's clock would show by its course since an earlier sight.
    fn expected_since(self, earlier: Self) -> i64 {
        earlier.vendor.saturating_add(self.ours.saturating_sub(earlier.ours).max(0))
    }
}

impl Place {
    /// Where to start anew when the vendor's clock has stepped back since the last window: edits made after the step
    /// carry times before the window's start.
    fn stepped_back(&self, sight: Option<ClockSight>) -> Option<Self> {
        let ((since, sight), earlier) = (self.since.zip(sight)?, self.clock?);
        let behind = sight.expected_since(earlier).saturating_sub(sight.vendor);
        let step = behind.saturating_add(millis(STEP_MARGIN));
        (behind > millis(CLOCK_TOLERANCE)).then(|| Self {
            since: Some(since.saturating_sub(step)),
            window: None,
            clock: Some(sight),
            source: None,
        })
    }

    /// What the vendor's clock would show had it not stepped forward since the last window, less the margin: an edit made
    /// just before the step, which no query shows yet, carries a time of the old course.
    fn on_course(&self, sight: Option<ClockSight>) -> Option<i64> {
        let (earlier, sight) = self.clock.zip(sight)?;
        let expected = sight.expected_since(earlier);
        let ahead = sight.vendor.saturating_sub(expected) > millis(CLOCK_TOLERANCE);
        ahead.then_some(expected.saturating_sub(millis(STEP_MARGIN)))
    }

    fn cursor(&self) -> Result<Cursor, Fault> {
        let json = serde_json::to_value(self);
        json.map(Cursor).map_err(|error| Fault::new(FaultClass::Bug, "BAD_CURSOR", error.to_string()))
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
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
            Self { script, session, dial, cursor: Some(place.cursor().expect("a cursor")) }
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
    async fn a_place_of_something_else_is_stale() {
        let (_script, session, _) = Script::new([]);
        let fault = changes(&session, Some(&Cursor(json!({ "last_id": 7 }))), &[]).await.expect_err("not ours");
        assert_eq!(fault.class, FaultClass::Stale);
    }
}
