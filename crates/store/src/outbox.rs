//! Events go out by rows: an event, one delivery per subscription that wants it, and their jobs, in one commit.

use std::collections::BTreeSet;
use std::slice;

use lockstep_core::env::Time;
use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{DeliveryId, EventId, SubscriptionId};
use lockstep_core::job::Job;

use crate::deliveries::DeliveryStatus;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, args};
use crate::tx::Tx;
use crate::webhooks::SubscriptionStatus;

const EVENTS: &str = "events (id, org_id, event_type, livemode, subject, content, created_at, sequence)";
const DELIVERIES: &str = "deliveries (id, org_id, subscription_id, event_id, status, attempt, next_attempt_at,
    replayed_from, last_error, created_at)";

fn event_row<'a>(org: &'a Org, event: &'a Event, sequence: Option<i64>) -> Result<Vec<Arg<'a>>, StoreError> {
    // Whom the event is about, so that their erasure finds it.
    let subject = ["/contact/id", "/conversation/contact/id", "/kirim/contact_id"]
        .into_iter()
        .find_map(|place| event.data.pointer(place)?.as_str());
    Ok(Vec::from(args![
        &event.id,
        org.id(),
        event.event_type.as_str(),
        event.livemode,
        subject,
        Arg::json(&event.data)?,
        event.created_at,
        sequence
    ]))
}

fn delivery_row<'a>(
    org: &'a Org,
    id: &DeliveryId,
    subscription: &'a SubscriptionId,
    event: &'a EventId,
    due: Option<Time>,
    replayed_from: Option<&'a DeliveryId>,
    now: Time,
) -> Result<Vec<Arg<'a>>, StoreError> {
    let status = if due.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Dead };
    Ok(Vec::from(args![
        id.to_string(),
        org.id(),
        subscription,
        event,
        Arg::word(&status)?,
        0_i64,
        due,
        replayed_from,
        due.is_none().then_some("the subscription was not active"),
        now
    ]))
}

impl Tx<'_> {
    /// Queues an event for every subscription that wants it and answers for how many. For a paused or disabled one
    /// the delivery is dead at once, so that it can be replayed later. An event without a sequence gets the next change
    /// number.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish(&mut self, org: &Org, event: &Event) -> Result<usize, StoreError> {
        self.publish_all(org, slice::from_ref(event))
    }

    /// [`Tx::publish`] of many events, with many rows in a statement. Answers how many deliveries they make.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish_all(&mut self, org: &Org, events: &[Event]) -> Result<usize, StoreError> {
        let sql = "SELECT id, status, events FROM subscriptions WHERE org_id = ?1 ORDER BY id";
        let subscriptions = self.query(sql, args![org.id()], |row| {
            let (id, status): (SubscriptionId, SubscriptionStatus) = (row.take()?, row.word()?);
            Ok((id, status, row.json::<Vec<EventType>>()?))
        })?;
        let now = self.now();
        let (mut events_made, mut deliveries, mut active) = (Vec::new(), Vec::new(), BTreeSet::new());
        for event in events {
            let before = deliveries.len();
            for (id, status, _) in subscriptions.iter().filter(|(_, _, types)| types.contains(&event.event_type)) {
                let due = (*status == SubscriptionStatus::Active).then_some(now);
                if due.is_some() {
                    active.insert(id);
                }
                deliveries.push(delivery_row(org, &DeliveryId::new(self.env()), id, &event.id, due, None, now)?);
            }
            if deliveries.len() > before {
                let sequence = event.sequence.map_or_else(|| self.next_seq(org), Ok)?;
                events_made.push(event_row(org, event, Some(sequence))?);
            }
        }
        let made = deliveries.len();
        self.insert_rows(EVENTS, events_made)?;
        self.insert_rows(DELIVERIES, deliveries)?;
        for subscription in active {
            self.enqueue(&Job::Deliver { subscription: subscription.clone() }, now)?;
        }
        Ok(made)
    }

    /// Queues an event for one subscription alone, whether it wants it and whether it is active or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish_to(&mut self, org: &Org, to: &SubscriptionId, event: &Event) -> Result<DeliveryId, StoreError> {
        self.insert_rows(EVENTS, vec![event_row(org, event, event.sequence)?])?;
        self.add_delivery(org, to, &event.id, SubscriptionStatus::Active, None)
    }

    /// Adds a delivery and, where the subscription is active, sees that its job runs.
    pub(crate) fn add_delivery(
        &mut self,
        org: &Org,
        subscription: &SubscriptionId,
        event: &EventId,
        status: SubscriptionStatus,
        replayed_from: Option<&DeliveryId>,
    ) -> Result<DeliveryId, StoreError> {
        let now = self.now();
        let active = status == SubscriptionStatus::Active;
        let id = self.insert_delivery(org, subscription, event, active.then_some(now), replayed_from)?;
        if active {
            self.enqueue(&Job::Deliver { subscription: subscription.clone() }, now)?;
        }
        Ok(id)
    }

    /// Adds a delivery: one that is due then, or a dead one because the subscription is not active.
    pub(crate) fn insert_delivery(
        &mut self,
        org: &Org,
        subscription: &SubscriptionId,
        event: &EventId,
        due: Option<Time>,
        replayed_from: Option<&DeliveryId>,
    ) -> Result<DeliveryId, StoreError> {
        let (id, now) = (DeliveryId::new(self.env()), self.now());
        let row = delivery_row(org, &id, subscription, event, due, replayed_from, now)?;
        self.insert_rows(DELIVERIES, vec![row])?;
        Ok(id)
    }

    /// Removes deliveries that were made before this instant, and events that no delivery names any more. Answers
    /// how many deliveries went.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_deliveries(&mut self, before: Time) -> Result<u64, StoreError> {
        let gone = self.execute("DELETE FROM deliveries WHERE created_at < ?1", args![before])?;
        self.execute(
            "DELETE FROM events WHERE created_at < ?1
             AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.event_id = events.id)",
            args![before],
        )?;
        Ok(gone)
    }
}
