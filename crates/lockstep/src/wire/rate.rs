//! Token buckets, one per organization and class of request (reference section "Rate limits").

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use lockstep_core::env::Time;
use lockstep_core::ids::OrgId;

use crate::app::RateLimits;

/// One token in the bucket's own unit, so that a refill of `n` tokens a minute is `n` units a microsecond.
const TOKEN: u64 = 60_000_000;

/// Buckets kept before the full ones are dropped; a full bucket and no bucket are the same.
const BUCKETS_MAX: usize = 10_000;

/// What a request counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// POST, PUT, PATCH, DELETE.
    Write,
    /// GET, HEAD and whatever else changes nothing.
    Read,
}

impl Class {
    /// The class of a method.
    pub fn of(method: &Method) -> Self {
        match *method {
            Method::POST | Method::PUT | Method::PATCH | Method::DELETE => Self::Write,
            _ => Self::Read,
        }
    }

    fn per_minute(self, limits: &RateLimits) -> Option<u32> {
        match self {
            Self::Write => limits.write_per_minute,
            Self::Read => limits.read_per_minute,
        }
    }
}

/// All buckets of this process.
#[derive(Debug, Default)]
pub struct Limiter(Mutex<HashMap<(OrgId, Class), Bucket>>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at: Time,
}

/// Where a bucket stands after one request asked for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Tokens of a full bucket.
    pub limit: u32,
    /// Whole tokens left.
    pub remaining: u32,
    /// When the bucket is full again.
    pub full_at: Time,
    /// How long until there is a token; `None` when this request got one.
    pub wait: Option<Duration>,
}

impl Limiter {
    /// Takes a token; `None` where the class has no limit.
    pub fn take(&self, org: &OrgId, class: Class, limits: &RateLimits, now: Time) -> Option<Standing> {
        let limit = class.per_minute(limits)?.max(1);
        let capacity = u64::from(limit) * TOKEN;
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets
                .retain(|(_, class), bucket| class.per_minute(limits).is_some_and(|limit| !bucket.is_full(limit, now)));
        }
        let bucket = buckets.entry((org.clone(), class)).or_insert(Bucket { level: capacity, at: now });
        *bucket = Bucket { level: bucket.level_at(limit, now), at: now };
        let wait = if bucket.level < TOKEN {
            Some(refill(TOKEN - bucket.level, limit))
        } else {
            bucket.level -= TOKEN;
            None
        };
        Some(Standing {
            limit,
            remaining: u32::try_from(bucket.level / TOKEN).unwrap_or(limit),
            full_at: now.plus(refill(capacity - bucket.level, limit)),
            wait,
        })
    }
}

impl Bucket {
    fn level_at(self, limit: u32, now: Time) -> u64 {
        let micros = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        self.level.saturating_add(micros.saturating_mul(u64::from(limit))).min(u64::from(limit) * TOKEN)
    }

    fn is_full(self, limit: u32, now: Time) -> bool {
        self.level_at(limit, now) == u64::from(limit) * TOKEN
    }
}

fn refill(missing: u64, limit: u32) -> Duration {
    Duration::from_micros(missing.div_ceil(u64::from(limit)))
}

impl Standing {
    /// Writes the `X-RateLimit-…` headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        let reset = self.full_at.0.saturating_add(999_999).div_euclid(1_000_000);
        headers.insert("x-ratelimit-limit", HeaderValue::from(self.limit));
        headers.insert("x-ratelimit-remaining", HeaderValue::from(self.remaining));
        headers.insert("x-ratelimit-reset", HeaderValue::from(reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockstep_core::env::Env;

    const LIMITS: RateLimits = RateLimits { write_per_minute: Some(60), read_per_minute: None };

    #[test]
    fn a_bucket_empties_and_refills_by_the_clock() {
        let (env, dial) = Env::manual(Time::from_secs(1_000), 1);
        let org = OrgId::new(&env);
        let limiter = Limiter::default();
        for left in (0..60).rev() {
            let standing = limiter.take(&org, Class::Write, &LIMITS, env.now()).unwrap();
            assert_eq!((standing.remaining, standing.wait), (left, None));
        }
        let refused = limiter.take(&org, Class::Write, &LIMITS, env.now()).unwrap();
        assert_eq!(refused.wait, Some(Duration::from_secs(1)));
        assert_eq!(refused.full_at, Time::from_secs(1_060));

        dial.advance(Duration::from_millis(1_500));
        let standing = limiter.take(&org, Class::Write, &LIMITS, env.now()).unwrap();
        assert_eq!((standing.remaining, standing.wait), (0, None));
    }

    #[test]
    fn a_lifted_limit_has_no_bucket_and_organizations_do_not_share() {
        let (env, _dial) = Env::manual(Time::from_secs(1_000), 1);
        let (one, other) = (OrgId::new(&env), OrgId::new(&env));
        let limiter = Limiter::default();
        assert_eq!(limiter.take(&one, Class::Read, &LIMITS, env.now()), None);
        limiter.take(&one, Class::Write, &LIMITS, env.now());
        assert_eq!(limiter.take(&other, Class::Write, &LIMITS, env.now()).unwrap().remaining, 59);
    }

    #[test]
    fn full_buckets_are_dropped_when_there_are_many() {
        let (env, dial) = Env::manual(Time::from_secs(1_000), 1);
        let limiter = Limiter::default();
        for _ in 0..BUCKETS_MAX {
            limiter.take(&OrgId::new(&env), Class::Write, &LIMITS, env.now());
        }
        dial.advance(Duration::from_secs(60));
        limiter.take(&OrgId::new(&env), Class::Write, &LIMITS, env.now());
        assert_eq!(limiter.0.lock().unwrap().len(), 1);
    }
}
