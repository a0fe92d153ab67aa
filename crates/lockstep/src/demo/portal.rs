//! The CRM that the demo finds: about half of the people are in it already, as its users typed them.

use lockstep_core::contact::NewContact;
use lockstep_core::env::Env;
use lockstep_sandbox::vendor::Words;
use serde_json::{Map, Value as Json};

use super::people::{self, Stranger};

/// A record's properties.
pub type Properties = Map<String, Json>;

/// One record in so many…
/// …knows the person by e-mail only.
const BY_EMAIL_EVERY: usize = 38;
/// …has another e-mail address: a conflict.
const OTHER_EMAIL_EVERY: usize = 26;
/// …has another name: a conflict.
const OTHER_NAME_EVERY: usize = 34;
/// …exists twice: nobody can tell which one is meant.
const TWICE_EVERY: usize = 50;
/// One person that only the CRM knows for so many contacts.
const STRANGER_EVERY: usize = 20;

/// The records of an account whose inbox has these contacts, in the vendor's words.
pub fn records(contacts: &[NewContact], words: &Words, env: &Env) -> Vec<Properties> {
    let mut records = Vec::new();
    for (index, contact) in contacts.iter().step_by(2).enumerate() {
        let record = known(contact, words, index);
        if index % TWICE_EVERY == TWICE_EVERY - 1 && record.contains_key(words.phone) {
            let mut twin = record.clone();
            // Some vendors keep addresses unique.
            twin.remove(words.email);
            records.push(twin);
        }
        records.push(record);
    }
    let strangers = (contacts.len() / STRANGER_EVERY).max(1);
    records.extend((0..strangers).map(|index| unknown(&Stranger::new(index, env), words)));
    records
}

fn known(contact: &NewContact, words: &Words, index: usize) -> Properties {
    let every = |count: usize, offset: usize| index % count == offset;
    let mut record = Properties::new();
    let mut set = |property: &str, value: String| record.insert(property.to_owned(), Json::String(value));
    let by_email = contact.email.is_some() && every(BY_EMAIL_EVERY, 3);
    if let Some(phone) = contact.phone_number.as_ref().filter(|_| !by_email) {
        set(words.phone, retyped(phone.as_str(), index));
    }
    if let Some(email) = &contact.email {
        let other = contact.phone_number.is_some() && every(OTHER_EMAIL_EVERY, 5);
        set(words.email, if other { format!("old.{email}") } else { email.clone() });
    }
    if let Some(name) = &contact.name {
        let (first, last) = name.rsplit_once(' ').unwrap_or((name, ""));
        let nickname = every(OTHER_NAME_EVERY, 7);
        let first = if nickname { format!("{first} “Ace”") } else { first.to_owned() };
        for (property, value) in words.name(&first, last).into_iter().filter(|(_, value)| !value.is_empty()) {
            set(property, value);
        }
    }
    record
}

fn unknown(stranger: &Stranger, words: &Words) -> Properties {
    let mut values = words.name(&stranger.first, &stranger.last);
    values.extend([(words.phone, stranger.phone.clone()), (words.email, stranger.email.clone())]);
    let given = values.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(property, value)| (property.to_owned(), Json::String(value))).collect()
}

/// The same number in another dress.
fn retyped(e164: &str, index: usize) -> String {
    let code = people::calling_code(e164).unwrap_or(&e164[..2]);
    let (head, tail) = e164[code.len()..].split_at(3);
    match index % 4 {
        0 => e164.to_owned(),
        1 => format!("{code} {head} {tail}"),
        2 => format!("({code}) {head}-{tail}"),
        _ => format!("00{}-{head}.{tail}", &code[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import;
    use lockstep_core::env::Time;
    use lockstep_core::phone::normalise;

    #[test]
    fn a_crm_knows_about_half_of_the_people_and_some_more() {
        let (env, _dial) = Env::manual(Time::from_secs(1_700_000_000), 1);
        let text = people::csv(1_000).expect("rows that can be written");
        let contacts = import::read(text.as_bytes(), Some(people::REGION)).expect("a readable file").contacts;
        let records = records(&contacts, &lockstep_sandbox::hubspot::WORDS, &env);
        let numbers: Vec<String> =
            contacts.iter().filter_map(|contact| Some(contact.phone_number.as_ref()?.to_string())).collect();
        let known = records.iter().filter_map(|record| normalise(record.get("phone")?.as_str()?, None));
        let matched = known.filter(|phone| numbers.contains(&phone.to_string())).count();
        assert!((450..=520).contains(&matched), "{matched}");
        assert!(records.len() > 500);
    }
}
