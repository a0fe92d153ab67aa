//! Who calls: an API key becomes the proof of its organization.

use axum::http::HeaderValue;
use lockstep_core::change::Origin;
use lockstep_core::ids::{KeyId, RequestId};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{ApiKey, KeyKind, KeyLimits, Org};
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::ops::Author;

/// A caller of the Inbox API whose key was proved.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The key's organization.
    pub org: Org,
    /// The key's record.
    pub key: KeyId,
    /// What the operator called the key.
    pub label: String,
    /// The key's last four characters.
    pub last4: String,
    /// False for a test key: what it causes says `livemode: false`.
    pub livemode: bool,
    /// The key's own rate limits.
    pub limits: KeyLimits,
    /// The request.
    pub request: RequestId,
}

impl Caller {
    /// The caller as the author of a change.
    pub fn author(&self) -> Author {
        Author { org: self.org.clone(), origin: Origin::Api { key: self.key.clone() }, livemode: self.livemode }
    }
}

/// The hash under which a key is stored. Keys are random, so a plain SHA-256 keeps them.
pub fn key_hash(plaintext: &str) -> [u8; 32] {
    Sha256::digest(plaintext.as_bytes()).into()
}

/// Proves the caller by the `Authorization` header; no other place for a key is looked at.
///
/// # Errors
/// A 401 that says whether the key is missing, unknown, expired or revoked; 503 when the store cannot tell.
pub async fn caller(app: &App, authorization: Option<&HeaderValue>, request: RequestId) -> Result<Caller, Problem> {
    let header = authorization.ok_or_else(|| {
        Problem::new(Code::MissingApiKey, "Send the API key as \"Authorization: Bearer kdv_live_…\".")
    })?;
    let plaintext = header.to_str().ok().and_then(bearer).ok_or_else(unknown)?;
    let hash = key_hash(plaintext);
    let key = app.store.read(move |tx| Ok::<_, Problem>(tx.key_by_hash(&hash)?)).await?.ok_or_else(unknown)?;
    check(&key, app)?;
    Ok(Caller {
        org: key.org().clone(),
        key: key.id,
        label: key.label,
        last4: key.last4,
        livemode: key.live,
        limits: key.limits,
        request,
    })
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn unknown() -> Problem {
    Problem::new(
        Code::InvalidApiKey,
        "No such API key. Check that the whole key was copied, starting with kdv_live_ or kdv_test_.",
    )
}

fn check(key: &ApiKey, app: &App) -> Result<(), Problem> {
    if key.kind != KeyKind::Api {
        return Err(unknown());
    }
    if key.revoked_at.is_some() {
        return Err(Problem::new(Code::RevokedApiKey, "This API key was revoked. Use another one."));
    }
    if key.expires_at.is_some_and(|end| end <= app.env.now()) {
        return Err(Problem::new(Code::ExpiredApiKey, "This API key has expired. Use another one."));
    }
    Ok(())
}
