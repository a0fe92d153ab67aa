//! One story: the script played on a world, at the boundaries between the engine's effects.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockstep::worker;
use lockstep_core::mapping::model::Side;
use lockstep_sandbox::Effect;
use lockstep_sandbox::hubspot::HookDelivery;
use serde_json::Value as Json;

use super::crm::{Crm, HUBSPOT, Replaced};
use super::found::Found;
use super::ledger::{Cell, Ledger, Tick, Weight};
use super::oracle::{Findings, judge};
use super::script::{Act, Cue, Hooks, Mishap, extra_edit};
use super::weather::{Automation, Dice, Weather};
use crate::world::{Exchange, World, drive};

/// What every seed holds at least.
const EDITS_MIN: usize = 100;
const FAULTS_MIN: usize = 20;
const CRASHES_MIN: usize = 2;
/// Webhooks that may come again much later.
const OLD_HOOKS_MAX: usize = 40;
/// Rounds of echoes and polls that must cause no write once all is quiet.
const QUIET_ROUNDS: usize = 5;
/// HubSpot's writes of contacts.
const WRITES: &str = "/crm/v3/objects/contacts/batch/";

/// What really happened, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Boundaries between two effects.
    pub steps: usize,
    pub edits: usize,
    pub faults: usize,
    pub crashes: usize,
    pub overtaken: usize,
    /// Questions left for a person.
    pub parked: usize,
    /// 429 answers that no fault ordered.
    pub self_429: usize,
}

/// A story and its end.
pub struct Told {
    pub weather: Weather,
    pub tally: Tally,
    pub findings: Findings,
    /// The acts, top-ups included.
    pub script: Vec<Cue>,
    /// The acts in words.
    pub lines: Vec<String>,
}

/// An automation's work, as it tells it: the record, its name before and after.
type Rewritten = Arc<Mutex<Vec<(String, Option<String>, Option<String>)>>>;

#[derive(Clone, Copy, Debug)]
struct Doom {
    page_read: bool,
    boundaries: u8,
}

pub struct Storm {
    pub(super) world: World,
    pub(super) crms: Vec<Crm>,
    pub(super) weather: Weather,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    script: VecDeque<Cue>,
    /// The whole script, with what was added to it.
    whole: Vec<Cue>,
    /// How many boundaries have passed since the last act.
    waited: u8,
    lines: Vec<String>,
    persons: usize,
    /// The job that runs, by number, and what it read first: records with the moment. What a connector reads again before
    /// it writes tells the merge nothing.
    job: usize,
    reads: BTreeMap<String, (usize, Tick)>,
    /// Records that a call without an answer has written to, until they are looked at, with what they showed before.
    in_doubt: BTreeMap<String, Replaced>,
    rewritten: Rewritten,
    waiting_hooks: Vec<HookDelivery>,
    old_hooks: Vec<HookDelivery>,
    unmapped: BTreeSet<String>,
    hidden: BTreeSet<String>,
    /// How far the CRMs' clocks are off, in seconds.
    pub(super) vendor_offset: i64,
    /// Records that were edited just before those clocks stepped.
    pub(super) misdated: BTreeSet<String>,
    /// What the polls alone would never have seen.
    unread: Vec<String>,
    /// Calls that were too many.
    refused: u64,
    /// A death that waits for a page with news, and then for so many boundaries.
    doom: Option<Doom>,
    /// Whether the story may add acts of its own to hold enough of each kind.
    top_up: bool,
}

impl Storm {
    /// Plays a script to its end and judges what stands. With `top_up`, acts are added until the story holds enough.
    /// A story that cannot go on, because the engine panics or waits for what nobody will do, is a loop.
    pub fn play(weather: Weather, script: Vec<Cue>, top_up: bool, postgres: Option<String>) -> Told {
        let (whole, of_all) = (script.clone(), weather.clone());
        let told = catch_unwind(AssertUnwindSafe(|| Self::play_through(weather, script, top_up, postgres)));
        told.unwrap_or_else(|panic| {
            let text =
                panic.downcast_ref::<String>().cloned().or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned()));
            let findings = Findings { looped: vec![text.unwrap_or_default()], ..Findings::default() };
            Told { weather: of_all, tally: Tally::default(), findings, script: whole, lines: Vec::new() }
        })
    }

    fn play_through(weather: Weather, script: Vec<Cue>, top_up: bool, postgres: Option<String>) -> Told {
        let mut storm = Self::new(weather, script, top_up, postgres);
        storm.begin();
        storm.middle();
        storm.end();
        let found = storm.found();
        storm.lines.extend(found.lines());
        let mut findings = judge(&storm.ledger, &found);
        findings.looped = storm.rounds_that_wrote();
        findings.lost.append(&mut storm.unread);
        findings.lost.extend(storm.loose_ends());
        findings.lost.extend(storm.unmapped.iter().map(|name| format!("{name} is not mapped, but was written")));
        storm.tally.parked = found.questions.len();
        storm.tally.overtaken = storm.ledger.overtaken();
        storm.tally.faults += storm.faulted();
        storm.tally.self_429 = usize::try_from(storm.throttled()).unwrap_or(0);
        Told { weather: storm.weather, tally: storm.tally, findings, script: storm.whole, lines: storm.lines }
    }

    fn new(weather: Weather, script: Vec<Cue>, top_up: bool, postgres: Option<String>) -> Self {
        let world = World::new(&weather.setup(postgres));
        Self {
            crms: weather.vendors.iter().map(|slug| Crm::open(slug, &world)).collect(),
            world,
            ledger: Ledger::default(),
            tally: Tally::default(),
            whole: script.clone(),
            script: script.into(),
            waited: 0,
            lines: vec![format!("{weather:?}")],
            persons: 0,
            job: 0,
            reads: BTreeMap::new(),
            in_doubt: BTreeMap::new(),
            rewritten: Rewritten::default(),
            waiting_hooks: Vec::new(),
            old_hooks: Vec::new(),
            unmapped: BTreeSet::new(),
            hidden: BTreeSet::new(),
            vendor_offset: weather.clock_offset_secs,
            misdated: BTreeSet::new(),
            unread: Vec::new(),
            refused: 0,
            doom: None,
            top_up,
            weather,
        }
    }

    pub(super) fn tell(&mut self, line: String) {
        let at = self.world.now();
        self.lines.push(format!("{at} {line}"));
    }

    pub(super) fn next_person(&mut self) -> usize {
        self.persons += 1;
        self.persons
    }

    /// Whether HubSpot is among the CRMs.
    fn has_hubspot(&self) -> bool {
        self.weather.vendors.contains(&HUBSPOT)
    }

    /// Calls that a fault struck.
    fn faulted(&self) -> usize {
        let faulted: u64 = self.crms.iter().map(|crm| crm.vendor.calls().faulted).sum();
        usize::try_from(faulted).unwrap_or(0)
    }

    /// Calls that the CRMs' own limiters refused.
    fn throttled(&self) -> u64 {
        self.crms.iter().map(|crm| crm.vendor.calls().throttled).sum()
    }

    /// People on either side and on both, the first plans, their acceptance.
    fn begin(&mut self) {
        self.set_vendor_offset(self.weather.clock_offset_secs);
        for serial in 0..u16::try_from(self.weather.people).unwrap_or(u16::MAX) {
            match serial % 3 {
                0 => self.create_contact(None, 2_000 + serial, &BTreeMap::new()),
                1 => self.create_record(None, 2_000 + serial, &BTreeMap::new()),
                _ => self.create_both(2_000 + serial),
            }
        }
        self.tally.edits = 0;
        self.set_automation();
        self.world.add_source_property();
        if self.weather.hooks {
            self.world.subscribe();
        }
        for crm in &mut self.crms {
            match crm.listed.slug {
                HUBSPOT => self.world.connect(),
                _ => self.world.connect_to(crm.listed, crm.vendor.as_ref()),
            }
            crm.connection.clone_from(&self.world.connection);
            let plan = self.world.plan();
            if self.weather.archives {
                self.world.carry_deletes_over();
            }
            self.world.accept(&plan);
        }
        // What an automation made of the first writes came before anything that people do from here on.
        self.after_effects();
        self.tell("the plan is accepted".to_owned());
    }

    fn set_automation(&mut self) {
        let kind = self.weather.automation;
        if kind == Automation::None {
            return;
        }
        let log = Arc::clone(&self.rewritten);
        let Some(words) = self.crms.iter().find(|crm| crm.listed.slug == HUBSPOT).map(|crm| crm.listed.words) else {
            return;
        };
        let automation = move |record: &lockstep_sandbox::hubspot::Record| {
            let last = record.value("lastname")?;
            let rewritten = match kind {
                Automation::None => return None,
                Automation::Tidies => last.strip_suffix('!')?.to_owned(),
                Automation::SetsBack if record.value("firstname") == Some("Budi") && last != "Fix" => "Fix".to_owned(),
                Automation::SetsBack => return None,
            };
            let name = |record: &lockstep_sandbox::hubspot::Record| Cell::Name.form(Some(&words.name_of(record)));
            let before = name(record);
            let mut after = record.clone();
            after.properties.insert("lastname".to_owned(), Some(rewritten.clone()));
            let after = name(&after);
            log.lock().unwrap_or_else(PoisonError::into_inner).push((record.id.clone(), before, after));
            Some(BTreeMap::from([("lastname".to_owned(), rewritten)]))
        };
        self.world.hubspot.set_automation(Some(Arc::new(automation)));
    }

    /// The script itself.
    fn middle(&mut self) {
        let dice = Dice::new(self.weather.seed ^ 0xadd);
        loop {
            if self.work() {
                continue;
            }
            let Some(cue) = self.script.pop_front().or_else(|| self.missing(&dice)) else { return };
            self.waited = 0;
            match cue.act {
                Act::Pass(span) => self.wait(span),
                Act::Kill => self.die(),
                act => self.perform(act),
            }
        }
    }

    /// An act that the story still lacks.
    fn missing(&mut self, dice: &Dice) -> Option<Cue> {
        let faults = self.tally.faults + self.faulted();
        let serial = u16::try_from(3_000 + self.whole.len()).unwrap_or(u16::MAX);
        let act = if !self.top_up {
            return None;
        } else if matches!(self.whole.last(), Some(Cue { act: Act::Edit { .. }, .. })) {
            Act::Pass(Duration::from_secs(7))
        } else if faults < FAULTS_MIN && !matches!(self.whole.last(), Some(Cue { act: Act::Mishap(_), .. })) {
            Act::Mishap(Mishap::Fault { writes: false, effect: Effect::LostAfter, skip: 0 })
        } else if self.tally.edits < EDITS_MIN || faults < FAULTS_MIN {
            extra_edit(dice, serial)
        } else if self.tally.crashes < CRASHES_MIN {
            Act::Kill
        } else {
            return None;
        };
        let cue = Cue { wait: 0, act };
        self.whole.push(cue.clone());
        Some(cue)
    }

    /// Runs one job that is due, with the script at its boundaries. False when none is due.
    fn work(&mut self) -> bool {
        let Some(claimed) = self.world.claim() else { return false };
        self.job += 1;
        let app = self.world.app.clone();
        let name = claimed.job.name();
        let done = drive(worker::run_one(&app, &claimed), || self.boundary());
        drop(app);
        self.after_effects();
        if done.is_none() {
            self.tell(format!("the process dies in the middle of a {name}"));
            self.die();
        }
        true
    }

    /// Between two effects: what happened is noted, then the script goes on as far as it is due.
    fn boundary(&mut self) -> ControlFlow<()> {
        self.tally.steps += 1;
        self.after_effects();
        while let Some(cue) =
            self.script.pop_front_if(|cue| !matches!(cue.act, Act::Pass(_)) && cue.wait <= self.waited)
        {
            self.waited = 0;
            if cue.act == Act::Kill {
                return ControlFlow::Break(());
            }
            self.perform(cue.act);
        }
        self.waited = self.waited.saturating_add(1);
        self.doomed()
    }

    fn doomed(&mut self) -> ControlFlow<()> {
        match &mut self.doom {
            Some(Doom { page_read: true, boundaries: 0 }) => {
                self.doom = None;
                return ControlFlow::Break(());
            }
            Some(Doom { page_read: true, boundaries }) => *boundaries -= 1,
            Some(Doom { page_read: false, .. }) | None => {}
        }
        ControlFlow::Continue(())
    }

    fn die(&mut self) {
        self.tally.crashes += 1;
        self.world.restart();
    }

    /// Time passes up to the next job that falls due; what is left of the span waits in the script.
    fn wait(&mut self, span: Duration) {
        let (now, next) = (self.world.now(), self.world.next_due());
        let end = now.plus(span);
        match next.filter(|due| *due < end) {
            Some(due) => {
                let due = due.max(now);
                self.world.dial.set(due);
                self.script.push_front(Cue { wait: 0, act: Act::Pass(end.since(due)) });
            }
            None => self.world.dial.set(end),
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Edit { side, who, give } => self.edit(side, who, &give),
            Act::Collide { who, cell, serial } => self.collide(who, cell, serial),
            Act::Create { side, twin, serial } => self.create(side, twin, serial),
            Act::CreateBoth { serial } => self.create_both(serial),
            Act::Delete { side, who } => self.delete(side, who),
            Act::Restore { who } => self.restore(who),
            Act::Merge { kept, lost } => self.merge(kept, lost),
            Act::Waver { who } => self.waver(who),
            Act::SwapPhones { a, b } => self.swap_phones(a, b),
            Act::Hooks(hooks) => self.hooks(hooks),
            Act::Mishap(mishap) => self.mishap(&mishap),
            Act::KillAfterPage { boundaries } => self.doom = Some(Doom { page_read: false, boundaries }),
            Act::Kill | Act::Pass(_) => {}
        }
        self.crms.iter_mut().for_each(|crm| drop(crm.look()));
    }

    fn hooks(&mut self, hooks: Hooks) {
        self.waiting_hooks.extend(self.world.hubspot.take_hooks());
        let mut batch = match hooks {
            Hooks::Old => self.old_hooks.iter().map(|hook| self.world.hubspot.repeat_hook(hook)).collect(),
            _ => std::mem::take(&mut self.waiting_hooks),
        };
        if hooks == Hooks::Reverse {
            batch.reverse();
        }
        self.tell(format!("{} webhook deliveries: {hooks:?}", batch.len()));
        if hooks != Hooks::Deliver && !batch.is_empty() {
            self.tally.faults += 1;
        }
        let times = match hooks {
            Hooks::Lose => 0,
            Hooks::Double => 2,
            Hooks::Deliver | Hooks::Reverse | Hooks::Old => 1,
        };
        for hook in &batch {
            for _ in 0..times {
                self.world.deliver(hook);
            }
        }
        if hooks != Hooks::Old {
            self.old_hooks.extend(batch);
            let surplus = self.old_hooks.len().saturating_sub(OLD_HOOKS_MAX);
            self.old_hooks.drain(..surplus);
        }
    }

    fn mishap(&mut self, mishap: &Mishap) {
        if !self.has_hubspot() && !mishap.is_anywhere() {
            return;
        }
        self.tell(format!("{mishap:?}"));
        match mishap {
            Mishap::Fault { writes, effect, skip } => {
                self.crms.iter().for_each(|crm| crm.fail(*writes, effect, *skip));
                return;
            }
            Mishap::Revoke => self.world.hubspot.revoke(),
            Mishap::Reconsent => return self.consent(),
            Mishap::ExpireTokens => self.world.hubspot.expire_tokens(),
            Mishap::Hide { who } => {
                // Permissions change on records that are known; a create cannot be looked for behind one.
                let known: Vec<String> = self.world.pairs().into_iter().filter_map(|pair| pair.native).collect();
                let Some(record) = usize::from(*who).checked_rem(known.len()).map(|n| &known[n]) else { return };
                if self.world.hubspot.hide(record).is_ok() {
                    self.hidden.insert(record.clone());
                    self.tell(format!("record {record} is out of our sight"));
                }
            }
            Mishap::UnhideAll => return self.unhide_all(),
            Mishap::DropProperty => drop(self.world.hubspot.drop_property(DROPPED)),
            Mishap::RecreateProperty => return drop(self.world.hubspot.recreate_property(DROPPED)),
            Mishap::VendorClock { secs } => self.step_vendor_clock(*secs),
            Mishap::OurClock { secs } => self.world.step_back(Duration::from_secs(secs.unsigned_abs())),
        }
        self.tally.faults += 1;
    }

    /// A person lets us into HubSpot again.
    fn consent(&mut self) {
        if let Some(crm) = self.crms.iter().find(|crm| crm.listed.slug == HUBSPOT) {
            self.world.connection.clone_from(&crm.connection);
            self.world.consent();
        }
    }

    /// Records come into sight again as they do in HubSpot: by a change of their owner, which is an edit.
    fn unhide_all(&mut self) {
        for record in std::mem::take(&mut self.hidden) {
            let shown = self
                .world
                .hubspot
                .unhide(&record)
                .and_then(|()| self.world.hubspot.edit(&record, &[("city", "Bandung")]));
            if shown.is_ok() {
                self.tell(format!("record {record} can be seen again"));
            }
        }
    }

    /// What the engine and the vendor's automations did since the last look.
    fn after_effects(&mut self) {
        for exchange in self.world.wire.take_exchanges() {
            self.note(&exchange);
        }
        // What an automation made of our own write came after it.
        self.note_automation();
    }

    /// Takes what an automation made of a person's edit, and answers what the person had set just before.
    pub(super) fn automated_before(&self, id: &str, cell: Cell) -> Option<String> {
        let rewritten = self.rewritten.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, before, _) = rewritten.iter().rev().find(|(record, ..)| record == id && cell == Cell::Name)?;
        before.clone()
    }

    /// What the sync owes to an edit of a record.
    pub(super) fn weight(&self, id: &str, cell: Cell, value: Option<&str>) -> Weight {
        let replaced = self.in_doubt.get(id).and_then(|cells| cells.get(&cell));
        let takes_back = replaced.is_some_and(|before| cell.same(before.as_deref(), value));
        let sent = cell.field().and_then(|field| self.world.unanswered(id).remove(field));
        let is_what_was_sent = sent.is_some_and(|sent| cell.same(sent.as_deref(), value));
        if takes_back || is_what_was_sent { Weight::Overtaken } else { Weight::Owed }
    }

    pub(super) fn note_automation(&mut self) {
        let rewritten = std::mem::take(&mut *self.rewritten.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, before, after) in rewritten {
            self.tell(format!("an automation rewrites the name of {id} from {before:?} to {after:?}"));
            self.ledger.edited(Side::Crm, &id, Cell::Name, before, after, Weight::Owed);
        }
    }

    /// What a call showed and what it changed, for what was overwritten between the two.
    fn note(&mut self, exchange: &Exchange) {
        let at = self.ledger.tick();
        let refused = self.throttled();
        if refused > self.refused {
            self.refused = refused;
            self.tell(format!("{} is refused: our own calls were too many", exchange.uri));
        }
        let changed: Vec<(String, Replaced)> = self.crms.iter_mut().flat_map(Crm::look).collect();
        if !changed.is_empty() || exchange.status.is_none_or(|status| status >= 400) {
            let verdict = exchange.status.map_or("no answer".to_owned(), |status| status.to_string());
            let request = String::from_utf8_lossy(&exchange.request);
            self.tell(format!("we call {} with {request}: {verdict}", exchange.uri));
        }
        let answer = serde_json::from_slice::<Json>(&exchange.answer);
        let answer = answer.ok().filter(|_| exchange.status.is_some_and(|status| status < 400));
        for (id, cells) in changed {
            if let Some((job, read)) = self.reads.get(&id)
                && *job == self.job
            {
                self.ledger.overwritten(&id, &cells, *read);
            }
            if answer.is_none() {
                self.in_doubt.insert(id, cells);
            }
        }
        let shown = answer.as_ref().map(ids).unwrap_or_default();
        if let Some(Doom { page_read: false, boundaries }) = self.doom {
            let unseen: BTreeSet<String> = self.unseen().into_iter().map(|(id, _)| id).collect();
            self.doom = Some(Doom { page_read: !unseen.is_disjoint(&shown), boundaries });
        }
        for id in shown {
            self.in_doubt.remove(&id);
            let read = self.reads.entry(id).or_insert((self.job, at));
            if read.0 != self.job {
                *read = (self.job, at);
            }
        }
        self.note_unmapped(exchange);
    }

    /// Every property that was written to HubSpot.
    fn note_unmapped(&mut self, exchange: &Exchange) {
        if !exchange.uri.contains(WRITES) || exchange.uri.ends_with("/read") {
            return;
        }
        let request: Json = serde_json::from_slice(&exchange.request).unwrap_or(Json::Null);
        let inputs = request["inputs"].as_array().into_iter().flatten();
        let names = inputs.filter_map(|input| input["properties"].as_object()).flat_map(|it| it.keys());
        self.unmapped.extend(names.filter(|name| !MAPPED.contains(&name.as_str())).cloned());
    }

    /// Everything is mended and time enough passes for every poll and census.
    fn end(&mut self) {
        self.crms.iter().for_each(|crm| crm.vendor.faults().clear());
        self.consent();
        self.unhide_all();
        drop(self.world.hubspot.recreate_property(DROPPED));
        self.tell("all faults end".to_owned());
        self.script.clear();
        self.doom = None;
        self.unread = self.unread_by_polls();
        self.step_vendor_clock(0);
        let end = self.world.now().plus(self.weather.census * 4 + Duration::from_secs(3_600));
        self.calm_until(end);
    }

    pub(super) fn calm_until(&mut self, end: lockstep_core::env::Time) {
        loop {
            if self.work() {
                continue;
            }
            let now = self.world.now();
            match self.world.next_due().filter(|due| *due <= end) {
                Some(due) => self.world.dial.set(due.max(now)),
                None => break,
            }
        }
        self.world.dial.set(end.max(self.world.now()));
    }

    /// Feeds all echoes back, round after round. Each round that causes a write is a loop.
    fn rounds_that_wrote(&mut self) -> Vec<String> {
        let mut wrote = Vec::new();
        for round in 1..=QUIET_ROUNDS {
            let before = self.effects();
            self.waiting_hooks.extend(self.world.hubspot.take_hooks());
            self.old_hooks.append(&mut self.waiting_hooks);
            for hook in &mut self.old_hooks {
                *hook = self.world.hubspot.repeat_hook(hook);
                self.world.deliver(hook);
            }
            let end = self.world.now().plus(self.weather.poll * 2 + Duration::from_secs(60));
            self.calm_until(end);
            let after = self.effects();
            if before != after {
                wrote.push(format!("round {round} of echoes: writes to the CRM and changes of contacts went from {before:?} to {after:?}"));
            }
        }
        wrote
    }

    /// Writes to the CRMs so far, and the highest change number of the inbox: neither moves while nothing is to be done.
    fn effects(&self) -> (u64, i64) {
        let highest = self.world.contacts().iter().map(|contact| contact.seq).max();
        (self.crms.iter().map(Crm::written).sum(), highest.unwrap_or(0))
    }

    fn found(&self) -> Found {
        super::found::take(&self.world, &self.crms, &self.weather)
    }
}

/// The mapped property that an admin drops and brings back.
const DROPPED: &str = "lockstep_source";
/// What may appear in a write.
const MAPPED: [&str; 6] = ["firstname", "lastname", "email", "phone", "lockstep_source", "lockstep_id"];

/// The ids of everything that an answer shows.
fn ids(shown: &Json) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![shown];
    while let Some(value) = waiting.pop() {
        match value {
            Json::Array(items) => waiting.extend(items),
            Json::Object(members) => {
                let id = members.get("id").or_else(|| members.get("Id"));
                found.extend(
                    id.filter(|id| !id.is_object()).map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned)),
                );
                waiting.extend(members.values());
            }
            _ => {}
        }
    }
    found
}
