//! The account: its records, their indexes and every way a record changes. No HTTP here.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::hooks::{Before, Hooks};
use super::item::{Item, LONG_AGO, Moment, Source, Standing};
use super::limits::Windows;
use super::links::Links;
use super::oauth::Grants;
use super::objects::{CONTACTS, ObjectNo, Objects};
use super::phones;
use super::values::{self, Change};
use super::workflows::Workflows;
use super::{Automation, HubspotSettings, Record, Seeded};
use crate::world::Rng;

/// Ids begin where today's real accounts are: beyond 32 bits.
const FIRST_ID: u64 = 171_596_044_001;

/// An object, its unique property's name, and a value.
type Key = (ObjectNo, Arc<str>, Box<str>);

/// What rows earlier in the same batch have taken already.
pub(super) type Claimed = HashSet<Key>;

pub(super) struct Portal {
    pub(super) settings: HubspotSettings,
    pub(super) items: BTreeMap<u64, Item>,
    pub(super) by_email: HashMap<Box<str>, u64>,
    pub(super) by_key: HashMap<Key, u64>,
    next_id: u64,
    pub(super) objects: Objects,
    pub(super) links: Links,
    /// How many default links are yet to be refused.
    pub(super) refused_links: u32,
    pub(super) workflows: Workflows,
    pub(super) grants: Grants,
    pub(super) hooks: Hooks,
    pub(super) windows: Windows,
    pub(super) rng: Rng,
    pub(super) automation: Option<Automation>,
}

impl Portal {
    pub(super) fn new(settings: HubspotSettings) -> Self {
        Self {
            items: BTreeMap::new(),
            by_email: HashMap::new(),
            by_key: HashMap::new(),
            next_id: FIRST_ID,
            objects: Objects::new(settings.portal_id),
            links: Links::default(),
            refused_links: 0,
            workflows: Workflows::new(),
            grants: Grants::default(),
            hooks: Hooks::default(),
            windows: Windows::default(),
            rng: Rng::new(settings.seed),
            automation: None,
            settings,
        }
    }

    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    /// The time HubSpot writes on things: its own clock, which may be off, in its granularity.
    pub(super) fn stamp_us(&self) -> i64 {
        let granularity = self.settings.granularity_us.max(1);
        (self.now_us() + self.settings.clock_offset_us).div_euclid(granularity) * granularity
    }

    fn moment(&self) -> Moment {
        Moment { written_us: self.now_us(), stamp_us: self.stamp_us() }
    }

    /// How far back the search index sees.
    pub(super) fn index_horizon(&self) -> i64 {
        let lag = if self.settings.quirks { self.settings.index_lag_us } else { 0 };
        self.now_us() - lag
    }

    /// The record an id stands for today: itself, or what it was merged into.
    pub(super) fn follow(&self, mut id: u64) -> Option<&Item> {
        loop {
            let item = self.items.get(&id)?;
            match item.standing() {
                Standing::Merged(next) => id = next,
                Standing::Live | Standing::Archived | Standing::Erased => return Some(item),
            }
        }
    }

    /// Whether the API's callers may see a record.
    pub(super) fn in_sight(&self, item: &Item) -> bool {
        !item.hidden && item.readable_from_us <= self.now_us()
    }

    /// Makes a record of changes that were checked and claimed.
    pub(super) fn create(&mut self, of: ObjectNo, changes: Vec<Change>, source: Source) -> u64 {
        let id = self.make(of, changes, source);
        self.announce(id, "creation", source);
        self.announce_values(id, None, source);
        self.run_automation(id);
        self.run_workflows(id, None, source);
        id
    }

    /// Makes a record that the sandbox begins with: known to the index, announced to nobody.
    pub(super) fn seed(&mut self, of: ObjectNo, changes: Vec<Change>) -> u64 {
        self.make(of, changes, Source::Import)
    }

    /// Makes the record two others become.
    pub(super) fn make_merged(&mut self, of: ObjectNo, changes: Vec<Change>) -> u64 {
        self.make(of, changes, Source::Merge)
    }

    fn make(&mut self, of: ObjectNo, mut changes: Vec<Change>, source: Source) -> u64 {
        let mut at = self.moment();
        if source == Source::Import {
            at.written_us = LONG_AGO;
        }
        let id = self.next_id;
        self.next_id += 1 + self.rng.below(7);
        if !changes.iter().any(|(name, _)| &**name == "lifecyclestage")
            && let Some((name, _)) = self.objects[of].schema.live("lifecyclestage")
        {
            changes.push((Arc::clone(name), Some("lead".into())));
        }
        self.items.insert(id, Item::new(id, of, source, at));
        self.store(id, changes, source, at);
        id
    }

    /// Writes changes that were checked and claimed. Moves `lastmodifieddate` even if nothing differs.
    pub(super) fn write(&mut self, id: u64, changes: Vec<Change>, source: Source) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let before: Before =
            changes.iter().map(|(name, _)| (Arc::clone(name), item.now().stored(name).map(Box::from))).collect();
        let at = self.moment();
        self.store(id, changes, source, at);
        self.announce_values(id, Some(&before), source);
        self.run_automation(id);
        self.run_workflows(id, Some(&before), source);
    }

    fn store(&mut self, id: u64, mut changes: Vec<Change>, source: Source, at: Moment) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let stage = item.now().stored("lifecyclestage");
        changes.retain(|(name, value)| {
            &**name != "lifecyclestage" || !values::moves_lifecycle_back(stage, value.as_deref())
        });
        let object = &self.objects[item.of];
        phones::add_shadows(&object.schema, &mut changes);
        object.add_stage(&mut changes);
        self.unindex(id, &changes);
        self.index(id, &changes);
        if let Some(item) = self.items.get_mut(&id) {
            item.write(changes, source, at);
        }
    }

    /// Frees the addresses and unique values among `changes` that the record holds.
    fn unindex(&mut self, id: u64, changes: &[Change]) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let (of, has_addresses) = (item.of, item.of == CONTACTS);
        for (name, _) in changes {
            let Some(old) = item.now().stored(name) else {
                continue;
            };
            if has_addresses && matches!(&**name, "email" | "hs_additional_emails") {
                for address in
                    old.split(';').filter(|address| self.by_email.get(*address) == Some(&id)).collect::<Vec<_>>()
                {
                    self.by_email.remove(address);
                }
            } else if self.objects[of].schema.is_unique(name) {
                let key = (of, Arc::clone(name), old.into());
                if self.by_key.get(&key) == Some(&id) {
                    self.by_key.remove(&key);
                }
            }
        }
    }

    fn index(&mut self, id: u64, changes: &[Change]) {
        let Some(of) = self.items.get(&id).map(|item| item.of) else {
            return;
        };
        for (name, value) in changes {
            let Some(value) = value else { continue };
            if of == CONTACTS && &**name == "email" {
                self.by_email.insert(value.clone(), id);
            } else if of == CONTACTS && &**name == "hs_additional_emails" {
                value.split(';').for_each(|address| {
                    self.by_email.entry(address.into()).or_insert(id);
                });
            } else if self.objects[of].schema.is_unique(name) {
                self.by_key.insert((of, Arc::clone(name), value.clone()), id);
            }
        }
    }

    /// Everything a record holds, as changes that would write it again.
    pub(super) fn values(&self, id: u64) -> Vec<Change> {
        let Some(item) = self.items.get(&id) else {
            return Vec::new();
        };
        let view = item.now();
        item.names().filter_map(|name| Some((Arc::clone(name), Some(view.stored(name)?.into())))).collect()
    }

    /// Lets go of every address and unique value of a record that leaves.
    pub(super) fn retire(&mut self, id: u64, standing: Standing) {
        self.unindex(id, &self.values(id));
        let at = self.moment();
        if let Some(item) = self.items.get_mut(&id) {
            item.touch(standing, at);
        }
    }

    /// Puts a record in the recycle bin.
    pub(super) fn archive(&mut self, id: u64, source: Source) {
        self.retire(id, Standing::Archived);
        self.announce(id, "deletion", source);
    }

    /// Deletes a record for good.
    pub(super) fn erase(&mut self, id: u64) {
        self.retire(id, Standing::Erased);
        self.announce(id, "privacyDeletion", Source::CrmUi);
    }

    /// Takes a record out of the recycle bin. Addresses and unique values that others took meanwhile are lost.
    pub(super) fn restore(&mut self, id: u64) {
        let Some(of) = self.items.get(&id).map(|item| item.of) else {
            return;
        };
        let values = self.values(id);
        let lost: Vec<Change> = values
            .iter()
            .filter(|change| self.claim(of, Some(id), std::slice::from_ref(change), &mut Claimed::new()).is_err())
            .map(|(name, _)| (Arc::clone(name), None))
            .collect();
        let kept: Vec<Change> =
            values.into_iter().filter(|(name, _)| !lost.iter().any(|(gone, _)| gone == name)).collect();
        self.index(id, &kept);
        let at = self.moment();
        if let Some(item) = self.items.get_mut(&id) {
            item.write(lost, Source::CrmUi, at);
            item.touch(Standing::Live, at);
        }
        self.announce(id, "restore", Source::CrmUi);
    }

    /// Fills the account with records that nobody is told of.
    pub(super) fn seed_all(&mut self, of: ObjectNo, rows: Vec<Map<String, Value>>) -> Seeded {
        let mut seeded = Seeded::default();
        for (row, properties) in (1..).zip(rows) {
            let free = self.check_new(of, &properties).and_then(|changes| {
                self.claim(of, None, &changes, &mut Claimed::new())?;
                Ok(changes)
            });
            match free {
                Ok(changes) => {
                    self.seed(of, changes);
                    seeded.created += 1;
                }
                Err(refusal) => seeded.refused.push((row, refusal.to_string())),
            }
        }
        seeded
    }

    /// Every record of an object that was not erased, by id.
    pub(super) fn records_of(&self, of: ObjectNo) -> Vec<Record> {
        self.items.values().filter(|item| item.of == of).filter_map(|item| self.record(item.id)).collect()
    }

    /// A record as the tests see it.
    pub(super) fn record(&self, id: u64) -> Option<Record> {
        let item = self.items.get(&id)?;
        let view = item.now();
        let standing = view.standing();
        if standing == Standing::Erased {
            return None;
        }
        let properties = item.names().map(|name| (name.to_string(), view.stored(name).map(str::to_owned))).collect();
        Some(Record {
            object: self.objects[item.of].name.clone(),
            id: id.to_string(),
            properties,
            created_us: item.created_us,
            updated_us: view.updated_us(),
            archived: standing == Standing::Archived,
            merged_into: if let Standing::Merged(into) = standing { Some(into.to_string()) } else { None },
        })
    }

    fn run_automation(&mut self, id: u64) {
        let Some(automation) = self.automation.take() else {
            return;
        };
        let rewritten = self.record(id).and_then(|record| automation(&record));
        if let Some(properties) = rewritten {
            let properties = properties.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
            let of = self.items.get(&id).map_or(CONTACTS, |item| item.of);
            if let Ok(changes) = self.check(of, Some(id), &properties)
                && self.claim(of, Some(id), &changes, &mut Claimed::new()).is_ok()
            {
                self.write(id, changes, Source::Integration);
            }
        }
        self.automation = Some(automation);
    }
}
