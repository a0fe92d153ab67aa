//! Values between flat text and Odoo's JSON (the ORM reference, fields; the external API, `fields_get`).
//!
//! Odoo shows an empty text, an empty link and a boolean that is not set all as `false`, so the field's type is looked up
//! where an answer leaves the meaning open. The fields of the default mapping are known to be text.

use std::collections::BTreeMap;

use lockstep_core::record::Properties;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::faults;
use super::wire::{self, Row, ask, off_wire, on_wire};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// Fields that are text in every version and module.
const TEXTS: [&str; 8] = ["name", "email", "phone", "mobile", "ref", "x_lockstep_id", "display_name", "email_from"];

/// A field as `fields_get` tells it; every member that we can do without is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Field {
    #[serde(rename = "type")]
    pub kind: String,
    pub string: String,
    pub required: bool,
    pub readonly: bool,
    pub store: bool,
    pub searchable: Option<bool>,
    pub selection: Vec<(Json, String)>,
    pub relation: String,
}

/// Fields by name.
pub(super) type Fields = BTreeMap<String, Field>;

/// Fields of a model: those named, or all where none is. One call.
pub(super) async fn fields(session: &Session, model: &str, names: &[&str]) -> Result<Fields, Fault> {
    let attributes = ["type", "string", "required", "readonly", "store", "searchable", "selection", "relation"];
    let mut arguments = json!({ "attributes": attributes });
    if !names.is_empty() {
        arguments["allfields"] = json!(names);
    }
    ask(session, wire::read(model, "fields_get", arguments)).await
}

/// The types of those asked properties whose shown values mean nothing without. One call, or none.
pub(super) async fn kinds_in_doubt(
    session: &Session,
    model: &str,
    rows: &[Row],
    asked: &[String],
) -> Result<Fields, Fault> {
    let names = asked.iter().map(|name| on_wire(name)).filter(|name| !TEXTS.contains(name));
    let in_doubt: Vec<&str> =
        names.filter(|name| rows.iter().any(|row| row.get(*name).is_some_and(is_in_doubt))).collect();
    if in_doubt.is_empty() { Ok(Fields::new()) } else { fields(session, model, &in_doubt).await }
}

fn is_in_doubt(value: &Json) -> bool {
    match value {
        Json::Bool(value) => !value,
        Json::String(text) => text.len() == 19 && wire::time_of(text).is_some(),
        _ => false,
    }
}

/// A shown value as flat text. Links are ids, several are joined by `;`.
pub(super) fn text(value: &Json, field: Option<&Field>) -> Option<String> {
    let kind = field.map_or("", |field| field.kind.as_str());
    match value {
        Json::Null => None,
        Json::Bool(false) if kind != "boolean" => None,
        Json::Bool(value) => Some(value.to_string()),
        Json::String(text) if text.is_empty() => None,
        Json::String(text) if kind == "datetime" => {
            Some(wire::time_of(text).map_or_else(|| text.clone(), |at| at.to_string()))
        }
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.as_i64().map_or_else(|| plain(number.as_f64()), |it| it.to_string())),
        // A link is shown as `[id, "name"]`.
        Json::Array(pair) if pair.len() == 2 && pair[1].is_string() => text(&pair[0], None),
        Json::Array(items) if items.is_empty() => None,
        Json::Array(items) => Some(items.iter().filter_map(|item| text(item, None)).collect::<Vec<_>>().join(";")),
        Json::Object(_) => Some(value.to_string()),
    }
}

/// A number without a fraction that says nothing.
fn plain(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

/// The types of properties that are to be written. One call where one is not known to be text, and none else.
pub(super) async fn kinds_of(session: &Session, model: &str, properties: &Properties) -> Result<Fields, Fault> {
    let unknown: Vec<&str> = properties.keys().map(|name| on_wire(name)).filter(|name| !TEXTS.contains(name)).collect();
    if unknown.is_empty() { Ok(Fields::new()) } else { fields(session, model, &unknown).await }
}

/// The values of a write, with the fields that are not text for certain.
///
/// # Errors
/// Class [`FaultClass::Drift`] for a property that the model does not have, [`FaultClass::Rejected`] for text that its
/// type cannot hold.
pub(super) fn written(properties: &Properties, known: &Fields) -> Result<Map<String, Json>, Fault> {
    let mut values = Map::new();
    for (name, value) in properties {
        let field = known.get(on_wire(name));
        if field.is_none() && !TEXTS.contains(&on_wire(name)) {
            return Err(gone(name));
        }
        let kind = field.map_or("char", |field| field.kind.as_str());
        // An empty text differs from none, and Odoo's own pages write none.
        let value = match value.as_deref().filter(|text| !text.is_empty()) {
            None if kind.ends_with("2many") => json!([[5, 0, 0]]),
            None => false.into(),
            Some(text) => typed(kind, text).ok_or_else(|| {
                let message = format!("\"{text}\" is no {kind}, which is what Odoo keeps in \"{name}\".");
                let fault = Fault::new(FaultClass::Rejected, "WRONG_TYPE", message);
                Fault { property: Some(name.clone()), ..fault }
            })?,
        };
        values.insert(on_wire(name).to_owned(), value);
    }
    Ok(values)
}

/// Text as the type takes it. Numbers and days are read by Odoo itself.
pub(super) fn typed(kind: &str, text: &str) -> Option<Json> {
    let text = text.trim();
    Some(match kind {
        "boolean" => match text {
            "true" | "1" => true.into(),
            "false" | "0" => false.into(),
            _ => return None,
        },
        "integer" | "many2one" | "many2one_reference" => text.parse::<i64>().ok()?.into(),
        "float" | "monetary" => text.parse::<f64>().ok().filter(|it| it.is_finite())?.into(),
        "datetime" => wire::text_of(lockstep_core::env::Time::parse(text)?.as_secs()).into(),
        "date" => text.get(..10)?.into(),
        "many2many" | "one2many" => {
            let ids: Option<Vec<u64>> = text.split(';').map(|id| id.trim().parse().ok()).collect();
            json!([[6, 0, ids?]])
        }
        _ => text.into(),
    })
}

/// The fault of a property that the model does not have.
fn gone(name: &str) -> Fault {
    let fault = Fault::new(FaultClass::Drift, "FIELD_GONE", format!("Odoo has no field \"{name}\" there any more."));
    Fault { property: Some(name.to_owned()), ..fault }
}

/// What a refusal comes from: Odoo says alike of a value that it cannot read and of a field that is gone, so it is asked
/// which fields there are. One call then, else none.
pub(super) async fn drifted<'a>(
    session: &Session,
    model: &str,
    fault: Fault,
    names: impl IntoIterator<Item = &'a String>,
) -> Fault {
    if !faults::may_be_drift(&fault) {
        return fault;
    }
    let names: Vec<&str> = names.into_iter().map(|name| on_wire(name)).collect();
    if names.is_empty() {
        return fault;
    }
    match fields(session, model, &names).await {
        Ok(known) => names.iter().find(|name| !known.contains_key(**name)).map_or(fault, |name| gone(off_wire(name))),
        Err(_) => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn of(kind: &str) -> Field {
        Field { kind: kind.to_owned(), ..Field::default() }
    }

    #[test]
    fn shown_values_are_flat_text() {
        let cases = [
            (json!(false), "char", None),
            (json!(false), "boolean", Some("false")),
            (json!(true), "boolean", Some("true")),
            (json!([7, "Ada, Firm"]), "many2one", Some("7")),
            (json!([1, 2]), "many2many", Some("1;2")),
            (json!([]), "many2many", None),
            (json!(12.5), "float", Some("12.5")),
            (json!(5.0), "float", Some("5")),
            (json!("2026-11-22 12:00:00"), "datetime", Some("2026-11-22T12:00:00.000Z")),
            (json!("2026-11-22 12:00:00"), "char", Some("2026-11-22 12:00:00")),
        ];
        for (shown, kind, expected) in cases {
            assert_eq!(text(&shown, Some(&of(kind))).as_deref(), expected, "{kind} {shown}");
        }
    }

    #[test]
    fn text_is_written_as_the_type_takes_it() {
        let cases = [
            ("boolean", "false", Some(json!(false))),
            ("boolean", "perhaps", None),
            ("many2one", "7", Some(json!(7))),
            ("many2one", "Firm", None),
            ("many2many", "1; 2", Some(json!([[6, 0, [1, 2]]]))),
            ("float", "12.5", Some(json!(12.5))),
            ("datetime", "2026-11-22T12:00:00Z", Some(json!("2026-11-22 12:00:00"))),
            ("date", "2026-11-22T12:00:00Z", Some(json!("2026-11-22"))),
            ("char", "007", Some(json!("007"))),
        ];
        for (kind, given, expected) in cases {
            assert_eq!(typed(kind, given), expected, "{kind} {given}");
        }
        let clearing = [("name".to_owned(), None), ("tags".to_owned(), Some(String::new()))].into();
        let known = [("tags".to_owned(), of("many2many"))].into();
        let expected = json!({ "name": false, "tags": [[5, 0, 0]] });
        assert_eq!(written(&clearing, &known).map(Json::from), Ok(expected));
    }

    #[tokio::test]
    async fn types_are_looked_up_only_in_doubt() {
        let row = |value: Json| json!({ "id": 1, "x_vip": value, "name": false }).as_object().cloned().expect("a row");
        let told = Line::new(200, json!({ "x_vip": { "type": "boolean", "selection": [] } }));
        let (script, session, _) = Script::new([told]);
        let asked = ["x_vip".to_owned(), "name".to_owned()];
        let none = kinds_in_doubt(&session, "res.partner", &[row(json!("x"))], &asked).await.expect("no call");
        assert!(none.is_empty());
        let kinds = kinds_in_doubt(&session, "res.partner", &[row(json!(false))], &asked).await.expect("types");
        assert_eq!(text(&json!(false), kinds.get("x_vip")).as_deref(), Some("false"));
        assert_eq!(script.bodies()[0]["allfields"], json!(["x_vip"]));
    }

    #[tokio::test]
    async fn a_field_that_is_gone_is_told_from_a_bad_value() {
        let refused = || Fault::new(FaultClass::Rejected, "builtins.ValueError", "x");
        let (_, session, _) = Script::new([
            Line::new(200, json!({ "name": { "type": "char" } })),
            Line::new(200, json!({ "name": { "type": "char" }, "x_lockstep_id": { "type": "char" } })),
        ]);
        let names = ["name".to_owned(), "lockstep_id".to_owned()];
        let fault = drifted(&session, "res.partner", refused(), &names).await;
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("lockstep_id")));
        assert_eq!(drifted(&session, "res.partner", refused(), &names).await, refused());
    }
}
