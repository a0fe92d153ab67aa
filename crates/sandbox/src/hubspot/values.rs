//! What HubSpot makes of the values in a write: it checks them against their definitions and stores them in
//! its own form, always as text.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::schema::{FieldType, Kind, Property, Schema};
use super::standard::LIFECYCLE;
use crate::world::{iso, parse_time};

/// Characters a single value may hold.
const VALUE_CHARS_MAX: usize = 65_536;

/// Microseconds of a day; a `date` written as a number must be a multiple.
const DAY_US: i64 = 86_400_000_000;

/// One property with its new value; none clears it.
pub(super) type Change = (Arc<str>, Option<Box<str>>);

/// A value that was refused.
#[derive(Clone, Debug)]
pub(super) struct Invalid {
    pub(super) name: String,
    pub(super) message: String,
    pub(super) code: &'static str,
}

impl Invalid {
    pub(super) fn new(name: &str, code: &'static str, message: String) -> Self {
        Self { name: name.to_owned(), message, code }
    }

    pub(super) fn is_unknown_property(&self) -> bool {
        self.code == "PROPERTY_DOESNT_EXIST"
    }
}

/// Turns the `properties` of a write into changes, or says everything that is wrong with them.
pub(super) fn check(schema: &Schema, properties: &Map<String, Value>) -> Result<Vec<Change>, Vec<Invalid>> {
    let mut changes = Vec::with_capacity(properties.len());
    let mut invalid = Vec::new();
    for (name, value) in properties {
        match check_one(schema, name, value) {
            Ok(change) => changes.push(change),
            Err(refused) => invalid.push(refused),
        }
    }
    if invalid.is_empty() { Ok(changes) } else { Err(invalid) }
}

fn check_one(schema: &Schema, name: &str, value: &Value) -> Result<Change, Invalid> {
    let Some((name, property)) = schema.live(name) else {
        return Err(Invalid::new(name, "PROPERTY_DOESNT_EXIST", format!("Property \"{name}\" does not exist")));
    };
    if property.modification_metadata.read_only_value {
        let message = format!("\"{name}\" is a read only property; its value cannot be set.");
        return Err(Invalid::new(name, "READ_ONLY_VALUE", message));
    }
    let text = match value {
        Value::Null => return Ok((Arc::clone(name), None)),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err(Invalid::new(name, "INVALID_TYPE", format!("\"{name}\" takes a string.")));
        }
    };
    if text.is_empty() {
        return Ok((Arc::clone(name), None));
    }
    if text.chars().count() > VALUE_CHARS_MAX {
        return Err(Invalid::new(name, "PROPERTY_VALUE_TOO_LONG", format!("\"{name}\" is too long.")));
    }
    let stored = if &**name == "email" { email(&text) } else { stored_form(property, text) };
    stored
        .map(|text| (Arc::clone(name), Some(text.into_boxed_str())))
        .map_err(|(code, message)| Invalid::new(name, code, message))
}

type Refused = (&'static str, String);

/// HubSpot keeps addresses trimmed and in lower case.
fn email(text: &str) -> Result<String, Refused> {
    let address = text.trim().to_lowercase();
    let sound = address.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.split('.').count() > 1
            && domain.split('.').all(|label| !label.is_empty())
            && !domain.contains('@')
            && !address.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if sound { Ok(address) } else { Err(("INVALID_EMAIL", format!("Email address {text} is invalid"))) }
}

fn stored_form(property: &Property, text: String) -> Result<String, Refused> {
    match property.kind {
        Kind::String | Kind::PhoneNumber => Ok(text),
        Kind::Number => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(text.trim().to_owned()),
            _ => Err(("INVALID_NUMBER", format!("{text} was not a valid number."))),
        },
        Kind::Datetime => parse_time(&text)
            .map(iso)
            .filter(|stored| !stored.is_empty())
            .ok_or_else(|| ("INVALID_DATE", format!("{text} was not a valid date or time."))),
        Kind::Date => parse_time(&text)
            .filter(|us| us % DAY_US == 0)
            .map(|us| iso(us).chars().take(10).collect::<String>())
            .filter(|stored| !stored.is_empty())
            .ok_or_else(|| ("INVALID_DATE", format!("{text} is not at midnight UTC."))),
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "true" => Ok("true".to_owned()),
            "false" => Ok("false".to_owned()),
            _ => Err(("INVALID_OPTION", format!("{text} was not one of the allowed options: [true, false]"))),
        },
        Kind::Enumeration => enumeration(property, text),
    }
}

fn enumeration(property: &Property, text: String) -> Result<String, Refused> {
    if property.external_options || property.options.is_empty() && property.hubspot_defined {
        return Ok(text);
    }
    let known = |value: &str| property.options.iter().any(|choice| choice.value == value);
    let sound = match property.field_type {
        FieldType::Checkbox => text.split(';').filter(|value| !value.is_empty()).all(known),
        _ => known(&text),
    };
    if sound {
        return Ok(text);
    }
    let allowed: Vec<&str> = property.options.iter().map(|choice| choice.value.as_str()).collect();
    Err(("INVALID_OPTION", format!("{text} was not one of the allowed options: [{}]", allowed.join(", "))))
}

/// A lifecycle stage moves only forward; a step back is left out without an error.
pub(super) fn moves_lifecycle_back(from: Option<&str>, to: Option<&str>) -> bool {
    let place = |stage: &str| LIFECYCLE.iter().position(|(value, _)| *value == stage);
    matches!((from.and_then(place), to.and_then(place)), (Some(from), Some(to)) if to < from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hubspot::standard::contacts;

    fn checked(name: &str, value: Value) -> Result<Option<String>, &'static str> {
        let properties = Map::from_iter([(name.to_owned(), value)]);
        match check(&Schema::of(contacts::ROWS, ("contactinformation", "")), &properties) {
            Ok(changes) => Ok(changes[0].1.as_deref().map(str::to_owned)),
            Err(invalid) => Err(invalid[0].code),
        }
    }

    #[test]
    fn values_are_stored_in_hubspots_own_form() {
        assert_eq!(checked("email", json!(" Ada@Example.COM ")), Ok(Some("ada@example.com".into())));
        assert_eq!(checked("firstname", json!("  Ada")), Ok(Some("  Ada".into())));
        assert_eq!(checked("firstname", json!("")), Ok(None));
        assert_eq!(checked("firstname", json!(null)), Ok(None));
        assert_eq!(checked("associatedcompanyid", json!(17)), Ok(Some("17".into())));
        assert_eq!(checked("closedate", json!("1779405654374")), Ok(Some("2026-05-21T23:20:54.374Z".into())));
        assert_eq!(checked("start_date", json!("86400000")), Ok(Some("1970-01-02".into())));
    }

    #[test]
    fn values_are_refused_by_name_of_the_fault() {
        assert_eq!(checked("nonsense", json!("x")), Err("PROPERTY_DOESNT_EXIST"));
        assert_eq!(checked("createdate", json!("0")), Err("READ_ONLY_VALUE"));
        assert_eq!(checked("email", json!("ada@example")), Err("INVALID_EMAIL"));
        assert_eq!(checked("lifecyclestage", json!("Lead")), Err("INVALID_OPTION"));
        assert_eq!(checked("start_date", json!("86400001")), Err("INVALID_DATE"));
        assert_eq!(checked("associatedcompanyid", json!("many")), Err("INVALID_NUMBER"));
        assert_eq!(checked("firstname", json!(["Ada"])), Err("INVALID_TYPE"));
    }

    #[test]
    fn a_lifecycle_stage_moves_only_forward() {
        assert!(moves_lifecycle_back(Some("customer"), Some("lead")));
        assert!(!moves_lifecycle_back(Some("lead"), Some("customer")));
        assert!(!moves_lifecycle_back(Some("customer"), None));
        assert!(!moves_lifecycle_back(None, Some("lead")));
    }
}
