//! What a header means: the exports of HubSpot, Salesforce and Google, and plain ones.

use lockstep_core::limits::METADATA_KEY_CHARS_MAX;
use serde::Serialize;

/// Whose export a header looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// HubSpot's contact export.
    HubSpot,
    /// Salesforce's report or data export.
    Salesforce,
    /// Google Contacts.
    Google,
    /// Anything else.
    Plain,
}

impl Layout {
    /// The name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HubSpot => "HubSpot",
            Self::Salesforce => "Salesforce",
            Self::Google => "Google",
            Self::Plain => "plain",
        }
    }
}

/// What one column holds. `key` is where further values of the row go in the metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "holds", rename_all = "snake_case")]
pub enum Column {
    /// The whole name.
    Name,
    /// The first name.
    FirstName,
    /// The middle name.
    MiddleName,
    /// The last name.
    LastName,
    /// A phone number.
    Phone {
        /// The metadata key of a second number.
        key: String,
    },
    /// An e-mail address.
    Email {
        /// The metadata key of a second address.
        key: String,
    },
    /// Something else, kept in the metadata.
    Metadata {
        /// The key.
        key: String,
    },
}

const NAMES: &[&str] = &["name", "fullname", "contactname", "displayname", "nama", "namalengkap", "nombrecompleto"];
const FIRST_NAMES: &[&str] =
    &["firstname", "givenname", "first", "forename", "namadepan", "vorname", "nombre", "prenom"];
const MIDDLE_NAMES: &[&str] = &["middlename", "additionalname"];
const LAST_NAMES: &[&str] =
    &["lastname", "familyname", "surname", "last", "namabelakang", "nachname", "apellido", "apellidos"];
const PHONES: &[&str] = &[
    "phone",
    "phonenumber",
    "mobile",
    "mobilephone",
    "mobilephonenumber",
    "mobilenumber",
    "cell",
    "cellphone",
    "telephone",
    "tel",
    "whatsapp",
    "whatsappnumber",
    "whatsappphonenumber",
    "homephone",
    "otherphone",
    "workphone",
    "businessphone",
    "assistantphone",
    "hp",
    "nohp",
    "nomorhp",
    "nowa",
    "telepon",
    "nomortelepon",
    "telefon",
    "telefono",
    "celular",
    "handy",
];
const EMAILS: &[&str] = &[
    "email",
    "emailaddress",
    "workemail",
    "personalemail",
    "additionalemailaddresses",
    "mail",
    "correo",
    "correoelectronico",
    "surel",
];

/// Headers that only one program writes.
const HUBSPOT_MARKS: &[&str] = &["recordid", "lifecyclestage", "leadstatus", "createdate", "originalsource"];
const SALESFORCE_MARKS: &[&str] = &[
    "contactid",
    "accountid",
    "accountname",
    "leadsource",
    "mailingcity",
    "mailingcountry",
    "mobilephone",
    "systemmodstamp",
];

/// The columns of a file.
pub(super) struct Columns {
    pub(super) layout: Layout,
    columns: Vec<Column>,
}

impl Columns {
    pub(super) fn recognise(header: &[String]) -> Self {
        let plain: Vec<String> = header.iter().map(|name| plain(name)).collect();
        let layout = layout(&plain);
        let mut keys: Vec<String> = Vec::new();
        let columns = header.iter().zip(&plain).enumerate().map(|(index, (name, plain))| {
            let key = unused_key(name, index, &mut keys);
            column(plain, key)
        });
        Self { layout, columns: columns.collect() }
    }

    /// Whether a row can name its person at all.
    pub(super) fn identify(&self) -> bool {
        self.columns.iter().any(|column| matches!(column, Column::Phone { .. } | Column::Email { .. }))
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    pub(super) fn described(self, header: &[String]) -> Vec<(String, Column)> {
        header.iter().cloned().zip(self.columns).collect()
    }
}

/// Letters and digits alone, lower-cased: `E-mail 1 - Value` and `e_mail1value` are one header.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn layout(header: &[String]) -> Layout {
    let marks = |marks: &[&str]| header.iter().filter(|name| marks.contains(&name.as_str())).count();
    if header.iter().any(|name| google(name).is_some()) {
        Layout::Google
    } else if marks(HUBSPOT_MARKS) > marks(SALESFORCE_MARKS) {
        Layout::HubSpot
    } else if marks(SALESFORCE_MARKS) > 0 {
        Layout::Salesforce
    } else {
        Layout::Plain
    }
}

fn column(plain: &str, key: String) -> Column {
    let is = |names: &[&str]| names.contains(&plain);
    match google(plain) {
        Some("phone") => return Column::Phone { key },
        Some("email") => return Column::Email { key },
        _ => {}
    }
    if is(NAMES) {
        Column::Name
    } else if is(FIRST_NAMES) {
        Column::FirstName
    } else if is(MIDDLE_NAMES) {
        Column::MiddleName
    } else if is(LAST_NAMES) {
        Column::LastName
    } else if is(PHONES) {
        Column::Phone { key }
    } else if is(EMAILS) {
        Column::Email { key }
    } else {
        Column::Metadata { key }
    }
}

/// Google numbers its columns: `Phone 1 - Value`, `E-mail 2 - Value`.
fn google(plain: &str) -> Option<&str> {
    let numbered = plain.strip_suffix("value")?;
    let kind = numbered.trim_end_matches(|c: char| c.is_ascii_digit());
    (kind.len() < numbered.len()).then_some(kind)
}

/// A metadata key made of the header: lower case, words joined by `_`, never one that is taken already.
fn unused_key(name: &str, index: usize, taken: &mut Vec<String>) -> String {
    let words: String =
        name.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).flat_map(char::to_lowercase).collect();
    let joined = words.split_whitespace().collect::<Vec<_>>().join("_");
    let chars_max = usize::try_from(METADATA_KEY_CHARS_MAX).unwrap_or(usize::MAX);
    let mut key: String = joined.chars().take(chars_max).collect();
    if key.is_empty() || taken.contains(&key) {
        key = format!("column_{}", index + 1);
    }
    taken.push(key.clone());
    key
}
