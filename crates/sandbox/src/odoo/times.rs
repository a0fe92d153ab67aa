//! Odoo's times: UTC without a zone, in whole seconds.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::refusal::Refusal;

/// A second, which is as fine as the API tells times.
pub(super) const SECOND_US: i64 = 1_000_000;

/// `YYYY-MM-DD HH:MM:SS`, the rest of the second cut off.
pub(super) fn written(us: i64) -> String {
    let at = Timestamp::from_microsecond(us.div_euclid(SECOND_US) * SECOND_US);
    at.map_or_else(|_| String::new(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// `YYYY-MM-DD`.
pub(super) fn day(us: i64) -> String {
    written(us).chars().take(10).collect()
}

/// Reads what is written into a datetime: whole seconds, or a day alone.
pub(super) fn read(text: &str) -> Result<i64, Refusal> {
    let wrong = || Refusal::value(format!("time data '{text}' does not match format '%Y-%m-%d %H:%M:%S'"));
    let plain = matches!(text.len(), 10 | 19) && !text.contains('T');
    if text.len() > 19 && text.is_char_boundary(19) && compared(text).is_some() && !text.contains('T') {
        return Err(Refusal::value(format!("unconverted data remains: {}", &text[19..])));
    }
    if plain { compared(text).ok_or_else(wrong) } else { Err(wrong()) }
}

/// Reads what a search compares with: as above, or with a fraction, or with a `T`.
pub(super) fn compared(text: &str) -> Option<i64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let at: DateTime = match text.parse::<DateTime>() {
        Ok(at) => at,
        Err(_) => text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight()),
    };
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond())
}

/// Reads what is written into a date: its first ten characters count.
pub(super) fn read_day(text: &str) -> Result<String, Refusal> {
    let head: String = text.chars().take(10).collect();
    match head.parse::<Date>() {
        Ok(day) if head.len() == 10 => Ok(day.to_string()),
        _ => Err(Refusal::value(format!("time data '{head}' does not match format '%Y-%m-%d'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_whole_seconds() {
        let us = 1_779_405_654_374_123;
        assert_eq!(written(us), "2026-05-21 23:20:54");
        assert_eq!(read("2026-05-21 23:20:54"), Ok(us / SECOND_US * SECOND_US));
        assert_eq!(compared("2026-05-21 23:20:54.374123"), Some(us));
        assert_eq!(compared("2026-05-21T23:20:54"), Some(us / SECOND_US * SECOND_US));
        assert_eq!(read("1970-01-02"), Ok(86_400 * SECOND_US));
        assert_eq!(read_day("1970-01-02 10:00:00").as_deref(), Ok("1970-01-02"));
        for wrong in ["2026-05-21T23:20:54", "2026-05-21 23:20:54.374", "soon", "2026-05-21 23:20"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read_day("soon").is_err());
    }
}
