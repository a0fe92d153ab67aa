//! Times and days as Salesforce writes them.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::world::parse_time;

pub(super) const SECOND_US: i64 = 1_000_000;
pub(super) const DAY_US: i64 = 86_400 * SECOND_US;

/// A moment: always in UTC with milliseconds and an offset without colon, so that its text is ordered as the moments are.
pub(super) fn stamp(us: i64) -> String {
    let text = Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |at| format!("{at:.3}"));
    text.replace('Z', "+0000")
}

/// The day of a moment in UTC.
pub(super) fn day(us: i64) -> String {
    stamp(us).chars().take(10).collect()
}

/// Reads a moment with its offset (`Z`, `+0100` or `+01:00`).
pub(super) fn moment(text: &str) -> Option<i64> {
    if !text.contains('T') {
        return None;
    }
    // An offset without colon, which RFC 3339 does not know.
    let (head, offset) = text.split_at_checked(text.len().checked_sub(4)?)?;
    let lacks_colon = head.ends_with(['+', '-']) && offset.bytes().all(|byte| byte.is_ascii_digit());
    if lacks_colon {
        return parse_time(&format!("{head}{}:{}", &offset[..2], &offset[2..]));
    }
    parse_time(text)
}

/// Reads a day.
pub(super) fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}

/// Midnight of a day in UTC.
pub(super) fn midnight(text: &str) -> Option<i64> {
    date(text)?;
    parse_time(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_three_forms_and_written_in_one() {
        let us = 1_725_887_314_000_000;
        let text = "2024-09-09T13:08:34.000+0000";
        assert_eq!(stamp(us), text);
        for form in [text, "2024-09-09T13:08:34Z", "2024-09-09T15:08:34+02:00", "2024-09-09T15:08:34.000+0200"] {
            assert_eq!(moment(form), Some(us), "{form}");
        }
        assert_eq!(moment("2024-09-09"), None);
        assert_eq!(day(us), "2024-09-09");
        assert_eq!(midnight("2003-04-98"), None);
    }
}
