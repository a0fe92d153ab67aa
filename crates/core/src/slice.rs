//! Calls that one server takes out of an account's budget in one transaction and sends from memory, so that not every call
//! costs a row write.

use crate::budget::{Budgets, Limit};
use crate::day::Day;
use crate::env::Time;

/// The share of what is left that one slice may hold: other servers find room meanwhile, and an account with little room
/// is used call by call.
const SHARE: u32 = 4;

/// Calls taken and not all sent yet. It ends with the step that they are counted in, after a second at the latest; a
/// server that dies leaves them counted as sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Where the budgets count them.
    general_at: Time,
    search_at: Option<Time>,
    taken_at: Time,
    until: Time,
    calls: u32,
    left: u32,
}

impl Budgets {
    /// Takes in what answers told of the day, unless something newer is known.
    pub fn hear_day(&mut self, day: Day) {
        self.day = Some(self.day.map_or(day, |known| known.newer(day)));
    }

    /// Takes a slice of up to `wanted` calls, the first of which is sent now. A search takes room in both windows.
    ///
    /// # Errors
    /// The instant before which there is no room.
    pub fn take_slice(
        &mut self,
        general: Limit,
        search: Option<Limit>,
        percent: u32,
        wanted: u32,
        now: Time,
    ) -> Result<Slice, Time> {
        if let Some(day) = self.day {
            day.room(percent, now)?;
        }
        let mut room = self.general.room(general, percent, now)?;
        let mut until = general.slice_end(now);
        if let Some(search) = search {
            room = room.min(self.search.room(search, percent, now)?);
            until = until.min(search.slice_end(now));
        }
        let calls = wanted.min(room / SHARE).max(1);
        let general_at = self.general.take(general, calls, now);
        let search_at = search.map(|search| self.search.take(search, calls, now));
        Ok(Slice { general_at, search_at, taken_at: now, until, calls, left: calls - 1 })
    }

    /// Takes back what a slice holds.
    pub fn give_back(&mut self, slice: Slice) {
        self.general.give_back(slice.general_at, slice.left);
        if let Some(at) = slice.search_at {
            self.search.give_back(at, slice.left);
        }
    }
}

impl Slice {
    /// Whether one more call may be sent out of it now.
    pub fn spend(&mut self, now: Time) -> bool {
        // Before it was taken is after the clock was set back.
        let may = self.left > 0 && self.taken_at <= now && now < self.until;
        self.left -= u32::from(may);
        may
    }

    /// Calls not sent yet.
    pub fn left(&self) -> u32 {
        self.left
    }

    /// Ends it before its time.
    pub fn end(&mut self) {
        self.until = self.taken_at;
    }

    /// How many calls the slice after this one should hold: as many as this one sent, and twice that if they were not
    /// enough.
    pub fn next(&self, now: Time) -> u32 {
        if now.since(self.until) > crate::budget::SLICE_MAX {
            return 1;
        }
        let enough = self.left > 0 || now >= self.until;
        (self.calls - self.left).saturating_mul(if enough { 1 } else { 2 })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const START: Time = Time::from_secs(1_700_000_000);
    const LIMIT: Limit = Limit { calls: 60, window: Duration::from_secs(10), reserve: 6 };
    const SEARCH: Limit = Limit { calls: 5, window: Duration::from_secs(1), reserve: 1 };

    /// Servers with one stored budget. Real time only goes on; what the clocks show may be set back.
    struct Servers {
        budgets: Budgets,
        real: Time,
        clock: Time,
        slices: Vec<Option<(u32, Slice)>>,
        sent: Vec<(Time, bool)>,
        writes: usize,
    }

    impl Servers {
        fn new(count: usize) -> Self {
            let mut budgets = Budgets::default();
            budgets.general.hear(0, START);
            budgets.search.hear(0, START);
            let slices = vec![None; count];
            Self { budgets, real: START, clock: START, slices, sent: Vec::new(), writes: 0 }
        }

        fn pass(&mut self, span: Duration) {
            (self.real, self.clock) = (self.real.plus(span), self.clock.plus(span));
        }

        fn call(&mut self, server: usize, percent: u32, search: bool) -> bool {
            let now = self.clock;
            let held = self.slices[server].filter(|(of, slice)| *of == percent && slice.search_at.is_some() == search);
            if let Some((_, mut slice)) = held
                && slice.spend(now)
            {
                self.slices[server] = Some((percent, slice));
            } else {
                let wanted = held.map_or(1, |(_, slice)| slice.next(now));
                if let Some((_, slice)) = self.slices[server].take() {
                    self.budgets.give_back(slice);
                }
                self.writes += 1;
                let taken = self.budgets.take_slice(LIMIT, search.then_some(SEARCH), percent, wanted, now);
                let Ok(slice) = taken else { return false };
                self.slices[server] = Some((percent, slice));
            }
            self.sent.push((self.real, search));
            true
        }

        fn in_window(&self, window: Duration, searches: bool) -> usize {
            let counts = |at: &Time, search: &bool| self.real.since(*at) < window && (*search || !searches);
            self.sent.iter().filter(|(at, search)| counts(at, search)).count()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Call(usize, u32, bool),
        Pass(u64),
        Crash(usize),
        SetBack(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let percent = prop::sample::select(vec![100, 90, 80]);
        prop_oneof![
            20 => (0..3_usize, percent, prop::bool::weighted(0.1)).prop_map(|(server, percent, search)| Step::Call(server, percent, search)),
            6 => (0..700_u64).prop_map(Step::Pass),
            1 => (0..3_usize).prop_map(Step::Crash),
            1 => prop_oneof![0..900_u64, 0..60_000_u64].prop_map(Step::SetBack),
        ]
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_the_share_whatever_servers_and_clocks_do(
            steps in prop::collection::vec(step(), 1..400),
        ) {
            let mut servers = Servers::new(3);
            for step in steps {
                match step {
                    Step::Call(server, percent, search) => drop(servers.call(server, percent, search)),
                    Step::Pass(ms) => servers.pass(Duration::from_millis(ms)),
                    Step::Crash(server) => servers.slices[server] = None,
                    Step::SetBack(ms) => servers.clock = servers.clock.minus(Duration::from_millis(ms)),
                }
                let held = servers.in_window(LIMIT.window, false);
                prop_assert!(held <= 54, "{held} calls");
                let held = servers.in_window(SEARCH.window, true);
                prop_assert!(held <= 4, "{held} searches");
            }
        }
    }

    #[test]
    fn a_burst_takes_few_slices_and_all_of_the_share() {
        let mut servers = Servers::new(1);
        let sent = (0..1_000).take_while(|_| servers.call(0, 100, false)).count();
        assert_eq!(sent, 54);
        assert!(servers.writes < 20, "{} writes for {sent} calls", servers.writes);
    }

    #[test]
    fn a_server_that_calls_now_and_then_holds_nothing() {
        let mut servers = Servers::new(1);
        while servers.call(0, 100, false) {}
        servers.pass(Duration::from_secs(20));
        for _ in 0..20 {
            assert!(servers.call(0, 100, false));
            assert_eq!(servers.slices[0].map(|(_, slice)| slice.left()), Some(0));
            servers.pass(Duration::from_secs(2));
        }
    }

    #[test]
    fn what_a_slice_did_not_send_is_given_back() {
        let mut servers = Servers::new(2);
        while servers.writes < 5 {
            servers.call(0, 100, false);
        }
        let (_, held) = servers.slices[0].expect("a slice");
        assert!(held.left() > 3, "{held:?}");
        servers.pass(Duration::from_millis(600));
        assert!(servers.call(0, 100, false));
        let before = servers.sent.len();
        while servers.call(1, 100, false) {}
        let unsent = servers.slices[0].map_or(0, |(_, slice)| slice.left() as usize);
        assert_eq!(servers.sent.len() + unsent, 54, "{before} were sent by the first");
    }
}
