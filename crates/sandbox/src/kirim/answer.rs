//! What a route answers, before it is HTTP. Source: Kirim's pages "Errors" and "Pagination".

use std::fmt;

use http::StatusCode;
use serde_json::{Value, json};

/// What a route answers: a status, and a body that lacks the request's id yet.
pub(super) type Answer = Result<(StatusCode, Value), Refusal>;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(super) status: StatusCode,
    code: String,
    message: String,
    param: Option<&'static str>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into(), param: None }
    }

    /// 400, and which member is to blame.
    pub(super) fn invalid(code: &str, param: &'static str, message: impl Into<String>) -> Self {
        Self { param: Some(param), ..Self::new(StatusCode::BAD_REQUEST, code, message) }
    }

    /// A value that will not do.
    pub(super) fn value(param: &'static str, message: impl Into<String>) -> Self {
        Self::invalid("invalid_field_value", param, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "No such resource")
    }

    pub(super) fn key(code: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, "The API key is not accepted")
    }

    pub(super) fn rate() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "Too many requests")
    }

    /// A number that a contact has already. Kirim does not document it; this is the code of a conflict.
    pub(super) fn taken() -> Self {
        let taken = Self::new(StatusCode::CONFLICT, "contact_already_exists", "A contact has this phone number");
        Self { param: Some("phone_number"), ..taken }
    }

    /// What a fault orders: a status and, if one is named, a code.
    pub(super) fn ordered(status: u16, code: Option<&str>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let usual = match status {
            StatusCode::UNAUTHORIZED => "invalid_api_key",
            StatusCode::FORBIDDEN => "organization_suspended",
            StatusCode::NOT_FOUND => "resource_not_found",
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
            _ if status.is_client_error() => "invalid_field_value",
            _ => "internal_error",
        };
        Self::new(status, code.unwrap_or(usual), "Ordered by a fault")
    }

    /// One of the seven types.
    fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found",
            409 => "conflict",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            _ => "api_error",
        }
    }

    pub(super) fn body(&self, request: &str) -> Value {
        let mut error = json!({"type": self.kind(), "code": self.code, "message": self.message, "request_id": request});
        if let Some(param) = self.param {
            error["param"] = param.into();
        }
        json!({"error": error})
    }
}

/// One object.
pub(super) fn one(data: Value) -> Answer {
    Ok((StatusCode::OK, json!({"data": data})))
}

/// One page.
pub(super) fn page(rows: Vec<Value>, next: Option<String>) -> Answer {
    Ok((StatusCode::OK, json!({"data": rows, "has_more": next.is_some(), "next_cursor": next})))
}
