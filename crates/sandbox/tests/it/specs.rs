//! What is laid beside our answers: recorded ones and the vendors' contracts. Both lie outside the repository: the
//! environment variable `LOCKSTEP_SPECS` names their folder, and without it tests say that they skip.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The folder of a vendor.
pub fn specs(vendor: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("LOCKSTEP_SPECS").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: LOCKSTEP_SPECS names no folder with the vendors' contracts");
    }
    Some(folder?.join(vendor))
}

pub fn read(folder: &Path, path: &str) -> Value {
    let text = std::fs::read(folder.join(path)).expect(path);
    serde_json::from_slice(&text).expect(path)
}

/// Every member of a recorded answer must be there and be of the same kind; more may be there. Of arrays
/// the first items are compared. Members named `properties` hold whatever a record holds.
fn lacks(recorded: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (name, value) in recorded.iter().filter(|(name, _)| *name != "properties") {
                match ours.get(name) {
                    Some(our) => lacks(value, our, &format!("{path}.{name}"), found),
                    None => found.push(format!("{path}.{name} is missing")),
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => match (recorded.first(), ours.first()) {
            (Some(recorded), Some(ours)) => lacks(recorded, ours, &format!("{path}[0]"), found),
            (Some(_), None) => found.push(format!("{path} is empty")),
            (None, _) => {}
        },
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, _) => {}
        _ => found.push(format!("{path}: recorded {recorded}, ours {ours}")),
    }
}

/// Asserts that our answer has all that the recorded one has.
pub fn assert_like(recorded: &Value, ours: &Value) {
    let mut found = Vec::new();
    lacks(recorded, ours, "", &mut found);
    assert!(found.is_empty(), "{found:#?}\nours: {ours:#}");
}

/// OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own.
pub fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(Value::Bool(true))
                && let Some(kind) = members.get("type").cloned()
            {
                members.insert("type".into(), json!([kind, "null"]));
            }
            members.values_mut().for_each(as_json_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}

/// Without the members that hold nothing: a contract may forget that they can.
pub fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
