//! Keys for callers: made, shown once, kept as a hash (reference section "API keys").

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::limits::KEYS_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::{Scope, is_within};
use lockstep_store::{ApiKey, KeyKind, KeyLimits, NewKey, Org, Tx};
use secrecy::SecretString;
use serde_json::json;

use crate::app::App;
use crate::auth::{Caller, key_hash};
use crate::ops::Author;
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
    let by = Author::command_line(org.clone());
    app.store.write(move |tx| make(tx, &by, wish)).await
}

fn make(tx: &mut Tx<'_>, by: &Author, wish: Wish) -> Result<Minted, Problem> {
    let Wish { kind, label, live, expires_at, scopes } = wish;
    if kind != KeyKind::Api && !scopes.is_empty() {
        return Err(Problem::of(Code::InvalidFieldValue, "scopes", "Only keys of the inbox API have scopes."));
    }
    let plaintext =
        format!("{}{}", prefix(kind, live), URL_SAFE_NO_PAD.encode(tx.env().random_bytes::<RANDOM_BYTES>()));
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
    let id = tx.add_key(&by.org, &key)?;
    let detail = json!({ "key": id, "kind": key.kind, "label": key.label, "live": key.live, "scopes": key.scopes });
    audit::note(tx, by, Action::KeyCreated, &detail)?;
    Ok(Minted { id, plaintext: plaintext.into() })
}

/// Makes a key on behalf of another one.
///
/// # Errors
/// [`Code::InsufficientScope`] when it would be more than the caller's own key, or when that has rate limits of its own:
/// each new key would bring another bucket. [`KEYS_MAX`] keys that have not ended, or the store's.
pub fn make_for(tx: &mut Tx<'_>, caller: &Caller, wish: Wish) -> Result<(ApiKey, SecretString), Problem> {
    if caller.limits != KeyLimits::default() {
        let message = "A key with rate limits of its own makes no keys. Use one without, or the command line.";
        return Err(Problem::new(Code::InsufficientScope, message));
    }
    no_more_than(caller, wish.live, wish.expires_at, &wish.scopes)?;
    if tx.count_keys(&caller.org)? >= KEYS_MAX {
        let message = format!("An organization has at most {KEYS_MAX} keys. Revoke one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let Minted { id, plaintext } = make(tx, &caller.author(), wish)?;
    Ok((find(tx, &caller.org, &id)?, plaintext))
}

/// Nobody makes or ends by a key what is more than that key.
fn no_more_than(caller: &Caller, live: bool, expires_at: Option<Time>, scopes: &[Scope]) -> Result<(), Problem> {
    let refuse = |param: &str, message: &str| Err(Problem::of(Code::InsufficientScope, param, message));
    if !is_within(scopes, &caller.scopes) {
        return refuse("scopes", "This API key makes and revokes only keys that may do no more than itself.");
    }
    if live && !caller.livemode {
        return refuse("livemode", "A test key makes and revokes test keys only.");
    }
    if caller.expires_at.is_some_and(|end| expires_at.is_none_or(|other| other > end)) {
        return refuse("expires_at", "A key that ends makes and revokes only keys that end no later.");
    }
    Ok(())
}

/// Finds a key, ended ones included.
///
/// # Errors
/// No such key.
pub fn find(tx: &mut Tx<'_>, org: &Org, id: &KeyId) -> Result<ApiKey, Problem> {
    tx.key(org, id)?.ok_or_else(|| Problem::not_found("key"))
}

/// Ends a key at once on behalf of another one, and shows it. One that was revoked before stays so.
///
/// # Errors
/// No such key, or [`Code::InsufficientScope`] when it is more than the caller's own or opens something else.
pub fn revoke_for(tx: &mut Tx<'_>, caller: &Caller, id: &KeyId) -> Result<ApiKey, Problem> {
    let key = find(tx, &caller.org, id)?;
    if key.kind != KeyKind::Api {
        let message = "API keys revoke keys of this API only. Revoke this one on the command line.";
        return Err(Problem::of(Code::InsufficientScope, "kind", message));
    }
    no_more_than(caller, key.live, key.expires_at, &key.scopes)?;
    end(tx, &caller.author(), id)?;
    find(tx, &caller.org, id)
}

/// Ends a key at once; false when there is no such active key.
///
/// # Errors
/// The store's.
pub async fn revoke(app: &App, org: &Org, id: &KeyId) -> Result<bool, Problem> {
    let (by, id) = (Author::command_line(org.clone()), id.clone());
    app.store.write(move |tx| end(tx, &by, &id)).await
}

fn end(tx: &mut Tx<'_>, by: &Author, id: &KeyId) -> Result<bool, Problem> {
    let revoked = tx.revoke_key(&by.org, id)?;
    if revoked {
        audit::note(tx, by, Action::KeyRevoked, &json!({ "key": id }))?;
    }
    Ok(revoked)
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
