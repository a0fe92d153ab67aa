//! The inbox's contact: what it holds and what a patch makes of it.

mod check;

pub use check::{check_email, check_metadata, check_name};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::env::Time;
use crate::ids::ContactId;
use crate::patch::Patch;
use crate::phone::Phone;

/// A person in the inbox. One phone number may exist once per account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Meta's `phone_number_id` of the account it belongs to.
    pub account: String,
    /// The channel's address; a contact without one is known only by e-mail.
    pub phone_number: Option<Phone>,
    /// The name as people see it.
    pub name: Option<String>,
    /// The e-mail address as given.
    pub email: Option<String>,
    /// A free JSON object; `None` when never set.
    pub metadata: Option<Map<String, Json>>,
    /// Where the contact came from: `inbound`, `api`, `dashboard`, `import` or a connector's name.
    pub acquisition_source: Option<String>,
    /// The organization's change number at the last change; a later change has a greater one.
    pub seq: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What is given to make a contact, checked already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NewContact {
    /// The account; `None` takes the organization's only one.
    pub account: Option<String>,
    /// See [`Contact::phone_number`].
    pub phone_number: Option<Phone>,
    /// See [`Contact::name`].
    pub name: Option<String>,
    /// See [`Contact::email`].
    pub email: Option<String>,
    /// See [`Contact::metadata`].
    pub metadata: Option<Map<String, Json>>,
    /// See [`Contact::acquisition_source`].
    pub acquisition_source: Option<String>,
}

/// What a request or a sync changes. Metadata merges per top-level key: a null value deletes its key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactPatch {
    /// Only a sync that fills an empty number sets it; the API refuses it.
    pub phone_number: Option<Phone>,
    /// See [`Contact::name`].
    pub name: Patch<String>,
    /// See [`Contact::email`].
    pub email: Patch<String>,
    /// Keys to set, or to delete where null; `Clear` clears all.
    pub metadata: Patch<Map<String, Json>>,
}

impl Contact {
    /// The contact after the patch and the members that really changed, in a fixed order.
    /// Times and the change number are the caller's to set.
    pub fn patched(&self, patch: ContactPatch) -> (Self, Vec<&'static str>) {
        let mut next = self.clone();
        if next.phone_number.is_none() {
            next.phone_number = patch.phone_number;
        }
        next.name = patch.name.apply(next.name);
        next.email = patch.email.apply(next.email);
        next.metadata = merge_metadata(next.metadata, patch.metadata);
        let changed = self.differs(&next);
        (next, changed)
    }

    fn differs(&self, other: &Self) -> Vec<&'static str> {
        [
            ("phone_number", self.phone_number != other.phone_number),
            ("name", self.name != other.name),
            ("email", self.email != other.email),
            ("metadata", self.metadata != other.metadata),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
    }
}

fn merge_metadata(old: Option<Map<String, Json>>, patch: Patch<Map<String, Json>>) -> Option<Map<String, Json>> {
    let keys = match patch {
        Patch::Keep => return old,
        Patch::Clear => return None,
        Patch::Set(keys) => keys,
    };
    let mut merged = old.unwrap_or_default();
    for (key, value) in keys {
        if value.is_null() {
            merged.remove(&key);
        } else {
            merged.insert(key, value);
        }
    }
    Some(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ana() -> Contact {
        Contact {
            id: ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            account: "1001".to_owned(),
            phone_number: None,
            name: Some("Ana".to_owned()),
            email: Some("ana@example.com".to_owned()),
            metadata: json!({"tier": "gold", "city": "Bandung"}).as_object().cloned(),
            acquisition_source: None,
            seq: 1,
            created_at: Time(0),
            updated_at: Time(0),
        }
    }

    fn keys(value: Json) -> Patch<Map<String, Json>> {
        value.as_object().cloned().map_or(Patch::Clear, Patch::Set)
    }

    #[test]
    fn a_patch_changes_what_it_names_and_tells_what_really_changed() {
        let patch = ContactPatch {
            name: Patch::Set("Ana".to_owned()),
            email: Patch::Clear,
            metadata: keys(json!({"tier": null, "vip": true})),
            ..ContactPatch::default()
        };
        let (next, changed) = ana().patched(patch);
        assert_eq!(changed, ["email", "metadata"]);
        assert_eq!(next.email, None);
        assert_eq!(Json::from(next.metadata), json!({"city": "Bandung", "vip": true}));
        assert!(ana().patched(ContactPatch::default()).1.is_empty());
        let (next, _) = ana().patched(ContactPatch { metadata: Patch::Clear, ..ContactPatch::default() });
        assert_eq!(next.metadata, None);
    }

    #[test]
    fn a_number_is_filled_but_never_changed() {
        let number = |text: &str| ContactPatch { phone_number: Phone::parse(text).ok(), ..ContactPatch::default() };
        let (filled, changed) = ana().patched(number("+6281234567890"));
        assert_eq!(changed, ["phone_number"]);
        let (kept, changed) = filled.patched(number("+6281111111111"));
        assert!(changed.is_empty() && kept.phone_number == filled.phone_number);
    }
}
