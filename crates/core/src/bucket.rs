//! A token bucket: how many requests are left, and when there will be more (reference section "Rate limits").

use std::time::Duration;

use crate::env::Time;

/// One token in the bucket's own unit, so that a refill of `n` tokens a minute is `n` units a microsecond.
pub const TOKEN: i64 = 60_000_000;

/// What a bucket held at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// In units of which [`TOKEN`] make one.
    pub level: i64,
    /// When.
    pub at: Time,
}

impl Bucket {
    /// A bucket of so many tokens, all there.
    pub fn full(per_minute: u32, at: Time) -> Self {
        Self { level: capacity(per_minute), at }
    }

    /// The same bucket, refilled until now. One whose clock is a little ahead of ours is left as it is; one that is ahead
    /// by more than a full refill was written before a clock stepped back, and goes on from now.
    #[must_use]
    pub fn until(self, per_minute: u32, now: Time) -> Self {
        let at = if self.at.since(now) > Duration::from_secs(60) { now } else { self.at.max(now) };
        let micros = i64::try_from(now.since(self.at).as_micros()).unwrap_or(i64::MAX);
        let level = self.level.saturating_add(micros.saturating_mul(i64::from(per_minute)));
        Self { level: level.min(capacity(per_minute)), at }
    }

    /// The same bucket with tokens given back.
    #[must_use]
    pub fn with(self, per_minute: u32, tokens: u32) -> Self {
        Self { level: self.level.saturating_add(i64::from(tokens) * TOKEN).min(capacity(per_minute)), ..self }
    }

    /// Takes up to so many whole tokens out and answers how many there were.
    pub fn take(&mut self, wanted: u32) -> u32 {
        let taken = self.tokens().min(wanted);
        self.level -= i64::from(taken) * TOKEN;
        taken
    }

    /// The whole tokens in it.
    pub fn tokens(self) -> u32 {
        u32::try_from(self.level.max(0) / TOKEN).unwrap_or(u32::MAX)
    }

    /// How long until it holds so many tokens.
    pub fn wait_for(self, per_minute: u32, tokens: u32) -> Duration {
        let missing = (i64::from(tokens) * TOKEN).saturating_sub(self.level).max(0).unsigned_abs();
        Duration::from_micros(missing.div_ceil(u64::from(per_minute.max(1))))
    }
}

fn capacity(per_minute: u32) -> i64 {
    i64::from(per_minute) * TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_refills_by_the_clock() {
        let at = Time::from_secs(1_000);
        let mut bucket = Bucket::full(60, at);
        assert_eq!((bucket.take(100), bucket.take(1)), (60, 0));
        assert_eq!(
            (bucket.wait_for(60, 1), bucket.wait_for(60, 60)),
            (Duration::from_secs(1), Duration::from_secs(60))
        );
        let later = bucket.until(60, at.plus(Duration::from_millis(1_500)));
        assert_eq!((later.tokens(), later.wait_for(60, 2)), (1, Duration::from_millis(500)));
        assert_eq!(later.until(60, at), later, "a clock that is behind takes nothing and gives nothing");
        let stepped_back = later.until(60, at.minus(Duration::from_secs(600)));
        assert_eq!((stepped_back.tokens(), stepped_back.at), (1, at.minus(Duration::from_secs(600))));
        assert_eq!(later.until(60, at.plus(Duration::from_secs(3_600))).tokens(), 60);
        assert_eq!((later.with(60, 5).tokens(), later.with(60, 100).tokens()), (6, 60));
        assert_eq!(bucket.until(30, at.plus(Duration::from_secs(120))).tokens(), 30, "a limit that was lowered holds");
    }
}
