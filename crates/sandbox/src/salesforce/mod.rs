//! A Salesforce org that anybody can point a Salesforce client at: records, SOQL and SOSL, collections, composites,
//! bulk jobs and OAuth of the REST API, with the limits and quirks an integration meets there.

mod account;
mod admin;
mod answer;
mod bulk;
mod bulk_query;
mod check;
mod collections;
mod composite;
mod describe;
mod dispatch;
mod field;
mod find;
mod flows;
mod gate;
mod ids;
mod limits;
mod oauth;
mod org;
mod people;
mod query;
mod record;
mod records;
mod replication;
mod rows;
mod schema;
mod settings;
mod soql;
mod sosl;
mod standard;
mod times;
mod write;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use field::{Kind, Property};
pub use flows::{Flow, FlowRun};
pub use oauth::Tokens;
pub use record::{Converted, Record, Seeded};
pub use settings::SalesforceSettings;

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
use answer::Wrong;
use org::{By, Org};

/// The words of its contacts.
pub const WORDS: Words = Words {
    first: "FirstName",
    last: "LastName",
    email: "Email",
    phone: "Phone",
    token: "00D000000000001!session",
    admin: Some(r#"{"name":"Lockstep_Id__c","label":"Lockstep id","external_id":true,"unique":true}"#),
};

/// One Salesforce org with one app. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people editing in
/// Salesforce's pages, admins, and the vendor.
#[derive(Clone, Debug)]
pub struct Salesforce(Arc<Shared<Org>>);

impl Salesforce {
    /// An org without records but for its users.
    #[must_use]
    pub fn new(settings: SalesforceSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Org::new(settings), wait))
    }

    /// Salesforce's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        gate::router(self.clone())
    }

    /// The fault switch. Its `policy` names an error code such as `UNABLE_TO_LOCK_ROW`, or `html` for a page.
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

    fn with<T>(&self, work: impl FnOnce(&mut Org) -> T) -> T {
        self.0.with(work)
    }

    /// As [`with`](Self::with), for what Salesforce may refuse.
    fn tried<T>(&self, work: impl FnOnce(&mut Org) -> Result<T, Wrong>) -> Result<T, String> {
        self.with(work).map_err(|wrong| wrong.to_string())
    }

    /// A person makes a contact; an empty value is no value. Answers its id.
    ///
    /// # Errors
    /// What Salesforce's own page would refuse: unknown fields, wrong values, missing ones.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_of("Contact", properties)
    }

    /// A person makes a record of an object, such as `Account`.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such object.
    pub fn create_of(&self, object: &str, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_map(object, &map_of(properties))
    }

    fn create_map(&self, object: &str, properties: &Map<String, Value>) -> Result<String, String> {
        self.tried(|org| org.create(object, properties, By::Person, true))
    }

    /// A person edits a record; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such record.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.tried(|org| org.update(id, &map_of(properties), By::Person))
    }

    /// A person puts a record in the recycle bin, with those that cannot be without it.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn archive(&self, id: &str) -> Result<(), String> {
        self.tried(|org| org.delete(id, By::Person))
    }

    /// A person takes a record out of the recycle bin, where it lies for 15 days.
    ///
    /// # Errors
    /// If it does not lie there.
    pub fn restore(&self, id: &str) -> Result<(), String> {
        self.tried(|org| org.restore(id))
    }

    /// A person merges two accounts, contacts or leads; the second is deleted. Answers the id of the first.
    ///
    /// # Errors
    /// If either is not there, or both are the same.
    pub fn merge(&self, primary: &str, other: &str) -> Result<String, String> {
        self.tried(|org| org.merge(primary, other))
    }

    /// A person converts a lead.
    ///
    /// # Errors
    /// If there is no such lead, or it was converted.
    pub fn convert(&self, lead: &str) -> Result<Converted, String> {
        self.tried(|org| org.convert(lead))
    }

    /// Somebody else writes a record for the next `us` microseconds: our writes to it, or beneath it, are refused.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn lock(&self, id: &str, us: i64) -> Result<(), String> {
        self.tried(|org| {
            let (id, until_us) = (org.standing(id)?.id.clone(), org.now_us() + us);
            org.locks.insert(id, until_us);
            Ok(())
        })
    }

    /// Stamps a record as if it had changed `us` microseconds earlier: a long transaction is seen only when it ends,
    /// with the time of its writes.
    ///
    /// # Errors
    /// If there is no such record.
    pub fn committed_late(&self, id: &str, us: i64) -> Result<(), String> {
        self.tried(|org| {
            let mut row = org.standing(id)?.clone();
            row.stamp_us -= us;
            row.modified_us -= us;
            row.created_us = row.created_us.min(row.stamp_us);
            org.rows.put(&row.id.clone(), Some(row));
            Ok(())
        })
    }

    /// An admin makes a custom field.
    ///
    /// # Errors
    /// If there is no such object, the name does not end in `__c`, or there is such a field.
    pub fn add_property(&self, property: &Property) -> Result<(), String> {
        self.with(|org| {
            let now_us = org.now_us();
            org.schema.add(property, now_us)?;
            org.rows.learn(&org.schema);
            Ok(())
        })
    }

    /// An admin deletes a field of contacts, or takes it out of the app's sight; its values stay behind it.
    ///
    /// # Errors
    /// If there is no such field.
    pub fn drop_property(&self, name: &str) -> Result<(), String> {
        self.drop_property_of("Contact", name)
    }

    /// As [`drop_property`](Self::drop_property), of an object.
    ///
    /// # Errors
    /// If there is no such object or field.
    pub fn drop_property_of(&self, object: &str, name: &str) -> Result<(), String> {
        self.with(|org| {
            let now_us = org.now_us();
            org.schema.drop(object, name, now_us)
        })
    }

    /// Fills the org with contacts that were there before: searchable at once.
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.with(|org| org.seed("Contact", rows))
    }

    /// As [`seed`](Self::seed), with records of an object.
    pub fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Seeded {
        self.with(|org| org.seed(object, rows))
    }

    /// As [`seed`](Self::seed), from CSV whose headers are field names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact that has not gone for good, by id: deleted and merged ones too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records_of("Contact").unwrap_or_default()
    }

    /// As [`records`](Self::records), of an object.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn records_of(&self, object: &str) -> Result<Vec<Record>, String> {
        self.with(|org| {
            org.run_due_jobs();
            org.records_of(object)
        })
    }

    /// One record as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|org| Some(org.record_of(org.rows.get(&ids::long(id)?)?)))
    }

    /// An admin makes an autolaunched flow and activates it.
    pub fn add_flow(&self, flow: Flow) {
        self.with(|org| org.flows.push(flow));
    }

    /// Every run of a flow, oldest first.
    #[must_use]
    pub fn flow_runs(&self) -> Vec<FlowRun> {
        self.with(|org| org.flow_runs.clone())
    }

    /// A person allows the app without a browser. Answers what the token call would.
    #[must_use]
    pub fn grant(&self) -> Tokens {
        self.with(|org| org.grant("api refresh_token"))
    }

    /// The org takes every grant back; tokens that were never issued stop working too.
    pub fn revoke(&self) {
        self.with(|org| org.grants.revoke());
    }

    /// Tokens that were never issued work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|org| org.grants.reinstate());
    }

    /// Every session ends now; refresh tokens live on.
    pub fn expire_tokens(&self) {
        self.with(|org| {
            let now_us = org.now_us();
            org.grants.expire(now_us);
        });
    }

    /// Whoever consents from now on belongs to another org.
    pub fn set_org_no(&self, number: u32) {
        self.with(|org| org.settings.org_no = number);
    }

    /// Sets how far Salesforce's own clock is ahead of ours; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|org| org.settings.clock_offset_us = us);
    }
}

fn map_of(properties: &[(&str, &str)]) -> Map<String, Value> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect()
}
