//! Whether a CRM and the inbox say the same of everybody: values compared from the outside, knowing nothing of the
//! engine but which record belongs to which contact.

use std::collections::BTreeSet;

use lockstep_core::contact::Contact;
use lockstep_core::phone::normalise;
use lockstep_sandbox::Record;
use lockstep_sandbox::vendor::Words;

use super::sides::Side;

/// How a CRM stands to the inbox.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Contacts whose record says the same.
    pub agreed: usize,
    /// Contacts whose record says something else, with both.
    pub differing: Vec<String>,
    /// Contacts without a record.
    pub alone: usize,
    /// Records of people who can be reached, without a contact.
    pub orphans: usize,
}

impl Agreement {
    /// What is left to do beside the questions for a person, which concern so many contacts and records.
    pub fn left(&self, asked_contacts: usize, asked_records: usize) -> Option<String> {
        let complete = self.differing.is_empty() && self.alone <= asked_contacts && self.orphans <= asked_records;
        (!complete).then(|| format!("{self:?}"))
    }
}

/// Compares every contact with its record.
pub fn compare(contacts: &[Contact], side: &Side<'_>) -> Agreement {
    let words = side.crm.listed.words;
    let mut claimed = BTreeSet::new();
    let mut agreement = Agreement::default();
    for contact in contacts {
        match side.record_of(&contact.id) {
            None if side.is_vendors_own(&contact.id) => {}
            None => agreement.alone += 1,
            Some(record) => {
                claimed.insert(&record.id);
                if same(contact, record, &words) {
                    agreement.agreed += 1;
                } else {
                    agreement.differing.push(format!("{contact:?} is {record:?}"));
                }
            }
        }
    }
    // An account has its own company and administrator among the contacts, whom nobody can message.
    let reached = |record: &&Record| [words.phone, words.email].iter().any(|it| held(record, it).is_some());
    agreement.orphans = side.records.values().filter(reached).filter(|it| !claimed.contains(&it.id)).count();
    agreement
}

fn held<'a>(record: &'a Record, property: &str) -> Option<&'a str> {
    record.value(property).filter(|text| !text.is_empty())
}

fn same(contact: &Contact, record: &Record, words: &Words) -> bool {
    let phone = |text: &str| normalise(text, None).map_or_else(|| text.to_owned(), String::from);
    let split = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let number = contact.phone_number.as_ref().map(ToString::to_string);
    let email = contact.email.as_deref().unwrap_or_default().to_lowercase();
    let name = split(&words.name_of(record));
    // Who has no name stands under a number or an address where a name must be.
    let same_name = match contact.name.as_deref().map(split).filter(|name| !name.is_empty()) {
        Some(ours) => ours == name,
        None => name.is_empty() || Some(phone(&name)) == number || name.to_lowercase() == email,
    };
    number == held(record, words.phone).map(phone)
        && email == held(record, words.email).unwrap_or_default().to_lowercase()
        && same_name
}
