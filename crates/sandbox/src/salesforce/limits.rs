//! The one limit that Salesforce sets on calls as such: so many in any 24 hours, for the whole org. Nothing is
//! limited per second. Source: Salesforce's platform-API cheat sheet.

use std::collections::VecDeque;

const DAY_US: i64 = 86_400 * 1_000_000;

/// Calls of one minute are kept together.
const STEP_US: i64 = 60 * 1_000_000;

/// The calls that still count.
#[derive(Debug, Default)]
pub(super) struct Window {
    steps: VecDeque<(i64, usize)>,
    used: usize,
}

impl Window {
    /// Counts `calls`, or answers false and counts nothing if the org has none left.
    pub(super) fn admit(&mut self, now_us: i64, calls: usize, limit: usize) -> bool {
        let used = self.used(now_us);
        if used >= limit {
            return false;
        }
        let step = now_us - now_us.rem_euclid(STEP_US);
        match self.steps.back_mut().filter(|(at_us, _)| *at_us >= step) {
            Some((_, count)) => *count += calls,
            None => self.steps.push_back((step, calls)),
        }
        self.used += calls;
        true
    }

    /// Calls of the last 24 hours.
    pub(super) fn used(&mut self, now_us: i64) -> usize {
        while let Some(&(at_us, count)) = self.steps.front() {
            if at_us > now_us - DAY_US {
                break;
            }
            self.used -= count;
            self.steps.pop_front();
        }
        self.used
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_rolls() {
        let mut window = Window::default();
        assert!(window.admit(0, 2, 3) && window.admit(STEP_US, 1, 3));
        assert!(!window.admit(DAY_US - 1, 1, 3));
        assert!(window.admit(DAY_US, 1, 3), "the first two have left the window");
        assert_eq!(window.used(DAY_US), 2);
    }
}
