//! The one place that turns Kirim's refusals into faults (pages "Errors" and "Rate limits").

use std::time::Duration;

use lockstep_core::env::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// How long to wait for a limit that names no time.
const LIMIT_WAIT: Duration = Duration::from_secs(10);
/// The longest wait that an answer may ask for.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// The envelope of a refusal.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: Told,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    /// A word, or a number of Meta's.
    code: Json,
    message: String,
    param: Option<String>,
    request_id: Option<String>,
}

impl Told {
    fn code(&self) -> String {
        self.code.as_str().map_or_else(|| self.code.to_string(), str::to_owned)
    }
}

/// The fault of a refused call; `effect` says whether it would have changed something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Fault {
    let told = Refusal::deserialize(&answer.body).ok().map(|refusal| refusal.error);
    let mut fault = match told.filter(|told| !told.kind.is_empty()) {
        Some(told) => of_refusal(answer.status, &told, effect),
        None => of_page(answer.status, effect),
    };
    if fault.class == FaultClass::Limited || answer.header("retry-after").is_some() {
        fault.retry_at = Some(retry_at(answer));
    }
    fault.bounded()
}

fn of_refusal(status: u16, told: &Told, effect: bool) -> Fault {
    use FaultClass::{Bug, Busy, Duplicate, Forbidden, Limited, Missing, Reauthorise, Rejected, Stale, Unknown};
    let code = told.code();
    let class = match (status, code.as_str()) {
        (_, "invalid_cursor") => Stale,
        (_, "invalid_limit" | "idempotency_key_reuse") => Bug,
        // The same create is still under way.
        (_, "idempotency_in_progress") if effect => Unknown,
        (_, "idempotency_in_progress") => Busy,
        (401, _) => Reauthorise,
        (403, _) => Forbidden,
        (404, _) => Missing,
        (409, _) => Duplicate,
        (429, _) => Limited,
        (400..500, _) => Rejected,
        _ => FaultClass::of_server(status, effect),
    };
    let message = if told.message.is_empty() { format!("Kirim answered {code}.") } else { told.message.clone() };
    let property = told.param.clone().filter(|_| matches!(class, Rejected | Duplicate));
    Fault { property, request_id: told.request_id.clone(), ..Fault::new(class, code, message) }
}

/// An answer without the envelope is not Kirim's word.
fn of_page(status: u16, effect: bool) -> Fault {
    let class = match status {
        429 => FaultClass::Limited,
        413 | 414 | 431 => FaultClass::Bug,
        _ => FaultClass::of_server(status, effect),
    };
    let hint = if status == 404 { " Is the address right, without /v1?" } else { "" };
    let message = format!("Something before Kirim answered {status} without Kirim's words.{hint}");
    Fault::new(class, format!("HTTP_{status}"), message)
}

/// `Retry-After` is when one call passes again, `X-RateLimit-Reset` when all do.
fn retry_at(answer: &Answer) -> Time {
    let wait = answer.figure("retry-after").map(Duration::from_secs);
    let full = answer.figure("x-ratelimit-reset").map(|at| Time::from_secs(at).since(answer.sent_at));
    let wait = wait.or(full.filter(|wait| !wait.is_zero())).unwrap_or(LIMIT_WAIT);
    answer.sent_at.plus(wait.clamp(Duration::from_secs(1), WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    fn fault(status: u16, body: Json, effect: bool) -> Fault {
        of_answer(&Answer { status, headers: HeaderMap::new(), body, sent_at: NOON }, effect)
    }

    fn told(kind: &str, code: impl Into<Json>, param: Option<&str>) -> Json {
        let (code, id) = (code.into(), "req_01HXYZABCDEFGHJKMNPQRSTVWX");
        json!({ "error": { "type": kind, "code": code, "message": "No", "param": param, "request_id": id } })
    }

    /// The codes of the page "Errors", and those that answers without a documented code have.
    #[test]
    fn every_code_has_its_class() {
        use FaultClass::{Bug, Busy, Duplicate, Forbidden, Limited, Missing, Reauthorise, Rejected, Stale, Unknown};
        let invalid = "invalid_request_error";
        let cases = [
            (400, invalid, "invalid_phone_number", Rejected),
            (400, invalid, "missing_required_field", Rejected),
            (400, invalid, "invalid_field_value", Rejected),
            (400, invalid, "invalid_limit", Bug),
            (400, invalid, "invalid_cursor", Stale),
            (401, "authentication_error", "expired_api_key", Reauthorise),
            (403, "permission_error", "organization_suspended", Forbidden),
            (404, "not_found", "resource_not_found", Missing),
            (409, "conflict", "contact_already_exists", Duplicate),
            (409, "conflict", "idempotency_in_progress", Unknown),
            (422, invalid, "idempotency_key_reuse", Bug),
            (422, invalid, "whatsapp_number_not_verified", Rejected),
            (429, "rate_limit_error", "rate_limit_exceeded", Limited),
            (500, "api_error", "internal_error", Unknown),
            (503, "api_error", "unavailable", Busy),
        ];
        for (status, kind, code, class) in cases {
            let fault = fault(status, told(kind, code, None), true);
            assert_eq!((fault.class, fault.code.as_str()), (class, code));
            assert_eq!(fault.request_id.as_deref(), Some("req_01HXYZABCDEFGHJKMNPQRSTVWX"));
        }
        assert_eq!(fault(500, told("api_error", 131_026, None), false).class, Busy);
        assert_eq!(fault(500, told("api_error", 131_026, None), false).code, "131026", "Meta's code");
        let refused = fault(400, told(invalid, "invalid_field_value", Some("email")), true);
        assert_eq!(refused.property.as_deref(), Some("email"));
    }

    #[test]
    fn pages_are_no_verdict() {
        for status in [401, 403, 404, 503] {
            assert_eq!(fault(status, json!("<html>"), true).class, FaultClass::Busy, "{status}");
        }
        assert_eq!(fault(502, Json::Null, true).class, FaultClass::Unknown);
    }

    #[test]
    fn a_limit_says_when() {
        let at = |headers: &[(&'static str, String)]| {
            let headers = headers
                .iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("a header value")));
            let body = told("rate_limit_error", "rate_limit_exceeded", None);
            let answer = Answer { status: 429, headers: headers.collect(), body, sent_at: NOON };
            of_answer(&answer, true).retry_at
        };
        let reset = ("x-ratelimit-reset", (NOON.as_secs() + 30).to_string());
        assert_eq!(at(&[("retry-after", "2".to_owned()), reset.clone()]), Some(NOON.plus(Duration::from_secs(2))));
        assert_eq!(at(&[reset]), Some(NOON.plus(Duration::from_secs(30))));
        assert_eq!(at(&[]), Some(NOON.plus(LIMIT_WAIT)));
        assert_eq!(at(&[("retry-after", u64::MAX.to_string())]), Some(NOON.plus(WAIT_MAX)));
    }
}
