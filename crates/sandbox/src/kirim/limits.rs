//! The limiters: a token bucket for calls that write and another for those that read. Source: page "Rate limits".

const MINUTE_US: i64 = 60_000_000;

/// A token bucket. Tokens are counted in microseconds of a minute, so that nothing is lost to rounding.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// How much of a full bucket is missing, when that was reckoned.
    missing_us: i64,
    reckoned_us: i64,
}

/// What a call was told of its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    /// Seconds since the epoch when it is full again.
    pub(super) reset: i64,
    /// Seconds until a call passes; none where this one did.
    pub(super) retry_after: Option<i64>,
}

impl Bucket {
    /// Takes a token, if there is one.
    pub(super) fn take(&mut self, per_minute: u32, now_us: i64) -> Told {
        let token_us = MINUTE_US / i64::from(per_minute.max(1));
        self.missing_us = (self.missing_us - (now_us - self.reckoned_us).max(0)).max(0);
        self.reckoned_us = now_us;
        let lacking_us = self.missing_us + token_us - MINUTE_US;
        let passes = lacking_us <= 0;
        if passes {
            self.missing_us += token_us;
        }
        let remaining = (MINUTE_US - self.missing_us).div_euclid(token_us);
        let up = |us: i64| us.div_euclid(1_000_000) + i64::from(us.rem_euclid(1_000_000) > 0);
        Told {
            limit: per_minute,
            remaining: u32::try_from(remaining).unwrap_or_default(),
            reset: up(now_us + self.missing_us),
            retry_after: (!passes).then(|| up(lacking_us).max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_by_the_second() {
        let mut bucket = Bucket::default();
        let first = bucket.take(60, 1_000_000);
        assert_eq!(first, Told { limit: 60, remaining: 59, reset: 2, retry_after: None });
        for _ in 0..59 {
            assert_eq!(bucket.take(60, 1_000_000).retry_after, None);
        }
        let refused = bucket.take(60, 1_000_000);
        assert_eq!((refused.remaining, refused.retry_after), (0, Some(1)));
        assert_eq!(bucket.take(60, 2_000_000).retry_after, None);
        assert!(bucket.take(60, 2_000_000).retry_after.is_some());
    }
}
