//! Everything an org is: its objects, records, sessions and what else outlives a call.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bulk::Job;
use super::field::{Field, Kind, Source};
use super::flows::{Flow, FlowRun};
use super::ids;
use super::limits::Window;
use super::oauth::Grants;
use super::query::Cursor;
use super::rows::{Row, Rows};
use super::schema::Schema;
use super::settings::SalesforceSettings;
use super::times::{DAY_US, day, stamp};
use crate::world::Rng;

/// How long deleted records lie in the recycle bin.
pub(super) const BIN_US: i64 = 15 * DAY_US;

/// Who changes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The app, under its own user.
    App,
    /// A person in Salesforce's pages.
    Person,
}

impl By {
    pub(super) fn user(self) -> String {
        ids::id_of("005", if self == Self::App { 1 } else { 2 })
    }
}

pub(super) struct Org {
    pub(super) settings: SalesforceSettings,
    pub(super) rng: Rng,
    pub(super) schema: Schema,
    pub(super) rows: Rows,
    pub(super) grants: Grants,
    pub(super) used: Window,
    pub(super) cursors: Vec<Cursor>,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) flows: Vec<Flow>,
    pub(super) flow_runs: Vec<FlowRun>,
    /// Records that somebody else is writing, and until when.
    pub(super) locks: BTreeMap<String, i64>,
    last_no: u64,
    cases: u64,
}

impl Org {
    pub(super) fn new(settings: SalesforceSettings) -> Self {
        let now_us = (settings.clock)();
        let mut org = Self {
            rng: Rng::new(settings.seed),
            schema: Schema::new(&settings.properties, now_us),
            rows: Rows::default(),
            grants: Grants::default(),
            used: Window::default(),
            cursors: Vec::new(),
            jobs: BTreeMap::new(),
            flows: Vec::new(),
            flow_runs: Vec::new(),
            locks: BTreeMap::new(),
            last_no: 1_000,
            cases: 1_000,
            settings,
        };
        org.rows.learn(&org.schema);
        for (by, first, last) in [(By::App, "Integration", "User"), (By::Person, "Ada", "Lovelace")] {
            org.settle_user(by, first, last);
        }
        org
    }

    fn settle_user(&mut self, by: By, first: &str, last: &str) {
        let address = format!("{}@example.com", first.to_lowercase());
        let values = [("FirstName", first), ("LastName", last), ("Email", &address), ("Username", &address)];
        let mut values: BTreeMap<String, Value> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        values.insert("IsActive".to_owned(), true.into());
        values.insert("UserType".to_owned(), "Standard".into());
        let mut row = self.blank("User", by.user(), By::App);
        row.values = values;
        self.rows.put(&by.user(), Some(row));
    }

    /// Our time.
    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    /// Salesforce's own time.
    pub(super) fn org_us(&self) -> i64 {
        self.now_us() + self.settings.clock_offset_us
    }

    /// Salesforce's own time as records are stamped with it.
    pub(super) fn stamp_us(&self) -> i64 {
        let us = self.org_us();
        us - us.rem_euclid(self.settings.granularity_us.max(1))
    }

    pub(super) fn org_id(&self) -> String {
        ids::id_of("00D", self.settings.org_no.into())
    }

    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        // Others write too: numbers have gaps.
        self.last_no += 1 + self.rng.below(3);
        ids::id_of(prefix, self.last_no)
    }

    pub(super) fn next_case(&mut self) -> String {
        self.cases += 1;
        format!("{:08}", self.cases)
    }

    /// A record that holds nothing yet.
    pub(super) fn blank(&self, object: &str, id: String, by: By) -> Row {
        let (at_us, user) = (self.stamp_us(), by.user());
        Row {
            id,
            object: object.to_owned(),
            values: BTreeMap::new(),
            created_us: at_us,
            created_by: user.clone(),
            modified_us: at_us,
            modified_by: user,
            stamp_us: at_us,
            deleted_us: None,
            master: None,
            searchable_us: self.now_us() + self.lag_us(),
        }
    }

    pub(super) fn lag_us(&self) -> i64 {
        if self.settings.quirks { self.settings.index_lag_us } else { 0 }
    }

    /// Whether a deleted record still lies in the recycle bin.
    pub(super) fn in_bin(&self, row: &Row) -> bool {
        row.deleted_us.is_none_or(|at_us| at_us + BIN_US > self.org_us())
    }

    /// What reads show of a field.
    pub(super) fn value(&self, row: &Row, field: &Field) -> Value {
        match field.source {
            Source::Stored => stored(row, field),
            Source::System => self.system_value(row, field),
            Source::FullName => match [row.text("FirstName"), row.text("LastName")] {
                ["", last] => last.into(),
                [first, last] => format!("{first} {last}").into(),
            },
            Source::Address(prefix) => address(row, prefix),
            Source::IsClosed => {
                let is_closed = match row.object.as_str() {
                    "Opportunity" => row.text("StageName").starts_with("Closed"),
                    "Task" => row.text("Status") == "Completed",
                    _ => row.text("Status") == "Closed",
                };
                is_closed.into()
            }
            Source::IsWon => (row.text("StageName") == "Closed Won").into(),
            Source::IsHighPriority => (row.text("Priority") == "High").into(),
            Source::Preview | Source::AutoNumber => stored(row, field),
        }
    }

    fn system_value(&self, row: &Row, field: &Field) -> Value {
        match field.name.as_str() {
            "Id" => row.id.clone().into(),
            "IsDeleted" => row.deleted_us.is_some().into(),
            "MasterRecordId" => row.master.clone().into(),
            "CreatedDate" => stamp(row.created_us).into(),
            "CreatedById" => row.created_by.clone().into(),
            "LastModifiedDate" => stamp(row.modified_us).into(),
            "LastModifiedById" => row.modified_by.clone().into(),
            "SystemModstamp" => stamp(row.stamp_us).into(),
            "LastLoginDate" => stamp(row.created_us).into(),
            _ => Value::Null,
        }
    }

    /// Today by Salesforce's own clock.
    pub(super) fn today(&self) -> String {
        day(self.org_us())
    }
}

fn stored(row: &Row, field: &Field) -> Value {
    match row.held(&field.name) {
        Some(value) => value.clone(),
        None if field.kind == Kind::Boolean => false.into(),
        None => Value::Null,
    }
}

/// The whole of an address; null if it has no part.
fn address(row: &Row, prefix: &str) -> Value {
    let parts = ["City", "Country", "PostalCode", "State", "Street"];
    if parts.iter().all(|part| row.held(&format!("{prefix}{part}")).is_none()) {
        return Value::Null;
    }
    let mut whole = serde_json::Map::new();
    for part in parts {
        let mut name = part.to_owned();
        name[..1].make_ascii_lowercase();
        whole.insert(name, row.held(&format!("{prefix}{part}")).cloned().unwrap_or_default());
    }
    for name in ["geocodeAccuracy", "latitude", "longitude"] {
        whole.insert(name.to_owned(), Value::Null);
    }
    whole.into()
}
