//! The account and its properties (HubSpot's pages "Account information" and "CRM API | Properties").

use serde::Deserialize;
use serde_json::json;

use super::wire::{Object, ask, in_path};
use crate::connector::{Description, PropertySpec};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountDetails {
    portal_id: u64,
}

#[derive(Deserialize)]
struct PropertyList {
    results: Vec<Property>,
}

/// The property that every object has.
const RECORD_ID: &str = "hs_object_id";

/// A property as HubSpot defines it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Property {
    pub name: String,
    pub label: String,
    #[serde(rename = "type")]
    pub native_type: String,
    #[serde(default)]
    pub field_type: String,
    #[serde(default)]
    group_name: String,
    #[serde(default)]
    pub hidden: bool,
    #[serde(default)]
    has_unique_value: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    modification_metadata: Modification,
    #[serde(default)]
    pub options: Vec<PropertyOption>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modification {
    read_only_value: bool,
}

/// One value of an enumeration.
#[derive(Deserialize)]
pub(super) struct PropertyOption {
    #[serde(default)]
    pub label: String,
    pub value: String,
    #[serde(default)]
    pub hidden: bool,
}

impl Property {
    /// Whether its values cannot be written.
    pub(super) fn is_read_only(&self) -> bool {
        self.calculated || self.modification_metadata.read_only_value
    }

    fn spec(self) -> PropertySpec {
        PropertySpec {
            read_only: self.is_read_only(),
            unique: self.has_unique_value,
            options: self.options.into_iter().map(|option| option.value).collect(),
            name: self.name,
            label: self.label,
            native_type: self.native_type,
        }
    }
}

/// The portal's id. One call.
pub(super) async fn account(session: &Session) -> Result<String, Fault> {
    let details: AccountDetails = ask(session, Call::read(Method::Get, "/account-info/v3/details", None)).await?;
    Ok(details.portal_id.to_string())
}

/// The properties of contacts. One call.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    let properties = properties(session, "contacts").await?;
    Ok(Description { properties: properties.into_iter().map(Property::spec).collect() })
}

/// The properties of an object. One call.
pub(super) async fn properties(session: &Session, object: &str) -> Result<Vec<Property>, Fault> {
    let list: PropertyList = ask(session, Call::read(Method::Get, properties_of(object), None)).await?;
    Ok(list.results)
}

fn properties_of(object: &str) -> String {
    format!("/crm/v3/properties/{}", in_path(object))
}

/// Gives every object every asked property. HubSpot's reads show an empty property as null, or perhaps not at all; and
/// not at all is also what becomes of one that was deleted from the account. So when no object mentions a property, the
/// account is asked: a gone one must not look as if everybody's value had been cleared. One call then, else none.
pub(super) async fn complete(
    session: &Session,
    object: &str,
    objects: &mut [Object],
    asked: &[String],
) -> Result<(), Fault> {
    let unmentioned = |name: &&String| objects.iter().all(|object| !object.properties.contains_key(*name));
    let doubtful: Vec<&String> = asked.iter().filter(unmentioned).collect();
    if !objects.is_empty() && !doubtful.is_empty() {
        let known = properties(session, object).await?;
        if let Some(gone) = doubtful.into_iter().find(|name| known.iter().all(|property| property.name != **name)) {
            let message = format!("The property \"{gone}\" is gone from HubSpot's {object}.");
            let fault = Fault::new(FaultClass::Drift, "PROPERTY_DOESNT_EXIST", message);
            return Err(Fault { property: Some(gone.clone()), ..fault });
        }
    }
    for shown in objects {
        for name in asked {
            shown.properties.entry(name.clone()).or_default();
        }
    }
    Ok(())
}

/// Makes a unique text property of an object, or finds that it is there and fits. It stands in the group of the record's
/// id, which every object has. At most two calls.
pub(super) async fn add_key(session: &Session, object: &str, name: &str) -> Result<(), Fault> {
    let mut known = properties(session, object).await?;
    if let Some(at) = known.iter().position(|property| property.name == name) {
        return check_key(known.swap_remove(at));
    }
    let group = known.into_iter().find(|property| property.name == RECORD_ID).map(|property| property.group_name);
    let body = json!({
        "name": name,
        "label": "Lockstep ID",
        "description": "What Lockstep knows the record by. Kept by Lockstep.",
        "groupName": group,
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": true,
    });
    check_key(ask(session, Call::write(Method::Post, properties_of(object), Some(body))).await?)
}

/// Uniqueness can be given to a property only when it is made, so an unfit one cannot be mended.
fn check_key(property: Property) -> Result<(), Fault> {
    let spec = property.spec();
    if spec.unique && spec.native_type == "string" && !spec.read_only {
        return Ok(());
    }
    let message = format!(
        "The property \"{}\" exists but is not a writable text property with unique values. Choose another name.",
        spec.name
    );
    Err(Fault { property: Some(spec.name), ..Fault::new(FaultClass::Rejected, "KEY_PROPERTY_UNFIT", message) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn key(unique: bool) -> serde_json::Value {
        json!({ "name": "lockstep_id", "label": "Lockstep ID", "type": "string", "hasUniqueValue": unique })
    }

    fn listed(properties: &[serde_json::Value]) -> Line {
        let id =
            json!({ "name": "hs_object_id", "label": "Record ID", "type": "number", "groupName": "dealinformation" });
        let results = [&[id], properties].concat();
        Line::new(200, json!({ "results": results }))
    }

    #[tokio::test]
    async fn a_key_property_is_made_or_found_fit() {
        let (script, session, _) = Script::new([listed(&[]), Line::new(201, key(true)), listed(&[key(true)])]);
        assert_eq!(add_key(&session, "deals", "lockstep_id").await, Ok(()));
        assert_eq!(add_key(&session, "deals", "lockstep_id").await, Ok(()));
        let calls = script.calls();
        assert_eq!((calls.len(), calls[1].path.as_str()), (3, "/crm/v3/properties/deals"));
        let body = calls[1].body.as_ref().expect("a body");
        assert_eq!((&body["hasUniqueValue"], &body["groupName"]), (&json!(true), &json!("dealinformation")));
    }

    #[tokio::test]
    async fn a_property_that_is_not_unique_cannot_be_the_key() {
        let (_script, session, _) = Script::new([listed(&[key(false)])]);
        let fault = add_key(&session, "contacts", "lockstep_id").await.expect_err("unfit");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("lockstep_id")));
    }

    fn objects(properties: &[serde_json::Value]) -> Vec<Object> {
        let object = |properties| json!({ "id": "1", "updatedAt": "2026-11-22T11:00:00Z", "properties": properties });
        properties.iter().map(|it| serde_json::from_value(object(it)).expect("an object")).collect()
    }

    #[tokio::test]
    async fn an_unmentioned_property_is_empty_or_gone() {
        let listed = json!({ "results": [{ "name": "phone", "label": "Phone", "type": "string" }] });
        let (script, session, _) = Script::new([Line::new(200, listed.clone()), Line::new(200, listed)]);
        let asked = ["phone".to_owned()];
        complete(&session, "contacts", &mut [], &asked).await.expect("nothing to complete");
        let mut one_mentions = objects(&[json!({}), json!({ "phone": "1" })]);
        complete(&session, "contacts", &mut one_mentions, &asked).await.expect("no doubt");
        assert!(one_mentions[0].properties.contains_key("phone"), "and no call was made for it");
        let mut none_mentions = objects(&[json!({})]);
        complete(&session, "contacts", &mut none_mentions, &asked).await.expect("it is only empty");
        assert_eq!(none_mentions[0].properties.get("phone"), Some(&None));
        let fault =
            complete(&session, "contacts", &mut none_mentions, &["email".to_owned()]).await.expect_err("it is gone");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("email")));
        assert_eq!(script.calls().len(), 2);
    }

    #[tokio::test]
    async fn properties_are_described() {
        let listed = json!({ "results": [
            { "name": "hs_x", "label": "X", "type": "enumeration", "calculated": true, "options": [{ "label": "A", "value": "a" }] },
            { "name": "email", "label": "Email", "type": "string", "hasUniqueValue": true, "modificationMetadata": { "readOnlyValue": false } },
        ] });
        let (_script, session, _) = Script::new([Line::new(200, listed), Line::new(200, json!({ "portalId": 123 }))]);
        let described = describe(&session).await.expect("a description").properties;
        let told: Vec<_> =
            described.iter().map(|p| (p.name.as_str(), p.unique, p.read_only, p.options.len())).collect();
        assert_eq!(told, [("hs_x", false, true, 1), ("email", true, false, 0)]);
        assert_eq!(account(&session).await.as_deref(), Ok("123"));
    }
}
