//! How fast a number may send.

use http::StatusCode;

use super::answer::{Refusal, title_of};
use super::business::Business;

/// Messages a second of one number, both ways. Source: "Throughput" on developers.facebook.com.
const THROUGHPUT: usize = 80;
const SECOND_US: i64 = 1_000_000;
/// One message to one person in so long. Source: "Throughput" and "Messages", section "Pair rate limits".
const PAIR_US: f64 = 6_000_000.0;
/// So many to one person may be sent at once, on credit. Source: as above.
const PAIR_BURST: f64 = 45.0;

impl Business {
    /// Counts a message of `number` to `customer` in, or refuses it.
    pub(super) fn admit(&mut self, number: &str, customer: &str) -> Result<(), Refusal> {
        if !self.settings.limits {
            return Ok(());
        }
        let now_us = self.now_us();
        let passed = self.passed.entry(number.to_owned()).or_default();
        while passed.front().is_some_and(|at| now_us - at >= SECOND_US) {
            passed.pop_front();
        }
        if passed.len() >= THROUGHPUT {
            return Err(refused(
                130_429,
                "Too many messages were sent from this phone number in a short period of time",
            ));
        }
        let room = self.customers.entry(customer.to_owned()).or_default().room.entry(number.to_owned());
        let (left, since_us) = room.or_insert((PAIR_BURST, now_us));
        #[expect(clippy::cast_precision_loss, reason = "microseconds since the last message are far below 2^52")]
        let refilled = (now_us - *since_us) as f64 / PAIR_US;
        (*left, *since_us) = ((*left + refilled).min(PAIR_BURST), now_us);
        if *left < 1.0 {
            return Err(refused(131_056, "Too many messages were sent from this number to the same number"));
        }
        *left -= 1.0;
        passed.push_back(now_us);
        Ok(())
    }
}

fn refused(code: u32, details: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, title_of(code), details)
}
