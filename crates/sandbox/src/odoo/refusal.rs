//! What Odoo refuses with: a Python exception, told in two ways.

use std::fmt;

use serde_json::{Value, json};

const SESSION_EXPIRED: &str = "odoo.http.SessionExpiredException";

/// A Python exception that ended a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status under JSON-2; JSON-RPC answers 200 whatever went wrong.
    pub(super) status: u16,
    /// The exception's full name, such as `odoo.exceptions.AccessError`.
    pub(super) name: String,
    /// What it says.
    pub(super) message: String,
    arguments: Vec<Value>,
}

impl Refusal {
    pub(super) fn new(status: u16, name: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, name: name.into(), arguments: vec![message.clone().into()], message }
    }

    /// A wrong login, password or key.
    pub(super) fn access_denied() -> Self {
        Self::new(403, "odoo.exceptions.AccessDenied", "Access Denied")
    }

    /// A route that wants a session was called without one.
    pub(super) fn session_expired() -> Self {
        Self::new(403, SESSION_EXPIRED, "Session expired")
    }

    /// A right or a record rule is missing.
    pub(super) fn access(message: impl Into<String>) -> Self {
        Self::new(403, "odoo.exceptions.AccessError", message)
    }

    /// The record was deleted, or never was.
    pub(super) fn missing(model: &str, id: u64, uid: u64) -> Self {
        let message = format!("Record does not exist or has been deleted.\n(Record: {model}({id},), User: {uid})");
        Self::new(404, "odoo.exceptions.MissingError", message)
    }

    /// A constraint of the model or of the database.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(422, "odoo.exceptions.ValidationError", message)
    }

    /// Something a person may not do.
    pub(super) fn user(message: impl Into<String>) -> Self {
        Self::new(422, "odoo.exceptions.UserError", message)
    }

    /// A value that Python could not make sense of.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new(500, "builtins.ValueError", message)
    }

    /// A thing that does not have what was asked of it.
    pub(super) fn attribute(message: impl Into<String>) -> Self {
        Self::new(500, "builtins.AttributeError", message)
    }

    /// Another record needs the row, or does not exist that a row points at.
    pub(super) fn foreign_key(model: &str, constraint: &str) -> Self {
        Self::validation(format!(
            "The operation cannot be completed: another model requires the record being deleted. If possible, archive \
             it instead.\n\nModel: {model}, Constraint: {constraint}"
        ))
    }

    /// Arguments that do not fit a method.
    pub(super) fn kind(message: impl Into<String>) -> Self {
        Self::new(500, "builtins.TypeError", message)
    }

    /// One of werkzeug's HTTP exceptions, as JSON-2 tells them.
    pub(super) fn http(status: u16, message: impl Into<String>) -> Self {
        let name = match status {
            400 => "BadRequest",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "NotFound",
            415 => "UnsupportedMediaType",
            422 => "UnprocessableEntity",
            429 => "TooManyRequests",
            _ => "InternalServerError",
        };
        let message = message.into();
        let arguments = vec![message.clone().into(), status.into()];
        Self { status, name: format!("werkzeug.exceptions.{name}"), message, arguments }
    }

    /// The body of a JSON-2 answer. Source: "External JSON-2 API", response.
    pub(super) fn object(&self) -> Value {
        json!({
            "name": self.name,
            "message": self.message,
            "arguments": self.arguments,
            "context": {},
            "debug": format!("Traceback (most recent call last):\n{}: {}\n", self.name, self.message),
        })
    }

    /// The `error` member of a JSON-RPC answer.
    pub(super) fn envelope(&self, version: u32) -> Value {
        let (code, message) = match self.name.as_str() {
            SESSION_EXPIRED => (100, "Odoo Session Expired"),
            "werkzeug.exceptions.NotFound" => (404, "404: Not Found"),
            _ => (if version >= 19 { 0 } else { 200 }, "Odoo Server Error"),
        };
        json!({"code": code, "message": message, "data": self.object()})
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Refusal {}
