//! Whether both sides agree, judged from the outside: the inbox's contacts against the look-alike's records, knowing
//! nothing of the engine.

use std::collections::BTreeMap;

use lockstep_core::contact::Contact;
use lockstep_core::phone::normalise;
use lockstep_sandbox::hubspot::Record;

/// The metadata key that holds the id of a contact's record.
const RECORD_ID: &str = "crm_id";

/// How the two sides stand.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Contacts whose record says the same.
    pub agreed: usize,
    /// Contacts whose record says something else.
    pub differing: Vec<String>,
    /// Contacts without a record.
    pub alone: usize,
    /// Records without a contact.
    pub orphans: usize,
}

impl Agreement {
    /// Whether nothing is left to do but the questions for a person, which concern so many contacts and records.
    pub fn complete(&self, asked_contacts: usize, asked_records: usize) -> bool {
        self.differing.is_empty() && self.alone <= asked_contacts && self.orphans <= asked_records
    }
}

/// Compares every contact with the record that it names.
pub fn compare(contacts: &[Contact], records: &[Record]) -> Agreement {
    let mut unclaimed: BTreeMap<&str, &Record> =
        records.iter().filter(|record| !record.archived).map(|record| (record.id.as_str(), record)).collect();
    let mut agreement = Agreement::default();
    for contact in contacts {
        match record_id(contact).and_then(|id| unclaimed.remove(id)) {
            None => agreement.alone += 1,
            Some(record) if same(contact, record) => agreement.agreed += 1,
            Some(_) => agreement.differing.push(contact.id.to_string()),
        }
    }
    agreement.orphans = unclaimed.len();
    agreement
}

/// The record that a contact is kept in step with.
pub fn record_id(contact: &Contact) -> Option<&str> {
    contact.metadata.as_ref()?.get(RECORD_ID)?.as_str()
}

fn same(contact: &Contact, record: &Record) -> bool {
    let phone = |text: &str| normalise(text, None).map_or_else(|| text.to_owned(), String::from);
    let joined =
        [record.value("firstname"), record.value("lastname")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let contact_phone = contact.phone_number.as_ref().map(ToString::to_string);
    contact_phone == record.value("phone").filter(|text| !text.is_empty()).map(phone)
        && contact.email.as_deref().unwrap_or_default().to_lowercase()
            == record.value("email").unwrap_or_default().to_lowercase()
        && words(contact.name.as_deref().unwrap_or_default()) == words(&joined)
}
