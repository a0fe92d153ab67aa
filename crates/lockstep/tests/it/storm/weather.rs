//! What one seed draws for a whole story: clocks, lags, limits, policies and the people.

use std::time::Duration;

use lockstep_core::env::{Env, Time};

use super::crm::{self, HUBSPOT};

use crate::world::Setup;

/// Chance that repeats for a seed.
pub struct Dice(Env);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Env::manual(Time::from_secs(0), seed).0)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        self.0.between(low, high)
    }

    /// True in `percent` of a hundred throws.
    pub fn chance(&self, percent: i64) -> bool {
        self.between(1, 100) <= percent
    }

    pub fn pick<'a, T>(&self, items: &'a [T]) -> &'a T {
        let last = i64::try_from(items.len()).unwrap_or(i64::MAX) - 1;
        &items[usize::try_from(self.between(0, last)).unwrap_or(0)]
    }

    pub fn secs(&self, low: i64, high: i64) -> Duration {
        Duration::from_secs(self.between(low, high).unsigned_abs())
    }
}

/// What HubSpot's own workflows do to a value that was just written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automation {
    None,
    /// Takes a trailing `!` off last names, once.
    Tidies,
    /// Sets the first record's last name back to one value, always.
    SetsBack,
}

/// The circumstances of one story.
#[derive(Clone, Debug)]
pub struct Weather {
    pub seed: u64,
    /// The slugs of the CRMs, in the order in which they are connected.
    pub vendors: Vec<&'static str>,
    pub people: usize,
    /// Whether the account lets us add our key property.
    pub keyed: bool,
    /// Whether a delete on one side archives the other. Never with several CRMs: what one of them deletes, all would.
    pub archives: bool,
    pub automation: Automation,
    pub index_lag: Duration,
    /// The step of the CRM's times.
    pub granularity: Duration,
    /// How far the CRM's clock is off at first, in seconds.
    pub clock_offset_secs: i64,
    /// Rows on a page at most.
    pub page: Option<usize>,
    /// Calls in ten seconds.
    pub budget: u32,
    pub poll: Duration,
    pub census: Duration,
    /// Out of a hundred acts, how many are mishaps.
    pub fault_percent: i64,
    /// Whether the CRM sends webhooks at all; without them only polls and censuses see what happens there.
    pub hooks: bool,
}

impl Weather {
    /// In the weather of a seed, with the CRMs that it draws unless others are given.
    pub fn drawn(seed: u64, vendors: Option<Vec<&'static str>>) -> Self {
        let vendors = vendors.unwrap_or_else(|| drawn_vendors(&Dice::new(seed ^ 0x0c_0a57)));
        let several = vendors.len() > 1;
        let of_hubspot = vendors.contains(&HUBSPOT);
        let dice = Dice::new(seed ^ 0x5707_2a11);
        let index_lag = Duration::from_millis(*dice.pick(&[0, 800, 5_000, 8_500]));
        // Together they stay below the lag that the connector declares.
        let granularity =
            Duration::from_millis(*dice.pick(&[1, 1, 1_000, 4_000])).min(Duration::from_millis(9_500) - index_lag);
        Self {
            seed,
            vendors,
            people: usize::try_from(dice.between(5, 12)).unwrap_or(5),
            keyed: dice.chance(50),
            archives: dice.chance(30) & !several,
            automation: drawn_automation(&dice, of_hubspot),
            index_lag,
            granularity,
            clock_offset_secs: *dice.pick(&[0, 0, -90, 90, -600]),
            page: *dice.pick(&[None, None, Some(3)]),
            budget: u32::try_from(*dice.pick(&[110, 110, 40, 20])).unwrap_or(110),
            poll: dice.secs(60, 300),
            census: dice.secs(1_200, 3_600),
            fault_percent: dice.between(20, 35),
            hooks: dice.chance(70),
        }
    }

    /// The world in this weather.
    pub fn setup(&self, postgres: Option<String>) -> Setup {
        Setup {
            seed: self.seed,
            postgres,
            keyed: self.keyed,
            poll: self.poll,
            census: self.census,
            budget: self.budget,
            index_lag: self.index_lag,
            granularity: self.granularity,
            page: self.page,
        }
    }
}

/// HubSpot in half of all stories, for only it has all that can go wrong.
fn drawn_vendors(dice: &Dice) -> Vec<&'static str> {
    let others: Vec<&'static str> = crm::slugs().filter(|slug| *slug != HUBSPOT).collect();
    if dice.chance(50) { vec![HUBSPOT] } else { vec![*dice.pick(&others)] }
}

fn drawn_automation(dice: &Dice, of_hubspot: bool) -> Automation {
    let all = [Automation::None, Automation::None, Automation::Tidies, Automation::SetsBack];
    let drawn = *dice.pick(&all);
    if of_hubspot { drawn } else { Automation::None }
}
