//! Names of contacts. Salesforce takes no contact without a last name (`LastName` is required by its page "Contact" of the
//! "Object Reference"): a name of one word stands there, and somebody who has no name is called by a number or an e-mail
//! address, which is read back as no name.

use std::collections::BTreeMap;

use lockstep_core::record::{Properties, Record};

use super::read;
use super::wire::{CONTACT, Row, long_id};
use crate::connector::{Got, Update};
use crate::door::Session;
use crate::fault::Fault;
use crate::stand_in::is_stand_in;

/// The field that no contact can be without.
const LAST_NAME: &str = "LastName";
const FIRST_NAME: &str = "FirstName";
/// What a contact is called by that has no name.
const ADDRESSES: [&str; 5] = ["Phone", "MobilePhone", "HomePhone", "OtherPhone", "Email"];

/// The properties to read of contacts: whether a last name is one is seen beside the first name.
pub(super) fn with_first(properties: &[String]) -> Vec<String> {
    let mut all = properties.to_vec();
    if asks(properties, LAST_NAME) && !asks(properties, FIRST_NAME) {
        all.push(FIRST_NAME.to_owned());
    }
    all
}

fn asks(properties: &[String], name: &str) -> bool {
    properties.iter().any(|property| property == name)
}

/// A contact that was read [`with_first`], as it was asked for: what stands in for a name is none.
pub(super) fn contact(mut record: Record, properties: &[String]) -> Record {
    if stands_in(&record.properties) {
        record.properties.insert(LAST_NAME.to_owned(), None);
    }
    if !asks(properties, FIRST_NAME) {
        record.properties.remove(FIRST_NAME);
    }
    record
}

/// The same for what a read found.
pub(super) fn contact_got(got: Got, properties: &[String]) -> Got {
    match got {
        Got::Found(record) => Got::Found(contact(record, properties)),
        Got::Archived(record) => Got::Archived(contact(record, properties)),
        Got::Missing => Got::Missing,
    }
}

/// Whether the last name is only a stand-in. One that is not the record's own number or address any more, since somebody
/// gave it another, is still no name.
fn stands_in(properties: &Properties) -> bool {
    is_empty(properties, FIRST_NAME) && text(properties, LAST_NAME).is_some_and(is_stand_in)
}

fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    properties.get(name)?.as_deref().map(str::trim).filter(|text| !text.is_empty())
}

fn is_empty(properties: &Properties, name: &str) -> bool {
    text(properties, name).is_none()
}

/// What is written of a contact that holds `held`, nothing if it is new: one that would be left without a last name is
/// called by its first one, else by its number or address, else not at all, which Salesforce refuses in its own words.
pub(super) fn named(mut properties: Properties, held: &Properties) -> Properties {
    let mut later = held.clone();
    later.extend(properties.clone());
    let keeps_last = match properties.get(LAST_NAME) {
        Some(_) => !is_empty(&properties, LAST_NAME),
        None => !is_empty(held, LAST_NAME) && (is_empty(&properties, FIRST_NAME) || !stands_in(held)),
    };
    if keeps_last {
        return properties;
    }
    if let Some(first) = text(&later, FIRST_NAME) {
        properties.insert(LAST_NAME.to_owned(), Some(first.to_owned()));
        properties.insert(FIRST_NAME.to_owned(), None);
    } else if let Some(called) = ADDRESSES.iter().filter_map(|name| text(&later, name)).find(|it| is_stand_in(it)) {
        properties.insert(LAST_NAME.to_owned(), Some(called.to_owned()));
    }
    properties
}

/// The same of a record, whose [`held`] values are known where its name depends on them.
pub(super) fn renamed(properties: Properties, held: Option<&Properties>) -> Properties {
    match held {
        Some(held) => named(properties, held),
        None if properties.contains_key(LAST_NAME) => named(properties, &Properties::new()),
        None => properties,
    }
}

/// What records hold whose names depend on it: those that lose their name, or just the last one, and those that get a
/// first name alone, which may become the last. At most one call. The last of these were mostly just read, with no last
/// name where one stands in.
pub(super) async fn held(
    session: &Session,
    rows: &[Update],
    asked: &[String],
) -> Result<BTreeMap<String, Properties>, Fault> {
    let depends = |row: &&Update| {
        let has_first = !is_empty(&row.properties, FIRST_NAME);
        match row.properties.get(LAST_NAME) {
            Some(_) => is_empty(&row.properties, LAST_NAME) && !has_first,
            None => has_first,
        }
    };
    let mut held = BTreeMap::new();
    let mut ids = Vec::new();
    for (row, id) in rows.iter().filter(depends).filter_map(|row| Some((row, long_id(&row.id)?))) {
        let is_told = |before: &&Properties| [FIRST_NAME, LAST_NAME].iter().all(|name| before.contains_key(*name));
        match row.before.as_ref().filter(is_told).filter(|_| !row.properties.contains_key(LAST_NAME)) {
            Some(before) => drop(held.insert(id, before.clone())),
            None => ids.push(id),
        }
    }
    if ids.is_empty() {
        return Ok(held);
    }
    // A field that the user cannot see must not be asked for: what is asked for anyway can be seen.
    let seen = ADDRESSES.iter().filter(|name| asks(asked, name));
    let wanted: Vec<String> = [FIRST_NAME, LAST_NAME].iter().chain(seen).map(|name| (*name).to_owned()).collect();
    let read = read::living(session, CONTACT, &ids, &wanted).await?;
    held.extend(read.into_iter().map(|row: Row| (row.id.clone(), row.record(&wanted).properties)));
    Ok(held)
}

#[cfg(test)]
mod tests {
    use lockstep_core::env::Time;

    use super::*;
    use crate::connector::unseen;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some(*value).filter(|it| !it.is_empty()).map(str::to_owned)))
            .collect()
    }

    #[test]
    fn somebody_without_a_name_is_called_by_the_number() {
        let last = |pairs: &[(&str, &str)], held: &[(&str, &str)]| {
            named(properties(pairs), &properties(held)).get(LAST_NAME).cloned().flatten()
        };
        let number = ("Phone", "+39 06 12345");
        assert_eq!(last(&[number, ("Email", "a@b.c")], &[]).as_deref(), Some("+39 06 12345"));
        assert_eq!(last(&[("Email", "a@b.c"), ("LastName", "")], &[]).as_deref(), Some("a@b.c"));
        assert_eq!(last(&[("FirstName", "Ada"), number], &[]).as_deref(), Some("Ada"));
        assert_eq!(last(&[("Title", "Dr")], &[]), None, "which Salesforce refuses in its own words");
        let held = [("FirstName", ""), ("LastName", "Byron"), ("Email", "a@b.c")];
        assert_eq!(last(&[("LastName", "")], &held).as_deref(), Some("a@b.c"));
        assert_eq!(last(&[("LastName", ""), number], &held).as_deref(), Some("+39 06 12345"));
        assert_eq!(last(&[("LastName", ""), ("Email", "")], &held), None);
        assert_eq!(last(&[("FirstName", "Ada")], &held), None, "the last name stays");
    }

    #[test]
    fn a_first_name_takes_the_place_of_a_stand_in() {
        let held = properties(&[("FirstName", ""), ("LastName", "+3906123456"), ("Phone", "+3906123456")]);
        let expected = properties(&[("FirstName", ""), ("LastName", "Ada")]);
        assert_eq!(named(properties(&[("FirstName", "Ada")]), &held), expected);
    }

    #[test]
    fn a_number_in_place_of_a_name_is_no_name() {
        let cases = [
            ("+3906123456", "", None),
            ("(415) 555-1212", "", None),
            ("a@example.com", "", None),
            ("+3906123456", "Ada", Some("+3906123456")),
            ("K2003", "", Some("K2003")),
            ("Unit 10 20 30", "", Some("Unit 10 20 30")),
            ("3rd", "", Some("3rd")),
            ("42", "", Some("42")),
            ("@ada", "", Some("@ada")),
        ];
        let asked = [LAST_NAME.to_owned()];
        assert_eq!(with_first(&asked), [LAST_NAME, FIRST_NAME]);
        for (last, first, shown) in cases {
            let properties = properties(&[("FirstName", first), ("LastName", last)]);
            let contact = contact(Record { properties, ..unseen("1", Time::from_secs(1)) }, &asked);
            assert_eq!((contact.text(LAST_NAME), contact.properties.len()), (shown, 1), "{last}");
        }
    }
}
