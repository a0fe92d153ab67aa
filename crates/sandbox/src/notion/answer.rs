//! What a route is asked and what it answers, before either is HTTP.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::wire::form_pairs;

pub(super) use crate::wire::{Content, Reply};

/// One call, with its body read.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) params: BTreeMap<String, String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// Whom `Authorization: Basic` names, and with which secret.
    pub(super) basic: Option<(String, String)>,
    /// Where the caller found the look-alike, such as `http://127.0.0.1:8930`.
    pub(super) origin: String,
    /// Whether the `Notion-Version` is the one that knows no `archived` any more.
    pub(super) is_newest: bool,
    /// Only so many blocks are appended before the connection ends.
    pub(super) cut: Option<usize>,
}

impl Call {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A list that is given by repeating its name, with or without brackets.
    pub(super) fn query_list(&self, name: &str) -> Vec<&str> {
        let is_it = |key: &str| key.strip_prefix(name).is_some_and(|rest| matches!(rest, "" | "[]"));
        self.query.iter().filter(|(key, _)| is_it(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// The UUID in the path, however it is written.
    pub(super) fn id(&self, name: &'static str) -> Result<String, Refusal> {
        let given = self.params.get(name).map_or("", String::as_str);
        uuid(given).ok_or_else(|| Refusal::wrong("path", name, "a valid uuid", &Value::from(given)))
    }

    /// The body's members; none for an empty body.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(members)) => Ok(members),
            Ok(other) => Err(Refusal::validation(format!(
                "body failed validation: body should be an object, instead was `{other}`."
            ))),
            Err(_) => Err(Refusal::new(StatusCode::BAD_REQUEST, "invalid_json", "Error parsing JSON body.".to_owned())),
        }
    }

    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_pairs(&self.body)
    }
}

/// A UUID with its dashes and in small letters, as Notion shows it; it takes them in any writing.
pub(super) fn uuid(given: &str) -> Option<String> {
    let digits: String = given.chars().filter(|it| *it != '-').map(|it| it.to_ascii_lowercase()).collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    Some(parts.join("-"))
}

impl Reply {
    /// One page of a list of `kind`.
    pub(super) fn list(kind: &str, results: Vec<Value>, next: Option<String>) -> Self {
        let rows = results.len();
        let mut body = json!({
            "object": "list",
            "results": results,
            "next_cursor": next,
            "has_more": next.is_some(),
            "type": kind,
        });
        body[kind] = json!({});
        Self::ok(body).rows(rows)
    }
}

/// A refusal in Notion's error envelope. Source: Notion's page "Status codes" and recorded answers.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    code: &'static str,
    message: String,
    pub(super) additional: Option<Value>,
    /// Whole seconds of a `Retry-After` header.
    pub(super) retry_after: Option<i64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), additional: None, retry_after: None }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "validation_error", message)
    }

    /// A member that is not what it should be, told as Notion's own checks tell it.
    pub(super) fn wrong(place: &str, path: &str, should: &str, was: &Value) -> Self {
        let was = if was.is_null() { "undefined".to_owned() } else { was.to_string() };
        Self::validation(format!("{place} failed validation: {place}.{path} should be {should}, instead was `{was}`."))
    }

    pub(super) fn body(path: &str, should: &str, was: &Value) -> Self {
        Self::wrong("body", path, should, was)
    }

    /// What a status is called. For refusals that the fault switch orders.
    pub(super) fn ordered(status: u16) -> Self {
        let (code, message) = match status {
            400 => ("validation_error", "The request was not valid."),
            401 => ("unauthorized", "API token is invalid."),
            403 => ("restricted_resource", "Insufficient permissions for this endpoint."),
            404 => ("object_not_found", "Could not find the object."),
            409 => ("conflict_error", "Conflict occurred while saving. Please try again."),
            429 => ("rate_limited", "You have been rate limited. Please try again later."),
            502 => ("bad_gateway", "Notion encountered an issue while responding."),
            503 => ("service_unavailable", "Notion is unavailable, please try again later."),
            504 => ("gateway_timeout", "Notion timed out while answering."),
            529 => ("service_overload", "Notion is overloaded, please try again later."),
            _ => ("internal_server_error", "Unexpected error occurred."),
        };
        Self::new(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), code, message)
    }

    /// Asks for a pause of whole seconds.
    pub(super) fn wait(self, seconds: i64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(super) fn additional(self, additional: Value) -> Self {
        Self { additional: Some(additional), ..self }
    }

    pub(super) fn envelope(&self, request_id: &str) -> Value {
        let mut body = json!({
            "object": "error",
            "status": self.status.as_u16(),
            "code": self.code,
            "message": self.message,
        });
        if let Some(additional) = &self.additional {
            body["additional_data"] = additional.clone();
        }
        // The token call speaks OAuth's language beside its own.
        if self.code == "invalid_grant" {
            body["error"] = self.code.into();
            body["error_description"] = self.message.clone().into();
        }
        body["request_id"] = request_id.into();
        body
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status.as_u16(), self.code, self.message)
    }
}

/// What a route gives back.
pub(super) type Answer = Result<Reply, Refusal>;
