//! What changed, by query: windows in Salesforce's own clock, walked by id (Salesforce's "SOQL and SOSL Reference", and
//! its page "System fields" on `SystemModstamp`).
//!
//! A window asks for everything stamped since its start and walks it in the order of ids, each page beginning behind the
//! last id, so an edit between two pages cannot shift the rest. The first answer's `Date` closes the window: later pages
//! leave younger edits to the next one. Queries know of a write at once, but a long transaction shows its writes only when
//! it ends, with the time at which they were made: so every few minutes a window looks further back.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::record::Record;
use serde::{Deserialize, Serialize};

use super::read::{self, Query, Sheet};
use super::wire::{CONTACT, long_id, quoted};
use crate::clock::{Begun, Course};
use crate::connector::{ChangePage, Cursor, Got};
use crate::door::Session;
use crate::fault::Fault;

/// How far every window looks back: stamps and `Date` have whole seconds.
const OVERLAP: Duration = Duration::from_secs(5);
/// No transaction lasts longer (Salesforce's limit of a call).
pub(super) const LATE: Duration = Duration::from_secs(10 * 60);
/// How often a window looks back for late transactions. What may have ended since the last such look began no more than
/// [`LATE`] before that.
const LATE_EVERY: Duration = Duration::from_secs(5 * 60);
/// Where the scan stands. Times are Salesforce's own, but for `ours`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    course: Course,
    /// The window under way, after its first page.
    window: Option<Window>,
    /// When a window looked for late transactions last.
    late_at: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    /// The earliest stamp that it shows; `None` is all there is.
    from: Option<Time>,
    /// The latest one that later pages still show.
    until: Time,
    closes: Time,
    last_id: String,
}

/// One page of the window under way, or the first of the next. One call; where records were merged, few more for the
/// survivors that the page does not show.
pub(super) async fn changes(session: &Session, cursor: Option<&Cursor>, asked: &[String]) -> Result<ChangePage, Fault> {
    let place: Place = Cursor::place(cursor)?;
    let from = place.from();
    let sheet = read::query(session, &place.query(from), asked).await?;
    let next = sheet.next_id(place.window.as_ref().map(|window| window.last_id.as_str()))?;
    let more = next.is_some();
    let seen = sheet.seen;
    let (place, more) = match place.window.clone() {
        Some(window) => (place.walked(window, next), more),
        None => match place.course.begin(&seen) {
            Begun::Window { course, closes } => {
                let window = Window { from, until: seen.second_end(), closes, last_id: String::new() };
                let late_at = if from == place.late_from() { Some(closes) } else { place.late_at };
                (Place { course, late_at, ..place }.walked(window, next), more)
            }
            Begun::Anew(course) => (Place { course, window: None, late_at: course.since }, true),
        },
    };
    let records = with_merges(session, sheet, asked).await?;
    Ok(ChangePage { records, more, clock: seen.at_the_latest(), cursor: Cursor::of(&place)? })
}

/// The living records of a page. A record that was merged away shows as a change of the one that survived; one that was
/// deleted does not show: evidence of that is asked for by id.
async fn with_merges(session: &Session, sheet: Sheet, asked: &[String]) -> Result<Vec<Record>, Fault> {
    let (gone, living): (Vec<_>, Vec<_>) = sheet.rows.into_iter().partition(|row| row.is_deleted);
    let mut records: Vec<Record> = living.iter().map(|row| row.record(asked)).collect();
    let mut merges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in gone {
        if let Some(master) = row.master.as_deref().and_then(long_id) {
            merges.entry(master).or_default().push(row.id);
        }
    }
    for record in &mut records {
        record.merged.extend(merges.remove(&record.id).into_iter().flatten());
    }
    if !merges.is_empty() {
        let masters: Vec<String> = merges.keys().cloned().collect();
        for (got, losers) in read::get(session, CONTACT, &masters, asked).await?.into_iter().zip(merges.into_values()) {
            if let Got::Found(mut record) = got {
                record.merged.extend(losers);
                records.push(record);
            }
        }
    }
    Ok(records)
}

impl Place {
    /// Where the window under way begins, or the next one.
    fn from(&self) -> Option<Time> {
        match &self.window {
            Some(window) => window.from,
            None => {
                let since = self.course.since?;
                let looked = self.late_at.is_some_and(|at| at <= since && since.since(at) < LATE_EVERY);
                if looked { Some(since.minus(OVERLAP)) } else { self.late_from() }
            }
        }
    }

    /// Where a window begins that looks for late transactions.
    fn late_from(&self) -> Option<Time> {
        let since = self.course.since?;
        Some(self.late_at.map_or(since, |at| at.min(since)).minus(LATE).minus(OVERLAP))
    }

    /// The first look at an account shows what is there; later ones also what was merged away since.
    fn query(&self, from: Option<Time>) -> Query<'static> {
        let mut conditions = Vec::new();
        if let Some(from) = from {
            conditions.push("(IsDeleted = false OR MasterRecordId != null)".to_owned());
            conditions.push(format!("SystemModstamp >= {from}"));
        }
        if let Some(window) = &self.window {
            conditions.push(format!("SystemModstamp <= {}", window.until));
            conditions.push(format!("Id > {}", quoted(&window.last_id)));
        }
        let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) };
        let rest = format!("{filter} {}", read::by_id());
        if from.is_some() { Query::all(CONTACT, rest) } else { Query::living(CONTACT, rest) }
    }

    /// After a page of the window; `next` is the id that the following one begins behind.
    fn walked(self, window: Window, next: Option<String>) -> Self {
        match next {
            Some(last_id) => Self { window: Some(Window { last_id, ..window }), ..self },
            None => Self { course: self.course.closed(window.closes), window: None, ..self },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lockstep_core::env::Dial;
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::clock::{DATE_STEP, STEP_MARGIN, TOLERANCE};
    use crate::fault::FaultClass;
    use crate::script::{Line, NOON, Script};

    const IDS: [&str; 3] = ["003ak000003dQCDAA2", "003ak000003dQCEAA2", "003ak000003dQCGAA2"];

    fn row(id: &str) -> Json {
        json!({ "Id": id, "SystemModstamp": "2026-11-22T11:00:00.000+0000", "Email": null })
    }

    fn page(rows: &[Json], done: bool) -> Line {
        Line::new(200, json!({ "totalSize": rows.len(), "done": done, "records": rows }))
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

        /// Feeds one answer; gives the ids, whether there is more, and the query's conditions.
        async fn step(&mut self, line: Line) -> (Vec<String>, bool, String) {
            self.script.then(line);
            let page = changes(&self.session, self.cursor.as_ref(), &["Email".to_owned()]).await.expect("a page");
            self.cursor = Some(page.cursor);
            let path = self.script.calls().remove(0).path;
            let (_, query) = path.split_once("?q=").expect("a query");
            let query = percent_encoding::percent_decode_str(query).decode_utf8().expect("text").into_owned();
            let (_, rest) = query.split_once(" FROM Contact ").expect("an object");
            let (conditions, _) = rest.split_once(" ORDER BY Id LIMIT 2001").expect("an order");
            (page.records.into_iter().map(|record| record.id).collect(), page.more, conditions.to_owned())
        }
    }

    const SINCE: &str = "WHERE (IsDeleted = false OR MasterRecordId != null) AND SystemModstamp >= ";

    #[tokio::test]
    async fn the_first_window_reads_everything_and_the_next_starts_where_it_closed() {
        let mut scan = Scan::new();
        let (ids, more, conditions) = scan.step(page(&[row(IDS[0])], false).date(NOON)).await;
        assert_eq!((ids, more, conditions.as_str()), (vec![IDS[0].to_owned()], true, ""));
        scan.dial.advance(Duration::from_secs(60));
        let (_, more, conditions) = scan.step(page(&[row(IDS[1])], true).date(scan.dial.now())).await;
        let until = NOON.plus(DATE_STEP);
        assert_eq!((more, conditions), (false, format!("WHERE SystemModstamp <= {until} AND Id > '{}'", IDS[0])));
        let (_, more, conditions) = scan.step(page(&[], true).date(scan.dial.now())).await;
        assert_eq!((more, conditions), (false, format!("{SINCE}{}", NOON.minus(OVERLAP))), "an empty poll is one call");
    }

    #[tokio::test]
    async fn every_few_minutes_a_window_looks_for_late_transactions() {
        let mut scan = Scan::new();
        let mut starts = Vec::new();
        for _ in 0..7 {
            let now = scan.dial.now();
            let (_, _, conditions) = scan.step(page(&[], true).date(now)).await;
            starts.extend(conditions.strip_prefix(SINCE).and_then(Time::parse).map(|from| now.since(from).as_secs()));
            scan.dial.advance(Duration::from_secs(100));
        }
        // Ten minutes before the last such look, which was the first window.
        assert_eq!(starts, [105, 105, 105, 1_005, 105, 105]);
    }

    #[tokio::test]
    async fn a_clock_that_steps_back_is_followed_once_and_one_that_steps_forward_hides_nothing() {
        let mut scan = Scan::new();
        scan.step(page(&[], true).date(NOON)).await;
        let stepped = NOON.minus(Duration::from_secs(600));
        let (ids, more, _) = scan.step(page(&[row(IDS[0])], true).date(stepped)).await;
        assert_eq!((ids.len(), more), (1, true), "what was read is kept, and more is said");
        let (_, more, conditions) = scan.step(page(&[], true).date(stepped)).await;
        let from = conditions.strip_prefix(SINCE).and_then(Time::parse).expect("a start");
        assert!(!more && from <= stepped.minus(STEP_MARGIN));
        let ahead = NOON.plus(Duration::from_secs(900));
        scan.step(page(&[], true).date(ahead)).await;
        let (_, _, conditions) = scan.step(page(&[], true).date(ahead)).await;
        let from = conditions.strip_prefix(SINCE).and_then(Time::parse).expect("a start");
        assert!(from <= stepped, "from where the old course was");
        let (_, more, _) = scan.step(page(&[], true).date(ahead.minus(TOLERANCE))).await;
        assert!(!more, "two seconds are no step");
    }

    #[tokio::test]
    async fn a_survivor_that_the_page_does_not_show_is_read() {
        let mut scan = Scan::new();
        scan.step(page(&[], true).date(NOON)).await;
        let gone = |id: &str, master: Option<&str>| {
            let mut row = row(id);
            row["IsDeleted"] = true.into();
            row["MasterRecordId"] = master.into();
            row
        };
        scan.script.then(page(&[gone(IDS[0], Some(IDS[2])), gone(IDS[1], None)], true).date(NOON));
        scan.script.then(Line::new(200, json!([row(IDS[2])])));
        let page = changes(&scan.session, scan.cursor.as_ref(), &["Email".to_owned()]).await.expect("a page");
        let told: Vec<_> = page.records.iter().map(|it| (it.id.as_str(), it.merged.clone(), it.archived)).collect();
        assert_eq!(told, [(IDS[2], vec![IDS[0].to_owned()], false)], "and a deleted one does not show");
    }

    #[tokio::test]
    async fn answers_that_would_never_end_and_foreign_places_are_refused() {
        let scan = Scan::new();
        scan.script.then(page(&[], false).date(NOON));
        let fault = changes(&scan.session, None, &[]).await.expect_err("an empty page");
        assert_eq!(fault.class, FaultClass::Busy);
        let foreign = Cursor(json!({ "offset": 3 }));
        let fault = changes(&scan.session, Some(&foreign), &[]).await.expect_err("no place of ours");
        assert_eq!(fault.class, FaultClass::Stale);
    }
}
