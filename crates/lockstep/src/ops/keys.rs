//! Keys for callers: made, shown once, kept as a hash (reference section "API keys").

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::limits::{KEY_PER_MINUTE_MAX, KEYS_MAX};
use lockstep_core::patch::Patch;
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
    /// Rate limits of its own.
    pub limits: KeyLimits,
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
    let wish =
        Wish { kind, label: label.to_owned(), live, expires_at, scopes: Vec::new(), limits: KeyLimits::default() };
    mint_as(app, org, wish).await
}

/// Makes a key as wished.
///
/// # Errors
/// Scopes for a key of another kind than [`KeyKind::Api`], or the store's.
pub async fn mint_as(app: &App, org: &Org, wish: Wish) -> Result<Minted, Problem> {
    let by = Author::command_line(org.clone());
    app.store.write(move |tx| make(tx, &by, wish)).await
}

/// Makes a key as wished, for the author's organization.
///
/// # Errors
/// As [`mint_as`].
pub fn make(tx: &mut Tx<'_>, by: &Author, wish: Wish) -> Result<Minted, Problem> {
    let Wish { kind, label, live, expires_at, scopes, limits } = wish;
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
    if limits != KeyLimits::default() {
        set_limits(tx, by, &id, limits)?;
    }
    Ok(Minted { id, plaintext: plaintext.into() })
}

/// Makes a key on behalf of another one.
///
/// # Errors
/// [`Code::InsufficientScope`] when it would be more than the caller's own key, or when that has rate limits of its own:
/// each new key would bring another bucket. Limits as [`limit_for`] refuses them, [`KEYS_MAX`] keys that have not ended,
/// or the store's.
pub fn make_for(tx: &mut Tx<'_>, app: &App, caller: &Caller, wish: Wish) -> Result<(ApiKey, SecretString), Problem> {
    refuse_limited(caller)?;
    no_more_than(caller, wish.live, wish.expires_at, &wish.scopes)?;
    check_limits(tx, app, caller, None, wish.limits)?;
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

fn refuse_limited(caller: &Caller) -> Result<(), Problem> {
    if caller.limits == KeyLimits::default() {
        return Ok(());
    }
    let message =
        "A key with rate limits of its own makes no keys and sets no limits. Use one without, or the command line.";
    Err(Problem::new(Code::InsufficientScope, message))
}

/// Each key with limits of its own brings another bucket: all of them together hold at most what the organization's does.
fn check_limits(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    key: Option<&KeyId>,
    limits: KeyLimits,
) -> Result<(), Problem> {
    if limits == KeyLimits::default() {
        return Ok(());
    }
    let (writes, reads) = tx.own_limits(&caller.org, key)?;
    let shared = &app.settings.rate_limits;
    for (param, own, others, shared) in [
        ("write_per_minute", limits.write_per_minute, writes, shared.write_per_minute),
        ("read_per_minute", limits.read_per_minute, reads, shared.read_per_minute),
    ] {
        let Some(own) = own.map(u64::from) else { continue };
        if !(1..=KEY_PER_MINUTE_MAX).contains(&own) {
            let message = format!("{param} is 1 to {KEY_PER_MINUTE_MAX}.");
            return Err(Problem::of(Code::InvalidFieldValue, param, message));
        }
        if let Some(shared) = shared.map(u64::from)
            && own.saturating_add(others) > shared
        {
            let message = format!(
                "What keys have for themselves adds up to at most the organization's {shared} a minute; others have {others}."
            );
            return Err(Problem::of(Code::InsufficientScope, param, message));
        }
    }
    Ok(())
}

/// What to change of a key's own rate limits. One that is cleared is the organization's again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitsPatch {
    /// Requests that write.
    pub write_per_minute: Patch<u32>,
    /// Requests that read.
    pub read_per_minute: Patch<u32>,
}

/// Changes a key's own rate limits on behalf of another one, and shows it.
///
/// # Errors
/// No such key, [`Code::InsufficientScope`] when it is more than the caller's own, when that has rate limits of its own,
/// or when the limits of all keys would add up to more than the organization's; a limit outside 1 to
/// [`KEY_PER_MINUTE_MAX`].
pub fn limit_for(
    tx: &mut Tx<'_>,
    app: &App,
    caller: &Caller,
    id: &KeyId,
    patch: LimitsPatch,
) -> Result<ApiKey, Problem> {
    let key = within(tx, caller, id)?;
    refuse_limited(caller)?;
    let limits = KeyLimits {
        write_per_minute: patch.write_per_minute.apply(key.limits.write_per_minute),
        read_per_minute: patch.read_per_minute.apply(key.limits.read_per_minute),
    };
    if limits != key.limits {
        check_limits(tx, app, caller, Some(id), limits)?;
        set_limits(tx, &caller.author(), id, limits)?;
    }
    find(tx, &caller.org, id)
}

/// A key of this API that is no more than the caller's.
fn within(tx: &mut Tx<'_>, caller: &Caller, id: &KeyId) -> Result<ApiKey, Problem> {
    let key = find(tx, &caller.org, id)?;
    if key.kind != KeyKind::Api {
        let message = "API keys change and revoke keys of this API only. Use the command line for this one.";
        return Err(Problem::of(Code::InsufficientScope, "kind", message));
    }
    no_more_than(caller, key.live, key.expires_at, &key.scopes)?;
    Ok(key)
}

/// Ends a key at once on behalf of another one, and shows it. One that was revoked before stays so.
///
/// # Errors
/// No such key, or [`Code::InsufficientScope`] when it is more than the caller's own or opens something else.
pub fn revoke_for(tx: &mut Tx<'_>, caller: &Caller, id: &KeyId) -> Result<ApiKey, Problem> {
    within(tx, caller, id)?;
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
    let (by, id) = (Author::command_line(org.clone()), id.clone());
    app.store.write(move |tx| set_limits(tx, &by, &id, limits)).await
}

fn set_limits(tx: &mut Tx<'_>, by: &Author, id: &KeyId, limits: KeyLimits) -> Result<bool, Problem> {
    let known = tx.set_key_limits(&by.org, id, limits)?;
    if known {
        let KeyLimits { write_per_minute, read_per_minute } = limits;
        let detail = json!({ "key": id, "write_per_minute": write_per_minute, "read_per_minute": read_per_minute });
        audit::note(tx, by, Action::KeyLimited, &detail)?;
    }
    Ok(known)
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
