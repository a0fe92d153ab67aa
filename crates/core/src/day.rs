//! What a vendor account may take in a day, in the vendor's own units, as far as its answers tell (law 11).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::env::Time;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// The share of a day that stays unused for the customer's other tools: one in so many.
const RESERVE: u32 = 10;
/// Of what background use may still take, looks for changes take one part in so many; the rest is for what they find.
const POLLS_SHARE: u32 = 2;
/// Use is watched for so long before a pace is told.
const PACE_AFTER: Duration = Duration::from_secs(600);

/// What one answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// What the day allows, where it is told.
    pub max: Option<u32>,
    /// What is left of it.
    pub left: u32,
    /// When it starts anew. `None` where the last 24 hours count, or nobody knows.
    pub resets_at: Option<Time>,
}

/// What the answers told so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// What the day allows.
    pub max: u32,
    left: u32,
    resets_at: Option<Time>,
    told_at: Time,
    /// What was left when use began to be watched: for its pace.
    first: (Time, u32),
}

/// How an account's day goes on at its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Nothing is left now.
    Used,
    /// All will be used at this instant.
    UsedAt(Time),
    /// The day ends before.
    Lasts,
    /// Use was not watched for long enough.
    Unknown,
}

impl Day {
    /// What is known after an answer. `least` is what the vendor's smallest plan allows.
    pub fn after(before: Option<Self>, told: Told, least: u32, now: Time) -> Self {
        // More than before: the day has started anew.
        let before = before.filter(|before| before.left >= told.left && now.since(before.first.0) < DAY);
        let known = before.map_or(least, |before| before.max);
        let first = before.filter(|before| before.first.0 <= now).map_or((now, told.left), |before| before.first);
        let max = told.max.unwrap_or(known.max(told.left));
        Self { max, left: told.left.min(max), resets_at: told.resets_at, told_at: now, first }
    }

    /// The newer of what two servers know.
    #[must_use]
    pub fn newer(self, other: Self) -> Self {
        if other.told_at > self.told_at { other } else { self }
    }

    /// Whether it still says something: each hour is worth a call that asks anew, since few vendors tell when their day
    /// starts. Of a clock that was set back nothing is believed.
    fn says(&self, now: Time) -> bool {
        self.told_at <= now && now < self.until()
    }

    fn until(&self) -> Time {
        let hour = self.told_at.plus(HOUR);
        self.resets_at.map_or(hour, |resets_at| resets_at.min(hour))
    }

    /// Whether there is room in this percentage of our share.
    ///
    /// # Errors
    /// When to ask again.
    pub fn room(&self, percent: u32, now: Time) -> Result<(), Time> {
        if !self.says(now) || self.left_of(percent) > 0 {
            return Ok(());
        }
        Err(self.until())
    }

    /// Used by all who call the account.
    pub fn used(&self) -> u32 {
        self.max - self.left
    }

    /// What is left of this percentage of our share.
    pub fn left_of(&self, percent: u32) -> u32 {
        let share = u64::from(self.max - self.max / RESERVE) * u64::from(percent) / 100;
        u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(self.used())
    }

    /// How long to wait between two looks for changes that cost so much each, so that they leave enough of this
    /// percentage of our share until the day ends.
    pub fn pause(&self, cost: u32, percent: u32, now: Time) -> Duration {
        if !self.says(now) {
            return Duration::ZERO;
        }
        let looks = self.left_of(percent) / POLLS_SHARE / cost.max(1);
        if looks == 0 { HOUR } else { (self.rest(now) / looks).min(HOUR) }
    }

    fn rest(&self, now: Time) -> Duration {
        self.resets_at.map_or(DAY, |resets_at| resets_at.since(now))
    }

    /// When what is left of our share is used at the pace of late.
    pub fn outlook(&self, now: Time) -> Outlook {
        let (left, watched) = (self.left_of(100), self.told_at.since(self.first.0));
        let spent = self.first.1.saturating_sub(self.left);
        if left == 0 && self.says(now) {
            return Outlook::Used;
        }
        if watched < PACE_AFTER {
            return Outlook::Unknown;
        }
        if spent == 0 {
            return Outlook::Lasts;
        }
        let lasts = watched.mul_f64(f64::from(left) / f64::from(spent));
        if lasts < self.rest(now) { Outlook::UsedAt(self.told_at.plus(lasts)) } else { Outlook::Lasts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDNIGHT: Time = Time::from_secs(1_700_006_400);

    fn told(left: u32) -> Told {
        Told { max: None, left, resets_at: Some(MIDNIGHT.plus(DAY)) }
    }

    #[test]
    fn the_largest_that_was_ever_left_is_what_a_day_allows() {
        let day = Day::after(None, told(20_000), 30_000, MIDNIGHT);
        assert_eq!((day.max, day.used()), (30_000, 10_000));
        let day = Day::after(Some(day), told(60_000), 30_000, MIDNIGHT.plus(HOUR));
        assert_eq!((day.max, day.used()), (60_000, 0));
        let day = Day::after(Some(day), told(59_000), 30_000, MIDNIGHT.plus(HOUR * 2));
        assert_eq!((day.max, day.used()), (60_000, 1_000));
        let said = Told { max: Some(250_000), ..told(240_000) };
        assert_eq!(Day::after(Some(day), said, 30_000, MIDNIGHT.plus(HOUR * 3)).max, 250_000);
    }

    #[test]
    fn the_more_urgent_find_room_where_the_others_are_refused_and_a_reserve_stays() {
        let room = |left: u32| {
            let day = Day::after(None, told(left), 1_000, MIDNIGHT);
            [100, 90, 80].map(|percent| day.room(percent, MIDNIGHT).is_ok())
        };
        assert_eq!(room(281), [true, true, true]);
        assert_eq!(room(280), [true, true, false]);
        assert_eq!(room(190), [true, false, false]);
        assert_eq!(room(100), [false, false, false]);
    }

    #[test]
    fn what_was_told_an_hour_ago_or_before_the_day_started_keeps_nobody_out() {
        let day = Day::after(None, Told { resets_at: None, ..told(0) }, 1_000, MIDNIGHT);
        assert_eq!(day.room(100, MIDNIGHT), Err(MIDNIGHT.plus(HOUR)));
        assert_eq!(day.room(100, MIDNIGHT.plus(HOUR)), Ok(()));
        assert_eq!(day.room(100, MIDNIGHT.minus(HOUR)), Ok(()), "the clock was set back");
        let late = MIDNIGHT.plus(DAY).minus(HOUR / 4);
        let day = Day::after(None, told(0), 1_000, late);
        assert_eq!(day.room(100, late), Err(MIDNIGHT.plus(DAY)));
    }

    /// A day of looks for changes alone: they come as often as asked where there is plenty, and leave their share else.
    #[test]
    fn looks_for_changes_never_use_up_a_day() {
        for (units, cost, others) in [(30_000, 10, 0), (30_000, 10, 15_000), (30_000, 20, 0), (2_000_000, 10, 0)] {
            let (mut left, mut now, mut day, mut looks) = (units - others, MIDNIGHT, None, 0);
            while now < MIDNIGHT.plus(DAY) {
                left -= cost;
                looks += 1;
                let heard = Day::after(day, told(left), units, now);
                assert!(heard.room(90, now).is_ok(), "{units} {cost} {others}: {left} left at {now:?}");
                now = now.plus(heard.pause(cost, 90, now).max(Duration::from_secs(5)));
                day = Some(heard);
            }
            let most = 24 * 3_600 / 5;
            assert!(looks > 300 && looks <= most, "{units} {cost} {others}: {looks} looks");
            assert_eq!(looks == most, units == 2_000_000, "{looks}");
        }
    }

    #[test]
    fn the_outlook_goes_by_the_pace_of_late() {
        let begun = Day::after(None, told(30_000), 30_000, MIDNIGHT);
        assert_eq!(begun.outlook(MIDNIGHT), Outlook::Unknown);
        let noon = MIDNIGHT.plus(HOUR * 2);
        let at_pace = |left: u32| Day::after(Some(begun), told(left), 30_000, noon).outlook(noon);
        // 27,000 are ours.
        assert_eq!(at_pace(21_000), Outlook::UsedAt(noon.plus(HOUR * 4)));
        assert_eq!([at_pace(30_000), at_pace(29_000)], [Outlook::Lasts; 2]);
        assert_eq!(at_pace(3_000), Outlook::Used);
    }
}
