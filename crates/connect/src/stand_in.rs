//! What stands in for the name of a contact who has none, where the vendor wants everybody to have one.

use std::ops::RangeInclusive;

use lockstep_core::contact::check_email;
use lockstep_core::record::{Properties, Record};

use crate::connector::{Got, Outcome, RowOutcome};

/// Digits of a phone number, with its country code or without (ITU-T E.164, and the shortest that networks still have).
const DIGITS: RangeInclusive<usize> = 7..=15;

/// What stands in for a name: the first of these properties whose value is read back as no name.
pub(crate) fn stand_in(properties: &Properties, addresses: [&str; 2]) -> Option<String> {
    addresses.into_iter().find_map(|name| properties.get(name)?.clone().filter(|it| is_stand_in(it)))
}

/// Whether a name is a number or an e-mail address. Anybody's and of any time: when a person's number changes, the one
/// before still stands in their name.
pub(crate) fn is_stand_in(name: &str) -> bool {
    let name = name.trim();
    let has_digits = DIGITS.contains(&name.chars().filter(char::is_ascii_digit).count());
    (has_digits && !name.chars().any(char::is_alphabetic)) || check_email(name).is_ok()
}

/// Contacts as a sync is to see them: a name that only stands in for one is none.
pub(crate) fn contacts(records: Vec<Record>, name: &str) -> Vec<Record> {
    records.into_iter().map(|record| contact(record, name)).collect()
}

/// The same for what a read found.
pub(crate) fn got(answers: Vec<Got>, name: &str) -> Vec<Got> {
    let seen = |got| match got {
        Got::Found(record) => Got::Found(contact(record, name)),
        Got::Archived(record) => Got::Archived(contact(record, name)),
        Got::Missing => Got::Missing,
    };
    answers.into_iter().map(seen).collect()
}

/// The same for what a write made.
pub(crate) fn written(rows: Vec<RowOutcome>, name: &str) -> Vec<RowOutcome> {
    let seen = |outcome| match outcome {
        Outcome::Written(record) => Outcome::Written(contact(record, name)),
        Outcome::Archived => Outcome::Archived,
    };
    rows.into_iter().map(|row| row.map(seen)).collect()
}

fn contact(mut record: Record, name: &str) -> Record {
    if let Some(value) = record.properties.get_mut(name) {
        value.take_if(|value| is_stand_in(value));
    }
    record
}

#[cfg(test)]
mod tests {
    use lockstep_core::env::Time;

    use super::*;
    use crate::connector::unseen;

    #[test]
    fn a_number_or_an_address_in_place_of_a_name_is_no_name() {
        let shown = |name: &str| {
            let properties = [("name".to_owned(), Some(name.to_owned()))].into();
            contact(Record { properties, ..unseen("1", Time::from_secs(1)) }, "name").properties["name"].clone()
        };
        for stand_in in ["+6281234567890", " 0812 3456-7890", "6281234567890", "a@example.com"] {
            assert_eq!(shown(stand_in), None, "{stand_in}");
        }
        for name in ["Ada", "R2D2", "007", "🌸", "王", "@ada", "Ada 0812 3456 7890", "Ada <a@example.com>"] {
            assert_eq!(shown(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_was_not_asked_for_stays_unknown() {
        assert_eq!(contact(unseen("1", Time::from_secs(1)), "name").properties, Properties::new());
    }
}
