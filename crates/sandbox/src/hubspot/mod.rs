//! A HubSpot that anybody can point a HubSpot client at: contacts, properties, search, batches, merges,
//! OAuth and webhooks of the v3 API, with the limits and quirks an integration meets there.

mod account;
mod admin;
mod answer;
mod batch;
mod contact;
mod filter;
mod gate;
mod hooks;
mod limits;
mod merge;
mod oauth;
mod phones;
mod portal;
mod properties;
mod record;
mod records;
mod routes;
mod schema;
mod search;
mod settings;
mod standard;
mod subscriptions;
mod values;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use serde_json::{Map, Value};

pub use answer::Refusal;
pub use hooks::{HookDelivery, deliver_hooks};
pub use limits::Limits;
pub use oauth::Tokens;
pub use record::{Automation, Record, Seeded};
pub use records::Unset;
pub use settings::HubspotSettings;

use crate::calls::{Calls, Ended};
use crate::faults::Faults;
use crate::world::Wait;
use contact::{Contact, Source, Standing};
use portal::{Claimed, Portal};

struct Shared {
    portal: Mutex<Portal>,
    calls: Mutex<Calls>,
    faults: Faults,
    wait: Option<Wait>,
}

/// One HubSpot account with one app. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people
/// editing in HubSpot's pages, admins, and the vendor.
#[derive(Clone)]
pub struct Hubspot(Arc<Shared>);

impl fmt::Debug for Hubspot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hubspot").finish_non_exhaustive()
    }
}

impl Hubspot {
    /// An account without records.
    #[must_use]
    pub fn new(settings: HubspotSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Arc::new(Shared {
            portal: Mutex::new(Portal::new(settings)),
            calls: Mutex::default(),
            faults: Faults::default(),
            wait,
        }))
    }

    /// HubSpot's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The fault switch.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Calls since the start or the last reset.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets all counters to 0.
    pub fn reset_calls(&self) {
        *self.0.calls.lock().unwrap_or_else(PoisonError::into_inner) = Calls::default();
    }

    fn count(&self, route: &str, ended: &Ended) {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner).count(route, ended);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Portal) -> T) -> T {
        work(&mut self.0.portal.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A person makes a contact; an empty value is no value. Answers its id.
    ///
    /// # Errors
    /// What HubSpot's own page would refuse: unknown properties, wrong values, an e-mail address in use.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, Refusal> {
        self.create_map(&map_of(properties))
    }

    fn create_map(&self, properties: &Map<String, Value>) -> Result<String, Refusal> {
        self.with(|portal| {
            let changes = portal.check(properties).map_err(|invalid| Refusal::invalid(&invalid))?;
            portal.claim(None, &changes, &mut Claimed::new())?;
            Ok(portal.create(changes, Source::CrmUi).to_string())
        })
    }

    /// A person edits a contact; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such record.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), Refusal> {
        self.edit_map(id, &map_of(properties))
    }

    fn edit_map(&self, id: &str, properties: &Map<String, Value>) -> Result<(), Refusal> {
        self.with(|portal| {
            let id = standing(portal, id, Standing::Live)?;
            let changes = portal.check(properties).map_err(|invalid| Refusal::invalid(&invalid))?;
            portal.claim(Some(id), &changes, &mut Claimed::new())?;
            portal.write(id, changes, Source::CrmUi);
            Ok(())
        })
    }

    /// A person puts a contact in the recycle bin.
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

    /// A person takes a contact out of the recycle bin.
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

    /// A contact is deleted for good on a privacy request.
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

    /// A person merges two contacts. Answers the id of the record they became.
    ///
    /// # Errors
    /// If either is not there, or both are the same.
    pub fn merge(&self, primary: &str, other: &str) -> Result<String, Refusal> {
        self.with(|portal| {
            let (a, b) = (standing(portal, primary, Standing::Live)?, standing(portal, other, Standing::Live)?);
            if a == b {
                return Err(Refusal::validation("A record cannot be merged with itself"));
            }
            Ok(portal.merge(a, b).to_string())
        })
    }

    /// Takes a contact out of the app's sight, as a permission does.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn hide(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| with_contact(portal, id, |contact| contact.hidden = true))
    }

    /// Shows a hidden contact again.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn unhide(&self, id: &str) -> Result<(), Refusal> {
        self.with(|portal| with_contact(portal, id, |contact| contact.hidden = false))
    }

    /// Makes a contact unreadable for the next `us` microseconds, though it was announced.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn readable_after(&self, id: &str, us: i64) -> Result<(), Refusal> {
        self.with(|portal| {
            let from_us = portal.now_us() + us;
            with_contact(portal, id, |contact| contact.readable_from_us = from_us)
        })
    }

    /// An admin deletes a property; its values stay behind it.
    ///
    /// # Errors
    /// If there is no such property.
    pub fn drop_property(&self, name: &str) -> Result<(), Refusal> {
        self.with(|portal| portal.set_property_archived(name, true))
    }

    /// An admin brings a property back, with its values.
    ///
    /// # Errors
    /// If there never was such a property.
    pub fn recreate_property(&self, name: &str) -> Result<(), Refusal> {
        self.with(|portal| portal.set_property_archived(name, false))
    }

    /// Fills the account with records that were there before: searchable at once, announced to nobody.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.with(|portal| {
            let mut seeded = Seeded::default();
            for (row, properties) in (1..).zip(rows) {
                let changes = portal.check(&properties).map_err(|invalid| Refusal::invalid(&invalid));
                let free = changes.and_then(|changes| {
                    portal.claim(None, &changes, &mut Claimed::new())?;
                    Ok(changes)
                });
                match free {
                    Ok(changes) => {
                        portal.seed(changes);
                        seeded.created += 1;
                    }
                    Err(refusal) => seeded.refused.push((row, refusal.to_string())),
                }
            }
            seeded
        })
    }

    /// As [`seed`](Self::seed), from CSV whose headers are property names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        admin::rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every record that was not erased, by id: archived and merged ones too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.with(|portal| portal.contacts.keys().filter_map(|id| portal.record(*id)).collect())
    }

    /// One record as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|portal| portal.record(id.parse().ok()?))
    }

    /// How many contacts live, and those changed last.
    fn newest(&self, count: usize) -> (usize, Vec<Record>) {
        self.with(|portal| {
            let mut live: Vec<(i64, u64)> = portal
                .contacts
                .values()
                .filter(|contact| contact.standing() == Standing::Live)
                .map(|contact| (contact.now().updated_us(), contact.id))
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
        self.with(Portal::grant)
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

    /// Sets, or with none removes, the account's workflow.
    pub fn set_automation(&self, automation: Option<Automation>) {
        self.with(|portal| portal.automation = automation);
    }
}

fn map_of(properties: &[(&str, &str)]) -> Map<String, Value> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

/// The record an id leads to, if it stands as wanted; hidden ones too.
fn standing(portal: &Portal, id: &str, wanted: Standing) -> Result<u64, Refusal> {
    let found = id.parse().ok().and_then(|id| portal.follow(id)).filter(|contact| contact.standing() == wanted);
    found.map(|contact| contact.id).ok_or_else(|| records::no_such_contact(id))
}

fn with_contact(portal: &mut Portal, id: &str, change: impl FnOnce(&mut Contact)) -> Result<(), Refusal> {
    let found = id.parse().ok().and_then(|id| portal.follow(id)).map(|contact| contact.id);
    let contact = found.and_then(|id| portal.contacts.get_mut(&id)).ok_or_else(|| records::no_such_contact(id))?;
    change(contact);
    Ok(())
}
