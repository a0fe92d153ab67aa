//! Webhooks: the signature and the hint in a delivery (pages "Signing", "Events" and "Payloads").

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use lockstep_core::env::Time;
use serde::Deserialize;
use sha2::Sha256;

use crate::connector::{Hint, HintKind, HookRequest};
use crate::fault::{Fault, FaultClass};

/// How far a delivery's time may be from ours, either way.
const TOLERANCE: Duration = Duration::from_secs(300);
/// Characters of an id, which is one of letters, digits and `_`.
const ID_CHARS_MAX: usize = 64;

/// Verifies a delivery and reads its hint. No delivery names the organization, so the address that it is sent to does.
pub(super) fn read(request: &HookRequest<'_>, secret: &str, now: Time) -> Result<Vec<Hint>, Fault> {
    verify(request, secret, now)?;
    let account = account(request.uri).ok_or_else(|| {
        Fault::new(FaultClass::Forbidden, "NO_ACCOUNT", "The webhook's address does not end with ?account=org_….")
    })?;
    Ok(hints(request.body)?.into_iter().map(|hint| Hint { account: account.clone(), ..hint }).collect())
}

fn account(uri: &str) -> Option<String> {
    let url = url::Url::parse(uri).ok()?;
    let named = url.query_pairs().find(|(name, _)| name == "account");
    named.map(|(_, account)| account.into_owned()).filter(|account| is_id(account))
}

fn is_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

/// `t=<unix seconds>,v1=<hex>`, with one `v1` for each secret that is in force; over the time, a dot and the raw body,
/// keyed by the whole text of the secret.
fn verify(request: &HookRequest<'_>, secret: &str, now: Time) -> Result<(), Fault> {
    let refused = |reason: &str| Fault::new(FaultClass::Forbidden, "BAD_SIGNATURE", reason);
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    // One page of Kirim's names the header so.
    let signature = header("x-kirim-signature").or_else(|| header("x-kirim-signature-256"));
    let signature = signature.ok_or_else(|| refused("The delivery has no signature."))?;
    let parts = || signature.split(',').filter_map(|part| part.trim().split_once('='));
    let stamp = parts().find(|(name, _)| *name == "t").map(|(_, stamp)| stamp);
    let stamp = stamp.ok_or_else(|| refused("The delivery's signature has no time."))?;
    let sent = Time::from_secs(stamp.parse().map_err(|_| refused("The signature's time is not a number."))?);
    if now.since(sent).max(sent.since(now)) > TOLERANCE {
        return Err(refused("The signature's time is more than five minutes from our clock."));
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| refused("The secret is unusable."))?;
    for part in [stamp.as_bytes(), b".", request.body] {
        mac.update(part);
    }
    let codes = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, code)| bytes(code));
    // Every code is compared, so that the time it takes does not tell which one fits.
    let fitting = codes.filter(|code| mac.clone().verify_slice(code).is_ok()).count();
    if fitting == 0 || secret.is_empty() {
        return Err(refused("The signature does not match the subscription's secret."));
    }
    Ok(())
}

/// The bytes that hexadecimal digits stand for.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).ok());
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    bytes.filter(|_| hex.len().is_multiple_of(2))
}

/// What hints need of an event. What Meta sent passes through without these members.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type", default)]
    kind: String,
    created_at: Option<String>,
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    contact: Option<Contact>,
}

#[derive(Deserialize)]
struct Contact {
    id: Option<String>,
}

/// Reads the hint in a delivery that was verified before. It names no account.
pub(super) fn hints(body: &[u8]) -> Result<Vec<Hint>, Fault> {
    let unreadable = |reason: &str| {
        Fault::new(FaultClass::Rejected, "UNREADABLE_HOOK", format!("The delivery is not an event: {reason}."))
    };
    let event: Event = serde_json::from_slice(body).map_err(|error| unreadable(&error.to_string()))?;
    let kind = match event.kind.as_str() {
        "contact.created" | "contact.updated" => HintKind::Changed,
        // No Kirim sends it; another Lockstep does.
        "contact.deleted" => HintKind::Deleted,
        _ => return Ok(Vec::new()),
    };
    let id = event.data.and_then(|data| data.contact?.id).filter(|id| is_id(id));
    let record = id.ok_or_else(|| unreadable("it names no contact"))?;
    let at = event.created_at.as_deref().and_then(Time::parse);
    Ok(vec![Hint { account: String::new(), record, kind, at }])
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    /// Made with another program, `openssl dgst -sha256 -hmac`.
    const BODY: &str = r#"{"id":"evt_01HXYZABCDEFGHJKMNPQRSTVWX","type":"contact.created","data":{}}"#;
    const STAMP: i64 = 1_716_480_000;
    const FIRST: (&str, &str) =
        ("whsec_primary_0123456789", "c7afb1c9d70f8febd5e11362ec2b42d29e04c2ffdae0340119feef6f5db8c616");
    const NEXT: (&str, &str) =
        ("whsec_next_9876543210", "c36ca83396c3123b41ba3a6fd33101979ea39e36389e23a44a8640696223a130");

    fn verified(name: &'static str, header: &str, secret: &str, now: i64) -> Result<(), FaultClass> {
        let headers: HeaderMap =
            [(http::HeaderName::from_static(name), header.parse().expect("a value"))].into_iter().collect();
        let uri = "https://sync.example.com/hooks/kirim?account=org_1";
        let request = HookRequest { method: "POST", uri, headers: &headers, body: BODY.as_bytes() };
        verify(&request, secret, Time::from_secs(now)).map_err(|fault| fault.class)
    }

    #[test]
    fn a_signature_counts_while_it_is_fresh_and_under_any_secret_in_force() {
        let name = "x-kirim-signature";
        let one = format!("t={STAMP},v1={}", FIRST.1);
        let both = format!("t={STAMP},v1={},v1={},v2=x", NEXT.1, FIRST.1);
        for (header, secret) in [(&one, FIRST.0), (&both, FIRST.0), (&both, NEXT.0)] {
            assert_eq!(verified(name, header, secret, STAMP + 300), Ok(()));
        }
        assert_eq!(verified("x-kirim-signature-256", &one, FIRST.0, STAMP - 300), Ok(()));
        let refused = Err(FaultClass::Forbidden);
        assert_eq!(verified(name, &one, FIRST.0, STAMP + 301), refused);
        assert_eq!(verified(name, &one, NEXT.0, STAMP), refused);
        assert_eq!(verified("x-signature", &one, FIRST.0, STAMP), refused);
        let odd = [
            format!("t={STAMP}"),
            format!("v1={}", FIRST.1),
            format!("t=x,v1={}", FIRST.1),
            one[..one.len() - 1].to_owned(),
        ];
        for header in odd {
            assert_eq!(verified(name, &header, FIRST.0, STAMP), refused, "{header}");
        }
    }

    #[test]
    fn events_of_contacts_become_hints() {
        let told = |kind: &str, data: &str| {
            let body = format!(r#"{{"type":"{kind}","created_at":"2026-05-23T10:00:00Z","data":{data}}}"#);
            hints(body.as_bytes())
                .map(|hints| hints.into_iter().map(|hint| (hint.record, hint.kind)).collect::<Vec<_>>())
        };
        let contact = r#"{"contact":{"id":"ctc_1","name":"Ada"},"changed_fields":["name"]}"#;
        let hint = |kind| Ok(vec![("ctc_1".to_owned(), kind)]);
        assert_eq!(told("contact.created", contact), hint(HintKind::Changed));
        assert_eq!(told("contact.updated", contact), hint(HintKind::Changed));
        assert_eq!(told("contact.deleted", contact), hint(HintKind::Deleted));
        assert_eq!(told("conversation.closed", r#"{"conversation":{"id":"cnv_1"}}"#), Ok(Vec::new()));
        let meta = br#"{"object":"whatsapp_business_account","entry":[]}"#;
        assert_eq!(hints(meta), Ok(Vec::new()), "what Meta sent passes through");
        for data in ["{}", r#"{"contact":{"id":"../7"}}"#] {
            assert_eq!(told("contact.updated", data).expect_err("no contact").class, FaultClass::Rejected);
        }
        assert_eq!(hints(b"[]").expect_err("no event").class, FaultClass::Rejected);
    }

    #[test]
    fn the_address_names_the_organization() {
        assert_eq!(account("https://s.example.com/hooks/kirim?a=b&account=org_1").as_deref(), Some("org_1"));
        for uri in ["https://s.example.com/hooks/kirim", "https://s.example.com/hooks/kirim?account=", "account=org_1"]
        {
            assert_eq!(account(uri), None, "{uri}");
        }
    }
}
