//! The one place that turns Notion's refusals into faults (Notion's pages "Status codes" and "Request limits").

use std::time::Duration;

use lockstep_core::env::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// The longest wait that a `Retry-After` may ask for, in seconds.
const RETRY_AFTER_SECS_MAX: u64 = 24 * 60 * 60;
/// How long to wait for a limit that names no time: its window.
const LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The reason of a 429 that must not be repeated.
const BLOCKED: &str = "public_api_request_blocked";
/// The reason of a 429 that strikes every connection of the account.
const WHOLE_ACCOUNT: &str = "public_api_space_request_rate_limit";

/// The envelope of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    code: String,
    message: String,
    request_id: Option<String>,
    additional_data: Json,
}

impl ErrorBody {
    fn of(answer: &Answer) -> Option<Self> {
        let envelope = answer.body.is_object().then(|| Self::deserialize(&answer.body).unwrap_or_default());
        envelope.filter(|error| !error.code.is_empty())
    }

    fn reason(&self) -> &str {
        self.additional_data["rate_limit_reason"].as_str().unwrap_or_default()
    }
}

/// The fault of a refused call. `effect` says whether the call would have changed something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Fault {
    let status = answer.status;
    let error = ErrorBody::of(answer);
    let class = match (status, &error) {
        (429, Some(error)) if error.reason() == BLOCKED => FaultClass::Forbidden,
        (429, _) => FaultClass::Limited,
        // Overload is told before anything is done, as is a conflict.
        (409 | 529, _) => FaultClass::Busy,
        // A write may have been saved though the answer was one of these.
        (500 | 502 | 504, _) | (503, Some(_)) if effect => FaultClass::Unknown,
        (500.., _) => FaultClass::Busy,
        (401, Some(_)) => FaultClass::Reauthorise,
        (403, Some(_)) => FaultClass::Forbidden,
        (404, Some(error)) if error.code == "object_not_found" => FaultClass::Missing,
        (400, Some(error)) if error.code == "validation_error" => of_validation(&error.message),
        (400..500, Some(_)) => FaultClass::Bug,
        // Something between us and Notion answered.
        (400..500, None) => FaultClass::Busy,
        _ => FaultClass::Bug,
    };
    let (code, message, request_id) = match &error {
        Some(error) if class == FaultClass::Forbidden && status == 429 => {
            (BLOCKED, error.message.clone(), error.request_id.clone())
        }
        Some(error) => (error.code.as_str(), error.message.clone(), error.request_id.clone()),
        None => ("", String::new(), None),
    };
    let code = if code.is_empty() { format!("HTTP_{status}") } else { code.to_owned() };
    let message = if message.is_empty() { format!("Notion answered {status}.") } else { message };
    let header = || answer.header("x-notion-request-id").map(str::to_owned);
    let fault = Fault {
        property: error.as_ref().and_then(|error| property(&error.message)).map(str::to_owned),
        request_id: request_id.or_else(header),
        retry_at: retry_at(answer, class),
        ..Fault::new(class, code, message)
    };
    fault.bounded()
}

/// Notion has one code for everything that is wrong with a request; its sentence tells more.
fn of_validation(message: &str) -> FaultClass {
    if is_of_trash(message) {
        FaultClass::Missing
    } else if gone(message).is_some() {
        FaultClass::Drift
    } else {
        FaultClass::Rejected
    }
}

/// A page in the trash is not to be written to.
fn is_of_trash(message: &str) -> bool {
    message.contains("that is archived") || message.contains("that is in trash") || message.contains("unarchive the")
}

/// The property that is not there any more.
fn gone(message: &str) -> Option<&str> {
    let named = message.strip_suffix(" is not a property that exists.");
    named.or_else(|| message.split_once("property with name or id: ").map(|(_, name)| name))
}

/// The property that a sentence speaks of, as the request named it or by its name for people.
fn property(message: &str) -> Option<&str> {
    let of_path = || message.split_once("body.properties.")?.1.split('.').next();
    let of_type = || Some(message.split_once(" is expected to be ")?.0);
    gone(message).or_else(of_path).or_else(of_type).filter(|name| !name.is_empty())
}

fn retry_at(answer: &Answer, class: FaultClass) -> Option<Time> {
    let told = answer.figure("retry-after");
    let told = told.or_else(|| answer.body["additional_data"]["retry_after"].as_u64());
    let wait = told.map(|secs: u64| Duration::from_secs(secs.min(RETRY_AFTER_SECS_MAX)));
    wait.or_else(|| (class == FaultClass::Limited).then_some(LIMIT_WAIT)).map(|wait| answer.sent_at.plus(wait))
}

/// Until when every call of the account is refused, if that is what this answer says.
pub(super) fn shut_until(answer: &Answer) -> Option<Time> {
    let strikes_all = ErrorBody::of(answer).is_some_and(|error| error.reason() == WHOLE_ACCOUNT);
    (answer.status == 429 && strikes_all).then(|| retry_at(answer, FaultClass::Limited)).flatten()
}

/// The page that was made although the answer was a refusal.
pub(super) fn committed(answer: &Answer) -> Option<&str> {
    answer.body["additional_data"]["committed_resource_id"].as_str().filter(|id| super::wire::is_id(id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    fn answer(status: u16, body: Json) -> Answer {
        Answer { status, headers: http::HeaderMap::new(), body, sent_at: NOON }
    }

    fn error(code: &str, message: &str) -> Json {
        json!({ "object": "error", "code": code, "message": message, "request_id": "r-1" })
    }

    #[test]
    fn every_code_has_its_class() {
        let cases = [
            (400, "validation_error", FaultClass::Rejected, FaultClass::Rejected),
            (400, "invalid_json", FaultClass::Bug, FaultClass::Bug),
            (400, "invalid_request_url", FaultClass::Bug, FaultClass::Bug),
            (400, "invalid_request", FaultClass::Bug, FaultClass::Bug),
            (400, "invalid_beta", FaultClass::Bug, FaultClass::Bug),
            (400, "missing_version", FaultClass::Bug, FaultClass::Bug),
            (401, "unauthorized", FaultClass::Reauthorise, FaultClass::Reauthorise),
            (403, "restricted_resource", FaultClass::Forbidden, FaultClass::Forbidden),
            (404, "object_not_found", FaultClass::Missing, FaultClass::Missing),
            (409, "conflict_error", FaultClass::Busy, FaultClass::Busy),
            (429, "rate_limited", FaultClass::Limited, FaultClass::Limited),
            (500, "internal_server_error", FaultClass::Busy, FaultClass::Unknown),
            (502, "bad_gateway", FaultClass::Busy, FaultClass::Unknown),
            (503, "service_unavailable", FaultClass::Busy, FaultClass::Unknown),
            (504, "gateway_timeout", FaultClass::Busy, FaultClass::Unknown),
            (529, "service_overload", FaultClass::Busy, FaultClass::Busy),
            (302, "moved", FaultClass::Bug, FaultClass::Bug),
        ];
        for (status, code, read, written) in cases {
            let of = |effect| of_answer(&answer(status, error(code, "no")), effect);
            assert_eq!((of(false).class, of(true).class), (read, written), "{code}");
            assert_eq!((of(true).code.as_str(), of(true).request_id.as_deref()), (code, Some("r-1")));
        }
    }

    #[test]
    fn a_proxys_page_is_no_verdict() {
        for status in [400, 401, 403, 404, 409, 503] {
            let fault = of_answer(&answer(status, json!("<html>Access denied</html>")), true);
            assert_eq!((fault.class, fault.code), (FaultClass::Busy, format!("HTTP_{status}")));
        }
        assert_eq!(of_answer(&answer(404, json!({ "message": "no" })), true).class, FaultClass::Busy);
    }

    #[test]
    fn limits_name_the_time_they_end_and_a_block_is_not_waited_for() {
        let limited = |reason: &str| {
            let mut body = error("rate_limited", "slow down");
            body["additional_data"] = json!({ "rate_limit_reason": reason, "retry_after": 7 });
            answer(429, body)
        };
        let fault = of_answer(&limited("public_api_request_rate_limit"), true);
        assert_eq!(fault.retry_at, Some(NOON.plus(Duration::from_secs(7))));
        let mut told = limited("public_api_request_rate_limit");
        told.headers.insert("retry-after", "99999999".parse().expect("a header"));
        assert_eq!(of_answer(&told, false).retry_at, Some(NOON.plus(Duration::from_secs(86_400))));
        assert_eq!(of_answer(&answer(429, Json::Null), false).retry_at, Some(NOON.plus(LIMIT_WAIT)));
        let blocked = of_answer(&limited(BLOCKED), true);
        assert_eq!((blocked.class, blocked.code.as_str()), (FaultClass::Forbidden, BLOCKED));
        assert_eq!(shut_until(&limited(WHOLE_ACCOUNT)), Some(NOON.plus(Duration::from_secs(7))));
        assert_eq!(shut_until(&limited("public_api_request_rate_limit")), None);
    }

    #[test]
    fn the_property_at_fault_is_named() {
        let cases = [
            ("Phone is not a property that exists.", FaultClass::Drift, Some("Phone")),
            ("Could not find property with name or id: a%3A", FaultClass::Drift, Some("a%3A")),
            ("Could not find sort property with name or id: b", FaultClass::Drift, Some("b")),
            (
                "body failed validation: body.properties.a%3A.email should be populated, instead was `\"\"`.",
                FaultClass::Rejected,
                Some("a%3A"),
            ),
            ("Score is expected to be number.", FaultClass::Rejected, Some("Score")),
            (
                "Can't edit block that is archived. You must unarchive the block before editing.",
                FaultClass::Missing,
                None,
            ),
            ("Invalid select option, commas not allowed: a,b", FaultClass::Rejected, None),
        ];
        for (message, class, property) in cases {
            let fault = of_answer(&answer(400, error("validation_error", message)), true);
            assert_eq!((fault.class, fault.property.as_deref()), (class, property), "{message}");
        }
    }
}
