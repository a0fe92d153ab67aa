//! What a person or the vendor can do to a company behind an app's back, beneath `/__`, and what the page of records
//! shows.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::kinds::{KINDS, Kind};
use super::{Pipedrive, Record, Seeded, Tokens, kind_of};
use crate::desk::{self, Desk, Records, Refused, Shown};

/// Columns of the page.
fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Person => &["name", "email", "phone", "org_id", "label_ids"],
        Kind::Organization => &["name", "website", "address"],
        Kind::Deal => &["title", "value", "currency", "status", "stage_id", "person_id"],
        Kind::Activity => &["subject", "type", "due_date", "done", "person_id"],
        Kind::Note => &["content", "person_id", "org_id", "deal_id"],
    }
}

#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Create {
        #[serde(default = "persons")]
        object: String,
        properties: Map<String, Value>,
    },
    Edit {
        #[serde(default = "persons")]
        object: String,
        id: String,
        properties: Map<String, Value>,
    },
    Archive {
        #[serde(default = "persons")]
        object: String,
        id: String,
    },
    Restore {
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
    AddProperty {
        name: String,
        field_type: String,
        #[serde(default)]
        labels: Vec<String>,
    },
    DropProperty {
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
    },
    Grant,
}

fn persons() -> String {
    "persons".to_owned()
}

impl Desk for Pipedrive {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        match act {
            Act::Create { object, properties } => return Ok(json!({"id": self.create_map(&object, &properties)?})),
            Act::Merge { primary, other } => return Ok(json!({"id": self.merge(&primary, &other)?})),
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::AddProperty { name, field_type, labels } => {
                return Ok(json!({"field_code": self.add_property(&name, &field_type, &labels)?}));
            }
            Act::Edit { object, id, properties } => self.edit_map(&object, &id, &properties)?,
            Act::Archive { object, id } => self.archive_of(&object, &id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { name } => self.drop_property(&name)?,
            Act::RecreateProperty { name } => self.recreate_property(&name)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Subscribe { url } => self.subscribe(&url),
        }
        Ok(json!({}))
    }
}

/// An object, or that there is none of this name.
fn found(object: &str) -> Result<Kind, Refused> {
    kind_of(object).map_err(|reason| Refused(StatusCode::NOT_FOUND, reason))
}

impl Records for Pipedrive {
    const NAME: &'static str = "Pipedrive";
    const CONTACTS: &'static str = "persons";

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        Ok(self.records_kind(found(object)?))
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        Ok(self.seed_of(object, rows)?)
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        let kind = found(object)?;
        let live = self.records_kind(kind).into_iter().filter(|it| !it.archived).collect();
        let (total, newest) = desk::newest(live);
        let mut columns = desk::columns(columns(kind).iter().copied());
        self.with(|company| {
            columns.extend(company.fields.customs(kind).map(|field| (field.code.clone(), field.name.clone())));
        });
        let objects = KINDS.map(|it| (it.plural().to_owned(), it.plural().to_owned(), it == kind)).to_vec();
        Ok(Shown { label: kind.plural().to_owned(), objects, columns, total, newest })
    }
}
