//! How long to wait before the next attempt, and which answers of a subscriber end a delivery.

use std::time::Duration;

use crate::env::Env;

/// Waits before attempts 1 to 8 of a delivery, in seconds (Kirim reference, "Delivery contract").
const DELIVERY_WAITS_SECS: [i64; 8] = [0, 10, 30, 2 * 60, 10 * 60, 60 * 60, 6 * 60 * 60, 24 * 60 * 60];
const JITTER_PERCENT: i64 = 20;

const BACKOFF_FIRST_SECS: i64 = 1;
const BACKOFF_MAX_SECS: i64 = 10 * 60;

/// The wait before attempt number `attempt` (the first is 1) of a delivery, 20 % shorter or longer by chance.
/// `None` when the attempts are spent: the delivery is dead.
pub fn delivery_retry(attempt: u32, env: &Env) -> Option<Duration> {
    let index = usize::try_from(attempt.checked_sub(1)?).ok()?;
    DELIVERY_WAITS_SECS.get(index).map(|secs| jittered(*secs, env))
}

/// The wait before a vendor job's retry number `attempt` (the first is 1): from one second doubling to ten minutes,
/// 20 % shorter or longer by chance.
pub fn backoff(attempt: u32, env: &Env) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let secs = BACKOFF_FIRST_SECS.saturating_mul(1 << doublings);
    jittered(secs.min(BACKOFF_MAX_SECS), env)
}

/// The wait after failed attempt number `attempt` (the first is 1) to tell an app of a change: 15 seconds and a power of
/// two, a tenth more or less by chance. After twenty failed attempts these waits come to about 24 days, so that attempt 21
/// is the last (Xkit's documentation, "Consistency guarantees").
pub fn crm_delivery_retry(attempt: u32, env: &Env) -> Duration {
    let millis = 1_000 * (15 + (1_i64 << attempt.min(30)));
    let millis = env.between(millis - millis / 10, millis + millis / 10);
    Duration::from_millis(millis.unsigned_abs())
}

fn jittered(secs: i64, env: &Env) -> Duration {
    let millis = secs.saturating_mul(1_000);
    let spread = millis * JITTER_PERCENT / 100;
    let millis = env.between(millis - spread, millis + spread);
    Duration::from_millis(millis.max(0).unsigned_abs())
}

/// What a subscriber's answer means for the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryVerdict {
    /// Taken.
    Delivered,
    /// Failed; the next attempt may succeed.
    Retry,
    /// Refused for good: no further attempt.
    Dead,
}

/// Judges an answer's HTTP status; `None` is no answer at all (network, DNS or TLS error, or too slow).
/// Redirects are not followed and count as failures.
pub fn delivery_verdict(status: Option<u16>) -> DeliveryVerdict {
    match status {
        Some(200..=299) => DeliveryVerdict::Delivered,
        Some(408 | 429) => DeliveryVerdict::Retry,
        Some(400..=499) => DeliveryVerdict::Dead,
        Some(_) | None => DeliveryVerdict::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_repeats_to_tell_an_app_take_about_24_days() {
        let (env, _) = Env::manual(Time::from_secs(0), 1);
        let waits: Vec<Duration> = (1..=20).map(|attempt| crm_delivery_retry(attempt, &env)).collect();
        assert!((15..=19).contains(&waits[0].as_secs()), "{:?}", waits[0]);
        let days = waits.iter().sum::<Duration>().as_secs() / 86_400;
        assert!((21..=27).contains(&days), "{days}");
    }
    use crate::env::Time;
    use crate::limits::DELIVERY_ATTEMPTS_MAX;

    #[test]
    fn the_documented_schedule_is_kept_within_its_jitter() {
        for seed in 0..100 {
            let (env, _dial) = Env::manual(Time(0), seed);
            for (attempt, secs) in (1..).zip([0.0, 10.0, 30.0, 120.0, 600.0, 3_600.0, 21_600.0, 86_400.0]) {
                let wait = delivery_retry(attempt, &env).unwrap().as_secs_f64();
                assert!((secs * 0.8..=secs * 1.2).contains(&wait), "{attempt}: {wait}");
            }
            assert_eq!(delivery_retry(9, &env), None);
            assert_eq!(delivery_retry(0, &env), None);
        }
        assert_eq!(DELIVERY_WAITS_SECS.len() as u64, DELIVERY_ATTEMPTS_MAX);
        assert_eq!(DELIVERY_WAITS_SECS.iter().sum::<i64>(), (31 * 60 + 12) * 60 + 40);
    }

    #[test]
    fn vendor_retries_double_up_to_ten_minutes() {
        let (env, _dial) = Env::manual(Time(0), 7);
        for (attempt, secs) in [(0, 1.0), (1, 1.0), (2, 2.0), (5, 16.0), (10, 512.0), (11, 600.0), (u32::MAX, 600.0)] {
            let wait = backoff(attempt, &env).as_secs_f64();
            assert!((secs * 0.8..=secs * 1.2).contains(&wait), "{attempt}: {wait}");
        }
    }

    #[test]
    fn answers_are_judged_as_documented() {
        use DeliveryVerdict::{Dead, Delivered, Retry};
        for (status, verdict) in [
            (Some(200), Delivered),
            (Some(204), Delivered),
            (Some(301), Retry),
            (Some(400), Dead),
            (Some(404), Dead),
            (Some(408), Retry),
            (Some(410), Dead),
            (Some(429), Retry),
            (Some(500), Retry),
            (Some(503), Retry),
            (Some(999), Retry),
            (None, Retry),
        ] {
            assert_eq!(delivery_verdict(status), verdict, "{status:?}");
        }
    }
}
