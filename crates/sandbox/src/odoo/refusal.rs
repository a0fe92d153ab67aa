//! What Odoo refuses with: a Python exception, told in two ways.

use std::fmt;

use serde_json::{Value, json};

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
        let mut data = self.object();
        if version < 15 {
            data["exception_type"] = self.exception_type().into();
        }
        let code = match (self.status, version) {
            (404, _) if self.name.starts_with("werkzeug") => 404,
            (_, 19..) => 0,
            _ => 200,
        };
        let message = if code == 404 { "404: Not Found" } else { "Odoo Server Error" };
        json!({"code": code, "message": message, "data": data})
    }

    /// The coarse class that versions before 15 told beside the name.
    fn exception_type(&self) -> &'static str {
        match self.name.rsplit('.').next() {
            Some("AccessDenied") => "access_denied",
            Some("AccessError") => "access_error",
            Some("MissingError") => "missing_error",
            Some("UserError") => "user_error",
            Some("ValidationError") => "validation_error",
            _ => "internal_error",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Refusal {}
