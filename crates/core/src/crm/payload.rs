//! An event's payload, judged by the event's schema.
//!
//! A key that is missing says nothing about its field, `null` clears it, and keys the schema does not know are ignored
//! unless the caller asked to be strict.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::definition::CrmField;
use super::schema::{JsonType, SimpleType, TextFormat};
use super::{Flaw, below, date};
use crate::text;

/// Values by payload field; `null` is kept, a missing key stays missing.
pub type Payload = BTreeMap<String, Json>;

/// Reads a payload.
///
/// # Errors
/// Every value that does not fit, with its path from `payload`; when strict, every unknown key too.
pub fn read(fields: &[CrmField], payload: &Json, strict: bool) -> Result<Payload, Vec<Flaw>> {
    let mut flaws = Vec::new();
    judge_object("payload", fields, payload, strict, &mut flaws);
    if !flaws.is_empty() {
        return Err(flaws);
    }
    let known = |field: &CrmField| payload.get(&field.slug).map(|value| (field.slug.clone(), value.clone()));
    Ok(fields.iter().filter_map(known).collect())
}

fn judge_object(path: &str, fields: &[CrmField], value: &Json, strict: bool, flaws: &mut Vec<Flaw>) {
    let Json::Object(map) = value else {
        flaws.push(Flaw::new(path, "must be an object"));
        return;
    };
    for field in fields {
        if let Some(value) = map.get(&field.slug).filter(|value| !value.is_null()) {
            judge(&below(path, &field.slug), field, value, strict, flaws);
        }
    }
    for key in map.keys().filter(|_| strict).filter(|key| fields.iter().all(|field| field.slug != **key)) {
        let key: String = key.chars().take(64).collect();
        flaws.push(Flaw::new(below(path, &key), "is not in the event's payloadSchema"));
    }
}

fn judge(path: &str, field: &CrmField, value: &Json, strict: bool, flaws: &mut Vec<Flaw>) {
    if let Err(error) = fits(field.simple_type, value) {
        flaws.push(Flaw::new(path, error));
    } else if !field.properties.is_empty() {
        judge_object(path, &field.properties, value, strict, flaws);
    } else if let (Some(items), Json::Array(values)) = (&field.items, value) {
        for (index, value) in values.iter().enumerate() {
            judge(&format!("{path}.{index}"), items, value, strict, flaws);
        }
    }
}

/// Whether a value is of a type.
///
/// # Errors
/// What it must be instead.
pub fn fits(simple_type: SimpleType, value: &Json) -> Result<(), &'static str> {
    let of = |json_type: JsonType| match json_type {
        JsonType::String => (value.is_string(), "must be a string"),
        JsonType::Number => (value.is_number(), "must be a number"),
        JsonType::Integer => (value.is_i64() || value.is_u64(), "must be a whole number"),
        JsonType::Boolean => (value.is_boolean(), "must be true or false"),
        JsonType::Object => (value.is_object(), "must be an object"),
        JsonType::Array => (value.is_array(), "must be an array"),
    };
    let (fits, error) = of(simple_type.json_type());
    let text = value.as_str().unwrap_or_default();
    match simple_type {
        _ if !fits => Err(error),
        SimpleType::String(_) if text::has_nul(text) => Err("must not hold the character U+0000"),
        SimpleType::String(Some(TextFormat::Datetime)) if !date::is_datetime(text) => {
            Err("must be an ISO 8601 date and time such as 2022-05-17T23:17:53Z")
        }
        SimpleType::String(Some(TextFormat::Date)) if !date::is_date(text) => {
            Err("must be an ISO 8601 date such as 2022-05-17")
        }
        SimpleType::Array(Some(items)) => items_fit(items, value),
        _ => Ok(()),
    }
}

fn items_fit(items: JsonType, value: &Json) -> Result<(), &'static str> {
    let simple_type = SimpleType::new(items, None).map_err(|_| "must hold other items")?;
    value
        .as_array()
        .into_iter()
        .flatten()
        .try_for_each(|item| fits(simple_type, item))
        .map_err(|_| "holds an item of another type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::definition::objects;
    use serde_json::json;

    fn fields() -> Vec<CrmField> {
        let schema = json!({
            "title": {"type": "string"}, "signed_at": {"type": "string", "format": "datetime"},
            "due": {"type": "string", "format": "date"}, "pages": {"type": "integer"}, "done": {"type": "boolean"},
            "signer": {"type": "object", "properties": {"email": {"type": "string", "format": "email"}}},
            "tags": {"type": "array", "items": {"type": "string"}}, "rate": {"type": "number"}
        });
        let event = json!({"deal": {"events": {"sent": {"type": "create", "payloadSchema": schema}}}});
        objects(&event).unwrap().remove(0).events.remove(0).fields
    }

    #[test]
    fn missing_null_and_unknown_are_three_things() {
        let payload = read(&fields(), &json!({"title": "Lease", "pages": null, "extra": 1}), false).unwrap();
        assert_eq!(payload, Payload::from([("title".to_owned(), json!("Lease")), ("pages".to_owned(), json!(null))]));
        let strict = read(&fields(), &json!({"extra": 1, "signer": {"age": 1}}), true).unwrap_err();
        let paths: Vec<&str> = strict.iter().map(|flaw| flaw.path.as_str()).collect();
        assert_eq!(paths, ["payload.signer.age", "payload.extra"]);
    }

    #[test]
    fn every_value_of_another_type_is_named() {
        let bad = json!({
            "title": 1, "signed_at": "2022-05-17", "due": "17/5", "pages": 1.5, "done": "yes", "rate": "1",
            "signer": {"email": ["x"]}, "tags": ["a", 1]
        });
        let flaws = read(&fields(), &bad, false).unwrap_err();
        let mut paths: Vec<&str> = flaws.iter().map(|flaw| flaw.path.as_str()).collect();
        paths.sort_unstable();
        let expected = ["due", "done", "pages", "rate", "signed_at", "signer.email", "tags", "title"];
        let mut expected = expected.map(|name| format!("payload.{name}"));
        expected.sort_unstable();
        assert_eq!(paths, expected);
        assert_eq!(read(&fields(), &json!([]), false).unwrap_err(), [Flaw::new("payload", "must be an object")]);
        assert!(read(&fields(), &json!({"title": "a\0b"}), false).is_err());
    }
}
