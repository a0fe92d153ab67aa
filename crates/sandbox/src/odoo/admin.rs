//! What a person or the vendor can do to a database behind an app's back, beneath `/__`, and what the page of records
//! shows.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{CONTACTS, Odoo, Record, Refusal, Seeded, Tokens, Workflow};
use crate::desk::{self, Desk, Records, Refused, Shown};

/// Models the page shows, what people call them, and their columns.
const SHOWN: [(&str, &str, &[&str]); 5] = [
    (CONTACTS, "Contacts", &["name", "email", "phone", "is_company", "parent_id", "category_id", "ref"]),
    ("crm.lead", "Leads", &["name", "type", "partner_id", "stage_id", "expected_revenue", "tag_ids"]),
    ("mail.message", "Messages", &["model", "res_id", "message_type", "body"]),
    ("mail.activity", "Activities", &["res_model", "res_id", "summary", "date_deadline"]),
    ("ir.actions.server", "Server actions", &["name", "model_name", "state"]),
];

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Create {
        #[serde(default = "contacts")]
        object: String,
        properties: BTreeMap<String, String>,
    },
    Edit {
        #[serde(default = "contacts")]
        object: String,
        id: String,
        properties: BTreeMap<String, String>,
    },
    Archive {
        id: String,
    },
    Restore {
        id: String,
    },
    Delete {
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
    Say {
        id: String,
        body: String,
    },
    DropProperty {
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
    },
    Workflow(Workflow),
    Grant,
}

fn contacts() -> String {
    CONTACTS.to_owned()
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST), refusal.to_string())
    }
}

pub(super) fn routes() -> Router<Odoo> {
    desk::with_records().route("/__workflows", get(|State(odoo): State<Odoo>| async move { Json(odoo.workflows()) }))
}

impl Desk for Odoo {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        let pairs = |properties: &BTreeMap<String, String>| -> Vec<(String, String)> {
            properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        fn lent(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
            pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
        }
        match act {
            Act::Create { object, properties } => {
                return Ok(json!({"id": self.create_of(&object, &lent(&pairs(&properties)))?}));
            }
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Workflow(workflow) => return Ok(json!(self.add_workflow(&workflow)?)),
            Act::Say { id, body } => return Ok(json!({"id": self.say(&id, &body)?})),
            Act::Grant => {
                let Tokens { access_token, database, login, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "database": database, "login": login}));
            }
            Act::Edit { object, id, properties } => self.edit_of(&object, &id, &lent(&pairs(&properties)))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Delete { id } => self.delete(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::DropProperty { name } => self.drop_property(&name)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Subscribe { url } => self.subscribe(&url),
        }
        Ok(json!({}))
    }
}

impl Records for Odoo {
    const NAME: &'static str = "Odoo";
    const CONTACTS: &'static str = CONTACTS;

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        if object == CONTACTS {
            return Ok(self.records());
        }
        Ok(self.records_of(object)?)
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        Ok(self.seed_of(object, rows)?)
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        let Some((_, label, columns)) = SHOWN.into_iter().find(|(model, _, _)| *model == object) else {
            return Err(Refused(StatusCode::NOT_FOUND, "no page shows this model".to_owned()));
        };
        let records = Records::records_of(self, object)?;
        let (total, newest) = desk::newest(records.into_iter().filter(|it| it.merged_into.is_none()).collect());
        Ok(Shown {
            label: label.to_owned(),
            objects: SHOWN.map(|(name, label, _)| (name.to_owned(), label.to_owned(), name == object)).to_vec(),
            columns: desk::columns(columns.iter().copied()),
            total,
            newest,
        })
    }
}
