//! The one place that turns Salesforce's refusals into faults (Salesforce's pages "Status codes and error responses" and
//! "Core data types used in API calls: StatusCode").

use std::time::Duration;

use lockstep_core::env::Time;
use serde::Deserialize;
use serde_json::Value as Json;

use super::wire::{ErrorBody, long_id};
use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// When a used-up day is tried again: it is a rolling one, so some calls come free all the time.
const DAY_WAIT: Duration = Duration::from_secs(15 * 60);
/// When too many long calls at once are tried again; those of twenty seconds and more are counted.
const LONG_CALLS_WAIT: Duration = Duration::from_secs(20);
/// The sentence of the second limit that shares its code with the first.
const TOO_MANY_LONG_CALLS: &str = "Concurrent";

/// The fault of a refused call. `effect` says whether the call would have changed something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Fault {
    let status = answer.status;
    let error = reasons(&answer.body).into_iter().next();
    let mut fault = match &error {
        // Salesforce refuses in its own words: nothing was done.
        Some(error) if effect && status < 500 => of_error(status, error, effect).nothing_done(),
        Some(error) => of_error(status, error, effect),
        None => of_status(status, effect),
    };
    if fault.class == FaultClass::Limited {
        let long = error.is_some_and(|error| error.message.starts_with(TOO_MANY_LONG_CALLS));
        fault.retry_at = Some(answer.sent_at.plus(if long { LONG_CALLS_WAIT } else { DAY_WAIT }));
    }
    let request_id = answer.header("x-sfdc-request-id");
    Fault { request_id: request_id.map(str::to_owned), ..fault }.bounded()
}

/// The fault of one row in a collection, which was not saved.
pub(super) fn of_row(errors: &[ErrorBody]) -> Fault {
    match errors.first() {
        Some(error) => of_error(400, error, false).bounded(),
        None => Fault::new(FaultClass::Rejected, "NO_REASON", "Salesforce refused the row without a reason."),
    }
}

/// When a used-up day may be tried again, if it is what refuses a call.
pub(super) fn shut_until(answer: &Answer) -> Option<Time> {
    let error = reasons(&answer.body).into_iter().next()?;
    let is_day = error.code == "REQUEST_LIMIT_EXCEEDED" && !error.message.starts_with(TOO_MANY_LONG_CALLS);
    (answer.status == 403 && is_day).then(|| answer.sent_at.plus(DAY_WAIT))
}

/// The reasons in a body: Salesforce sends a list of them. Anything else is not Salesforce's.
fn reasons(body: &Json) -> Vec<ErrorBody> {
    let listed = body.as_array().into_iter().flatten().filter(|error| error.is_object());
    let read = listed.filter_map(|error| ErrorBody::deserialize(error).ok());
    read.filter(|error| !error.code.is_empty()).collect()
}

fn of_error(status: u16, error: &ErrorBody, effect: bool) -> Fault {
    let property = property(error);
    let class = class_of(status, error, property.as_deref(), effect);
    let existing = if class == FaultClass::Duplicate { existing(error) } else { None };
    let message = match error.message.trim() {
        "" => format!("Salesforce answered {status}."),
        // A query's faults show the query first.
        message => message.lines().last().unwrap_or(message).to_owned(),
    };
    Fault { property, existing, ..Fault::new(class, error.code.clone(), message) }
}

fn class_of(status: u16, error: &ErrorBody, property: Option<&str>, effect: bool) -> FaultClass {
    let of_record = property.is_none_or(|name| name.eq_ignore_ascii_case("Id"));
    match error.code.as_str() {
        "INVALID_SESSION_ID" => FaultClass::Reauthorise,
        "REQUEST_LIMIT_EXCEEDED" => FaultClass::Limited,
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => FaultClass::Forbidden,
        "NOT_FOUND" if property.is_some() => FaultClass::Drift,
        "ENTITY_IS_DELETED" | "NOT_FOUND" => FaultClass::Missing,
        "INVALID_CROSS_REFERENCE_KEY" | "MALFORMED_ID" if of_record => FaultClass::Missing,
        "INVALID_FIELD" if error.message.contains("No such column") => FaultClass::Drift,
        "INVALID_TYPE" => FaultClass::Drift,
        "DUPLICATE_VALUE" | "DUPLICATES_DETECTED" => FaultClass::Duplicate,
        "INVALID_QUERY_LOCATOR" => FaultClass::Stale,
        // These are said when nothing was changed: the record is held by somebody else, or there was no time.
        "UNABLE_TO_LOCK_ROW" | "SERVER_UNAVAILABLE" | "QUERY_TIMEOUT" | "REQUEST_RUNNING_TOO_LONG" => FaultClass::Busy,
        "MALFORMED_QUERY"
        | "MALFORMED_SEARCH"
        | "EXCEEDED_ID_LIMIT"
        | "METHOD_NOT_ALLOWED"
        | "UNSUPPORTED_MEDIA_TYPE" => FaultClass::Bug,
        // Rights on one record or field are no reason to stop everything.
        code if code.starts_with("INSUFFICIENT_ACCESS") => FaultClass::Rejected,
        _ => match status {
            300 | 400 | 409 | 412 => FaultClass::Rejected,
            401 => FaultClass::Reauthorise,
            403 => FaultClass::Forbidden,
            404 => FaultClass::Missing,
            413..=415 | 431 => FaultClass::Bug,
            // Locked (RFC 4918).
            423 => FaultClass::Busy,
            429 => FaultClass::Limited,
            500.. => FaultClass::of_server(status, effect),
            _ => FaultClass::Bug,
        },
    }
}

/// The fault of an answer without a reason: a proxy's page, or a status that speaks for itself.
fn of_status(status: u16, effect: bool) -> Fault {
    let (class, message) = match status {
        300 => (FaultClass::Rejected, "Several records have that value in Salesforce.".to_owned()),
        414 | 431 => (FaultClass::Bug, "The call is too long for Salesforce.".to_owned()),
        400..500 => {
            let what = format!("Something between us and Salesforce answered {status} without Salesforce's envelope.");
            (FaultClass::Busy, what)
        }
        500.. => (FaultClass::of_server(status, effect), format!("Salesforce answered {status}.")),
        _ => (FaultClass::Bug, format!("Salesforce answered {status}.")),
    };
    Fault::new(class, format!("HTTP_{status}"), message)
}

/// The field that a reason speaks of; where several are missing, the first.
fn property(error: &ErrorBody) -> Option<String> {
    let named = error.fields.iter().flatten().find(|field| !field.is_empty()).cloned();
    let message = &error.message;
    let between = |before: &str, after: &str| Some(message.split_once(before)?.1.split_once(after)?.0.to_owned());
    named.or_else(|| between("No such column '", "'")).or_else(|| {
        let unknown_key = message.split_once("external ID field does not exist or is not accessible: ")?;
        Some(unknown_key.1.trim_end_matches('.').to_owned())
    })
}

/// The record in the way: in the sentence of a unique value, and in what a duplicate rule found.
fn existing(error: &ErrorBody) -> Option<String> {
    let in_sentence = || {
        let (_, id) = error.message.split_once("with id: ")?;
        long_id(id.split(|letter: char| !letter.is_ascii_alphanumeric()).next()?)
    };
    let of_rule = error.duplicate.pointer("/matchResults/0/matchRecords/0/record/Id").and_then(Json::as_str);
    of_rule.and_then(long_id).or_else(in_sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::script::NOON;

    fn answer(status: u16, body: Json) -> Answer {
        Answer { status, headers: http::HeaderMap::new(), body, sent_at: NOON }
    }

    fn refusal(code: &str, message: &str, fields: &[&str]) -> Json {
        json!([{ "errorCode": code, "message": message, "fields": fields }])
    }

    #[test]
    fn every_code_has_its_class() {
        let cases = [
            (400, "INVALID_TYPE", FaultClass::Drift),
            (400, "REQUIRED_FIELD_MISSING", FaultClass::Rejected),
            (400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", FaultClass::Rejected),
            (400, "STRING_TOO_LONG", FaultClass::Rejected),
            (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", FaultClass::Rejected),
            (400, "INVALID_EMAIL_ADDRESS", FaultClass::Rejected),
            (400, "JSON_PARSER_ERROR", FaultClass::Rejected),
            (400, "MALFORMED_ID", FaultClass::Missing),
            (400, "MALFORMED_QUERY", FaultClass::Bug),
            (400, "DUPLICATE_VALUE", FaultClass::Duplicate),
            (400, "DUPLICATES_DETECTED", FaultClass::Duplicate),
            (400, "INVALID_FIELD_FOR_INSERT_UPDATE", FaultClass::Rejected),
            (400, "INSUFFICIENT_ACCESS_OR_READONLY", FaultClass::Rejected),
            (403, "INSUFFICIENT_ACCESS", FaultClass::Rejected),
            (404, "ENTITY_IS_DELETED", FaultClass::Missing),
            (404, "NOT_FOUND", FaultClass::Missing),
            (401, "INVALID_SESSION_ID", FaultClass::Reauthorise),
            (403, "API_DISABLED_FOR_ORG", FaultClass::Forbidden),
            (403, "FUNCTIONALITY_NOT_ENABLED", FaultClass::Forbidden),
            (400, "INVALID_QUERY_LOCATOR", FaultClass::Stale),
            (400, "EXCEEDED_ID_LIMIT", FaultClass::Bug),
            (400, "UNABLE_TO_LOCK_ROW", FaultClass::Unreachable),
            (400, "QUERY_TIMEOUT", FaultClass::Unreachable),
            (503, "SERVER_UNAVAILABLE", FaultClass::Busy),
            (412, "PRECONDITION_FAILED", FaultClass::Rejected),
            (415, "UNSUPPORTED_MEDIA_TYPE", FaultClass::Bug),
            (500, "UNKNOWN_EXCEPTION", FaultClass::Unknown),
            (423, "UNKNOWN_EXCEPTION", FaultClass::Unreachable),
            (418, "NEVER_HEARD_OF", FaultClass::Bug),
        ];
        for (status, code, class) in cases {
            assert_eq!(of_answer(&answer(status, refusal(code, "no", &[])), true).class, class, "{code}");
        }
        let of = |code, message, fields: &[&str]| of_answer(&answer(400, refusal(code, message, fields)), true).class;
        let held = answer(400, refusal("UNABLE_TO_LOCK_ROW", "no", &[]));
        assert_eq!(of_answer(&held, false).class, FaultClass::Busy, "a read is only late");
        assert_eq!(of("MALFORMED_ID", "no", &["AccountId"]), FaultClass::Rejected, "another record's");
        assert_eq!(of("INVALID_FIELD", "value of filter criterion for field 'x'", &[]), FaultClass::Rejected);
    }

    #[test]
    fn a_proxys_page_is_no_verdict() {
        for status in [400, 401, 403, 404, 503] {
            let fault = of_answer(&answer(status, json!("<html>We are down for maintenance.</html>")), true);
            assert_eq!(fault.class, FaultClass::Busy, "{status}");
        }
        let late = |status| of_answer(&answer(status, Json::Null), true).class;
        assert_eq!([late(500), late(502), late(504)], [FaultClass::Unknown; 3]);
        assert_eq!(of_answer(&answer(502, Json::Null), false).class, FaultClass::Busy);
        assert_eq!(of_answer(&answer(300, json!(["/a", "/b"])), false).class, FaultClass::Rejected);
    }

    #[test]
    fn the_field_at_fault_is_named() {
        let property = |code, message, fields: &[&str]| {
            of_answer(&answer(400, refusal(code, message, fields)), true).property.unwrap_or_default()
        };
        assert_eq!(property("REQUIRED_FIELD_MISSING", "missing: [A, B]", &["A", "B"]), "A");
        assert_eq!(property("INVALID_FIELD", "No such column 'Fax2' on sobject of type Contact", &[]), "Fax2");
        let unknown_key = "Provided external ID field does not exist or is not accessible: Key__c";
        assert_eq!(property("NOT_FOUND", unknown_key, &[]), "Key__c");
        let long = of_answer(&answer(400, refusal("X", "no", &["é".repeat(10_000).as_str()])), true);
        assert_eq!(long.property.map(|name| name.chars().count()), Some(Fault::NAME_CHARS_MAX));
        let query =
            "\nSELECT Fax2 FROM Contact\n       ^\nERROR at Row:1:Column:8\nNo such column 'Fax2' on entity 'Contact'.";
        let fault = of_answer(&answer(400, refusal("INVALID_FIELD", query, &[])), false);
        assert_eq!(
            (fault.class, fault.message.as_str()),
            (FaultClass::Drift, "No such column 'Fax2' on entity 'Contact'.")
        );
    }

    #[test]
    fn the_record_in_the_way_is_named() {
        let existing = |body| of_answer(&answer(400, body), true).existing;
        let sentence = "duplicate value found: Key__c duplicates value on record with id: 003ak000003dQCG";
        assert_eq!(existing(refusal("DUPLICATE_VALUE", sentence, &[])).as_deref(), Some("003ak000003dQCGAA2"));
        let found = json!({ "matchResults": [{ "matchRecords": [{ "record": { "Id": "003ak000003dQCGAA2" } }] }] });
        for name in ["duplicateResult", "duplicateResut"] {
            let mut body = refusal("DUPLICATES_DETECTED", "Use one of these records?", &[]);
            body[0][name] = found.clone();
            assert_eq!(existing(body).as_deref(), Some("003ak000003dQCGAA2"), "{name}");
        }
        assert_eq!(existing(refusal("DUPLICATES_DETECTED", "Use one of these records?", &[])), None);
    }

    #[test]
    fn a_used_day_shuts_the_account_and_long_calls_do_not() {
        let day = answer(403, refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", &[]));
        let fault = of_answer(&day, true);
        assert_eq!((fault.class, fault.retry_at), (FaultClass::Limited, Some(NOON.plus(DAY_WAIT))));
        assert_eq!(shut_until(&day), Some(NOON.plus(DAY_WAIT)));
        let message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded.";
        let long = answer(403, refusal("REQUEST_LIMIT_EXCEEDED", message, &[]));
        assert_eq!(of_answer(&long, true).retry_at, Some(NOON.plus(LONG_CALLS_WAIT)));
        assert_eq!(shut_until(&long), None);
        assert_eq!(shut_until(&answer(403, json!("<html>"))), None);
    }
}
