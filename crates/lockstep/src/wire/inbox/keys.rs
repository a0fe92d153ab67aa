//! API keys: listed, made, limited and revoked by a key that may do so. Beyond Kirim, which has them in its dashboard only.

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::limits::{KEY_LABEL_CHARS_MAX, fits};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::scope::Scope;
use lockstep_store::{ApiKey, KeyKind, KeyLimits, Tx};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::ops::idempotency::Once;
use crate::ops::keys::{self, LimitsPatch, Wish};
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::{PageFilters, page_size, required};
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, patch, revoke))
}

/// A key's record.
#[derive(Debug, Serialize, ToSchema)]
struct KeyObject {
    /// `key_…`
    #[schema(value_type = String)]
    id: KeyId,
    /// Always `api_key`.
    #[schema(value_type = String)]
    object: &'static str,
    /// What it opens: `api` is this API; `publishable`, `secret` and `admin` keys are made on the command line.
    #[schema(value_type = String)]
    kind: KeyKind,
    /// What people call it.
    label: String,
    /// Its first twelve characters.
    first12: String,
    /// Its last four characters.
    last4: String,
    /// False for a test key.
    livemode: bool,
    /// What it may do; null for everything.
    #[schema(value_type = Option<Vec<String>>, required)]
    scopes: Option<Vec<Scope>>,
    /// Requests a minute that it may write, of its own; null when it shares its organization's.
    #[schema(required)]
    write_per_minute: Option<u32>,
    /// Requests a minute that it may read, of its own; null when it shares its organization's.
    #[schema(required)]
    read_per_minute: Option<u32>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it ends or ended; null for never.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<Time>,
    /// When it was revoked.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    revoked_at: Option<Time>,
    /// When it was last used, to the hour.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    last_used_at: Option<Time>,
    /// The key itself; shown once, in the answer to its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
}

impl From<ApiKey> for KeyObject {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            object: "api_key",
            kind: key.kind,
            label: key.label,
            first12: key.first12,
            last4: key.last4,
            livemode: key.live,
            scopes: Some(key.scopes).filter(|scopes| !scopes.is_empty()),
            write_per_minute: key.limits.write_per_minute,
            read_per_minute: key.limits.read_per_minute,
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
            key: None,
        }
    }
}

/// A key to make. It may do no more than the key of the request, and not for longer.
#[derive(Debug, Deserialize, ToSchema)]
struct NewKeyBody {
    /// What people call it, 1 to 100 characters.
    #[schema(required, nullable = false, min_length = 1, max_length = 100)]
    label: Option<String>,
    /// False for a test key; as the key of the request when absent.
    livemode: Option<bool>,
    /// What it may do, such as `contacts:read`; what the key of the request may do when absent.
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    scopes: Option<Vec<Scope>>,
    /// Requests a minute that it may write, of its own. What keys have for themselves adds up to at most what the
    /// organization has.
    #[schema(minimum = 1, maximum = 1_000_000)]
    write_per_minute: Option<u32>,
    /// Requests a minute that it may read, of its own.
    #[schema(minimum = 1, maximum = 1_000_000)]
    read_per_minute: Option<u32>,
    /// When it ends; when the key of the request does when absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

impl NewKeyBody {
    fn checked(self, caller: &Caller, now: Time) -> Result<Wish, Problem> {
        let refuse = |param: &str, message: String| Err(Problem::of(Code::InvalidFieldValue, param, message));
        let label = required("label", self.label)?;
        if label.trim().is_empty() || label.chars().any(char::is_control) || !fits(&label, KEY_LABEL_CHARS_MAX) {
            return refuse(
                "label",
                format!("A label has 1 to {KEY_LABEL_CHARS_MAX} characters, no control characters."),
            );
        }
        if self.scopes.as_ref().is_some_and(Vec::is_empty) {
            return refuse("scopes", "Name at least one scope, or leave scopes out.".to_owned());
        }
        let expires_at = match self.expires_at.as_deref() {
            None => caller.expires_at,
            Some(text) => match Time::parse(text) {
                Some(end) if end > now => Some(end),
                _ => return refuse("expires_at", "expires_at is a time to come, as 2026-05-23T10:00:00Z.".to_owned()),
            },
        };
        let mut scopes = self.scopes.unwrap_or_else(|| caller.scopes.clone());
        scopes.sort();
        scopes.dedup();
        Ok(Wish {
            kind: KeyKind::Api,
            label,
            live: self.livemode.unwrap_or(caller.livemode),
            expires_at,
            scopes,
            limits: KeyLimits { write_per_minute: self.write_per_minute, read_per_minute: self.read_per_minute },
        })
    }
}

#[derive(Debug, Deserialize)]
struct KeyPath {
    id: String,
}

impl KeyPath {
    fn id(&self) -> Result<KeyId, Problem> {
        KeyId::parse(&self.id).map_err(|_| Problem::not_found("key"))
    }
}

/// Lists keys, ended ones too, oldest first.
#[utoipa::path(get, path = "/keys", tag = "organization", operation_id = "list_keys", params(PageFilters),
    responses((status = 200, body = List<KeyObject>)))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Filters(filters): Filters<PageFilters>,
) -> Result<Answer, Refusal> {
    let limit = page_size(filters.limit.as_deref())?;
    let listing = Listing::new(&app, &caller.org, "keys", &[]);
    let after = listing.position::<KeyId>(filters.cursor.as_deref())?.map(|(_, id)| id);
    let org = caller.org.clone();
    let (rows, has_more) = app.store.read(move |tx| Ok::<_, Problem>(tx.keys(&org, after.as_ref(), limit)?)).await?;
    let next = rows.last().filter(|_| has_more).map(|last| listing.cursor(0, &last.id)).transpose()?;
    let data = rows.into_iter().map(KeyObject::from).collect();
    Ok(Answer::new(200, &caller.request, &List::page(data, next, &caller.request))?)
}

/// Makes a key for this API and shows it, once.
#[utoipa::path(post, path = "/keys", tag = "organization", operation_id = "create_key", request_body = NewKeyBody,
    responses((status = 201, body = One<KeyObject>)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    Post { body, once }: Post<NewKeyBody>,
) -> Result<Answer, Refusal> {
    let (now, here, by) = (app.env.now(), app.clone(), caller.clone());
    // The kept answer shows the new key: another key gets none of it, whatever it repeats.
    let once = once.map(|once| Once { key: format!("{}/{}", caller.key, once.key), ..once });
    let effect = move |tx: &mut Tx<'_>| {
        let (key, plaintext) = keys::make_for(tx, &here, &by, body?.checked(&by, now)?)?;
        let shown = KeyObject { key: Some(plaintext.expose_secret().to_owned()), ..KeyObject::from(key) };
        Answer::created(&by.request, shown)
    };
    once::answer(&app, &caller, once, effect).await
}

/// Reads a key's record.
#[utoipa::path(get, path = "/keys/{id}", tag = "organization", operation_id = "get_key",
    params(("id" = String, Path, description = "`key_…`")), responses((status = 200, body = One<KeyObject>)))]
async fn get(State(app): State<App>, caller: Caller, Segments(path): Segments<KeyPath>) -> Result<Answer, Refusal> {
    let (org, id) = (caller.org.clone(), path.id()?);
    let key = app.store.read(move |tx| keys::find(tx, &org, &id)).await?;
    Ok(Answer::ok(&caller.request, KeyObject::from(key))?)
}

/// What to change of a key. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct KeyPatchBody {
    /// Requests a minute that it may write, of its own; null when it is to share its organization's. What keys have for
    /// themselves adds up to at most what the organization has.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    write_per_minute: Patch<u32>,
    /// Requests a minute that it may read, of its own; null when it is to share its organization's.
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    #[serde(default)]
    read_per_minute: Patch<u32>,
}

/// Gives a key rate limits of its own, or takes them away.
#[utoipa::path(patch, path = "/keys/{id}", tag = "organization", operation_id = "update_key", request_body = KeyPatchBody,
    params(("id" = String, Path, description = "`key_…`")), responses((status = 200, body = One<KeyObject>)))]
async fn patch(
    State(app): State<App>,
    caller: Caller,
    Segments(path): Segments<KeyPath>,
    Body(body): Body<KeyPatchBody>,
) -> Result<Answer, Refusal> {
    let (here, by, id) = (app.clone(), caller.clone(), path.id()?);
    let patch = LimitsPatch { write_per_minute: body.write_per_minute, read_per_minute: body.read_per_minute };
    if patch == LimitsPatch::default() {
        let message = "Give at least one of write_per_minute and read_per_minute.";
        return Err(Problem::new(Code::MissingRequiredField, message).into());
    }
    let key = app.store.write(move |tx| keys::limit_for(tx, &here, &by, &id, patch)).await?;
    Ok(Answer::ok(&caller.request, KeyObject::from(key))?)
}

/// Revokes a key, from the next request on. Its record stays.
#[utoipa::path(delete, path = "/keys/{id}", tag = "organization", operation_id = "revoke_key",
    params(("id" = String, Path, description = "`key_…`")), responses((status = 200, body = One<KeyObject>)))]
async fn revoke(State(app): State<App>, caller: Caller, Segments(path): Segments<KeyPath>) -> Result<Answer, Refusal> {
    let (by, id) = (caller.clone(), path.id()?);
    let key = app.store.write(move |tx| keys::revoke_for(tx, &by, &id)).await?;
    Ok(Answer::ok(&caller.request, KeyObject::from(key))?)
}
