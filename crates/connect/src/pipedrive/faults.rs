//! The one place that turns Pipedrive's refusals into faults (Pipedrive's pages "HTTP status codes", "Rate limiting").

use std::time::Duration;

use lockstep_core::env::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// The longest wait that an answer may ask for, in seconds: the budget of a day.
const WAIT_SECS_MAX: u64 = 24 * 60 * 60;
/// A limit that ends later than this is not the burst's: the day's budget is used.
const BURST_SECS_MAX: u64 = 60;
/// How long Cloudflare is left alone when it answers instead of Pipedrive: it does so to who calls on after refusals.
const CLOUDFLARE_WAIT: Duration = Duration::from_secs(60);
/// The code of a request that does not fit v2's schema.
const SCHEMA: &str = "ERR_SCHEMA_VALIDATION_FAILED";

/// The envelope of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refusal {
    error: Option<Json>,
    message: Option<String>,
    code: Option<Json>,
    #[serde(rename = "errorCode")]
    number: Option<Json>,
}

/// The fault of a refused call. `effect` says whether the call would have changed something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Fault {
    let refusal = answer.body.is_object().then(|| Refusal::deserialize(&answer.body).unwrap_or_default());
    let status = answer.status;
    let mut fault = match (status, &refusal) {
        (429, _) => limited(answer, refusal.as_ref()),
        (423 | 500.., _) => unable(status, refusal.as_ref(), effect),
        (400..500, Some(refusal)) => of_refusal(status, refusal),
        (400..500, None) => {
            let message = format!("Something between us and Pipedrive answered {status} without Pipedrive's envelope.");
            let fault = Fault::new(FaultClass::Busy, format!("HTTP_{status}"), message);
            Fault { retry_at: (status == 403).then(|| answer.sent_at.plus(CLOUDFLARE_WAIT)), ..fault }
        }
        _ => Fault::new(FaultClass::Bug, format!("HTTP_{status}"), format!("Pipedrive answered {status}.")),
    };
    fault.request_id = answer.header("x-request-id").or_else(|| answer.header("x-correlation-id")).map(str::to_owned);
    fault.bounded()
}

fn of_refusal(status: u16, refusal: &Refusal) -> Fault {
    let message = sentence(Some(refusal), status);
    let code = code(refusal).unwrap_or_else(|| format!("HTTP_{status}"));
    let class = match status {
        401 => FaultClass::Reauthorise,
        // 402: the company's plan has ended. Nobody can call until somebody pays.
        402 => FaultClass::Forbidden,
        403 if is_capped(&code, &message) => FaultClass::Rejected,
        403 => FaultClass::Forbidden,
        404 => FaultClass::Missing,
        405 | 410 | 413..=415 => FaultClass::Bug,
        408 | 409 | 425 => FaultClass::Busy,
        _ => FaultClass::Rejected,
    };
    Fault { property: property(&message), ..Fault::new(class, code, message) }
}

/// Whether a limit of the plan refuses, such as how many deals it takes: that is about the record, not about the grant. Older
/// limits have codes of their own, later ones are told by their sentences (Pipedrive's changelog of March 2022 and November
/// 2024).
fn is_capped(code: &str, message: &str) -> bool {
    code.starts_with("feature_capping") || (message.starts_with("Couldn't add") && message.contains("limit"))
}

fn code(refusal: &Refusal) -> Option<String> {
    match refusal.code.as_ref().or(refusal.number.as_ref())? {
        Json::String(code) => Some(code.clone()),
        Json::Number(number) => Some(format!("HTTP_{number}")),
        _ => None,
    }
}

fn sentence(refusal: Option<&Refusal>, status: u16) -> String {
    let told = refusal.and_then(|it| it.error.as_ref().and_then(Json::as_str).or(it.message.as_deref()));
    told.filter(|text| !text.is_empty()).map_or_else(|| format!("Pipedrive answered {status}."), str::to_owned)
}

/// The property that a refusal speaks of, by our name: `Validation failed: phones: value must be a string`.
fn property(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("Validation failed: ")?;
    let word = rest.split([' ', ':', ',']).find(|word| !word.is_empty())?;
    let word = word.strip_prefix("custom_fields.").unwrap_or(word);
    let is_name = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    let ours = match word {
        "emails" => "email",
        "phones" => "phone",
        word => word,
    };
    is_name.then(|| ours.to_owned())
}

/// Whether a refusal of a write may be about a property that is gone.
pub(super) fn may_be_drift(fault: &Fault) -> bool {
    fault.class == FaultClass::Rejected && (fault.code == SCHEMA || fault.code.starts_with("HTTP_"))
}

/// The fault of a property that has gone from the company.
pub(super) fn gone(property: &str, object: &str) -> Fault {
    let message = format!("The field \"{property}\" is gone from Pipedrive's {object}.");
    Fault { property: Some(property.to_owned()), ..Fault::new(FaultClass::Drift, "FIELD_GONE", message) }.bounded()
}

/// The fault of a record that is not there to be written to.
pub(super) fn missing(object: &str, id: &str) -> Fault {
    Fault::new(FaultClass::Missing, "ERR_NOT_FOUND", format!("Pipedrive shows no record {id} of {object}."))
}

fn limited(answer: &Answer, refusal: Option<&Refusal>) -> Fault {
    let code = if is_day(answer) { "DAILY_BUDGET" } else { "RATE_LIMIT" };
    let reset = Duration::from_secs(reset(answer).unwrap_or(2).clamp(1, WAIT_SECS_MAX));
    let retry_at = shut_until(answer).unwrap_or_else(|| answer.sent_at.plus(reset));
    Fault { retry_at: Some(retry_at), ..Fault::new(FaultClass::Limited, code, sentence(refusal, 429)) }
}

fn reset(answer: &Answer) -> Option<u64> {
    answer.figure("x-ratelimit-reset").or_else(|| answer.figure("retry-after"))
}

/// Whether it is the company's budget of a day that is used, not the burst.
fn is_day(answer: &Answer) -> bool {
    reset(answer).is_some_and(|secs| secs > BURST_SECS_MAX) || answer.figure("x-daily-requests-left") == Some(0)
}

/// When the budget of a day starts anew, if it is what refuses a call: as the answer says, else at midnight in UTC.
pub(super) fn shut_until(answer: &Answer) -> Option<Time> {
    if answer.status != 429 || !is_day(answer) {
        return None;
    }
    let told = reset(answer).filter(|secs| *secs > BURST_SECS_MAX);
    Some(
        told.map_or(midnight(answer.sent_at), |secs| answer.sent_at.plus(Duration::from_secs(secs.min(WAIT_SECS_MAX)))),
    )
}

/// When the budget of a day starts anew: at midnight in UTC.
pub(super) fn midnight(now: Time) -> Time {
    const DAY_SECS: i64 = 24 * 60 * 60;
    Time::from_secs((now.as_secs().div_euclid(DAY_SECS) + 1) * DAY_SECS)
}

fn unable(status: u16, refusal: Option<&Refusal>, effect: bool) -> Fault {
    Fault::new(FaultClass::of_server(status, effect), format!("HTTP_{status}"), sentence(refusal, status))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: Json) -> Answer {
        let header = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), value.parse().expect("a header value"))
        };
        Answer { status, headers: headers.iter().map(header).collect(), body, sent_at: NOON }
    }

    fn refused(error: &str, code: &str) -> Json {
        json!({ "success": false, "error": error, "error_info": "See docs", "code": code, "data": null })
    }

    #[test]
    fn statuses_with_an_envelope_have_their_class() {
        let cases = [
            (400, false, FaultClass::Rejected),
            (401, false, FaultClass::Reauthorise),
            (402, false, FaultClass::Forbidden),
            (403, false, FaultClass::Forbidden),
            (404, false, FaultClass::Missing),
            (405, false, FaultClass::Bug),
            (410, false, FaultClass::Bug),
            (415, false, FaultClass::Bug),
            (408, false, FaultClass::Busy),
            (422, false, FaultClass::Rejected),
            (429, true, FaultClass::Limited),
            (500, false, FaultClass::Busy),
            (500, true, FaultClass::Unknown),
            (501, true, FaultClass::Busy),
            (502, true, FaultClass::Unknown),
            (503, true, FaultClass::Busy),
            (302, false, FaultClass::Bug),
        ];
        for (status, effect, class) in cases {
            assert_eq!(of_answer(&answer(status, &[], refused("no", "X")), effect).class, class, "{status}");
        }
    }

    #[test]
    fn a_proxys_page_is_no_verdict_and_cloudflares_is_left_alone() {
        for status in [400, 401, 403, 404, 503] {
            let fault = of_answer(&answer(status, &[], json!("<html>Error 1015</html>")), true);
            assert_eq!(fault.class, FaultClass::Busy, "{status}");
            assert_eq!(fault.retry_at.is_some(), status == 403);
        }
    }

    #[test]
    fn the_property_at_fault_is_named_by_our_name() {
        let cases = [
            ("Validation failed: phones is not allowed", Some("phone")),
            ("Validation failed: name is required", Some("name")),
            ("Validation failed: custom_fields.0a1b: must be a number", Some("0a1b")),
            ("Validation failed: Oops", None),
            ("Bad request", None),
        ];
        for (message, property) in cases {
            let fault = of_answer(&answer(400, &[], refused(message, SCHEMA)), true);
            assert_eq!((fault.property.as_deref(), fault.code.as_str()), (property, SCHEMA), "{message}");
            assert!(may_be_drift(&fault));
        }
    }

    #[test]
    fn a_limit_of_the_plan_is_about_the_record() {
        let capped = [
            refused("Couldn't add the deal. Open deals limit reached.", "feature_capping_deals_limit"),
            json!({ "success": false, "error": "Couldn't add field. You've reached the field per company limit." }),
        ];
        for body in capped {
            assert_eq!(of_answer(&answer(403, &[], body.clone()), true).class, FaultClass::Rejected, "{body}");
        }
        let scope = json!({ "success": false, "error": "Scope and URL mismatch", "errorCode": 403 });
        assert_eq!(of_answer(&answer(403, &[], scope), true).class, FaultClass::Forbidden);
    }

    #[test]
    fn a_burst_is_over_soon_and_a_day_at_its_end() {
        let body = || json!({ "success": false, "error": "request over limit", "errorCode": 429 });
        let burst = answer(429, &[("x-ratelimit-reset", "2"), ("x-daily-requests-left", "500")], body());
        let fault = of_answer(&burst, true);
        assert_eq!((fault.code.as_str(), fault.retry_at), ("RATE_LIMIT", Some(NOON.plus(Duration::from_secs(2)))));
        assert_eq!(shut_until(&burst), None);
        let half_a_day = Some(NOON.plus(Duration::from_secs(12 * 60 * 60)));
        let told = [("x-ratelimit-reset", "43200"), ("x-daily-requests-left", "3")];
        for headers in [&told[..], &[("x-daily-requests-left", "0")]] {
            let day = answer(429, headers, body());
            assert_eq!((shut_until(&day), of_answer(&day, false).retry_at), (half_a_day, half_a_day));
        }
    }
}
