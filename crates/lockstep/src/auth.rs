//! Who calls: an API key becomes the proof of its organization.

use std::time::Duration;

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_core::change::Origin;
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::env::Time;
use lockstep_core::ids::{KeyId, RequestId};
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::{Scope, allows};
use lockstep_store::{ApiKey, KeyKind, KeyLimits, Org, StoreError};
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
    /// When the key ends; `None` for never.
    pub expires_at: Option<Time>,
    /// The key's own rate limits.
    pub limits: KeyLimits,
    /// What the key may do; empty for everything.
    pub scopes: Vec<Scope>,
    /// The request.
    pub request: RequestId,
}

impl Caller {
    /// The caller as the author of a change.
    pub fn author(&self) -> Author {
        let origin = Origin::Api { key: self.key.clone() };
        Author { org: self.org.clone(), origin, user: None, livemode: self.livemode }
    }

    /// Refuses what the key's scopes do not cover.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`].
    pub fn may(&self, needed: Scope) -> Result<(), Problem> {
        if allows(&self.scopes, needed) {
            return Ok(());
        }
        Err(Problem::new(Code::InsufficientScope, format!("This API key lacks the scope {needed}.")))
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
    note_use(&key, app).await;
    Ok(called_by(key, request))
}

/// Proves an app's back end by its key pair: HTTP Basic, the publishable key for the name and a secret key of the same
/// organization for the password (xkit reference, section 2.1).
///
/// # Errors
/// [`CrmCode::Unauthorized`], the same for every reason; the store's.
pub async fn pair(app: &App, authorization: Option<&HeaderValue>, request: RequestId) -> Result<Caller, CrmProblem> {
    let refused = || {
        let message = "Send a publishable key and a secret key of one organization as HTTP Basic credentials.";
        CrmProblem::new(CrmCode::Unauthorized, message)
    };
    let (publishable, secret) =
        authorization.and_then(|header| header.to_str().ok()).and_then(basic).ok_or_else(refused)?;
    let hashes = (key_hash(&publishable), key_hash(&secret));
    let found = app
        .store
        .read(move |tx| Ok::<_, CrmProblem>(Option::zip(tx.key_by_hash(&hashes.0)?, tx.key_by_hash(&hashes.1)?)));
    let (publishable, key) = found.await?.ok_or_else(refused)?;
    let now = app.env.now();
    let lives = |key: &ApiKey| !key.is_revoked() && !key.is_expired(now);
    let kinds = publishable.kind == KeyKind::Publishable && key.kind == KeyKind::Secret;
    if !kinds || publishable.org() != key.org() || !lives(&publishable) || !lives(&key) {
        return Err(refused());
    }
    note_use(&key, app).await;
    Ok(called_by(key, request))
}

fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, credentials) = header.split_once(' ')?;
    let decoded = STANDARD.decode(credentials.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn called_by(key: ApiKey, request: RequestId) -> Caller {
    Caller {
        org: key.org().clone(),
        key: key.id,
        label: key.label,
        last4: key.last4,
        livemode: key.live,
        expires_at: key.expires_at,
        limits: key.limits,
        scopes: key.scopes,
        request,
    }
}

/// Notes that the key is used, once an hour: the first request of the hour pays a commit. One that cannot be noted is
/// served all the same.
async fn note_use(key: &ApiKey, app: &App) {
    const HOUR: Duration = Duration::from_secs(3_600);
    if key.last_used_at.is_some_and(|last| app.env.now().since(last) < HOUR) {
        return;
    }
    let id = key.id.clone();
    let noted: Result<(), StoreError> = app.store.write(move |tx| tx.note_key_used(&id)).await;
    if let Err(error) = noted {
        tracing::warn!(key = %key.id, %error, "the use of an API key could not be noted");
    }
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
