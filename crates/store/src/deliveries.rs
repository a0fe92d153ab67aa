//! Deliveries: one event on its way to one subscription.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{DeliveryId, EventId, SubscriptionId};
use lockstep_core::job::Job;
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

/// All that a batch of attempts to one subscriber needs.
#[derive(Clone, Debug)]
pub struct DeliveryWork {
    /// Where to send.
    pub url: String,
    /// Whether the subscription is sent to at present.
    pub status: SubscriptionStatus,
    /// The secrets that sign now, oldest first.
    pub secrets: Vec<SealedSecret>,
    /// Deliveries that are due, longest due first, then oldest first, with their events.
    pub due: Vec<(Delivery, Event)>,
}

/// What came of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The delivery.
    pub id: DeliveryId,
    /// The answer's HTTP status.
    pub response_status: Option<i64>,
    /// How the delivery goes on.
    pub outcome: Outcome,
}

/// How a delivery goes on after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// Another attempt will follow.
    Failed {
        /// What went wrong.
        error: String,
        /// When the next attempt is due.
        next_attempt_at: Time,
    },
    /// It is given up.
    Dead {
        /// What went wrong.
        error: String,
        /// Whether the subscriber is to blame: only those count towards disabling the subscription.
        counts: bool,
    },
    /// It is given up without an attempt.
    Dropped {
        /// Why.
        error: String,
    },
}

/// How a subscription fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionHealth {
    /// Deliveries not tried yet.
    pub pending: i64,
    /// Deliveries that failed and are tried again.
    pub failed: i64,
    /// Deliveries that arrived.
    pub delivered: i64,
    /// Deliveries given up.
    pub dead: i64,
    /// When the oldest delivery was made that waits for an attempt, however long ago.
    pub oldest_waiting: Option<Time>,
    /// When one last arrived.
    pub last_delivered_at: Option<Time>,
    /// When an attempt last failed.
    pub last_failed_at: Option<Time>,
    /// Why it did.
    pub last_error: Option<String>,
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

const COLUMNS: &str = "d.id, d.subscription_id, d.event_id, e.event_type, d.status, d.attempt, d.response_status,
    d.last_error, d.next_attempt_at, d.replayed_from, d.created_at, d.delivered_at";
const JOINED: &str = "FROM deliveries AS d JOIN events AS e ON e.id = d.event_id";

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
    /// What a claimed job needs to send up to `limit` deliveries; `None` when the subscription is gone. Of one that is not
    /// sent to, those that wait for another attempt count as due.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery_work(&mut self, id: &SubscriptionId, limit: usize) -> Result<Option<DeliveryWork>, StoreError> {
        let sql = "SELECT url, status FROM subscriptions WHERE id = ?1";
        let Some((url, status)) = self.one(sql, args![id], |row| Ok((row.take()?, row.word()?)))? else {
            return Ok(None);
        };
        let now = self.now();
        let until = if status == SubscriptionStatus::Active { now } else { Time(i64::MAX) };
        let sql = format!(
            "SELECT {COLUMNS}, e.created_at, e.livemode, e.sequence, e.content {JOINED}
             WHERE d.subscription_id = ?1 AND d.next_attempt_at <= ?2 ORDER BY d.next_attempt_at, d.id LIMIT ?3"
        );
        let due = self.query(&sql, args![id, until, limit], |row| {
            let delivery = delivery_row(row)?;
            let event = Event {
                id: delivery.event.clone(),
                event_type: delivery.event_type,
                created_at: row.take()?,
                livemode: row.take()?,
                sequence: row.take()?,
                data: row.json()?,
            };
            Ok((delivery, event))
        })?;
        let mut secrets = self.secrets_of(id)?;
        secrets.retain(|secret| secret.expires_at.is_none_or(|end| end > now));
        Ok(Some(DeliveryWork { url, status, secrets, due }))
    }

    /// When the subscription's next delivery is due.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_delivery_due(&mut self, id: &SubscriptionId) -> Result<Option<Time>, StoreError> {
        let sql =
            "SELECT MIN(next_attempt_at) FROM deliveries WHERE subscription_id = ?1 AND next_attempt_at IS NOT NULL";
        Ok(self.one(sql, args![id], |row| row.take())?.flatten())
    }

    /// The delivery with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delivery(&mut self, org: &Org, id: &DeliveryId) -> Result<Option<Delivery>, StoreError> {
        self.one(
            &format!("SELECT {COLUMNS} {JOINED} WHERE d.org_id = ?1 AND d.id = ?2"),
            args![org.id(), id],
            delivery_row,
        )
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
        let mut narrowed = Narrowed::new(org, filter)?;
        if let Some(after) = after {
            narrowed.and("d.id <", after.to_string());
        }
        let Narrowed { conditions, values } = narrowed;
        let sql = format!(
            "SELECT {COLUMNS} {JOINED} WHERE {conditions} ORDER BY d.id DESC LIMIT {}",
            limit.saturating_add(1)
        );
        Ok(cut(self.query(&sql, &values, delivery_row)?, limit))
    }

    /// Commits what came of attempts to one subscriber, in order. Deliveries given up count in a row, an arrival ends
    /// the row, and `disable_after` of them disable the subscription; true when these did it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn settle_deliveries(
        &mut self,
        to: &SubscriptionId,
        settled: &[Settled],
        disable_after: i64,
    ) -> Result<bool, StoreError> {
        let Some((before, status)) = self.hold_subscription(to)? else { return Ok(false) };
        let (now, mut in_a_row) = (self.now(), before);
        let (mut delivered_at, mut last_error) = (None, None);
        for Settled { id, response_status, outcome } in settled {
            let (word, error, next, arrived) = match outcome {
                Outcome::Delivered => (DeliveryStatus::Delivered, None, None, Some(now)),
                Outcome::Failed { error, next_attempt_at } => {
                    (DeliveryStatus::Failed, Some(error), Some(*next_attempt_at), None)
                }
                Outcome::Dead { error, .. } | Outcome::Dropped { error } => {
                    (DeliveryStatus::Dead, Some(error), None, None)
                }
            };
            match outcome {
                Outcome::Delivered => (in_a_row, delivered_at) = (0, Some(now)),
                Outcome::Dead { counts: true, error } => (in_a_row, last_error) = (in_a_row + 1, Some(error)),
                Outcome::Failed { error, .. } => last_error = Some(error),
                Outcome::Dead { counts: false, .. } | Outcome::Dropped { .. } => {}
            }
            let made = i64::from(!matches!(outcome, Outcome::Dropped { .. }));
            // One that was settled meanwhile, because its contact was deleted, stays so.
            self.execute(
                "UPDATE deliveries SET status = ?2, attempt = attempt + ?7,
                     response_status = CASE WHEN ?7 = 1 THEN ?3 ELSE response_status END, last_error = ?4,
                     next_attempt_at = ?5, delivered_at = ?6 WHERE id = ?1 AND next_attempt_at IS NOT NULL",
                args![id, Arg::word(&word)?, *response_status, error, next, arrived, made],
            )?;
        }
        let failed_at = last_error.map(|_| now);
        self.execute(
            "UPDATE subscriptions SET consecutive_failures = ?2, last_delivered_at = COALESCE(?3, last_delivered_at),
                 last_failed_at = COALESCE(?4, last_failed_at), last_error = COALESCE(?5, last_error) WHERE id = ?1",
            args![to, in_a_row, delivered_at, failed_at, last_error],
        )?;
        if status != SubscriptionStatus::Active || in_a_row < disable_after {
            return Ok(false);
        }
        let last = last_error.map_or("", String::as_str);
        let reason = format!("{in_a_row} deliveries in a row could not be delivered; the last one: {last}");
        self.execute(
            "UPDATE subscriptions SET status = 'disabled', disabled_at = ?2, disabled_reason = ?3, updated_at = ?2
             WHERE id = ?1",
            args![to, now, reason],
        )?;
        Ok(true)
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

    /// Sends up to `limit` deliveries once more, oldest first, and answers how many and whether more remain. One that
    /// was replayed before is passed over, so that the next call goes on where this one stopped.
    ///
    /// # Errors
    /// When the store fails.
    pub fn replay_many(
        &mut self,
        org: &Org,
        to: &SubscriptionId,
        filter: &DeliveryFilter,
        limit: usize,
    ) -> Result<(usize, bool), StoreError> {
        let mut narrowed = Narrowed::new(org, filter)?;
        narrowed.and("d.subscription_id =", to.to_string());
        let sql = format!(
            "SELECT d.id, d.event_id {JOINED} WHERE {}
             AND NOT EXISTS (SELECT 1 FROM deliveries AS again WHERE again.replayed_from = d.id) ORDER BY d.id LIMIT {}",
            narrowed.conditions,
            limit.saturating_add(1)
        );
        let found = self.query(&sql, &narrowed.values, |row| Ok((row.take()?, row.take()?)))?;
        let (old, more) = cut::<(DeliveryId, EventId)>(found, limit);
        let now = self.now();
        for ((id, event), place) in old.iter().zip((0..old.len()).rev()) {
            // All are due, one before the other.
            let due = now.minus(Duration::from_micros(place as u64));
            self.insert_delivery(org, to, event, Some(due), Some(id))?;
        }
        if !old.is_empty() {
            self.enqueue(&Job::Deliver { subscription: to.clone() }, now)?;
        }
        Ok((old.len(), more))
    }

    /// How a subscription fares: its deliveries made at or after `since`, by how they stand, and the oldest that waits.
    ///
    /// # Errors
    /// When the store fails.
    pub fn subscription_health(&mut self, id: &SubscriptionId, since: Time) -> Result<SubscriptionHealth, StoreError> {
        let sql =
            "SELECT status, COUNT(*) FROM deliveries WHERE subscription_id = ?1 AND created_at >= ?2 GROUP BY status";
        let counts: Vec<(DeliveryStatus, i64)> =
            self.query(sql, args![id, since], |row| Ok((row.word()?, row.take()?)))?;
        let of =
            |wanted: DeliveryStatus| counts.iter().find(|(status, _)| *status == wanted).map_or(0, |(_, count)| *count);
        let sql = "SELECT MIN(created_at) FROM deliveries WHERE subscription_id = ?1 AND next_attempt_at IS NOT NULL";
        let oldest_waiting = self.one(sql, args![id], |row| row.take())?.flatten();
        let sql = "SELECT last_delivered_at, last_failed_at, last_error FROM subscriptions WHERE id = ?1";
        let last = self.one(sql, args![id], |row| Ok((row.take()?, row.take()?, row.take()?)))?;
        let (last_delivered_at, last_failed_at, last_error) = last.unwrap_or_default();
        Ok(SubscriptionHealth {
            pending: of(DeliveryStatus::Pending),
            failed: of(DeliveryStatus::Failed),
            delivered: of(DeliveryStatus::Delivered),
            dead: of(DeliveryStatus::Dead),
            oldest_waiting,
            last_delivered_at,
            last_failed_at,
            last_error,
        })
    }
}

/// Conditions on deliveries with their values.
struct Narrowed {
    conditions: String,
    values: Vec<Arg<'static>>,
}

impl Narrowed {
    fn new(org: &Org, filter: &DeliveryFilter) -> Result<Self, StoreError> {
        let values = vec![Arg::from(org.id().to_string())];
        let mut narrowed = Self { conditions: "d.org_id = ?1".to_owned(), values };
        let subscription = filter.subscription.as_ref().map(ToString::to_string);
        for (condition, value) in [
            ("d.subscription_id =", subscription.map(Arg::from)),
            ("d.status =", filter.status.as_ref().map(Arg::word).transpose()?),
            ("e.event_type =", filter.event_type.map(|kind| Arg::from(kind.as_str()))),
            ("d.created_at >=", filter.created_after.map(Arg::from)),
            ("d.created_at <", filter.created_before.map(Arg::from)),
        ] {
            if let Some(value) = value {
                narrowed.and(condition, value);
            }
        }
        Ok(narrowed)
    }

    fn and(&mut self, condition: &str, value: impl Into<Arg<'static>>) {
        self.values.push(value.into());
        self.conditions.push_str(&format!(" AND {condition} ?{}", self.values.len()));
    }
}
