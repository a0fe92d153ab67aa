//! Events go out by rows: an event, one delivery per subscription that wants it, and their jobs, in one commit.

use lockstep_core::env::Time;
use lockstep_core::event::Event;
use lockstep_core::ids::{DeliveryId, EventId, SubscriptionId};
use lockstep_core::job::Job;

use crate::deliveries::DeliveryStatus;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, args};
use crate::tx::Tx;
use crate::webhooks::SubscriptionStatus;

impl Tx<'_> {
    /// Queues an event for every subscription that wants it and answers for how many. For a paused or disabled one
    /// the delivery is dead at once, so that it can be replayed later. An event without a sequence gets the next change
    /// number.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish(&mut self, org: &Org, event: &Event) -> Result<usize, StoreError> {
        let sql = "SELECT id, status, events FROM subscriptions WHERE org_id = ?1 ORDER BY id";
        let mut wanting = self.query(sql, args![org.id()], |row| {
            let (id, status): (SubscriptionId, SubscriptionStatus) = (row.take()?, row.word()?);
            Ok((id, status, row.json::<Vec<lockstep_core::event::EventType>>()?))
        })?;
        wanting.retain(|(_, _, events)| events.contains(&event.event_type));
        if wanting.is_empty() {
            return Ok(0);
        }
        let sequence = match event.sequence {
            None => self.next_seq(org)?,
            Some(sequence) => sequence,
        };
        self.insert_event(org, &Event { sequence: Some(sequence), ..event.clone() })?;
        for (subscription, status, _) in &wanting {
            self.add_delivery(org, subscription, &event.id, *status, None)?;
        }
        Ok(wanting.len())
    }

    /// Queues an event for one subscription alone, whether it wants it and whether it is active or not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn publish_to(&mut self, org: &Org, to: &SubscriptionId, event: &Event) -> Result<DeliveryId, StoreError> {
        self.insert_event(org, event)?;
        self.add_delivery(org, to, &event.id, SubscriptionStatus::Active, None)
    }

    fn insert_event(&mut self, org: &Org, event: &Event) -> Result<(), StoreError> {
        // Whom the event is about, so that their erasure finds it.
        let subject = ["/contact/id", "/conversation/contact/id", "/kirim/contact_id"]
            .into_iter()
            .find_map(|place| event.data.pointer(place)?.as_str());
        self.execute(
            "INSERT INTO events (id, org_id, event_type, livemode, subject, content, created_at, sequence)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            args![
                &event.id,
                org.id(),
                event.event_type.as_str(),
                event.livemode,
                subject,
                Arg::json(&event.data)?,
                event.created_at,
                event.sequence
            ],
        )
        .map(|_| ())
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
        let status = if due.is_some() { DeliveryStatus::Pending } else { DeliveryStatus::Dead };
        self.execute(
            "INSERT INTO deliveries (id, org_id, subscription_id, event_id, status, attempt, next_attempt_at, replayed_from,
                 last_error, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9)",
            args![
                &id, org.id(), subscription, event, Arg::word(&status)?, due, replayed_from,
                due.is_none().then_some("the subscription was not active"), now
            ],
        )?;
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
