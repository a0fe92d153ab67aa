//! The main job at every vendor: a first run over what both sides held before, then edits on both sides.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use lockstep_connect::registry;
use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::patch::Patch;
use lockstep_core::phone::{Phone, normalise};
use lockstep_sandbox::vendor::Basics;
use lockstep_sandbox::{Record, Vendor, vendors};
use tower::ServiceExt;

use crate::world::{Setup, World, run};

/// What people type at a vendor's own page.
struct Words {
    slug: &'static str,
    /// The properties of a name's parts; twice the same where there is one for the whole.
    first: &'static str,
    last: &'static str,
    email: &'static str,
    phone: &'static str,
    /// A token that the look-alike takes for a person's own.
    token: &'static str,
    /// The field for our id as an admin makes it, where the vendor lets no app make one.
    admin: Option<&'static str>,
}

const WORDS: &[Words] = &[
    Words {
        slug: "hubspot",
        first: "firstname",
        last: "lastname",
        email: "email",
        phone: "phone",
        token: "pat-eu1-test",
        admin: None,
    },
    Words {
        slug: "pipedrive",
        first: "name",
        last: "name",
        email: "email",
        phone: "phone",
        token: "personal-token",
        admin: None,
    },
    Words {
        slug: "odoo",
        first: "name",
        last: "name",
        email: "email",
        phone: "phone",
        token: "sandbox:key",
        admin: None,
    },
    Words {
        slug: "notion",
        first: "Name",
        last: "Name",
        email: "Email",
        phone: "Phone",
        token: "secret_internal",
        admin: None,
    },
    Words {
        slug: "salesforce",
        first: "FirstName",
        last: "LastName",
        email: "Email",
        phone: "Phone",
        token: "00D000000000001!session",
        admin: Some(r#"{"name":"Lockstep_Id__c","label":"Lockstep id","external_id":true,"unique":true}"#),
    },
    Words {
        slug: "kirim",
        first: "name",
        last: "name",
        email: "email",
        phone: "phone_number",
        token: "kdv_live_test",
        admin: None,
    },
];

impl Words {
    fn name<'a>(&self, first: &'a str, last: &'a str, whole: &'a str) -> Vec<(&'static str, &'a str)> {
        if self.first == self.last { vec![(self.first, whole)] } else { vec![(self.first, first), (self.last, last)] }
    }

    fn name_of(&self, record: &Record) -> String {
        let parts = if self.first == self.last { vec![self.first] } else { vec![self.first, self.last] };
        parts.iter().filter_map(|part| record.value(part)).collect::<Vec<_>>().join(" ")
    }
}

struct Office {
    world: World,
    crm: Box<dyn Vendor>,
    words: &'static Words,
}

/// Name, number and address.
type Person = [String; 3];

impl Office {
    fn open(words: &'static Words, setup: &Setup) -> Self {
        let mut world = World::new(setup);
        let listed = vendors().iter().find(|listed| listed.slug == words.slug).expect("a look-alike");
        let crm = (listed.make)(Basics { clock: world.clock(), wait: None, quirks: true });
        if let Some(field) = words.admin {
            let made = Request::post("/__add-property").body(Body::from(field)).expect("a request");
            let answer = run(crm.router().oneshot(made)).expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
        }
        world.connect_to(words.slug, crm.as_ref(), words.token.to_owned());
        Self { world, crm, words }
    }

    fn meet(&self, first: &str, last: &str, phone: &str, email: &str) {
        let whole = format!("{first} {last}");
        let mut typed = self.words.name(first, last, &whole);
        typed.extend([(self.words.phone, phone), (self.words.email, email)]);
        self.crm.create(&typed).unwrap_or_else(|refusal| panic!("{}: {refusal}", self.words.slug));
    }

    fn contact(&self, name: &str, phone: &str, email: &str) {
        let new = NewContact {
            name: Some(name.to_owned()),
            phone_number: Some(Phone::parse(phone).expect("a number")),
            email: Some(email.to_owned()),
            ..NewContact::default()
        };
        self.world.create_contact(new).expect("a contact");
    }

    /// Time for every edit to reach the other side, minutes of a vendor's lag included.
    fn settle(&mut self) {
        for _ in 0..3 {
            self.world.settle();
        }
    }

    /// Whom both sides hold, sorted; archived and merged records left out, and whom nobody can message: an Odoo has its
    /// company and its administrator among the contacts.
    fn sides(&self) -> (Vec<Person>, Vec<Person>) {
        let person = |contact: Contact| {
            let phone = contact.phone_number.map(|phone| phone.to_string()).unwrap_or_default();
            [contact.name.unwrap_or_default(), phone, contact.email.unwrap_or_default()]
        };
        let mut inbox: Vec<Person> = self.world.contacts().into_iter().map(person).collect();
        let text = |record: &Record, name: &str| record.value(name).unwrap_or_default().to_owned();
        let living = |record: &&Record| !record.archived && record.merged_into.is_none();
        let typed = |record: &Record| {
            let typed = text(record, self.words.phone);
            let phone = normalise(&typed, Some("ID")).map_or(typed, |phone| phone.to_string());
            [self.words.name_of(record), phone, text(record, self.words.email)]
        };
        let mut records: Vec<Person> = self.crm.records().iter().filter(living).map(typed).collect();
        for side in [&mut inbox, &mut records] {
            side.retain(|[_, phone, _]| !phone.is_empty());
            side.sort();
        }
        (inbox, records)
    }

    #[track_caller]
    fn agree(&self, people: usize) {
        let (inbox, records) = self.sides();
        assert_eq!(inbox, records, "{}: the inbox, and the CRM; {:?}", self.words.slug, self.world.parked());
        assert_eq!(inbox.len(), people, "{}: {inbox:?}", self.words.slug);
        assert!(self.world.parked().is_empty(), "{}: {:?}", self.words.slug, self.world.parked());
    }

    fn record_of(&self, email: &str) -> Record {
        let records = self.crm.records().into_iter();
        let mut living = records.filter(|record| !record.archived && record.merged_into.is_none());
        let found = living.find(|record| record.value(self.words.email) == Some(email));
        found.unwrap_or_else(|| panic!("{}: no {email}", self.words.slug))
    }

    fn contact_of(&self, email: &str) -> Contact {
        let found = self.world.contacts().into_iter().find(|contact| contact.email.as_deref() == Some(email));
        found.unwrap_or_else(|| panic!("{}: no {email}", self.words.slug))
    }
}

fn main_job(words: &'static Words, keyed: bool) {
    let mut office = Office::open(words, &Setup { keyed, ..Setup::default() });
    office.meet("Ana", "Putri", "0811-2000-001", "ana@example.com");
    office.meet("Budi", "Santoso", "+62 811 2000 002", "budi@example.com");
    office.contact("Ana Putri", "+628112000001", "ana@example.com");
    office.contact("Citra Dewi", "+628112000003", "citra@example.com");
    // They were typed a while ago, not in this second.
    office.world.dial.advance(Duration::from_secs(600));
    office.world.start();
    office.settle();
    office.agree(3);

    let whole = "Budiman Santoso";
    let budi = office.record_of("budi@example.com");
    office.crm.edit(&budi.id, &words.name("Budiman", "Santoso", whole)).expect("an edit");
    let citra = office.contact_of("citra@example.com");
    let email = Patch::Set("citra.dewi@example.com".to_owned());
    office.world.patch_contact(&citra.id, ContactPatch { email, ..ContactPatch::default() }).expect("an edit");
    office.settle();
    office.agree(3);
    assert_eq!(office.contact_of("budi@example.com").name.as_deref(), Some(whole), "{}", words.slug);
    let citra = office.record_of("citra.dewi@example.com");
    if let (true, Some(key)) = (keyed, office.world.pairs().iter().find(|pair| pair.native.as_ref() == Some(&citra.id)))
    {
        let held = citra.properties.values().flatten().any(|value| *value == key.contact.to_string());
        assert!(held, "{}: our id is kept in {citra:?}", words.slug);
    }

    // Nothing moves when nobody does.
    let before = (written(&office), office.sides());
    office.settle();
    assert_eq!((written(&office), office.sides()), before, "{}: an echo", words.slug);
}

/// When each record was written last.
fn written(office: &Office) -> Vec<(String, i64)> {
    office.crm.records().into_iter().map(|record| (record.id, record.updated_us)).collect()
}

#[test]
fn both_sides_come_to_agree_at_every_vendor() {
    for words in WORDS {
        main_job(words, true);
    }
}

#[test]
fn both_sides_come_to_agree_without_a_property_for_our_id() {
    for words in WORDS {
        main_job(words, false);
    }
}

/// A connector without a look-alike is tried by nobody.
#[test]
fn every_connector_has_a_look_alike_and_is_tried_here() {
    for slug in registry::all().iter().map(|connector| connector.about().slug) {
        assert!(vendors().iter().any(|listed| listed.slug == slug), "{slug} has no look-alike");
        assert!(WORDS.iter().any(|words| words.slug == slug), "{slug} is not tried");
    }
}
