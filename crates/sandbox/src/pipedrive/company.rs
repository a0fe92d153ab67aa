//! One company: its records and the one way they change, whoever changes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::channels::Channels;
use super::fields::Fields;
use super::hooks::Hooks;
use super::kinds::{Kind, Shape};
use super::limits::Windows;
use super::oauth::Grants;
use super::settings::PipedriveSettings;
use super::stages;
use super::values::{moment, stamp};
use super::{Automation, Record};
use crate::world::Rng;

/// How long a deleted record lies in the bin.
const PURGE_US: i64 = 30 * 86_400 * 1_000_000;
/// Records of one company at most.
const RECORDS_MAX: usize = 1_000_000;
/// What `marketing_status` may be.
const MARKETING: &[&str] = &["no_consent", "unsubscribed", "subscribed", "archived"];

/// Somebody who works at the company.
pub(super) struct User {
    pub(super) id: u32,
    pub(super) name: &'static str,
    pub(super) email: &'static str,
}

/// Everybody there; the first made the app's tokens.
pub(super) const USERS: [User; 2] = [
    User { id: 20_580_207, name: "Ada Okafor", email: "ada@example.com" },
    User { id: 20_580_208, name: "Ben Moreau", email: "ben@example.com" },
];

/// Who changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A person in Pipedrive's pages.
    App,
    /// A call.
    Api,
    /// An automation of the company.
    Automation,
}

impl Source {
    /// `change_source` of a webhook.
    pub(super) fn wire(self) -> &'static str {
        match self {
            Self::App | Self::Automation => "app",
            Self::Api => "api",
        }
    }
}

/// What a record holds. A member that was cleared stays, as null or an empty list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Contents {
    pub(super) values: Map<String, Value>,
    /// By field code.
    pub(super) custom: BTreeMap<String, Value>,
}

impl Contents {
    pub(super) fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn id_of(&self, name: &str) -> Option<u64> {
        self.values.get(name).and_then(Value::as_u64)
    }
}

/// A checked change: only what it names is touched.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) contents: Contents,
    /// When the record was made, if the caller says so.
    pub(super) add_us: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) id: u64,
    pub(super) now: Contents,
    pub(super) add_us: i64,
    pub(super) update_us: i64,
    pub(super) deleted_us: Option<i64>,
    pub(super) merged_into: Option<u64>,
    pub(super) hidden: bool,
    pub(super) readable_from_us: i64,
    /// What the search index knows until it catches up; nothing of a new record.
    indexed: Option<Contents>,
    /// When the index catches up, by our clock.
    index_due_us: i64,
}

impl Item {
    /// What a search finds at a time.
    pub(super) fn indexed(&self, now_us: i64) -> Option<&Contents> {
        if now_us >= self.index_due_us { Some(&self.now) } else { self.indexed.as_ref() }
    }
}

pub(super) struct Company {
    pub(super) settings: PipedriveSettings,
    pub(super) rng: Rng,
    pub(super) items: BTreeMap<(Kind, u64), Item>,
    last_ids: BTreeMap<Kind, u64>,
    pub(super) fields: Fields,
    pub(super) grants: Grants,
    pub(super) windows: Windows,
    pub(super) hooks: Hooks,
    pub(super) channels: Channels,
    pub(super) automation: Option<Automation>,
}

impl Company {
    pub(super) fn new(settings: PipedriveSettings) -> Self {
        Self {
            rng: Rng::new(settings.seed),
            settings,
            items: BTreeMap::new(),
            last_ids: BTreeMap::new(),
            fields: Fields::standard(),
            grants: Grants::default(),
            windows: Windows::default(),
            hooks: Hooks::default(),
            channels: Channels::default(),
            automation: None,
        }
    }

    /// Our own clock.
    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    /// Pipedrive's clock, in the steps of its stamps.
    pub(super) fn stamp_us(&self) -> i64 {
        let (now_us, step) = (self.now_us() + self.settings.clock_offset_us, self.settings.granularity_us.max(1));
        now_us.div_euclid(step) * step
    }

    /// Whether an app may read a record by its id: also a deleted one, where Pipedrive shows those.
    pub(super) fn is_seen(&self, item: &Item) -> bool {
        let is_there = match item.deleted_us {
            None => true,
            Some(at) => self.settings.reads_deleted && self.now_us() < at + PURGE_US,
        };
        is_there && !item.hidden && self.now_us() >= item.readable_from_us
    }

    pub(super) fn seen(&self, kind: Kind, id: u64) -> Option<&Item> {
        self.items.get(&(kind, id)).filter(|item| self.is_seen(item))
    }

    /// A record that was not deleted and may be seen.
    pub(super) fn live(&self, kind: Kind, id: u64) -> Option<&Item> {
        self.seen(kind, id).filter(|item| item.deleted_us.is_none())
    }

    /// Every such record of an object, by id.
    pub(super) fn all_live(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        let all = self.items.range((kind, 0)..=(kind, u64::MAX)).map(|(_, item)| item);
        all.filter(|item| item.deleted_us.is_none() && self.is_seen(item))
    }

    pub(super) fn live_or_refuse(&self, kind: Kind, id: u64) -> Result<&Item, Refusal> {
        self.live(kind, id).ok_or_else(|| Refusal::not_found(kind))
    }

    /// Reads a request's members; a record that is new needs what it is known by.
    pub(super) fn check(&self, kind: Kind, body: &Map<String, Value>, is_new: bool) -> Result<Draft, Refusal> {
        let mut draft = Draft::default();
        for (name, value) in body {
            let shape = match (name.as_str(), kind.member(name)) {
                ("custom_fields", _) if kind.takes_custom_fields() => {
                    draft.contents.custom = self.check_customs(kind, value)?;
                    continue;
                }
                ("add_time", _) if is_new => {
                    draft.add_us = Some(moment(name, value.as_str().unwrap_or_default())?);
                    continue;
                }
                ("marketing_status", _) if kind == Kind::Person => Shape::Word(MARKETING),
                (_, Some(member)) if member.writes && !self.fields.is_dropped(kind, name) => member.shape,
                _ => return Err(Refusal::invalid(format!("{name} is not allowed"))),
            };
            draft.contents.values.insert(name.clone(), self.check_member(kind, name, shape, value)?);
        }
        let needed = (kind != Kind::Activity).then(|| kind.title());
        match needed.filter(|it| is_new && !draft.contents.values.contains_key(*it)) {
            Some(name) => Err(Refusal::invalid(format!("{name} is required"))),
            None => Ok(draft),
        }
    }

    fn check_customs(&self, kind: Kind, value: &Value) -> Result<BTreeMap<String, Value>, Refusal> {
        let given = value.as_object().ok_or_else(|| Refusal::invalid("custom_fields must be an object"))?;
        let checked = given.iter().map(|(code, value)| {
            let field = self.fields.named(kind, code).filter(|field| field.is_custom);
            let field = field.ok_or_else(|| Refusal::invalid(format!("custom_fields.{code} is not allowed")))?;
            Ok((code.clone(), self.check_custom(field, value)?))
        });
        checked.collect()
    }

    /// Makes a record and announces it.
    pub(super) fn create(&mut self, kind: Kind, draft: Draft, source: Source) -> Result<u64, Refusal> {
        let id = self.insert(kind, draft)?;
        self.announce(kind, id, None, source);
        self.automate(kind, id, source);
        Ok(id)
    }

    /// Makes a record that the index knows at once and nobody is told of.
    pub(super) fn seed(&mut self, kind: Kind, draft: Draft) -> Result<u64, Refusal> {
        let id = self.insert(kind, draft)?;
        if let Some(item) = self.items.get_mut(&(kind, id)) {
            item.index_due_us = i64::MIN;
        }
        Ok(id)
    }

    fn insert(&mut self, kind: Kind, draft: Draft) -> Result<u64, Refusal> {
        if self.items.len() >= RECORDS_MAX {
            return Err(Refusal::capped("record", "records"));
        }
        let now_us = self.stamp_us();
        let last = self.last_ids.entry(kind).or_default();
        *last += 1;
        let id = *last;
        let mut now = Contents { values: defaults(kind, now_us), custom: draft.contents.custom };
        now.values.extend(draft.contents.values);
        derive(kind, &Contents::default(), &mut now, now_us);
        let item = Item {
            kind,
            id,
            now,
            add_us: draft.add_us.unwrap_or(now_us),
            update_us: now_us,
            deleted_us: None,
            merged_into: None,
            hidden: false,
            readable_from_us: i64::MIN,
            indexed: None,
            index_due_us: self.index_due_us(),
        };
        self.items.insert((kind, id), item);
        Ok(id)
    }

    fn index_due_us(&self) -> i64 {
        if self.settings.quirks { self.now_us() + self.settings.index_lag_us } else { i64::MIN }
    }

    /// Changes a record and announces what moved. What stays the same moves no stamp and is not announced.
    pub(super) fn write(&mut self, kind: Kind, id: u64, draft: Draft, source: Source) {
        if let Some(before) = self.rewrite(kind, id, draft) {
            self.announce(kind, id, Some(&before), source);
            self.automate(kind, id, source);
        }
    }

    /// What the record held before, if anything moved.
    pub(super) fn rewrite(&mut self, kind: Kind, id: u64, draft: Draft) -> Option<Contents> {
        let (now_us, stamp_us, due_us) = (self.now_us(), self.stamp_us(), self.index_due_us());
        let item = self.items.get_mut(&(kind, id))?;
        let before = item.now.clone();
        item.now.values.extend(draft.contents.values);
        item.now.custom.extend(draft.contents.custom);
        derive(kind, &before, &mut item.now, stamp_us);
        if item.now == before {
            return None;
        }
        item.update_us = stamp_us;
        if now_us >= item.index_due_us {
            item.indexed = Some(before.clone());
            item.index_due_us = due_us;
        }
        Some(before)
    }

    fn automate(&mut self, kind: Kind, id: u64, source: Source) {
        let Some(automation) = self.automation.clone().filter(|_| source != Source::Automation) else { return };
        let Some(rewritten) = self.record(kind, id).and_then(|record| automation(&record)) else { return };
        let flat: Map<String, Value> = rewritten.into_iter().map(|(name, value)| (name, value.into())).collect();
        // An automation that writes nonsense does nothing, as at Pipedrive.
        if let Ok(draft) = self.draft_of_flat(kind, Some(id), &flat) {
            self.write(kind, id, draft, Source::Automation);
        }
    }

    /// Puts a record into the bin.
    pub(super) fn delete(&mut self, kind: Kind, id: u64, merged_into: Option<u64>, source: Source) {
        let (now_us, stamp_us) = (self.now_us(), self.stamp_us());
        if let Some(item) = self.items.get_mut(&(kind, id)) {
            item.deleted_us = Some(now_us);
            item.update_us = stamp_us;
            item.merged_into = merged_into;
            self.announce_deleted(kind, id, merged_into, source);
        }
    }

    /// Takes a record out of the bin, within thirty days.
    pub(super) fn restore(&mut self, kind: Kind, id: u64) -> Result<(), Refusal> {
        let (now_us, stamp_us) = (self.now_us(), self.stamp_us());
        let item = self
            .items
            .get_mut(&(kind, id))
            .filter(|it| it.merged_into.is_none() && it.deleted_us.is_some_and(|at| now_us < at + PURGE_US));
        let item = item.ok_or_else(|| Refusal::not_found(kind))?;
        item.deleted_us = None;
        item.update_us = stamp_us;
        self.announce_restored(kind, id);
        Ok(())
    }

    /// One record past the API.
    pub(super) fn record(&self, kind: Kind, id: u64) -> Option<Record> {
        let item = self.items.get(&(kind, id))?;
        Some(Record {
            object: kind.plural().to_owned(),
            id: id.to_string(),
            properties: super::flat::properties(item),
            created_us: item.add_us,
            updated_us: item.update_us,
            archived: item.deleted_us.is_some(),
            merged_into: item.merged_into.map(|id| id.to_string()),
        })
    }
}

/// What a record holds that nobody said anything about.
fn defaults(kind: Kind, now_us: i64) -> Map<String, Value> {
    let owner = USERS[0].id;
    let members = match kind {
        Kind::Person | Kind::Organization => json!({"owner_id": owner, "visible_to": 3}),
        Kind::Deal => json!({
            "owner_id": owner, "creator_user_id": owner, "visible_to": 3, "value": 0, "currency": "EUR",
            "status": "open", "pipeline_id": stages::PIPELINE, "stage_id": 1, "is_archived": false,
            "origin": "API", "stage_change_time": stamp(now_us),
        }),
        Kind::Activity => json!({
            "subject": "Call", "type": "call", "owner_id": owner, "creator_user_id": owner,
            "done": false, "busy": false,
        }),
        Kind::Note => json!({
            "user_id": owner, "pinned_to_person_flag": false, "pinned_to_organization_flag": false,
            "pinned_to_deal_flag": false,
        }),
    };
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// What follows from a change: names of a person, times of a deal.
fn derive(kind: Kind, before: &Contents, now: &mut Contents, now_us: i64) {
    let moved = |now: &Contents, name: &str| before.values.get(name) != now.values.get(name);
    let mut put = Vec::new();
    let time = |on: bool| if on { stamp(now_us).into() } else { Value::Null };
    if kind == Kind::Person && moved(now, "name") {
        let (first, last) = now.text("name").trim().split_once(' ').unwrap_or((now.text("name").trim(), ""));
        put.push(("first_name", first.into()));
        put.push(("last_name", Some(last.trim()).filter(|it| !it.is_empty()).into()));
    }
    if kind == Kind::Deal && moved(now, "stage_id") {
        put.push(("stage_change_time", time(true)));
    }
    if kind == Kind::Deal && moved(now, "status") {
        let status = now.text("status");
        put.push(("won_time", time(status == "won")));
        put.push(("lost_time", time(status == "lost")));
        put.push(("close_time", time(status != "open")));
    }
    if kind == Kind::Activity && moved(now, "done") {
        put.push(("marked_as_done_time", time(now.values.get("done") == Some(&Value::Bool(true)))));
    }
    now.values.extend(put.into_iter().map(|(name, value)| (name.to_owned(), value)));
}
