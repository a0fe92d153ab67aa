//! What is looked at before a record changes: which one is meant, whether its values are sound, and whether what must
//! be unique is free.

use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value};

use super::answer::Refusal;
use super::item::Standing;
use super::objects::{CONTACTS, ObjectNo};
use super::portal::{Claimed, Portal};
use super::values::{self, Change, Invalid};

const CONTACT_EXISTS: &str = "Contact already exists";

impl Refusal {
    /// A conflict over an address, without saying who has it.
    pub(super) fn without_owner(self) -> Self {
        if self.status == StatusCode::CONFLICT { Portal::contact_exists(None) } else { self }
    }
}

impl Portal {
    /// Finds the id of a visible record by id, e-mail (secondary ones too) or a unique property.
    pub(super) fn find(
        &self,
        of: ObjectNo,
        id_property: Option<&str>,
        id: &str,
        archived: bool,
    ) -> Result<Option<u64>, Refusal> {
        let found = match id_property {
            None | Some("hs_object_id" | "") => id.parse().ok(),
            Some("email") if of == CONTACTS => self.by_email.get(id.trim().to_lowercase().as_str()).copied(),
            Some(name) => match self.objects[of].schema.live(name) {
                Some((name, property)) if property.has_unique_value => {
                    self.by_key.get(&(of, Arc::clone(name), Box::from(id))).copied()
                }
                _ => {
                    let message = format!("Property {name} is not a unique property and cannot identify a record");
                    return Err(Refusal::validation(message));
                }
            },
        };
        let wanted = if archived { Standing::Archived } else { Standing::Live };
        let item = found.and_then(|id| self.follow(id));
        Ok(item.filter(|it| it.of == of && it.standing() == wanted && self.in_sight(it)).map(|it| it.id))
    }

    /// Checks the `properties` of a write against the schema and the pipelines; `target` is the record that is
    /// changed, none for a new one.
    pub(super) fn check(
        &self,
        of: ObjectNo,
        target: Option<u64>,
        properties: &Map<String, Value>,
    ) -> Result<Vec<Change>, Vec<Invalid>> {
        let object = &self.objects[of];
        let changes = values::check(&object.schema, properties)?;
        let item = target.and_then(|id| self.items.get(&id));
        let held = |name: &str| item?.now().stored(name).map(str::to_owned);
        let invalid = object.pipelines.as_ref().map(|pipelines| pipelines.check(&changes, held)).unwrap_or_default();
        if invalid.is_empty() { Ok(changes) } else { Err(invalid) }
    }

    /// Checks a new record: its values, and that nothing is left out that it needs.
    pub(super) fn check_new(&self, of: ObjectNo, properties: &Map<String, Value>) -> Result<Vec<Change>, Refusal> {
        let changes = self.check(of, None, properties).map_err(|invalid| Refusal::invalid(&invalid))?;
        self.is_whole(of, &changes)?;
        Ok(changes)
    }

    /// Refuses a new record that lacks what it needs.
    pub(super) fn is_whole(&self, of: ObjectNo, changes: &[Change]) -> Result<(), Refusal> {
        let about = self.objects[of].about;
        let given = |name: &&str| changes.iter().any(|(changed, value)| &**changed == *name && value.is_some());
        let missing = about.required.iter().filter(|alternatives| !alternatives.iter().any(given));
        let missing: Vec<String> = missing.flat_map(|names| names.iter().map(|name| (*name).to_owned())).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message =
            format!("Error creating {}. Some required properties were not set.", about.singular.to_uppercase());
        Err(Refusal::validation(message).context("properties", missing))
    }

    /// Refuses changes that would take an e-mail address or unique value from another record.
    pub(super) fn claim(
        &self,
        of: ObjectNo,
        target: Option<u64>,
        changes: &[Change],
        claimed: &mut Claimed,
    ) -> Result<(), Refusal> {
        for (name, value) in changes {
            let Some(value) = value else { continue };
            let is_email = of == CONTACTS && &**name == "email";
            if !is_email && !self.objects[of].schema.is_unique(name) {
                continue;
            }
            let key = (of, Arc::clone(name), value.clone());
            let owner = if is_email { self.by_email.get(value) } else { self.by_key.get(&key) }.copied();
            let taken = owner.is_some_and(|owner| Some(owner) != target);
            match (taken || claimed.contains(&key), is_email, owner) {
                (true, true, owner) => return Err(Self::contact_exists(owner)),
                (true, false, owner) => {
                    let message = Self::value_taken(name, value, owner);
                    return Err(Refusal::invalid(&[Invalid::new(name, "CONFLICTING_UNIQUE_VALUE", message)]));
                }
                (false, _, _) => claimed.insert(key),
            };
        }
        Ok(())
    }

    fn value_taken(name: &str, value: &str, owner: Option<u64>) -> String {
        let whose = owner.map_or_else(|| "Another input".to_owned(), |id| id.to_string());
        format!(
            "Cannot set PropertyValueCoordinates{{propertyName={name}, value={value}}}. {whose} already has that value."
        )
    }

    fn contact_exists(owner: Option<u64>) -> Refusal {
        let Some(id) = owner else {
            return Refusal::new(StatusCode::CONFLICT, "CONFLICT", CONTACT_EXISTS);
        };
        let message = format!("{CONTACT_EXISTS}. Existing ID: {id}");
        Refusal::new(StatusCode::CONFLICT, "CONFLICT", message).context("existingId", [id.to_string()])
    }
}
