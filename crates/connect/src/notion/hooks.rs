//! Webhooks: the signature and the hint in a delivery (Notion's pages "Webhooks" and "Event types & delivery").

use hmac::{Hmac, KeyInit, Mac};
use lockstep_core::env::Time;
use secrecy::SecretString;
use serde::Deserialize;
use sha2::Sha256;

use crate::connector::{Hint, HintKind, HookRequest};
use crate::fault::{Fault, FaultClass};

/// Where the signature stands.
const SIGNATURE: &str = "x-notion-signature";
/// Bytes of a verification token; Notion's are of 50. A shorter key could be guessed.
const TOKEN_BYTES_MIN: usize = 20;
const TOKEN_BYTES_MAX: usize = 200;

/// Verifies a delivery and reads its hint. A signature covers the body alone and has no time: a replayed delivery is one
/// more look.
pub(super) fn read(request: &HookRequest<'_>, secret: &str) -> Result<Vec<Hint>, Fault> {
    verify(request, secret)?;
    hints(request.body)
}

/// Reads the hint in a delivery that was verified before.
pub(super) fn hints(body: &[u8]) -> Result<Vec<Hint>, Fault> {
    let event: Event = serde_json::from_slice(body).map_err(|error| {
        Fault::new(FaultClass::Rejected, "UNREADABLE_HOOK", format!("The delivery is not an event: {error}."))
    })?;
    Ok(event.hint().into_iter().collect())
}

fn verify(request: &HookRequest<'_>, secret: &str) -> Result<(), Fault> {
    let refused = |reason: &str| Fault::new(FaultClass::Forbidden, "BAD_SIGNATURE", reason);
    let header = request.headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    let digits = header.and_then(|value| value.strip_prefix("sha256="));
    let signature = digits.and_then(from_hex).ok_or_else(|| refused("The delivery has no readable signature."))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| refused("The secret is unusable."))?;
    mac.update(request.body);
    mac.verify_slice(&signature).map_err(|_| refused("The signature does not match the verification token."))
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair.filter(|pair| !pair.starts_with('+'))?, 16).ok()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Handshake {
    verification_token: String,
}

/// The token of the handshake, which comes before there is anything to sign with. A person will see it at a terminal.
pub(super) fn token(body: &[u8]) -> Option<SecretString> {
    let Handshake { verification_token: token } = serde_json::from_slice(body).ok()?;
    let fits = (TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len());
    (fits && token.bytes().all(|byte| byte.is_ascii_graphic())).then(|| token.into())
}

/// One event; only what a hint needs.
#[derive(Deserialize)]
struct Event {
    workspace_id: String,
    #[serde(rename = "type")]
    kind: String,
    entity: Entity,
    timestamp: Option<Time>,
}

#[derive(Deserialize)]
struct Entity {
    id: String,
}

impl Event {
    /// Pages of any data source are told of. What became of blocks and comments is no matter of a record's properties.
    fn hint(self) -> Option<Hint> {
        let kind = match self.kind.as_str() {
            "page.created" | "page.properties_updated" | "page.undeleted" | "page.moved" => HintKind::Changed,
            "page.deleted" => HintKind::Deleted,
            _ => return None,
        };
        Some(Hint { account: self.workspace_id, record: self.entity.id, kind, at: self.timestamp })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::NOON;
    use secrecy::ExposeSecret;
    use serde_json::json;

    const TOKEN: &str = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl";

    fn request<'a>(headers: &'a http::HeaderMap, body: &'a [u8]) -> HookRequest<'a> {
        HookRequest { method: "POST", uri: "https://sync.example.com/hooks/notion", headers, body }
    }

    fn signed(signature: &str) -> http::HeaderMap {
        [(SIGNATURE.parse().expect("a name"), signature.parse().expect("a value"))].into_iter().collect()
    }

    fn event(kind: &str) -> Vec<u8> {
        json!({ "id": "e", "workspace_id": "w", "type": kind, "timestamp": "2026-11-22T12:00:00.000Z",
            "entity": { "id": "p", "type": "page" }, "data": {} })
        .to_string()
        .into_bytes()
    }

    /// The vectors of RFC 4231, section 4.3: what Notion does is HMAC-SHA256 in hexadecimal.
    #[test]
    fn a_signature_is_an_hmac_of_the_raw_body() {
        let body = b"what do ya want for nothing?";
        let right = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(verify(&request(&signed(right), body), "Jefe"), Ok(()));
        let wrong = [
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3844",
            "sha256=5bdc",
            "sha256=",
            "sha256=+bdcc",
            "sha256=é",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ];
        for signature in wrong {
            let mut headers = http::HeaderMap::new();
            headers.insert(SIGNATURE, http::HeaderValue::from_bytes(signature.as_bytes()).expect("a value"));
            let fault = verify(&request(&headers, body), "Jefe").expect_err("wrong");
            assert_eq!(fault.class, FaultClass::Forbidden, "{signature}");
        }
        assert!(verify(&request(&signed(right), b"what do ya want for nothing!"), "Jefe").is_err());
        assert!(read(&request(&http::HeaderMap::new(), &event("page.created")), TOKEN).is_err(), "unsigned");
    }

    #[test]
    fn a_handshake_gives_its_token_and_is_no_delivery() {
        let told = |token: &str| json!({ "verification_token": token }).to_string().into_bytes();
        let given = |body: &[u8]| token(body).map(|token| token.expose_secret().to_owned());
        assert_eq!(given(&told(TOKEN)).as_deref(), Some(TOKEN));
        assert!(read(&request(&http::HeaderMap::new(), &told(TOKEN)), TOKEN).is_err(), "unsigned");
        let unfit = ["", "secret_short", "secret_tMrlL1qK5vuQAh1b6cZG\u{1b}[2J", &"x".repeat(201)];
        unfit.iter().for_each(|token| assert_eq!(given(&told(token)), None, "{token}"));
        let more = json!({ "verification_token": TOKEN, "type": "page.deleted" }).to_string().into_bytes();
        assert_eq!(given(&more), None);
        assert_eq!(given(&event("page.created")), None);
    }

    #[test]
    fn events_of_pages_hint() {
        let kinds = ["page.created", "page.properties_updated", "page.undeleted", "page.moved", "page.deleted"];
        for kind in kinds {
            let hint = hints(&event(kind)).expect("an event").remove(0);
            let expected = if kind == "page.deleted" { HintKind::Deleted } else { HintKind::Changed };
            assert_eq!(hint, Hint { account: "w".into(), record: "p".into(), kind: expected, at: Some(NOON) });
        }
        for kind in ["page.content_updated", "comment.created", "data_source.schema_updated", "view.created"] {
            assert_eq!(hints(&event(kind)), Ok(Vec::new()), "{kind}");
        }
        assert_eq!(hints(b"[]").expect_err("no event").class, FaultClass::Rejected);
    }
}
