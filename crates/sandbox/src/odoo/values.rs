//! What a value becomes on its way into the database, and on its way out. Source: `fields.py` of Odoo's ORM.

use serde_json::Value;

use super::refusal::Refusal;
use super::schema::{Field, Kind};
use super::times;

/// Largest and smallest whole number a column holds.
const INTEGER: std::ops::RangeInclusive<i64> = -2_147_483_648..=2_147_483_647;

/// Reads a plain value as the column keeps it; null where it holds nothing. Links are read elsewhere.
pub(super) fn taken(model: &str, field: &Field, raw: &Value) -> Result<Value, Refusal> {
    if raw.is_null() {
        return Ok(Value::Null);
    }
    Ok(match field.kind {
        Kind::Boolean => is_truthy(raw).into(),
        Kind::Integer | Kind::Many2oneReference => integer(raw)?.into(),
        Kind::Float | Kind::Monetary => float(raw)?.into(),
        _ if *raw == Value::Bool(false) => Value::Null,
        Kind::Char | Kind::Text => text(raw).into(),
        Kind::Html => html(&text(raw)).into(),
        Kind::Selection => {
            let value = text(raw);
            if !field.choices.iter().any(|(choice, _)| *choice == value) {
                return Err(wrong(model, field, raw));
            }
            value.into()
        }
        Kind::Date | Kind::Datetime => match (raw.as_str(), field.kind) {
            (Some(""), _) => Value::Null,
            (Some(text), Kind::Date) => times::read_day(text)?.into(),
            (Some(text), _) => times::read(text)?.into(),
            (None, _) => return Err(Refusal::kind("expected string or bytes-like object")),
        },
        Kind::Many2one | Kind::Many2many | Kind::One2many => return Err(wrong(model, field, raw)),
    })
}

/// Odoo's words for a value that a field cannot hold.
pub(super) fn wrong(model: &str, field: &Field, raw: &Value) -> Refusal {
    Refusal::value(format!("Wrong value for {model}.{}: {}", field.name, python(raw)))
}

/// A value as Python prints it.
pub(super) fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        Value::Array(items) => format!("[{}]", items.iter().map(python).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Python's truth of a value: `"false"` is true.
pub(super) fn is_truthy(raw: &Value) -> bool {
    match raw {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn text(raw: &Value) -> String {
    raw.as_str().map_or_else(|| python(raw), str::to_owned)
}

fn integer(raw: &Value) -> Result<i64, Refusal> {
    let number = match raw {
        Value::Bool(value) => i64::from(*value),
        Value::String(text) if text.is_empty() => 0,
        Value::String(text) => text
            .trim()
            .parse()
            .map_err(|_| Refusal::value(format!("invalid literal for int() with base 10: {}", python(raw))))?,
        #[expect(clippy::cast_possible_truncation, reason = "Python cuts the fraction off too")]
        Value::Number(number) => number.as_i64().or(number.as_f64().map(|it| it as i64)).unwrap_or(i64::MAX),
        _ => return Err(Refusal::kind("int() argument must be a string, a bytes-like object or a number")),
    };
    if INTEGER.contains(&number) {
        return Ok(number);
    }
    Err(Refusal::new(500, "psycopg2.errors.NumericValueOutOfRange", "integer out of range\n"))
}

fn float(raw: &Value) -> Result<f64, Refusal> {
    match raw {
        Value::Bool(value) => Ok(f64::from(u8::from(*value))),
        Value::String(text) if text.is_empty() => Ok(0.0),
        Value::String(text) => text
            .trim()
            .parse()
            .map_err(|_| Refusal::value(format!("could not convert string to float: {}", python(raw)))),
        Value::Number(number) => Ok(number.as_f64().unwrap_or_default()),
        _ => Err(Refusal::kind("float() argument must be a string or a number")),
    }
}

/// Cleans HTML: scripts go, and bare text becomes a paragraph.
pub(super) fn html(text: &str) -> String {
    let mut clean = String::new();
    let mut rest = text;
    while let Some(start) = rest.to_ascii_lowercase().find("<script") {
        clean.push_str(&rest[..start]);
        let tail = &rest[start..];
        rest = tail.to_ascii_lowercase().find("</script>").map_or("", |end| &tail[end + "</script>".len()..]);
    }
    clean.push_str(rest);
    let clean = lone_escaped(&clean);
    let start = clean.trim_start();
    match start.strip_prefix('<').and_then(|it| it.split(|it: char| !it.is_ascii_alphanumeric()).next()) {
        _ if start.is_empty() => clean,
        None => format!("<p>{clean}</p>"),
        // Words after an inline element get a common parent.
        Some(tag) if INLINE.contains(&tag) && !clean.trim_end().ends_with(&format!("</{tag}>")) => {
            format!("<span>{clean}</span>")
        }
        Some(_) => clean,
    }
}

/// Elements that stand within a line.
const INLINE: [&str; 7] = ["a", "b", "code", "em", "i", "strong", "u"];

/// Escapes what only looks like the start of a tag or an entity.
fn lone_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(it) = rest.next() {
        let next = rest.clone().next();
        match it {
            '<' if !next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!')) => {
                out.push_str("&lt;")
            }
            '&' if !next.is_some_and(|next| next.is_ascii_alphabetic() || next == '#') => out.push_str("&amp;"),
            it => out.push(it),
        }
    }
    out
}

/// Text as HTML shows it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What `read` shows of a plain value: nothing is `false`, for numbers 0.
pub(super) fn shown(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Integer | Kind::Many2oneReference, Value::Null) => 0.into(),
        (Kind::Float | Kind::Monetary, Value::Null) => 0.0.into(),
        (_, Value::Null) => false.into(),
        (Kind::Datetime, value) => value.as_i64().map_or(Value::Bool(false), |us| times::written(us).into()),
        (_, value) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::odoo::schema::field;

    fn into(kind: Kind, raw: &Value) -> Result<Value, String> {
        let field = field("f", kind, "F").choices(&[("a", "A")]);
        taken("m", &field, raw).map_err(|refusal| refusal.message)
    }

    #[test]
    fn values_are_taken_as_python_takes_them() {
        assert_eq!(into(Kind::Boolean, &json!("false")), Ok(json!(true)));
        assert_eq!(into(Kind::Integer, &json!("7")), Ok(json!(7)));
        assert_eq!(into(Kind::Integer, &json!(false)), Ok(json!(0)));
        assert_eq!(into(Kind::Char, &json!(false)), Ok(Value::Null));
        assert_eq!(into(Kind::Char, &json!("")), Ok(json!("")));
        assert_eq!(into(Kind::Char, &json!(5)), Ok(json!("5")));
        assert_eq!(into(Kind::Selection, &json!("b")), Err("Wrong value for m.f: 'b'".to_owned()));
        assert!(into(Kind::Integer, &json!("seven")).is_err());
        assert!(into(Kind::Integer, &json!(1_i64 << 40)).is_err());
        assert!(into(Kind::Float, &json!("much")).is_err());
    }

    #[test]
    fn html_is_cleaned() {
        assert_eq!(html("hello"), "<p>hello</p>");
        assert_eq!(html("<b>hello</b><SCRIPT>alert(1)</script>"), "<b>hello</b>");
        assert_eq!(html("İ <script>x"), "<p>İ </p>");
        assert_eq!(html("1 < 2 & 3"), "<p>1 &lt; 2 &amp; 3</p>");
        assert_eq!(html("&lt;b&gt;"), "<p>&lt;b&gt;</p>");
        assert_eq!(html("<b>x</b> y<script>z</script>"), "<span><b>x</b> y</span>");
        assert_eq!(html("<p>a</p><p>b</p>"), "<p>a</p><p>b</p>");
    }
}
