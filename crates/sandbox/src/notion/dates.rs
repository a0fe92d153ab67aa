//! Dates and times in property values: days, or instants to the minute.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 86_400_000_000;

/// A time as Notion keeps it: a day stays a day, an instant loses its seconds and is shown in UTC.
/// `zone` is the IANA name that a time without an offset is read in.
pub(super) fn canonical(text: &str, zone: Option<&str>) -> Option<String> {
    if let Some(day) = day(text) {
        return Some(day.to_string());
    }
    let at = match (text.parse::<Timestamp>(), zone) {
        (Ok(at), None) => at,
        // A time with an offset leaves no room for a zone.
        (Ok(_), Some(_)) => return None,
        (Err(_), zone) => {
            let zone = zone.map_or(Ok(TimeZone::UTC), TimeZone::get).ok()?;
            text.parse::<DateTime>().ok()?.to_zoned(zone).ok()?.timestamp()
        }
    };
    let minute = at.as_microsecond().div_euclid(MINUTE_US) * MINUTE_US;
    let shown = Timestamp::from_microsecond(minute).ok()?.to_string();
    Some(shown.replace('Z', ".000+00:00"))
}

/// A plain day.
fn day(text: &str) -> Option<Date> {
    if text.len() == "2026-01-01".len() { text.parse().ok() } else { None }
}

/// The microseconds since the epoch that a time covers: first and one past the last. A day covers a whole one.
pub(super) fn span_us(text: &str) -> Option<(i64, i64)> {
    if let Some(day) = day(text) {
        let start_us = day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond();
        return Some((start_us, start_us + DAY_US));
    }
    let at = canonical_instant(text)?;
    Some((at, at + 1))
}

fn canonical_instant(text: &str) -> Option<i64> {
    let at = text.parse::<Timestamp>().ok();
    let at = at.or_else(|| Some(text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    at.map(Timestamp::as_microsecond)
}

/// The span that a relative condition such as `past_week` means at `now_us`.
pub(super) fn relative_us(name: &str, now_us: i64) -> Option<(i64, i64)> {
    let now = Timestamp::from_microsecond(now_us).ok()?.to_zoned(TimeZone::UTC);
    let away = |span: jiff::Span| now.checked_add(span).ok().map(|at| at.timestamp().as_microsecond());
    let (from_us, to_us) = match name {
        "past_week" => (away((-1).week())?, now_us),
        "past_month" => (away((-1).month())?, now_us),
        "past_year" => (away((-1).year())?, now_us),
        "next_week" => (now_us, away(1.week())?),
        "next_month" => (now_us, away(1.month())?),
        "next_year" => (now_us, away(1.year())?),
        "this_week" => {
            let days = i64::from(now.weekday().to_sunday_zero_offset());
            let start_us = (now_us.div_euclid(DAY_US) - days) * DAY_US;
            (start_us, start_us + 7 * DAY_US - 1)
        }
        _ => return None,
    };
    Some((from_us, to_us + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_lose_their_seconds_and_days_stay_days() {
        assert_eq!(canonical("2026-03-01", None).as_deref(), Some("2026-03-01"));
        assert_eq!(canonical("2026-03-01T09:30:45.5+02:00", None).as_deref(), Some("2026-03-01T07:30:00.000+00:00"));
        let berlin = canonical("2026-07-01T09:30:00", Some("Europe/Berlin"));
        assert_eq!(berlin.as_deref(), Some("2026-07-01T07:30:00.000+00:00"));
        assert_eq!(canonical("2026-07-01T09:30:00Z", Some("Europe/Berlin")), None);
        assert_eq!(canonical("soon", None), None);
    }
}
