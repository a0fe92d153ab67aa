//! Notion's limiter: a budget of calls per connection in windows of a minute, spendable at any pace, and beside it one
//! of the whole workspace. Source: Notion's page "Request limits"; the numbers are second-hand, the workspace's is
//! not published.

use std::collections::HashMap;

use serde_json::json;

use super::answer::Refusal;
use super::oauth::App;

const SECOND_US: i64 = 1_000_000;

/// How many calls are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of one connection in a window: 180, or 600 on Business and Enterprise plans.
    pub per_connection: u32,
    /// Length of a connection's window in microseconds. It opens with the first call after the last one closed.
    pub window_us: i64,
    /// Calls of all connections together in a workspace window; none for no such limit.
    pub per_workspace: Option<u32>,
    /// Length of the workspace's window in microseconds: longer than a minute, and so is its `Retry-After`.
    pub workspace_window_us: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_connection: 180,
            window_us: 60 * SECOND_US,
            per_workspace: None,
            workspace_window_us: 300 * SECOND_US,
        }
    }
}

/// Why a call is refused with 429.
pub(super) const CONNECTION: &str = "public_api_request_rate_limit";
pub(super) const WORKSPACE: &str = "public_api_space_request_rate_limit";

#[derive(Debug, Default)]
struct Window {
    opened_us: i64,
    calls: u32,
}

impl Window {
    /// How long until a call would pass; none if one passes now.
    fn wait_us(&mut self, calls: u32, length_us: i64, now_us: i64) -> Option<i64> {
        let closes_us = self.opened_us + length_us;
        if self.calls == 0 || now_us >= closes_us || now_us < self.opened_us {
            *self = Self { opened_us: now_us, calls: 0 };
            return None;
        }
        (self.calls >= calls).then_some(closes_us - now_us)
    }
}

/// The calls that still count.
#[derive(Debug, Default)]
pub(super) struct Windows {
    by_app: HashMap<App, Window>,
    workspace: Window,
}

impl Windows {
    /// Lets a call through or refuses it with 429.
    pub(super) fn admit(&mut self, limits: Limits, now_us: i64, app: &App) -> Result<(), Refusal> {
        let own = self.by_app.entry(app.clone()).or_default();
        if let Some(wait_us) = own.wait_us(limits.per_connection, limits.window_us, now_us) {
            return Err(refusal(CONNECTION, wait_us));
        }
        if let Some(calls) = limits.per_workspace
            && let Some(wait_us) = self.workspace.wait_us(calls, limits.workspace_window_us, now_us)
        {
            return Err(refusal(WORKSPACE, wait_us));
        }
        own.calls += 1;
        self.workspace.calls += 1;
        Ok(())
    }
}

/// A 429 that asks for a pause of whole seconds.
pub(super) fn refusal(reason: &str, wait_us: i64) -> Refusal {
    let seconds = (wait_us + SECOND_US - 1).div_euclid(SECOND_US).max(1);
    Refusal::ordered(429).wait(seconds).additional(json!({"rate_limit_reason": reason, "retry_after": seconds}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_opens_with_its_first_call_and_gives_its_whole_budget_back() {
        let limits = Limits { per_connection: 3, ..Limits::default() };
        let mut windows = Windows::default();
        let mut admit = |at_us| windows.admit(limits, at_us, &App::OAuth).map_err(|it| it.retry_after);
        assert!((0..3).all(|i| admit(100 + i * SECOND_US).is_ok()));
        assert_eq!(admit(100 + 10 * SECOND_US), Err(Some(50)));
        assert_eq!(admit(99 + 60 * SECOND_US), Err(Some(1)));
        assert!((0..3).all(|_| admit(100 + 60 * SECOND_US).is_ok()));
        assert_eq!(admit(100 + 60 * SECOND_US), Err(Some(60)));
    }

    #[test]
    fn connections_share_the_workspace_budget() {
        let limits = Limits { per_workspace: Some(2), ..Limits::default() };
        let mut windows = Windows::default();
        assert!(windows.admit(limits, 0, &App::OAuth).is_ok());
        assert!(windows.admit(limits, 0, &App::Static("a".into())).is_ok());
        let refused = windows.admit(limits, 0, &App::Static("b".into())).map_err(|it| it.retry_after);
        assert_eq!(refused, Err(Some(300)));
    }
}
