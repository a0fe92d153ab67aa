//! What changed, by search: windows in the vendor's clock, walked by id (HubSpot's page "CRM API | Search").
//!
//! A window asks for everything modified after its start (less the index lag) and walks it in the order of ids, each
//! page beginning behind the last id. There are no offsets, so the cap of 10,000 results is never met and an edit
//! between two pages cannot shift the rest. The first answer's `Date` closes the window: later pages leave younger
//! edits to the next window, which starts where this one closed.

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::wire::{CONTACTS, Page, filter, read, send};
use super::{ABOUT, search};
use crate::clock::{Begun, Course, Sighting};
use crate::connector::{ChangePage, Cursor};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Where the scan stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    course: Course,
    /// The window under way, after its first page.
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    /// The latest edit that later pages of this window still show: the end of the second that `Date` named, so that
    /// what was edited in the second before the scan is in it.
    until: Time,
    closes: Time,
    last_id: u64,
}

/// One page of the window under way, or the first of the next. One call, and one more for each full batch of records
/// whose properties are too many to be named in a search.
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let place: Place = Cursor::place(cursor)?;
    let mut body = body(&place);
    let named = search::name(&mut body, properties);
    let call = Call::read(Method::Post, format!("{CONTACTS}/search"), Some(body)).as_search();
    let answer = send(session, call).await?;
    let seen = Sighting::of(&answer, session);
    let page: Page = read(answer.body, false)?;
    let more = has_more(&page);
    let last_id = last_id(&page, place.window.map_or(0, |window| window.last_id), more)?;
    let (place, more) = match place.window {
        Some(window) => (place.walked(Window { last_id, ..window }, more), more),
        None => match place.course.begin(&seen) {
            Begun::Window { course, closes } => {
                let window = Window { until: seen.second_end().minus(ABOUT.granularity), closes, last_id };
                (Place { course, ..place }.walked(window, more), more)
            }
            Begun::Anew(course) => (Place { course, window: None }, true),
        },
    };
    let records = search::records(session, "contacts", page.results, properties, named).await?;
    Ok(ChangePage { records, more, clock: seen.at_the_latest(), cursor: Cursor::of(&place)? })
}

fn body(place: &Place) -> Json {
    let last_id = place.window.map_or(0, |window| window.last_id);
    let mut filters = vec![filter("hs_object_id", "GT", &last_id.to_string())];
    if let Some(since) = place.course.since {
        let since = since.minus(ABOUT.index_lag).as_millis();
        filters.push(filter("lastmodifieddate", "GT", &since.to_string()));
    }
    if let Some(window) = place.window {
        filters.push(filter("lastmodifieddate", "LTE", &window.until.as_millis().to_string()));
    }
    json!({
        "filterGroups": [{ "filters": filters }],
        "sorts": [{ "propertyName": "hs_object_id", "direction": "ASCENDING" }],
        "limit": ABOUT.page,
    })
}

/// Whether there is more than this page of a search that goes on behind the last id.
pub(super) fn has_more(page: &Page) -> bool {
    page.after().is_some() || page.total.is_some_and(|total| total > page.results.len() as u64)
}

/// The last id of the page, which has to lie behind the one before: else the scan would skip or never end.
pub(super) fn last_id(page: &Page, before: u64, more: bool) -> Result<u64, Fault> {
    let mut last = before;
    for object in &page.results {
        let id = object.id.parse().ok().filter(|id| *id > last);
        last = id.ok_or_else(|| {
            let message =
                format!("HubSpot's search answered id {} behind {last}, against the order asked for.", object.id);
            Fault::new(FaultClass::Bug, "SEARCH_OUT_OF_ORDER", message)
        })?;
    }
    if last == before && more {
        let message = "HubSpot's search answered an empty page and promised more.";
        return Err(Fault::new(FaultClass::Busy, "EMPTY_PAGE", message));
    }
    Ok(last)
}

impl Place {
    /// After a page of the window.
    fn walked(self, window: Window, more: bool) -> Self {
        if more {
            Self { window: Some(window), ..self }
        } else {
            Self { course: self.course.closed(window.closes), window: None }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use lockstep_core::env::Dial;

    use super::*;
    use crate::clock::STEP_MARGIN;
    use crate::door::Answer;
    use crate::script::{Line, NOON, Script};

    /// A page with these ids; `more` as HubSpot tells it.
    fn page(ids: &[u64], more: bool) -> Line {
        let results: Vec<Json> = ids
            .iter()
            .map(|id| json!({ "id": id.to_string(), "properties": { "email": null }, "updatedAt": "2026-11-22T11:00:00.000Z" }))
            .collect();
        let paging = if more { json!({ "next": { "after": "200" } }) } else { json!({}) };
        Line::new(200, json!({ "results": results, "paging": paging }))
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
            Self { script, session, dial, cursor: None }
        }

        /// Feeds one answer; gives the ids, whether there is more, and the filters that were sent.
        async fn step(&mut self, line: Line) -> (Vec<String>, bool, Vec<String>) {
            self.script.then(line);
            let page = changes(&self.session, self.cursor.as_ref(), &["email".to_owned()]).await.expect("a page");
            self.cursor = Some(page.cursor);
            let ids = page.records.into_iter().map(|record| record.id).collect();
            let bodies = self.script.bodies();
            let sent = bodies[0]["filterGroups"][0]["filters"].as_array().expect("filters");
            let text = |filter: &Json, name: &str| filter[name].as_str().unwrap_or_default().to_owned();
            let filters = sent
                .iter()
                .map(|f| format!("{} {} {}", text(f, "propertyName"), text(f, "operator"), text(f, "value")));
            (ids, page.more, filters.collect())
        }

        fn fault(&self, result: Result<ChangePage, Fault>) -> FaultClass {
            self.script.calls();
            result.expect_err("a fault").class
        }
    }

    fn gt(since: Time) -> String {
        format!("lastmodifieddate GT {}", since.as_millis() - 10_000)
    }

    /// The end of the second that the vendor's clock showed.
    fn lte(clock: Time) -> String {
        format!("lastmodifieddate LTE {}", clock.as_millis() + 999)
    }

    #[tokio::test]
    async fn the_first_window_reads_everything_and_the_next_starts_where_it_closed() {
        let mut scan = Scan::new();
        let (ids, more, filters) = scan.step(page(&[3, 20], true).date(NOON)).await;
        assert_eq!((ids, more, filters), (vec!["3".into(), "20".into()], true, vec!["hs_object_id GT 0".to_owned()]));
        scan.dial.advance(Duration::from_secs(60));
        let (_, more, filters) = scan.step(page(&[21], false).date(scan.dial.now())).await;
        assert_eq!((more, filters), (false, vec!["hs_object_id GT 20".to_owned(), lte(NOON)]));
        let (ids, more, filters) = scan.step(page(&[], false).date(scan.dial.now())).await;
        assert_eq!((ids.len(), more), (0, false), "an empty poll is one call");
        assert_eq!(filters, vec!["hs_object_id GT 0".to_owned(), gt(NOON)]);
    }

    #[tokio::test]
    async fn a_short_page_that_promises_more_is_not_the_end() {
        let mut scan = Scan::new();
        let (_, more, _) = scan.step(page(&[1], true).date(NOON)).await;
        assert!(more);
        let total = json!({ "total": 3, "results": [{ "id": "2", "properties": { "email": "a" }, "updatedAt": "2026-11-22T11:00:00Z" }] });
        let (_, more, _) = scan.step(Line::new(200, total)).await;
        assert!(more, "the total tells it too");
        let (_, more, _) = scan.step(page(&[3], false)).await;
        assert!(!more);
    }

    #[tokio::test]
    async fn a_search_that_cannot_name_every_property_is_read_by_id() {
        let wanted: Vec<String> = (0..200).map(|n| format!("a_property_of_the_account_{n}")).collect();
        let shown: serde_json::Map<String, Json> = wanted.iter().map(|name| (name.clone(), json!("x"))).collect();
        let read = json!({ "results": [{ "id": "3", "properties": shown, "updatedAt": "2026-11-22T11:00:00Z" }] });
        let (script, session, _) = Script::new([page(&[3], true).date(NOON), Line::new(200, read)]);
        let page = changes(&session, None, &wanted).await.expect("a page");
        assert_eq!((page.records.len(), page.more, page.records[0].text(&wanted[199])), (1, true, Some("x")));
        let search = script.bodies().remove(0);
        assert!(search.to_string().len() <= 3_000 && search["properties"] == json!(["hs_object_id"]), "{search}");
    }

    #[tokio::test]
    async fn the_window_closes_by_the_vendors_clock_ahead_or_behind() {
        for offset in [-3_600, 3_600] {
            let mut scan = Scan::new();
            let vendor = Time::from_secs(NOON.as_secs() + offset);
            scan.step(page(&[1], true).date(vendor)).await;
            let (_, _, filters) = scan.step(page(&[2], false).date(vendor)).await;
            assert_eq!(filters[1], lte(vendor));
        }
    }

    #[tokio::test]
    async fn without_a_date_our_clock_closes_the_window() {
        let mut scan = Scan::new();
        scan.step(page(&[1], true)).await;
        let (_, _, filters) = scan.step(page(&[2], false)).await;
        assert_eq!(filters[1], lte(NOON));
    }

    #[tokio::test]
    async fn a_slow_answer_closes_the_window_when_its_call_was_sent() {
        let (until, closes) = (Time::from_millis(NOON.as_millis() + 999), NOON.minus(Duration::from_secs(30)));
        let expected = serde_json::to_value(Window { until, closes, last_id: 1 }).expect("a window");
        struct Slow(Dial, Arc<Script>);
        #[async_trait::async_trait]
        impl crate::door::Door for Slow {
            async fn send(&self, call: Call) -> Result<Answer, Fault> {
                let answer = self.1.send(call).await;
                self.0.advance(Duration::from_secs(30));
                answer
            }
        }
        let (script, mut session, dial) = Script::new([page(&[1], true).date(NOON)]);
        session.door = Arc::new(Slow(dial, script));
        let page = changes(&session, None, &["email".to_owned()]).await.expect("a page");
        assert_eq!(page.cursor.0["window"], expected);
    }

    #[tokio::test]
    async fn a_vendor_clock_that_steps_back_is_followed_once() {
        let mut scan = Scan::new();
        scan.step(page(&[1], false).date(NOON)).await;
        scan.dial.advance(Duration::from_secs(60));
        let stepped = NOON.minus(Duration::from_secs(540));
        let (ids, more, filters) = scan.step(page(&[5], false).date(stepped)).await;
        assert_eq!(
            (ids, more, filters[1].clone()),
            (vec!["5".into()], true, gt(NOON)),
            "what was read is kept, and more is said"
        );
        let (_, more, filters) = scan.step(page(&[5, 6], false).date(stepped)).await;
        assert_eq!((more, filters[1].clone()), (false, gt(NOON.minus(Duration::from_secs(600) + STEP_MARGIN))));
        scan.dial.advance(Duration::from_secs(60));
        let (_, more, filters) = scan.step(page(&[], false).date(stepped.plus(Duration::from_secs(60)))).await;
        assert_eq!((more, filters[1].clone()), (false, gt(stepped)));
    }

    #[tokio::test]
    async fn a_vendor_clock_that_steps_forward_hides_no_edit_that_the_search_did_not_show_yet() {
        let mut scan = Scan::new();
        scan.step(page(&[1], false).date(NOON)).await;
        scan.dial.advance(Duration::from_secs(60));
        let ahead = NOON.plus(Duration::from_secs(660));
        scan.step(page(&[2], false).date(ahead)).await;
        let (_, more, filters) = scan.step(page(&[2], false).date(ahead)).await;
        assert_eq!((more, filters[1].clone()), (false, gt(NOON.plus(Duration::from_secs(60)).minus(STEP_MARGIN))));
        let (_, _, filters) = scan.step(page(&[], false).date(ahead)).await;
        assert_eq!(filters[1], gt(ahead), "the new course is taken up");
    }

    #[tokio::test]
    async fn two_seconds_between_the_clocks_are_no_step() {
        let mut scan = Scan::new();
        scan.step(page(&[], false).date(NOON)).await;
        scan.dial.advance(Duration::from_secs(60));
        let (_, more, _) = scan.step(page(&[], false).date(NOON.plus(Duration::from_secs(58)))).await;
        assert!(!more);
    }

    #[tokio::test]
    async fn answers_that_would_skip_or_never_end_are_refused() {
        let scan = Scan::new();
        let asked = ["email".to_owned()];
        scan.script.then(page(&[5, 4], false));
        assert_eq!(scan.fault(changes(&scan.session, None, &asked).await), FaultClass::Bug);
        for promising in [page(&[], true), Line::new(200, json!({ "total": 1, "results": [] }))] {
            scan.script.then(promising);
            assert_eq!(scan.fault(changes(&scan.session, None, &asked).await), FaultClass::Busy);
        }
        let foreign = Cursor(json!({ "offset": 3 }));
        assert_eq!(scan.fault(changes(&scan.session, Some(&foreign), &asked).await), FaultClass::Stale);
    }
}
