//! The laws of the merge: by examples that a person can follow, and by properties over many pairs.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

mod fights;
mod laws;
mod rules;

use std::collections::BTreeMap;

use lockstep_core::contact::Contact;
use lockstep_core::env::Time;
use lockstep_core::fight;
use lockstep_core::ids::ContactId;
use lockstep_core::mapping::model::{ContactProperties, Mapping, NameProperties};
use lockstep_core::mapping::native;
use lockstep_core::mapping::view::{contact_patch, contact_values, record_values};
use lockstep_core::merge::{Interval, Merge, Sight, merge, settled};
use lockstep_core::pair::{Base, Fight};
use lockstep_core::phone::Phone;
use lockstep_core::record::{Field, Record};

/// A contact, its record and what is known of both: enough to run a sync without a store or a vendor.
#[derive(Clone, Debug)]
struct World {
    mapping: Mapping,
    contact: Contact,
    record: Record,
    base: Base,
    held: Vec<Field>,
    fights: BTreeMap<Field, Fight>,
    ours_at: Interval,
    theirs_at: Interval,
}

fn default_mapping() -> Mapping {
    let names = ContactProperties {
        phone: "phone",
        email: "email",
        name: NameProperties::Parts { first: "firstname", last: "lastname" },
        other_phones: &["mobilephone"],
        other_emails: &["hs_additional_emails"],
        source: Some("lockstep_source"),
        key: Some("lockstep_id"),
    };
    Mapping::contacts(&names, Some("ID".to_owned()))
}

impl World {
    fn new() -> Self {
        let contact = Contact {
            id: ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
            account: "1001".to_owned(),
            phone_number: None,
            name: None,
            email: None,
            metadata: None,
            acquisition_source: Some("inbound".to_owned()),
            seq: 1,
            created_at: Time(0),
            updated_at: Time(0),
        };
        let mapping = default_mapping();
        let properties = mapping.properties().into_iter().map(|name| (name, None)).collect();
        let record =
            Record { id: "7".to_owned(), properties, updated_at: Time(0), archived: false, merged: Vec::new() };
        let always = Interval { from: Time(0), to: Time(i64::MAX) };
        let (base, held, fights) = (Base::new(), Vec::new(), BTreeMap::new());
        Self { mapping, contact, record, base, held, fights, ours_at: always, theirs_at: always }
    }

    /// A world in which both sides hold these and are in step.
    fn in_step(phone: &str, email: &str, first: &str, last: &str) -> Self {
        let mut world = Self::new();
        world.contact.phone_number = Phone::parse(phone).ok();
        world.contact.email = Some(email.to_owned());
        world.contact.name = Some(format!("{first} {last}"));
        world.edit_crm(&[("phone", phone), ("email", email), ("firstname", first), ("lastname", last)]);
        world.sync();
        assert!(world.merge().is_empty());
        world
    }

    fn edit_crm(&mut self, properties: &[(&str, &str)]) {
        for (name, value) in properties {
            let value = Some((*value).to_owned()).filter(|value| !value.is_empty());
            self.record.properties.insert((*name).to_owned(), value);
        }
    }

    fn crm(&self, property: &str) -> &str {
        self.record.text(property).unwrap_or_default()
    }

    fn merge(&self) -> Merge {
        self.merge_with(merge)
    }

    fn merge_with<T>(&self, look: impl FnOnce(&Sight<'_>) -> T) -> T {
        let ours = contact_values(&self.contact);
        let theirs = record_values(&self.mapping, &self.record);
        look(&Sight {
            mapping: &self.mapping,
            base: &self.base,
            held: &self.held,
            ours: &ours,
            theirs: &theirs,
            ours_at: self.ours_at,
            theirs_at: self.theirs_at,
            owned: &[],
            far: Some(&self.record),
        })
    }

    /// One round as a sync does it: watch, merge, patch the contact, write the record, settle.
    fn sync(&mut self) -> Merge {
        let mut fights = std::mem::take(&mut self.fights);
        let lost = self.merge_with(|sight| fight::watch(sight, &mut fights));
        self.held.extend(lost.into_iter().map(|change| change.field));
        let merge = self.merge();
        self.contact = self.contact.patched(contact_patch(&merge.to_us)).0;
        self.base.extend(merge.base.clone());
        let before = record_values(&self.mapping, &self.record);
        let sent = native::properties(&self.mapping, &merge.to_them, Some(&self.record));
        self.record.properties.extend(sent);
        let bases = settled(&self.mapping, &merge.to_them, &self.record, &self.record);
        fight::remember(&self.mapping, &mut fights, &merge.to_them, &before, &bases);
        self.base.extend(bases);
        self.fights = fights;
        merge
    }
}
