//! Invented people as a contact list of real life holds them: numbers typed in every fashion, names in many
//! scripts or missing, people entered twice, and rows that nobody can use. One count gives one file.

use lockstep_core::env::{Env, Time};

use super::countries::COUNTRIES;

const HEADER: [&str; 7] = ["First Name", "Last Name", "Phone", "Email", "Company", "City", "Notes"];
const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "mail.example"];
const COMPANIES: [&str; 8] = [
    "Melati & Sons",
    "Kopi Senja",
    "Northwind Tiles",
    "Aurora Dental",
    "Blue Heron Travel",
    "Zaitoun Foods",
    "Lotus Yoga",
    "Sol y Mar",
];
const NOTES: [&str; 4] = [
    "met at the fair, hall 3",
    "prefers \"WhatsApp\"",
    "call after 5 pm; not on Fridays",
    "two branches:\nnorth and south",
];
/// One more row for a person in so many, and one useless row in so many.
const DUPLICATE_EVERY: usize = 25;
const USELESS_EVERY: usize = 40;

/// The region in which the numbers without a country code are at home.
pub const REGION: &str = "ID";

/// The calling code of a number, where one of the countries here has it.
pub fn calling_code(e164: &str) -> Option<&'static str> {
    COUNTRIES.iter().map(|country| country.code).find(|code| e164.starts_with(code))
}

/// A CSV file with `count` different people, and rows beyond them that repeat one or are of no use.
pub fn csv(count: usize) -> Result<String, csv::Error> {
    let (env, _dial) = Env::manual(Time::from_secs(1_700_000_000), count as u64);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for index in 0..count {
        let person = Person::new(index, &env);
        rows.push(person.row(&env));
        if (index + 1).is_multiple_of(DUPLICATE_EVERY) {
            rows.push(person.again(&env));
        }
        if (index + 1).is_multiple_of(USELESS_EVERY) {
            rows.push(useless(index / USELESS_EVERY));
        }
    }
    shuffle(&mut rows, &env);
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for row in rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

struct Person {
    first: String,
    last: String,
    code: &'static str,
    /// Without the country code; empty for people of whom only the address is known.
    national: String,
    email: String,
    company: String,
    city: &'static str,
    notes: String,
}

impl Person {
    fn new(index: usize, env: &Env) -> Self {
        let country = &COUNTRIES[index % COUNTRIES.len()];
        let &(first, first_latin) = pick(country.first, env);
        let &(last, last_latin) = pick(country.last, env);
        let handle = format!("{first_latin}.{last_latin}{index}");
        let no_phone = index % 23 == 22;
        let no_email = !no_phone && index % 7 == 6;
        let (first, last) = match index % 22 {
            10 => (String::new(), String::new()),
            4 | 15 => (first.to_owned(), String::new()),
            18 => (first.to_uppercase(), last.to_uppercase()),
            20 => (format!(" {first}"), format!("{last}  ")),
            _ => (first.to_owned(), last.to_owned()),
        };
        Self {
            first,
            last,
            code: country.code,
            national: if no_phone { String::new() } else { national(country.mobile, index) },
            email: if no_email { String::new() } else { format!("{handle}@{}", pick(&DOMAINS, env)) },
            company: if index.is_multiple_of(3) { (*pick(&COMPANIES, env)).to_owned() } else { String::new() },
            city: country.city,
            notes: if index.is_multiple_of(9) { (*pick(&NOTES, env)).to_owned() } else { String::new() },
        }
    }

    fn row(&self, env: &Env) -> Vec<String> {
        let cells = [
            &self.first,
            &self.last,
            &typed(self.code, &self.national, env),
            &self.email,
            &self.company,
            self.city,
            &self.notes,
        ];
        cells.map(str::to_owned).to_vec()
    }

    /// The same person, entered a second time by somebody in a hurry.
    fn again(&self, env: &Env) -> Vec<String> {
        let email = if self.national.is_empty() { self.email.to_uppercase() } else { String::new() };
        let cells = [
            &self.first.to_lowercase(),
            "",
            &typed(self.code, &self.national, env),
            &email,
            "",
            self.city,
            "imported twice",
        ];
        cells.map(str::to_owned).to_vec()
    }
}

/// Somebody who is not in the list.
pub struct Stranger {
    /// First name, possibly empty like the rest.
    pub first: String,
    /// Last name.
    pub last: String,
    /// Phone number in E.164.
    pub phone: String,
    /// E-mail address.
    pub email: String,
}

impl Stranger {
    /// The people of a list are counted from 0; strangers far behind.
    const OFFSET: usize = 5_000_000;

    /// The stranger of this number.
    pub fn new(index: usize, env: &Env) -> Self {
        let person = Person::new(Self::OFFSET + index, env);
        let phone =
            if person.national.is_empty() { String::new() } else { format!("{}{}", person.code, person.national) };
        let (first, last) = (person.first.trim().to_owned(), person.last.trim().to_owned());
        Self { first, last, phone, email: person.email }
    }
}

/// Counting up by a step without a common factor with 10 meets each number once.
fn national(pattern: &str, index: usize) -> String {
    const STEP: usize = 73_682_119;
    let hashes = u32::try_from(pattern.matches('#').count()).unwrap_or_default();
    let number = (index + 1).wrapping_mul(STEP) % 10_usize.pow(hashes);
    let digits = format!("{number:0width$}", width = hashes as usize);
    pattern.replace('#', "") + &digits
}

/// One of the fashions in which people type a number. Without a country code only at home.
fn typed(code: &str, national: &str, env: &Env) -> String {
    if national.is_empty() {
        return String::new();
    }
    let (head, tail) = national.split_at(3);
    let (middle, end) = tail.split_at(tail.len() / 2);
    let home = code == "+62";
    match env.between(0, if home { 9 } else { 5 }) {
        0 => format!("{code}{national}"),
        1 => format!("{code} {head}-{middle}-{end}"),
        2 => format!("({code}) {head} {middle} {end}"),
        3 => format!("00{} {head}.{middle}.{end}", &code[1..]),
        4 => format!("tel:{code}-{head}-{tail}"),
        5 => format!(" {code}\u{a0}{head}\u{a0}{tail}"),
        6 => format!("0{head} {middle} {end}"),
        7 => format!("(0{head}) {middle}-{end}"),
        8 => format!("{code} (0) {head} {tail}"),
        _ => format!("0{national}"),
    }
}

/// Rows that make no contact.
fn useless(index: usize) -> Vec<String> {
    let row: &[&str] = match index % 5 {
        0 => &["Unknown", "", "n/a", "", "", "", "number to follow"],
        1 => &["Reception", "", "12345", "", "Aurora Dental", "", ""],
        2 => &["No", "Contact", "", "", "", "", ""],
        3 => &["Typo", "Example", "", "typo(at)example.com", "", "", ""],
        _ => &["Shifted", "Row", "", "", "", "", "", "too many", "cells"],
    };
    row.iter().map(|cell| (*cell).to_owned()).collect()
}

fn pick<'a, T>(items: &'a [T], env: &Env) -> &'a T {
    let last = i64::try_from(items.len()).unwrap_or(i64::MAX) - 1;
    &items[usize::try_from(env.between(0, last)).unwrap_or_default()]
}

fn shuffle<T>(items: &mut [T], env: &Env) {
    for last in (1..items.len()).rev() {
        let other = env.between(0, i64::try_from(last).unwrap_or(i64::MAX));
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import;

    #[test]
    fn a_list_has_as_many_people_as_were_asked_for() {
        let text = csv(500).expect("rows that can be written");
        let import = import::read(text.as_bytes(), Some(REGION)).expect("a readable file");
        assert_eq!(import.contacts.len(), 500);
        assert_eq!(import.folded.len(), 500 / DUPLICATE_EVERY);
        assert_eq!(import.refused.len(), 500 / USELESS_EVERY, "{:?}", import.refused);
        assert_eq!(csv(500).ok(), Some(text), "one count gives one file");
    }

    /// Set `LOCKSTEP_BLESS=1` to write the file anew.
    #[test]
    fn the_shipped_file_is_what_is_made_here() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/demo-contacts.csv");
        let made = csv(1_200).expect("rows that can be written");
        if std::env::var_os("LOCKSTEP_BLESS").is_some() {
            std::fs::write(path, &made).expect("a writable file");
        }
        assert!(made == super::super::SHIPPED_CSV, "data/demo-contacts.csv is not what demo::people makes");
    }
}
