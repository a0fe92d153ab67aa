//! When to try again.

use std::time::Duration;

use crate::env::Env;

/// The wait before a vendor job's next try: doubling from 1 second to 10 minutes, varied by a fifth either way.
/// `attempt` counts the tries that failed before.
pub fn backoff(attempt: u32, env: &Env) -> Duration {
    const LONGEST_MILLIS: i64 = 600_000;
    let millis = 1_000_i64.saturating_mul(1 << attempt.min(20)).min(LONGEST_MILLIS);
    let varied = env.between(millis - millis / 5, millis + millis / 5).min(LONGEST_MILLIS);
    Duration::from_millis(varied.unsigned_abs())
}
