//! Phone numbers in E.164: read from what people type, and recognised across national habits.

use phonenumber::metadata::DATABASE;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longer text is no phone number.
const TYPED_CHARS_MAX: usize = 64;

/// A number in E.164: `+`, then 7 to 15 digits, the first not 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

/// Text that is not E.164.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number in E.164 form, such as +628111222333")]
pub struct BadPhone;

impl Phone {
    /// Takes E.164 only; [`normalise`] reads what people type.
    ///
    /// # Errors
    /// When the text is not E.164.
    pub fn parse(text: &str) -> Result<Self, BadPhone> {
        let digits = text.strip_prefix('+').ok_or(BadPhone)?;
        let well_formed =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if well_formed { Ok(Self(text.to_owned())) } else { Err(BadPhone) }
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Phone {
    type Error = BadPhone;
    fn try_from(text: String) -> Result<Self, BadPhone> {
        Self::parse(&text)
    }
}

impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        phone.0
    }
}

/// Reads a number as people type it: spaces, dots, brackets and dashes in any script's width, Arabic and
/// Devanagari digits, `00` for `+`, `tel:` before and an extension behind (both dropped). A number without a
/// country code is read as one of `region` (ISO 3166, such as `ID`); without a region it is refused.
///
/// `None` for what no numbering plan of its country allows. The plans are libphonenumber's general patterns:
/// what a person could dial, not only ranges that are handed out, because those age.
pub fn normalise(raw: &str, region: Option<&str>) -> Option<Phone> {
    let dialled = dialled(raw)?;
    if let Some(digits) = dialled.strip_prefix('+') {
        return international(digits);
    }
    let number = phonenumber::parse(Some(region?.parse().ok()?), &dialled).ok()?;
    international(&format!("{}{}", number.code().value(), number.national()))
}

/// A number from its country code on. Reading it with a region would strip that region's trunk prefix from
/// another country's number, and the crate's formatter tries every national format before it prints E.164.
fn international(digits: &str) -> Option<Phone> {
    let codes = (1..=3).filter_map(|len| digits.split_at_checked(len));
    let (code, national, plans) = codes
        .filter_map(|(code, national)| Some((code, national, DATABASE.by_code(&code.parse::<u16>().ok()?)?)))
        .next()?;
    let planned = |national: &str| plans.iter().any(|plan| plan.descriptors().general().is_match(national));
    let phone = |national: &str| Phone::parse(&format!("+{code}{national}")).ok();
    if planned(national) {
        return phone(national);
    }
    // Old spellings have left the plans, but messaging networks still use them.
    let folded = phone(national).map(|phone| match_key(&phone));
    if folded.is_some_and(|folded| folded.get(code.len() + 1..).is_some_and(planned)) {
        return phone(national);
    }
    // "+62 0812 …": the trunk prefix is dialled only inside the country.
    let trunk = plans.first()?.national_prefix()?;
    national.strip_prefix(trunk).filter(|national| planned(national)).and_then(phone)
}

/// The form that two spellings of one line share. For matching only: it is never shown, stored as a number or written.
///
/// Brazil's mobile numbers gained a ninth digit, Mexico's lost the `1` and Argentina's carry a `9` when called
/// from abroad; messaging networks keep the old ids, CRMs the new numbers.
pub fn match_key(phone: &Phone) -> String {
    let number = phone.as_str();
    let folded = match number.len() {
        14 if number.starts_with("+55") && number.as_bytes().get(5) == Some(&b'9') => {
            Some(format!("{}{}", &number[..5], &number[6..]))
        }
        14 if number.starts_with("+521") => Some(format!("+52{}", &number[4..])),
        14 if number.starts_with("+549") => Some(format!("+54{}", &number[4..])),
        _ => None,
    };
    folded.unwrap_or_else(|| number.to_owned())
}

/// Only the `+` and the digits that a person would dial; `None` where letters or other signs make it something else.
fn dialled(raw: &str) -> Option<String> {
    if raw.chars().count() > TYPED_CHARS_MAX {
        return None;
    }
    let text: String = raw.nfkc().flat_map(char::to_lowercase).collect();
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let text = ["ext", "x", "#", ";", ","].iter().fold(text, |text, mark| text.split(mark).next().unwrap_or(text));
    let mut dialled = String::new();
    // "+44 (0)20 …": the bracketed zero is dialled only inside the country.
    for c in text.replace("(0)", "").chars() {
        match c {
            '+' if dialled.is_empty() => dialled.push('+'),
            '+' | '*' => return None,
            _ if c.is_alphabetic() => return None,
            _ => dialled.extend(digit(c)),
        }
    }
    match dialled.strip_prefix("00") {
        Some(rest) => Some(format!("+{rest}")),
        None => Some(dialled),
    }
}

/// A decimal digit of the scripts that phone books hold, in ASCII.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        _ => return None,
    };
    char::from_digit(u32::from(c) - u32::from(zero), 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(raw: &str, region: Option<&str>) -> Option<String> {
        normalise(raw, region).map(String::from)
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        let indonesian = Some("+6281234567890");
        for raw in [
            "+62 812-3456-7890",
            "0812 3456 7890",
            "(0812) 3456.7890",
            "0062 812 3456 7890",
            "6281234567890",
            "tel:+62-812-3456-7890",
            "+62 (0) 812 3456 7890",
            "+62 0812 3456 7890",
            "0812-3456-7890 ext. 12",
            "0812-3456-7890x12",
            "\u{202a}+62\u{a0}812\u{2011}3456\u{2011}7890\u{202c}",
            "+６２ ８１２ ３４５６ ７８９０",
            "'081234567890",
            "٠٨١٢ ٣٤٥٦ ٧٨٩٠",
        ] {
            assert_eq!(read(raw, Some("ID")).as_deref(), indonesian, "{raw}");
        }
        for region in [None, Some("ID")] {
            assert_eq!(read("+39 06 698 1234", region).as_deref(), Some("+39066981234"));
            assert_eq!(read("+7 800 123 45 67", region).as_deref(), Some("+78001234567"));
        }
        assert_eq!(read("020 7946 0958", Some("GB")).as_deref(), Some("+442079460958"));
        assert_eq!(read("011 44 20 7946 0958", Some("US")).as_deref(), Some("+442079460958"));
        assert_eq!(read("+1 (415) 555-0100", Some("ID")).as_deref(), Some("+14155550100"));
    }

    #[test]
    fn what_nobody_could_dial_is_refused() {
        for raw in [
            "",
            "-",
            "n/a",
            "call me",
            "12345",
            "+62 12",
            "+0 812 3456",
            "+999 1234 5678",
            "budi@example.com",
            "+62 812 3456 7890 1234 567",
            "*123#",
            "1-800-FLOWERS",
        ] {
            assert_eq!(read(raw, Some("ID")), None, "{raw}");
        }
        assert_eq!(read("0812 3456 7890", None), None);
        assert_eq!(read("0812 3456 7890", Some("XX")), None);
    }

    #[test]
    fn two_spellings_of_one_line_have_one_key() {
        for (a, b) in [
            ("+5511987654321", "+551187654321"),
            ("+5215512345678", "+525512345678"),
            ("+5491123456789", "+541123456789"),
        ] {
            let key = |raw: &str| normalise(raw, None).map(|phone| match_key(&phone));
            assert!(key(a).is_some(), "{a}");
            assert_eq!(key(a), key(b));
        }
        assert_eq!(Phone::parse("+6281234567890").map(|phone| match_key(&phone)), Ok("+6281234567890".to_owned()));
        assert_eq!(Phone::parse("+14155550100").map(|phone| match_key(&phone)), Ok("+14155550100".to_owned()));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_answers_are_stable(raw in any::<String>(), region in "[A-Z]{2}") {
            if let Some(phone) = normalise(&raw, Some(&region)) {
                prop_assert_eq!(normalise(phone.as_str(), Some(&region)), Some(phone));
            }
        }

        #[test]
        fn nor_do_texts_like_numbers(raw in "(\\+|00|0)?[0-9 ().;+x-]{0,24}", region in proptest::option::of("(ID|US|BR|MX|AR|IT|GB|JP)")) {
            if let Some(phone) = normalise(&raw, region.as_deref()) {
                prop_assert!(Phone::parse(phone.as_str()).is_ok());
                prop_assert_eq!(match_key(&phone), match_key(&phone.clone()));
            }
        }
    }
}
