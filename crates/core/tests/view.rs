//! Both sides as values, and what a person is recognised by.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use lockstep_core::contact::Contact;
use lockstep_core::env::Time;
use lockstep_core::ids::ContactId;
use lockstep_core::mapping::model::{ContactProperties, Kind, Mapping, NameProperties};
use lockstep_core::mapping::view::{
    canonical, contact_keys, contact_patch, contact_values, new_contact, record_keys, record_values, same,
};
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::record::{Edits, Record};
use serde_json::json;

fn mapping() -> Mapping {
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

fn record(properties: &[(&str, &str)]) -> Record {
    let some = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    Record {
        id: "7".to_owned(),
        properties: properties.iter().map(some).collect(),
        updated_at: Time(0),
        archived: false,
        merged: Vec::new(),
    }
}

fn contact() -> Contact {
    Contact {
        id: ContactId::parse("ctc_01HXYZABCDEFGHJKMNPQRSTVWX").unwrap(),
        account: "1001".to_owned(),
        phone_number: Phone::parse("+6281234567890").ok(),
        name: Some(" ".to_owned()),
        email: Some("Budi@Example.com".to_owned()),
        metadata: json!({"tier": "gold", "orders": 3, "vip": true, "note": null, "tags": ["a"]}).as_object().cloned(),
        acquisition_source: Some("inbound".to_owned()),
        seq: 1,
        created_at: Time(0),
        updated_at: Time(0),
    }
}

fn pairs(values: &lockstep_core::record::Values) -> Vec<(&str, &str)> {
    values.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect()
}

#[test]
fn everything_that_has_to_be_read_is_named_once() {
    let names = [
        "email",
        "firstname",
        "hs_additional_emails",
        "lastname",
        "lockstep_id",
        "lockstep_source",
        "mobilephone",
        "phone",
    ];
    assert_eq!(mapping().properties(), names);
}

#[test]
fn a_contact_is_read_field_by_field_without_blanks_and_lists() {
    let expected = [
        ("acquisition_source", "inbound"),
        ("email", "Budi@Example.com"),
        ("id", "ctc_01HXYZABCDEFGHJKMNPQRSTVWX"),
        ("metadata.orders", "3"),
        ("metadata.tier", "gold"),
        ("metadata.vip", "true"),
        ("phone_number", "+6281234567890"),
    ];
    assert_eq!(pairs(&contact_values(&contact())), expected);
}

#[test]
fn a_record_is_read_through_its_selectors() {
    let record = record(&[
        ("firstname", " Budi "),
        ("lastname", "Santoso\n"),
        ("phone", "0812-3456-7890"),
        ("email", ""),
        ("lockstep_source", "kirim_inbound"),
        ("company", "unmapped"),
    ]);
    let expected = [
        ("acquisition_source", "inbound"),
        ("metadata.crm_id", "7"),
        ("name", "Budi Santoso"),
        ("phone_number", "+6281234567890"),
    ];
    assert_eq!(pairs(&record_values(&mapping(), &record)), expected);
}

#[test]
fn what_others_wrote_is_kept_as_it_is() {
    let values = record_values(
        &mapping(),
        &record(&[("lastname", "王"), ("phone", "ask her"), ("lockstep_source", "Trade fair")]),
    );
    assert_eq!(values["name"], "王");
    assert_eq!(values["phone_number"], "ask her");
    assert_eq!(values["acquisition_source"], "Trade fair");
}

#[test]
fn edits_become_a_patch_of_what_the_inbox_takes() {
    let edits = Edits::from([
        ("name".to_owned(), Some("Budi".to_owned())),
        ("email".to_owned(), None),
        ("phone_number".to_owned(), Some("not a number".to_owned())),
        ("metadata.crm_id".to_owned(), Some("7".to_owned())),
        ("metadata.tier".to_owned(), None),
        ("id".to_owned(), Some("other".to_owned())),
        ("acquisition_source".to_owned(), Some("other".to_owned())),
    ]);
    let patch = contact_patch(&edits);
    assert_eq!((patch.name, patch.email, patch.phone_number), (Patch::Set("Budi".to_owned()), Patch::Clear, None));
    assert_eq!(
        patch.metadata,
        json!({"crm_id": "7", "tier": null}).as_object().cloned().map_or(Patch::Keep, Patch::Set)
    );
    assert_eq!(contact_patch(&Edits::new()), Default::default());
}

#[test]
fn a_record_that_the_inbox_lacks_becomes_a_contact() {
    let record = record(&[
        ("firstname", "Dewi"),
        ("phone", "(0812) 3456 7890"),
        ("email", "dewi@example.com"),
        ("lockstep_source", "kirim_import"),
        ("lockstep_id", "ctc_elsewhere"),
    ]);
    let new = new_contact(&mapping(), &record, "hubspot");
    assert_eq!(new.phone_number.as_ref().map(Phone::as_str), Some("+6281234567890"));
    assert_eq!((new.name.as_deref(), new.email.as_deref()), (Some("Dewi"), Some("dewi@example.com")));
    assert_eq!(new.acquisition_source.as_deref(), Some("hubspot"));
    assert_eq!(new.metadata, json!({"crm_id": "7"}).as_object().cloned());
}

#[test]
fn equality_is_the_types_own() {
    let same = |kind, a: &str, b: &str| same(kind, Some(a), Some(b), Some("ID"));
    assert!(same(Kind::Text, " Jose\u{301}", "José") && !same(Kind::Text, "josé", "José"));
    assert!(same(Kind::Email, "Ana@Example.COM ", "ana@example.com"));
    assert!(same(Kind::Phone, "0812-3456-7890", "+62 812 3456 7890"));
    assert!(same(Kind::Phone, "12-345", "12345") && !same(Kind::Phone, "12345", "12346"));
    assert!(lockstep_core::mapping::view::same(Kind::Text, None, Some(" "), None));
    assert_eq!(canonical(Kind::Phone, "0812 3456 7890", None), "081234567890");
}

#[test]
fn a_person_is_recognised_by_every_number_and_address() {
    assert_eq!(contact_keys(&contact()), ["phone:+6281234567890", "email:budi@example.com"]);
    let record = record(&[
        ("phone", "+55 11 98765-4321"),
        ("mobilephone", "0812 3456 7890; n/a; +1234567"),
        ("email", "Budi@example.com"),
        ("hs_additional_emails", "budi@example.com;budi.s@example.com;none"),
    ]);
    let expected = [
        "phone:+551187654321",
        "phone:+6281234567890",
        "phone:+1234567",
        "email:budi@example.com",
        "email:budi.s@example.com",
    ];
    assert_eq!(record_keys(&mapping(), &record), expected);
}

#[test]
fn the_ids_of_several_crms_are_kept_apart() {
    let id_of = |mapping: &Mapping| mapping.record_id().cloned();
    let mut known = Vec::new();
    for (vendor, field) in [("hubspot", Some("metadata.crm_id")), ("odoo", Some("metadata.odoo_id")), ("odoo", None)] {
        let mut new = mapping();
        new.keep_id_apart(vendor, &known);
        assert_eq!(id_of(&new).as_deref(), field, "{vendor}");
        known.push(new);
    }
    let mut again = mapping();
    again.keep_id_apart("hubspot", &known[1..]);
    assert_eq!(id_of(&again).as_deref(), Some("metadata.crm_id"), "as it was");
}
