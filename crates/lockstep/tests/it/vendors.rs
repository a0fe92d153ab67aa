//! The main job at every vendor: a first run over what both sides held before, then edits on both sides.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use lockstep::app::VendorLimits;
use lockstep::ops;
use lockstep::reach::{self, Class};
use lockstep_connect::registry;
use lockstep_core::change::Verdict;
use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::patch::Patch;
use lockstep_core::phone::{Phone, normalise};
use lockstep_sandbox::pipedrive::{Limits, Pipedrive, PipedriveSettings};
use lockstep_sandbox::vendor::{Basics, Listed};
use lockstep_sandbox::{Clock, Record, Vendor, vendors};
use tower::ServiceExt;

use crate::world::{Setup, World, run};

struct Office {
    world: World,
    crm: Box<dyn Vendor>,
    listed: &'static Listed,
}

/// Name, number and address.
type Person = [String; 3];

impl Office {
    fn open(listed: &'static Listed, setup: &Setup) -> Self {
        Self::at(listed, setup, |clock| (listed.make)(Basics { clock, wait: None, quirks: true }))
    }

    fn at(listed: &'static Listed, setup: &Setup, make: impl FnOnce(Clock) -> Box<dyn Vendor>) -> Self {
        let mut world = World::new(setup);
        let crm = make(world.clock());
        world.connect_to(listed, crm.as_ref());
        Self { world, crm, listed }
    }

    fn meet(&self, first: &str, last: &str, phone: &str, email: &str) {
        let words = self.listed.words;
        let name = words.name(first, last);
        let mut typed: Vec<_> = name.iter().map(|(property, value)| (*property, value.as_str())).collect();
        typed.extend([(words.phone, phone), (words.email, email)]);
        self.crm.create(&typed).unwrap_or_else(|refusal| panic!("{}: {refusal}", self.listed.slug));
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
            let typed = text(record, self.listed.words.phone);
            let phone = normalise(&typed, Some("ID")).map_or(typed, |phone| phone.to_string());
            [self.listed.words.name_of(record), phone, text(record, self.listed.words.email)]
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
        assert_eq!(inbox, records, "{}: the inbox, and the CRM; {:?}", self.listed.slug, self.world.parked());
        assert_eq!(inbox.len(), people, "{}: {inbox:?}", self.listed.slug);
        assert!(self.world.parked().is_empty(), "{}: {:?}", self.listed.slug, self.world.parked());
    }

    fn record_of(&self, email: &str) -> Record {
        let records = self.crm.records().into_iter();
        let mut living = records.filter(|record| !record.archived && record.merged_into.is_none());
        let found = living.find(|record| record.value(self.listed.words.email) == Some(email));
        found.unwrap_or_else(|| panic!("{}: no {email}", self.listed.slug))
    }

    fn contact_of(&self, email: &str) -> Contact {
        let found = self.world.contacts().into_iter().find(|contact| contact.email.as_deref() == Some(email));
        found.unwrap_or_else(|| panic!("{}: no {email}", self.listed.slug))
    }
}

fn main_job(listed: &'static Listed, keyed: bool) {
    let mut office = Office::open(listed, &Setup { keyed, ..Setup::default() });
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
    let typed = listed.words.name("Budiman", "Santoso");
    let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
    office.crm.edit(&budi.id, &typed).expect("an edit");
    let citra = office.contact_of("citra@example.com");
    let email = Patch::Set("citra.dewi@example.com".to_owned());
    office.world.patch_contact(&citra.id, ContactPatch { email, ..ContactPatch::default() }).expect("an edit");
    office.settle();
    office.agree(3);
    assert_eq!(office.contact_of("budi@example.com").name.as_deref(), Some(whole), "{}", listed.slug);
    let citra = office.record_of("citra.dewi@example.com");
    if let (true, Some(key)) = (keyed, office.world.pairs().iter().find(|pair| pair.native.as_ref() == Some(&citra.id)))
    {
        let held = citra.properties.values().flatten().any(|value| *value == key.contact.to_string());
        assert!(held, "{}: our id is kept in {citra:?}", listed.slug);
    }

    // Nothing moves when nobody does.
    let before = (written(&office), office.sides());
    office.settle();
    assert_eq!((written(&office), office.sides()), before, "{}: an echo", listed.slug);
}

/// When each record was written last.
fn written(office: &Office) -> Vec<(String, i64)> {
    office.crm.records().into_iter().map(|record| (record.id, record.updated_us)).collect()
}

#[test]
fn both_sides_come_to_agree_at_every_vendor() {
    for listed in vendors() {
        main_job(listed, true);
    }
}

#[test]
fn both_sides_come_to_agree_without_a_property_for_our_id() {
    for listed in vendors() {
        main_job(listed, false);
    }
}

/// Notion reads one record a call and tells times by the minute, so a second edit within one is looked at by id: more
/// calls than the account's minute has room for.
#[test]
fn a_page_that_asks_for_more_reads_than_a_window_has_room_for_is_read_bit_by_bit() {
    const PEOPLE: usize = 40;
    let notion = vendors().iter().find(|listed| listed.slug == "notion").expect("Notion's look-alike");
    let mut office = Office::open(notion, &Setup { poll: Duration::from_secs(10), ..Setup::default() });
    for n in 0..PEOPLE {
        office.meet("Ana", "Putri", &format!("+6281120000{n:02}"), &format!("ana{n}@example.com"));
    }
    office.world.dial.advance(Duration::from_secs(600));
    office.world.start();
    office.world.pass(Duration::from_secs(900));
    office.agree(PEOPLE);

    let mut settings = (*office.world.app.settings).clone();
    settings.vendor_limits.insert("notion".to_owned(), VendorLimits { general: 30, search: 30 });
    office.world.app.settings = Arc::new(settings);
    office.world.restart();
    let into_minute = office.world.now().as_secs() % 60;
    office.world.pass(Duration::from_secs(61 - into_minute.unsigned_abs()));
    for last in ["Dewi", "Lestari"] {
        for record in office.crm.records() {
            let typed = notion.words.name("Ana", last);
            let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
            office.crm.edit(&record.id, &typed).expect("an edit");
        }
        office.world.pass(Duration::from_secs(20));
    }
    office.world.pass(Duration::from_secs(1_200));
    office.agree(PEOPLE);
    assert!(office.world.contacts().iter().all(|contact| contact.name.as_deref() == Some("Ana Lestari")));
}

/// Pipedrive takes one record a write.
#[test]
fn what_has_to_be_known_before_a_write_is_asked_for_once_for_many() {
    const PEOPLE: usize = 8;
    let pipedrive = vendors().iter().find(|listed| listed.slug == "pipedrive").expect("Pipedrive's look-alike");
    let mut office = Office::open(pipedrive, &Setup::default());
    for n in 0..PEOPLE {
        office.meet("Ana", "Putri", &format!("+6281120000{n:02}"), &format!("ana{n}@example.com"));
    }
    office.world.dial.advance(Duration::from_secs(600));
    let calls = |office: &Office, route: &str| office.crm.calls().route(route).total;
    let described = calls(&office, "GET /api/v2/personFields");
    office.world.start();
    office.settle();
    office.agree(PEOPLE);
    let described = calls(&office, "GET /api/v2/personFields") - described;
    assert!(described <= 2, "described {described} times to plan and to give {PEOPLE} records our ids");

    let (lists, reads) = ("GET /api/v2/persons", "GET /api/v2/persons/{id}");
    let before = (calls(&office, lists), calls(&office, reads));
    for contact in office.world.contacts() {
        let name = Patch::Set("Ana Dewi".to_owned());
        office.world.patch_contact(&contact.id, ContactPatch { name, ..ContactPatch::default() }).expect("an edit");
    }
    office.world.pass(Duration::from_secs(10));
    assert_eq!((calls(&office, lists), calls(&office, reads)), (before.0 + 1, before.1), "lists, and reads of one");
    office.settle();
    office.agree(PEOPLE);
}

/// Notion reads one record a call.
#[test]
fn a_look_at_what_changed_stands_for_reads_one_by_one() {
    const PEOPLE: usize = 40;
    let notion = vendors().iter().find(|listed| listed.slug == "notion").expect("Notion's look-alike");
    let mut office = Office::open(notion, &Setup { poll: Duration::from_secs(300), ..Setup::default() });
    for n in 0..PEOPLE {
        office.meet("Ana", "Putri", &format!("+6281120000{n:02}"), &format!("ana{n}@example.com"));
    }
    office.world.dial.advance(Duration::from_secs(600));
    office.world.start();
    office.world.pass(Duration::from_secs(900));
    office.agree(PEOPLE);

    // What nobody told us of is seen before the writes: the CRM wins names, and what is in the trash is not written to.
    let there = notion.words.name("Ana", "Lestari");
    let there: Vec<_> = there.iter().map(|(property, value)| (*property, value.as_str())).collect();
    office.crm.edit(&office.record_of("ana7@example.com").id, &there).expect("an edit");
    let trashed = office.record_of("ana9@example.com").id;
    office.crm.archive(&trashed).expect("it is put into the trash");
    let read = |office: &Office| office.crm.calls().route("GET /v1/pages/{page_id}").total;
    let before = read(&office);
    for contact in office.world.contacts() {
        let name = Patch::Set("Ana Dewi".to_owned());
        office.world.patch_contact(&contact.id, ContactPatch { name, ..ContactPatch::default() }).expect("an edit");
    }
    office.world.pass(Duration::from_secs(60));
    assert!(read(&office) - before <= 3, "{} pages were read one by one", read(&office) - before);
    let named = |email: &str| office.contact_of(email).name;
    assert_eq!(named("ana7@example.com").as_deref(), Some("Ana Lestari"));
    assert_eq!(named("ana8@example.com").as_deref(), Some("Ana Dewi"));
    let (_, records) = office.sides();
    assert_eq!(records.iter().filter(|[name, ..]| name == "Ana Dewi").count(), PEOPLE - 2, "{records:?}");
    let held = office.crm.records().into_iter().find(|record| record.id == trashed).expect("the page");
    assert_eq!((held.archived, notion.words.name_of(&held).as_str()), (true, "Ana Putri"));
}

/// Each CRM's id has a metadata key of its own, so that none writes over another's.
#[test]
fn ids_of_several_crms_stand_side_by_side() {
    let find = |slug: &str| vendors().iter().find(|listed| listed.slug == slug).expect("a look-alike");
    let mut office = Office::open(find("hubspot"), &Setup::default());
    office.contact("Ana Putri", "+628112000001", "ana@example.com");
    office.world.start();
    office.settle();
    for slug in ["pipedrive", "odoo"] {
        let crm = (find(slug).make)(Basics { clock: office.world.clock(), wait: None, quirks: true });
        office.world.connect_to(find(slug), crm.as_ref());
        office.world.start();
        office.settle();
    }
    let ana = office.contact_of("ana@example.com");
    let metadata = ana.metadata.clone().expect("metadata");
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["crm_id", "pipedrive_id", "odoo_id"]);
    assert_eq!(metadata["crm_id"], office.record_of("ana@example.com").id.as_str());
    office.settle();
    assert_eq!(office.contact_of("ana@example.com").seq, ana.seq, "nobody writes over anybody");
}

#[test]
fn the_crm_that_was_connected_first_has_the_word() {
    let find = |slug: &str| vendors().iter().find(|listed| listed.slug == slug).expect("a look-alike");
    let (hubspot, pipedrive) = (find("hubspot"), find("pipedrive"));
    let mut office = Office::open(hubspot, &Setup::default());
    office.contact("Ana Putri", "+628112000001", "ana@example.com");
    office.world.start();
    office.settle();
    let other = (pipedrive.make)(Basics { clock: office.world.clock(), wait: None, quirks: true });
    office.world.connect_to(pipedrive, other.as_ref());
    office.world.start();
    office.settle();
    let rename = |crm: &dyn Vendor, listed: &Listed, last: &str| {
        let typed = listed.words.name("Ana", last);
        let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
        let id =
            crm.records().into_iter().find(|record| listed.words.name_of(record).starts_with("Ana")).expect("Ana").id;
        crm.edit(&id, &typed).expect("an edit");
    };
    let named = |office: &Office| {
        let of = |crm: &dyn Vendor, listed: &Listed| {
            let ana = crm.records().into_iter().find(|record| listed.words.name_of(record).starts_with("Ana"));
            listed.words.name_of(&ana.expect("Ana"))
        };
        let ana = office.contact_of("ana@example.com");
        [ana.name.unwrap_or_default(), of(office.crm.as_ref(), hubspot), of(other.as_ref(), pipedrive)]
    };
    let type_here = |office: &Office, name: &str| {
        let patch = ContactPatch { name: Patch::Set(name.to_owned()), ..ContactPatch::default() };
        office.world.patch_contact(&office.contact_of("ana@example.com").id, patch).expect("an edit");
    };

    rename(office.crm.as_ref(), hubspot, "First");
    rename(other.as_ref(), pipedrive, "Second");
    office.settle();
    assert_eq!(named(&office), ["Ana First"; 3], "both moved");
    let ana = office.contact_of("ana@example.com").id;
    let log = office.world.changes(&ana);
    let verdict = |change: &lockstep_core::change::FieldChange| Some(change.decision.as_ref()?.verdict);
    let said = log.iter().flat_map(|change| &change.fields).any(|field| verdict(field) == Some(Verdict::OtherCrm));
    assert!(said, "what was beaten, and by whom, is in the log");

    type_here(&office, "Ana Inbox");
    rename(other.as_ref(), pipedrive, "Third");
    office.settle();
    assert_eq!(named(&office), ["Ana Third"; 3], "the first one has not moved");
}

/// Odoo takes new rows together, and changes row by row.
#[test]
fn a_plan_counts_the_calls_of_each_vendor() {
    let odoo = vendors().iter().find(|listed| listed.slug == "odoo").expect("Odoo's look-alike");
    let mut office = Office::open(odoo, &Setup::default());
    for n in 0..30 {
        let (phone, email) = (format!("+6281120000{n:02}"), format!("ana{n}@example.com"));
        office.meet("Ana", "Putri", &phone, &email);
        office.contact("Ana Putri", &phone, &email);
        office.contact("Budi Santoso", &format!("+6281130000{n:02}"), &format!("budi{n}@example.com"));
    }
    office.world.dial.advance(Duration::from_secs(600));
    let plan = office.world.plan();
    let summary = run(ops::plans::show(&office.world.app, &office.world.org, &plan)).expect("a plan").summary;
    // 30 at once are made and 30, one by one, get our id; and the echoes of all come back in one page. Odoo's own
    // contacts, which come to the inbox, get our id too.
    let own = summary.new_in_inbox;
    assert_eq!((summary.new_in_crm, summary.matched, summary.calls), (30, 30, 1 + 30 + own + 1));
}

/// A Pipedrive whose plan has so many tokens a day, with one person both sides know.
fn pipedrive_with(daily_tokens: u64) -> Office {
    let listed = vendors().iter().find(|listed| listed.slug == "pipedrive").expect("Pipedrive's look-alike");
    let setup = Setup { poll: Duration::from_secs(5), ..Setup::default() };
    let mut office = Office::at(listed, &setup, |clock| {
        let limits = Limits { daily_tokens, ..PipedriveSettings::default().limits };
        Box::new(Pipedrive::new(PipedriveSettings { clock, limits, ..PipedriveSettings::default() }))
    });
    office.meet("Ana", "Putri", "+628112000001", "ana@example.com");
    office.world.dial.advance(Duration::from_secs(600));
    office.world.start();
    office
}

fn until_midnight(office: &Office) -> Duration {
    let day = Duration::from_secs(24 * 3_600);
    day - Duration::from_secs(office.world.now().as_secs().unsigned_abs() % day.as_secs())
}

fn rename(office: &Office, last: &str) {
    let typed = office.listed.words.name("Ana", last);
    let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
    office.crm.edit(&office.record_of("ana@example.com").id, &typed).expect("an edit");
}

/// Looks every five seconds would take 172,800 tokens a day.
#[test]
fn looks_for_changes_come_more_seldom_where_a_day_would_not_last() {
    let mut office = pipedrive_with(60_000);
    office.world.pass(until_midnight(&office) + Duration::from_secs(23 * 3_600));
    rename(&office, "Lestari");
    office.world.pass(Duration::from_secs(300));
    office.agree(1);
    let connection = office.world.the_connection();
    let about = registry::find("pipedrive").expect("the connector").about();
    let line =
        run(reach::standing(&office.world.app, about, &connection)).expect("a standing").line(office.world.now());
    let used: u32 = line.split(' ').next().and_then(|used| used.parse().ok()).expect("a figure");
    assert!((10_000..48_000).contains(&used) && line.ends_with("lasts at today's pace"), "{line}");
}

/// What others use counts too. The end of a day is left to people but for a look an hour, and the next day goes on.
#[test]
fn the_end_of_a_day_is_left_to_people_and_the_next_day_goes_on() {
    let mut office = pipedrive_with(30_000);
    // Tokens that are left after a call of somebody else's tool, which Pipedrive's bursts refuse now and then.
    let left = |office: &Office| {
        let call = Request::get("/api/v2/persons?limit=1").header("x-api-token", "another");
        let call = call.body(Body::empty()).expect("a request");
        let answer = run(office.crm.router().oneshot(call)).unwrap_or_else(|never| match never {});
        answer.headers().get("x-daily-requests-left")?.to_str().expect("text").parse::<u32>().ok()
    };
    while left(&office).is_none_or(|left| left > 5_000) {
        office.world.dial.advance(Duration::from_millis(200));
    }
    office.world.pass(Duration::from_secs(300));
    let before = office.crm.calls().total;
    office.world.pass(Duration::from_secs(3_600));
    let looks = office.crm.calls().total - before;
    assert!((1..=2).contains(&looks), "{looks} looks");
    let connection = office.world.the_connection();
    let (connector, session) = reach::session(&office.world.app, &connection, Class::Interactive).expect("a session");
    run(connector.describe(&session)).expect("people are let through");

    office.world.pass(until_midnight(&office) + Duration::from_secs(3_700));
    rename(&office, "Lestari");
    office.world.pass(Duration::from_secs(300));
    office.agree(1);
    assert_eq!(office.contact_of("ana@example.com").name.as_deref(), Some("Ana Lestari"));
}

/// A connector without a look-alike is tried by nobody.
#[test]
fn every_connector_has_a_look_alike_and_is_tried_here() {
    for slug in registry::all().iter().map(|connector| connector.about().slug) {
        assert!(vendors().iter().any(|listed| listed.slug == slug), "{slug} has no look-alike");
    }
}
