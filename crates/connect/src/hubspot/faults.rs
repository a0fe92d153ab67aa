//! The one place that turns HubSpot's refusals into faults (HubSpot's pages "Error handling" and "Usage guidelines").

use std::time::Duration;

use lockstep_core::env::Time;
use serde_json::Value as Json;

use super::wire::{ErrorBody, ErrorDetail};
use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// The longest wait that a `Retry-After` may ask for, in seconds.
const RETRY_AFTER_SECS_MAX: u64 = 24 * 60 * 60;

/// The fault of a refused call. `effect` says whether the call would have changed something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Fault {
    let envelope = answer.body.is_object().then(|| ErrorBody::read(&answer.body));
    let mut fault = match (answer.status, &envelope) {
        (429, _) => limited(answer, envelope.as_ref()),
        (423 | 477 | 500.., _) => unable(answer.status, envelope.as_ref(), effect),
        (status @ 400..500, Some(error)) => of_error(status, error),
        (status @ 400..500, None) => Fault::new(
            FaultClass::Busy,
            format!("HTTP_{status}"),
            format!("Something between us and HubSpot answered {status} without HubSpot's envelope."),
        ),
        (status, _) => Fault::new(FaultClass::Bug, format!("HTTP_{status}"), format!("HubSpot answered {status}.")),
    };
    if let Some(wait) = retry_after(answer) {
        fault.retry_at = Some(answer.sent_at.plus(wait));
    } else if answer.status == 423 {
        fault.retry_at = Some(answer.sent_at.plus(Duration::from_secs(2)));
    }
    fault.bounded()
}

/// The fault of one row in a 207 answer. Rows have no HTTP status; their category stands for one.
pub(super) fn of_row(error: &ErrorBody) -> Fault {
    let status = match error.category.as_deref() {
        Some("CONFLICT" | "OBJECT_ALREADY_EXISTS") => 409,
        Some("OBJECT_NOT_FOUND") => 404,
        Some("MISSING_SCOPES" | "FORBIDDEN") => 403,
        _ => 400,
    };
    let mut fault = of_error(status, error);
    if matches!(error.category.as_deref(), Some("RATE_LIMITS" | "RATE_LIMIT")) {
        fault.class = FaultClass::Limited;
    }
    fault.bounded()
}

fn of_error(status: u16, error: &ErrorBody) -> Fault {
    let reasons = reasons(error);
    let gone = reasons.iter().find(|reason| reason.code.as_deref() == Some("PROPERTY_DOESNT_EXIST"));
    let reason = gone.or_else(|| reasons.iter().find(|reason| reason.property().is_some()));
    let class = match status {
        401 => FaultClass::Reauthorise,
        403 => FaultClass::Forbidden,
        404 => FaultClass::Missing,
        409 => FaultClass::Duplicate,
        413 | 414 | 415 | 431 => FaultClass::Bug,
        _ if reasons.iter().any(|reason| reason.code.as_deref() == Some("CONFLICTING_UNIQUE_VALUE")) => {
            FaultClass::Duplicate
        }
        _ if gone.is_some() => FaultClass::Drift,
        _ => FaultClass::Rejected,
    };
    let code = reason.and_then(|reason| reason.code.as_deref()).or(sub_category(error)).or(error.category.as_deref());
    let message =
        reason.filter(|reason| !reason.message.is_empty()).map_or(error.message.as_str(), |reason| &reason.message);
    let scopes: Vec<&str> = error.context("requiredGranularScopes").collect();
    let message = if scopes.is_empty() { message.to_owned() } else { format!("{message} ({})", scopes.join(", ")) };
    Fault {
        property: reason.and_then(ErrorDetail::property).or_else(|| named_property(error)).map(str::to_owned),
        existing: existing(error, &message),
        request_id: error.correlation_id.clone().or(error.request_id.clone()),
        ..Fault::new(class, code.map_or_else(|| format!("HTTP_{status}"), str::to_owned), sentence(&message, status))
    }
}

/// The reasons of a refusal. Some answers carry them only as JSON inside the sentence.
fn reasons(error: &ErrorBody) -> Vec<ErrorDetail> {
    let in_message = || {
        let (_, list) = error.message.split_once("Property values were not valid: ")?;
        serde_json::from_str(list).ok()
    };
    if error.errors.is_empty() { in_message().unwrap_or_default() } else { error.errors.clone() }
}

/// The property that a refusal as a whole speaks of; where a new record lacks several, the first.
fn named_property(error: &ErrorBody) -> Option<&str> {
    error.context("propertyName").next().or_else(|| error.context("properties").next())
}

/// The id of the record in the way: in the context of rows, in the sentence of whole calls. `reason` is the sentence of
/// a refused value.
fn existing(error: &ErrorBody, reason: &str) -> Option<String> {
    let leading = |text: &str| -> Option<String> {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then_some(digits)
    };
    let has_address = || leading(error.message.split_once("Existing ID: ")?.1);
    let has_value = || leading(reason.split_once(" already has that value")?.0.rsplit(' ').next()?);
    error.context("existingId").next().map(str::to_owned).or_else(has_address).or_else(has_value)
}

fn limited(answer: &Answer, error: Option<&ErrorBody>) -> Fault {
    let policy = error.and_then(|error| error.policy_name.as_deref()).unwrap_or("RATE_LIMIT");
    let message = error.map_or("", |error| error.message.as_str());
    let retry_at = match policy {
        "DAILY" => next_hour(answer.sent_at),
        "SECONDLY" => answer.sent_at.plus(Duration::from_secs(1)),
        _ => answer.sent_at.plus(Duration::from_secs(10)),
    };
    Fault {
        retry_at: Some(retry_at),
        request_id: error.and_then(|error| error.correlation_id.clone().or(error.request_id.clone())),
        ..Fault::new(FaultClass::Limited, policy, sentence(message, 429))
    }
}

/// When the daily limit may start anew, if it is what refuses a call.
pub(super) fn shut_until(answer: &Answer) -> Option<Time> {
    let policy = answer.body.get("policyName").and_then(Json::as_str);
    (answer.status == 429 && policy == Some("DAILY")).then(|| of_answer(answer, false).retry_at).flatten()
}

/// The daily limit starts anew at midnight of the account's zone, which is not known here. Midnights fall on full
/// hours nearly everywhere, so each full hour is worth one try.
fn next_hour(now: Time) -> Time {
    const HOUR_SECS: i64 = 60 * 60;
    Time::from_secs((now.as_secs().div_euclid(HOUR_SECS) + 1) * HOUR_SECS)
}

fn unable(status: u16, error: Option<&ErrorBody>, effect: bool) -> Fault {
    let message = error.map_or("", |error| error.message.as_str());
    Fault {
        request_id: error.and_then(|error| error.correlation_id.clone()),
        ..Fault::new(FaultClass::of_server(status, effect), format!("HTTP_{status}"), sentence(message, status))
    }
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let secs: u64 = answer.figure("retry-after")?;
    Some(Duration::from_secs(secs.min(RETRY_AFTER_SECS_MAX)))
}

fn sub_category(error: &ErrorBody) -> Option<&str> {
    error.sub_category.as_ref().and_then(Json::as_str)
}

fn sentence(message: &str, status: u16) -> String {
    if message.is_empty() { format!("HubSpot answered {status}.") } else { message.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    fn answer(status: u16, body: Json) -> Answer {
        Answer { status, headers: http::HeaderMap::new(), body, sent_at: NOON }
    }

    fn class(status: u16, body: Json) -> FaultClass {
        of_answer(&answer(status, body), false).class
    }

    #[test]
    fn statuses_with_an_envelope_have_their_class() {
        let cases = [
            (400, FaultClass::Rejected),
            (401, FaultClass::Reauthorise),
            (403, FaultClass::Forbidden),
            (404, FaultClass::Missing),
            (409, FaultClass::Duplicate),
            (414, FaultClass::Bug),
            (423, FaultClass::Busy),
            (429, FaultClass::Limited),
            (477, FaultClass::Busy),
            (500, FaultClass::Busy),
            (526, FaultClass::Busy),
            (302, FaultClass::Bug),
        ];
        for (status, expected) in cases {
            assert_eq!(class(status, json!({ "message": "no" })), expected, "{status}");
        }
    }

    #[test]
    fn a_proxys_page_is_no_verdict() {
        for status in [400, 401, 403, 404, 409, 503] {
            assert_eq!(class(status, json!("<html>Access denied</html>")), FaultClass::Busy, "{status}");
        }
    }

    #[test]
    fn a_write_that_fails_late_may_have_happened() {
        let late = |status| of_answer(&answer(status, Json::Null), true).class;
        assert_eq!([late(500), late(502), late(504)], [FaultClass::Unknown; 3]);
        assert_eq!([late(503), late(423), late(477)], [FaultClass::Busy; 3]);
    }

    #[test]
    fn limits_name_the_time_they_end() {
        let wait = |policy: &str| {
            let fault = of_answer(&answer(429, json!({ "message": "slow down", "policyName": policy })), false);
            assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Limited, policy));
            fault.retry_at.expect("a time").since(NOON)
        };
        assert_eq!(wait("TEN_SECONDLY_ROLLING"), Duration::from_secs(10));
        assert_eq!(wait("SECONDLY"), Duration::from_secs(1));
        assert_eq!(wait("DAILY"), Duration::from_secs(3_600), "noon is a full hour, so the next one");
    }

    #[test]
    fn a_given_retry_time_is_kept_within_a_day() {
        let mut moving = answer(477, Json::Null);
        moving.headers.insert(http::header::RETRY_AFTER, "7200".parse().expect("a header"));
        assert_eq!(of_answer(&moving, false).retry_at, Some(NOON.plus(Duration::from_secs(7_200))));
        moving.headers.insert(http::header::RETRY_AFTER, "999999999".parse().expect("a header"));
        assert_eq!(of_answer(&moving, false).retry_at, Some(NOON.plus(Duration::from_secs(86_400))));
        assert_eq!(of_answer(&answer(423, Json::Null), true).retry_at, Some(NOON.plus(Duration::from_secs(2))));
    }

    #[test]
    fn the_record_in_the_way_is_named() {
        let whole = json!({ "message": "Contact already exists. Existing ID: 171", "category": "CONFLICT", "correlationId": "c-1" });
        let fault = of_answer(&answer(409, whole), true);
        assert_eq!(
            (fault.existing.as_deref(), fault.code.as_str(), fault.request_id.as_deref()),
            (Some("171"), "CONFLICT", Some("c-1"))
        );
        let row =
            json!({ "message": "Contact already exists", "category": "CONFLICT", "context": { "existingId": ["9"] } });
        let fault = of_row(&ErrorBody::read(&row));
        assert_eq!((fault.class, fault.existing.as_deref()), (FaultClass::Duplicate, Some("9")));
    }

    #[test]
    fn what_hubspot_says_is_kept_within_bounds() {
        let long = "x".repeat(100_000);
        let body = json!({ "message": long, "correlationId": long, "errors": [
            { "message": long, "code": long, "context": { "propertyName": [long] } },
        ] });
        for fault in [of_answer(&answer(400, body.clone()), true), of_row(&ErrorBody::read(&body))] {
            let named = [Some(fault.code), fault.property, fault.request_id];
            assert!(named.into_iter().flatten().all(|text| text.len() == Fault::NAME_CHARS_MAX));
        }
        let limited = of_answer(&answer(429, json!({ "policyName": long, "requestId": long })), true);
        assert_eq!(limited.request_id.map(|id| id.len()), Some(Fault::NAME_CHARS_MAX));
    }

    #[test]
    fn a_missing_scope_is_named() {
        let body = json!({ "category": "MISSING_SCOPES", "message": "Scopes are required.", "context": { "requiredGranularScopes": ["tickets"] } });
        let fault = of_answer(&answer(403, body), false);
        assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Forbidden, "Scopes are required. (tickets)"));
    }

    #[test]
    fn a_taken_unique_value_and_a_missing_property_are_named() {
        let taken = json!({ "category": "VALIDATION_ERROR", "message": "Property values were not valid: [{\"isValid\":false,\"message\":\"Cannot set PropertyValueCoordinates{portalId=1, propertyName=key, value=k 1} on 51. 101 already has that value.\",\"error\":\"CONFLICTING_UNIQUE_VALUE\",\"name\":\"key\"}]" });
        let fault = of_answer(&answer(400, taken), true);
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Duplicate, Some("key")));
        assert_eq!(fault.existing.as_deref(), Some("101"));
        let incomplete = json!({ "category": "VALIDATION_ERROR", "message": "Error creating DEAL. Some required properties were not set.", "context": { "properties": ["dealname"] } });
        let fault = of_answer(&answer(400, incomplete), true);
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("dealname")));
    }

    #[test]
    fn a_property_that_is_gone_is_drift() {
        let listed = json!({ "message": "several", "category": "VALIDATION_ERROR", "errors": [
            { "message": "bad", "code": "INVALID_OPTION", "context": { "propertyName": ["lifecyclestage"] } },
            { "message": "Property \"x\" does not exist", "code": "PROPERTY_DOESNT_EXIST", "context": { "propertyName": ["x"] } },
        ] });
        let fault = of_answer(&answer(400, listed), true);
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("x")));
        let in_sentence = json!({ "category": "VALIDATION_ERROR", "message":
            "Property values were not valid: [{\"isValid\":false,\"message\":\"gone\",\"error\":\"PROPERTY_DOESNT_EXIST\",\"name\":\"y\"}]" });
        let fault = of_answer(&answer(400, in_sentence), true);
        assert_eq!(
            (fault.class, fault.property.as_deref(), fault.message.as_str()),
            (FaultClass::Drift, Some("y"), "gone")
        );
    }

    #[test]
    fn a_refused_value_names_its_property() {
        let body = json!({ "message": "Property values were not valid: [{\"message\":\"not an option\",\"error\":\"INVALID_OPTION\",\"name\":\"lifecyclestage\"}]" });
        let fault = of_answer(&answer(400, body), true);
        assert_eq!(fault.class, FaultClass::Rejected);
        assert_eq!((fault.code.as_str(), fault.property.as_deref()), ("INVALID_OPTION", Some("lifecyclestage")));
    }
}
