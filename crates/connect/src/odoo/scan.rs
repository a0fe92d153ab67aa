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
use super::wire::{CONTACTS, Search, id_of, records, search, text_of};
use crate::clock::{Begun, Course};
use crate::connector::{ChangePage, Cursor};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// How long before its commit a transaction may have begun: Odoo ends a request after 120 s (`limit_time_real`).
pub(super) const OVERLAP: Duration = Duration::from_secs(120);

/// Where the scan stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    course: Course,
    /// Where the window under way will close; none before its first page.
    closes: Option<Time>,
    /// The last id of the page before.
    last_id: u64,
}

/// One page of changes. One call, or as [`search()`] says.
pub(super) async fn changes(
    session: &Session,
    cursor: Option<&Cursor>,
    properties: &[String],
) -> Result<ChangePage, Fault> {
    let place: Place = Cursor::place(cursor)?;
    let mut domain = vec![json!(["id", ">", place.last_id])];
    if let Some(since) = place.course.since {
        domain.push(json!(["write_date", ">=", text_of(since.minus(OVERLAP).as_secs())]));
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
    let begun = match place.closes {
        Some(closes) => Begun::Window { course: place.course, closes },
        None => place.course.begin(&found.seen),
    };
    let (place, more) = match begun {
        Begun::Window { course, closes } if more => (Place { course, closes: Some(closes), last_id }, true),
        Begun::Window { course, closes } => (Place { course: course.closed(closes), ..Place::default() }, false),
        Begun::Anew(course) => (Place { course, ..Place::default() }, true),
    };
    let records = records(session, CONTACTS, &found.rows, properties).await?;
    Ok(ChangePage { records, more, clock: found.seen.at_the_latest(), cursor: Cursor::of(&place)? })
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
        json!(["write_date", ">=", text_of(at.minus(OVERLAP).as_secs())])
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
