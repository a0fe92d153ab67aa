//! An Odoo that anybody can point an Odoo client at: contacts, leads, tags, notes and activities over JSON-2 and
//! JSON-RPC, custom fields, automation rules with webhooks both ways, and the quirks an integration meets there.

mod admin;
mod automations;
mod custom;
mod database;
mod domain;
mod flat;
mod json2;
mod keys;
mod messages;
mod methods;
mod models;
mod partners;
mod refusal;
mod routes;
mod rpc;
mod schema;
mod search;
mod settings;
mod standard;
mod tables;
mod throttle;
mod times;
mod values;
mod wire;
mod write;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use automations::{Hook, Workflow, WorkflowRuns, deliver_hooks};
pub use keys::Tokens;
pub use refusal::Refusal;
pub use settings::{Limits, OdooSettings};

pub use crate::record::{Record, Seeded};

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
use database::{Caller, Database, LAST_OWN_PARTNER};

const CONTACTS: &str = "res.partner";

/// The words of its contacts.
pub const WORDS: Words =
    Words { first: "name", last: "name", email: "email", phone: "phone", token: "sandbox:key", admin: None };

/// One Odoo database. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people editing in Odoo's
/// pages, admins, and the vendor. Where a property is named, it is the field's technical name; its value is text: a
/// link is an id, links are ids or names between commas, an empty text is no value.
#[derive(Clone, Debug)]
pub struct Odoo(Arc<Shared<Database>>);

impl Odoo {
    /// A database with nothing but its own company and user.
    #[must_use]
    pub fn new(settings: OdooSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Database::new(settings), wait))
    }

    /// Odoo's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The fault switch. A fault of a status may name an exception as its policy, such as
    /// `psycopg2.errors.SerializationFailure`; without one a page of HTML is answered. One call is one transaction, so a
    /// batch that is cut off leaves nothing behind.
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

    fn with<T>(&self, work: impl FnOnce(&mut Database) -> T) -> T {
        self.0.with(work)
    }

    /// A person makes a contact. Answers its id.
    ///
    /// # Errors
    /// What Odoo's own page would refuse: unknown fields, wrong values, no name.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, Refusal> {
        self.create_of(CONTACTS, properties)
    }

    /// A person makes a record of a model.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such model.
    pub fn create_of(&self, model: &str, properties: &[(&str, &str)]) -> Result<String, Refusal> {
        let properties: Vec<(&str, &str)> = properties.iter().copied().filter(|(_, value)| !value.is_empty()).collect();
        self.with(|database| {
            database.transact(|database| {
                let model = database.model(model)?;
                let vals = database.flat(&model, properties.into_iter())?;
                Ok(database.create(&Caller::person(), &model, &vals)?.to_string())
            })
        })
    }

    /// A person edits a contact; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such contact.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), Refusal> {
        self.edit_of(CONTACTS, id, properties)
    }

    /// A person edits a record of a model; an empty value clears.
    ///
    /// # Errors
    /// As [`edit`](Self::edit), and if there is no such model.
    pub fn edit_of(&self, model: &str, id: &str, properties: &[(&str, &str)]) -> Result<(), Refusal> {
        self.with(|database| {
            database.transact(|database| {
                let model = database.model(model)?;
                let vals = database.flat(&model, properties.iter().copied())?;
                database.write(&Caller::person(), &model, &[number(model.name, id)?], &vals)
            })
        })
    }

    /// A person archives a contact: it hides from every search that does not ask for it.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn archive(&self, id: &str) -> Result<(), Refusal> {
        self.edit(id, &[("active", "false")])
    }

    /// A person takes a contact out of the archive.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn restore(&self, id: &str) -> Result<(), Refusal> {
        self.edit(id, &[("active", "true")])
    }

    /// A person deletes a contact, for good and without a trace.
    ///
    /// # Errors
    /// If there is no such contact, or a user needs it.
    pub fn delete(&self, id: &str) -> Result<(), Refusal> {
        self.with(|database| {
            database.transact(|database| {
                let (model, id) = (database.model(CONTACTS)?, number(CONTACTS, id)?);
                database.row(&Caller::person(), &model, id)?;
                database.unlink(&Caller::person(), &model, &[id])
            })
        })
    }

    /// A person merges one contact into another: the first takes what it lacks, the other is deleted. Answers the id of
    /// the one that stays.
    ///
    /// # Errors
    /// If either is not there, or both are the same.
    pub fn merge(&self, primary: &str, other: &str) -> Result<String, Refusal> {
        self.with(|database| {
            let (kept, gone) = (number(CONTACTS, primary)?, number(CONTACTS, other)?);
            database.transact(|database| database.merge(kept, gone))?;
            Ok(kept.to_string())
        })
    }

    /// A record rule keeps a contact from the API user.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn hide(&self, id: &str) -> Result<(), Refusal> {
        self.set_hidden(id, true)
    }

    /// Shows a hidden contact again.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn unhide(&self, id: &str) -> Result<(), Refusal> {
        self.set_hidden(id, false)
    }

    fn set_hidden(&self, id: &str, hidden: bool) -> Result<(), Refusal> {
        self.with(|database| {
            let (model, id) = (database.model(CONTACTS)?, number(CONTACTS, id)?);
            let mut row = database.row(&Caller::person(), &model, id)?.clone();
            row.hidden = hidden;
            database.tables.put(model.name, id, row);
            database.tables.commit();
            Ok(())
        })
    }

    /// A customer writes, and what they say stands in their contact's chatter. Answers the message's id.
    ///
    /// # Errors
    /// If there is no such contact.
    pub fn say(&self, id: &str, body: &str) -> Result<String, Refusal> {
        self.with(|database| {
            let id = number(CONTACTS, id)?;
            database.transact(|database| database.customer_writes(id, body)).map(|id| id.to_string())
        })
    }

    /// An admin deletes a custom field of contacts, with everything it held.
    ///
    /// # Errors
    /// If there is no such field, or it belongs to a module.
    pub fn drop_property(&self, name: &str) -> Result<(), Refusal> {
        self.with(|database| {
            database.transact(|database| {
                let rows = database.tables.of("ir.model.fields");
                let row = rows.into_iter().find(|(_, it)| it.text("model") == CONTACTS && it.text("name") == name);
                let unknown = || Refusal::value(format!("Invalid field '{name}' on model '{CONTACTS}'"));
                let id = row.map(|(id, _)| id).ok_or_else(unknown)?;
                let fields = database.model("ir.model.fields")?;
                database.unlink(&Caller::person(), &fields, &[id])
            })
        })
    }

    /// Fills the database with contacts that were there before: told to nobody.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.seed_of(CONTACTS, rows).unwrap_or_default()
    }

    /// As [`seed`](Self::seed), with records of a model.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn seed_of(&self, model: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refusal> {
        self.with(|database| database.seed(model, rows))
    }

    /// As [`seed`](Self::seed), from CSV whose headers are field names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact that people or apps made, by id: archived ones and those that were merged away too, deleted ones
    /// not. The account's own company and users are left out.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let all = self.records_of(CONTACTS).unwrap_or_default();
        all.into_iter().filter(|it| it.id.parse::<u64>().is_ok_and(|id| id > LAST_OWN_PARTNER)).collect()
    }

    /// Every record of a model, by id.
    ///
    /// # Errors
    /// If there is no such model.
    pub fn records_of(&self, model: &str) -> Result<Vec<Record>, Refusal> {
        self.with(|database| database.records(model))
    }

    /// One contact as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|database| database.record(CONTACTS, id.parse().ok()?))
    }

    /// Has every new, changed and deleted contact told to `url`, by automation rules that an admin made. From version
    /// 17; nothing comes before.
    pub fn subscribe(&self, url: &str) {
        // Versions without rules have nothing that could refuse.
        let _refused = self.with(|database| database.transact(|database| database.subscribe(url)));
    }

    /// Takes the webhooks that wait. They are forgotten here: a test delivers them, or loses, doubles or reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<Hook> {
        self.with(|database| database.automations.take())
    }

    /// Gives a webhook back that the app did not answer with 2xx in time. It is lost: Odoo sends each once.
    pub fn return_hook(&self, hook: Hook) {
        drop(hook);
    }

    /// A person makes an API key. Answers what an app is given.
    #[must_use]
    pub fn grant(&self) -> Tokens {
        self.with(Database::grant)
    }

    /// The user is barred: no key and no session works until a new key is made.
    pub fn revoke(&self) {
        self.with(|database| database.keys.revoked = true);
    }

    /// Keys work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|database| database.keys.revoked = false);
    }

    /// Every key that was issued expires now.
    pub fn expire_tokens(&self) {
        self.with(Database::expire_keys);
    }

    /// Sets how far Odoo's own clock is ahead of ours; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|database| database.settings.clock_offset_us = us);
    }

    /// An admin makes an automation that the API and a webhook can start.
    ///
    /// # Errors
    /// If there is no such model or field.
    pub fn add_workflow(&self, workflow: &Workflow) -> Result<WorkflowRuns, Refusal> {
        self.with(|database| database.transact(|database| database.add_workflow(workflow)))
    }

    /// The account's automations and the records they ran on.
    #[must_use]
    pub fn workflows(&self) -> Vec<WorkflowRuns> {
        self.with(|database| database.workflows())
    }
}

fn number(model: &str, id: &str) -> Result<u64, Refusal> {
    id.parse().map_err(|_| Refusal::missing(model, 0, database::USER))
}
