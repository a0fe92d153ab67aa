//! What a person, an admin or the vendor can do to an org behind an app's back, beneath `/__`, and what the page of
//! records shows.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Flow, Property, Record, Salesforce, Seeded, Tokens};
use crate::desk::{self, Desk, Records, Refused, Shown};

/// Objects the page shows, each with its columns.
const SHOWN: [(&str, &[&str]); 7] = [
    ("Contact", &["FirstName", "LastName", "Email", "Phone", "MobilePhone", "Lockstep_Id__c"]),
    ("Lead", &["FirstName", "LastName", "Company", "Email", "Phone", "Status"]),
    ("Account", &["Name", "Website", "Phone", "BillingCity"]),
    ("Opportunity", &["Name", "StageName", "Amount", "CloseDate"]),
    ("Case", &["CaseNumber", "Subject", "Status", "Priority"]),
    ("Task", &["Subject", "Status", "ActivityDate", "Description"]),
    ("ContentNote", &["Title", "TextPreview"]),
];

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Create {
        #[serde(default = "contact")]
        object: String,
        properties: Map<String, Value>,
    },
    Edit {
        id: String,
        properties: Map<String, Value>,
    },
    Archive {
        id: String,
    },
    Restore {
        id: String,
    },
    Merge {
        primary: String,
        other: String,
    },
    Convert {
        id: String,
    },
    Lock {
        id: String,
        us: i64,
    },
    AddProperty(Property),
    DropProperty {
        #[serde(default = "contact")]
        object: String,
        name: String,
    },
    AddFlow(Flow),
    Revoke,
    Reinstate,
    ExpireTokens,
    ClockOffset {
        us: i64,
    },
    Grant,
}

fn contact() -> String {
    "Contact".to_owned()
}

pub(super) fn routes() -> Router<Salesforce> {
    desk::with_records().route("/__flow-runs", get(|State(it): State<Salesforce>| async move { Json(it.flow_runs()) }))
}

impl Desk for Salesforce {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Edit { id, properties } => self.tried(|org| org.update(&id, &properties, super::By::Person))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Convert { id } => return Ok(json!(self.convert(&id)?)),
            Act::Lock { id, us } => self.lock(&id, us)?,
            Act::AddProperty(property) => self.add_property(&property)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::AddFlow(flow) => self.add_flow(flow),
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Grant => {
                let Tokens { access_token, refresh_token, expires_in } = self.grant();
                return Ok(json!({
                    "access_token": access_token,
                    "refresh_token": refresh_token,
                    "expires_in": expires_in,
                }));
            }
        }
        Ok(json!({}))
    }
}

impl Records for Salesforce {
    const NAME: &'static str = "Salesforce";
    const CONTACTS: &'static str = "Contact";

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        Ok(self.records_of(object)?)
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        Ok(self.seed_of(object, rows))
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        let Some((_, columns)) = SHOWN.into_iter().find(|(name, _)| *name == object) else {
            return Err("the page does not show this object".to_owned().into());
        };
        let live = self.records_of(object)?.into_iter().filter(|record| !record.archived).collect();
        let (total, newest) = desk::newest(live);
        Ok(Shown {
            label: object.to_owned(),
            objects: SHOWN.map(|(name, _)| (name.to_owned(), name.to_owned(), name == object)).to_vec(),
            columns: desk::columns(columns.iter().copied()),
            total,
            newest,
        })
    }
}
