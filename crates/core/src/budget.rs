//! How much of a vendor account's window is used (law 11). The budget is data, so that it outlives the process and every
//! server reads the same.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::env::Time;

/// Calls are counted in steps of this share of the window, so that a budget stays small whatever the limit is.
const STEPS: u32 = 20;
/// No vendor shuts an account for longer than a day, and an hour of difference between clocks.
const SHUT_MAX: Duration = Duration::from_secs(25 * 3_600);
/// How many windows our share stays halved after a 429.
const HALVED_WINDOWS: u32 = 6;
/// The longest window that a 429 is taken for: where calls are counted by the day, a 429 speaks of a burst. A day that is
/// spent is told in other words ([`Budget::shut`]).
const BURST_MAX: Duration = Duration::from_secs(60);
/// The longest that calls are held which were taken and not sent yet.
pub(crate) const SLICE_MAX: Duration = Duration::from_secs(1);

/// What an account may take in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls in a window.
    pub calls: u32,
    /// How long the window is.
    pub window: Duration,
    /// Calls that stay unused for the customer's other tools.
    pub reserve: u32,
}

impl Limit {
    /// The end of the step that an instant lies in.
    fn step_end(self, now: Time) -> Time {
        let step = i64::try_from((self.window / STEPS).as_micros()).unwrap_or(i64::MAX).max(1);
        Time(now.0.saturating_sub(now.0.rem_euclid(step)).saturating_add(step))
    }

    /// Until when calls that are taken now may be sent: within the step that they are counted in, so that holding them
    /// costs the account nothing.
    pub(crate) fn slice_end(self, now: Time) -> Time {
        self.step_end(now).min(now.plus(SLICE_MAX))
    }
}

/// The windows of one vendor account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budgets {
    /// Every call.
    pub general: Budget,
    /// Searches alone.
    pub search: Budget,
    /// The account's day, where the vendor counts days and an answer has told of it.
    #[serde(default)]
    pub day: Option<Day>,
}

/// One sliding window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Our calls, those taken and not sent yet included, by the end of the step in which they are sent, oldest first.
    sent: VecDeque<(Time, u32)>,
    /// Calls by others that count until `others_until`. `None` before the first call to the account: nobody knows what
    /// was sent a moment ago, so half of the window counts as used.
    others: Option<u32>,
    others_until: Time,
    halved_until: Time,
    /// Nothing is sent before.
    shut_until: Time,
}

impl Budget {
    /// How many more calls have room in this percentage of our share: at least one.
    ///
    /// # Errors
    /// The instant before which there is none.
    pub fn room(&mut self, limit: Limit, percent: u32, now: Time) -> Result<u32, Time> {
        self.turn(limit, now);
        if now < self.shut_until {
            return Err(self.shut_until);
        }
        if self.others.is_none() {
            self.count_others(limit.calls / 2, now.plus(limit.window));
        }
        let others = self.others_at(now);
        let left = self.share(limit, percent, now).saturating_sub(self.ours().saturating_add(others));
        if left > 0 {
            return Ok(left);
        }
        let ours_end = self.sent.front().map(|(at, _)| at.plus(limit.window));
        let others_end = (others > 0).then_some(self.others_until);
        let retry_at = [ours_end, others_end].into_iter().flatten().min().unwrap_or(now.plus(limit.window));
        Err(retry_at.plus(Duration::from_micros(1)))
    }

    /// Counts calls that are sent from now to the end of the step, and answers where they are counted.
    pub fn take(&mut self, limit: Limit, calls: u32, now: Time) -> Time {
        let end = limit.step_end(now);
        match self.sent.back_mut() {
            Some((at, counted)) if *at >= end => {
                *counted = counted.saturating_add(calls);
                *at
            }
            _ => {
                self.sent.push_back((end, calls));
                end
            }
        }
    }

    /// Takes back the count of calls that were not sent and never will be.
    pub fn give_back(&mut self, at: Time, calls: u32) {
        if let Some((_, counted)) = self.sent.iter_mut().find(|(end, _)| *end == at) {
            *counted = counted.saturating_sub(calls);
        }
        self.sent.retain(|(_, counted)| *counted > 0);
    }

    /// Calls in the window, as far as they are known: ours and those of others.
    pub fn used(&self, limit: Limit, now: Time) -> u32 {
        let mut until_now = self.clone();
        until_now.turn(limit, now);
        until_now.ours().saturating_add(until_now.others_at(now))
    }

    fn others_at(&self, now: Time) -> u32 {
        if now < self.others_until { self.others.unwrap_or(0) } else { 0 }
    }

    /// Our calls in the window.
    pub fn ours(&self) -> u32 {
        self.sent.iter().map(|(_, calls)| calls).sum()
    }

    /// Takes in what an answer told of calls by others, unless something newer is known by now.
    pub fn hear(&mut self, calls: u32, until: Time) {
        if self.others.is_none() || until >= self.others_until {
            self.count_others(calls, until);
        }
    }

    fn count_others(&mut self, calls: u32, until: Time) {
        self.others = Some(calls);
        self.others_until = until;
    }

    /// A 429 came although we kept to our share: somebody else uses the account. Halves the share for a while and keeps
    /// the window shut for its length, or for a minute where it is longer.
    pub fn refused(&mut self, limit: Limit, now: Time) {
        let burst = limit.window.min(BURST_MAX);
        self.halved_until = now.plus(burst * HALVED_WINDOWS);
        self.count_others(limit.calls, now.plus(burst));
    }

    /// Sends nothing before `until`.
    pub fn shut(&mut self, until: Time) {
        self.shut_until = until;
    }

    fn share(&self, limit: Limit, percent: u32, now: Time) -> u32 {
        let ours = limit.calls.saturating_sub(limit.reserve);
        let ours = if now < self.halved_until { ours / 2 } else { ours };
        ours.saturating_mul(percent).div_ceil(100).max(1)
    }

    /// The least time that so many calls take at this percentage of our share, if the window is empty now: it is full at
    /// once, and from then on as fast as it empties.
    pub fn seconds(limit: Limit, percent: u32, calls: u64) -> u64 {
        let share = u64::from(Self::default().share(limit, percent, Time::from_secs(0)));
        calls.saturating_sub(share).saturating_mul(limit.window.as_secs()).div_ceil(share)
    }

    /// Forgets what has left the window. What lies further ahead than could be was written before the clock was set back
    /// and counts from now; a little ahead is another server's clock.
    fn turn(&mut self, limit: Limit, now: Time) {
        let window_end = now.plus(limit.window);
        for (at, _) in self.sent.iter_mut().filter(|(at, _)| *at > window_end) {
            *at = now;
        }
        self.sent.make_contiguous().sort_unstable();
        self.others_until = self.others_until.min(window_end);
        self.halved_until = self.halved_until.min(now.plus(limit.window * HALVED_WINDOWS));
        self.shut_until = self.shut_until.min(now.plus(SHUT_MAX));
        let oldest = now.minus(limit.window);
        while self.sent.front().is_some_and(|(at, _)| *at <= oldest) {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);

    fn limit(calls: u32) -> Limit {
        Limit { calls, window: Duration::from_secs(10), reserve: calls.div_ceil(10) }
    }

    fn admit(budget: &mut Budget, limit: Limit, percent: u32, now: Time) -> Result<(), Time> {
        budget.room(limit, percent, now).map(|_| {
            budget.take(limit, 1, now);
        })
    }

    #[test]
    fn a_full_window_is_waited_for() {
        let limit = Limit { calls: 110, window: Duration::from_secs(10), reserve: 11 };
        let seconds = |calls| Budget::seconds(limit, 90, calls);
        assert_eq!([seconds(0), seconds(90), seconds(91), seconds(180), seconds(900)], [0, 0, 1, 10, 90]);
    }

    fn admitted(budget: &mut Budget, limit: Limit, percent: u32, now: Time) -> u32 {
        (0..1_000).take_while(|_| admit(budget, limit, percent, now).is_ok()).count() as u32
    }

    /// A budget of which nobody has used anything.
    fn unused() -> Budget {
        Budget { others: Some(0), ..Budget::default() }
    }

    #[test]
    fn of_an_account_never_called_half_the_window_counts_as_used() {
        let mut budget = Budget::default();
        assert_eq!(admitted(&mut budget, limit(100), 100, START), 40);
        let next = START.plus(Duration::from_secs(11));
        assert_eq!(admitted(&mut budget, limit(100), 100, next), 90);
    }

    #[test]
    fn no_window_ever_holds_more_than_the_share_whoever_keeps_the_budget() {
        let mut budget = Budget::default();
        let mut sent: Vec<Time> = Vec::new();
        for step in 0..2_000 {
            let now = START.plus(Duration::from_millis(step * 37));
            if admit(&mut budget, limit(20), 100, now).is_ok() {
                sent.push(now);
            }
            let in_window = sent.iter().filter(|at| now.since(**at) < Duration::from_secs(10)).count();
            assert!(in_window <= 18, "{in_window} calls at step {step}");
            let stored = serde_json::to_string(&budget).unwrap();
            budget = serde_json::from_str(&stored).unwrap();
        }
        assert!(sent.len() > 100);
    }

    #[test]
    fn a_budget_stays_small_whatever_the_limit() {
        let mut budget = unused();
        for step in 0..100_000_u64 {
            let now = START.plus(Duration::from_micros(step * 300));
            admit(&mut budget, limit(1_000_000), 100, now).unwrap();
        }
        assert!(budget.sent.len() <= STEPS as usize + 1, "{} steps", budget.sent.len());
        assert!(budget.ours() > 30_000);
    }

    #[test]
    fn the_more_urgent_find_room_where_the_others_are_refused() {
        let mut budget = unused();
        assert_eq!(admitted(&mut budget, limit(100), 80, START), 72);
        assert_eq!(admitted(&mut budget, limit(100), 90, START), 9);
        assert_eq!(admitted(&mut budget, limit(100), 100, START), 9);
    }

    #[test]
    fn a_refusal_says_when_there_is_room() {
        let mut budget = Budget::default();
        let _ = admitted(&mut budget, limit(10), 90, START);
        let retry_at = admit(&mut budget, limit(10), 90, START).unwrap_err();
        assert!(retry_at > START);
        assert!(admit(&mut budget, limit(10), 90, retry_at).is_ok());
    }

    #[test]
    fn a_429_shuts_the_window_and_halves_the_share() {
        let mut budget = unused();
        budget.refused(limit(100), START);
        let opens = admit(&mut budget, limit(100), 100, START).unwrap_err();
        assert!(opens > START.plus(Duration::from_secs(10)));
        assert_eq!(admitted(&mut budget, limit(100), 100, opens), 45);
    }

    #[test]
    fn a_429_of_a_vendor_that_counts_by_the_day_shuts_it_for_a_minute() {
        let by_the_day = Limit { calls: 1_000, window: Duration::from_secs(24 * 3_600), reserve: 100 };
        let mut budget = unused();
        budget.refused(by_the_day, START);
        let opens = admit(&mut budget, by_the_day, 100, START).unwrap_err();
        assert_eq!(opens.since(START).as_secs(), 60);
        assert_eq!(budget.room(by_the_day, 100, opens), Ok(450));
        assert_eq!(budget.room(by_the_day, 100, START.plus(Duration::from_secs(361))), Ok(900));
    }

    #[test]
    fn a_spent_day_shuts_the_window() {
        let mut budget = unused();
        let opens = START.plus(Duration::from_secs(3_600));
        budget.shut(opens);
        assert_eq!(budget.room(limit(100), 100, START), Err(opens));
        assert_eq!(budget.room(limit(100), 100, opens), Ok(90));
    }

    #[test]
    fn a_clock_that_was_a_year_ahead_shuts_an_account_for_a_day_at_most() {
        let mut budget = unused();
        budget.shut(START.plus(Duration::from_secs(365 * 24 * 3_600)));
        assert_eq!(budget.room(limit(100), 100, START), Err(START.plus(SHUT_MAX)));
        assert_eq!(budget.room(limit(100), 100, START.plus(SHUT_MAX)), Ok(90));
    }

    #[test]
    fn what_was_heard_before_a_429_does_not_open_the_window_again() {
        let mut budget = unused();
        budget.refused(limit(100), START.plus(Duration::from_secs(1)));
        budget.hear(0, START.plus(Duration::from_secs(10)));
        assert_eq!(admitted(&mut budget, limit(100), 100, START.plus(Duration::from_secs(2))), 0);
    }

    #[test]
    fn a_clock_set_back_neither_blocks_nor_forgets() {
        let mut budget = unused();
        assert_eq!(admitted(&mut budget, limit(10), 100, START), 9);
        let back = START.minus(Duration::from_secs(600));
        assert_eq!(admitted(&mut budget, limit(10), 100, back), 0);
        assert_eq!(admitted(&mut budget, limit(10), 100, back.plus(Duration::from_secs(11))), 9);
    }

    #[test]
    fn a_server_whose_clock_is_a_little_behind_sees_what_the_other_sent() {
        let mut budget = unused();
        assert_eq!(admitted(&mut budget, limit(10), 100, START), 9);
        let behind = START.minus(Duration::from_secs(3));
        assert_eq!(admitted(&mut budget, limit(10), 100, behind), 0);
        assert_eq!(admitted(&mut budget, limit(10), 100, START.plus(Duration::from_secs(9))), 0);
    }
}
