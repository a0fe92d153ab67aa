//! What a caller of the CRM API is told: flat, `{"error", "code"}`, and `{"errors": [{path, error}]}` for a list of flaws.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Finding, Flaw};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $status:literal, $word:literal;)*) => {
        /// Every code that a caller of the CRM API can meet. Their meaning never changes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum CrmCode { $($(#[doc = $doc])+ $name,)* }

        impl CrmCode {
            /// Every code with its meaning, for the generated reference.
            pub const ALL: &[(Self, &str)] = &[$((Self::$name, concat!($($doc),+).trim_ascii())),*];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The code on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// The request is not JSON of the documented shape.
    Malformed = 400, "malformed_request";
    /// The `objects`, the mapping or the settings have flaws; `errors` lists them all.
    Invalid = 400, "validation_failed";
    /// No key pair, one that nobody has, or one that has ended.
    Unauthorized = 401, "unauthorized";
    /// The context token is not valid here, or has ended: get a new one.
    TokenInvalid = 401, "token_invalid";
    /// The page's origin is not among the app's allowed origins.
    OriginNotAllowed = 403, "origin_not_allowed";
    /// There is nothing under this path.
    NotFound = 404, "not_found";
    /// There is no such connection, or it is another context's.
    ConnectionNotFound = 404, "connection_not_found";
    /// The connection's definition has no such CRM object.
    ObjectNotFound = 404, "object_not_found";
    /// The CRM object has no such event. Slugs are never guessed.
    EventNotFound = 404, "event_not_found";
    /// The CRM shows no such record, or it is of another object than the mapped one.
    RecordNotFound = 404, "record_not_found";
    /// The path takes another method.
    MethodNotAllowed = 405, "method_not_allowed";
    /// The user disconnected; they can connect again in CRM Link.
    ConnectionDisabled = 409, "connection_disabled";
    /// The connection belongs to another CRM: disconnect it first, or use another id.
    OtherCrm = 409, "other_crm";
    /// The CRM no longer lets us in: the user has to authorise again in CRM Link.
    ReauthorisationNeeded = 409, "reauthorisation_needed";
    /// Another invocation about the same record, or with the same key, is under way: try again.
    InvocationInProgress = 409, "invocation_in_progress";
    /// Several records have the key that a record is recognised by: nothing was written.
    RecordAmbiguous = 409, "record_ambiguous";
    /// Somebody else changed the mapping meanwhile: read it again.
    MappingChanged = 409, "mapping_changed";
    /// The body is over the limit.
    BodyTooLarge = 413, "body_too_large";
    /// The payload does not fit the event's schema or the user's mapping; `errors` lists the values.
    PayloadInvalid = 422, "payload_invalid";
    /// The user has not mapped this CRM object, or opted out of it.
    ObjectNotMapped = 422, "object_not_mapped";
    /// The user has not decided yet what this event does.
    EventNotMapped = 422, "event_not_mapped";
    /// Something that the mapping rests on has gone from the CRM: the user has to repair it in CRM Link.
    MappingBroken = 422, "mapping_broken";
    /// A value map does not list this value, and the user wants to be asked.
    ValueNotMapped = 422, "value_not_mapped";
    /// This kind of event is invoked on a record.
    RecordRequired = 422, "record_required";
    /// This kind of event is invoked on the object, not on a record.
    RecordNotAllowed = 422, "record_not_allowed";
    /// The idempotency key came with another request before.
    KeyReused = 422, "idempotency_key_reuse";
    /// The CRM's objects and fields are still being fetched: try again.
    MetadataPending = 424, "metadata_pending";
    /// The vendor account's limit is used for now; `Retry-After` says until when. Nothing was written.
    RateLimited = 429, "rate_limited";
    /// Our defect.
    Internal = 500, "internal_error";
    /// The CRM refused; `crm` has its own words, and `field` the mapped field that caused it. Nothing was written.
    CrmRefused = 502, "crm_refused";
    /// The CRM cannot be reached or cannot answer now. Nothing was written: try again.
    CrmUnavailable = 502, "crm_unavailable";
    /// The request can be repeated: the store could not commit now.
    TemporarilyUnavailable = 503, "temporarily_unavailable";
    /// The CRM's answer was lost and no look could prove whether it happened. The same key never sends it again.
    OutcomeUnknown = 504, "outcome_unknown";
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CrmProblem {
    /// The code.
    pub code: CrmCode,
    /// What is wrong and what to do.
    pub message: String,
    /// Every flaw, where it is a list.
    pub flaws: Vec<Flaw>,
    /// The CRM's own words.
    pub crm: Option<Box<CrmWords>>,
    /// The payload field, or the CRM's field, that caused it.
    pub field: Option<String>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Why, for the log alone.
    pub cause: Option<Box<str>>,
}

/// What the CRM said of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmWords {
    /// The vendor's code.
    pub code: String,
    /// The vendor's sentence.
    pub message: String,
    /// The vendor's id of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl CrmProblem {
    /// A problem with nothing more to say.
    pub fn new(code: CrmCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message, flaws: Vec::new(), crm: None, field: None, retry_after: None, cause: None }
    }

    /// A list of flaws, told in one sentence too.
    pub fn flawed(code: CrmCode, flaws: Vec<Flaw>) -> Self {
        let told: Vec<String> = flaws.iter().take(3).map(|flaw| format!("{} {}", flaw.path, flaw.error)).collect();
        Self { flaws, ..Self::new(code, format!("{}.", told.join("; "))) }
    }
}

impl From<Finding> for Flaw {
    fn from(finding: Finding) -> Self {
        Self::new(finding.path, finding.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_word_of_its_own_and_a_meaning() {
        let words: BTreeSet<_> = CrmCode::ALL.iter().map(|(code, _)| code.word()).collect();
        assert_eq!(words.len(), CrmCode::ALL.len());
        assert!(
            CrmCode::ALL.iter().all(|(code, meaning)| (400..600).contains(&code.status()) && meaning.ends_with('.'))
        );
    }

    #[test]
    fn flaws_are_told_in_a_sentence_too() {
        let flaws = vec![Flaw::new("payload.name", "must be text"), Flaw::new("payload.at", "must be a date")];
        let problem = CrmProblem::flawed(CrmCode::PayloadInvalid, flaws);
        assert_eq!(problem.message, "payload.name must be text; payload.at must be a date.");
    }
}
