//! What a route answers, before it is HTTP.

use http::StatusCode;
use serde_json::{Value, json};

/// What a route answers.
pub(super) type Answer = Result<Value, Refusal>;

/// A refusal with one of Meta's codes. Source: "Cloud API error codes" on developers.facebook.com; its advice is to go
/// by `code` and `error_data.details`, because titles will end and the HTTP status says little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    subcode: Option<u32>,
    title: &'static str,
    details: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: u32, title: &'static str, details: impl Into<String>) -> Self {
        Self { status, code, subcode: None, title, details: details.into() }
    }

    /// 100: a parameter is missing or wrong.
    pub(super) fn parameter(details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 100, "Invalid parameter", details)
    }

    /// 131009: a value is not valid.
    pub(super) fn value(details: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 131_009, "Parameter value is not valid", details)
    }

    /// What the Graph API says of an id that nobody has or this token may not see.
    pub(super) fn no_object(id: &str) -> Self {
        let details = format!(
            "Unsupported request. Object with ID '{id}' does not exist, cannot be loaded due to missing permissions, or \
             does not support this operation"
        );
        Self { subcode: Some(33), ..Self::new(StatusCode::BAD_REQUEST, 100, "GraphMethodException", details) }
    }

    /// 190: the token.
    pub(super) fn token() -> Self {
        let details = "Invalid OAuth access token - Cannot parse access token";
        Self::new(StatusCode::UNAUTHORIZED, 190, "Access token has expired", details)
    }

    /// What a fault orders: a status and, if one is named, a code.
    pub(super) fn ordered(status: u16, code: Option<&str>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = code.and_then(|code| code.parse().ok());
        match (code, status) {
            (Some(code), _) => Self::new(status, code, title_of(code), "Ordered by a fault"),
            (None, StatusCode::UNAUTHORIZED) => Self::token(),
            (None, StatusCode::TOO_MANY_REQUESTS) => Self::new(status, 4, title_of(4), "Ordered by a fault"),
            (None, _) if status.is_server_error() => Self::new(status, 2, title_of(2), "Ordered by a fault"),
            (None, _) => Self::new(status, 1, title_of(1), "Ordered by a fault"),
        }
    }

    pub(super) fn body(&self, trace: &str) -> Value {
        let mut error = json!({
            "message": format!("(#{}) {}", self.code, self.title),
            "type": "OAuthException",
            "code": self.code,
            "error_data": {"messaging_product": "whatsapp", "details": self.details},
            "fbtrace_id": trace,
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = subcode.into();
        }
        json!({"error": error})
    }
}

/// The titles of the codes that the look-alike speaks of by itself. Source: "Cloud API error codes".
pub(super) fn title_of(code: u32) -> &'static str {
    match code {
        2 => "API Service",
        4 => "API Too Many Calls",
        368 => "Temporarily blocked for policies violations",
        80_007 => "Rate limit issues",
        130_429 => "Rate limit hit",
        131_026 => "Message undeliverable",
        131_047 => "Re-engagement message",
        131_056 => "(Business Account, Consumer Account) pair rate limit hit",
        132_000 => "Number of parameters does not match",
        132_001 => "Template name does not exist in the translation",
        _ => "API Unknown",
    }
}
