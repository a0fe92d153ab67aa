//! A HubSpot that anybody can point a HubSpot client at: contacts, properties, search, batches, merges,
//! OAuth and webhooks of the v3 API, with the limits and quirks an integration meets there.

mod account;
mod admin;
mod answer;
mod associations;
mod batch;
mod checks;
mod filter;
mod gate;
mod hooks;
mod item;
mod limits;
mod links;
mod merge;
mod oauth;
mod objects;
mod phones;
mod pipelines;
mod portal;
mod properties;
mod records;
mod routes;
mod schema;
mod schemas;
mod scopes;
mod search;
mod settings;
mod standard;
mod subscriptions;
mod values;
mod workflows;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use answer::Refusal;
pub use hooks::{HookDelivery, deliver_hooks};
pub use limits::Limits;
pub use oauth::Tokens;
pub use records::Unset;
pub use settings::HubspotSettings;
pub use workflows::{Deed, Workflow, WorkflowRuns};

pub use crate::record::{Automation, Record, Seeded};

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
use item::{Item, Source, Standing};
use objects::{CONTACTS, ObjectNo};
use portal::{Claimed, Portal};

/// The words of its contacts.
pub const WORDS: Words =
    Words { first: "firstname", last: "lastname", email: "email", phone: "phone", token: "pat-eu1-test", admin: None };

/// One HubSpot account with one app. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people
/// editing in HubSpot's pages, admins, and the vendor.
#[derive(Clone, Debug)]
pub struct Hubspot(Arc<Shared<Portal>>);

impl Hubspot {
    /// An account without records.
    #[must_use]
    pub fn new(settings: HubspotSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Portal::new(settings), wait))
    }

    /// HubSpot's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The fault switch.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.front.faults
    }

    /// Calls since the start or the last reset.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0.front.calls()
    }

    /// Sets all counters to 0.
    pub fn reset_calls(&self) {
        self.0.front.reset_calls();
    }

    fn with<T>(&self, work: impl FnOnce(&mut Portal) -> T) -> T {
        self.0.with(work)
    }

    /// A person makes a contact; an empty value is no value. Answers its id.
    ///
    /// # Errors
    /// What HubSpot's own page would refuse: unknown properties, wrong values, an e-mail address in use.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, Refusal> {
        self.create_of("contacts", properties)
    }

    /// A person makes a record of an object, named as in paths.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such object or the record lacks what it needs.
    pub fn create_of(&self, object: &str, properties: &[(&str, &str)]) -> Result<String, Refusal> {
        self.create_map(object, &map_of(properties))
    }

    fn create_map(&self, object: &str, properties: &Map<String, Value>) -> Result<String, Refusal> {
        self.with(|portal| {
            let of = portal.objects.named(object)?;
            let changes = portal.check_new(of, properties)?;
            portal.claim(of, None, &changes, &mut Claimed::new())?;
            Ok(portal.create(of, changes, Source::CrmUi).to_string())
        })
    }

    /// A person edits a record; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such record.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), Refusal> {
        self.edit_map(id, &map_of(properties))
    }

    fn edit_map(&self, id: &str, properties: &Map<String, Value>) -> Result<(), Refusal> {
        self.with(|portal| {
            let id = standing(portal, id, Standing::Live)?;
            let of = portal.items.get(&id).map_or(CONTACTS, |item| item.of);
            let changes = portal.check(of, Some(id), properties).map_err(|invalid| Refusal::invalid(&invalid))?;
            portal.claim(of, Some(id), &changes, &mut Claimed::new())?;
            portal.write(id, changes, Source::CrmUi);
            Ok(())
        })
    }

    /// A person puts a record in the recycle bin.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn archive(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| {
            let id = standing(portal, id, Standing::Live)?;
            portal.archive(id, Source::CrmUi);
            Ok(())
        })
    }

    /// A person takes a record out of the recycle bin.
    ///
    /// # Errors
    /// If it does not lie there.
    pub fn restore(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| {
            let id = standing(portal, id, Standing::Archived)?;
            portal.restore(id);
            Ok(())
        })
    }

    /// A record is deleted for good on a privacy request.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn gdpr_delete(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| {
            let id = standing(portal, id, Standing::Live).or_else(|_| standing(portal, id, Standing::Archived))?;
            portal.erase(id);
            Ok(())
        })
    }

    /// A person merges two records of one object. Answers the id of the record they became.
    ///
    /// # Errors
    /// If either is not there, or both are the same.
    pub fn merge(&self, primary: &str, other: &str) -> Result<String, Refusal> {
        self.with(|portal| {
            let (a, b) = (standing(portal, primary, Standing::Live)?, standing(portal, other, Standing::Live)?);
            let of = |id| portal.items.get(&id).map(|item: &Item| item.of);
            match (of(a), of(b)) {
                (Some(of), Some(other)) if of == other && a != b => Ok(portal.merge(of, a, b).to_string()),
                _ => Err(Refusal::validation("A record is merged with another of its object")),
            }
        })
    }

    /// Takes a record out of the app's sight, as a permission does.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn hide(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| with_item(portal, id, |item| item.hidden = true))
    }

    /// Shows a hidden record again.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn unhide(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| with_item(portal, id, |item| item.hidden = false))
    }

    /// Makes a record unreadable for the next `us` microseconds, though it was announced.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn readable_after(&self, id: &str, us: i64) -> Result<(), Refusal> {
        self.with(|portal| {
            let from_us = portal.now_us() + us;
            with_item(portal, id, |item| item.readable_from_us = from_us)
        })
    }

    /// An admin deletes a property of contacts; its values stay behind it.
    ///
    /// # Errors
    /// If there is no such property.
    pub fn drop_property(&self, name: &str) -> Result<(), Refusal> {
        self.drop_property_of("contacts", name)
    }

    /// An admin deletes a property of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object or property.
    pub fn drop_property_of(&self, object: &str, name: &str) -> Result<(), Refusal> {
        self.with(|portal| portal.set_property_archived(portal.objects.named(object)?, name, true))
    }

    /// An admin brings a property of contacts back, with its values.
    ///
    /// # Errors
    /// If there never was such a property.
    pub fn recreate_property(&self, name: &str) -> Result<(), Refusal> {
        self.with(|portal| portal.set_property_archived(CONTACTS, name, false))
    }

    /// Fills the account with contacts that were there before: searchable at once, announced to nobody.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.with(|portal| portal.seed_all(CONTACTS, rows))
    }

    /// As [`seed`](Self::seed), with records of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refusal> {
        self.with(|portal| Ok(portal.seed_all(portal.objects.named(object)?, rows)))
    }

    /// As [`seed`](Self::seed), from CSV whose headers are property names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact that was not erased, by id: archived and merged ones too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.with(|portal| portal.records_of(CONTACTS))
    }

    /// As [`records`](Self::records), of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn records_of(&self, object: &str) -> Result<Vec<Record>, Refusal> {
        self.with(|portal| Ok(portal.records_of(portal.objects.named(object)?)))
    }

    /// One record as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|portal| portal.record(id.parse().ok()?))
    }

    /// How many records of an object live, and those changed last.
    fn newest(&self, of: ObjectNo, count: usize) -> (usize, Vec<Record>) {
        self.with(|portal| {
            let mut live: Vec<(i64, u64)> = portal
                .items
                .values()
                .filter(|item| item.of == of && item.standing() == Standing::Live)
                .map(|item| (item.now().updated_us(), item.id))
                .collect();
            let total = live.len();
            live.sort_unstable_by(|a, b| b.cmp(a));
            (total, live.into_iter().take(count).filter_map(|(_, id)| portal.record(id)).collect())
        })
    }

    /// Sends the webhooks of every contact event, and of changes of `properties`, to `url`.
    pub fn subscribe(&self, url: &str, properties: &[&str]) {
        self.with(|portal| portal.subscribe(url, properties));
    }

    /// Takes the webhook deliveries that are due, signed now. They are forgotten here: a test delivers them,
    /// or loses, doubles or reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<HookDelivery> {
        self.with(Portal::take_hooks)
    }

    /// Gives a delivery back that the app did not answer with 2xx; it is due again later, ten times in all.
    pub fn return_hook(&self, delivery: HookDelivery) {
        self.with(|portal| portal.return_hook(delivery));
    }

    /// The next attempt of a delivery, whatever became of this one: late or doubled, as HubSpot's come at times.
    #[must_use]
    pub fn repeat_hook(&self, delivery: &HookDelivery) -> HookDelivery {
        self.with(|portal| portal.repeat_hook(delivery))
    }

    /// An admin allows the app without a browser. Answers what the token call would.
    #[must_use]
    pub fn grant(&self) -> Tokens {
        self.with(|portal| portal.grant(scopes::all()))
    }

    /// As [`grant`](Self::grant), of some scopes alone.
    #[must_use]
    pub fn grant_scopes(&self, scopes: &[&str]) -> Tokens {
        self.with(|portal| portal.grant(scopes.iter().map(|scope| (*scope).to_owned()).collect()))
    }

    /// The account takes every grant back; static tokens stop working too.
    pub fn revoke(&self) {
        self.with(|portal| portal.grants.revoke());
    }

    /// Static tokens work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|portal| portal.grants.reinstate());
    }

    /// Every access token expires now; refresh tokens live on.
    pub fn expire_tokens(&self) {
        self.with(|portal| {
            let now_us = portal.now_us();
            portal.grants.expire(now_us);
        });
    }

    /// Whoever consents from now on belongs to another account.
    pub fn set_portal_id(&self, portal_id: u32) {
        self.with(|portal| portal.settings.portal_id = portal_id);
    }

    /// Sets how far HubSpot's own clock is ahead of ours; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|portal| portal.settings.clock_offset_us = us);
    }

    /// An admin makes a workflow. Answers its id.
    ///
    /// # Errors
    /// If there is no such object or property.
    pub fn add_workflow(&self, workflow: Workflow) -> Result<u64, Refusal> {
        self.with(|portal| portal.add_workflow(workflow))
    }

    /// The account's workflows and how often each ran.
    #[must_use]
    pub fn workflows(&self) -> Vec<WorkflowRuns> {
        self.with(|portal| portal.workflows.all())
    }

    /// Refuses the next default links, each inside an answer that looks well.
    pub fn refuse_links(&self, times: u32) {
        self.with(|portal| portal.refused_links = times);
    }

    /// Sets, or with none removes, what rewrites every record just after a write.
    pub fn set_automation(&self, automation: Option<Automation>) {
        self.with(|portal| portal.automation = automation);
    }
}

fn map_of(properties: &[(&str, &str)]) -> Map<String, Value> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// The record an id leads to, if it stands as wanted; hidden ones too.
fn standing(portal: &Portal, id: &str, wanted: Standing) -> Result<u64, Refusal> {
    let found = id.parse().ok().and_then(|id| portal.follow(id)).filter(|item| item.standing() == wanted);
    found.map(|item| item.id).ok_or_else(|| records::no_such_record(id))
}

fn with_item(portal: &mut Portal, id: &str, change: impl FnOnce(&mut Item)) -> Result<(), Refusal> {
    let found = id.parse().ok().and_then(|id| portal.follow(id)).map(|item| item.id);
    let item = found.and_then(|id| portal.items.get_mut(&id)).ok_or_else(|| records::no_such_record(id))?;
    change(item);
    Ok(())
}
