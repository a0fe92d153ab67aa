//! The searchable shadows of phone numbers: HubSpot stores a number as it was typed and keeps its digits
//! beside it, with and without the country code.

use std::sync::Arc;

use phonenumber::country;

use super::schema::Schema;
use super::values::Change;

/// Numbers typed without a country code are read as of the account's country.
const ACCOUNT_COUNTRY: country::Id = country::US;

/// Property, shadow without the country code, shadow with it.
const SHADOWS: [(&str, &str, &str); 2] = [
    ("phone", "hs_searchable_calculated_phone_number", "hs_searchable_calculated_international_phone_number"),
    ("mobilephone", "hs_searchable_calculated_mobile_number", "hs_searchable_calculated_international_mobile_number"),
];

/// Adds the shadows of every phone number among `changes`.
pub(super) fn add_shadows(schema: &Schema, changes: &mut Vec<Change>) {
    for (source, national, international) in SHADOWS {
        let Some(number) = changes.iter().find(|(name, _)| &**name == source).map(|(_, value)| value.clone()) else {
            continue;
        };
        let shadows = number.map(|typed| shadows(&typed));
        let names = [national, international].map(|name| schema.live(name).map(|(name, _)| Arc::clone(name)));
        let values = match shadows {
            Some((national, international)) => [Some(national), international],
            None => [None, None],
        };
        for (name, value) in names.into_iter().zip(values) {
            changes.extend(name.map(|name| (name, value.map(String::into_boxed_str))));
        }
    }
}

fn shadows(typed: &str) -> (String, Option<String>) {
    match phonenumber::parse(Some(ACCOUNT_COUNTRY), typed) {
        Ok(number) => {
            let national = number.national().to_string();
            let international = format!("+{}{national}", number.code().value());
            (national, Some(international))
        }
        Err(_) => (typed.chars().filter(char::is_ascii_digit).collect(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadows_hold_the_digits_of_any_typing() {
        let berlin = ("3012345678".to_owned(), Some("+493012345678".to_owned()));
        assert_eq!(shadows("+49 (30) 1234-5678"), berlin);
        assert_eq!(shadows("+493012345678"), berlin);
        assert_eq!(shadows("(415) 555-2671").1.as_deref(), Some("+14155552671"));
        assert_eq!(shadows("ext. 12"), ("12".to_owned(), None));
    }
}
