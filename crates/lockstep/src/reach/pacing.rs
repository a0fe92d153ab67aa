//! Budgets belong to the vendor account (law 11): every call asks here first, and a refused one is never sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockstep_connect::about::RateLimit;
use lockstep_connect::{About, Window};
use lockstep_core::env::Time;

use crate::app::VendorLimits;

/// What stays unused for the customer's other tools.
const RESERVE_PERCENT: u32 = 10;
/// How many windows our share stays halved after a 429.
const HALVED_WINDOWS: u32 = 6;

/// How urgent a call is. A more urgent class may use more of the share, so it finds room when the others are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Somebody waits for the answer.
    Interactive,
    /// A change travels.
    Live,
    /// A first run or a census.
    Backfill,
}

impl Class {
    const fn percent(self) -> u32 {
        match self {
            Self::Interactive => 100,
            Self::Live => 90,
            Self::Backfill => 80,
        }
    }
}

/// What all calls to one vendor account share: the calls sent of late, and the lock under which its grant is refreshed.
/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Pacing {
    accounts: Arc<Mutex<HashMap<String, Arc<Account>>>>,
}

/// One vendor account.
#[derive(Debug)]
pub struct Account {
    general: Mutex<Budget>,
    search: Mutex<Budget>,
    /// Held while a grant is refreshed, so that one refresh serves all who wait (single flight).
    pub refreshing: tokio::sync::Mutex<()>,
}

impl Pacing {
    /// The account's budgets. `limits` are what the operator says the account's plan allows.
    pub fn account(&self, about: &About, account: &str, limits: Option<VendorLimits>) -> Arc<Account> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{}:{account}", about.slug);
        accounts.entry(key).or_insert_with(|| Arc::new(Account::new(about, limits))).clone()
    }
}

impl Account {
    fn new(about: &About, limits: Option<VendorLimits>) -> Self {
        let general = RateLimit {
            calls: limits.map_or(about.general_limit.calls, |limits| limits.general),
            ..about.general_limit
        };
        let search =
            RateLimit { calls: limits.map_or(about.search_limit.calls, |limits| limits.search), ..about.search_limit };
        Self {
            general: Mutex::new(Budget::new(general, general.calls.div_ceil(RESERVE_PERCENT))),
            // Vendors count searches by their own clock's second: one less a second than allowed is never refused.
            search: Mutex::new(Budget::new(search, 1)),
            refreshing: tokio::sync::Mutex::new(()),
        }
    }

    /// Counts a call in, or says when to ask again. A search takes room in both windows: HubSpot does not say whether its
    /// searches, which have a limit of their own, count in the general one too.
    ///
    /// # Errors
    /// The instant before which there is no room.
    pub fn admit(&self, window: Window, class: Class, now: Time) -> Result<(), Time> {
        let mut general = self.budget(Window::General);
        general.room(class, now)?;
        if window == Window::Search {
            let mut search = self.budget(Window::Search);
            search.room(class, now)?;
            search.take(now);
        }
        general.take(now);
        Ok(())
    }

    /// Learns from `X-HubSpot-RateLimit-Max` and `-Remaining` what others have used of the general window.
    pub fn learn(&self, max: u32, remaining: u32, now: Time) {
        self.budget(Window::General).learn(max, remaining, now);
    }

    /// A 429 came although we kept to our share: somebody else uses the account. Halves the share for a while and
    /// keeps the window shut for its length. Answers when it opens.
    pub fn refused(&self, window: Window, now: Time) -> Time {
        self.budget(window).refused(now)
    }

    /// The vendor refuses every call until then: none is made.
    pub fn shut(&self, until: Time) {
        for window in [Window::General, Window::Search] {
            self.budget(window).shut_until = until;
        }
    }

    fn budget(&self, window: Window) -> std::sync::MutexGuard<'_, Budget> {
        let budget = match window {
            Window::General => &self.general,
            Window::Search => &self.search,
        };
        budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sliding window.
#[derive(Debug)]
struct Budget {
    limit: RateLimit,
    reserve: u32,
    /// When our calls of this window were sent, oldest first.
    sent: VecDeque<Time>,
    /// Calls by others that count until `others_until`. `None` before the first call: nobody knows what an earlier
    /// process sent a moment ago, so half of the window counts as used.
    others: Option<u32>,
    others_until: Time,
    halved_until: Time,
    /// Nothing is sent before.
    shut_until: Time,
    latest: Time,
}

impl Budget {
    fn new(limit: RateLimit, reserve: u32) -> Self {
        Self {
            limit,
            reserve,
            sent: VecDeque::new(),
            others: None,
            others_until: Time(0),
            halved_until: Time(0),
            shut_until: Time(0),
            latest: Time(0),
        }
    }

    /// Whether one more call has room, else when to ask again.
    fn room(&mut self, class: Class, now: Time) -> Result<(), Time> {
        self.turn(now);
        if now < self.shut_until {
            return Err(self.shut_until);
        }
        if self.others.is_none() {
            self.count_others(self.limit.calls / 2, now);
        }
        let others = if now < self.others_until { self.others.unwrap_or(0) } else { 0 };
        let used = u32::try_from(self.sent.len()).unwrap_or(u32::MAX).saturating_add(others);
        if used < self.share(class, now) {
            return Ok(());
        }
        let ours_end = self.sent.front().map(|sent| sent.plus(self.limit.window));
        let others_end = (others > 0).then_some(self.others_until);
        let retry_at = [ours_end, others_end].into_iter().flatten().min().unwrap_or(now.plus(self.limit.window));
        Err(retry_at.plus(Duration::from_micros(1)))
    }

    fn take(&mut self, now: Time) {
        self.sent.push_back(now);
    }

    fn share(&self, class: Class, now: Time) -> u32 {
        let ours = self.limit.calls.saturating_sub(self.reserve);
        let ours = if now < self.halved_until { ours / 2 } else { ours };
        ours.saturating_mul(class.percent()).div_ceil(100).max(1)
    }

    fn learn(&mut self, max: u32, remaining: u32, now: Time) {
        let used = max.saturating_sub(remaining);
        let ours = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        self.count_others(used.saturating_sub(ours), now);
    }

    fn refused(&mut self, now: Time) -> Time {
        self.halved_until = now.plus(self.limit.window * HALVED_WINDOWS);
        self.count_others(self.limit.calls, now);
        self.others_until
    }

    fn count_others(&mut self, calls: u32, now: Time) {
        self.others = Some(calls);
        self.others_until = now.plus(self.limit.window);
    }

    /// Forgets what has left the window. When the clock was set back, everything moves back with it.
    fn turn(&mut self, now: Time) {
        let back = self.latest.since(now);
        if !back.is_zero() {
            for sent in &mut self.sent {
                *sent = sent.minus(back);
            }
            self.others_until = self.others_until.minus(back);
            self.halved_until = self.halved_until.minus(back);
            self.shut_until = self.shut_until.minus(back);
        }
        self.latest = now;
        let oldest = now.minus(self.limit.window);
        while self.sent.front().is_some_and(|sent| *sent <= oldest) {
            self.sent.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);

    fn budget(calls: u32) -> Budget {
        Budget::new(RateLimit { calls, window: Duration::from_secs(10) }, calls.div_ceil(RESERVE_PERCENT))
    }

    fn admit(budget: &mut Budget, class: Class, now: Time) -> Result<(), Time> {
        budget.room(class, now).map(|()| budget.take(now))
    }

    fn admitted(budget: &mut Budget, class: Class, now: Time) -> u32 {
        (0..1_000).take_while(|_| admit(budget, class, now).is_ok()).count() as u32
    }

    #[test]
    fn a_fresh_process_takes_half_of_the_window_as_used() {
        let mut budget = budget(100);
        assert_eq!(admitted(&mut budget, Class::Interactive, START), 40);
        let next = START.plus(Duration::from_secs(11));
        assert_eq!(admitted(&mut budget, Class::Interactive, next), 90);
    }

    #[test]
    fn no_window_ever_holds_more_than_the_share() {
        let mut budget = budget(20);
        let mut sent: Vec<Time> = Vec::new();
        for step in 0..2_000 {
            let now = START.plus(Duration::from_millis(step * 37));
            if admit(&mut budget, Class::Interactive, now).is_ok() {
                sent.push(now);
            }
            let in_window = sent.iter().filter(|at| now.since(**at) < Duration::from_secs(10)).count();
            assert!(in_window <= 18, "{in_window} calls at step {step}");
        }
        assert!(sent.len() > 100);
    }

    #[test]
    fn the_more_urgent_find_room_where_the_others_are_refused() {
        let mut budget = budget(100);
        budget.learn(100, 100, START);
        assert_eq!(admitted(&mut budget, Class::Backfill, START), 72);
        assert_eq!(admitted(&mut budget, Class::Live, START), 9);
        assert_eq!(admitted(&mut budget, Class::Interactive, START), 9);
    }

    #[test]
    fn a_refusal_says_when_there_is_room() {
        let mut budget = budget(10);
        let _ = admitted(&mut budget, Class::Live, START);
        let retry_at = admit(&mut budget, Class::Live, START).unwrap_err();
        assert!(retry_at > START);
        assert!(admit(&mut budget, Class::Live, retry_at).is_ok());
    }

    #[test]
    fn a_429_shuts_the_window_and_halves_the_share() {
        let mut budget = budget(100);
        budget.learn(100, 100, START);
        let opens = budget.refused(START);
        assert_eq!(admitted(&mut budget, Class::Interactive, START), 0);
        assert_eq!(admitted(&mut budget, Class::Interactive, opens), 45);
    }

    #[test]
    fn a_spent_day_shuts_both_windows() {
        let account = Account::new(lockstep_connect::registry::find("hubspot").unwrap().about(), None);
        let opens = START.plus(Duration::from_secs(3_600));
        account.shut(opens);
        for window in [Window::General, Window::Search] {
            assert_eq!(account.admit(window, Class::Interactive, START), Err(opens));
            assert_eq!(account.admit(window, Class::Interactive, opens), Ok(()));
        }
    }

    #[test]
    fn searches_take_room_in_the_general_window_too() {
        let limits = Some(VendorLimits { general: 10, search: 100 });
        let account = Account::new(lockstep_connect::registry::find("hubspot").unwrap().about(), limits);
        account.learn(10, 10, START);
        let mut admitted = 0;
        while account.admit(Window::Search, Class::Interactive, START.plus(Duration::from_secs(2))).is_ok() {
            admitted += 1;
        }
        assert_eq!(admitted, 9);
    }

    #[test]
    fn a_clock_set_back_neither_blocks_nor_forgets() {
        let mut budget = budget(10);
        budget.learn(10, 10, START);
        assert_eq!(admitted(&mut budget, Class::Interactive, START), 9);
        let back = START.minus(Duration::from_secs(600));
        assert_eq!(admitted(&mut budget, Class::Interactive, back), 0);
        assert_eq!(admitted(&mut budget, Class::Interactive, back.plus(Duration::from_secs(11))), 9);
    }
}
