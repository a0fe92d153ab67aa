//! Records as flat texts, as a person's form or a table has them, and back.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::company::{Company, Draft, Item};
use super::fields::Field;
use super::kinds::{Kind, Shape};
use super::values::parts;

/// The list whose primary entry goes by a name of its own.
fn list_of(name: &str) -> Option<&'static str> {
    match name {
        "email" => Some("emails"),
        "phone" => Some("phones"),
        _ => None,
    }
}

/// A value as text; none for what is empty.
pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) if items.iter().all(Value::is_number) => {
            Some(items.iter().map(Value::to_string).collect::<Vec<_>>().join(","))
        }
        other => Some(other.to_string()),
    }
}

/// The primary entry of a list of addresses.
pub(super) fn primary(list: Option<&Value>) -> Option<&str> {
    let rows = list?.as_array()?;
    rows.iter().find(|row| row["primary"] == true).or(rows.first())?["value"].as_str()
}

/// Everything a record holds or held.
pub(super) fn properties(item: &Item) -> BTreeMap<String, Option<String>> {
    let natives = item.now.values.iter().map(|(name, value)| (name.clone(), text_of(value)));
    let customs = item.now.custom.iter().map(|(code, value)| (code.clone(), text_of(value)));
    let mut all: BTreeMap<String, Option<String>> = natives.chain(customs).collect();
    for name in ["email", "phone"] {
        if let Some(list) = list_of(name).and_then(|list| item.now.values.get(list)) {
            all.insert(name.to_owned(), primary(Some(list)).map(str::to_owned));
        }
    }
    all
}

impl Company {
    /// Reads flat texts as a request would have said them: an empty text clears, a custom field goes by its code or its
    /// name, `email` and `phone` are the primary ones of record `id`.
    pub(super) fn draft_of_flat(
        &self,
        kind: Kind,
        id: Option<u64>,
        flat: &Map<String, Value>,
    ) -> Result<Draft, Refusal> {
        let mut body = Map::new();
        let mut customs = Map::new();
        for (name, value) in flat {
            if let Some(list) = list_of(name).filter(|list| kind.member(list).is_some()) {
                let held = id.and_then(|id| self.items.get(&(kind, id))).and_then(|item| item.now.values.get(list));
                body.insert(list.to_owned(), with_primary(held, value.as_str().unwrap_or_default()));
            } else if let Some(member) = kind.member(name) {
                body.insert(name.clone(), typed(member.shape, value));
            } else if let Some(field) = self.fields.named_or_labelled(kind, name) {
                customs.insert(field.code.clone(), custom_of(field, value)?);
            } else if !(value == "" && id.is_none()) {
                return Err(Refusal::invalid(format!("{name} is not a field")));
            }
        }
        if id.is_none() {
            body.retain(|_, value| !value.is_null());
        }
        if !customs.is_empty() {
            body.insert("custom_fields".to_owned(), customs.into());
        }
        self.check(kind, &body, id.is_none())
    }
}

/// The list with another primary entry; without one, the next takes its place.
fn with_primary(held: Option<&Value>, value: &str) -> Value {
    let mut rows = held.and_then(Value::as_array).cloned().unwrap_or_default();
    let at = rows.iter().position(|row| row["primary"] == true);
    match (at, value) {
        (Some(at), "") => drop(rows.remove(at)),
        (None, "") => {}
        (Some(at), value) => rows[at]["value"] = value.into(),
        (None, value) => rows.insert(0, json!({"value": value, "primary": true, "label": "work"})),
    }
    rows.into()
}

/// A text in the type of a member; what cannot be read stays text and is refused by the check.
fn typed(shape: Shape, value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    if text.is_empty() {
        return Value::Null;
    }
    match shape {
        Shape::Name | Shape::Text | Shape::LongText | Shape::Date | Shape::Time | Shape::Moment | Shape::Word(_) => {
            value.clone()
        }
        Shape::Labels => ids(text),
        Shape::Place if !text.starts_with('{') => json!({"value": text}),
        _ => json_of(text),
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn ids(text: &str) -> Value {
    if text.starts_with('[') {
        return json_of(text);
    }
    text.split([',', ';']).map(|id| json_of(id.trim())).collect()
}

/// A text in the type of a custom field; options go by id or by label.
fn custom_of(field: &Field, value: &Value) -> Result<Value, Refusal> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let option = |text: &str| {
        let text = text.trim();
        let found = field.options.iter().find(|it| it.label.eq_ignore_ascii_case(text) || it.id.to_string() == text);
        found.map(|it| Value::from(it.id)).ok_or_else(|| Refusal::invalid(format!("{}: no option {text}", field.name)))
    };
    Ok(match field.field_type.as_str() {
        "enum" => option(text)?,
        "set" => text.split([',', ';']).map(option).collect::<Result<Value, _>>()?,
        "monetary" if !text.starts_with('{') => {
            let (value, currency) = text.split_once(' ').unwrap_or((text, "EUR"));
            json!({"value": json_of(value), "currency": currency})
        }
        other if parts(other).is_some() && !text.starts_with('{') => json!({"value": text}),
        other if parts(other).is_some() || ["double", "int", "user", "org", "people"].contains(&other) => json_of(text),
        _ => value.clone(),
    })
}
