//! The throttle of Odoo Online's front. The product itself has no limit.

use std::collections::{BTreeMap, VecDeque};

use super::settings::Limits;
use super::times::SECOND_US;

/// Calls that still count, by key.
#[derive(Debug, Default)]
pub(super) struct Throttle(BTreeMap<String, VecDeque<i64>>);

impl Throttle {
    /// Whether a call may pass.
    pub(super) fn admits(&mut self, limits: Limits, now_us: i64, key: &str) -> bool {
        let Some(most) = limits.per_second else { return true };
        self.0.retain(|_, calls| calls.back().is_some_and(|last| *last > now_us - SECOND_US));
        let calls = self.0.entry(key.to_owned()).or_default();
        while calls.front().is_some_and(|call| *call <= now_us - SECOND_US) {
            calls.pop_front();
        }
        let admitted = calls.len() < most;
        if admitted {
            calls.push_back(now_us);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_second() {
        let mut throttle = Throttle::default();
        let limits = Limits { per_second: Some(1) };
        assert!(throttle.admits(limits, 0, "a"));
        assert!(throttle.admits(limits, 0, "b"));
        assert!(!throttle.admits(limits, SECOND_US - 1, "a"));
        assert!(throttle.admits(limits, SECOND_US, "a"));
        assert!((0..9).all(|_| throttle.admits(Limits::default(), 0, "a")));
    }
}
