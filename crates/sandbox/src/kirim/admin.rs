//! What a person or Kirim itself can do to an organization behind an app's back, beneath `/__`, and what the page of
//! records shows.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Kirim, Record, Seeded};
use crate::desk::{self, Desk, Records, Refused, Shown};

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Create { properties: Map<String, Value> },
    Edit { id: String, properties: Map<String, Value> },
    Archive { id: String },
    Revoke,
    Reinstate,
    Grant,
    ClockOffset { us: i64 },
    Subscribe { url: String },
}

impl Desk for Kirim {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        let refused = |refusal: super::Refusal| Refused::from(refusal.to_string());
        match act {
            Act::Create { properties } => return Ok(json!({"id": self.create_map(&properties).map_err(refused)?})),
            Act::Subscribe { url } => return Ok(json!({"secret": self.subscribe(&url)})),
            Act::Edit { id, properties } => self.edit_map(&id, &properties).map_err(refused)?,
            Act::Archive { id } => self.archive(&id)?,
            // Any text is taken for a key.
            Act::Grant => return Ok(json!({"access_token": "kdv_live_sandbox"})),
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
        }
        Ok(json!({}))
    }
}

/// There are contacts and nothing else.
fn known(object: &str) -> Result<(), Refused> {
    if object == Kirim::CONTACTS {
        return Ok(());
    }
    Err(Refused(StatusCode::NOT_FOUND, format!("there is no object {object}")))
}

impl Records for Kirim {
    const NAME: &'static str = "Kirim";
    const CONTACTS: &'static str = "contacts";

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        known(object).map(|()| self.records())
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        known(object).map(|()| self.seed(rows))
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        known(object)?;
        let (total, newest) = desk::newest(self.records().into_iter().filter(|it| !it.archived).collect());
        let objects = vec![(object.to_owned(), object.to_owned(), true)];
        let columns = desk::columns(["name", "phone_number", "email", "metadata.lockstep_id"]);
        Ok(Shown { label: object.to_owned(), objects, columns, total, newest })
    }
}
