//! What may stand in a contact's members.

use serde_json::{Map, Value as Json};

use crate::limits;
use crate::problem::{Code, Problem};
use crate::text;

/// Checks a name: 1 to [`limits::NAME_CHARS_MAX`] characters, no control characters.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `name`.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if printable && limits::fits(name, limits::NAME_CHARS_MAX) {
        return Ok(());
    }
    let message = format!("name must be 1 to {} characters without control characters.", limits::NAME_CHARS_MAX);
    Err(Problem::of(Code::InvalidFieldValue, "name", message))
}

/// Checks the shape of an e-mail address: one `@` with text on both sides, no spaces or control characters, at most
/// [`limits::EMAIL_CHARS_MAX`] characters. Whether it exists only a message can tell.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `email`.
pub fn check_email(email: &str) -> Result<(), Problem> {
    let mut parts = email.split('@');
    let shaped = parts.by_ref().take(2).filter(|part| !part.is_empty()).count() == 2 && parts.next().is_none();
    let solid = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if shaped && solid && limits::fits(email, limits::EMAIL_CHARS_MAX) {
        return Ok(());
    }
    let message =
        format!("email must be an address such as ana@example.com of at most {} characters.", limits::EMAIL_CHARS_MAX);
    Err(Problem::of(Code::InvalidFieldValue, "email", message))
}

/// Checks metadata: at most [`limits::METADATA_KEYS_MAX`] keys of 1 to [`limits::METADATA_KEY_CHARS_MAX`] characters,
/// [`limits::METADATA_DEPTH_MAX`] levels and [`limits::METADATA_BYTES_MAX`] bytes, and no U+0000 anywhere.
/// Of a patch, check what it leads to: merging can exceed the limits too.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `metadata`, or `metadata.KEY` where one key is at fault.
pub fn check_metadata(metadata: &Map<String, Json>) -> Result<(), Problem> {
    let refuse = |param: String, message: String| Err(Problem::of(Code::InvalidFieldValue, param, message));
    let whole = || "metadata".to_owned();
    if metadata.len() as u64 > limits::METADATA_KEYS_MAX {
        return refuse(whole(), format!("metadata takes at most {} keys.", limits::METADATA_KEYS_MAX));
    }
    for (key, value) in metadata {
        let param = || format!("metadata.{}", text::clean(key).chars().take(64).collect::<String>());
        if key.is_empty() || !limits::fits(key, limits::METADATA_KEY_CHARS_MAX) {
            return refuse(
                param(),
                format!("A metadata key must be 1 to {} characters.", limits::METADATA_KEY_CHARS_MAX),
            );
        }
        if text::has_nul(key) || holds_nul(value) {
            return refuse(param(), "metadata must not hold U+0000.".to_owned());
        }
        if depth(value) + 1 > limits::METADATA_DEPTH_MAX {
            return refuse(param(), format!("metadata nests at most {} levels.", limits::METADATA_DEPTH_MAX));
        }
    }
    let bytes = serde_json::to_vec(metadata).map_or(u64::MAX, |json| json.len() as u64);
    if bytes > limits::METADATA_BYTES_MAX {
        return refuse(whole(), format!("metadata takes at most {} bytes as JSON.", limits::METADATA_BYTES_MAX));
    }
    Ok(())
}

/// Levels of nesting; text and numbers have none. The JSON reader bounds it, so this cannot exhaust the stack.
fn depth(value: &Json) -> u64 {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => 0,
    }
}

fn holds_nul(value: &Json) -> bool {
    match value {
        Json::String(value) => text::has_nul(value),
        Json::Array(items) => items.iter().any(holds_nul),
        Json::Object(members) => members.iter().any(|(key, value)| text::has_nul(key) || holds_nul(value)),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_and_addresses_have_a_shape_and_a_length() {
        assert!(check_name("王小明").is_ok() && check_name(&"é".repeat(255)).is_ok());
        for name in ["", "  ", "a\0b", "a\nb", &"é".repeat(256)] {
            assert_eq!(check_name(name).unwrap_err().param.as_deref(), Some("name"), "{name:?}");
        }
        assert!(check_email("ana+x@example.co.id").is_ok());
        for email in [
            "",
            "ana",
            "@",
            "ana@",
            "@example.com",
            "a@b@c",
            "a b@c.d",
            "a@b\0",
            &format!("{}@example.com", "a".repeat(250)),
        ] {
            assert_eq!(check_email(email).unwrap_err().param.as_deref(), Some("email"), "{email:?}");
        }
    }

    #[test]
    fn metadata_is_bounded_in_every_direction() {
        let check = |value: Json| check_metadata(value.as_object().unwrap()).map_err(|problem| problem.param.unwrap());
        let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "k": inner }));
        let many = |count: usize| Json::Object((0..count).map(|n| (n.to_string(), json!(n))).collect());
        assert_eq!(check(json!({})), Ok(()));
        assert_eq!((check(many(50)), check(many(51))), (Ok(()), Err("metadata".to_owned())));
        assert_eq!((check(nested(8)), check(nested(9))), (Ok(()), Err("metadata.k".to_owned())));
        assert_eq!(check(json!({ "": 1 })), Err("metadata.".to_owned()));
        assert!(check(json!({ "k".repeat(65): 1 })).is_err());
        assert_eq!(check(json!({"k": [{"x": "a\0"}]})), Err("metadata.k".to_owned()));
        assert_eq!(check(json!({"a\0": 1})), Err("metadata.a".to_owned()));
        assert_eq!(check(json!({"k": "x".repeat(16 * 1024)})), Err("metadata".to_owned()));
    }
}
