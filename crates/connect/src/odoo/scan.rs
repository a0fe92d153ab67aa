//! What changed: windows in the vendor's clock, walked by id.
//!
//! `write_date` is read in whole seconds and compared in microseconds, is the same for all rows of a call, and is when
//! the transaction began, not when its rows came to be seen. So a window asks for everything written since shortly before
//! the last one closed, and walks it in the order of ids, which no edit between two pages changes. It closes where the
//! vendor's clock stood at its first page; what is written later comes again in the next one.

use std::time::Duration;

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::ABOUT;
use super::wire::{CONTACTS, Search, clock_of, id_of, records, search, text_of};
use crate::connector::{ChangePage, Cursor};
use crate::door::{Answer, Session};
use crate::fault::{Fault, FaultClass};

/// How long before its commit a transaction may have begun: Odoo ends a request after 120 s (`limit_time_real`).
const OVERLAP_SECS: i64 = 120;
/// By how much the vendor's clock may leave its expected course, either way, before it counts as a step.
const TOLERANCE_SECS: i64 = 2;
/// How much further back a window starts after a step: our own clock, by which it is measured, may have stepped too.
const STEP_MARGIN_SECS: i64 = 3_600;

/// Where the scan stands, in seconds of the vendor's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Where the last window closed; none before the first one has.
    since: Option<i64>,
    /// Where this one will close; none before its first page.
    closes: Option<i64>,
    /// The last id of the page before.
    last_id: u64,
    /// The vendor's clock and ours when a window was last begun.
    clock: Option<Sight>,
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sight {
    vendor: i64,
    ours: i64,
}

impl Sight {
    fn of(answer: &Answer) -> Option<Self> {
        Some(Self { vendor: clock_of(answer)?, ours: answer.sent_at.as_secs() })
    }

    /// How far the vendor's clock is ahead of its course since an earlier sight.
    fn ahead_of(self, earlier: Self) -> i64 {
        let expected = earlier.vendor.saturating_add(self.ours.saturating_sub(earlier.ours).max(0));
        self.vendor.saturating_sub(expected)
    }
}

impl Place {
    fn read(cursor: Option<&Cursor>) -> Result<Self, Fault> {
        let Some(cursor) = cursor else { return Ok(Self::default()) };
        serde_json::from_value(cursor.0.clone())
            .map_err(|_| Fault::new(FaultClass::Stale, "BAD_CURSOR", "The cursor is not one of Odoo's scan."))
    }

    fn cursor(self) -> Result<Cursor, Fault> {
        let json = serde_json::to_value(self);
        json.map(Cursor).map_err(|error| Fault::new(FaultClass::Bug, "BAD_CURSOR", error.to_string()))
    }

    /// After the first page of a window: where it closes, or the window anew where the vendor's clock has stepped back,
    /// since edits made after the step carry times before the window's start.
    fn begun(self, answer: &Answer, elapsed: Duration) -> Result<Self, Self> {
        let sight = Sight::of(answer);
        let now = sight.map_or(answer.sent_at.as_secs(), |sight| sight.vendor);
        let ahead = self.clock.zip(sight).map_or(0, |(earlier, sight)| sight.ahead_of(earlier));
        if let Some(since) = self.since.filter(|_| ahead < -TOLERANCE_SECS) {
            let since = since.saturating_add(ahead).saturating_sub(STEP_MARGIN_SECS);
            return Err(Self { since: Some(since), closes: None, last_id: 0, clock: sight });
        }
        // An edit under way when the clock stepped forward carries a time of the old course.
        let course = if ahead > TOLERANCE_SECS { now - ahead - STEP_MARGIN_SECS } else { now };
        let elapsed = i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX);
        Ok(Self { closes: Some(course.saturating_sub(elapsed)), clock: sight.or(self.clock), ..self })
    }
}

/// One page of changes. One call, or as [`search()`] says.
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let place = Place::read(cursor)?;
    let mut domain = vec![json!(["id", ">", place.last_id])];
    if let Some(since) = place.since {
        domain.push(json!(["write_date", ">=", text_of(since.saturating_sub(OVERLAP_SECS))]));
    }
    let wanted = Search {
        model: CONTACTS,
        domain,
        properties,
        also: &[],
        order: "id",
        offset: 0,
        // One more than a page tells whether there is more.
        limit: ABOUT.page + 1,
        // A change is taken for a living record's. What was archived is found by the census, what was restored is here.
        archived: false,
    };
    let mut found = search(session, &wanted).await?;
    let more = found.rows.len() > ABOUT.page;
    found.rows.truncate(ABOUT.page);
    let mut last_id = place.last_id;
    for row in &found.rows {
        let id = id_of(row)?;
        if id <= last_id {
            let message = format!("Odoo's search answered id {id} behind {last_id}, against the order asked for.");
            return Err(Fault::new(FaultClass::Bug, "SEARCH_OUT_OF_ORDER", message));
        }
        last_id = id;
    }
    let clock = clock_of(&found.answer).map(|clock| Time::from_secs(clock.saturating_add(1)));
    let elapsed = session.env.now().since(found.answer.sent_at);
    let begun = if place.closes.is_some() { Ok(place) } else { place.begun(&found.answer, elapsed) };
    let (place, more) = match begun {
        Err(anew) => (anew, true),
        Ok(place) if more => (Place { last_id, ..place }, true),
        Ok(place) => (Place { since: place.closes, closes: None, last_id: 0, ..place }, false),
    };
    let records = records(session, CONTACTS, &found.rows, properties).await?;
    Ok(ChangePage { records, more, clock, cursor: place.cursor()? })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lockstep_core::env::Dial;
    use serde_json::Value as Json;

    use super::*;
    use crate::script::{Line, NOON, Script};

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

        /// Feeds one answer with these ids; gives whether there is more, and the domain that was sent.
        async fn step(&mut self, ids: std::ops::Range<u64>, clock: Time) -> (bool, Json) {
            let row = |id| json!({ "id": id, "write_date": "2026-11-22 11:00:00" });
            let rows: Vec<Json> = ids.map(row).collect();
            self.script.then(Line::new(200, json!(rows)).date(clock));
            let page = changes(&self.session, self.cursor.as_ref(), &[]).await.expect("a page");
            self.cursor = Some(page.cursor);
            (page.more, self.script.bodies().remove(0)["domain"].take())
        }
    }

    fn since(at: Time) -> Json {
        json!(["write_date", ">=", text_of(at.as_secs() - OVERLAP_SECS)])
    }

    #[tokio::test]
    async fn a_window_is_walked_by_id_and_the_next_starts_where_it_was_begun() {
        let mut scan = Scan::new();
        let full = ABOUT.page as u64 + 2;
        assert_eq!(scan.step(1..full, NOON).await, (true, json!([["id", ">", 0]])));
        scan.dial.advance(Duration::from_secs(60));
        let (more, domain) = scan.step(full..full + 3, scan.dial.now()).await;
        assert_eq!((more, domain), (false, json!([["id", ">", full - 2]])));
        let (more, domain) = scan.step(0..0, scan.dial.now()).await;
        assert_eq!((more, domain), (false, json!([["id", ">", 0], since(NOON)])));
    }

    #[tokio::test]
    async fn a_clock_that_steps_is_followed() {
        let mut scan = Scan::new();
        scan.step(1..2, NOON).await;
        scan.dial.advance(Duration::from_secs(60));
        let back = NOON.minus(Duration::from_secs(540));
        assert_eq!(scan.step(5..6, back).await, (true, json!([["id", ">", 0], since(NOON)])));
        let lowered = NOON.minus(Duration::from_secs(600 + 3_600));
        assert_eq!(scan.step(5..6, back).await, (false, json!([["id", ">", 0], since(lowered)])));
        let ahead = back.plus(Duration::from_secs(900));
        scan.step(0..0, ahead).await;
        let (_, domain) = scan.step(0..0, ahead).await;
        assert_eq!(domain[1], since(back.minus(Duration::from_secs(3_600))), "an edit under way at the step");
        assert_eq!(scan.step(0..0, ahead).await.1[1], since(ahead));
    }

    #[tokio::test]
    async fn what_would_skip_or_is_not_ours_is_refused() {
        let scan = Scan::new();
        scan.script.then(Line::new(200, json!([{ "id": 5 }, { "id": 4 }])));
        let fault = changes(&scan.session, None, &[]).await.expect_err("out of order");
        assert_eq!(fault.class, FaultClass::Bug);
        let foreign = Cursor(json!({ "offset": 3 }));
        let fault = changes(&scan.session, Some(&foreign), &[]).await.expect_err("another's");
        assert_eq!(fault.class, FaultClass::Stale);
    }
}
