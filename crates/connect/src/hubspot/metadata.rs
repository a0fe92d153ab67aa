//! The account and its properties (HubSpot's pages "Account information" and "CRM API | Properties").

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use super::wire::ask;
use crate::connector::{Description, PropertySpec};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

const PROPERTIES: &str = "/crm/v3/properties/contacts";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountDetails {
    portal_id: u64,
}

#[derive(Deserialize)]
struct PropertyList {
    results: Vec<Property>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: String,
    label: String,
    #[serde(rename = "type")]
    native_type: String,
    #[serde(default)]
    has_unique_value: bool,
    #[serde(default)]
    calculated: bool,
    #[serde(default)]
    modification_metadata: Modification,
    #[serde(default)]
    options: Vec<PropertyOption>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Modification {
    read_only_value: bool,
}

#[derive(Deserialize)]
struct PropertyOption {
    value: String,
}

impl Property {
    fn spec(self) -> PropertySpec {
        PropertySpec {
            read_only: self.calculated || self.modification_metadata.read_only_value,
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
    let list: PropertyList = ask(session, Call::read(Method::Get, PROPERTIES, None)).await?;
    Ok(Description { properties: list.results.into_iter().map(Property::spec).collect() })
}

/// Makes the unique text property, or finds that it is there and fits. At most two calls.
pub(super) async fn add_key_property(session: &Session, name: &str) -> Result<(), Fault> {
    let body = json!({
        "name": name,
        "label": "Lockstep ID",
        "description": "The contact's id in the messaging inbox. Kept by Lockstep.",
        "groupName": "contactinformation",
        "type": "string",
        "fieldType": "text",
        "hasUniqueValue": true,
    });
    match ask::<Property>(session, Call::write(Method::Post, PROPERTIES, Some(body))).await {
        Ok(property) => check_key(property),
        Err(fault) if fault.class == FaultClass::Duplicate => check_key(property(session, name).await?),
        Err(fault) => Err(fault),
    }
}

async fn property(session: &Session, name: &str) -> Result<Property, Fault> {
    let path = format!("{PROPERTIES}/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    ask(session, Call::read(Method::Get, path, None)).await
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
