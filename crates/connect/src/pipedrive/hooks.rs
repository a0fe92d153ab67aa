//! Webhooks of version 2.0: their only proof of origin is HTTP Basic (Pipedrive's guide for webhooks v2).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lockstep_core::env::Time;
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::Sha256;

use super::kinds::PERSON;
use crate::connector::{Hint, HintKind, HookRequest};
use crate::fault::{Fault, FaultClass};

/// Verifies a delivery and reads its hint.
pub(super) fn read(request: &HookRequest<'_>, secret: &str) -> Result<Vec<Hint>, Fault> {
    verify(request, secret)?;
    hints(request.body)
}

/// The password is the secret, whatever the user is called.
fn verify(request: &HookRequest<'_>, secret: &str) -> Result<(), Fault> {
    let refused = |reason: &str| Fault::new(FaultClass::Forbidden, "BAD_CREDENTIALS", reason);
    let header = request.headers.get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, pair) =
        header.and_then(|header| header.split_once(' ')).ok_or_else(|| refused("The delivery has no credentials."))?;
    if !scheme.eq_ignore_ascii_case("basic") || secret.is_empty() {
        return Err(refused("The delivery's credentials are not HTTP Basic, or no password was agreed."));
    }
    let pair = STANDARD.decode(pair.trim()).map_err(|_| refused("The delivery's credentials are not base64."))?;
    let colon = pair.iter().position(|byte| *byte == b':').ok_or_else(|| refused("The delivery has no password."))?;
    let password = pair.get(colon + 1..).unwrap_or_default();
    // Codes are compared in place of the texts, so that the time it takes tells nothing.
    let code = |text: &[u8]| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| refused("The secret is unusable."))?;
        mac.update(text);
        Ok(mac)
    };
    let expected = code(secret.as_bytes())?.finalize().into_bytes();
    code(password)?.verify_slice(&expected).map_err(|_| refused("The webhook's password is not the one agreed."))
}

/// What a delivery says of itself; ids are texts or numbers.
#[derive(Deserialize)]
struct Delivery {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    action: String,
    entity: String,
    entity_id: Json,
    company_id: Json,
    timestamp: Option<Json>,
    /// On the deletion of a record that was merged into another.
    merged_to_id: Option<Json>,
}

/// Reads the hint in a delivery that was verified before. A delivery is of one event; one of another object is none of ours.
pub(super) fn hints(body: &[u8]) -> Result<Vec<Hint>, Fault> {
    let unreadable = |reason: &str| {
        Fault::new(FaultClass::Rejected, "UNREADABLE_HOOK", format!("The delivery is not an event: {reason}."))
    };
    let Delivery { meta } = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    if meta.entity != PERSON.singular {
        return Ok(Vec::new());
    }
    let account = id(&meta.company_id).ok_or_else(|| unreadable("it names no company"))?;
    let record = id(&meta.entity_id).ok_or_else(|| unreadable("it names no record"))?;
    let (record, kind) = match (meta.action.as_str(), meta.merged_to_id.as_ref().and_then(id)) {
        ("create" | "change", _) => (record, HintKind::Changed),
        ("delete", Some(survivor)) => (survivor, HintKind::Merged { losers: vec![record] }),
        ("delete", None) => (record, HintKind::Deleted),
        _ => return Ok(Vec::new()),
    };
    let at = meta.timestamp.as_ref().and_then(Json::as_str).and_then(Time::parse);
    Ok(vec![Hint { account, record, kind, at }])
}

fn id(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if super::wire::is_id(text) => Some(text.clone()),
        Json::Number(number) => number.as_u64().map(|id| id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-11-22T11:00:00.250Z";

    fn event(action: &str, entity: &str, more: &[(&str, Json)]) -> String {
        let mut meta = json!({ "action": action, "entity": entity, "entity_id": "7", "company_id": "13313052",
            "timestamp": NOW, "version": "2.0", "attempt": 1 });
        for (name, value) in more {
            meta[*name] = value.clone();
        }
        json!({ "meta": meta, "data": { "id": 7 }, "previous": null }).to_string()
    }

    fn read_with(header: Option<&str>, secret: &str) -> Result<Vec<Hint>, Fault> {
        let headers = header.map(|value| (http::header::AUTHORIZATION, value.parse().expect("a header value")));
        let headers = headers.into_iter().collect();
        let body = event("change", "person", &[]);
        let uri = "https://sync.example.com/hooks";
        read(&HookRequest { method: "POST", uri, headers: &headers, body: body.as_bytes() }, secret)
    }

    /// The pair of RFC 7617, section 2, and the one of section 2.1 with a password beyond ASCII.
    #[test]
    fn the_password_is_the_proof() {
        let rfc = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(read_with(rfc, "open sesame").expect("agreed").len(), 1);
        assert_eq!(read_with(Some("basic dGVzdDoxMjPCow=="), "123£").expect("agreed").len(), 1);
        let wrong = [
            (rfc, "open sesam"),
            (rfc, ""),
            (rfc, "Aladdin:open sesame"),
            (None, "open sesame"),
            (Some("Basic"), "x"),
            (Some("Basic Og=="), ""),
            (Some("Basic !!"), "x"),
            (Some("Basic eA=="), "x"),
            (Some("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), "open sesame"),
        ];
        for (header, secret) in wrong {
            assert_eq!(read_with(header, secret).expect_err("refused").class, FaultClass::Forbidden, "{header:?}");
        }
    }

    #[test]
    fn events_become_hints() {
        let told = |body: String| {
            let hints = hints(body.as_bytes()).expect("an event");
            hints.into_iter().map(|hint| (hint.account, hint.record, hint.kind, hint.at)).collect::<Vec<_>>()
        };
        let hint = |record: &str, kind| vec![("13313052".to_owned(), record.to_owned(), kind, Time::parse(NOW))];
        assert_eq!(told(event("create", "person", &[])), hint("7", HintKind::Changed));
        let number = [("entity_id", json!(8)), ("company_id", json!(13_313_052))];
        assert_eq!(told(event("change", "person", &number)), hint("8", HintKind::Changed));
        assert_eq!(told(event("delete", "person", &[])), hint("7", HintKind::Deleted));
        let merged = HintKind::Merged { losers: vec!["7".to_owned()] };
        assert_eq!(told(event("delete", "person", &[("merged_to_id", json!("9"))])), hint("9", merged));
        assert!(told(event("change", "deal", &[])).is_empty() && told(event("dance", "person", &[])).is_empty());
        let odd = event("change", "person", &[("entity_id", json!("../7"))]);
        for body in ["", "[]", "{}", r#"{"meta":{}}"#, &odd] {
            assert_eq!(hints(body.as_bytes()).expect_err("no event").class, FaultClass::Rejected, "{body}");
        }
    }
}
