//! The fields of an object: what there is, of which type, and how a text is written in it (Pipedrive's fields API v2).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::faults;
use super::kinds::{Kind, PERSON};
use super::wire::{ask, in_path, page};
use crate::connector::{Description, PropertySpec};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Fields in one page.
const PAGE: usize = 500;
/// Pages of fields that are read: a company has 1,000 fields of an object at most.
const PAGES_MAX: usize = 4;
/// How long the fields are remembered for writes: a field's type never changes, and one that has gone is asked for anew
/// when a write is refused.
const AGE_MAX: Duration = Duration::from_secs(600);
/// What the primary addresses of a person leave over, as properties of our own: after which field, name, label.
const OTHERS: [(&str, &str, &str); 2] =
    [("email", "other_emails", "Other e-mail addresses"), ("phone", "other_phones", "Other phone numbers")];

/// A field as Pipedrive defines it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Field {
    #[serde(rename = "field_name", default)]
    pub name: String,
    #[serde(rename = "field_code")]
    pub code: String,
    #[serde(rename = "field_type", default)]
    pub native_type: String,
    #[serde(default)]
    options: Option<Vec<FieldOption>>,
    #[serde(rename = "is_custom_field", default)]
    pub is_custom: bool,
    /// Records show it only to who asks for it by name.
    #[serde(rename = "is_optional_response_field", default)]
    pub is_extra: bool,
}

/// One value of a list.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct FieldOption {
    id: Json,
    #[serde(default)]
    label: String,
}

impl Field {
    /// The values it takes: what is written, and its name for people.
    pub(super) fn choices(&self) -> impl Iterator<Item = (String, String)> + '_ {
        let value = |id: &Json| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        self.options.iter().flatten().map(move |option| (value(&option.id), option.label.clone()))
    }

    /// Whether a request may write it.
    pub(super) fn is_writable(&self, kind: &Kind) -> bool {
        self.is_custom || kind.writable.contains(&self.code.as_str())
    }

    /// A text in the field's type: v2 takes every value in its own type and nothing else. What cannot be read as that stays
    /// text, and Pipedrive says what is wrong with it. Nothing clears.
    pub(super) fn on_wire(&self, value: Option<&str>) -> Json {
        let Some(text) = value.filter(|text| !text.is_empty()) else {
            return if self.code == "label_ids" { json!([]) } else { Json::Null };
        };
        let whole = |text: &str| text.trim().parse::<i64>().map_or_else(|_| text.into(), Json::from);
        let parsed = || serde_json::from_str::<Json>(text).ok();
        match self.native_type.as_str() {
            "int" | "enum" | "org" | "people" | "user" | "stage" | "deal" | "activity" | "project" | "visible_to" => {
                whole(text)
            }
            "double" => parsed().filter(Json::is_number).unwrap_or_else(|| text.into()),
            "set" => text.split([';', ',']).map(whole).collect(),
            "boolean" => parsed().filter(Json::is_boolean).unwrap_or_else(|| text.into()),
            "varchar_options" | "json" => parsed().filter(Json::is_array).unwrap_or_else(|| text.into()),
            "date" if text.contains('T') => whole_seconds(text).into(),
            // Of a time of their own, companies keep a zone besides.
            "address" | "monetary" | "daterange" | "timerange" => with_parts(parsed(), text),
            "time" if self.is_custom => with_parts(parsed(), text),
            _ => text.into(),
        }
    }

    fn spec(&self, kind: &Kind) -> PropertySpec {
        PropertySpec {
            name: self.code.clone(),
            label: if self.name.is_empty() { self.code.clone() } else { self.name.clone() },
            native_type: self.native_type.clone(),
            unique: false,
            read_only: !self.is_writable(kind),
            options: self.choices().map(|(value, _)| value).collect(),
        }
    }
}

fn with_parts(parsed: Option<Json>, text: &str) -> Json {
    parsed.filter(Json::is_object).unwrap_or_else(|| json!({ "value": text }))
}

/// Fractions of a second are refused.
fn whole_seconds(text: &str) -> String {
    let read: Option<jiff::Timestamp> = text.parse().ok();
    let whole = read.and_then(|at| jiff::Timestamp::from_second(at.as_second()).ok());
    whole.map_or_else(|| text.to_owned(), |at| at.to_string())
}

/// The fields of an object as they were a short while ago. No call, or as [`of`] says.
pub(super) async fn remembered(session: &Session, kind: &Kind) -> Result<Vec<Field>, Fault> {
    let known = session.door.memory().and_then(|memory| memory.recall(&kind.fields(), session.env.now(), AGE_MAX));
    match known.and_then(|known| Vec::deserialize(&*known).ok()) {
        Some(fields) => Ok(fields),
        None => of(session, kind).await,
    }
}

/// The fields of an object. One call for each 500.
pub(super) async fn of(session: &Session, kind: &Kind) -> Result<Vec<Field>, Fault> {
    let mut all = Vec::new();
    let mut path = format!("{}?limit={PAGE}", kind.fields());
    for _ in 0..PAGES_MAX {
        let page = page::<Field>(session, Call::read(Method::Get, path, None)).await?;
        all.extend(page.rows);
        let Some(cursor) = page.next else { break };
        path = format!("{}?limit={PAGE}&cursor={}", kind.fields(), in_path(&cursor));
    }
    if let (Some(memory), Ok(fields)) = (session.door.memory(), serde_json::to_value(&all)) {
        memory.keep(&kind.fields(), session.env.now(), fields);
    }
    Ok(all)
}

/// The fields of an object with our own after those that they are made of.
pub(super) fn with_others(kind: &Kind, fields: Vec<Field>) -> Vec<Field> {
    let mut all = Vec::with_capacity(fields.len() + OTHERS.len());
    for field in fields.into_iter().filter(|field| !field.is_extra) {
        let other = OTHERS.iter().find(|(after, ..)| kind.is_person() && *after == field.code);
        all.push(field);
        all.extend(other.map(|(_, code, name)| Field {
            name: (*name).to_owned(),
            code: (*code).to_owned(),
            native_type: "varchar".to_owned(),
            options: None,
            is_custom: false,
            is_extra: false,
        }));
    }
    all
}

/// The fields of people. One call for each 500.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    let fields = with_others(&PERSON, of(session, &PERSON).await?);
    Ok(Description { properties: fields.iter().map(|field| field.spec(&PERSON)).collect() })
}

/// Gives an object a text field that can hold our id, or finds that it is there and fits. Pipedrive chooses its code and
/// keeps nothing unique. At most two calls.
pub(super) async fn add_key(session: &Session, kind: &Kind, name: &str) -> Result<(), Fault> {
    if !kind.has_customs {
        let message = format!("Pipedrive has no fields of a company's own on {}.", kind.slug);
        return Err(Fault::new(FaultClass::Rejected, "NO_CUSTOM_FIELDS", message));
    }
    let known = of(session, kind).await?;
    let named = |field: &&Field| field.code == name || (field.is_custom && field.name.eq_ignore_ascii_case(name));
    if let Some(field) = known.iter().find(named) {
        return check_key(field, name);
    }
    let body = json!({ "field_name": name, "field_type": "varchar" });
    let made: Field = ask(session, Call::write(Method::Post, kind.fields(), Some(body))).await?;
    check_key(&made, name)
}

fn check_key(field: &Field, name: &str) -> Result<(), Fault> {
    if field.is_custom && matches!(field.native_type.as_str(), "varchar" | "text" | "varchar_auto") {
        return Ok(());
    }
    let message = format!("The field \"{name}\" exists but is not a text field of the company's own. Choose another.");
    let fault = Fault::new(FaultClass::Rejected, "KEY_PROPERTY_UNFIT", message);
    Err(Fault { property: Some(name.to_owned()), ..fault }.bounded())
}

/// What a refused write means: a property of it may have gone. One call where that may be; the refusal stands where it
/// cannot be told.
pub(super) async fn refused(session: &Session, kind: &Kind, written: &[(&str, &str)], fault: Fault) -> Fault {
    if !faults::may_be_drift(&fault) {
        return fault;
    }
    let Ok(known) = of(session, kind).await else { return fault };
    let is_gone = |code: &str| known.iter().all(|field| field.code != code);
    let gone = written.iter().find(|(_, code)| is_gone(code));
    gone.map_or(fault, |(property, _)| faults::gone(property, kind.slug))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn field(code: &str, native_type: &str, is_custom: bool) -> Json {
        json!({ "field_name": code, "field_code": code, "field_type": native_type, "is_custom_field": is_custom })
    }

    fn listed(fields: &[Json], next: Option<&str>) -> Line {
        Line::new(200, json!({ "success": true, "data": fields, "additional_data": { "next_cursor": next } }))
    }

    #[test]
    fn every_type_is_written_as_it_wants_to_be() {
        let cases = [
            ("varchar", false, "12", json!("12")),
            ("int", false, "12", json!(12)),
            ("int", false, "twelve", json!("twelve")),
            ("double", false, "12.5", json!(12.5)),
            ("enum", true, "27", json!(27)),
            ("set", true, "27;28", json!([27, 28])),
            ("status", false, "won", json!("won")),
            ("boolean", false, "true", json!(true)),
            ("date", false, "2026-11-22", json!("2026-11-22")),
            ("date", false, "2026-11-22T10:00:00.25Z", json!("2026-11-22T10:00:00Z")),
            ("address", false, "Rome", json!({ "value": "Rome" })),
            ("monetary", true, r#"{"value":5,"currency":"EUR"}"#, json!({ "value": 5, "currency": "EUR" })),
            ("time", false, "10:00", json!("10:00")),
            ("time", true, "10:00", json!({ "value": "10:00" })),
            ("json", false, "[1]", json!([1])),
        ];
        for (native_type, is_custom, text, expected) in cases {
            let field: Field = serde_json::from_value(field("x", native_type, is_custom)).expect("a field");
            assert_eq!(field.on_wire(Some(text)), expected, "{native_type} {text}");
            assert_eq!(field.on_wire(None), Json::Null);
        }
    }

    #[tokio::test]
    async fn fields_are_read_page_by_page_and_described() {
        let first = listed(&[field("name", "varchar", false), field("phone", "phone", false)], Some("p 2"));
        let second = listed(&[field("add_time", "date", false), field("0a", "varchar", true)], None);
        let (script, session, _) = Script::new([first, second]);
        let described = describe(&session).await.expect("a description").properties;
        let told: Vec<_> = described.iter().map(|it| (it.name.as_str(), it.read_only)).collect();
        let expected = [("name", false), ("phone", false), ("other_phones", true), ("add_time", true), ("0a", false)];
        assert_eq!(told, expected);
        assert_eq!(script.calls()[1].path, "/api/v2/personFields?limit=500&cursor=p%202");
    }

    #[tokio::test]
    async fn a_key_is_made_once_and_found_fit() {
        let mut key = field("0a1b", "varchar", true);
        key["field_name"] = "Lockstep_ID".into();
        let made = Line::new(201, json!({ "success": true, "data": key }));
        let lines = [listed(&[], None), made, listed(&[key], None), listed(&[field("name", "varchar", false)], None)];
        let (script, session, _) = Script::new(lines);
        assert_eq!(add_key(&session, &PERSON, "lockstep_id").await, Ok(()));
        assert_eq!(add_key(&session, &PERSON, "lockstep_id").await, Ok(()));
        let fault = add_key(&session, &PERSON, "name").await.expect_err("unfit");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("name")));
        let calls = script.calls();
        assert_eq!((calls.len(), calls[1].effect), (4, true));
        assert_eq!(calls[1].body, Some(json!({ "field_name": "lockstep_id", "field_type": "varchar" })));
    }
}
