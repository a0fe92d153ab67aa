//! Deliveries: one event on its way to one subscription.

use lockstep_core::env::Time;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{DeliveryId, EventId, SubscriptionId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;
use crate::webhooks::{SealedSecret, SubscriptionStatus};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Not tried yet.
    Pending,
    /// Answered with 2xx.
    Delivered,
    /// An attempt failed, more will come.
    Failed,
    /// Given up; it can be replayed.
    Dead,
}

/// A delivery as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// To whom.
    pub subscription: SubscriptionId,
    /// What.
    pub event: EventId,
    /// The event's type.
    pub event_type: EventType,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// Attempts made.
    pub attempt: i64,
    /// The last answer's HTTP status.
    pub response_status: Option<i64>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Time>,
    /// The delivery that this one repeats.
    pub replayed_from: Option<DeliveryId>,
    /// When it was made.
    pub created_at: Time,
    /// When it arrived.
    pub delivered_at: Option<Time>,
}

/// All that an attempt needs.
#[derive(Clone, Debug)]
pub struct DeliveryWork {
    /// The delivery.
    pub delivery: Delivery,
    /// The event.
    pub event: Event,
    /// Where to send it.
    pub url: String,
    /// Whether the subscription is sent to at present.
    pub subscription_status: SubscriptionStatus,
    /// The secrets that sign now, oldest first.
    pub secrets: Vec<SealedSecret>,
}

/// Which deliveries a list shows; members left out do not narrow.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only to this subscription.
    pub subscription: Option<SubscriptionId>,
    /// Only those that stand so.
    pub status: Option<DeliveryStatus>,
    /// Only of this type.
    pub event_type: Option<EventType>,
    /// Only those made at or after this instant.
    pub created_after: Option<Time>,
    /// Only those made before this instant.
    pub created_before: Option<Time>,
}

const DELIVERY: &str =
    "SELECT d.id, d.subscription_id, d.event_id, e.event_type, d.status, d.attempt, d.response_status,
    d.last_error, d.next_attempt_at, d.replayed_from, d.created_at, d.delivered_at
    FROM deliveries AS d JOIN events AS e ON e.id = d.event_id WHERE d.org_id = ?1";

fn delivery_row(row: &Row<'_>) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.take()?,
        subscription: row.take()?,
        event: row.take()?,
        event_type: row.word()?,
        status: row.word()?,
        attempt: row.take()?,
        response_status: row.take()?,
        last_error: row.take()?,
        next_attempt_at: row.take()?,
        replayed_from: row.take()?,
        created_at: row.take()?,
        delivered_at: row.take()?,
    })
}

impl Tx<'_> {
    /// What a claimed delivery job needs; `None` when the delivery is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery_work(&mut self, id: &DeliveryId) -> Result<Option<DeliveryWork>, StoreError> {
        let Some(org) = self.org_of_delivery(id)? else { return Ok(None) };
        let Some(delivery) = self.delivery(&org, id)? else { return Ok(None) };
        let sql = "SELECT id, event_type, created_at, livemode, content FROM events WHERE id = ?1";
        let event = self.one(sql, args![&delivery.event], |row| {
            Ok(Event {
                id: row.take()?,
                event_type: row.word()?,
                created_at: row.take()?,
                livemode: row.take()?,
                data: row.json()?,
            })
        })?;
        let sql = "SELECT url, status FROM subscriptions WHERE id = ?1";
        let to = self.one(sql, args![&delivery.subscription], |row| Ok((row.take()?, row.word()?)))?;
        let (Some(event), Some((url, subscription_status))) = (event, to) else { return Ok(None) };
        let now = self.now();
        let mut secrets = self.secrets_of(&delivery.subscription)?;
        secrets.retain(|secret| secret.expires_at.is_none_or(|end| end > now));
        Ok(Some(DeliveryWork { delivery, event, url, subscription_status, secrets }))
    }

    /// The delivery with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery(&mut self, org: &Org, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.one(&format!("{DELIVERY} AND d.id = ?2"), args![org.id(), id], delivery_row)
    }

    /// A page of deliveries, newest first, from behind `after`; and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn deliveries(
        &mut self,
        org: &Org,
        filter: &DeliveryFilter,
        after: Option<&DeliveryId>,
        limit: usize,
    ) -> Result<(Vec<Delivery>, bool), StoreError> {
        let mut sql = DELIVERY.to_owned();
        let mut values = vec![Arg::from(org.id())];
        let narrowing = [
            (" AND d.subscription_id = ", filter.subscription.as_ref().map(Arg::from)),
            (" AND d.status = ", filter.status.as_ref().map(Arg::word).transpose()?),
            (" AND e.event_type = ", filter.event_type.map(|kind| Arg::from(kind.as_str()))),
            (" AND d.created_at >= ", filter.created_after.map(Arg::from)),
            (" AND d.created_at < ", filter.created_before.map(Arg::from)),
            (" AND d.id < ", after.map(Arg::from)),
        ];
        for (condition, value) in narrowing {
            let Some(value) = value else { continue };
            values.push(value);
            sql.push_str(&format!("{condition}?{}", values.len()));
        }
        values.push(Arg::from(limit.saturating_add(1)));
        sql.push_str(&format!(" ORDER BY d.id DESC LIMIT ?{}", values.len()));
        Ok(cut(self.query(&sql, &values, delivery_row)?, limit))
    }

    /// An attempt was answered with 2xx.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery_done(&mut self, id: &DeliveryId, response_status: i64) -> Result<(), StoreError> {
        let now = self.now();
        self.execute(
            "UPDATE deliveries SET status = 'delivered', attempt = attempt + 1, response_status = ?2, last_error = NULL,
                 next_attempt_at = NULL, delivered_at = ?3 WHERE id = ?1",
            args![id, response_status, now],
        )?;
        self.execute(
            "UPDATE subscriptions SET consecutive_failures = 0 WHERE consecutive_failures > 0
             AND id = (SELECT subscription_id FROM deliveries WHERE id = ?1)",
            args![id],
        )
        .map(|_| ())
    }

    /// An attempt failed and another will follow.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery_failed(
        &mut self,
        id: &DeliveryId,
        response_status: Option<i64>,
        error: &str,
        next_attempt_at: Time,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE deliveries SET status = 'failed', attempt = attempt + 1, response_status = ?2, last_error = ?3,
                 next_attempt_at = ?4 WHERE id = ?1",
            args![id, response_status, error, next_attempt_at],
        )
        .map(|_| ())
    }

    /// A delivery is given up. After `disable_after` of them in a row the subscription is disabled; true when this
    /// one did it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery_dead(
        &mut self,
        id: &DeliveryId,
        response_status: Option<i64>,
        error: &str,
        disable_after: i64,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        self.execute(
            "UPDATE deliveries SET status = 'dead', attempt = attempt + 1, response_status = ?2, last_error = ?3,
                 next_attempt_at = NULL WHERE id = ?1",
            args![id, response_status, error],
        )?;
        self.execute(
            "UPDATE subscriptions SET consecutive_failures = consecutive_failures + 1
             WHERE id = (SELECT subscription_id FROM deliveries WHERE id = ?1)",
            args![id],
        )?;
        let reason = format!("{disable_after} deliveries in a row could not be delivered; the last one: {error}");
        let disabled = self.execute(
            "UPDATE subscriptions SET status = 'disabled', disabled_at = ?2, disabled_reason = ?3, updated_at = ?2
             WHERE status = 'active' AND consecutive_failures >= ?4
             AND id = (SELECT subscription_id FROM deliveries WHERE id = ?1)",
            args![id, now, reason, disable_after],
        )?;
        Ok(disabled > 0)
    }

    /// Sends a delivery's event once more, as a new delivery to the subscription's present URL; `None` when there is
    /// no such delivery. The old one stays as it is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn replay(&mut self, org: &Org, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let Some(old) = self.delivery(org, id)? else { return Ok(None) };
        let sql = "SELECT status FROM subscriptions WHERE id = ?1";
        let Some(status) = self.one(sql, args![&old.subscription], |row| row.word())? else { return Ok(None) };
        let new = self.add_delivery(org, &old.subscription, &old.event, status, Some(id))?;
        self.delivery(org, &new)
    }
}
