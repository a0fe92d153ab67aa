//! The objects every org has, as far as an integration meets them. Source: Salesforce's object reference and its
//! generated sObjects description v59.

mod activities;
mod content;
mod people;
mod sales;

use super::field::{Field, Kind, Source};
use super::schema::Object;

/// The objects of a new org.
pub(super) fn objects() -> Vec<Object> {
    let mut all = people::objects();
    all.extend(sales::objects());
    all.extend(activities::objects());
    all.extend(content::objects());
    all
}

fn object(name: &str, plural: &str, prefix: &str, fields: Vec<Field>) -> Object {
    let mut object = Object::new(name, plural, prefix);
    object.fields = vec![system("Id", Kind::Id, 18).lookup().label(&format!("{} ID", object.label)).required()];
    object.fields.push(system("IsDeleted", Kind::Boolean, 0).label("Deleted").required());
    object.fields.extend(fields);
    let user = |name: &str| {
        let refers_to = vec!["User"];
        Field { refers_to, ..system(name, Kind::Reference, 18).required() }
    };
    object.fields.extend([
        system("CreatedDate", Kind::DateTime, 0).required(),
        user("CreatedById"),
        system("LastModifiedDate", Kind::DateTime, 0).required(),
        user("LastModifiedById"),
        system("SystemModstamp", Kind::DateTime, 0).required(),
    ]);
    object
}

fn system(name: &str, kind: Kind, length: usize) -> Field {
    Field::new(name, kind, length).from(Source::System)
}

fn text(name: &str, length: usize) -> Field {
    Field::new(name, Kind::String, length)
}

fn area(name: &str, length: usize) -> Field {
    Field::new(name, Kind::TextArea, length)
}

fn email(name: &str) -> Field {
    Field::new(name, Kind::Email, 80)
}

fn phone(name: &str) -> Field {
    Field::new(name, Kind::Phone, 40)
}

fn of(name: &str, kind: Kind) -> Field {
    Field::new(name, kind, 0)
}

fn check(name: &str) -> Field {
    Field::new(name, Kind::Boolean, 0).required()
}

fn number(name: &str, kind: Kind, digits: usize, scale: usize) -> Field {
    Field { scale, ..Field::new(name, kind, digits) }
}

/// An open picklist: other values are taken too, as API users may write them.
fn pick(name: &str, choices: &[&str]) -> Field {
    let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
    Field { choices, ..Field::new(name, Kind::Picklist, 255) }
}

fn refer(name: &str, refers_to: &[&'static str]) -> Field {
    Field { refers_to: refers_to.to_vec(), ..Field::new(name, Kind::Reference, 18) }
}

fn owner() -> Field {
    refer("OwnerId", &["User"]).required()
}

fn master(object: &'static str) -> Field {
    Field { refers_to: vec![object], ..system("MasterRecordId", Kind::Reference, 18) }
}

/// The parts of an address and the whole of them.
fn address(prefix: &'static str) -> Vec<Field> {
    let name = |part: &str| format!("{prefix}{part}");
    vec![
        area(&name("Street"), 255),
        text(&name("City"), 40),
        text(&name("State"), 80),
        text(&name("PostalCode"), 20),
        text(&name("Country"), 80),
        of(&name("Address"), Kind::Address).from(Source::Address(prefix)),
    ]
}

const LEAD_SOURCES: [&str; 6] = ["Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Chat", "Other"];
const SALUTATIONS: [&str; 5] = ["Mr.", "Ms.", "Mrs.", "Dr.", "Prof."];
const INDUSTRIES: [&str; 6] = ["Banking", "Consulting", "Education", "Healthcare", "Retail", "Technology"];
const RATINGS: [&str; 3] = ["Hot", "Warm", "Cold"];
