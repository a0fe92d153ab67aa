//! What apps want to be told of, how far each subscription was looked after, and the calls that tell them.

use lockstep_core::env::Time;
use lockstep_core::ids::{CrmDeliveryId, CrmSubscriptionId};
use lockstep_core::job::Job;
use serde_json::Value as Json;

use crate::connections::ConnectionOf;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// A subscription as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmSubscription {
    /// Its id.
    pub id: CrmSubscriptionId,
    /// What is wanted, in the caller's own form.
    pub content: Json,
    /// How far it was looked after, in the caller's own form; `None` when it never was.
    pub place: Option<Json>,
    /// When it was made.
    pub created_at: Time,
}

/// How far a subscription was looked after.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmStep {
    /// The subscription.
    pub id: CrmSubscriptionId,
    /// Where it stands now, in the caller's own form; `None` leaves it as it was.
    pub place: Option<Json>,
    /// When it is to be looked after again.
    pub due: Time,
}

/// A call to an app as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CrmDelivery {
    /// Its id.
    pub id: CrmDeliveryId,
    /// What is told, in the caller's own form.
    pub content: Json,
    /// Attempts made.
    pub attempt: i64,
    /// How many changes folded into it after the first.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
}

const SUBSCRIPTION: &str = "SELECT id, content, place, created_at FROM crm_subscriptions";

fn subscription_row(row: &Row<'_>) -> Result<CrmSubscription, StoreError> {
    Ok(CrmSubscription { id: row.take()?, content: row.json()?, place: row.maybe_json()?, created_at: row.take()? })
}

impl Tx<'_> {
    /// Subscribes, to be looked after at once from `place` on. Who wants the same twice has one subscription, which
    /// stays where it is: `wanted` tells what is the same.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_crm_subscription(
        &mut self,
        of: &ConnectionOf,
        wanted: &str,
        content: &Json,
        place: &Json,
    ) -> Result<CrmSubscription, StoreError> {
        let (id, now) = (CrmSubscriptionId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO crm_subscriptions (id, org_id, connection_id, wanted, content, place, due, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (connection_id, wanted) DO NOTHING",
            args![&id, of.org().id(), of.id(), wanted, Arg::json(content)?, Arg::json(place)?, now],
        )?;
        let sql = format!("{SUBSCRIPTION} WHERE connection_id = ?1 AND wanted = ?2");
        self.one(&sql, args![of.id(), wanted], subscription_row)?.ok_or(StoreError::Missing { what: "subscription" })
    }

    /// The connection's subscription with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn crm_subscription(
        &mut self,
        of: &ConnectionOf,
        id: &CrmSubscriptionId,
    ) -> Result<Option<CrmSubscription>, StoreError> {
        self.one(&format!("{SUBSCRIPTION} WHERE connection_id = ?1 AND id = ?2"), args![of.id(), id], subscription_row)
    }

    /// A page of the connection's subscriptions by id, from behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn crm_subscriptions(
        &mut self,
        of: &ConnectionOf,
        after: Option<&CrmSubscriptionId>,
        limit: usize,
    ) -> Result<(Vec<CrmSubscription>, bool), StoreError> {
        let after = after.map_or("", CrmSubscriptionId::as_str);
        let sql = format!("{SUBSCRIPTION} WHERE connection_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        Ok(cut(self.query(&sql, args![of.id(), after, limit.saturating_add(1)], subscription_row)?, limit))
    }

    /// Removes a subscription; false when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_crm_subscription(&mut self, of: &ConnectionOf, id: &CrmSubscriptionId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM crm_subscriptions WHERE connection_id = ?1 AND id = ?2";
        Ok(self.execute(sql, args![of.id(), id])? > 0)
    }

    /// The connection's subscriptions that are to be looked after now, longest due first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_crm_subscriptions(
        &mut self,
        of: &ConnectionOf,
        limit: usize,
    ) -> Result<Vec<CrmSubscription>, StoreError> {
        let now = self.now();
        let sql = format!("{SUBSCRIPTION} WHERE connection_id = ?1 AND due <= ?2 ORDER BY due, id LIMIT ?3");
        self.query(&sql, args![of.id(), now, limit], subscription_row)
    }

    /// When the connection's next subscription is to be looked after; `None` without subscriptions.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_crm_subscription(&mut self, of: &ConnectionOf) -> Result<Option<Time>, StoreError> {
        let sql = "SELECT MIN(due) FROM crm_subscriptions WHERE connection_id = ?1";
        Ok(self.one(sql, args![of.id()], |row| row.take())?.flatten())
    }

    /// Notes how far a subscription was looked after, in the commit of what was found. One that has ended is passed over.
    ///
    /// # Errors
    /// When the store fails.
    pub fn step_crm_subscription(&mut self, of: &ConnectionOf, step: &CrmStep) -> Result<(), StoreError> {
        let place = step.place.as_ref().map(Arg::json).transpose()?;
        let sql =
            "UPDATE crm_subscriptions SET due = ?3, place = COALESCE(?4, place) WHERE connection_id = ?1 AND id = ?2";
        self.execute(sql, args![of.id(), &step.id, step.due, place]).map(|_| ())
    }

    /// Queues a call to the organization's app. While an untried call with the same `fold` waits, that one stands for
    /// both, and its version says so to whoever is about to close it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tell_app(&mut self, org: &Org, fold: &str, content: &Json) -> Result<(), StoreError> {
        let (id, now) = (CrmDeliveryId::new(self.env()), self.now());
        let sql = "INSERT INTO crm_deliveries (id, org_id, fold, content, attempt, due, created_at)
             VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5) ON CONFLICT (org_id, fold) WHERE due IS NOT NULL AND attempt = 0
             DO UPDATE SET version = crm_deliveries.version + 1";
        self.execute(sql, args![&id, org.id(), fold, Arg::json(content)?, now])?;
        self.enqueue(&Job::TellApp { org: org.id().clone() }, now)
    }

    /// The organization's calls that are due, oldest first, and when the next one is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn due_crm_deliveries(&mut self, org: &Org, limit: usize) -> Result<Vec<CrmDelivery>, StoreError> {
        let now = self.now();
        let sql = "SELECT id, content, attempt, version, created_at FROM crm_deliveries
             WHERE org_id = ?1 AND due <= ?2 ORDER BY due, id LIMIT ?3";
        self.query(sql, args![org.id(), now, limit], |row| {
            Ok(CrmDelivery {
                id: row.take()?,
                content: row.json()?,
                attempt: row.take()?,
                version: row.take()?,
                created_at: row.take()?,
            })
        })
    }

    /// When the organization's next call is due; `None` when none waits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_crm_delivery(&mut self, org: &Org) -> Result<Option<Time>, StoreError> {
        let sql = "SELECT MIN(due) FROM crm_deliveries WHERE org_id = ?1 AND due IS NOT NULL";
        Ok(self.one(sql, args![org.id()], |row| row.take())?.flatten())
    }

    /// Removes a call that arrived or has lost its meaning, unless another change folded into it since it was read: then it
    /// stays due.
    ///
    /// # Errors
    /// When the store fails.
    pub fn close_crm_delivery(&mut self, org: &Org, read: &CrmDelivery) -> Result<(), StoreError> {
        let sql = "DELETE FROM crm_deliveries WHERE org_id = ?1 AND id = ?2 AND version = ?3";
        self.execute(sql, args![org.id(), &read.id, read.version]).map(|_| ())
    }

    /// Notes that a call failed, and when the next attempt is due; `None` gives it up, for a person to see.
    ///
    /// # Errors
    /// When the store fails.
    pub fn fail_crm_delivery(
        &mut self,
        org: &Org,
        id: &CrmDeliveryId,
        error: &str,
        due: Option<Time>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE crm_deliveries SET attempt = attempt + 1, last_error = ?3, due = ?4
             WHERE org_id = ?1 AND id = ?2";
        self.execute(sql, args![org.id(), id, error, due]).map(|_| ())
    }

    /// Removes calls that were made before this instant and are waited for no more; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_crm_deliveries(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM crm_deliveries WHERE created_at < ?1 AND due IS NULL", args![before])
    }
}
