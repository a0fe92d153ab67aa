//! One value from the app's type to a native property's text, and back.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Number, Value as Json};

use super::date;
use super::mapping::{MapRow, Way};
use super::payload::fits;
use super::schema::{SimpleType, TextFormat};
use super::selector::{NativeKind, Selector};

/// What stands between the values of a native list.
const SEPARATOR: char = ';';

/// The text that a native field takes for a value; `None` clears it, as empty text does.
///
/// # Errors
/// What the value would have to be.
pub fn to_native(value: &Json, target: &Selector, way: &Way) -> Result<Option<String>, String> {
    let zone = zone_of(way)?;
    let made = match target.native_type {
        NativeKind::Object if value.is_object() => value.to_string(),
        NativeKind::List if value.is_array() => value.to_string(),
        NativeKind::Object | NativeKind::List => return Err("does not fit an object or a list".to_owned()),
        NativeKind::Choices => joined(value, target)?,
        _ if *value == Json::Null || *value == "" => String::new(),
        NativeKind::Choice => chosen(&scalar(value)?, target),
        NativeKind::Text if matches!(way, Way::Date { .. }) => instant(&scalar(value)?, &zone)?.to_string(),
        NativeKind::Date | NativeKind::Datetime if *way == Way::Direct => scalar(value)?,
        NativeKind::Datetime => instant(&scalar(value)?, &zone)?.to_string(),
        NativeKind::Date => date::day(&scalar(value)?, &zone).ok_or("is no ISO 8601 date")?.to_string(),
        NativeKind::Integer if matches!(way, Way::Date { .. }) => {
            instant(&scalar(value)?, &zone)?.as_millisecond().to_string()
        }
        NativeKind::Integer => whole(&scalar(value)?).ok_or("is no whole number")?.to_string(),
        // The digits stay as they were written: an amount is not to pass through a float.
        NativeKind::Number => Some(scalar(value)?).filter(|text| number(text).is_some()).ok_or("is no number")?,
        NativeKind::Boolean => boolean(&scalar(value)?).ok_or("is neither true nor false")?.to_string(),
        NativeKind::Text => scalar(value)?,
    };
    Ok(Some(made).filter(|made| !made.is_empty()))
}

/// The app's value for a native text; `null` where there is none or where it does not fit.
pub fn from_native(text: Option<&str>, kind: NativeKind, simple_type: SimpleType, way: &Way) -> Json {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Json::Null };
    let value = match simple_type {
        _ if matches!(way, Way::Date { .. }) => iso(text, kind, simple_type, way),
        SimpleType::String(_) => Some(text.into()),
        SimpleType::Number => number(text).map(Json::Number),
        SimpleType::Integer => whole(text).map(Json::from),
        SimpleType::Boolean => boolean(text).map(Json::Bool),
        SimpleType::Array(_) if kind == NativeKind::Choices => {
            Some(text.split(SEPARATOR).map(str::trim).filter(|part| !part.is_empty()).map(Json::from).collect())
        }
        SimpleType::Array(_) | SimpleType::Object => serde_json::from_str(text).ok(),
    };
    // What is read as plain text needs no look at its format: the CRM holds what it holds.
    let shape = SimpleType::new(simple_type.json_type(), None).unwrap_or(simple_type);
    value.filter(|value| fits(shape, value).is_ok()).unwrap_or(Json::Null)
}

/// The row of a value map that lists a value.
pub fn listed<'a>(value: &Json, rows: &'a [MapRow]) -> Option<&'a MapRow> {
    let text = scalar(value).ok()?;
    rows.iter().find(|row| row.from.contains(&text))
}

fn zone_of(way: &Way) -> Result<TimeZone, String> {
    let name = if let Way::Date { time_zone } = way { time_zone.as_deref() } else { None };
    date::zone(name).ok_or_else(|| "names no IANA time zone".to_owned())
}

fn scalar(value: &Json) -> Result<String, String> {
    match value {
        Json::String(text) => Ok(text.clone()),
        Json::Number(number) => Ok(number.to_string()),
        Json::Bool(flag) => Ok(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err("must be text, a number or a boolean".to_owned()),
    }
}

/// The listed value that a text is, by value or by label; another text as it is, for the list may be out of date.
fn chosen(text: &str, target: &Selector) -> String {
    let by_label = || target.choices.iter().find(|choice| choice.label.eq_ignore_ascii_case(text.trim()));
    let by_value = target.choices.iter().find(|choice| choice.value == text);
    by_value.or_else(by_label).map_or_else(|| text.to_owned(), |choice| choice.value.clone())
}

fn joined(value: &Json, target: &Selector) -> Result<String, String> {
    let parts = match value {
        Json::Null => return Ok(String::new()),
        Json::Array(parts) => parts.iter().map(scalar).collect::<Result<Vec<_>, _>>()?,
        one => return scalar(one),
    };
    if parts.iter().any(|part| part.contains(SEPARATOR)) {
        return Err(format!("holds an item with \"{SEPARATOR}\", which separates items in the CRM"));
    }
    let parts: Vec<String> = parts.iter().map(|part| chosen(part, target)).collect();
    Ok(parts.join(&SEPARATOR.to_string()))
}

fn iso(text: &str, kind: NativeKind, simple_type: SimpleType, way: &Way) -> Option<Json> {
    let zone = zone_of(way).ok()?;
    let millis = || Timestamp::from_millisecond(whole(text)?).ok().map(|instant| instant.to_string());
    let text = if kind == NativeKind::Integer { millis()? } else { text.to_owned() };
    Some(match simple_type {
        SimpleType::String(Some(TextFormat::Date)) => date::day(&text, &zone)?.to_string().into(),
        _ => date::instant(&text, &zone)?.to_string().into(),
    })
}

fn instant(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    date::instant(text, zone).ok_or_else(|| "is no ISO 8601 date".to_owned())
}

fn number(text: &str) -> Option<Number> {
    serde_json::from_str(text.trim()).ok()
}

/// A whole number, also when it is written `3.0`.
fn whole(text: &str) -> Option<i64> {
    let text = text.trim();
    let bare = text.split_once('.').filter(|(_, zeros)| zeros.bytes().all(|digit| digit == b'0'));
    bare.map_or(text, |(bare, _)| bare).parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    text.trim().to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::selector::tests::deals;
    use serde_json::json;

    fn written(name: &str, value: Json, way: &Way) -> Result<Option<String>, String> {
        let deals = deals();
        let root = deals.selector.as_ref().unwrap();
        to_native(&value, root.find(&format!("#/properties/{name}")).unwrap(), way)
    }

    fn jakarta() -> Way {
        Way::Date { time_zone: Some("Asia/Jakarta".to_owned()) }
    }

    #[test]
    fn a_value_takes_the_type_of_its_target() {
        let direct = |name: &str, value: Json| written(name, value, &Way::Direct).ok().flatten();
        assert_eq!(direct("amount", json!("12.50")).as_deref(), Some("12.50"));
        assert_eq!(direct("sent_ms", json!("7.0")).as_deref(), Some("7"));
        assert_eq!(direct("stage", json!("closed WON")).as_deref(), Some("won"));
        assert_eq!(direct("stage", json!("brand new")).as_deref(), Some("brand new"));
        assert_eq!(direct("tags", json!(["a", "b"])).as_deref(), Some("a;b"));
        assert_eq!(direct("signed", json!(true)).as_deref(), Some("true"));
        assert_eq!(direct("dealname", json!("")), None);
        for (name, bad) in
            [("amount", json!("much")), ("tags", json!(["a;b"])), ("signed", json!(3)), ("site", json!(1))]
        {
            assert!(written(name, bad, &Way::Direct).is_err(), "{name}");
        }
    }

    #[test]
    fn a_date_becomes_what_the_crm_takes() {
        let at = json!("2022-05-17T23:17:53Z");
        assert_eq!(written("closedate", at.clone(), &jakarta()), Ok(Some("2022-05-18".to_owned())));
        assert_eq!(written("createdate", json!("2022-05-17"), &jakarta()), Ok(Some("2022-05-16T17:00:00Z".to_owned())));
        assert_eq!(written("sent_ms", at.clone(), &jakarta()), Ok(Some("1652829473000".to_owned())));
        assert_eq!(written("closedate", at, &Way::Direct), Ok(Some("2022-05-17T23:17:53Z".to_owned())));
        let nowhere = Way::Date { time_zone: Some("Nowhere".to_owned()) };
        assert!(written("closedate", json!("2022-05-17"), &nowhere).is_err());
    }

    #[test]
    fn what_a_crm_holds_is_read_as_the_apps_type_or_as_null() {
        let read = |text, kind, simple| from_native(Some(text), kind, simple, &Way::Direct);
        assert_eq!(read("12.5", NativeKind::Number, SimpleType::Number), json!(12.5));
        assert_eq!(read("3.0", NativeKind::Integer, SimpleType::Integer), json!(3));
        assert_eq!(read("7", NativeKind::Integer, SimpleType::String(None)), json!("7"));
        assert_eq!(read("TRUE", NativeKind::Boolean, SimpleType::Boolean), json!(true));
        assert_eq!(read("a; b;", NativeKind::Choices, SimpleType::Array(None)), json!(["a", "b"]));
        assert_eq!(read(r#"{"a":1}"#, NativeKind::Object, SimpleType::Object), json!({"a": 1}));
        for (text, kind, simple) in [
            ("much", NativeKind::Number, SimpleType::Number),
            ("[1]", NativeKind::Object, SimpleType::Object),
            ("", NativeKind::Text, SimpleType::String(None)),
        ] {
            assert_eq!(read(text, kind, simple), Json::Null, "{text}");
        }
        let moment = SimpleType::String(Some(TextFormat::Datetime));
        let day = SimpleType::String(Some(TextFormat::Date));
        assert_eq!(
            from_native(Some("1652829473000"), NativeKind::Integer, moment, &jakarta()),
            json!("2022-05-17T23:17:53Z")
        );
        assert_eq!(
            from_native(Some("2022-05-17T23:17:53Z"), NativeKind::Datetime, day, &jakarta()),
            json!("2022-05-18")
        );
        assert_eq!(from_native(Some("soon"), NativeKind::Text, moment, &jakarta()), Json::Null);
    }
}
