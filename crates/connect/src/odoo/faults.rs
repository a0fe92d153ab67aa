//! The one place that turns Odoo's refusals into faults: by the name of the exception, never by its words, which are
//! translated ("External JSON-2 API", errors; `odoo/exceptions.py`). An exception undoes all that its call did.

use std::time::Duration;

use serde::Deserialize;

use crate::door::Answer;
use crate::fault::{Fault, FaultClass};

/// How long to wait for a limit that names no time. Odoo Online is said to let about one call a second pass.
const LIMIT_WAIT: Duration = Duration::from_secs(5);
/// The longest wait that a `Retry-After` may ask for, in seconds.
const RETRY_AFTER_SECS_MAX: u64 = 60 * 60;

/// A Python exception.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exception {
    name: String,
    message: String,
}

/// The fault of a refused call; `None` for an answer that is none. `effect` says whether the call would have changed
/// something.
pub(super) fn of_answer(answer: &Answer, effect: bool) -> Option<Fault> {
    // JSON-RPC answers 200 whatever went wrong.
    let wrapped = answer.body.get("jsonrpc").is_some();
    let told = if wrapped { answer.body.get("error").map(|error| &error["data"]) } else { Some(&answer.body) };
    let is_well = (200..300).contains(&answer.status);
    if is_well && (!wrapped || told.is_none()) {
        return None;
    }
    let exception = told.filter(|told| told.is_object()).map(|told| Exception::deserialize(told).unwrap_or_default());
    let mut fault = match exception.filter(|exception| !exception.name.is_empty()) {
        Some(exception) => of_exception(&exception, effect),
        None => of_status(answer.status, effect),
    };
    if fault.class == FaultClass::Limited || answer.header("retry-after").is_some() {
        fault.retry_at = Some(answer.sent_at.plus(retry_after(answer).unwrap_or(LIMIT_WAIT)));
    }
    Some(fault.bounded())
}

fn of_exception(exception: &Exception, effect: bool) -> Fault {
    use FaultClass::{Bug, Busy, Forbidden, Limited, Missing, Reauthorise, Rejected, Unknown};
    let short = exception.name.rsplit('.').next().unwrap_or_default();
    let class = match short {
        "AccessDenied" | "SessionExpiredException" | "Unauthorized" => Reauthorise,
        "AccessError" | "Forbidden" => Forbidden,
        "MissingError" | "NotFound" => Missing,
        "SerializationFailure"
        | "LockNotAvailable"
        | "DeadlockDetected"
        | "ServiceUnavailable"
        | "PoolError"
        | "QueryCanceled" => Busy,
        // The connection to PostgreSQL broke, perhaps behind the commit.
        "OperationalError" | "InterfaceError" | "AdminShutdown" => {
            if effect {
                Unknown
            } else {
                Busy
            }
        }
        "TooManyRequests" => Limited,
        "TypeError" | "AttributeError" | "NameError" | "BadRequest" | "UnsupportedMediaType" | "MethodNotAllowed" => {
            Bug
        }
        // Warnings, constraints and whatever else a module may raise: the values are not taken.
        _ => Rejected,
    };
    let message = exception.message.trim();
    let message = if message.is_empty() { format!("Odoo answered {}.", exception.name) } else { message.to_owned() };
    Fault { property: property_in(&exception.message), ..Fault::new(class, exception.name.as_str(), message) }
}

/// The field that a constraint speaks of: its words end with `Field: Label (name)`.
fn property_in(message: &str) -> Option<String> {
    let (_, field) = message.rsplit_once("Field: ")?;
    let (_, name) = field.trim().strip_suffix(')')?.rsplit_once('(')?;
    let is_name = !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    is_name.then(|| name.to_owned())
}

/// An answer without an exception: a page of the server's front, or of something else between us.
fn of_status(status: u16, effect: bool) -> Fault {
    let class = match status {
        429 => FaultClass::Limited,
        413 | 414 | 431 => FaultClass::Bug,
        400.. => FaultClass::of_server(status, effect),
        _ => FaultClass::Bug,
    };
    let hint =
        if status == 404 { " Are the address and the database right, and does the version speak it?" } else { "" };
    let message = format!("Something before Odoo answered {status} without Odoo's words.{hint}");
    Fault::new(class, format!("HTTP_{status}"), message)
}

fn retry_after(answer: &Answer) -> Option<Duration> {
    let secs: u64 = answer.figure("retry-after")?;
    Some(Duration::from_secs(secs.min(RETRY_AFTER_SECS_MAX)))
}

/// Whether a value or a name of the call is what Python choked on.
pub(super) fn may_be_drift(fault: &Fault) -> bool {
    matches!(fault.code.rsplit('.').next(), Some("ValueError" | "KeyError"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::script::NOON;

    fn fault(status: u16, body: Json, effect: bool) -> Option<Fault> {
        of_answer(&Answer { status, headers: http::HeaderMap::new(), body, sent_at: NOON }, effect)
    }

    fn exception(name: &str) -> Json {
        json!({ "name": name, "message": "Nein", "arguments": ["Nein"], "context": {}, "debug": "Traceback" })
    }

    #[test]
    fn exceptions_have_their_class_in_either_protocol() {
        use FaultClass::{Bug, Busy, Forbidden, Limited, Missing, Reauthorise, Rejected, Unknown};
        let cases = [
            ("odoo.exceptions.AccessDenied", Reauthorise),
            ("werkzeug.exceptions.Unauthorized", Reauthorise),
            ("odoo.exceptions.AccessError", Forbidden),
            ("odoo.exceptions.MissingError", Missing),
            ("odoo.exceptions.ValidationError", Rejected),
            ("odoo.exceptions.UserError", Rejected),
            ("psycopg2.errors.UniqueViolation", Rejected),
            ("psycopg2.errors.SerializationFailure", Busy),
            ("psycopg2.OperationalError", Unknown),
            ("werkzeug.exceptions.TooManyRequests", Limited),
            ("builtins.ValueError", Rejected),
            ("builtins.TypeError", Bug),
        ];
        for (name, class) in cases {
            let bare = fault(500, exception(name), true).expect("a fault");
            let error = json!({ "code": 200, "message": "Odoo Server Error", "data": exception(name) });
            let wrapped = fault(200, json!({ "jsonrpc": "2.0", "id": 1, "error": error }), true).expect("a fault");
            assert_eq!((bare.class, wrapped.class), (class, class), "{name}");
            assert_eq!((bare.code.as_str(), wrapped.message.as_str()), (name, "Nein"));
        }
        let read = fault(500, exception("psycopg2.OperationalError"), false);
        assert_eq!(read.map(|fault| fault.class), Some(Busy));
    }

    #[test]
    fn a_result_is_no_fault() {
        assert_eq!(fault(200, json!([1]), true), None);
        assert_eq!(fault(200, json!({ "jsonrpc": "2.0", "id": 1, "result": { "error": 1 } }), true), None);
        assert_eq!(fault(200, json!({ "name": { "type": "char" } }), true), None, "a description");
    }

    #[test]
    fn pages_are_no_verdict() {
        let class = |status, effect| fault(status, json!("<html>"), effect).expect("a fault").class;
        for status in [401, 403, 404, 503] {
            assert_eq!(class(status, true), FaultClass::Busy, "{status}");
        }
        assert_eq!((class(502, true), class(502, false)), (FaultClass::Unknown, FaultClass::Busy));
        let limited = fault(429, Json::Null, true).expect("a fault");
        assert_eq!((limited.class, limited.retry_at), (FaultClass::Limited, Some(NOON.plus(LIMIT_WAIT))));
    }

    #[test]
    fn the_field_at_fault_is_named_where_odoo_tells() {
        let told = "A mandatory field is not set.\n\nModel: Lead/Opportunity (crm.lead), Field: Opportunity (name)";
        assert_eq!(property_in(told).as_deref(), Some("name"));
        assert_eq!(property_in("Contacts require a name"), None);
        assert_eq!(property_in("Field: x (a b)"), None);
    }
}
