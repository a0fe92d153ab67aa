//! Rows of one file that are the same person become one contact.

use std::collections::HashMap;

use lockstep_core::contact::NewContact;
use lockstep_core::text;
use serde::Serialize;
use serde_json::Map;

/// A row that belongs to a contact of an earlier row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folded {
    /// The line of the row.
    pub line: u64,
    /// The line of the row it was folded into.
    pub into: u64,
    /// Values that differ from what the earlier row had, as `field: value`; the earlier ones stand.
    pub left_out: Vec<String>,
}

/// Folds by phone number; a row without a number, or into one without, by e-mail address.
#[derive(Default)]
pub(super) struct Fold {
    contacts: Vec<(u64, NewContact)>,
    by_phone: HashMap<String, usize>,
    by_email: HashMap<String, usize>,
    folded: Vec<Folded>,
}

impl Fold {
    pub(super) fn add(&mut self, line: u64, contact: NewContact) {
        let index = match self.same_person(&contact) {
            Some(index) => {
                let (into, earlier) = &mut self.contacts[index];
                let left_out = fill(earlier, contact);
                self.folded.push(Folded { line, into: *into, left_out });
                index
            }
            None => {
                self.contacts.push((line, contact));
                self.contacts.len() - 1
            }
        };
        let (_, contact) = &self.contacts[index];
        if let Some(phone) = &contact.phone_number {
            self.by_phone.entry(phone.as_str().to_owned()).or_insert(index);
        }
        if let Some(email) = &contact.email {
            self.by_email.entry(text::fold(email)).or_insert(index);
        }
    }

    fn same_person(&self, contact: &NewContact) -> Option<usize> {
        let phone = contact.phone_number.as_ref();
        if let Some(index) = phone.and_then(|phone| self.by_phone.get(phone.as_str())) {
            return Some(*index);
        }
        let index = *self.by_email.get(&text::fold(contact.email.as_deref()?))?;
        let both_have_numbers = phone.is_some() && self.contacts[index].1.phone_number.is_some();
        (!both_have_numbers).then_some(index)
    }

    pub(super) fn finish(self) -> (Vec<NewContact>, Vec<Folded>) {
        (self.contacts.into_iter().map(|(_, contact)| contact).collect(), self.folded)
    }
}

/// Fills what `earlier` lacks from `later` and answers what differs.
fn fill(earlier: &mut NewContact, later: NewContact) -> Vec<String> {
    let mut left_out = Vec::new();
    if earlier.phone_number.is_none() {
        earlier.phone_number = later.phone_number;
    }
    fill_text("name", &mut earlier.name, later.name, &mut left_out);
    fill_text("email", &mut earlier.email, later.email, &mut left_out);
    let held = earlier.metadata.get_or_insert_with(Map::new);
    for (key, value) in later.metadata.unwrap_or_default() {
        match held.get(&key) {
            None => {
                held.insert(key, value);
            }
            Some(other) if *other == value => {}
            Some(_) => {
                left_out.push(format!("{key}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
            }
        }
    }
    if held.is_empty() {
        earlier.metadata = None;
    }
    left_out
}

fn fill_text(field: &str, earlier: &mut Option<String>, later: Option<String>, left_out: &mut Vec<String>) {
    match (earlier.as_ref(), later) {
        (None, later) => *earlier = later,
        (Some(held), Some(value)) if text::fold(held) != text::fold(&value) => {
            left_out.push(format!("{field}: {value}"))
        }
        (Some(_), _) => {}
    }
}
