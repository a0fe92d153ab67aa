//! What a person or the vendor can do to an account behind an app's back, beneath `/__`, and what the page of records
//! shows.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Hubspot, Record, Refusal, Seeded, Tokens, Workflow};
use crate::desk::{self, Desk, ROWS_SHOWN, Records, Refused, Shown};

/// Columns of the page.
fn columns(object: &str) -> &'static [&'static str] {
    match object {
        "contacts" => &["firstname", "lastname", "email", "phone", "lifecyclestage", "lockstep_id", "lockstep_source"],
        "companies" => &["name", "domain", "phone", "city"],
        "deals" => &["dealname", "amount", "pipeline", "dealstage", "closedate"],
        "tickets" => &["subject", "hs_pipeline_stage", "hs_ticket_priority", "content"],
        "notes" => &["hs_timestamp", "hs_note_body"],
        _ => &["contract_name", "contract_number", "contract_status", "contract_value", "signed_on"],
    }
}

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Create {
        #[serde(default = "contacts")]
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
    GdprDelete {
        id: String,
    },
    Merge {
        primary: String,
        other: String,
    },
    Hide {
        id: String,
    },
    Unhide {
        id: String,
    },
    ReadableAfter {
        id: String,
        us: i64,
    },
    DropProperty {
        #[serde(default = "contacts")]
        object: String,
        name: String,
    },
    RecreateProperty {
        name: String,
    },
    Revoke,
    Reinstate,
    ExpireTokens,
    ClockOffset {
        us: i64,
    },
    Subscribe {
        url: String,
        properties: Vec<String>,
    },
    Grant,
    Workflow(Workflow),
    RefuseLinks {
        times: u32,
    },
}

fn contacts() -> String {
    "contacts".to_owned()
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.status, refusal.to_string())
    }
}

pub(super) fn routes() -> Router<Hubspot> {
    desk::with_records()
        .route("/__workflows", get(|State(hubspot): State<Hubspot>| async move { Json(hubspot.workflows()) }))
}

impl Desk for Hubspot {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Merge { primary, other } => {
                return Ok(json!({"id": self.merge(&primary, &other)?}));
            }
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::Workflow(workflow) => return Ok(json!({"id": self.add_workflow(workflow)?})),
            Act::Edit { id, properties } => self.edit_map(&id, &properties)?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::GdprDelete { id } => self.gdpr_delete(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::RecreateProperty { name } => self.recreate_property(&name)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::RefuseLinks { times } => self.refuse_links(times),
            Act::Subscribe { url, properties } => {
                let properties: Vec<&str> = properties.iter().map(String::as_str).collect();
                self.subscribe(&url, &properties);
            }
        }
        Ok(json!({}))
    }
}

impl Records for Hubspot {
    const NAME: &'static str = "HubSpot";
    const CONTACTS: &'static str = "contacts";

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        Ok(self.records_of(object)?)
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        Ok(self.seed_of(object, rows)?)
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        let of = self.with(|portal| portal.objects.named(object))?;
        let (total, newest) = self.newest(of, ROWS_SHOWN);
        Ok(self.with(|portal| {
            let objects = portal.objects.all().map(|it| {
                let object = &portal.objects[it];
                (object.name.clone(), object.about.label_many.to_owned(), it == of)
            });
            let about = portal.objects[of].about;
            Shown {
                label: about.label_many.to_owned(),
                objects: objects.collect(),
                columns: desk::columns(columns(about.plural).iter().copied()),
                total,
                newest,
            }
        }))
    }
}
