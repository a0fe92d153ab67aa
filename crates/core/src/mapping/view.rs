//! Both sides read as values by field, the type's equality, and what a matching looks at.

use serde_json::{Map, Value as Json};

use super::model::{Kind, Mapping, Selector};
use crate::contact::{Contact, ContactPatch, NewContact};
use crate::patch::Patch;
use crate::phone::{self, Phone};
use crate::record::{Edits, Record, Values};
use crate::text;

/// What stands before a metadata key in a field's name.
const METADATA: &str = "metadata.";

/// What a contact holds, by field: `id`, `phone_number`, `name`, `email`, `acquisition_source`, and
/// `metadata.KEY` for keys that hold text, a number or a boolean.
pub fn contact_values(contact: &Contact) -> Values {
    let own = [
        ("id", Some(contact.id.to_string())),
        ("phone_number", contact.phone_number.as_ref().map(Phone::to_string)),
        ("name", contact.name.clone()),
        ("email", contact.email.clone()),
        ("acquisition_source", contact.acquisition_source.clone()),
    ];
    let own = own.into_iter().filter_map(|(field, value)| Some((field.to_owned(), value?)));
    let metadata =
        contact.metadata.iter().flatten().filter_map(|(key, value)| Some((format!("{METADATA}{key}"), scalar(value)?)));
    own.chain(metadata).filter(|(_, value)| !value.trim().is_empty()).collect()
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// What a record holds, by the mapping's fields. Text is cleaned, phone numbers are in E.164 where they can be.
/// Of a prefixed property the prefix is taken off; a value that lacks it was set by somebody else and is kept whole.
pub fn record_values(mapping: &Mapping, record: &Record) -> Values {
    let value = |map: &super::FieldMap| {
        let text = match &map.native {
            Selector::Property(name) => clean(record, name),
            Selector::Prefixed { property, prefix } => {
                let text = clean(record, property);
                text.strip_prefix(prefix.as_str()).map(str::to_owned).unwrap_or(text)
            }
            Selector::FullName { first, last } => joined(&clean(record, first), &clean(record, last)),
            Selector::RecordId => record.id.clone(),
        };
        let text = match map.kind {
            Kind::Phone => phone::normalise(&text, mapping.region.as_deref()).map_or(text, String::from),
            Kind::Text | Kind::Email => text,
        };
        (!text.is_empty()).then(|| (map.field.clone(), text))
    };
    mapping.fields.iter().filter_map(value).collect()
}

/// A property as the inbox reads it; empty when there is none.
pub(super) fn clean(record: &Record, property: &str) -> String {
    record.text(property).map(text::clean).unwrap_or_default()
}

/// Two parts of a name as one, with a space between where both are there.
pub(super) fn joined(first: &str, last: &str) -> String {
    [first, last].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether the inbox can take a value for the field. Its id and where a contact came from are its own for good.
pub fn inbox_takes(field: &str) -> bool {
    matches!(field, "phone_number" | "name" | "email") || field.starts_with(METADATA)
}

/// The patch that brings new values to a contact. Fields that the inbox does not take are left out, and so is a
/// phone number that is cleared or is none (law 3).
pub fn contact_patch(edits: &Edits) -> ContactPatch {
    let patch = |field: &str| match edits.get(field) {
        None => Patch::Keep,
        Some(None) => Patch::Clear,
        Some(Some(value)) => Patch::Set(value.clone()),
    };
    let phone_number =
        edits.get("phone_number").and_then(Option::as_deref).and_then(|number| Phone::parse(number).ok());
    let metadata: Map<String, Json> = edits
        .iter()
        .filter_map(|(field, value)| Some((field.strip_prefix(METADATA)?.to_owned(), Json::from(value.clone()))))
        .collect();
    let metadata = if metadata.is_empty() { Patch::Keep } else { Patch::Set(metadata) };
    ContactPatch { phone_number, name: patch("name"), email: patch("email"), metadata }
}

/// The contact to be made of a record that the inbox lacks. `source` becomes its acquisition source.
/// Fields that flow only to the CRM are left out.
pub fn new_contact(mapping: &Mapping, record: &Record, source: &str) -> NewContact {
    let mut values = record_values(mapping, record);
    values.retain(|field, _| mapping.field(field).is_some_and(|map| map.flows_to_inbox()));
    let patch = contact_patch(&values.into_iter().map(|(field, value)| (field, Some(value))).collect());
    NewContact {
        account: None,
        phone_number: patch.phone_number,
        name: patch.name.apply(None),
        email: patch.email.apply(None),
        metadata: patch.metadata.apply(None),
        acquisition_source: Some(source.to_owned()),
    }
}

/// The form in which values of a kind are equal (law 4): text in NFC and trimmed, e-mail case-folded, a phone number
/// in E.164. What only looks like a phone number is compared without its punctuation.
pub fn canonical(kind: Kind, value: &str, region: Option<&str>) -> String {
    match kind {
        Kind::Text => text::clean(value),
        Kind::Email => text::clean(value).to_lowercase(),
        Kind::Phone => match phone::normalise(value, region) {
            Some(phone) => phone.into(),
            None => value.chars().filter(|c| c.is_alphanumeric() || *c == '+').collect(),
        },
    }
}

/// Whether two values are the same under the kind's equality. Empty text is no value.
pub fn same(kind: Kind, a: Option<&str>, b: Option<&str>, region: Option<&str>) -> bool {
    let form =
        |value: Option<&str>| value.map(|value| canonical(kind, value, region)).filter(|value| !value.is_empty());
    a == b || form(a) == form(b)
}

/// What a contact is recognised by: `phone:` and `email:` keys. Phone keys fold national spellings ([`phone::match_key`]).
pub fn contact_keys(contact: &Contact) -> Vec<String> {
    let phone = contact.phone_number.as_ref().map(phone_key);
    phone.into_iter().chain(contact.email.as_deref().and_then(email_key)).collect()
}

/// What a record is recognised by, phone numbers first, each key once: the mapped phone and e-mail properties and
/// [`Mapping::also_match`].
pub fn record_keys(mapping: &Mapping, record: &Record) -> Vec<String> {
    let mapped =
        mapping.fields.iter().flat_map(|map| map.native.properties().into_iter().map(|property| (map.kind, property)));
    let also = mapping.also_match.iter().map(|also| (also.kind, also.property.as_str()));
    let texts: Vec<(Kind, &str)> =
        mapped.chain(also).filter_map(|(kind, property)| Some((kind, record.text(property)?))).collect();
    let parts =
        |wanted: Kind| texts.iter().filter(move |(kind, _)| *kind == wanted).flat_map(|(_, text)| text.split(';'));
    // A number in E.164 counts even where no plan knows it: the inbox may hold it too.
    let phone =
        |text: &str| phone::normalise(text, mapping.region.as_deref()).or_else(|| Phone::parse(text.trim()).ok());
    let mut keys: Vec<String> = Vec::new();
    for key in parts(Kind::Phone)
        .filter_map(phone)
        .map(|phone| phone_key(&phone))
        .chain(parts(Kind::Email).filter_map(email_key))
    {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The match key of a phone number.
pub fn phone_key(phone: &Phone) -> String {
    format!("phone:{}", phone::match_key(phone))
}

/// The match key of an e-mail address; `None` for text without an `@`.
pub fn email_key(email: &str) -> Option<String> {
    let email = canonical(Kind::Email, email, None);
    email.contains('@').then(|| format!("email:{email}"))
}
