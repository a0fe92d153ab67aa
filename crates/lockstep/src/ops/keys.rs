//! Keys for callers: made, shown once, kept as a hash (reference section "API keys").

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::Scope;
use lockstep_store::{KeyKind, KeyLimits, NewKey, Org};
use secrecy::SecretString;
use serde_json::json;

use crate::app::App;
use crate::auth::key_hash;
use crate::ops::audit::{self, Action};

/// Random bytes of a key: 24 characters of URL-safe base64.
const RANDOM_BYTES: usize = 18;

/// A key right after it was made.
#[derive(Debug)]
pub struct Minted {
    /// Its record.
    pub id: KeyId,
    /// The key itself. Nobody can show it again.
    pub plaintext: SecretString,
}

/// What a key shall be.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What it opens.
    pub kind: KeyKind,
    /// What a person calls it.
    pub label: String,
    /// False for a test key, whose events say `livemode: false`.
    pub live: bool,
    /// When it ends; `None` for never.
    pub expires_at: Option<Time>,
    /// What it may do; empty for everything.
    pub scopes: Vec<Scope>,
}

/// Makes a key of an organization that may do everything. `live` tells real keys from test keys.
///
/// # Errors
/// The store's.
pub async fn mint(
    app: &App,
    org: &Org,
    kind: KeyKind,
    label: &str,
    live: bool,
    expires_at: Option<Time>,
) -> Result<Minted, Problem> {
    mint_as(app, org, Wish { kind, label: label.to_owned(), live, expires_at, scopes: Vec::new() }).await
}

/// Makes a key as wished.
///
/// # Errors
/// Scopes for a key of another kind than [`KeyKind::Api`], or the store's.
pub async fn mint_as(app: &App, org: &Org, wish: Wish) -> Result<Minted, Problem> {
    let Wish { kind, label, live, expires_at, scopes } = wish;
    if kind != KeyKind::Api && !scopes.is_empty() {
        return Err(Problem::of(Code::InvalidFieldValue, "scopes", "Only keys of the inbox API have scopes."));
    }
    let plaintext = format!("{}{}", prefix(kind, live), URL_SAFE_NO_PAD.encode(app.env.random_bytes::<RANDOM_BYTES>()));
    let key = NewKey {
        kind,
        label,
        hash: key_hash(&plaintext),
        first12: plaintext[..12].to_owned(),
        last4: plaintext[plaintext.len() - 4..].to_owned(),
        live,
        expires_at,
        scopes,
    };
    let org = org.clone();
    let made = app.store.write(move |tx| {
        let id = tx.add_key(&org, &key)?;
        let detail = json!({ "key": id, "kind": key.kind, "label": key.label, "live": key.live, "scopes": key.scopes });
        audit::note_operator(tx, &org, Action::KeyCreated, &detail)?;
        Ok::<_, Problem>(id)
    });
    Ok(Minted { id: made.await?, plaintext: plaintext.into() })
}

/// Ends a key at once; false when there is no such active key.
///
/// # Errors
/// The store's.
pub async fn revoke(app: &App, org: &Org, id: &KeyId) -> Result<bool, Problem> {
    let (org, id) = (org.clone(), id.clone());
    app.store
        .write(move |tx| {
            let revoked = tx.revoke_key(&org, &id)?;
            if revoked {
                audit::note_operator(tx, &org, Action::KeyRevoked, &json!({ "key": id }))?;
            }
            Ok(revoked)
        })
        .await
}

/// Gives a key rate limits of its own; false when the organization has no such key.
///
/// # Errors
/// The store's.
pub async fn limit(app: &App, org: &Org, id: &KeyId, limits: KeyLimits) -> Result<bool, Problem> {
    let (org, id) = (org.clone(), id.clone());
    app.store
        .write(move |tx| {
            let known = tx.set_key_limits(&org, &id, limits)?;
            if known {
                let KeyLimits { write_per_minute, read_per_minute } = limits;
                let detail =
                    json!({ "key": id, "write_per_minute": write_per_minute, "read_per_minute": read_per_minute });
                audit::note_operator(tx, &org, Action::KeyLimited, &detail)?;
            }
            Ok(known)
        })
        .await
}

fn prefix(kind: KeyKind, live: bool) -> &'static str {
    match (kind, live) {
        (KeyKind::Api, true) => "kdv_live_",
        (KeyKind::Api, false) => "kdv_test_",
        (KeyKind::Publishable, true) => "pk_live_",
        (KeyKind::Publishable, false) => "pk_test_",
        (KeyKind::Secret, true) => "sk_live_",
        (KeyKind::Secret, false) => "sk_test_",
        (KeyKind::Admin, _) => "adm_",
    }
}
