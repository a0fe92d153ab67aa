//! The account and its fields (Salesforce's pages "Resources by version" and "sObject Describe").

use serde::Deserialize;

use super::wire::{CONTACT, DATA, OURS, ask, field_of, in_path, long_id};
use crate::connector::{Description, PropertySpec};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// A field as Salesforce describes it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub name: String,
    pub label: String,
    #[serde(rename = "type")]
    pub native_type: String,
    #[serde(default)]
    pub nillable: bool,
    #[serde(default)]
    pub createable: bool,
    #[serde(default)]
    pub updateable: bool,
    #[serde(default)]
    pub defaulted_on_create: bool,
    #[serde(default)]
    pub filterable: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    restricted_picklist: bool,
    #[serde(default)]
    pub picklist_values: Vec<PicklistValue>,
    #[serde(default)]
    pub reference_to: Vec<String>,
}

/// One value of a picklist.
#[derive(Clone, Deserialize)]
pub(super) struct PicklistValue {
    pub label: Option<String>,
    pub value: String,
    #[serde(default)]
    pub active: bool,
}

impl Field {
    /// What can hold a key of ours: a value that only one record may have, and that upserts go by.
    fn is_key(&self) -> bool {
        self.unique && self.external_id
    }

    fn spec(&self) -> PropertySpec {
        let values = self.picklist_values.iter().filter(|value| self.restricted_picklist && value.active);
        PropertySpec {
            name: self.name.clone(),
            label: self.label.clone(),
            native_type: self.native_type.clone(),
            unique: self.is_key(),
            read_only: !self.updateable,
            options: values.map(|value| value.value.clone()).collect(),
        }
    }
}

/// An object as Salesforce describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    pub name: String,
    pub label: String,
    pub label_plural: String,
    pub fields: Vec<Field>,
}

/// One object. One call.
pub(super) async fn described(session: &Session, object: &str) -> Result<Described, Fault> {
    ask(session, Call::read(Method::Get, format!("{DATA}/sobjects/{}/describe", in_path(object)), None)).await
}

#[derive(Deserialize)]
struct Resources {
    identity: String,
}

/// The org's id, which stands in the address of the user's identity. One call.
pub(super) async fn account(session: &Session) -> Result<String, Fault> {
    let resources: Resources = ask(session, Call::read(Method::Get, DATA, None)).await?;
    let org = resources.identity.rsplit('/').nth(1).and_then(long_id);
    org.ok_or_else(|| Fault::new(FaultClass::Bug, "NO_ORG", "Salesforce's answer does not name the org."))
}

/// The fields of contacts; those made for us also by our own names. One call.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    let fields = described(session, CONTACT).await?.fields;
    let ours = OURS.iter().filter_map(|(name, field)| {
        let field = fields.iter().find(|known| known.name.eq_ignore_ascii_case(field))?;
        Some(PropertySpec { name: (*name).to_owned(), ..field.spec() })
    });
    Ok(Description { properties: fields.iter().map(Field::spec).chain(ours).collect() })
}

/// Finds the field for our id; the API makes none. One call.
pub(super) async fn add_key(session: &Session, object: &str, name: &str) -> Result<(), Fault> {
    let wanted = field_of(name);
    let described = described(session, object).await?;
    let known = described.fields.iter().find(|field| field.name.eq_ignore_ascii_case(wanted));
    if known.is_some_and(|field| field.is_key() && field.native_type == "string" && field.updateable) {
        return Ok(());
    }
    let label = &described.label;
    let (code, message) = match known {
        Some(_) => (
            "KEY_PROPERTY_UNFIT",
            format!(
                "The field {wanted} of {label} is not a writable text field that is both \"External ID\" and \"Unique\"."
            ),
        ),
        None => (
            "KEY_PROPERTY_MISSING",
            format!(
                "An admin has to make the field first: Setup, Object Manager, {label}, Fields & Relationships, New, Text of 255 characters, name {}, with \"External ID\" and \"Unique\" ticked and visible to the user that Lockstep connects as.",
                wanted.trim_end_matches("__c")
            ),
        ),
    };
    Err(Fault { property: Some(name.to_owned()), ..Fault::new(FaultClass::Rejected, code, message) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::script::{Line, Script};

    fn contact(fields: &[Json]) -> Line {
        Line::new(200, json!({ "name": "Contact", "label": "Contact", "labelPlural": "Contacts", "fields": fields }))
    }

    fn key(unique: bool, external_id: bool) -> Json {
        json!({ "name": "Lockstep_Id__c", "label": "Lockstep Id", "type": "string", "unique": unique,
            "externalId": external_id, "createable": true, "updateable": true })
    }

    #[tokio::test]
    async fn a_key_is_found_or_asked_for_in_words() {
        let lines = [contact(&[key(true, true)]), contact(&[key(true, false)]), contact(&[])];
        let (_script, session, _) = Script::new(lines);
        assert_eq!(add_key(&session, "Contact", "lockstep_id").await, Ok(()));
        let unfit = add_key(&session, "Contact", "Lockstep_Id__c").await.expect_err("no external id");
        assert_eq!((unfit.class, unfit.code.as_str()), (FaultClass::Rejected, "KEY_PROPERTY_UNFIT"));
        let missing = add_key(&session, "Contact", "lockstep_id").await.expect_err("nobody made it");
        assert_eq!((missing.class, missing.code.as_str()), (FaultClass::Rejected, "KEY_PROPERTY_MISSING"));
        assert!(missing.message.contains("name Lockstep_Id,"), "{}", missing.message);
    }

    #[tokio::test]
    async fn fields_are_described_and_ours_by_our_names_too() {
        let source = json!({ "name": "LeadSource", "label": "Lead Source", "type": "picklist", "restrictedPicklist": true,
            "picklistValues": [{ "label": "Web", "value": "Web", "active": true }, { "label": "Fax", "value": "Fax" }] });
        let identity = json!({ "identity": "https://login.salesforce.com/id/00Dak0000000001EAA/005ak000005hvjJAAQ" });
        let (script, session, _) = Script::new([contact(&[source, key(true, true)]), Line::new(200, identity)]);
        let described = describe(&session).await.expect("a description").properties;
        let told: Vec<_> =
            described.iter().map(|it| (it.name.as_str(), it.unique, it.read_only, it.options.len())).collect();
        let expected =
            [("LeadSource", false, true, 1), ("Lockstep_Id__c", true, false, 0), ("lockstep_id", true, false, 0)];
        assert_eq!(told, expected);
        assert_eq!(account(&session).await.as_deref(), Ok("00Dak0000000001EAA"));
        assert_eq!(script.calls()[1].path, "/services/data/v66.0");
    }
}
