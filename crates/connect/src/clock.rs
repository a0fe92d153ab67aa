//! A vendor's clock, seen in the `Date` of its answers, and the windows of a scan that stand in it.
//!
//! A window shows what was modified since the one before it closed, and closes where the vendor's clock stood when its
//! first page was asked for. A clock that is off is no matter; one that steps is followed, so that no edit is missed.

use std::time::Duration;

use lockstep_core::env::Time;
use serde::{Deserialize, Serialize};

use crate::door::{Answer, Session};

/// By how much the vendor's clock may leave its expected course, either way, before it counts as a step: `Date` has
/// whole seconds, and two clocks are never quite alike.
pub(crate) const TOLERANCE: Duration = Duration::from_secs(2);

/// How much further back a window starts after the vendor's clock stepped: our own clock, by which the step is
/// measured, may have stepped in the same while.
pub(crate) const STEP_MARGIN: Duration = Duration::from_secs(3_600);

/// The step of the `Date` header.
pub(crate) const DATE_STEP: Duration = Duration::from_secs(1);

/// What an answer tells of the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    /// The vendor's clock, in whole seconds; `None` where the answer has no `Date`.
    date: Option<Time>,
    /// Ours when the call was sent.
    sent_at: Time,
    /// How long the call took.
    took: Duration,
}

impl Sighting {
    /// To be taken as soon as the answer is there.
    pub(crate) fn of(answer: &Answer, session: &Session) -> Self {
        let date = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        Self {
            date: date.map(|date| Time(date.timestamp().as_microsecond())),
            sent_at: answer.sent_at,
            took: session.env.now().since(answer.sent_at),
        }
    }

    /// As late as the vendor's clock surely stood when the call was sent; ours where the answer does not tell.
    pub(crate) fn asked_at(&self) -> Time {
        self.date.map_or(self.sent_at, |date| date.minus(self.took))
    }

    /// What the vendor's clock showed at the latest; `None` where the answer does not tell.
    pub(crate) fn at_the_latest(&self) -> Option<Time> {
        self.date.map(|date| date.plus(DATE_STEP))
    }

    /// The end of the second that the vendor's clock showed, or ours where the answer does not tell.
    pub(crate) fn second_end(&self) -> Time {
        self.date.unwrap_or(self.sent_at).plus(DATE_STEP)
    }

    fn clocks(&self) -> Option<Clocks> {
        self.date.map(|vendor| Clocks { vendor, ours: self.sent_at, took: self.took })
    }
}

/// The vendor's clock and ours at one call. The vendor read its own at some moment between `ours` and `took` later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clocks {
    vendor: Time,
    ours: Time,
    #[serde(default)]
    took: Duration,
}

impl Clocks {
    /// The earliest and the latest that the vendor's clock may show in a later call if neither clock stepped.
    fn expected(&self, later: &Self) -> (Time, Time) {
        let same_moment = self.vendor.plus(later.ours.since(self.ours));
        (same_moment.minus(self.took), same_moment.plus(later.took))
    }

    /// What to compare the next call's with. A slow answer says little of when the clock was read, so what a quicker one
    /// told stays; among quick ones the newest counts, since no two clocks run quite alike.
    fn followed_by(self, later: Self) -> Self {
        if later.took > self.took.max(TOLERANCE) { self } else { later }
    }
}

/// How far a scan has come, in the vendor's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Course {
    /// Where the last finished window closed; `None` before the first one has ended.
    pub since: Option<Time>,
    /// Both clocks when a window was last begun.
    clocks: Option<Clocks>,
}

/// What comes of the first page of a window.
pub(crate) enum Begun {
    /// A window.
    Window {
        /// The course with what the clocks show now.
        course: Course,
        /// Where the next window starts: as late as the vendor's clock surely stood when the first call was sent, since an
        /// edit made during the call may be missing from the answer. After a step forward it is a time of the old course,
        /// less the margin: so is that of an edit made just before the step, which may not show yet.
        closes: Time,
    },
    /// The vendor's clock has stepped back since the last window. Edits made after the step carry times before the
    /// window's start, so it is begun anew from further back.
    Anew(Course),
}

impl Course {
    /// After the first page of a window.
    pub(crate) fn begin(self, seen: &Sighting) -> Begun {
        let mut clocks = seen.clocks().or(self.clocks);
        let mut closes = seen.asked_at();
        if let Some((before, now)) = self.clocks.zip(seen.clocks()) {
            let (earliest, latest) = before.expected(&now);
            if let Some(since) = self.since.filter(|_| earliest.since(now.vendor) > TOLERANCE) {
                let behind = latest.since(now.vendor);
                return Begun::Anew(Self { since: Some(since.minus(behind).minus(STEP_MARGIN)), clocks });
            }
            if now.vendor.since(latest) > TOLERANCE {
                closes = earliest.minus(now.took).minus(STEP_MARGIN);
            } else {
                clocks = Some(before.followed_by(now));
            }
        }
        Begun::Window { course: Self { clocks, ..self }, closes }
    }

    /// After the last page of a window.
    pub(crate) fn closed(self, closes: Time) -> Self {
        Self { since: Some(closes), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::NOON;

    const START: Sighting = Sighting { date: Some(NOON), sent_at: NOON, took: Duration::ZERO };

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    /// A course whose first window closed at noon.
    fn course() -> Course {
        let Begun::Window { course, closes } = Course::default().begin(&START) else { panic!("a first window") };
        course.closed(closes)
    }

    /// Where the next window closes, or begins anew, ten minutes later when the vendor's clock shows this.
    fn next(date: Option<Time>, took: Duration) -> Result<Time, Time> {
        match course().begin(&Sighting { date, sent_at: NOON.plus(minutes(10)), took }) {
            Begun::Window { closes, .. } => Ok(closes),
            Begun::Anew(course) => Err(course.since.expect("a start")),
        }
    }

    #[test]
    fn a_window_closes_when_its_first_page_was_asked_for() {
        assert_eq!(course().since, Some(NOON));
        let (ten, slow) = (NOON.plus(minutes(10)), Duration::from_secs(30));
        assert_eq!(next(Some(ten), slow), Ok(ten.minus(slow)));
        assert_eq!(next(None, slow), Ok(ten), "our own clock was read when the call was sent");
    }

    #[test]
    fn two_seconds_between_the_clocks_are_no_step() {
        let ten = NOON.plus(minutes(10));
        for date in [ten.minus(TOLERANCE), ten.plus(TOLERANCE)] {
            assert_eq!(next(Some(date), Duration::ZERO), Ok(date));
        }
    }

    #[test]
    fn a_slow_answer_is_no_step_and_hides_none_from_the_next() {
        let slow = Duration::from_secs(30);
        let at = |minute: u64, ahead: Duration, took: Duration| Sighting {
            date: Some(NOON.plus(minutes(minute)).plus(ahead)),
            sent_at: NOON.plus(minutes(minute)),
            took,
        };
        // The clock was read when the call came in, or half a minute later, and each is followed by a quick answer.
        for ahead in [Duration::ZERO, slow] {
            let Begun::Window { course, closes } = course().begin(&at(10, ahead, slow)) else { panic!("no step") };
            assert!(closes <= NOON.plus(minutes(10)), "{closes}");
            let next = course.closed(closes).begin(&at(20, Duration::ZERO, Duration::ZERO));
            assert!(matches!(next, Begun::Window { closes, .. } if closes == NOON.plus(minutes(20))), "no step either");
        }
        let Begun::Window { course: first, closes } = Course::default().begin(&at(0, slow, slow)) else { panic!() };
        let next = first.closed(closes).begin(&at(10, Duration::ZERO, Duration::ZERO));
        assert!(matches!(next, Begun::Window { .. }), "nor after a slow first one");
        // What stepped back by less than the slow answer took shows in the next quick one.
        let stepped = Duration::from_secs(20);
        let mut seen = at(10, Duration::ZERO, slow);
        seen.date = seen.date.map(|date| date.minus(stepped).plus(slow));
        let Begun::Window { course, closes } = course().begin(&seen) else { panic!("it cannot be told yet") };
        let mut seen = at(20, Duration::ZERO, Duration::ZERO);
        seen.date = seen.date.map(|date| date.minus(stepped));
        assert!(matches!(course.closed(closes).begin(&seen), Begun::Anew(_)));
    }

    #[test]
    fn a_step_back_begins_anew_and_one_forward_closes_on_the_old_course() {
        let ten = NOON.plus(minutes(10));
        assert_eq!(next(Some(NOON), Duration::ZERO), Err(NOON.minus(minutes(10)).minus(STEP_MARGIN)));
        assert_eq!(next(Some(ten.plus(minutes(5))), Duration::ZERO), Ok(ten.minus(STEP_MARGIN)));
    }
}
