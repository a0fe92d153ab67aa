//! The fewest calls in which the work could have been done, from record counts alone.

use std::collections::BTreeMap;

use lockstep_sandbox::hubspot::Record;
use serde::Serialize;

/// HubSpot's own bounds: rows in a batch, records in a page of a search.
const BATCH: u64 = 100;
const PAGE: u64 = 200;

/// Properties whose rule makes a look before the write necessary: the CRM's side wins there.
const LOOKED_AT: [&str; 3] = ["email", "firstname", "lastname"];

/// Calls made and calls needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// All calls, as the look-alike counted them.
    pub made: u64,
    /// The fewest possible, without the next two.
    pub minimum: u64,
    /// Calls that connected the account and read its properties.
    pub setup: u64,
    /// Calls that looked for deletes by counting all records.
    pub sweep: u64,
}

impl Calls {
    /// Sorts what the look-alike counted.
    pub fn sorted(counted: &lockstep_sandbox::Calls, minimum: u64) -> Self {
        let of = |sort: fn(&str) -> bool| {
            counted.routes.iter().filter(|(route, _)| sort(route)).map(|(_, calls)| calls.total).sum()
        };
        Self {
            made: counted.total,
            minimum,
            setup: of(|route| route.contains("/account-info/") || route.contains("/properties/")),
            sweep: of(|route| route == "GET /crm/v3/objects/contacts"),
        }
    }
}

/// What was written in one phase, seen by comparing the records before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Records made.
    pub created: u64,
    /// Records changed.
    pub updated: u64,
    /// Of these, how many had to be looked at first.
    pub looked_at: u64,
}

impl Written {
    /// Compares two states of the account between which only we wrote.
    pub fn between(before: &[Record], after: &[Record]) -> Self {
        let known: BTreeMap<&str, &Record> = before.iter().map(|record| (record.id.as_str(), record)).collect();
        let mut written = Self::default();
        for record in after {
            match known.get(record.id.as_str()) {
                None => written.created += 1,
                Some(old) if old.updated_us != record.updated_us => {
                    written.updated += 1;
                    let looked_at = LOOKED_AT.iter().any(|property| old.value(property) != record.value(property));
                    written.looked_at += u64::from(looked_at);
                }
                Some(_) => {}
            }
        }
        written
    }

    fn calls(self) -> u64 {
        self.created.div_ceil(BATCH) + self.updated.div_ceil(BATCH) + self.looked_at.div_ceil(BATCH)
    }
}

/// The minimum for phases of writing, for `changed` records at the far side that had to be read (echoes of our own
/// writes included) and for polls that found nothing.
pub fn minimum(phases: &[Written], changed: u64, empty_polls: u64) -> u64 {
    phases.iter().map(|phase| phase.calls()).sum::<u64>() + changed.div_ceil(PAGE) + empty_polls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_counted_in_full_batches_and_pages() {
        let first = Written { created: 601, updated: 600, looked_at: 0 };
        let second = Written { created: 0, updated: 3, looked_at: 2 };
        assert_eq!(minimum(&[first, second], 1_804, 2), 7 + 6 + 1 + 1 + 10 + 2);
        assert_eq!(minimum(&[], 0, 1), 1);
    }
}
