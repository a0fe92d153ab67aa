//! What a sandbox stands on: time, waiting and chance. All three are handed in or seeded, so that one seed
//! gives one story.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Tells the time in microseconds since the epoch, real or virtual.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Waits a number of microseconds. Given only where time is real; in memory nothing ever waits.
pub type Wait = Arc<dyn Fn(i64) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// The machine's clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where a sandbox on a real address gets its time from")]
pub fn system_clock() -> Clock {
    Arc::new(|| Timestamp::now().as_microsecond())
}

/// Real waiting on the tokio timer.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where a sandbox on a real address waits")]
pub fn tokio_wait() -> Wait {
    Arc::new(|us| {
        let duration = std::time::Duration::from_micros(us.max(0).cast_unsigned());
        Box::pin(tokio::time::sleep(duration))
    })
}

/// Seeded chance (SplitMix64): orders of batch results, gaps between ids, tokens.
#[derive(Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1);
            items.swap(last, usize::try_from(other).unwrap_or(last));
        }
    }

    pub(crate) fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let version = (high & 0xffff_ffff_ffff_0fff) | 0x4000;
        let variant = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            version >> 32,
            (version >> 16) & 0xffff,
            version & 0xffff,
            variant >> 48,
            variant & 0xffff_ffff_ffff
        )
    }

    /// Sixteen hexadecimal digits per word.
    pub(crate) fn token(&mut self, words: usize) -> String {
        (0..words).map(|_| format!("{:016x}", self.next())).collect()
    }
}

/// RFC 3339 in UTC with milliseconds, as HubSpot writes times.
pub(crate) fn iso(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |at| format!("{at:.3}"))
}

/// The form of a `Date` header, in whole seconds.
pub(crate) fn http_date(us: i64) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    let date = Timestamp::from_microsecond(us).and_then(|at| printer.timestamp_to_rfc9110_string(&at));
    date.unwrap_or_default()
}

/// Reads milliseconds since the epoch, RFC 3339 with any offset, or a plain date (UTC midnight).
pub(crate) fn parse_time(text: &str) -> Option<i64> {
    if let Ok(ms) = text.parse::<i64>() {
        return ms.checked_mul(1_000);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_microsecond());
    }
    let day: Date = text.parse().ok()?;
    let midnight = day.to_zoned(TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_three_forms_and_written_in_one() {
        let ms = 1_779_405_654_374;
        let text = "2026-05-21T23:20:54.374Z";
        assert_eq!(parse_time(text), Some(ms * 1_000));
        assert_eq!(parse_time(&ms.to_string()), Some(ms * 1_000));
        assert_eq!(parse_time("2026-05-21T15:20:54.374-08:00"), Some(ms * 1_000));
        assert_eq!(parse_time("1970-01-02"), Some(86_400_000_000));
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(iso(ms * 1_000), text);
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn one_seed_tells_one_story() {
        let (mut a, mut b) = (Rng::new(7), Rng::new(7));
        assert_eq!(a.uuid(), b.uuid());
        assert_eq!(a.uuid().len(), 36);
        let mut items: Vec<u32> = (0..50).collect();
        a.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
