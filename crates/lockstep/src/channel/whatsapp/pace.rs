//! Keeps to what Meta lets a number send (law 11), so that a refusal for speed is somebody else's doing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lockstep_core::env::Time;

/// Messages a second: "Throughput" allows 80, inbound ones included, of which a quarter is left to those.
const A_SECOND: usize = 60;
const SECOND: Duration = Duration::from_secs(1);
/// "Pair rate limits": one message to one person in so long,
const PAIR: Duration = Duration::from_secs(6);
/// but so many at once on credit; Meta gives 45, and another server may have used some.
const PAIR_BURST: i64 = 40;
/// Pairs that are remembered before those that are back at their full credit are forgotten.
const PAIRS_MAX: usize = 10_000;

/// What left of late. Each server has its own: several that send over one number meet Meta's limit instead.
#[derive(Debug, Default)]
pub struct Pace(Mutex<Left>);

#[derive(Debug, Default)]
struct Left {
    /// When the messages of the last second left, by number.
    numbers: HashMap<String, VecDeque<Time>>,
    /// When a pair's credit is full again, by number and customer.
    full_at: HashMap<(String, String), Time>,
}

impl Pace {
    /// Counts a message in, or says how long to wait.
    ///
    /// # Errors
    /// How long nothing more may leave.
    pub fn admit(&self, number: &str, to: &str, now: Time) -> Result<(), Duration> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = (number.to_owned(), to.to_owned());
        let full_at = left.full_at.get(&pair).copied().unwrap_or(now).max(now);
        let credit = full_at.since(now);
        let most = PAIR * u32::try_from(PAIR_BURST - 1).unwrap_or(u32::MAX);
        if credit > most {
            return Err(credit.saturating_sub(most));
        }
        let sent = left.numbers.entry(number.to_owned()).or_default();
        while sent.front().is_some_and(|at| now.since(*at) >= SECOND || *at > now) {
            sent.pop_front();
        }
        if sent.len() >= A_SECOND {
            let oldest = sent.front().map_or(Duration::ZERO, |at| now.since(*at));
            return Err(SECOND.saturating_sub(oldest));
        }
        sent.push_back(now);
        if left.full_at.len() >= PAIRS_MAX {
            left.full_at.retain(|_, full_at| *full_at > now);
        }
        left.full_at.insert(pair, full_at.plus(PAIR));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGINNING: Time = Time::from_secs(1_000);

    #[test]
    fn a_person_gets_a_burst_and_then_one_in_six_seconds() {
        let pace = Pace::default();
        for _ in 0..40 {
            assert_eq!(pace.admit("1", "+1", BEGINNING), Ok(()));
        }
        assert_eq!(pace.admit("1", "+1", BEGINNING), Err(PAIR));
        assert_eq!(pace.admit("1", "+2", BEGINNING), Ok(()));
        assert_eq!(pace.admit("2", "+1", BEGINNING), Ok(()));
        let later = BEGINNING.plus(PAIR);
        assert_eq!(pace.admit("1", "+1", later), Ok(()));
        assert_eq!(pace.admit("1", "+1", later), Err(PAIR));
        assert_eq!(pace.admit("1", "+1", later.plus(PAIR * 40)), Ok(()));
    }

    #[test]
    fn a_number_keeps_to_its_throughput() {
        let pace = Pace::default();
        let admitted = |now: Time| (0..100).filter(|n| pace.admit("1", &format!("+{n}"), now).is_ok()).count();
        assert_eq!(admitted(BEGINNING), 60);
        assert_eq!(pace.admit("1", "+x", BEGINNING.plus(SECOND / 4)), Err(SECOND * 3 / 4));
        assert_eq!(admitted(BEGINNING.plus(SECOND)), 60);
    }
}
