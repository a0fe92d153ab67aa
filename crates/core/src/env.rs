//! The only source of now, ids and jitter, and the only one that can wait.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant as microseconds since the Unix epoch; RFC 3339 with milliseconds on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// An instant from whole milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// An instant from whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant plus a span, saturating.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(micros(span)))
    }

    /// This instant minus a span, saturating.
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(micros(span)))
    }

    /// The span since an earlier instant; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let stamp: jiff::Timestamp = text.trim().parse().ok()?;
        Some(Self(stamp.as_microsecond()))
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.as_millis()) {
            Ok(stamp) => write!(f, "{stamp:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

/// How to wait. What is answered is ready when the span has passed.
pub type Wait = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Now, chance, ids and waiting, handed to whoever needs them. Clones share one clock and one generator.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Fn() -> Time + Send + Sync>,
    wait: Wait,
    rng: Arc<Mutex<ChaCha20Rng>>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("now", &self.now()).finish()
    }
}

impl Env {
    /// The machine's clock and the operating system's randomness. It does not wait: see [`Env::waiting`].
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn system() -> Result<Self, getrandom::Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
        let clock = || Time(jiff::Timestamp::now().as_microsecond());
        let rng = Arc::new(Mutex::new(ChaCha20Rng::from_seed(seed)));
        Ok(Self { clock: Arc::new(clock), wait: Arc::new(|_| Box::pin(ready(()))), rng })
    }

    /// The same with a way to wait, such as a runtime's timer.
    #[must_use]
    pub fn waiting(self, wait: Wait) -> Self {
        Self { wait, ..self }
    }

    /// A clock that stands until its [`Dial`] is moved, and chance that repeats for a seed. Waiting moves the dial.
    pub fn manual(start: Time, seed: u64) -> (Self, Dial) {
        let dial = Dial(Arc::new(AtomicI64::new(start.0)));
        let hand = dial.clone();
        let rng = ChaCha20Rng::seed_from_u64(seed);
        let moved = dial.clone();
        let wait: Wait = Arc::new(move |span| {
            moved.advance(span);
            Box::pin(ready(()))
        });
        (Self { clock: Arc::new(move || hand.now()), wait, rng: Arc::new(Mutex::new(rng)) }, dial)
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        (self.clock)()
    }

    /// Waits until this instant, if there is a way to wait; whether it has come.
    pub async fn wait_until(&self, instant: Time) -> bool {
        (self.wait)(instant.since(self.now())).await;
        self.now() >= instant
    }

    /// Fresh random bytes, fit for secrets.
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }

    /// A number from `low` to `high`, both included; `low` when the range is empty.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        let span = high.saturating_sub(low).max(0).unsigned_abs().saturating_add(1);
        let offset = u64::from_le_bytes(self.random_bytes()) % span;
        low.saturating_add(i64::try_from(offset).unwrap_or(0))
    }

    /// A new ULID, in the 26 characters of Crockford's base 32.
    pub fn ulid(&self) -> String {
        let random = u128::from_le_bytes(self.random_bytes());
        let millis = u64::try_from(self.now().as_millis()).unwrap_or(0);
        ulid::Ulid::from_parts(millis, random).to_string()
    }
}

/// Moves the clock of a manual [`Env`].
#[derive(Clone, Debug)]
pub struct Dial(Arc<AtomicI64>);

impl Dial {
    /// What the clock shows.
    pub fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }

    /// Sets the clock, backwards too.
    pub fn set(&self, time: Time) {
        self.0.store(time.0, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.set(self.now().plus(span));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_manual_clock_stands_until_it_is_moved_and_chance_repeats() {
        let (env, dial) = Env::manual(Time::from_secs(100), 1);
        assert_eq!((env.now(), env.now()), (Time::from_secs(100), Time::from_secs(100)));
        dial.advance(Duration::from_millis(1_500));
        assert_eq!(env.now(), Time::from_millis(101_500));
        dial.set(Time::from_secs(50));
        assert_eq!(env.now().since(Time::from_secs(100)), Duration::ZERO);
        let (again, _dial) = Env::manual(Time::from_secs(100), 1);
        assert_eq!(env.random_bytes::<32>(), again.random_bytes::<32>());
        assert_ne!(env.random_bytes::<32>(), env.random_bytes::<32>());
    }

    #[test]
    fn times_are_rfc_3339_with_milliseconds() {
        let time = Time::parse("2024-05-23T16:00:00.1239Z").unwrap();
        assert_eq!(time.to_string(), "2024-05-23T16:00:00.123Z");
        assert_eq!(Time::parse("2024-05-23T18:00:00+02:00").unwrap().as_secs(), 1_716_480_000);
        assert_eq!(Time::parse("yesterday"), None);
        assert_eq!(Time(-1).as_millis(), -1);
    }

    proptest! {
        #[test]
        fn a_time_survives_the_wire(millis in -62_000_000_000_000_i64..250_000_000_000_000) {
            let time = Time::from_millis(millis);
            let json = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Time>(&json).unwrap(), time);
        }

        #[test]
        fn arithmetic_saturates_and_ranges_hold(micros: i64, secs: u64, low: i64, high: i64) {
            let (env, _dial) = Env::manual(Time(micros), secs);
            let span = Duration::from_secs(secs);
            prop_assert!(Time(micros).plus(span) >= Time(micros) && Time(micros).minus(span) <= Time(micros));
            let _ = Time(micros).to_string();
            let drawn = env.between(low, high);
            prop_assert!(drawn >= low && drawn <= high.max(low));
        }
    }
}
