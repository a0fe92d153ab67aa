//! HubSpot's limiters: calls in any ten seconds per app, calls a day per account, searches in any second per
//! account. Source: HubSpot's usage guidelines.

use std::collections::{HashMap, VecDeque};

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::answer::Refusal;
use super::oauth::App;

const SECOND_US: i64 = 1_000_000;
const TEN_SECONDS_US: i64 = 10 * SECOND_US;
const DAY_US: i64 = 86_400 * SECOND_US;

/// How many calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one app in any ten seconds: 100 for free accounts, 110 for OAuth apps, 190 or 250 for paying ones.
    pub ten_seconds: usize,
    /// Searches of the whole account in any second.
    pub search_per_second: usize,
    /// Calls of the whole account in a day (UTC).
    pub daily: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { ten_seconds: 110, search_per_second: 5, daily: 250_000 }
    }
}

/// The calls that still count.
#[derive(Debug, Default)]
pub(super) struct Windows {
    by_app: HashMap<App, VecDeque<i64>>,
    searches: VecDeque<i64>,
    day: i64,
    today: u32,
}

impl Windows {
    /// Lets a call through, with the headers its answer shows, or refuses it with 429.
    pub(super) fn admit(
        &mut self,
        limits: Limits,
        now_us: i64,
        app: &App,
        is_search: bool,
    ) -> Result<HeaderMap, Refusal> {
        let day = now_us.div_euclid(DAY_US);
        if day != self.day {
            (self.day, self.today) = (day, 0);
        }
        let recent = self.by_app.entry(app.clone()).or_default();
        drop_older(recent, now_us - TEN_SECONDS_US);
        drop_older(&mut self.searches, now_us - SECOND_US);
        if self.today >= limits.daily {
            return Err(refusal(Policy::Daily));
        }
        if recent.len() >= limits.ten_seconds {
            return Err(refusal(Policy::TenSecondly));
        }
        if is_search && self.searches.len() >= limits.search_per_second {
            return Err(refusal(Policy::Secondly));
        }
        recent.push_back(now_us);
        self.today += 1;
        if is_search {
            self.searches.push_back(now_us);
            return Ok(HeaderMap::new());
        }
        Ok(headers(limits, recent.len(), self.today, app))
    }
}

fn drop_older(calls: &mut VecDeque<i64>, horizon_us: i64) {
    while calls.front().is_some_and(|call| *call <= horizon_us) {
        calls.pop_front();
    }
}

fn headers(limits: Limits, recent: usize, today: u32, app: &App) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: u64| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    };
    put("x-hubspot-ratelimit-max", limits.ten_seconds as u64);
    put("x-hubspot-ratelimit-remaining", limits.ten_seconds.saturating_sub(recent) as u64);
    put("x-hubspot-ratelimit-interval-milliseconds", 10_000);
    if *app != App::OAuth {
        put("x-hubspot-ratelimit-daily", limits.daily.into());
        put("x-hubspot-ratelimit-daily-remaining", limits.daily.saturating_sub(today).into());
    }
    headers
}

/// The limit a 429 speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    TenSecondly,
    Secondly,
    Daily,
}

impl Policy {
    /// Reads HubSpot's name of a limit; an unknown one is taken for the ten-second limit.
    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some("DAILY") => Self::Daily,
            Some("SECONDLY") => Self::Secondly,
            _ => Self::TenSecondly,
        }
    }
}

pub(super) fn refusal(policy: Policy) -> Refusal {
    let (name, words) = match policy {
        Policy::TenSecondly => ("TEN_SECONDLY_ROLLING", "ten_secondly_rolling"),
        Policy::Secondly => ("SECONDLY", "secondly"),
        Policy::Daily => ("DAILY", "daily"),
    };
    Refusal::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITS", format!("You have reached your {words} limit."))
        .extra("errorType", "RATE_LIMIT")
        .extra("policyName", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { ten_seconds: 3, search_per_second: 2, daily: 6 };

    fn admitted(windows: &mut Windows, at_us: i64, is_search: bool) -> bool {
        windows.admit(LIMITS, at_us, &App::OAuth, is_search).is_ok()
    }

    #[test]
    fn ten_seconds_roll() {
        let mut windows = Windows::default();
        assert!((0..3).all(|i| admitted(&mut windows, i, false)));
        assert!(!admitted(&mut windows, TEN_SECONDS_US - 1, false));
        assert!(admitted(&mut windows, TEN_SECONDS_US, false), "the first has left the window");
    }

    #[test]
    fn searches_have_a_window_of_their_own_and_no_headers() {
        let mut windows = Windows::default();
        assert!(windows.admit(LIMITS, 0, &App::OAuth, true).is_ok_and(|headers| headers.is_empty()));
        assert!(admitted(&mut windows, 0, true));
        assert!(!admitted(&mut windows, 0, true));
        let answer = windows.admit(LIMITS, 0, &App::Static("t".into()), false);
        let headers = answer.expect("another app has its own ten seconds");
        assert_eq!(headers["x-hubspot-ratelimit-remaining"], "2");
        assert_eq!(headers["x-hubspot-ratelimit-daily-remaining"], "3");
        assert!(admitted(&mut windows, SECOND_US, true));
    }

    #[test]
    fn the_day_ends_at_midnight() {
        let mut windows = Windows::default();
        assert!((0..6).all(|i| admitted(&mut windows, i * TEN_SECONDS_US, false)));
        assert!(!admitted(&mut windows, DAY_US - 1, false));
        assert!(admitted(&mut windows, DAY_US, false));
    }
}
