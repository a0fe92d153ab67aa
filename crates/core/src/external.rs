//! The id that another system has for a contact: `crm:123`, `hubspot:123` or `syn_…:123`.

use serde_json::{Map, Value as Json};

use crate::ids::SyncId;
use crate::limits::{EXTERNAL_ID_CHARS_MAX, fits};

/// The metadata key in which callers keep the id that their CRM has for a contact.
const CRM_ID: &str = "crm_id";

/// An id, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId {
    /// Whose.
    pub system: System,
    /// The id, as that system writes it.
    pub id: String,
}

/// Whose id it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum System {
    /// Any CRM that a sync connects, or the caller's own, whose ids stand in `metadata.crm_id`.
    Crm,
    /// Any connection of this vendor, by slug.
    Vendor(String),
    /// One sync's CRM.
    Sync(SyncId),
}

/// Why a text is no external id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected crm:ID, a vendor such as hubspot:ID, or syn_…:ID, with an id of 1 to {EXTERNAL_ID_CHARS_MAX} characters"
)]
pub struct BadExternalId;

impl ExternalId {
    /// Reads `system:id`. The id may hold colons.
    ///
    /// # Errors
    /// Another form, or an id that is empty, too long or holds a control character.
    pub fn parse(text: &str) -> Result<Self, BadExternalId> {
        let (system, id) = text.split_once(':').ok_or(BadExternalId)?;
        let slug = !system.is_empty() && system.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let system = match SyncId::parse(system) {
            Ok(sync) => System::Sync(sync),
            Err(_) if system == "crm" => System::Crm,
            Err(_) if slug && system.len() <= 32 => System::Vendor(system.to_owned()),
            Err(_) => return Err(BadExternalId),
        };
        if !keyed(id) || id.chars().any(char::is_control) {
            return Err(BadExternalId);
        }
        Ok(Self { system, id: id.to_owned() })
    }
}

fn keyed(id: &str) -> bool {
    !id.is_empty() && fits(id, EXTERNAL_ID_CHARS_MAX)
}

/// The key under which a contact is found by its `metadata.crm_id`, a text or a number.
pub fn crm_key(metadata: &Map<String, Json>) -> Option<String> {
    let id = match metadata.get(CRM_ID)? {
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        _ => return None,
    };
    keyed(&id).then(|| key_of(&id))
}

/// The key of this id.
pub fn key_of(id: &str) -> String {
    format!("crm:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_external_id_names_its_system() {
        let parsed = |text: &str| ExternalId::parse(text).map(|external| (external.system, external.id));
        assert_eq!(parsed("crm:123"), Ok((System::Crm, "123".to_owned())));
        assert_eq!(parsed("hubspot:a:b"), Ok((System::Vendor("hubspot".to_owned()), "a:b".to_owned())));
        let sync = "syn_01HXYZABCDEFGHJKMNPQRSTVWX";
        assert_eq!(parsed(&format!("{sync}:7")), Ok((System::Sync(SyncId::parse(sync).unwrap()), "7".to_owned())));
        for bad in ["", "123", "crm:", ":1", "HubSpot:1", "crm:a\nb", &format!("crm:{}", "x".repeat(256))] {
            assert_eq!(parsed(bad), Err(BadExternalId), "{bad}");
        }
    }

    #[test]
    fn a_crm_id_is_a_key_as_text_and_as_number() {
        let key = |value: Json| crm_key(json!({ "crm_id": value }).as_object().unwrap());
        assert_eq!((key(json!("42")), key(json!(42))), (Some("crm:42".to_owned()), Some("crm:42".to_owned())));
        assert_eq!((key(json!("")), key(json!([1])), key(json!("x".repeat(256)))), (None, None, None));
    }
}
