//! API keys: kept as SHA-256 (they are random), shown once by whoever makes them.

use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;
use lockstep_core::scope::Scope;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::rates::KeyLimits;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// The inbox API.
    Api,
    /// CRM Link, in the browser.
    Publishable,
    /// The CRM API.
    Secret,
    /// The console.
    Admin,
}

/// What is given to keep a key.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it opens.
    pub kind: KeyKind,
    /// What a person calls it.
    pub label: String,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// Its first twelve characters, for people.
    pub first12: String,
    /// Its last four characters, for people.
    pub last4: String,
    /// False for a test key.
    pub live: bool,
    /// When it ends; `None` for never.
    pub expires_at: Option<Time>,
    /// What it may do; empty for everything.
    pub scopes: Vec<Scope>,
}

/// A kept key, ended ones included: the caller says which end it met.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its record.
    pub id: KeyId,
    /// Whose it is. Only a key that has not ended proves anything.
    org: Org,
    /// What it opens.
    pub kind: KeyKind,
    /// What a person calls it.
    pub label: String,
    /// Its first twelve characters.
    pub first12: String,
    /// Its last four characters.
    pub last4: String,
    /// False for a test key.
    pub live: bool,
    /// When it was made.
    pub created_at: Time,
    /// When it ends or ended.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// Its own rate limits.
    pub limits: KeyLimits,
    /// What it may do; empty for everything.
    pub scopes: Vec<Scope>,
    /// When it was last used, to the hour; `None` for never.
    pub last_used_at: Option<Time>,
}

impl ApiKey {
    /// The organization that the key belongs to.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// Whether it is past its end.
    pub fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether it was revoked.
    pub fn is_revoked(&self) -> bool {
        self.revoked_at.is_some()
    }
}

const KEY: &str =
    "SELECT id, org_id, kind, label, first12, last4, live, created_at, expires_at, revoked_at, scopes, last_used_at,
    write_per_minute, read_per_minute FROM api_keys";

fn per_minute(row: &Row<'_>) -> Result<Option<u32>, StoreError> {
    let per_minute: Option<i64> = row.take()?;
    per_minute.map(|limit| u32::try_from(limit).map_err(StoreError::bug)).transpose()
}

fn key_row(row: &Row<'_>) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.take()?,
        org: Org::proven(row.take()?),
        kind: row.word()?,
        label: row.take()?,
        first12: row.take()?,
        last4: row.take()?,
        live: row.take()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        revoked_at: row.take()?,
        scopes: row.json()?,
        last_used_at: row.take()?,
        limits: KeyLimits { write_per_minute: per_minute(row)?, read_per_minute: per_minute(row)? },
    })
}

impl Tx<'_> {
    /// Keeps a key.
    ///
    /// # Errors
    /// `Conflict` when the same key is kept already.
    pub fn add_key(&mut self, org: &Org, key: &NewKey) -> Result<KeyId, StoreError> {
        let id = KeyId::new(self.env());
        let now = self.now();
        self.execute(
            "INSERT INTO api_keys (id, org_id, kind, label, hash, first12, last4, live, created_at, expires_at, scopes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            args![
                &id,
                org.id(),
                Arg::word(&key.kind)?,
                &key.label,
                &key.hash[..],
                &key.first12,
                &key.last4,
                key.live,
                now,
                key.expires_at,
                Arg::json(&key.scopes)?
            ],
        )?;
        Ok(id)
    }

    /// The key with this SHA-256, expired and revoked ones included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn key_by_hash(&mut self, hash: &[u8; 32]) -> Result<Option<ApiKey>, StoreError> {
        self.one(&format!("{KEY} WHERE hash = ?1"), args![&hash[..]], key_row)
    }

    /// The key with this id, ended ones included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn key(&mut self, org: &Org, id: &KeyId) -> Result<Option<ApiKey>, StoreError> {
        self.one(&format!("{KEY} WHERE org_id = ?1 AND id = ?2"), args![org.id(), id], key_row)
    }

    /// A page of the organization's keys by id, ended ones included, from behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keys(&mut self, org: &Org, after: Option<&KeyId>, limit: usize) -> Result<(Vec<ApiKey>, bool), StoreError> {
        let after = after.map_or("", KeyId::as_str);
        let sql = format!("{KEY} WHERE org_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        Ok(cut(self.query(&sql, args![org.id(), after, limit.saturating_add(1)], key_row)?, limit))
    }

    /// How many of the organization's keys have not ended.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_keys(&mut self, org: &Org) -> Result<u64, StoreError> {
        self.hold(org.id())?;
        let now = self.now();
        let sql = "SELECT COUNT(*) FROM api_keys WHERE org_id = ?1 AND revoked_at IS NULL
                   AND (expires_at IS NULL OR expires_at > ?2)";
        self.count(sql, args![org.id(), now])
    }

    /// Revokes a key; false when there is none, or it was revoked before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn revoke_key(&mut self, org: &Org, id: &KeyId) -> Result<bool, StoreError> {
        let now = self.now();
        let sql = "UPDATE api_keys SET revoked_at = ?3 WHERE org_id = ?1 AND id = ?2 AND revoked_at IS NULL";
        Ok(self.execute(sql, args![org.id(), id, now])? > 0)
    }

    /// Notes that a key was used now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn note_key_used(&mut self, id: &KeyId) -> Result<(), StoreError> {
        let now = self.now();
        self.execute("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", args![id, now]).map(|_| ())
    }
}
