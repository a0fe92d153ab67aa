//! Dates as text: ISO 8601 in, ISO 8601 out. Zones come from the table that is compiled in, the same on every machine.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A zone by its IANA name, such as `Asia/Jakarta`; UTC for none.
pub fn zone(name: Option<&str>) -> Option<TimeZone> {
    name.map_or(Some(TimeZone::UTC), |name| ZONES.get(name).ok())
}

/// How exact a text is.
enum Moment {
    Instant(Timestamp),
    Local(DateTime),
    Day(Date),
}

fn read(text: &str) -> Option<Moment> {
    let text = text.trim();
    // A text with a time but no offset parses as a day too, so the most exact reading goes first.
    let instant = text.parse().map(Moment::Instant);
    let local = || if text.contains(':') { text.parse().map(Moment::Local).ok() } else { None };
    instant.ok().or_else(local).or_else(|| text.parse().map(Moment::Day).ok())
}

/// The instant of an ISO 8601 text, as whole milliseconds since 1970 too; a day is its first moment in the zone.
pub fn instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    match read(text)? {
        Moment::Instant(instant) => Some(instant),
        Moment::Local(local) => local.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp()),
        Moment::Day(day) => day.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp()),
    }
}

/// The day of an ISO 8601 text in the zone: `2026-11-23`. A day stays that day wherever it is.
pub fn day(text: &str, zone: &TimeZone) -> Option<Date> {
    match read(text)? {
        Moment::Instant(instant) => Some(instant.to_zoned(zone.clone()).date()),
        Moment::Local(local) => Some(local.date()),
        Moment::Day(day) => Some(day),
    }
}

/// Whether the text is an ISO 8601 date and time, with or without an offset.
pub fn is_datetime(text: &str) -> bool {
    matches!(read(text), Some(Moment::Instant(_) | Moment::Local(_)))
}

/// Whether the text is an ISO 8601 date without a time.
pub fn is_date(text: &str) -> bool {
    matches!(read(text), Some(Moment::Day(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_its_zone() {
        let jakarta = zone(Some("Asia/Jakarta")).unwrap();
        let at = |text: &str, zone: &TimeZone| instant(text, zone).map(|instant| instant.to_string());
        assert_eq!(at("2022-05-17T23:17:53Z", &jakarta).as_deref(), Some("2022-05-17T23:17:53Z"));
        assert_eq!(at("2022-05-17T23:17:53", &jakarta).as_deref(), Some("2022-05-17T16:17:53Z"));
        assert_eq!(at("2022-05-17", &jakarta).as_deref(), Some("2022-05-16T17:00:00Z"));
        assert_eq!(at("2022-05-17T10:00:00+02:00", &TimeZone::UTC).as_deref(), Some("2022-05-17T08:00:00Z"));
        assert_eq!(at("yesterday", &jakarta), None);
    }

    #[test]
    fn a_day_is_that_of_the_zone() {
        let jakarta = zone(Some("Asia/Jakarta")).unwrap();
        let on = |text: &str| day(text, &jakarta).map(|day| day.to_string());
        assert_eq!(on("2022-05-17T23:17:53Z").as_deref(), Some("2022-05-18"));
        assert_eq!(on("2022-05-17T23:17:53").as_deref(), Some("2022-05-17"));
        assert_eq!(on("2022-05-17").as_deref(), Some("2022-05-17"));
        assert!(zone(Some("Mars/Olympus")).is_none());
    }

    #[test]
    fn a_date_and_a_date_with_time_are_told_apart() {
        assert!(is_datetime("2022-05-17T23:17:53Z") && is_datetime("2022-05-17T23:17"));
        assert!(is_date("2022-05-17") && !is_date("2022-05-17T23:17:53Z") && !is_datetime("2022-05-17"));
    }
}
