//! Xkit-flavoured JSON: the types of values that go between an app and its users' CRMs.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The six types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JsonType {
    /// Text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Values by name.
    Object,
    /// A list.
    Array,
}

/// What a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TextFormat {
    /// An ISO 8601 date and time. JSON Schema's `date-time` is read as this.
    #[serde(alias = "date-time")]
    Datetime,
    /// An ISO 8601 date.
    Date,
    /// An e-mail address; says how to show it and is not checked.
    Email,
    /// An address on the web; says how to show it and is not checked.
    Uri,
}

/// A type with its format, `{type, format}` on the wire with `null` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawType", into = "RawType")]
pub enum SimpleType {
    /// Text, of a format or of any kind.
    String(Option<TextFormat>),
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// Values by name.
    Object,
    /// A list, of items of one type or of any.
    Array(Option<JsonType>),
}

/// A type with its format.
#[derive(Serialize, Deserialize, ToSchema)]
struct RawType {
    /// The type.
    #[serde(rename = "type")]
    json_type: JsonType,
    /// Of text `datetime`, `date`, `email` or `uri`, of an array the type of its items.
    #[serde(default)]
    format: Option<String>,
}

impl PartialSchema for SimpleType {
    fn schema() -> RefOr<Schema> {
        RawType::schema()
    }
}

impl ToSchema for SimpleType {
    fn name() -> Cow<'static, str> {
        "SimpleType".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        RawType::schemas(schemas);
    }
}

/// A format that its type does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has the unknown format \"{0}\": text takes datetime, date, email or uri, an array the type of its items")]
pub struct BadFormat(pub String);

/// Reads one word of a closed list by the list's own spelling.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

impl SimpleType {
    /// A type with a format.
    ///
    /// # Errors
    /// A format that is unknown or that the type does not take.
    pub fn new(json_type: JsonType, format: Option<&str>) -> Result<Self, BadFormat> {
        let bad = |format: &str| BadFormat(format.chars().take(40).collect());
        match (json_type, format) {
            (JsonType::String, None) => Ok(Self::String(None)),
            (JsonType::String, Some(text)) => word(text).map(|format| Self::String(Some(format))).ok_or(bad(text)),
            (JsonType::Array, None) => Ok(Self::Array(None)),
            (JsonType::Array, Some(text)) => word(text).map(|items| Self::Array(Some(items))).ok_or(bad(text)),
            (_, Some(text)) => Err(bad(text)),
            (JsonType::Number, None) => Ok(Self::Number),
            (JsonType::Integer, None) => Ok(Self::Integer),
            (JsonType::Boolean, None) => Ok(Self::Boolean),
            (JsonType::Object, None) => Ok(Self::Object),
        }
    }

    /// The type without its format.
    pub const fn json_type(self) -> JsonType {
        match self {
            Self::String(_) => JsonType::String,
            Self::Number => JsonType::Number,
            Self::Integer => JsonType::Integer,
            Self::Boolean => JsonType::Boolean,
            Self::Object => JsonType::Object,
            Self::Array(_) => JsonType::Array,
        }
    }

    /// Whether a value of this type may be put where the other is taken. An e-mail or web address is text like any other.
    pub fn matches(self, other: Self) -> bool {
        let plain = |simple| match simple {
            Self::String(Some(TextFormat::Email | TextFormat::Uri)) => Self::String(None),
            other => other,
        };
        plain(self) == plain(other)
    }
}

impl TryFrom<RawType> for SimpleType {
    type Error = BadFormat;
    fn try_from(raw: RawType) -> Result<Self, BadFormat> {
        Self::new(raw.json_type, raw.format.as_deref())
    }
}

impl From<SimpleType> for RawType {
    fn from(simple: SimpleType) -> Self {
        let text = |word: serde_json::Value| word.as_str().map(str::to_owned);
        let format = match simple {
            SimpleType::String(Some(format)) => serde_json::to_value(format).ok().and_then(text),
            SimpleType::Array(Some(items)) => serde_json::to_value(items).ok().and_then(text),
            _ => None,
        };
        Self { json_type: simple.json_type(), format }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_go_over_the_wire_and_back_with_one_spelling() {
        for (given, canonical) in [
            (json!({"type": "string"}), json!({"type": "string", "format": null})),
            (json!({"type": "string", "format": "date-time"}), json!({"type": "string", "format": "datetime"})),
            (json!({"type": "array", "format": "object"}), json!({"type": "array", "format": "object"})),
            (json!({"type": "integer", "format": null}), json!({"type": "integer", "format": null})),
        ] {
            let simple: SimpleType = serde_json::from_value(given).unwrap();
            assert_eq!(serde_json::to_value(simple).unwrap(), canonical);
        }
        for bad in [json!({"type": "date"}), json!({"type": "number", "format": "int32"}), json!({"format": "date"})] {
            assert!(serde_json::from_value::<SimpleType>(bad.clone()).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_text_and_a_date_is_not() {
        let text = SimpleType::String(None);
        assert!(SimpleType::String(Some(TextFormat::Email)).matches(text));
        assert!(!SimpleType::String(Some(TextFormat::Date)).matches(text));
        assert!(!SimpleType::Integer.matches(SimpleType::Number));
    }
}
