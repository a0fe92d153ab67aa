//! Signatures of webhook deliveries: `t=SECONDS,v1=HEX[,v1=HEX…]` for those of the inbox (Kirim reference, "Webhooks:
//! signature"), and those of Standard Webhooks for an app's (xkit reference, section 9).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::env::Time;
use crate::limits::SIGNATURE_AGE_MAX_SECS;

/// The header that carries the signature.
pub const HEADER: &str = "X-Kirim-Signature";

/// A signature that does not prove its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// No time, or no `v1` that could be one.
    #[error("the signature header is missing or malformed")]
    Malformed,
    /// Signed too long ago, or in the future.
    #[error("the signature's time is more than {SIGNATURE_AGE_MAX_SECS} seconds away")]
    Stale,
    /// Signed with another secret, or other bytes.
    #[error("the signature does not match")]
    Mismatch,
}

/// Signs the exact bytes that are sent, once for each active secret. The key is the whole secret, its `whsec_` included.
/// Every attempt of a delivery is signed anew, because `at` ages.
pub fn sign(body: &[u8], secrets: &[&str], at: Time) -> String {
    let at = at.as_secs();
    let marks = secrets.iter().map(|secret| format!(",v1={}", hex::encode(mark(at, body, secret))));
    std::iter::once(format!("t={at}")).chain(marks).collect()
}

/// Verifies a signature over the raw bytes of a body: any `v1` may match any secret. Unknown segments are ignored.
///
/// # Errors
/// When the header cannot be read, is stale, or matches no secret.
pub fn verify(header: &str, body: &[u8], secrets: &[&str], now: Time) -> Result<(), BadSignature> {
    let segments = || header.split(',').filter_map(|segment| segment.trim().split_once('='));
    let at = segments().find_map(|(name, value)| (name == "t").then_some(value));
    let at: i64 = at.and_then(|at| at.parse().ok()).ok_or(BadSignature::Malformed)?;
    let given: Vec<Vec<u8>> =
        segments().filter(|(name, _)| *name == "v1").filter_map(|(_, value)| hex::decode(value).ok()).collect();
    if given.is_empty() {
        return Err(BadSignature::Malformed);
    }
    if now.as_secs().abs_diff(at) > SIGNATURE_AGE_MAX_SECS {
        return Err(BadSignature::Stale);
    }
    let mut proven = Choice::from(0);
    for secret in secrets {
        let wanted = mark(at, body, secret);
        for given in &given {
            proven |= wanted.as_slice().ct_eq(given);
        }
    }
    if proven.into() { Ok(()) } else { Err(BadSignature::Mismatch) }
}

/// Signs a call as Standard Webhooks has it: `v1,` and the base64 of an HMAC over the call's id, its time and its body. The
/// key is what the base64 after `whsec_` stands for.
pub fn sign_standard(id: &str, body: &str, secret: &str, at: Time) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap_or(secret)).unwrap_or_default();
    format!("v1,{}", STANDARD.encode(hmac(&key, &[id, ".", &at.as_secs().to_string(), ".", body].map(str::as_bytes))))
}

fn mark(at: i64, body: &[u8], secret: &str) -> Vec<u8> {
    hmac(secret.as_bytes(), &[at.to_string().as_bytes(), b".", body])
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BODY: &[u8] = br#"{"id":"evt_01HXYZABCDEFGHJKMNPQRSTVWX","type":"contact.created","data":{}}"#;
    const PRIMARY: &str = "whsec_primary_0123456789";
    const NEXT: &str = "whsec_next_9876543210";
    const PRIMARY_V1: &str = "c7afb1c9d70f8febd5e11362ec2b42d29e04c2ffdae0340119feef6f5db8c616";
    const NEXT_V1: &str = "c36ca83396c3123b41ba3a6fd33101979ea39e36389e23a44a8640696223a130";
    const AT: Time = Time::from_secs(1_716_480_000);

    #[test]
    fn both_vectors_are_signed() {
        let header = sign(BODY, &[PRIMARY, NEXT], AT);
        assert_eq!(header, format!("t=1716480000,v1={PRIMARY_V1},v1={NEXT_V1}"));
    }

    #[test]
    fn any_mark_may_match_any_secret() {
        let header = format!("v0=zz, t=1716480000,v1=00,v1={NEXT_V1},extra");
        assert_eq!(verify(&header, BODY, &["whsec_other", NEXT], AT), Ok(()));
        assert_eq!(verify(&header, BODY, &[PRIMARY], AT), Err(BadSignature::Mismatch));
        assert_eq!(verify(&header, b"{}", &[NEXT], AT), Err(BadSignature::Mismatch));
        assert_eq!(verify(&header, BODY, &[], AT), Err(BadSignature::Mismatch));
    }

    #[test]
    fn five_minutes_either_way_are_allowed() {
        let header = sign(BODY, &[PRIMARY], AT);
        let check = |shift: i64| verify(&header, BODY, &[PRIMARY], Time::from_secs(AT.as_secs() + shift));
        assert_eq!((check(300), check(-300)), (Ok(()), Ok(())));
        assert_eq!((check(301), check(-301)), (Err(BadSignature::Stale), Err(BadSignature::Stale)));
    }

    #[test]
    fn a_header_without_time_or_mark_is_malformed() {
        for header in
            ["", "t=1716480000", "v1=00", "t=now,v1=00", "t=1716480000,v1=xyz", "t=99999999999999999999,v1=00"]
        {
            assert_eq!(verify(header, BODY, &[PRIMARY], AT), Err(BadSignature::Malformed), "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_was_signed_verifies_and_garbage_never_panics(body: Vec<u8>, secret in "\\PC{0,80}", header in "[a-z0-9=,]{0,60}", at in any::<i64>().prop_map(Time)) {
            prop_assert_eq!(verify(&sign(&body, &[&secret], at), &body, &[&secret], at), Ok(()));
            prop_assert!(verify(&header, &body, &[&secret], at).is_err());
        }
    }

    /// The example of the Standard Webhooks specification.
    #[test]
    fn a_call_is_signed_as_standard_webhooks_has_it() {
        let body = r#"{"event_type":"ping","data":{"success":true}}"#;
        let at = Time::from_secs(1_731_705_121);
        let signed = sign_standard("msg_loFOjxBNrRLzqYUf", body, "whsec_plJ3nmyCDGBKInavdOK15jsl", at);
        assert_eq!(signed, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=");
    }
}
