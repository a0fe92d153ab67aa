//! Contacts from a CSV file, whatever program exported it. Pure: bytes in, contacts and refusals out.
//!
//! Nothing is lost: each row becomes a contact, is folded into one of the same file that has its number, or is
//! refused with its line and the reason.

mod columns;
mod fold;
mod sheet;

use lockstep_core::contact::{NewContact, check_email, check_metadata, check_name};
use lockstep_core::phone;
use lockstep_core::text;
use serde::Serialize;
use serde_json::{Map, Value as Json};

pub use columns::{Column, Layout};
pub use fold::Folded;
pub use sheet::{FILE_BYTES_MAX, SheetError};

use columns::Columns;
use fold::Fold;
use sheet::Row;

/// Where a contact comes from that an import made.
pub const ACQUISITION_SOURCE: &str = "import";

/// Metadata keys that keep what could not be used as a number or an address.
const PHONE_AS_GIVEN: &str = "phone_as_given";
const EMAIL_AS_GIVEN: &str = "email_as_given";

/// Several values in one cell, as Google's exports write them.
const GOOGLE_SEPARATOR: &str = ":::";

/// What a file held. Rows = contacts + folded + refused.
#[derive(Debug)]
pub struct Import {
    /// Whose headers these are.
    pub layout: Layout,
    /// How each header was understood, in the file's order.
    pub columns: Vec<(String, Column)>,
    /// Rows after the header; empty lines are none.
    pub rows: usize,
    /// The contacts, in the file's order.
    pub contacts: Vec<NewContact>,
    /// Rows that belong to a contact of an earlier row.
    pub folded: Vec<Folded>,
    /// Rows that make no contact.
    pub refused: Vec<Refused>,
}

/// A row that makes no contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// The line of the file where the row starts, from 1.
    pub line: u64,
    /// Why, in one sentence.
    pub reason: String,
}

/// Reads a whole file. `region` is where numbers without a country code belong.
///
/// # Errors
/// When it is no CSV file of contacts at all; then nothing of it may be used.
pub fn read(bytes: &[u8], region: Option<&str>) -> Result<Import, SheetError> {
    let sheet = sheet::open(bytes)?;
    let columns = Columns::recognise(&sheet.header);
    if !columns.identify() {
        return Err(SheetError::NoIdentity { header: sheet.header.join(", ") });
    }
    let mut fold = Fold::default();
    let mut refused = Vec::new();
    let rows = sheet.rows.len();
    for row in &sheet.rows {
        match contact(row, &columns, region) {
            Ok(contact) => fold.add(row.line, contact),
            Err(reason) => refused.push(Refused { line: row.line, reason }),
        }
    }
    let (contacts, folded) = fold.finish();
    let layout = columns.layout;
    Ok(Import { layout, columns: columns.described(&sheet.header), rows, contacts, folded, refused })
}

/// Makes a contact of a row, or says why there is none.
fn contact(row: &Row, columns: &Columns, region: Option<&str>) -> Result<NewContact, String> {
    if row.cells.len() > columns.len() && row.cells[columns.len()..].iter().any(|cell| !cell.trim().is_empty()) {
        return Err(format!("has {} cells where the header has {}", row.cells.len(), columns.len()));
    }
    if row.cells.iter().any(|cell| cell.contains(['\0', '\u{fffd}'])) {
        return Err("holds bytes that are not text".to_owned());
    }
    let mut draft = Draft::default();
    for (column, cell) in columns.iter().zip(&row.cells) {
        let value = text::clean(cell);
        if !value.is_empty() {
            draft.take(column, value, region);
        }
    }
    draft.finish()
}

/// A contact in the making.
#[derive(Default)]
struct Draft {
    contact: NewContact,
    metadata: Map<String, Json>,
    first: Option<String>,
    middle: Option<String>,
    last: Option<String>,
    bad_phone: Option<String>,
    bad_email: Option<String>,
}

impl Draft {
    fn take(&mut self, column: &Column, value: String, region: Option<&str>) {
        match column {
            Column::Name => self.contact.name = Some(value),
            Column::FirstName => self.first = Some(value),
            Column::MiddleName => self.middle = Some(value),
            Column::LastName => self.last = Some(value),
            Column::Phone { key } => self.take_phones(key, &value, region),
            Column::Email { key } => self.take_emails(key, &value),
            Column::Metadata { key } => self.note(key, value),
        }
    }

    /// The first usable number is the contact's; further ones stay beside it.
    fn take_phones(&mut self, key: &str, value: &str, region: Option<&str>) {
        for part in value.split(GOOGLE_SEPARATOR).map(str::trim).filter(|part| !part.is_empty()) {
            match phone::normalise(part, region) {
                Some(number) if self.contact.phone_number.is_none() => self.contact.phone_number = Some(number),
                Some(number) if self.contact.phone_number.as_ref() == Some(&number) => {}
                Some(number) => self.note(key, number.into()),
                None => {
                    self.bad_phone.get_or_insert_with(|| part.to_owned());
                    self.note(PHONE_AS_GIVEN, part.to_owned());
                }
            }
        }
    }

    fn take_emails(&mut self, key: &str, value: &str) {
        for part in value
            .split(GOOGLE_SEPARATOR)
            .flat_map(|part| part.split(';'))
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            if check_email(part).is_err() {
                self.bad_email.get_or_insert_with(|| part.to_owned());
                self.note(EMAIL_AS_GIVEN, part.to_owned());
            } else if self.contact.email.is_none() {
                self.contact.email = Some(part.to_owned());
            } else if self.contact.email.as_deref() != Some(part) {
                self.note(key, part.to_owned());
            }
        }
    }

    /// Keeps a value in the metadata; a second one under the same key joins the first.
    fn note(&mut self, key: &str, value: String) {
        match self.metadata.get_mut(key) {
            Some(Json::String(held)) => {
                held.push_str("; ");
                held.push_str(&value);
            }
            _ => {
                self.metadata.insert(key.to_owned(), Json::String(value));
            }
        }
    }

    fn finish(mut self) -> Result<NewContact, String> {
        if self.contact.phone_number.is_none() && self.contact.email.is_none() {
            return Err(match (self.bad_phone, self.bad_email) {
                (Some(phone), _) => {
                    format!("\"{phone}\" is not a phone number, and there is no e-mail address")
                }
                (None, Some(email)) => {
                    format!("\"{email}\" is not an e-mail address, and there is no phone number")
                }
                (None, None) => "has neither a phone number nor an e-mail address".to_owned(),
            });
        }
        let parts: Vec<String> = [self.first, self.middle, self.last].into_iter().flatten().collect();
        if self.contact.name.is_none() && !parts.is_empty() {
            self.contact.name = Some(parts.join(" "));
        }
        if !self.metadata.is_empty() {
            self.contact.metadata = Some(self.metadata);
        }
        self.contact.acquisition_source = Some(ACQUISITION_SOURCE.to_owned());
        check_limits(&self.contact)?;
        Ok(self.contact)
    }
}

fn check_limits(contact: &NewContact) -> Result<(), String> {
    if let Some(name) = &contact.name {
        check_name(name).map_err(|problem| problem.message)?;
    }
    if let Some(metadata) = &contact.metadata {
        check_metadata(metadata).map_err(|problem| problem.message)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
