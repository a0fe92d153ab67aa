//! Counts the calls of every vendor's main cases and times them by a clock that stands still while nothing is waited for:
//! `cargo run --release --example vendors -- --contacts 10000`.
//!
//! Each line of the output is one case as JSON: the calls made, the fewest possible, the seconds that our pacing took and
//! those that the vendor's declared pace would have taken. What the fewest are is computed here, from counts of records and
//! from what the vendors document, and never by the engine.
#![expect(clippy::expect_used, reason = "a test that is run by hand: what cannot happen ends it")]

#[expect(dead_code, unused_imports, reason = "the tests use more of the world than the bench does")]
#[path = "../tests/it/world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use lockstep::{ops, worker};
use lockstep_core::contact::{ContactPatch, NewContact};
use lockstep_core::env::Time;
use lockstep_core::ids::PlanId;
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_sandbox::vendor::{Basics, Listed};
use lockstep_sandbox::{Calls, Odoo, OdooSettings, Pipedrive, PipedriveSettings, Vendor, odoo, pipedrive, vendors};
use lockstep_store::{DirtyKind, PlanStatus};
use serde_json::{Map, Value as Json, json};

use world::{Setup, World, run};

/// Longer than any vendor's index lag and overlap of windows; Salesforce's look back for a quarter of an hour.
const CALM: Duration = Duration::from_secs(1_800);

/// A census looks for deletes, which is counted apart: none comes in the way.
const A_YEAR: Duration = Duration::from_secs(365 * 86_400);

/// What a job takes at least where no pace makes it wait: thousands of rows are not written within an instant.
const UNPACED_JOB: Duration = Duration::from_secs(1);
/// The case that reads an account for the first time.
const READ_ALL: &str = "read all";

/// Counts calls and times them.
#[derive(Parser)]
struct Arguments {
    /// How many contacts.
    #[arg(long, default_value_t = 10_000)]
    contacts: usize,
    /// Only these vendors.
    #[arg(long, value_delimiter = ',')]
    vendor: Vec<String>,
}

/// What a vendor documents of its API; the sources are named in the connectors.
struct Terms {
    slug: &'static str,
    /// Rows that one create takes.
    create: usize,
    /// Rows of different values that one update takes.
    update: usize,
    /// Records that one read by id shows. `None` where there is no such read: changes-since calls stand for it.
    get: Option<usize>,
    /// Records on a page of changes.
    page: usize,
    /// Calls in a second; `None` where only the day is limited.
    pace: Option<f64>,
    /// Pages of changes in a second.
    page_pace: Option<f64>,
}

const TERMS: [Terms; 5] = [
    Terms {
        slug: "hubspot",
        create: 100,
        update: 100,
        get: Some(100),
        page: 200,
        pace: Some(11.0),
        page_pace: Some(5.0),
    },
    Terms {
        slug: "salesforce",
        create: 1_000,
        update: 1_000,
        get: Some(2_000),
        page: 2_000,
        pace: None,
        page_pace: None,
    },
    Terms {
        slug: "pipedrive",
        create: 1,
        update: 1,
        get: Some(100),
        page: 500,
        pace: Some(10.0),
        page_pace: Some(10.0),
    },
    Terms { slug: "notion", create: 1, update: 1, get: None, page: 100, pace: Some(3.0), page_pace: Some(3.0) },
    Terms { slug: "odoo", create: 100, update: 1, get: Some(500), page: 500, pace: Some(10.0), page_pace: Some(10.0) },
];

/// The fewest calls of a case.
#[derive(Clone, Copy, Default)]
struct Fewest {
    writes: usize,
    reads: usize,
    pages: usize,
}

impl Fewest {
    fn calls(self) -> usize {
        self.writes + self.reads + self.pages
    }

    /// What they take at the declared pace, spread evenly. Where something is written, the time ends with the last write:
    /// when its echo is read is a matter of the poll.
    fn seconds(self, terms: &Terms) -> f64 {
        let (calls, pace) = match self.writes {
            0 => (self.pages, terms.page_pace),
            writes => (writes + self.reads, terms.pace),
        };
        let calls = u32::try_from(calls).map_or(f64::MAX, f64::from);
        pace.map_or(0.0, |pace| calls / pace)
    }
}

fn main() {
    let arguments = Arguments::parse();
    for terms in TERMS
        .iter()
        .filter(|terms| arguments.vendor.is_empty() || arguments.vendor.iter().any(|vendor| vendor == terms.slug))
    {
        into_the_crm(terms, arguments.contacts);
        out_of_the_crm(terms, arguments.contacts);
    }
}

/// Contacts that only the inbox has, then edits on either side.
fn into_the_crm(terms: &Terms, count: usize) {
    let mut office = Office::open(terms);
    for n in 0..count {
        office.tick("typing contacts into the inbox", n, count);
        office.contact(n);
    }
    let plan = office.plan();
    let fewest = Fewest { writes: count.div_ceil(terms.create), ..office.echoes_of_a_first_run(count) };
    office.case("create", count, fewest, |office| {
        office.accept(&plan);
        let ended = office.until_written("creating");
        office.until_read("reading the echoes");
        ended
    });
    office.check(count);
    office.calm("half an hour behind it");

    let records = office.living();
    let fewest = Fewest { pages: count.div_ceil(terms.page), ..Fewest::default() };
    office.edit_there(&records, "Edited");
    office.case("read changed", count, fewest, |office| office.until_read("reading what changed"));
    office.calm("half an hour behind it");

    let poll = Duration::from_secs(office.world.app.settings.poll_seconds);
    let one = Fewest { pages: 1, ..Fewest::default() };
    office.case("poll, nothing changed", 0, one, |office| office.pass(poll, "polling"));
    // People do not edit at the very moment of a poll.
    office.pass(poll / 2, "polling");
    office.edit_there(&records[..100.min(count)], "Again");
    let some = Fewest { pages: 100_usize.div_ceil(terms.page), ..Fewest::default() };
    office.case("poll, 100 changed", 100, some, |office| office.until_read("polling"));
    office.calm("half an hour behind it");

    for n in 0..count {
        office.tick("editing contacts of the inbox", n, count);
        office.edit_here(n);
    }
    let reads = terms.get.map_or(1, |get| count.div_ceil(get));
    let fewest = Fewest { writes: count.div_ceil(terms.update), reads, ..office.echoes(count) };
    office.case("update", count, fewest, |office| {
        let ended = office.until_written("updating");
        office.until_read("reading the echoes");
        ended
    });
    office.check(count);
}

/// Records that only the CRM has; the contacts that are made of them give each our id.
fn out_of_the_crm(terms: &Terms, count: usize) {
    let mut office = Office::open(terms);
    let row = |n: usize| {
        let words = office.listed.words;
        let mut row: Map<String, Json> = Map::new();
        for (property, value) in words.name(&format!("Given{n}"), &format!("Family{n}")) {
            row.insert(property.to_owned(), value.into());
        }
        row.insert(words.email.to_owned(), format!("person{n}@example.com").into());
        row.insert(words.phone.to_owned(), number(n).into());
        row
    };
    let seeded = office.crm.seed((0..count).map(row).collect());
    assert_eq!(seeded.created, count, "{}: {:?}", terms.slug, seeded.refused.first());
    office.world.dial.advance(CALM);
    let mut plan = None;
    let fewest = Fewest { pages: count.div_ceil(terms.page), ..Fewest::default() };
    office.case(READ_ALL, count, fewest, |office| {
        plan = Some(office.plan());
        office.world.now()
    });
    let plan = plan.expect("the case was played");
    let fewest = Fewest { writes: count.div_ceil(terms.update), ..office.echoes_of_a_first_run(count) };
    office.case("give ids", count, fewest, |office| {
        office.accept(&plan);
        let ended = office.until_written("giving ids");
        office.until_read("reading the echoes");
        ended
    });
    office.check(count);
}

fn number(n: usize) -> String {
    format!("+62812{n:08}")
}

/// A CRM with its limiters on, and a Lockstep that is connected to it.
struct Office {
    world: World,
    crm: Box<dyn Vendor>,
    listed: &'static Listed,
    terms: &'static Terms,
    bar: ProgressBar,
}

impl Office {
    fn open(terms: &Terms) -> Self {
        let terms = TERMS.iter().find(|known| known.slug == terms.slug).expect("a known vendor");
        let listed = vendors().iter().find(|listed| listed.slug == terms.slug).expect("a look-alike");
        let mut world = World::new(&Setup { census: A_YEAR, ..Setup::default() });
        let crm = look_alike(listed, &world);
        world.connect_to(listed, crm.as_ref());
        let style = ProgressStyle::with_template("{spinner} {elapsed} {prefix}: {msg}");
        let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { world, crm, listed, terms, bar: bar.with_prefix(listed.name) }
    }

    fn tick(&self, what: &str, n: usize, of: usize) {
        if n.is_multiple_of(100) {
            self.bar.set_message(format!("{what}, {n} of {of}"));
            self.bar.tick();
        }
    }

    fn echoes(&self, count: usize) -> Fewest {
        Fewest { pages: count.div_ceil(self.terms.page), ..Fewest::default() }
    }

    /// With one look at what changed since the plan was made, which finds nothing.
    fn echoes_of_a_first_run(&self, count: usize) -> Fewest {
        Fewest { pages: count.div_ceil(self.terms.page) + 1, ..Fewest::default() }
    }

    fn contact(&self, n: usize) {
        let new = NewContact {
            name: Some(format!("Given{n} Family{n}")),
            phone_number: Some(Phone::parse(&number(n)).expect("a number")),
            email: Some(format!("person{n}@example.com")),
            ..NewContact::default()
        };
        self.world.create_contact(new).expect("a contact");
    }

    fn edit_here(&self, n: usize) {
        let phone = Phone::parse(&number(n)).expect("a number");
        let found = self.world.read(move |tx, org| tx.contact_by_phone(org, None, &phone));
        let contact = found.into_iter().next().expect("a contact");
        let name = Patch::Set(format!("Renamed{n} Family{n}"));
        self.world.patch_contact(&contact.id, ContactPatch { name, ..ContactPatch::default() }).expect("an edit");
    }

    fn living(&self) -> Vec<String> {
        let records = self.crm.records().into_iter();
        records.filter(|record| !record.archived && record.merged_into.is_none()).map(|record| record.id).collect()
    }

    /// People give records another name.
    fn edit_there(&self, records: &[String], first: &str) {
        for (n, id) in records.iter().enumerate() {
            self.tick("editing records of the CRM", n, records.len());
            let typed = self.listed.words.name(first, &format!("Family{n}"));
            let typed: Vec<_> = typed.iter().map(|(property, value)| (*property, value.as_str())).collect();
            self.crm.edit(id, &typed).expect("an edit");
        }
    }

    fn plan(&mut self) -> PlanId {
        let connection = self.world.connection.clone().expect("a connection");
        let plan = run(ops::syncs::plan(&self.world.app, &self.world.org, &connection, Some("ID".to_owned())));
        let plan = plan.expect("a plan");
        let of = plan.clone();
        let ready = move |world: &World| {
            run(ops::plans::show(&world.app, &world.org, &of)).is_ok_and(|plan| plan.status == PlanStatus::Ready)
        };
        self.until(ready, "planning");
        plan
    }

    fn accept(&self, plan: &PlanId) {
        run(ops::plans::accept(&self.world.app, &self.world.org, plan)).expect("the plan is accepted");
    }

    /// Runs jobs until it is so; answers when it was. The clock moves only to the next job that is due.
    fn until(&mut self, is_so: impl Fn(&World) -> bool, what: &str) -> Time {
        let patience = self.world.now().plus(Duration::from_secs(5 * 86_400));
        while !is_so(&self.world) {
            self.bar.set_message(format!("{what}, {} calls", self.crm.calls().total));
            self.bar.tick();
            if let Some(claimed) = self.world.claim() {
                run(worker::run_one(&self.world.app, &claimed)).expect("the store commits a job's end");
                // Nobody looks at what was exchanged.
                drop(self.world.wire.take_exchanges());
                if self.terms.pace.is_none() {
                    self.world.dial.advance(UNPACED_JOB);
                }
                continue;
            }
            let due = self.world.next_due().expect("a job waits");
            assert!(due < patience, "{}: {what} does not end: {:?}", self.terms.slug, self.world.parked());
            self.world.dial.set(due.max(self.world.now()));
        }
        self.world.now()
    }

    /// Until the CRM has all that it has to take.
    fn until_written(&mut self, what: &str) -> Time {
        let is_written = |world: &World| {
            world.read(|tx, org| {
                for sync in tx.syncs(org)? {
                    let is_waiting = sync.row().scan.is_some()
                        || !tx.open_intents(&sync, 1)?.is_empty()
                        || !tx.dirty_pairs(&sync, DirtyKind::Creates, false, 1)?.is_empty()
                        || !tx.dirty_pairs(&sync, DirtyKind::Updates, false, 1)?.is_empty();
                    if is_waiting {
                        return Ok(false);
                    }
                }
                Ok(true)
            })
        };
        self.until(is_written, what)
    }

    /// Until a poll that began when the vendor's index knew of everything was read to its end; answers when.
    fn until_read(&mut self, what: &str) -> Time {
        let known_at = self.world.now().plus(Duration::from_secs(5));
        let has_read = move |world: &World| {
            world.read(move |tx, org| {
                Ok(tx.syncs(org)?.iter().all(|sync| sync.row().pulled_at.is_some_and(|at| at >= known_at)))
            })
        };
        self.until(has_read, what)
    }

    fn pass(&mut self, span: Duration, what: &str) -> Time {
        let end = self.world.now().plus(span);
        self.bar.set_message(what.to_owned());
        self.bar.tick();
        self.world.pass(span);
        end
    }

    /// Lets the overlap of windows pass, in which what was read is read again, and tells what that took.
    fn calm(&mut self, name: &str) {
        let polls = CALM.as_secs() / self.world.app.settings.poll_seconds;
        let fewest = Fewest { pages: usize::try_from(polls).unwrap_or(usize::MAX), ..Fewest::default() };
        self.case(name, 0, fewest, |office| office.pass(CALM, "polling"));
    }

    /// Plays a case, which answers when it ended, and prints its figures.
    fn case(&mut self, name: &str, rows: usize, fewest: Fewest, play: impl FnOnce(&mut Self) -> Time) {
        let (before, begun) = (self.crm.calls(), self.world.now());
        let ended = play(self);
        let after = self.crm.calls();
        let routes: BTreeMap<_, _> = after
            .routes
            .iter()
            .map(|(route, calls)| (route, calls.total - before.route(route).total))
            .filter(|(_, calls)| *calls > 0)
            .collect();
        let seconds = ended.since(begun).as_secs_f64();
        let told = json!({
            "vendor": self.terms.slug, "case": name, "rows": rows, "calls": after.total - before.total,
            "fewest": fewest.calls(), "seconds": seconds, "floor": fewest.seconds(self.terms),
            // The others wait for a poll.
            "timed": fewest.writes > 0 || name == READ_ALL,
            "refused": refused(&after) - refused(&before), "routes": routes,
        });
        self.bar.suspend(|| println!("{told}"));
    }

    /// Everybody has one record, and nothing is in question.
    fn check(&self, count: usize) {
        let parked = self.world.parked();
        assert!(parked.is_empty(), "{}: {:?}", self.terms.slug, parked.first());
        assert_eq!((self.world.pairs().len(), self.living().len()), (count, count), "{}", self.terms.slug);
    }
}

/// Calls that the vendor's limiters refused, whatever the status.
fn refused(calls: &Calls) -> u64 {
    let status = |calls: &lockstep_sandbox::RouteCalls, status| calls.statuses.get(&status).copied().unwrap_or(0);
    calls.throttled + calls.routes.values().map(|route| status(route, 429) + status(route, 403)).sum::<u64>()
}

/// The look-alike with its limiters on.
fn look_alike(listed: &Listed, world: &World) -> Box<dyn Vendor> {
    let clock = world.clock();
    match listed.slug {
        // A server of one's own has no limit: here one that bears what the connector declares. Its own company and users
        // are no contacts.
        "odoo" => {
            let limits = odoo::Limits { per_second: Some(10) };
            Box::new(Odoo::new(OdooSettings { clock, limits, shows_own_contacts: false, ..OdooSettings::default() }))
        }
        // The bursts of the smallest plan, with so many seats that the day is not what is measured.
        "pipedrive" => {
            let limits = pipedrive::Limits::of(pipedrive::Plan::Lite, 100);
            Box::new(Pipedrive::new(PipedriveSettings { clock, limits, ..PipedriveSettings::default() }))
        }
        _ => (listed.make)(Basics { clock, wait: None, quirks: true }),
    }
}
