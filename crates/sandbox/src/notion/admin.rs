//! What a person or the vendor can do to an account behind an app's back, beneath `/__`, and what the page of records
//! shows. Objects are data sources, by title or id.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::standard::CONTACTS;
use super::{Notion, Record, Seeded, Tokens, texts, texts_of};
use crate::desk::{self, Desk, Records, Refused, Shown};

/// Columns that the page shows.
const COLUMNS_SHOWN: usize = 8;

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
    Erase {
        id: String,
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
    RenameProperty {
        name: String,
        new: String,
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
    Verify {
        token: String,
    },
    Grant,
}

fn contacts() -> String {
    CONTACTS.to_owned()
}

impl Desk for Notion {
    type Act = Act;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        match act {
            Act::Create { object, properties } => {
                return Ok(json!({"id": self.create_owned(&object, &texts_of(properties))?}));
            }
            Act::Grant => {
                let Tokens { access_token, refresh_token, .. } = self.grant();
                return Ok(json!({"access_token": access_token, "refresh_token": refresh_token}));
            }
            Act::Verify { token } => return Ok(json!({"verified": self.verify_hooks(&token)})),
            Act::Edit { id, properties } => self.edit_owned(&id, &texts_of(properties))?,
            Act::Archive { id } => self.archive(&id)?,
            Act::Restore { id } => self.restore(&id)?,
            Act::Erase { id } => self.erase(&id)?,
            Act::Hide { id } => self.hide(&id)?,
            Act::Unhide { id } => self.unhide(&id)?,
            Act::ReadableAfter { id, us } => self.readable_after(&id, us)?,
            Act::DropProperty { object, name } => self.drop_property_of(&object, &name)?,
            Act::RenameProperty { name, new } => self.rename_property(&name, &new)?,
            Act::Revoke => self.revoke(),
            Act::Reinstate => self.reinstate(),
            Act::ExpireTokens => self.expire_tokens(),
            Act::ClockOffset { us } => self.set_clock_offset(us),
            Act::Subscribe { url } => self.subscribe(&url),
        }
        Ok(json!({}))
    }
}

impl Records for Notion {
    const NAME: &'static str = "Notion";
    const CONTACTS: &'static str = CONTACTS;

    fn records_of(&self, object: &str) -> Result<Vec<Record>, Refused> {
        Ok(self.records_of(object)?)
    }

    fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refused> {
        Ok(self.seed_of(object, rows)?)
    }

    fn shown(&self, object: &str) -> Result<Shown, Refused> {
        let live = self.records_of(object)?.into_iter().filter(|record| !record.archived).collect();
        let (total, newest) = desk::newest(live);
        Ok(self.as_person(|workspace| {
            let source = workspace.source_named(object)?;
            let sources = workspace.sources.values();
            Ok(Shown {
                label: texts::plain(&source.title),
                objects: sources.map(|it| (it.id.clone(), texts::plain(&it.title), it.id == source.id)).collect(),
                columns: desk::columns(source.properties.iter().take(COLUMNS_SHOWN).map(|it| it.name.as_str())),
                total,
                newest,
            })
        })?)
    }
}
