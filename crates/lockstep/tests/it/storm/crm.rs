//! One CRM of a story: its look-alike, the words of its people and what they see.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_connect::registry;
use lockstep_core::ids::{ConnectionId, ContactId};
use lockstep_sandbox::vendor::{Basics, Listed};
use lockstep_sandbox::{Effect, Fault, Odoo, OdooSettings, Record, Vendor, vendors};

use super::ledger::Cell;
use crate::world::World;

/// The vendor whose hooks, merges, hidden records and automations the storm has.
pub const HUBSPOT: &str = "hubspot";

/// What only the storm has to know of a vendor.
struct Hand {
    slug: &'static str,
    /// A property that no mapping names.
    private: &'static str,
    /// The calls that write contacts, as the look-alike counts them.
    writes: &'static [&'static str],
}

const HANDS: [Hand; 5] = [
    Hand {
        slug: HUBSPOT,
        private: "jobtitle",
        writes: &[
            "POST /crm/v3/objects/contacts/batch/create",
            "POST /crm/v3/objects/contacts/batch/upsert",
            "POST /crm/v3/objects/contacts/batch/update",
            "POST /crm/v3/objects/contacts/batch/archive",
        ],
    },
    Hand {
        slug: "salesforce",
        private: "Title",
        writes: &["POST /services/data/{version}/composite", "DELETE /services/data/{version}/composite/sobjects"],
    },
    Hand {
        slug: "pipedrive",
        private: "job_title",
        writes: &["POST /api/v2/persons", "PATCH /api/v2/persons/{id}", "DELETE /api/v2/persons/{id}"],
    },
    Hand { slug: "notion", private: "Notes", writes: &["POST /v1/pages", "PATCH /v1/pages/{page_id}"] },
    Hand { slug: "odoo", private: "function", writes: &["POST /json/2/{model}/create", "POST /json/2/{model}/write"] },
];

/// The slugs of all vendors that a story can have.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    HANDS.iter().map(|hand| hand.slug)
}

/// What a person sees of a record.
pub type Seen = BTreeMap<Cell, String>;
/// What cells showed before they were written.
pub type Replaced = BTreeMap<Cell, Option<String>>;

pub struct Crm {
    pub listed: &'static Listed,
    pub vendor: Box<dyn Vendor>,
    pub connection: Option<ConnectionId>,
    hand: &'static Hand,
    /// What the records showed at the last look.
    looked: BTreeMap<String, Seen>,
}

impl Crm {
    pub fn open(slug: &str, world: &World) -> Self {
        let listed = vendors().iter().find(|listed| listed.slug == slug).expect("a look-alike");
        let hand = HANDS.iter().find(|hand| hand.slug == slug).expect("a vendor that the storm knows");
        let clock = world.clock();
        let vendor: Box<dyn Vendor> = match slug {
            HUBSPOT => Box::new(world.hubspot.clone()),
            // Its own company and users are nobody of the story.
            "odoo" => Box::new(Odoo::new(OdooSettings { clock, shows_own_contacts: false, ..OdooSettings::default() })),
            _ => (listed.make)(Basics { clock, wait: None, quirks: true }),
        };
        Self { listed, vendor, connection: None, hand, looked: BTreeMap::new() }
    }

    /// Records that neither lie in the recycle bin nor live on in another.
    pub fn living(&self) -> impl Iterator<Item = Record> {
        self.vendor.records().into_iter().filter(|record| !record.archived && record.merged_into.is_none())
    }

    pub fn archived(&self) -> impl Iterator<Item = Record> {
        self.vendor.records().into_iter().filter(|record| record.archived)
    }

    /// A record as a person sees it. What stands in for a name that is missing, where the vendor demands one, is none: nor
    /// is a number that stayed there when the person got another one. No name that people of a story give is like that.
    pub fn seen(&self, record: &Record) -> Seen {
        let words = self.listed.words;
        let text = |name: &str| record.value(name).map(|text| text.trim().to_owned());
        let (email, phone) = (text(words.email), text(words.phone));
        let name = Some(words.name_of(record).trim().to_owned());
        let name = name.filter(|name| !name.starts_with('+') && !name.contains('@'));
        let private = text(self.hand.private);
        let cells = [(Cell::Name, name), (Cell::Email, email), (Cell::Phone, phone), (Cell::JobTitle, private)];
        let held = |(cell, value): (Cell, Option<String>)| Some((cell, value.filter(|value| !value.is_empty())?));
        cells.into_iter().filter_map(held).collect()
    }

    /// Where a value is typed. Of a name in parts only the last one if `part`.
    pub fn typed(&self, cell: Cell, value: &str, part: bool) -> Vec<(&'static str, String)> {
        let words = self.listed.words;
        let property = match cell {
            Cell::Name => {
                let (first, last) = value.rsplit_once(' ').unwrap_or(("", value));
                let mut name = words.name(first.trim(), last);
                name.retain(|(property, _)| !part || *property == words.last);
                return name;
            }
            Cell::Email => words.email,
            Cell::Phone => words.phone,
            Cell::Note | Cell::JobTitle => self.hand.private,
        };
        vec![(property, value.to_owned())]
    }

    /// The contact whose id a record holds.
    pub fn points_to(record: &Record) -> Option<String> {
        let of_ours = |text: &&String| text.starts_with(&format!("{}_", ContactId::PREFIX));
        record.properties.values().flatten().find(of_ours).cloned()
    }

    /// Something goes wrong with calls, or only with those that write.
    pub fn fail(&self, writes: bool, effect: &Effect, skip: u32) {
        let mut effect = effect.clone();
        if let Effect::Status { policy, status } = &mut effect
            && self.listed.slug != HUBSPOT
        {
            *policy = None;
            // Salesforce's limit is that of a day: a story would be over before it is.
            if self.listed.slug == "salesforce" && *status == 429 {
                *status = 503;
            }
        }
        let fault =
            |route: Option<&str>| Fault { route: route.map(str::to_owned), effect: effect.clone(), times: 1, skip };
        match writes {
            true => self.hand.writes.iter().for_each(|route| self.vendor.faults().push(fault(Some(route)))),
            false => self.vendor.faults().push(fault(None)),
        }
    }

    /// Calls that wrote, or tried to.
    pub fn written(&self) -> u64 {
        let calls = self.vendor.calls();
        self.hand.writes.iter().map(|route| calls.route(route).total).sum()
    }

    /// Looks at everything again. Answers which cells of known records show something else than at the last look, with what
    /// they showed then.
    pub fn look(&mut self) -> Vec<(String, Replaced)> {
        let now: BTreeMap<String, Seen> = self.living().map(|record| (record.id.clone(), self.seen(&record))).collect();
        let changed = |(id, seen): (&String, &Seen)| {
            let before = self.looked.get(id)?;
            let cells = Cell::SHARED.into_iter().chain([Cell::JobTitle]);
            let cells = cells.filter(|cell| seen.get(cell) != before.get(cell));
            let cells: Replaced = cells.map(|cell| (cell, before.get(&cell).cloned())).collect();
            (!cells.is_empty()).then(|| (id.clone(), cells))
        };
        let changed = now.iter().filter_map(changed).collect();
        self.looked = now;
        changed
    }

    /// How late a change may show in what the CRM answers.
    pub fn lag(&self) -> Duration {
        let about = registry::find(self.listed.slug).expect("a connector").about();
        about.index_lag + about.granularity
    }
}
