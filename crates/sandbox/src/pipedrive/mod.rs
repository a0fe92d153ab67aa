//! A Pipedrive that anybody can point a Pipedrive client at: v1 and v2 side by side, custom fields, search, notes,
//! merges, OAuth, personal tokens and webhooks, with the limits and quirks an integration meets there.

mod admin;
mod answer;
mod channels;
mod company;
mod fields;
mod flat;
mod gate;
mod hooks;
mod kinds;
mod limits;
mod lists;
mod notes;
mod oauth;
mod records;
mod routes;
mod search;
mod settings;
mod stages;
mod statics;
mod users;
mod v1;
mod values;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use hooks::{HookDelivery, deliver_hooks};
pub use limits::{Limits, Plan};
pub use oauth::Tokens;
pub use settings::{PipedriveSettings, Survivor};

pub use crate::record::{Automation, Record, Seeded};

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
use answer::Refusal;
use company::{Company, Item, Source};
use hooks::Subscription;
use kinds::Kind;

/// The words of its contacts.
pub const WORDS: Words =
    Words { first: "name", last: "name", email: "email", phone: "phone", token: "personal-token", admin: None };

/// One Pipedrive company with one app. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people editing in
/// Pipedrive's pages, admins, and the vendor.
#[derive(Clone, Debug)]
pub struct Pipedrive(Arc<Shared<Company>>);

impl Pipedrive {
    /// A company without records.
    #[must_use]
    pub fn new(settings: PipedriveSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Company::new(settings), wait))
    }

    /// Pipedrive's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The fault switch. Besides the usual, status 403 with the policy `cloudflare` is Cloudflare's page, and with
    /// `feature_capping` a limit of the plan.
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

    fn with<T>(&self, work: impl FnOnce(&mut Company) -> T) -> T {
        self.0.with(work)
    }

    /// A person makes a contact; an empty value is no value. Names are those of v2, `email` and `phone` the primary
    /// ones; a custom field goes by its code or its name. Answers its id.
    ///
    /// # Errors
    /// What Pipedrive's own page would refuse: no name, unknown fields, wrong values.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_of("persons", properties)
    }

    /// A person makes a record of an object, named as in paths.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such object.
    pub fn create_of(&self, object: &str, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_map(object, &map_of(properties))
    }

    fn create_map(&self, object: &str, properties: &Map<String, Value>) -> Result<String, String> {
        let kind = kind_of(object)?;
        self.act(|company| {
            let draft = company.draft_of_flat(kind, None, properties)?;
            company.create(kind, draft, Source::App).map(|id| id.to_string())
        })
    }

    fn act<T>(&self, work: impl FnOnce(&mut Company) -> Result<T, Refusal>) -> Result<T, String> {
        self.with(work).map_err(|refusal| refusal.to_string())
    }

    /// A person edits a contact; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such contact.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.edit_of("persons", id, properties)
    }

    /// A person edits a record of an object, named as in paths.
    ///
    /// # Errors
    /// As [`edit`](Self::edit), and if there is no such object.
    pub fn edit_of(&self, object: &str, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.edit_map(object, id, &map_of(properties))
    }

    fn edit_map(&self, object: &str, id: &str, properties: &Map<String, Value>) -> Result<(), String> {
        let kind = kind_of(object)?;
        self.act(|company| {
            let id = standing(company, kind, id)?;
            let draft = company.draft_of_flat(kind, Some(id), properties)?;
            company.write(kind, id, draft, Source::App);
            Ok(())
        })
    }

    /// A person deletes a contact.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn archive(&self, id: &str) -> Result<(), String> {
        self.archive_of("persons", id)
    }

    /// A person deletes a record of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object or record.
    pub fn archive_of(&self, object: &str, id: &str) -> Result<(), String> {
        let kind = kind_of(object)?;
        self.act(|company| {
            let id = standing(company, kind, id)?;
            company.delete(kind, id, None, Source::App);
            Ok(())
        })
    }

    /// A person takes a contact out of the bin, within thirty days.
    ///
    /// # Errors
    /// If it does not lie there.
    pub fn restore(&self, id: &str) -> Result<(), String> {
        self.act(|company| company.restore(Kind::Person, number(Kind::Person, id)?))
    }

    /// A person merges two contacts; the data of `primary` wins. Answers the id of the one that lives on.
    ///
    /// # Errors
    /// If either is not there, or both are the same.
    pub fn merge(&self, primary: &str, other: &str) -> Result<String, String> {
        self.act(|company| {
            let (primary, other) = (standing(company, Kind::Person, primary)?, standing(company, Kind::Person, other)?);
            company.merge(Kind::Person, other, primary, Source::App).map(|id| id.to_string())
        })
    }

    /// Takes a contact out of the app's sight, as a permission does.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn hide(&self, id: &str) -> Result<(), String> {
        self.act(|company| with_person(company, id, |item| item.hidden = true))
    }

    /// Shows a hidden contact again.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn unhide(&self, id: &str) -> Result<(), String> {
        self.act(|company| with_person(company, id, |item| item.hidden = false))
    }

    /// Makes a contact unreadable for the next `us` microseconds, though it was announced.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn readable_after(&self, id: &str, us: i64) -> Result<(), String> {
        self.act(|company| {
            let from_us = company.now_us() + us;
            with_person(company, id, |item| item.readable_from_us = from_us)
        })
    }

    /// An admin makes a field of contacts: its name, Pipedrive's type of it (such as `varchar`, `enum`, `set`) and
    /// the labels of its options. Answers its code.
    ///
    /// # Errors
    /// If there is no such type, or there are too many fields.
    pub fn add_property(&self, name: &str, field_type: &str, labels: &[String]) -> Result<String, String> {
        self.act(|company| Ok(company.add_field(Kind::Person, name, field_type, labels)?.code))
    }

    /// An admin deletes a field of contacts, by its code or (one of the company's own) its name; its values stay
    /// behind it.
    ///
    /// # Errors
    /// If there is no such field.
    pub fn drop_property(&self, name: &str) -> Result<(), String> {
        self.drop_property_of("persons", name)
    }

    /// As [`drop_property`](Self::drop_property), of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object or field.
    pub fn drop_property_of(&self, object: &str, name: &str) -> Result<(), String> {
        let kind = kind_of(object)?;
        self.act(|company| company.fields.set_dropped(kind, name, true))
    }

    /// An admin brings a field of contacts back, with its values.
    ///
    /// # Errors
    /// If there never was such a field.
    pub fn recreate_property(&self, name: &str) -> Result<(), String> {
        self.act(|company| company.fields.set_dropped(Kind::Person, name, false))
    }

    /// Fills the company with contacts that were there before: searchable at once, announced to nobody.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.seed_kind(Kind::Person, &rows)
    }

    /// As [`seed`](Self::seed), with records of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, String> {
        Ok(self.seed_kind(kind_of(object)?, &rows))
    }

    fn seed_kind(&self, kind: Kind, rows: &[Map<String, Value>]) -> Seeded {
        self.with(|company| {
            let mut seeded = Seeded::default();
            for (row, number) in rows.iter().zip(1..) {
                match company.draft_of_flat(kind, None, row).and_then(|draft| company.seed(kind, draft)) {
                    Ok(_) => seeded.created += 1,
                    Err(refusal) => seeded.refused.push((number, refusal.to_string())),
                }
            }
            seeded
        })
    }

    /// As [`seed`](Self::seed), from CSV whose headers are names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact, by id: deleted and merged ones too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records_kind(Kind::Person)
    }

    /// As [`records`](Self::records), of an object, named as in paths.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn records_of(&self, object: &str) -> Result<Vec<Record>, String> {
        Ok(self.records_kind(kind_of(object)?))
    }

    fn records_kind(&self, kind: Kind) -> Vec<Record> {
        self.with(|company| {
            let ids = company.items.range((kind, 0)..=(kind, u64::MAX)).map(|((_, id), _)| *id);
            ids.filter_map(|id| company.record(kind, id)).collect()
        })
    }

    /// One contact as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|company| company.record(Kind::Person, id.parse().ok()?))
    }

    /// Sends the webhooks of every event to `url`, without credentials.
    pub fn subscribe(&self, url: &str) {
        self.with(|company| {
            let webhook = Subscription::new(url, "*", "*", "Subscribed by hand", company.now_us());
            company.hooks.add(webhook);
        });
    }

    /// Takes the webhook deliveries that are due. They are forgotten here: a test delivers them, or loses, doubles or
    /// reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<HookDelivery> {
        self.with(Company::take_hooks)
    }

    /// Gives a delivery back that was not answered with 2xx in ten seconds: due again after 3, 30 and 150 seconds. Ten
    /// first attempts that fail in a row ban their webhook for half an hour, and what happens meanwhile is lost to it.
    pub fn return_hook(&self, delivery: HookDelivery) {
        self.with(|company| company.return_hook(delivery));
    }

    /// Tells that a delivery was taken: its webhook is in good standing again.
    pub fn accepted(&self, delivery: &HookDelivery) {
        self.with(|company| company.accepted(delivery));
    }

    /// Events that bans have swallowed.
    #[must_use]
    pub fn lost_events(&self) -> u64 {
        self.with(|company| company.hooks.lost)
    }

    /// Messages that apps brought into the messaging inbox, each as it came, by channel and id.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        self.with(|company| company.channels.messages())
    }

    /// An admin allows the app without a browser. Answers what the token call would.
    #[must_use]
    pub fn grant(&self) -> Tokens {
        self.with(Company::grant)
    }

    /// The company takes every grant back; personal tokens stop working too.
    pub fn revoke(&self) {
        self.with(|company| company.grants.revoke());
    }

    /// Personal tokens work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|company| company.grants.reinstate());
    }

    /// Every access token expires now; refresh tokens live on.
    pub fn expire_tokens(&self) {
        self.with(|company| {
            let now_us = company.now_us();
            company.grants.expire(now_us);
        });
    }

    /// Whoever consents from now on belongs to another company.
    pub fn set_company_id(&self, company_id: u32) {
        self.with(|company| company.settings.company_id = company_id);
    }

    /// Sets how far Pipedrive's own clock is ahead of ours; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|company| company.settings.clock_offset_us = us);
    }

    /// Sets, or with none removes, what rewrites every record just after a write.
    pub fn set_automation(&self, automation: Option<Automation>) {
        self.with(|company| company.automation = automation);
    }
}

fn map_of(properties: &[(&str, &str)]) -> Map<String, Value> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}

fn kind_of(object: &str) -> Result<Kind, String> {
    Kind::named(object).ok_or_else(|| format!("there is no object {object}"))
}

fn number(kind: Kind, id: &str) -> Result<u64, Refusal> {
    id.parse().map_err(|_| Refusal::not_found(kind))
}

/// A record that was not deleted; hidden ones too.
fn standing(company: &Company, kind: Kind, id: &str) -> Result<u64, Refusal> {
    let id = number(kind, id)?;
    let found = company.items.get(&(kind, id)).filter(|item| item.deleted_us.is_none());
    found.map(|item| item.id).ok_or_else(|| Refusal::not_found(kind))
}

fn with_person(company: &mut Company, id: &str, change: impl FnOnce(&mut Item)) -> Result<(), Refusal> {
    let id = number(Kind::Person, id)?;
    let item = company.items.get_mut(&(Kind::Person, id)).ok_or_else(|| Refusal::not_found(Kind::Person))?;
    change(item);
    Ok(())
}
