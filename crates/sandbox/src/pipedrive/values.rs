//! What a request may write: v2 takes every value in its own type and nothing else. Source: Pipedrive's OpenAPI
//! document and its guide from v1 to v2 ("stricter input validation").

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::company::{Company, USERS};
use super::fields::Field;
use super::kinds::{Kind, Shape};
use super::stages;

/// Characters of a one-line text.
const TEXT_MAX: usize = 255;
/// Bytes of a long text.
const LONG_TEXT_MAX: usize = 65_535;
/// Entries of a list.
const LIST_MAX: usize = 100;

/// Parts of a postal address.
pub(super) const PLACE: [&str; 10] = [
    "value",
    "country",
    "admin_area_level_1",
    "admin_area_level_2",
    "locality",
    "sublocality",
    "route",
    "street_number",
    "subpremise",
    "postal_code",
];

fn wrong(name: &str, expected: &str) -> Refusal {
    Refusal::invalid(format!("{name}: {expected}"))
}

/// The parts that make up a value of a custom field's type; none for a type with a single value.
pub(super) fn parts(field_type: &str) -> Option<&'static [&'static str]> {
    match field_type {
        "monetary" => Some(&["value", "currency"]),
        "daterange" => Some(&["value", "until"]),
        "time" => Some(&["value", "timezone_id", "timezone_name"]),
        "timerange" => Some(&["value", "until", "timezone_id", "timezone_name"]),
        "address" => Some(&PLACE),
        _ => None,
    }
}

/// Reads RFC 3339 without a fraction of a second: one is refused.
pub(super) fn moment(name: &str, text: &str) -> Result<i64, Refusal> {
    let at: Option<Timestamp> = text.parse().ok().filter(|_| !text.contains('.') && text.contains(['T', 't']));
    at.map(Timestamp::as_microsecond).ok_or_else(|| wrong(name, &format!("{text} is not a valid datetime")))
}

impl Company {
    /// A value of a member that every company has, as it will be kept; `null` clears.
    pub(super) fn check_member(&self, kind: Kind, name: &str, shape: Shape, value: &Value) -> Result<Value, Refusal> {
        if value.is_null() && !matches!(shape, Shape::Name | Shape::User | Shape::VisibleTo | Shape::Word(_)) {
            let is_list = matches!(shape, Shape::Points | Shape::Labels | Shape::Participants | Shape::List);
            return Ok(if is_list { json!([]) } else { Value::Null });
        }
        match shape {
            Shape::Name => text(name, value, LONG_TEXT_MAX).and_then(|it| match it.as_str().map(str::trim) {
                None | Some("") => Err(wrong(name, "must not be empty")),
                Some(_) => Ok(it),
            }),
            Shape::Text => text(name, value, TEXT_MAX),
            Shape::LongText => text(name, value, LONG_TEXT_MAX),
            Shape::Whole => whole(name, value).map(Value::from),
            Shape::Number => number(name, value),
            Shape::Flag => value.is_boolean().then(|| value.clone()).ok_or_else(|| wrong(name, "must be a boolean")),
            Shape::Date => date(name, value),
            Shape::Time => time(name, value),
            Shape::Moment => {
                let at = value.as_str().ok_or_else(|| wrong(name, "must be a string"))?;
                moment(name, at).map(|us| stamp(us).into())
            }
            Shape::Points => points(name, value),
            Shape::Labels => {
                let ids = list(name, value)?;
                let known = self.fields.named(kind, name);
                for id in ids {
                    self.option(known, name, id)?;
                }
                Ok(value.clone())
            }
            Shape::VisibleTo => match value.as_u64() {
                Some(1 | 3 | 5 | 7) => Ok(value.clone()),
                _ => Err(wrong(name, "must be one of 1, 3, 5, 7")),
            },
            Shape::Place => place(name, value, &PLACE),
            Shape::User => user(name, value),
            Shape::Ref(of) => self.reference(name, of, value),
            Shape::Word(words) => match value.as_str() {
                Some(word) if words.contains(&word) => Ok(value.clone()),
                _ => Err(wrong(name, &format!("must be one of {}", words.join(", ")))),
            },
            Shape::Stage => known_id(name, value, stages::pipeline_of(whole(name, value)?).is_some()),
            Shape::Pipeline => known_id(name, value, whole(name, value)? == stages::PIPELINE),
            Shape::Participants => {
                for row in list(name, value)? {
                    self.reference(name, Kind::Person, &row["person_id"])?;
                }
                Ok(value.clone())
            }
            Shape::List => list(name, value).map(|_| value.clone()),
        }
    }

    /// A value of a custom field, as it will be kept; `null` clears.
    pub(super) fn check_custom(&self, field: &Field, value: &Value) -> Result<Value, Refusal> {
        let name = &format!("custom_fields.{}", field.code);
        if value.is_null() {
            return Ok(Value::Null);
        }
        if let Some(parts) = parts(&field.field_type) {
            return compound(name, &field.field_type, value, parts);
        }
        match field.field_type.as_str() {
            "double" => number(name, value),
            "int" => whole(name, value).map(Value::from),
            "date" => date(name, value),
            "enum" => self.option(Some(field), name, value),
            "set" => {
                list(name, value)?.iter().try_for_each(|id| self.option(Some(field), name, id).map(drop))?;
                Ok(value.clone())
            }
            "user" => user(name, value),
            "org" => self.reference(name, Kind::Organization, value),
            "people" => self.reference(name, Kind::Person, value),
            "text" => text(name, value, LONG_TEXT_MAX),
            _ => text(name, value, TEXT_MAX),
        }
    }

    fn option(&self, field: Option<&Field>, name: &str, value: &Value) -> Result<Value, Refusal> {
        let id = whole(name, value)?;
        let is_known = field.is_some_and(|field| field.options.iter().any(|option| option.id == id));
        known_id(name, value, is_known)
    }

    fn reference(&self, name: &str, of: Kind, value: &Value) -> Result<Value, Refusal> {
        let id = whole(name, value)?;
        known_id(name, value, self.live(of, id.unsigned_abs()).is_some())
    }
}

fn known_id(name: &str, value: &Value, is_known: bool) -> Result<Value, Refusal> {
    is_known.then(|| value.clone()).ok_or_else(|| wrong(name, &format!("{value} does not exist")))
}

fn user(name: &str, value: &Value) -> Result<Value, Refusal> {
    let id = whole(name, value)?;
    known_id(name, value, USERS.iter().any(|user| i64::from(user.id) == id))
}

fn text(name: &str, value: &Value, max: usize) -> Result<Value, Refusal> {
    match value.as_str() {
        Some(it) if it.chars().count() <= max => Ok(value.clone()),
        Some(_) => Err(wrong(name, &format!("must be shorter than or equal to {max} characters"))),
        None => Err(wrong(name, "must be a string")),
    }
}

fn whole(name: &str, value: &Value) -> Result<i64, Refusal> {
    value.as_i64().ok_or_else(|| wrong(name, "must be an integer"))
}

fn number(name: &str, value: &Value) -> Result<Value, Refusal> {
    value.is_number().then(|| value.clone()).ok_or_else(|| wrong(name, "must be a number"))
}

fn date(name: &str, value: &Value) -> Result<Value, Refusal> {
    let is_date = value.as_str().is_some_and(|it| it.len() == 10 && it.parse::<Date>().is_ok());
    is_date.then(|| value.clone()).ok_or_else(|| wrong(name, "must be a date (YYYY-MM-DD)"))
}

/// `HH:MM` or `HH:MM:SS`, kept with seconds.
fn time(name: &str, value: &Value) -> Result<Value, Refusal> {
    let read: Option<Time> = value.as_str().filter(|it| it.contains(':')).and_then(|it| it.parse().ok());
    read.map(|at| at.strftime("%H:%M:%S").to_string().into()).ok_or_else(|| wrong(name, "must be a time (HH:MM:SS)"))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], Refusal> {
    match value.as_array() {
        Some(rows) if rows.len() <= LIST_MAX => Ok(rows),
        Some(_) => Err(wrong(name, &format!("must hold no more than {LIST_MAX} entries"))),
        None => Err(wrong(name, "must be an array")),
    }
}

/// E-mail addresses and the like: exactly one is primary in what is kept.
fn points(name: &str, value: &Value) -> Result<Value, Refusal> {
    let mut kept = Vec::new();
    for row in list(name, value)? {
        let row = row.as_object().ok_or_else(|| wrong(name, "each entry must be an object"))?;
        if let Some(member) = row.keys().find(|it| !["value", "primary", "label"].contains(&it.as_str())) {
            return Err(wrong(name, &format!("{member} is not allowed")));
        }
        let Some(point) = row.get("value").and_then(Value::as_str) else {
            return Err(wrong(name, "value must be a string"));
        };
        text(name, &point.into(), TEXT_MAX)?;
        let is_primary = match row.get("primary") {
            None | Some(Value::Null) => false,
            Some(flag) => flag.as_bool().ok_or_else(|| wrong(name, "primary must be a boolean"))?,
        };
        let label = match row.get("label") {
            None | Some(Value::Null) => "work".into(),
            Some(label) => text(name, label, TEXT_MAX)?,
        };
        kept.push(json!({"value": point, "primary": is_primary, "label": label}));
    }
    // The first that says so is primary, or the first of all.
    let primary = kept.iter().position(|row| row["primary"] == true).unwrap_or(0);
    kept.iter_mut().enumerate().for_each(|(at, row)| row["primary"] = (at == primary).into());
    Ok(kept.into())
}

fn place(name: &str, value: &Value, parts: &[&str]) -> Result<Value, Refusal> {
    let given = value.as_object().ok_or_else(|| wrong(name, "must be an object"))?;
    let mut kept = Map::new();
    for (part, value) in given {
        if !parts.contains(&part.as_str()) {
            return Err(wrong(name, &format!("{part} is not allowed")));
        }
        if !value.is_null() {
            text(name, value, LONG_TEXT_MAX)?;
        }
        kept.insert(part.clone(), value.clone());
    }
    Ok(kept.into())
}

/// A value of several parts, of which all must be right and none may be strange.
fn compound(name: &str, field_type: &str, value: &Value, parts: &[&str]) -> Result<Value, Refusal> {
    let given = value.as_object().ok_or_else(|| wrong(name, "must be an object"))?;
    if let Some(part) = given.keys().find(|part| !parts.contains(&part.as_str())) {
        return Err(wrong(name, &format!("{part} is not allowed")));
    }
    let need = |part: &str| {
        given.get(part).filter(|it| !it.is_null()).ok_or_else(|| wrong(name, &format!("{part} is required")))
    };
    let mut kept = given.clone();
    match field_type {
        "monetary" => {
            number(name, need("value")?)?;
            let currency = need("currency")?.as_str().unwrap_or_default();
            if currency.len() != 3 || !currency.bytes().all(|it| it.is_ascii_uppercase()) {
                return Err(wrong(name, "currency must be a code of three letters"));
            }
        }
        "daterange" => {
            date(name, need("value")?)?;
            date(name, need("until")?)?;
        }
        "time" | "timerange" => {
            kept.insert("value".to_owned(), time(name, need("value")?)?);
            if field_type == "timerange" {
                kept.insert("until".to_owned(), time(name, need("until")?)?);
            }
        }
        _ => return place(name, value, parts),
    }
    Ok(kept.into())
}

/// RFC 3339 in UTC and whole seconds, as v2 writes times.
pub(super) fn stamp(us: i64) -> String {
    Timestamp::from_second(us.div_euclid(1_000_000)).map_or_else(|_| String::new(), |at| at.to_string())
}

/// As v1 writes times: `YYYY-MM-DD HH:MM:SS`, in UTC.
pub(super) fn old_stamp(us: i64) -> String {
    stamp(us).replace('T', " ").replace('Z', "")
}

/// Reads what [`old_stamp`] writes.
pub(super) fn old_moment(name: &str, text: &str) -> Result<i64, Refusal> {
    moment(name, &format!("{}Z", text.trim().replacen(' ', "T", 1)))
}
