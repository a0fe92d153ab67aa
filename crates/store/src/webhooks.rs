//! Webhook subscriptions and their signing secrets, which are kept sealed by the caller's vault.

use lockstep_core::env::Time;
use lockstep_core::event::EventType;
use lockstep_core::ids::{SecretId, SubscriptionId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

/// Whether a subscription is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// It is.
    Active,
    /// Its owner stopped it.
    Paused,
    /// It failed too often.
    Disabled,
}

/// A subscription as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Where deliveries go.
    pub url: String,
    /// What its owner says of it.
    pub description: Option<String>,
    /// What it wants.
    pub events: Vec<EventType>,
    /// Whether it is sent to.
    pub status: SubscriptionStatus,
    /// Its secrets, expired ones included, oldest first.
    pub secrets: Vec<SealedSecret>,
    /// Deliveries given up in a row.
    pub consecutive_failures: i64,
    /// When it was disabled.
    pub disabled_at: Option<Time>,
    /// Why it was disabled.
    pub disabled_reason: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// A signing secret, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its id.
    pub id: SecretId,
    /// What the vault made of it.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Time,
    /// When it ceases to sign.
    pub expires_at: Option<Time>,
}

/// What is given to subscribe, checked already.
#[derive(Clone, Debug)]
pub struct NewSubscription {
    /// See [`Subscription::url`].
    pub url: String,
    /// See [`Subscription::description`].
    pub description: Option<String>,
    /// See [`Subscription::events`].
    pub events: Vec<EventType>,
    /// The id under which the first secret was sealed.
    pub secret: SecretId,
    /// The first secret.
    pub sealed: Vec<u8>,
}

/// What a change of a subscription sets; members left out stay.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionPatch {
    /// See [`Subscription::url`].
    pub url: Option<String>,
    /// See [`Subscription::description`]; the inner `None` clears it.
    pub description: Option<Option<String>>,
    /// See [`Subscription::events`].
    pub events: Option<Vec<EventType>>,
    /// See [`Subscription::status`]; `Active` also forgets the failures.
    pub status: Option<SubscriptionStatus>,
}

const SUBSCRIPTION: &str =
    "SELECT id, url, description, events, status, consecutive_failures, disabled_at, disabled_reason,
    created_at, updated_at FROM subscriptions WHERE org_id = ?1";

fn subscription_row(row: &Row<'_>) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        id: row.take()?,
        url: row.take()?,
        description: row.take()?,
        events: row.json()?,
        status: row.word()?,
        secrets: Vec::new(),
        consecutive_failures: row.take()?,
        disabled_at: row.take()?,
        disabled_reason: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Subscribes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_subscription(&mut self, org: &Org, new: &NewSubscription) -> Result<Subscription, StoreError> {
        let (id, now) = (SubscriptionId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO subscriptions (id, org_id, url, description, events, status, consecutive_failures, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'active', 0, ?6, ?6)",
            args![&id, org.id(), &new.url, new.description.as_deref(), Arg::json(&new.events)?, now],
        )?;
        self.insert_secret(&id, &new.secret, &new.sealed)?;
        self.subscription(org, &id)?.ok_or(StoreError::Missing { what: "subscription" })
    }

    /// The subscription with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn subscription(&mut self, org: &Org, id: &SubscriptionId) -> Result<Option<Subscription>, StoreError> {
        let found = self.one(&format!("{SUBSCRIPTION} AND id = ?2"), args![org.id(), id], subscription_row)?;
        found.map(|subscription| self.with_secrets(subscription)).transpose()
    }

    /// The organization's subscriptions by id, from behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn subscriptions(
        &mut self,
        org: &Org,
        after: Option<&SubscriptionId>,
        limit: usize,
    ) -> Result<Vec<Subscription>, StoreError> {
        let after = after.map_or("", SubscriptionId::as_str);
        let sql = format!("{SUBSCRIPTION} AND id > ?2 ORDER BY id LIMIT ?3");
        let found = self.query(&sql, args![org.id(), after, limit], subscription_row)?;
        found.into_iter().map(|subscription| self.with_secrets(subscription)).collect()
    }

    /// Changes a subscription and answers what it became; `None` when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn patch_subscription(
        &mut self,
        org: &Org,
        id: &SubscriptionId,
        patch: &SubscriptionPatch,
    ) -> Result<Option<Subscription>, StoreError> {
        self.hold_subscription(id)?;
        let Some(mut next) = self.subscription(org, id)? else { return Ok(None) };
        next.url = patch.url.clone().unwrap_or(next.url);
        next.description = patch.description.clone().unwrap_or(next.description);
        next.events = patch.events.clone().unwrap_or(next.events);
        next.updated_at = self.now();
        if let Some(status) = patch.status {
            next.status = status;
            if status == SubscriptionStatus::Active {
                (next.consecutive_failures, next.disabled_at, next.disabled_reason) = (0, None, None);
            }
        }
        self.execute(
            "UPDATE subscriptions SET url = ?3, description = ?4, events = ?5, status = ?6, consecutive_failures = ?7,
                 disabled_at = ?8, disabled_reason = ?9, updated_at = ?10
             WHERE org_id = ?1 AND id = ?2",
            args![
                org.id(),
                id,
                &next.url,
                next.description.as_deref(),
                Arg::json(&next.events)?,
                Arg::word(&next.status)?,
                next.consecutive_failures,
                next.disabled_at,
                next.disabled_reason.as_deref(),
                next.updated_at
            ],
        )?;
        Ok(Some(next))
    }

    /// Keeps every other writer from a subscription until the commit, so that what is decided by its failures and its
    /// status is not outrun; answers both.
    pub(crate) fn hold_subscription(
        &mut self,
        id: &SubscriptionId,
    ) -> Result<Option<(i64, SubscriptionStatus)>, StoreError> {
        let sql = "UPDATE subscriptions SET status = status WHERE id = ?1 RETURNING consecutive_failures, status";
        self.one(sql, args![id], |row| Ok((row.take()?, row.word()?)))
    }

    /// Removes a subscription with its deliveries; false when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_subscription(&mut self, org: &Org, id: &SubscriptionId) -> Result<bool, StoreError> {
        for sql in [
            "DELETE FROM deliveries WHERE org_id = ?1 AND subscription_id = ?2",
            "DELETE FROM subscription_secrets WHERE subscription_id IN
                 (SELECT id FROM subscriptions WHERE org_id = ?1 AND id = ?2)",
        ] {
            self.execute(sql, args![org.id(), id])?;
        }
        Ok(self.execute("DELETE FROM subscriptions WHERE org_id = ?1 AND id = ?2", args![org.id(), id])? > 0)
    }

    /// Adds a secret; those active now cease at `others_expire_at`. False when there is no such subscription.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_secret(
        &mut self,
        org: &Org,
        id: &SubscriptionId,
        secret: &SecretId,
        sealed: &[u8],
        others_expire_at: Time,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let touched = "UPDATE subscriptions SET updated_at = ?3 WHERE org_id = ?1 AND id = ?2";
        if self.execute(touched, args![org.id(), id, now])? == 0 {
            return Ok(false);
        }
        self.execute(
            "UPDATE subscription_secrets SET expires_at = ?2
             WHERE subscription_id = ?1 AND (expires_at IS NULL OR expires_at > ?2)",
            args![id, others_expire_at],
        )?;
        self.insert_secret(id, secret, sealed)?;
        Ok(true)
    }

    /// Removes a secret unless it is the only one that signs without an end; false when it was not removed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_secret(&mut self, org: &Org, id: &SubscriptionId, secret: &SecretId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM subscription_secrets WHERE id = ?3 AND subscription_id = ?2
             AND subscription_id IN (SELECT id FROM subscriptions WHERE org_id = ?1)
             AND EXISTS (SELECT 1 FROM subscription_secrets AS other
                 WHERE other.subscription_id = ?2 AND other.id <> ?3 AND other.expires_at IS NULL)";
        Ok(self.execute(sql, args![org.id(), id, secret])? > 0)
    }

    fn insert_secret(&mut self, id: &SubscriptionId, secret: &SecretId, sealed: &[u8]) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "INSERT INTO subscription_secrets (id, subscription_id, sealed, created_at) VALUES (?1, ?2, ?3, ?4)";
        self.execute(sql, args![secret, id, sealed, now]).map(|_| ())
    }

    fn with_secrets(&mut self, mut subscription: Subscription) -> Result<Subscription, StoreError> {
        subscription.secrets = self.secrets_of(&subscription.id)?;
        Ok(subscription)
    }

    pub(crate) fn secrets_of(&mut self, id: &SubscriptionId) -> Result<Vec<SealedSecret>, StoreError> {
        let sql = "SELECT id, sealed, created_at, expires_at FROM subscription_secrets WHERE subscription_id = ?1 ORDER BY id";
        self.query(sql, args![id], |row| {
            Ok(SealedSecret { id: row.take()?, sealed: row.take()?, created_at: row.take()?, expires_at: row.take()? })
        })
    }
}
