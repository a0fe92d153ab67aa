//! Two Locksteps as each other's remote Kirim: what one holds comes to the other, both ways, and then nothing moves.

use std::sync::Arc;
use std::time::Duration;

use lockstep::app::{OAuthApp, Settings};
use lockstep::ops::Author;
use lockstep::ops::keys;
use lockstep::ops::webhooks::{self, Subscribe};
use lockstep::wire as surfaces;
use lockstep_core::contact::{Contact, ContactPatch, NewContact};
use lockstep_core::event::EventType;
use lockstep_core::pair::PairState;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_store::KeyKind;
use secrecy::ExposeSecret as _;

use crate::world::{Setup, World, run};

/// Where the servers find each other.
const HERE: &str = "https://here.test";
const THERE: &str = "https://there.test";
/// As long as any server's clock runs on before the other's.
const STEP: Duration = Duration::from_secs(10);

struct Servers {
    here: World,
    there: World,
}

/// Name, number and address.
type Person = [String; 3];

fn person(contact: Contact) -> Person {
    let phone = contact.phone_number.map(|phone| phone.to_string()).unwrap_or_default();
    [contact.name.unwrap_or_default(), phone, contact.email.unwrap_or_default()]
}

fn people(world: &World) -> Vec<Person> {
    let mut people: Vec<Person> = world.contacts().into_iter().map(person).collect();
    people.sort();
    people
}

fn meet(world: &World, name: &str, phone: &str, email: Option<&str>) -> Contact {
    let new = NewContact {
        name: Some(name.to_owned()),
        phone_number: Some(Phone::parse(phone).expect("a number")),
        email: email.map(str::to_owned),
        ..NewContact::default()
    };
    world.create_contact(new).expect("a contact")
}

fn named(world: &World, name: &str) -> Contact {
    let found = world.contacts().into_iter().find(|contact| contact.name.as_deref() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} among {:?}", people(world)))
}

fn edit(world: &World, name: &str, patch: ContactPatch) {
    world.patch_contact(&named(world, name).id, patch).expect("an edit");
}

fn rename(to: &str) -> ContactPatch {
    ContactPatch { name: Patch::Set(to.to_owned()), ..ContactPatch::default() }
}

fn readdress(to: &str) -> ContactPatch {
    ContactPatch { email: Patch::Set(to.to_owned()), ..ContactPatch::default() }
}

/// `world` is connected to `remote`, which it finds at this address.
fn connect(world: &mut World, remote: &World, address: &str) {
    let minted = run(keys::mint(&remote.app, &remote.org, KeyKind::Api, "another server", true, None)).expect("a key");
    let key = minted.plaintext.expose_secret().to_owned();
    world.connect_at("kirim", address, remote.router.clone(), key);
}

/// `remote` tells `world`, which is to be found at this address, of its contacts.
fn tell(world: &mut World, remote: &World, address: &str) {
    let url = format!("{address}/hooks/kirim?account={}", remote.org.id());
    let events = vec![EventType::ContactCreated, EventType::ContactUpdated, EventType::ContactDeleted];
    let subscribe = Subscribe { url, description: None, events };
    let (app, by) = (remote.app.clone(), Author::command_line(remote.org.clone()));
    let made = run(remote.app.store.write(move |tx| webhooks::subscribe(tx, &app, &by, subscribe)));
    let (subscription, secret) = made.expect("a subscription");
    let app = OAuthApp { client_id: subscription.id.to_string(), client_secret: secret };
    let mut oauth_apps = world.app.settings.oauth_apps.clone();
    oauth_apps.insert("kirim".to_owned(), app);
    world.app.settings = Arc::new(Settings { oauth_apps, ..Settings::clone(&world.app.settings) });
    world.router = surfaces::router(world.app.clone());
    remote.wire.route(address, world.router.clone());
}

impl Servers {
    fn new(setup: &Setup) -> Self {
        Self { here: World::new(setup), there: World::new(setup) }
    }

    /// Both run for so long, and time is the same on both.
    fn pass(&mut self, span: Duration) {
        let now = self.here.now().max(self.there.now());
        let end = now.plus(span);
        self.here.dial.set(now);
        self.there.dial.set(now);
        while self.here.now() < end {
            self.here.pass(STEP);
            self.there.pass(STEP);
        }
    }

    fn settle(&mut self) {
        self.pass(Duration::from_secs(600));
    }

    #[track_caller]
    fn agree(&self, expected: &[[&str; 3]]) {
        let expected: Vec<Person> = expected.iter().map(|person| person.map(str::to_owned)).collect();
        assert_eq!(people(&self.here), expected, "here; {:?}", self.here.parked());
        assert_eq!(people(&self.there), expected, "there; {:?}", self.there.parked());
        assert!(self.here.parked().is_empty() && self.there.parked().is_empty());
    }

    /// What each server wrote to the other since the last look. Polls have no body.
    fn writes(&self) -> [Vec<String>; 2] {
        [(&self.here, THERE), (&self.there, HERE)].map(|(world, other)| {
            let sent = world.wire.take_exchanges().into_iter();
            let writes = sent.filter(|it| it.uri.starts_with(&format!("{other}/v1/")) && !it.request.is_empty());
            writes.map(|it| format!("{} {}", it.uri, String::from_utf8_lossy(&it.request))).collect()
        })
    }

    /// Nothing moves when nobody does.
    #[track_caller]
    fn still(&mut self) {
        let seqs = |world: &World| world.contacts().into_iter().map(|contact| contact.seq).collect::<Vec<_>>();
        let before = [seqs(&self.here), seqs(&self.there)];
        self.writes();
        self.settle();
        assert_eq!(self.writes(), [Vec::<String>::new(), Vec::new()], "an echo");
        assert_eq!([seqs(&self.here), seqs(&self.there)], before);
    }
}

const ANA: [&str; 3] = ["Ana Putri", "+628112000001", "ana@example.com"];
const BUDI: [&str; 3] = ["Budi Santoso", "+628112000002", "budi@example.com"];
const CITRA: [&str; 3] = ["Citra Dewi", "+628112000003", "citra@example.com"];

fn add(world: &World, [name, phone, email]: [&str; 3]) {
    meet(world, name, phone, Some(email));
}

/// Ana on both sides, here without her address; Budi there, Citra here.
fn met(setup: &Setup) -> Servers {
    let servers = Servers::new(setup);
    meet(&servers.here, ANA[0], ANA[1], None);
    add(&servers.there, ANA);
    add(&servers.there, BUDI);
    add(&servers.here, CITRA);
    servers
}

fn one_way(keyed: bool) {
    let mut servers = met(&Setup { keyed, ..Setup::default() });
    servers.pass(Duration::from_secs(600));
    let Servers { here, there } = &mut servers;
    connect(here, there, THERE);
    here.start();
    servers.settle();
    servers.agree(&[ANA, BUDI, CITRA]);
    let marked = servers
        .there
        .contacts()
        .into_iter()
        .filter(|contact| contact.metadata.as_ref().is_some_and(|metadata| metadata.contains_key("lockstep_id")));
    assert_eq!(marked.count(), if keyed { 3 } else { 0 }, "our id is in the remote's metadata");
    servers.still();

    edit(&servers.here, BUDI[0], rename("Budiman Santoso"));
    edit(&servers.there, CITRA[0], readdress("dewi@example.com"));
    add(&servers.there, ["Eka", "+628112000005", "eka@example.com"]);
    add(&servers.here, ["Fajar", "+628112000006", "fajar@example.com"]);
    servers.settle();
    servers.agree(&[
        ANA,
        ["Budiman Santoso", BUDI[1], BUDI[2]],
        [CITRA[0], CITRA[1], "dewi@example.com"],
        ["Eka", "+628112000005", "eka@example.com"],
        ["Fajar", "+628112000006", "fajar@example.com"],
    ]);
    servers.still();
}

#[test]
fn a_remote_lockstep_is_kept_in_step() {
    one_way(true);
}

#[test]
fn a_remote_lockstep_is_kept_in_step_without_a_place_for_our_id() {
    one_way(false);
}

/// Servers that are each other's remote, both ways, after their first runs.
fn entwined(setup: &Setup) -> Servers {
    let mut servers = met(setup);
    servers.pass(Duration::from_secs(600));
    let Servers { here, there } = &mut servers;
    connect(here, there, THERE);
    connect(there, here, HERE);
    servers.here.start();
    servers.settle();
    servers.there.start();
    servers.settle();
    servers
}

#[test]
fn servers_that_are_each_others_remote_settle_and_then_nothing_moves() {
    let mut servers = entwined(&Setup::default());
    servers.agree(&[ANA, BUDI, CITRA]);
    servers.still();

    edit(&servers.here, BUDI[0], rename("Budiman Santoso"));
    edit(&servers.there, CITRA[0], readdress("dewi@example.com"));
    add(&servers.there, ["Eka", "+628112000005", "eka@example.com"]);
    add(&servers.here, ["Fajar", "+628112000006", "fajar@example.com"]);
    servers.settle();
    servers.agree(&[
        ANA,
        ["Budiman Santoso", BUDI[1], BUDI[2]],
        [CITRA[0], CITRA[1], "dewi@example.com"],
        ["Eka", "+628112000005", "eka@example.com"],
        ["Fajar", "+628112000006", "fajar@example.com"],
    ]);
    servers.still();
}

/// The same field on both sides at once: whoever wins, both come to hold the same, and that is the end of it.
#[test]
fn an_edit_of_both_at_once_ends() {
    let mut servers = entwined(&Setup::default());
    edit(&servers.here, ANA[0], rename("Ana Here"));
    edit(&servers.there, ANA[0], rename("Ana There"));
    servers.settle();
    assert_eq!(people(&servers.here), people(&servers.there));
    servers.still();
}

#[test]
fn a_delete_is_seen_and_not_undone() {
    let mut servers = entwined(&Setup { census: Duration::from_secs(120), ..Setup::default() });
    let budi = named(&servers.there, BUDI[0]).id;
    servers.there.delete_contact(&budi).expect("deleted");
    servers.settle();
    servers.settle();
    let here = named(&servers.here, BUDI[0]);
    let pair = servers.here.pair_of(&here.id).expect("a pair");
    assert_eq!(pair.state, PairState::Tombstone, "the delete was seen, and unlinks");
    assert_eq!(servers.there.contacts().len(), 2, "and nothing brings the contact back: {:?}", people(&servers.there));
    servers.still();
}

/// With leave to carry deletes over, the other side's goes too, by the call that a Kirim of ours has.
#[test]
fn a_delete_is_carried_over_where_that_was_chosen() {
    let mut servers = met(&Setup { census: Duration::from_secs(120), ..Setup::default() });
    let Servers { here, there } = &mut servers;
    connect(here, there, THERE);
    here.start();
    here.carry_deletes_over();
    servers.settle();
    let budi = named(&servers.here, BUDI[0]).id;
    servers.here.delete_contact(&budi).expect("deleted");
    servers.settle();
    servers.agree(&[ANA, CITRA]);
    servers.still();
}

/// A webhook brings the news long before the next poll.
#[test]
fn webhooks_bring_news_at_once() {
    let poll = Duration::from_secs(3_600);
    let mut servers = met(&Setup { poll, ..Setup::default() });
    let Servers { here, there } = &mut servers;
    connect(here, there, THERE);
    tell(here, there, HERE);
    here.start();
    servers.pass(Duration::from_secs(60));
    servers.agree(&[ANA, BUDI, CITRA]);

    edit(&servers.there, BUDI[0], rename("Budiman Santoso"));
    add(&servers.there, ["Eka", "+628112000005", "eka@example.com"]);
    servers.pass(Duration::from_secs(60));
    servers.agree(&[ANA, ["Budiman Santoso", BUDI[1], BUDI[2]], CITRA, ["Eka", "+628112000005", "eka@example.com"]]);
    let forged = http::Request::post("/hooks/kirim?account=org_1").body("{}".into()).expect("a request");
    assert_eq!(servers.here.ask(forged).0, 401, "an unsigned one is refused");
}

/// A server that takes fewer writes than the connector expects of any plan is asked more slowly, and loses nothing.
#[test]
fn a_remote_with_a_small_limit_gets_everything_in_time() {
    let mut servers = Servers::new(&Setup::default());
    let rate_limits = lockstep::app::RateLimits { write_per_minute: Some(5), read_per_minute: None };
    let there = &mut servers.there;
    there.app.settings = Arc::new(Settings { rate_limits, ..Settings::clone(&there.app.settings) });
    there.router = surfaces::router(there.app.clone());
    for n in 0..20 {
        meet(&servers.here, &format!("N{n:02}"), &format!("+6281120001{n:02}"), None);
    }
    let Servers { here, there } = &mut servers;
    connect(here, there, THERE);
    here.start();
    servers.pass(Duration::from_secs(1_200));
    assert_eq!(people(&servers.there), people(&servers.here));
    assert!(servers.here.parked().is_empty(), "{:?}", servers.here.parked());
}
