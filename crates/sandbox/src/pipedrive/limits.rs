//! Pipedrive's limiters: a budget of tokens a day per company, bursts in any two seconds per token, searches apart, and
//! Cloudflare before all of it. Source: Pipedrive's rate limiting page of September 2026.

use std::collections::{BTreeMap, VecDeque};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::answer::Refusal;
use super::oauth::Who;

const SECOND_US: i64 = 1_000_000;
const WINDOW_US: i64 = 2 * SECOND_US;
const DAY_US: i64 = 86_400 * SECOND_US;
/// Tokens whose calls are counted at most; callers make up as many as they like.
const COUNTED_MAX: usize = 10_000;
/// Tokens a day of one seat on the smallest plan.
const BASE_TOKENS: u64 = 30_000;

/// What a company pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The smallest.
    Lite,
    /// Twice its budget.
    Growth,
    /// Five times.
    Premium,
    /// Seven times.
    Ultimate,
}

/// How many calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of the whole company in a day (UTC).
    pub daily_tokens: u64,
    /// Calls of one personal token in any two seconds.
    pub personal_burst: usize,
    /// Calls of one OAuth grant in any two seconds.
    pub oauth_burst: usize,
    /// Searches of one token in any two seconds.
    pub search_burst: usize,
    /// Refusals of one token in a minute after which Cloudflare answers instead. Pipedrive names no figure.
    pub abuse_refusals: usize,
    /// How long Cloudflare then answers, in microseconds. Pipedrive names no figure.
    pub abuse_ban_us: i64,
}

impl Limits {
    /// What a plan with so many seats lets through.
    #[must_use]
    pub fn of(plan: Plan, seats: u32) -> Self {
        let (times, personal_burst, oauth_burst) = match plan {
            Plan::Lite => (1, 20, 80),
            Plan::Growth => (2, 40, 160),
            Plan::Premium => (5, 100, 400),
            Plan::Ultimate => (7, 120, 480),
        };
        Self {
            daily_tokens: BASE_TOKENS * times * u64::from(seats),
            personal_burst,
            oauth_burst,
            search_burst: 10,
            abuse_refusals: 100,
            abuse_ban_us: 60 * SECOND_US,
        }
    }
}

#[derive(Debug, Default)]
struct Window {
    calls: VecDeque<i64>,
    searches: VecDeque<i64>,
    refusals: VecDeque<i64>,
    banned_until_us: i64,
}

/// The calls that still count.
#[derive(Debug, Default)]
pub(super) struct Windows {
    by_token: BTreeMap<Who, Window>,
    day: i64,
    spent: u64,
}

impl Windows {
    /// Lets a call through or refuses it; either way with the headers its answer shows.
    pub(super) fn admit(
        &mut self,
        limits: Limits,
        now_us: i64,
        who: &Who,
        cost: u64,
        is_search: bool,
    ) -> (HeaderMap, Result<(), Refusal>) {
        let day = now_us.div_euclid(DAY_US);
        if day != self.day {
            (self.day, self.spent) = (day, 0);
        }
        if self.by_token.len() >= COUNTED_MAX && !self.by_token.contains_key(who) {
            self.by_token.pop_first();
        }
        let window = self.by_token.entry(who.clone()).or_default();
        if now_us < window.banned_until_us {
            return (HeaderMap::new(), Err(Refusal::cloudflare()));
        }
        drop_older(&mut window.calls, now_us - WINDOW_US);
        drop_older(&mut window.searches, now_us - WINDOW_US);
        let burst = match who {
            Who::Personal(_) => limits.personal_burst,
            Who::App(_) => limits.oauth_burst,
        };
        let (calls, limit) = if is_search && window.searches.len() >= limits.search_burst {
            (&mut window.searches, limits.search_burst)
        } else {
            (&mut window.calls, burst)
        };
        let is_spent = self.spent + cost > limits.daily_tokens;
        let admitted = !is_spent && calls.len() < limit;
        if admitted {
            calls.push_back(now_us);
            self.spent += cost;
        }
        let reset_us = match calls.front() {
            _ if is_spent => (day + 1) * DAY_US - now_us,
            Some(oldest) => oldest + WINDOW_US - now_us,
            None => WINDOW_US,
        };
        let remaining = if is_spent { 0 } else { limit.saturating_sub(calls.len()) };
        let left = limits.daily_tokens.saturating_sub(self.spent);
        let headers = headers(limit, remaining, reset_us, left);
        if admitted {
            if is_search {
                window.searches.push_back(now_us);
            }
            return (headers, Ok(()));
        }
        drop_older(&mut window.refusals, now_us - 60 * SECOND_US);
        window.refusals.push_back(now_us);
        if window.refusals.len() >= limits.abuse_refusals {
            window.refusals.clear();
            window.banned_until_us = now_us + limits.abuse_ban_us;
        }
        (headers, Err(Refusal::throttled()))
    }
}

fn drop_older(calls: &mut VecDeque<i64>, horizon_us: i64) {
    while calls.front().is_some_and(|call| *call <= horizon_us) {
        calls.pop_front();
    }
}

fn headers(limit: usize, remaining: usize, reset_us: i64, left: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: u64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    put("x-ratelimit-limit", limit as u64);
    put("x-ratelimit-remaining", remaining as u64);
    // Whole seconds, rounded up: who waits that long is let in.
    put("x-ratelimit-reset", (reset_us + SECOND_US - 1).div_euclid(SECOND_US).max(0).unsigned_abs());
    put("x-daily-requests-left", left);
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { personal_burst: 3, search_burst: 1, abuse_refusals: 3, ..Limits::of(Plan::Lite, 1) }
    }

    fn who() -> Who {
        Who::Personal("t".to_owned())
    }

    #[test]
    fn two_seconds_roll_and_say_when_they_end() {
        let mut windows = Windows::default();
        for i in 0..3 {
            assert!(windows.admit(limits(), i, &who(), 5, false).1.is_ok());
        }
        let (headers, refused) = windows.admit(limits(), 500_000, &who(), 5, false);
        assert!(refused.is_err());
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert_eq!(headers["x-ratelimit-reset"], "2");
        assert_eq!(headers["x-daily-requests-left"], "29985");
        assert!(windows.admit(limits(), WINDOW_US, &who(), 5, false).1.is_ok());
    }

    #[test]
    fn searches_are_counted_twice_over() {
        let mut windows = Windows::default();
        assert!(windows.admit(limits(), 0, &who(), 20, true).1.is_ok());
        let (headers, refused) = windows.admit(limits(), 0, &who(), 20, true);
        assert!(refused.is_err());
        assert_eq!(headers["x-ratelimit-limit"], "1");
        assert!(windows.admit(limits(), 0, &who(), 1, false).1.is_ok());
    }

    #[test]
    fn the_day_is_paid_in_tokens() {
        let mut windows = Windows::default();
        assert!(windows.admit(limits(), 0, &who(), 29_999, false).1.is_ok());
        let (headers, refused) = windows.admit(limits(), 0, &who(), 2, false);
        assert!(refused.is_err());
        assert_eq!(headers["x-ratelimit-reset"], "86400");
        assert!(windows.admit(limits(), 0, &who(), 1, false).1.is_ok());
        assert!(windows.admit(limits(), DAY_US, &who(), 5, false).1.is_ok());
    }

    #[test]
    fn who_will_not_listen_meets_cloudflare() {
        let mut windows = Windows::default();
        let statuses: Vec<u16> = (0..7)
            .map(|_| windows.admit(limits(), 0, &who(), 1, false).1.map_or_else(|it| it.status.as_u16(), |()| 200))
            .collect();
        assert_eq!(statuses, [200, 200, 200, 429, 429, 429, 403]);
    }
}
