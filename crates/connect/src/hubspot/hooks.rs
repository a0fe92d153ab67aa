//! Webhooks: the v3 signature and the hints in a delivery (HubSpot's pages "Validating requests" and "Webhooks API").

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lockstep_core::env::Time;
use serde::Deserialize;
use sha2::Sha256;

use crate::connector::{Hint, HintKind, HookRequest};
use crate::fault::{Fault, FaultClass};

/// How far a delivery's time may be from ours, either way.
const TOLERANCE: Duration = Duration::from_secs(300);
/// HubSpot sends up to 100 events at once.
const EVENTS_MAX: usize = 1_000;
/// What HubSpot decodes in the URI before it signs.
const DECODED: [(&str, &str); 12] = [
    ("3A", ":"),
    ("2F", "/"),
    ("3F", "?"),
    ("40", "@"),
    ("21", "!"),
    ("24", "$"),
    ("27", "'"),
    ("28", "("),
    ("29", ")"),
    ("2A", "*"),
    ("2C", ","),
    ("3B", ";"),
];

/// Verifies a delivery and reads its hints.
pub(super) fn read(request: &HookRequest<'_>, secret: &str, now: Time) -> Result<Vec<Hint>, Fault> {
    verify(request, secret, now)?;
    hints(request.body)
}

/// Reads the hints in a delivery that was verified before.
pub(super) fn hints(body: &[u8]) -> Result<Vec<Hint>, Fault> {
    let events: Vec<Event> = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    if events.len() > EVENTS_MAX {
        return Err(unreadable("too many events"));
    }
    Ok(events.into_iter().filter_map(Event::hint).collect())
}

fn unreadable(reason: &str) -> Fault {
    Fault::new(FaultClass::Rejected, "UNREADABLE_HOOK", format!("The delivery is not a list of events: {reason}."))
}

fn verify(request: &HookRequest<'_>, secret: &str, now: Time) -> Result<(), Fault> {
    let refused = |reason: &str| Fault::new(FaultClass::Forbidden, "BAD_SIGNATURE", reason);
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let signature = header("x-hubspot-signature-v3").ok_or_else(|| refused("The delivery has no v3 signature."))?;
    let stamp = header("x-hubspot-request-timestamp").ok_or_else(|| refused("The delivery has no timestamp."))?;
    let millis: i64 = stamp.parse().map_err(|_| refused("The delivery's timestamp is not a number."))?;
    let sent = Time::from_millis(millis);
    if now.since(sent).max(sent.since(now)) > TOLERANCE {
        return Err(refused("The delivery's timestamp is more than five minutes from our clock."));
    }
    let signature = STANDARD.decode(signature).map_err(|_| refused("The signature is not base64."))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| refused("The secret is unusable."))?;
    for part in [request.method.as_bytes(), decoded(request.uri).as_bytes(), request.body, stamp.as_bytes()] {
        mac.update(part);
    }
    mac.verify_slice(&signature)
        .map_err(|_| refused("The signature does not match the app's client secret and our public address."))
}

fn decoded(uri: &str) -> String {
    let mut out = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after.get(..2);
        let known = code.and_then(|code| DECODED.iter().find(|(hex, _)| hex.eq_ignore_ascii_case(code)));
        rest = match known {
            Some((_, plain)) => {
                out.push_str(plain);
                &after[2..]
            }
            None => {
                out.push('%');
                after
            }
        };
    }
    out.push_str(rest);
    out
}

/// One event of a delivery; only what hints need.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    portal_id: Id,
    #[serde(alias = "eventType")]
    subscription_type: String,
    object_type_id: Option<String>,
    object_id: Option<Id>,
    primary_object_id: Option<Id>,
    #[serde(default)]
    merged_object_ids: Vec<Id>,
    new_object_id: Option<Id>,
    /// Milliseconds since the epoch.
    occurred_at: Option<i64>,
}

/// An id; HubSpot sends numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(u64),
    Text(String),
}

impl Id {
    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl Event {
    /// The event's hint; `None` for other objects and for kinds that say nothing about a contact's own values.
    fn hint(self) -> Option<Hint> {
        const CONTACT_TYPE_ID: &str = "0-1";
        let (object, verb) = self.subscription_type.split_once('.')?;
        let is_contact = match object {
            "contact" => true,
            "object" => self.object_type_id.as_deref() == Some(CONTACT_TYPE_ID),
            _ => false,
        };
        if !is_contact {
            return None;
        }
        let account = self.portal_id.text();
        let (record, kind) = match verb {
            "creation" | "propertyChange" | "restore" => (self.object_id?.text(), HintKind::Changed),
            "deletion" => (self.object_id?.text(), HintKind::Deleted),
            "privacyDeletion" => (self.object_id?.text(), HintKind::Erased),
            "merge" => {
                let primary = self.primary_object_id.map(Id::text);
                let survivor = self.new_object_id.map(Id::text).or_else(|| primary.clone());
                let survivor = survivor.or(self.object_id.map(Id::text))?;
                let losers = self.merged_object_ids.into_iter().map(Id::text).chain(primary);
                let losers = losers.filter(|id| *id != survivor).collect();
                (survivor, HintKind::Merged { losers })
            }
            _ => return None,
        };
        Some(Hint { account, record, kind, at: self.occurred_at.map(Time::from_millis) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "7f0c-secret";
    const STAMP: &str = "1763788800000";
    const NOW: Time = Time::from_secs(1_763_788_800);

    fn read_signed(uri: &str, body: &str, signature: &str, now: Time) -> Result<Vec<Hint>, Fault> {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-hubspot-signature-v3", signature.parse().expect("a header"));
        headers.insert("x-hubspot-request-timestamp", STAMP.parse().expect("a header"));
        read(&HookRequest { method: "POST", uri, headers: &headers, body: body.as_bytes() }, SECRET, now)
    }

    fn sign(uri: &str, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
        mac.update(format!("POST{uri}{body}{STAMP}").as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Signatures computed with Python's `hmac` module.
    #[test]
    fn signatures_made_elsewhere_are_accepted() {
        let plain = "CZUvik06xgv84b4959SsI1bv6rUaYuatbK65lJ/EM98=";
        assert_eq!(read_signed("https://sync.example.com/hooks/hubspot/con_1?x=1", "[]", plain, NOW), Ok(vec![]));
        let body = r#"[{"portalId":1,"subscriptionType":"company.creation","objectId":2}]"#;
        let encoded = "https://sync.example.com/hooks/a%3Ab%40c%2cd%20e?next=%2Fx";
        let signed_as = "https://sync.example.com/hooks/a:b@c,d%20e?next=/x";
        assert_eq!(read_signed(encoded, body, &sign(signed_as, body), NOW), Ok(vec![]));
        assert_eq!(sign(signed_as, r#"[{"portalId":1}]"#), "p/wCoPyZR7aiCsGqyz1wnoHvZvLtxspw3bfnGDef940=");
    }

    #[test]
    fn anything_altered_missing_or_stale_is_refused() {
        let uri = "https://sync.example.com/hooks";
        let good = sign(uri, "[]");
        let class = |result: Result<Vec<Hint>, Fault>| result.expect_err("a refusal").class;
        assert_eq!(class(read_signed("https://other.example.com/hooks", "[]", &good, NOW)), FaultClass::Forbidden);
        assert_eq!(class(read_signed(uri, "[ ]", &good, NOW)), FaultClass::Forbidden);
        assert_eq!(class(read_signed(uri, "[]", "not base64!", NOW)), FaultClass::Forbidden);
        let edge = Duration::from_secs(300);
        let over = edge + Duration::from_millis(1);
        assert!(
            read_signed(uri, "[]", &good, NOW.plus(edge)).is_ok()
                && read_signed(uri, "[]", &good, NOW.minus(edge)).is_ok()
        );
        assert_eq!(class(read_signed(uri, "[]", &good, NOW.plus(over))), FaultClass::Forbidden);
        assert_eq!(class(read_signed(uri, "[]", &good, NOW.minus(over))), FaultClass::Forbidden);
        let bare = http::HeaderMap::new();
        let unsigned = HookRequest { method: "POST", uri, headers: &bare, body: b"[]" };
        assert_eq!(class(read(&unsigned, SECRET, NOW)), FaultClass::Forbidden);
    }

    #[test]
    fn events_become_hints() {
        let body = serde_json::json!([
            { "portalId": 7, "subscriptionType": "contact.creation", "objectId": 1, "occurredAt": 1_763_788_799_123_i64 },
            { "portalId": 7, "eventType": "contact.propertyChange", "objectId": 2, "propertyName": "email" },
            { "portalId": 7, "subscriptionType": "object.restore", "objectTypeId": "0-1", "objectId": 3 },
            { "portalId": 7, "subscriptionType": "object.restore", "objectTypeId": "0-2", "objectId": 3 },
            { "portalId": 7, "subscriptionType": "contact.deletion", "objectId": 4 },
            { "portalId": 7, "subscriptionType": "contact.privacyDeletion", "objectId": 5 },
            { "portalId": 7, "subscriptionType": "contact.associationChange" },
            { "portalId": 7, "subscriptionType": "contact.merge", "objectId": 8, "primaryObjectId": 8, "mergedObjectIds": [9], "newObjectId": 10 },
            { "portalId": 7, "subscriptionType": "contact.merge", "objectId": 8, "primaryObjectId": 8, "mergedObjectIds": ["9"] },
        ])
        .to_string();
        let hints =
            read_signed("https://a.example/h", &body, &sign("https://a.example/h", &body), NOW).expect("signed");
        let hint = |record: &str, kind| Hint { account: "7".into(), record: record.into(), kind, at: None };
        let dated = |hint, millis| Hint { at: Some(Time::from_millis(millis)), ..hint };
        let expected = vec![
            dated(hint("1", HintKind::Changed), 1_763_788_799_123),
            hint("2", HintKind::Changed),
            hint("3", HintKind::Changed),
            hint("4", HintKind::Deleted),
            hint("5", HintKind::Erased),
            hint("10", HintKind::Merged { losers: vec!["9".into(), "8".into()] }),
            hint("8", HintKind::Merged { losers: vec!["9".into()] }),
        ];
        assert_eq!(hints, expected);
    }

    #[test]
    fn a_signed_body_that_is_no_list_of_events_is_rejected() {
        let uri = "https://a.example/h";
        for body in ["{}", "", "[1]", "\u{0}"] {
            let fault = read_signed(uri, body, &sign(uri, body), NOW).expect_err("a refusal");
            assert_eq!(fault.class, FaultClass::Rejected, "{body:?}");
        }
    }
}
