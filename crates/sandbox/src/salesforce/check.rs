//! What a write may carry: every value is read by its field's type before anything is changed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::answer::Wrong;
use super::field::{Field, Kind};
use super::ids;
use super::org::Org;
use super::schema::Object;
use super::times::{date, moment, stamp};

/// Values that were read, by the names of their fields; null clears.
pub(super) type Values = BTreeMap<String, Value>;

/// Whether a record is made or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    Create,
    Update,
}

/// Reads what a write carries. A person in Salesforce's pages sees the same refusals.
pub(super) fn checked(org: &Org, object: &Object, body: &Map<String, Value>, aim: Aim) -> Result<Values, Wrong> {
    let mut values = Values::new();
    let mut forbidden = Vec::new();
    for (name, value) in body.iter().filter(|(name, _)| *name != "attributes") {
        if let Value::Object(other) = value
            && let Some(reference) = object.relationship(name)
        {
            values.insert(reference.name.clone(), by_key_of(org, reference, other)?);
            continue;
        }
        let field = object.needed(name)?;
        if !(if aim == Aim::Create { field.createable } else { field.updateable }) {
            forbidden.push(field.name.clone());
            continue;
        }
        values.insert(field.name.clone(), read(org, field, value)?);
    }
    if forbidden.is_empty() {
        return Ok(values);
    }
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is \
         read/write for your profile or permission set.",
        forbidden.join(", ")
    );
    Err(Wrong { code: "INVALID_FIELD_FOR_INSERT_UPDATE".to_owned(), message, fields: forbidden })
}

/// The record that a relationship names by an external id: `"Account": {"Key__c": "a1"}`.
fn by_key_of(org: &Org, reference: &Field, other: &Map<String, Value>) -> Result<Value, Wrong> {
    let key = other.iter().find(|(name, _)| *name != "attributes");
    for object in reference.refers_to.iter().filter_map(|name| org.schema.get(name)) {
        let Some((name, value)) = key else { break };
        let Some(field) = object.field(name).filter(|field| field.is_key()) else { continue };
        if let [only] = org.rows.by_key(&object.name, &field.name, value).as_slice() {
            return Ok(only.clone().into());
        }
    }
    let text = key.map_or_else(String::new, |(name, value)| format!("{name} {value}"));
    let message = format!("Foreign key external ID: {text} not found for field in entity {}", reference.name);
    Err(Wrong::new("INVALID_FIELD", message))
}

fn read(org: &Org, field: &Field, value: &Value) -> Result<Value, Wrong> {
    let misread = || {
        let was = match value {
            Value::String(_) => "VALUE_STRING",
            Value::Number(_) => "VALUE_NUMBER_INT",
            Value::Bool(true) => "VALUE_TRUE",
            Value::Bool(false) => "VALUE_FALSE",
            Value::Array(_) => "START_ARRAY",
            _ => "START_OBJECT",
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = format!(
            "Cannot deserialize instance of {} from {was} value {text} or request may be missing a required field",
            field.kind.soap().trim_start_matches("xsd:").trim_start_matches("tns:").to_lowercase()
        );
        Wrong::of("JSON_PARSER_ERROR", message, &field.name)
    };
    let text = match value {
        Value::Null => return Ok(if field.kind == Kind::Boolean { false.into() } else { Value::Null }),
        // Salesforce keeps no blanks around a text, and no empty text.
        Value::String(text) if text.trim().is_empty() => return Ok(Value::Null),
        Value::String(text) => Some(text.trim()),
        _ => None,
    };
    match field.kind {
        Kind::Boolean => match (value, text) {
            (Value::Bool(_), _) => Ok(value.clone()),
            (_, Some(text)) if text.eq_ignore_ascii_case("true") => Ok(true.into()),
            (_, Some(text)) if text.eq_ignore_ascii_case("false") => Ok(false.into()),
            _ => Err(misread()),
        },
        kind if kind.is_number() => {
            let number = value.as_f64().or_else(|| text?.parse().ok()).ok_or_else(misread)?;
            read_number(field, number).ok_or_else(misread)?
        }
        Kind::Date => {
            let text = text.ok_or_else(misread)?;
            let day = text.get(..10).filter(|day| date(day).is_some()).ok_or_else(misread)?;
            let whole = text.len() == 10 || moment(text).is_some();
            if whole { Ok(day.into()) } else { Err(misread()) }
        }
        Kind::DateTime => Ok(stamp(text.and_then(moment).ok_or_else(misread)?).into()),
        Kind::Id | Kind::Reference => read_reference(org, field, text.ok_or_else(misread)?),
        Kind::Base64 => {
            let text = text.ok_or_else(misread)?;
            STANDARD.decode(text).map_err(|_| misread())?;
            Ok(text.into())
        }
        _ => read_text(field, text.ok_or_else(misread)?),
    }
}

/// None if it is no number of the field's kind at all.
fn read_number(field: &Field, number: f64) -> Option<Result<Value, Wrong>> {
    if field.kind == Kind::Int && number.fract() != 0.0 {
        return None;
    }
    let digits = i32::try_from(field.length.saturating_sub(field.scale)).ok()?;
    if number.abs() >= 10_f64.powi(digits) {
        let message = format!("{}: value outside of valid range on numeric field: {number}", field.label);
        return Some(Err(Wrong::of("NUMBER_OUTSIDE_VALID_RANGE", message, &field.name)));
    }
    let scale = 10_f64.powi(i32::try_from(field.scale).ok()?);
    let rounded = (number * scale).round() / scale;
    if field.kind == Kind::Int {
        return Some(Ok(Value::from(format!("{rounded:.0}").parse::<i64>().ok()?)));
    }
    Some(Ok(Value::Number(Number::from_f64(rounded)?)))
}

fn read_reference(org: &Org, field: &Field, text: &str) -> Result<Value, Wrong> {
    let id = ids::long(text).filter(|id| org.schema.of_prefix(ids::prefix(id)).is_some());
    let Some(id) = id else {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        return Err(Wrong::of("MALFORMED_ID", message, &field.name));
    };
    let of = org.schema.of_prefix(ids::prefix(&id)).map_or("", |object| object.name.as_str());
    if !field.refers_to.contains(&of) {
        let message = format!("{}: id value of incorrect type: {text}", field.label);
        return Err(Wrong::of("FIELD_INTEGRITY_EXCEPTION", message, &field.name));
    }
    match org.rows.get(&id) {
        Some(row) if row.deleted_us.is_none() => Ok(id.into()),
        Some(_) => Err(Wrong::new("ENTITY_IS_DELETED", "entity is deleted")),
        None => Err(Wrong::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")),
    }
}

fn read_text(field: &Field, text: &str) -> Result<Value, Wrong> {
    let length = text.chars().map(char::len_utf16).sum::<usize>();
    if length > field.length {
        let (label, max) = (&field.label, field.length);
        let message = format!("{label}: data value too large: {text} (max length={max})");
        return Err(Wrong::of("STRING_TOO_LONG", message, &field.name));
    }
    match field.kind {
        Kind::Email if !is_address(text) => {
            let message = format!("{}: invalid email address: {text}", field.label);
            Err(Wrong::of("INVALID_EMAIL_ADDRESS", message, &field.name))
        }
        Kind::Picklist | Kind::MultiPicklist => read_choices(field, text),
        _ => Ok(text.into()),
    }
}

fn read_choices(field: &Field, text: &str) -> Result<Value, Wrong> {
    let several = field.kind == Kind::MultiPicklist;
    let chosen: Vec<&str> =
        if several { text.split(';').map(str::trim).filter(|it| !it.is_empty()).collect() } else { vec![text] };
    let unknown = chosen.iter().find(|it| !field.choices.iter().any(|choice| choice.eq_ignore_ascii_case(it)));
    if let Some(unknown) = unknown.filter(|_| field.restricted) {
        let message = format!("{}: bad value for restricted picklist field: {unknown}", field.label);
        return Err(Wrong::of("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, &field.name));
    }
    // Choices come back in their own order and spelling; what an open picklist does not know, as it was given.
    let known = field.choices.iter().filter(|choice| chosen.iter().any(|it| choice.eq_ignore_ascii_case(it)));
    let others = chosen.iter().filter(|it| !field.choices.iter().any(|choice| choice.eq_ignore_ascii_case(it)));
    let all: Vec<&str> = known.map(String::as_str).chain(others.copied()).collect();
    Ok(all.join(";").into())
}

/// As Salesforce looks at it: something, one @, and a name with a dot.
fn is_address(text: &str) -> bool {
    let Some((user, domain)) = text.split_once('@') else {
        return false;
    };
    let sound = |part: &str| !part.is_empty() && !part.contains(['@', ' ', ',', ';', '<', '>']);
    sound(user) && sound(domain) && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
}
