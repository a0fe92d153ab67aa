//! Rate limits: token buckets, one per organization (or key with limits of its own) and class of request (reference
//! section "Rate limits"). The buckets are rows that all servers share. A server takes a slice of a hundredth at a time,
//! so that most requests need no commit, and gives back what it has not used in the time of that slice's refill.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method};
use lockstep_core::bucket::Bucket;
use lockstep_core::env::Time;
use lockstep_store::{Store, StoreError};
use tokio::sync::Mutex;

use crate::app::RateLimits;
use crate::auth::Caller;

/// Slices kept in memory; beyond them all are let go of, at the cost of what they held.
const SLICES_MAX: usize = 10_000;
/// A slice is this part of the bucket, or one token where that is less.
const SLICES_OF_A_BUCKET: u32 = 100;

/// What a request counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

    /// The caller's bucket for this class, and its tokens a minute; `None` where the class has no limit.
    fn bucket(self, caller: &Caller, limits: &RateLimits) -> Option<(String, u32)> {
        let (name, own, shared) = match self {
            Self::Write => ("write", caller.limits.write_per_minute, limits.write_per_minute),
            Self::Read => ("read", caller.limits.read_per_minute, limits.read_per_minute),
        };
        match (own, shared) {
            (Some(limit), _) => Some((format!("{}:{name}", caller.key), limit.max(1))),
            (None, Some(limit)) => Some((format!("{}:{name}", caller.org.id()), limit.max(1))),
            (None, None) => None,
        }
    }
}

/// The slices of this process.
#[derive(Debug, Default)]
pub struct Limiter(Lock<HashMap<String, Arc<Mutex<Slice>>>>);

/// Tokens that this process may give out, and how the bucket stood when it got them.
#[derive(Debug)]
struct Slice {
    tokens: u32,
    bucket: Bucket,
    /// When the bucket was asked.
    asked: Time,
    /// When it is to be asked again, tokens or not.
    until: Time,
    /// Whether the bucket was empty: then it is not asked before.
    empty: bool,
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
    /// Takes a token for a request; `None` where its class has no limit.
    ///
    /// # Errors
    /// The store's, when a slice is needed.
    pub async fn take(
        &self,
        store: &Store,
        caller: &Caller,
        class: Class,
        limits: &RateLimits,
        now: Time,
    ) -> Result<Option<Standing>, StoreError> {
        let Some((name, limit)) = class.bucket(caller, limits) else { return Ok(None) };
        let slice = self.slice(&name, limit, now);
        let mut slice = slice.lock().await;
        let held = (slice.asked..slice.until).contains(&now);
        if !held || (slice.tokens == 0 && !slice.empty) {
            let (returned, wanted) = (slice.tokens, (limit / SLICES_OF_A_BUCKET).max(1));
            let taken = store.write(move |tx| tx.take_tokens(&name, limit, returned, wanted)).await;
            let (tokens, bucket) = taken?;
            let until = match tokens {
                0 => bucket.wait_for(limit, 1),
                _ => Bucket { level: 0, at: now }.wait_for(limit, tokens),
            };
            *slice = Slice { tokens, bucket, asked: now, until: now.plus(until), empty: tokens == 0 };
        }
        let bucket = slice.bucket.until(limit, now);
        let wait = (slice.tokens == 0).then(|| bucket.wait_for(limit, 1));
        slice.tokens = slice.tokens.saturating_sub(1);
        let left = bucket.with(limit, slice.tokens);
        Ok(Some(Standing { limit, remaining: left.tokens(), full_at: now.plus(left.wait_for(limit, limit)), wait }))
    }

    fn slice(&self, name: &str, limit: u32, now: Time) -> Arc<Mutex<Slice>> {
        let mut slices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slices.len() >= SLICES_MAX && !slices.contains_key(name) {
            slices.clear();
        }
        let none = || Slice { tokens: 0, bucket: Bucket::full(limit, now), asked: now, until: now, empty: false };
        Arc::clone(slices.entry(name.to_owned()).or_insert_with(|| Arc::new(Mutex::new(none()))))
    }
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
