//! The fewest calls in which the work could have been done, from record counts alone.

use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::Add;

use lockstep_connect::About;
use lockstep_sandbox::Record;
use serde::Serialize;

/// Calls made and calls needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// All calls, as the look-alike counted them.
    pub made: u64,
    /// Of these, how many connected the account and read its fields.
    pub setup: u64,
    /// The fewest in which everything could be written and what changed be read; polls and looks for deletes apart.
    pub minimum: u64,
}

impl Add for Calls {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { made: self.made + other.made, setup: self.setup + other.setup, minimum: self.minimum + other.minimum }
    }
}

impl Sum for Calls {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// What was written in one phase, seen by comparing the records before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records made.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
}

impl Written {
    /// Compares two states of the account between which only we wrote.
    pub fn between(before: &[Record], after: &[Record]) -> Self {
        let known: BTreeMap<&str, i64> = before.iter().map(|record| (record.id.as_str(), record.updated_us)).collect();
        let mut written = Self::default();
        for record in after {
            match known.get(record.id.as_str()) {
                None => written.created += 1,
                Some(&updated_us) => written.updated += u64::from(updated_us != record.updated_us),
            }
        }
        written
    }

    /// Both phases together.
    pub fn and(self, other: Self) -> Self {
        Self { created: self.created + other.created, updated: self.updated + other.updated }
    }
}

/// The fewest calls for phases of writing, for reading `held` records at first and `changed` ones later, echoes of our
/// own writes included: full batches and full pages.
pub fn minimum(about: &About, phases: &[Written], held: u64, changed: u64) -> u64 {
    let [new, changes, page] = [about.write_batch, about.update_batch, about.page].map(|rows| rows as u64);
    let writes = phases.iter().map(|phase| phase.created.div_ceil(new) + phase.updated.div_ceil(changes));
    writes.sum::<u64>() + held.div_ceil(page) + changed.div_ceil(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_counted_in_full_batches_and_pages() {
        let about = crate::reach::connector("hubspot").expect("a connector").about();
        let first = Written { created: 601, updated: 600 };
        let second = Written { created: 0, updated: 3 };
        assert_eq!(minimum(about, &[first, second], 1_804, 2), 7 + 6 + 1 + 10 + 1);
        assert_eq!(minimum(about, &[], 0, 0), 0);
    }
}
