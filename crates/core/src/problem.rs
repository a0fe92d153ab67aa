//! What we tell a caller: a stable code, a sentence that says what to do, and the field at fault.

use std::time::Duration;

/// Every code a caller can meet. Their meaning never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// A phone number that is not E.164.
    InvalidPhoneNumber,
    /// A required member is absent.
    MissingRequiredField,
    /// A member has a wrong type or value.
    InvalidFieldValue,
    /// A page size out of range.
    InvalidLimit,
    /// A cursor that is malformed, altered or from another filter.
    InvalidCursor,
    /// A webhook URL that is not https, or not a public address.
    InvalidWebhookUrl,
    /// A body that is not JSON.
    InvalidJson,
    /// A body over the limit.
    BodyTooLarge,
    /// No `Authorization` header.
    MissingApiKey,
    /// A key nobody has.
    InvalidApiKey,
    /// A key past its end.
    ExpiredApiKey,
    /// A key that was revoked.
    RevokedApiKey,
    /// The key's scopes do not cover this.
    InsufficientScope,
    /// No such thing, or another organization's.
    ResourceNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The number has a contact in this account.
    ContactAlreadyExists,
    /// The first call with this idempotency key still runs.
    IdempotencyInProgress,
    /// The idempotency key came with another request before.
    IdempotencyKeyReuse,
    /// A message that is no template, more than a day after the customer last wrote.
    Outside24hWindow,
    /// No account that could send is connected.
    WhatsappNumberNotVerified,
    /// The bucket is empty.
    RateLimitExceeded,
    /// The channel did not do what it was asked.
    WhatsappUpstreamError,
    /// The request can be repeated: the store could not commit now.
    TemporarilyUnavailable,
    /// Our defect.
    InternalError,
}

impl Code {
    /// Every code, for the generated reference.
    pub const ALL: [Self; 24] = [
        Self::InvalidPhoneNumber,
        Self::MissingRequiredField,
        Self::InvalidFieldValue,
        Self::InvalidLimit,
        Self::InvalidCursor,
        Self::InvalidWebhookUrl,
        Self::InvalidJson,
        Self::BodyTooLarge,
        Self::MissingApiKey,
        Self::InvalidApiKey,
        Self::ExpiredApiKey,
        Self::RevokedApiKey,
        Self::InsufficientScope,
        Self::ResourceNotFound,
        Self::MethodNotAllowed,
        Self::ContactAlreadyExists,
        Self::IdempotencyInProgress,
        Self::IdempotencyKeyReuse,
        Self::Outside24hWindow,
        Self::WhatsappNumberNotVerified,
        Self::RateLimitExceeded,
        Self::WhatsappUpstreamError,
        Self::TemporarilyUnavailable,
        Self::InternalError,
    ];

    /// The HTTP status, the closed type and the code on the wire.
    pub const fn wire(self) -> (u16, &'static str, &'static str) {
        const INVALID: &str = "invalid_request_error";
        const AUTH: &str = "authentication_error";
        match self {
            Self::InvalidPhoneNumber => (400, INVALID, "invalid_phone_number"),
            Self::MissingRequiredField => (400, INVALID, "missing_required_field"),
            Self::InvalidFieldValue => (400, INVALID, "invalid_field_value"),
            Self::InvalidLimit => (400, INVALID, "invalid_limit"),
            Self::InvalidCursor => (400, INVALID, "invalid_cursor"),
            Self::InvalidWebhookUrl => (400, INVALID, "invalid_webhook_url"),
            Self::InvalidJson => (400, INVALID, "invalid_json"),
            Self::BodyTooLarge => (413, INVALID, "body_too_large"),
            Self::MissingApiKey => (401, AUTH, "missing_api_key"),
            Self::InvalidApiKey => (401, AUTH, "invalid_api_key"),
            Self::ExpiredApiKey => (401, AUTH, "expired_api_key"),
            Self::RevokedApiKey => (401, AUTH, "revoked_api_key"),
            Self::InsufficientScope => (403, "permission_error", "insufficient_scope"),
            Self::ResourceNotFound => (404, "not_found", "resource_not_found"),
            Self::MethodNotAllowed => (405, INVALID, "method_not_allowed"),
            Self::ContactAlreadyExists => (409, "conflict", "contact_already_exists"),
            Self::IdempotencyInProgress => (409, "conflict", "idempotency_in_progress"),
            Self::IdempotencyKeyReuse => (422, INVALID, "idempotency_key_reuse"),
            Self::Outside24hWindow => (422, INVALID, "outside_24h_window"),
            Self::WhatsappNumberNotVerified => (422, INVALID, "whatsapp_number_not_verified"),
            Self::WhatsappUpstreamError => (502, "api_error", "whatsapp_upstream_error"),
            Self::RateLimitExceeded => (429, "rate_limit_error", "rate_limit_exceeded"),
            Self::TemporarilyUnavailable => (503, "api_error", "temporarily_unavailable"),
            Self::InternalError => (500, "api_error", "internal_error"),
        }
    }

    /// When a caller meets it, in words for the reference page.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::InvalidPhoneNumber => "A phone number is not E.164 with its leading `+`.",
            Self::MissingRequiredField => "A required member is absent.",
            Self::InvalidFieldValue => "A member has a wrong type or value; `param` names it.",
            Self::InvalidLimit => "`limit` is not a number from 1 to 100.",
            Self::InvalidCursor => "The cursor is malformed, altered, or of another list or other filters.",
            Self::InvalidWebhookUrl => "The address is not https, or not public.",
            Self::InvalidJson => "The body is not JSON.",
            Self::BodyTooLarge => "The body is over 1 MiB.",
            Self::MissingApiKey => "There is no `Authorization` header.",
            Self::InvalidApiKey => "Nobody has this key, or it does not open this surface.",
            Self::ExpiredApiKey => "The key is past its end.",
            Self::RevokedApiKey => "The key was revoked.",
            Self::InsufficientScope => "The key lacks the scope that the message names.",
            Self::ResourceNotFound => "There is no such thing, or it is another organization's.",
            Self::MethodNotAllowed => "The path exists, the method does not; `Allow` lists those that do.",
            Self::ContactAlreadyExists => "The account has a contact with this number.",
            Self::IdempotencyInProgress => "The first request with this key still runs. Repeat it with the same key.",
            Self::IdempotencyKeyReuse => "The key came with another request before. Take a new one.",
            Self::Outside24hWindow => "The customer has not written for 24 hours: only a template may be sent.",
            Self::WhatsappNumberNotVerified => "The organization has no connected account that could send.",
            Self::WhatsappUpstreamError => "The channel failed. Repeat the request later.",
            Self::RateLimitExceeded => "The bucket is empty. Wait for `Retry-After` seconds.",
            Self::TemporarilyUnavailable => {
                "The database, or what the message names, cannot take more now. Repeat the request."
            }
            Self::InternalError => "Our defect. The operator finds the request id in the log.",
        }
    }
}

/// A refusal, as every surface renders it in its own shape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// What is wrong and what to do.
    pub message: String,
    /// The member at fault, dotted.
    pub param: Option<String>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// What broke on our side, for the operator's log. No caller is told.
    pub cause: Option<String>,
}

impl Problem {
    /// A problem with no field to blame.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, retry_after: None, cause: None }
    }

    /// A problem of one field.
    pub fn of(code: Code, param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(code, message) }
    }

    /// No such thing. Another organization's things look the same.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::ResourceNotFound, format!("No such {what}. Check the id and the key's organization."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_types_are_of_the_closed_list() {
        let mut codes: Vec<&str> = Code::ALL.iter().map(|code| code.wire().2).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for (status, kind, _) in Code::ALL.map(Code::wire) {
            let expected: &[u16] = match kind {
                "invalid_request_error" => &[400, 405, 413, 422],
                "authentication_error" => &[401],
                "permission_error" => &[403],
                "not_found" => &[404],
                "conflict" => &[409],
                "rate_limit_error" => &[429],
                "api_error" => &[500, 502, 503],
                _ => &[],
            };
            assert!(expected.contains(&status), "{kind} {status}");
        }
    }
}
