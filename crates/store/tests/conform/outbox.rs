//! Events, subscriptions and deliveries.

use std::time::Duration;

use lockstep_core::event::{Event, EventType};
use lockstep_core::ids::{EventId, SecretId};
use lockstep_core::job::Job;
use lockstep_store::{
    Delivery, DeliveryFilter, DeliveryStatus, NewSubscription, Org, Outcome, Settled, Share, StoreError, Subscription,
    SubscriptionPatch, SubscriptionStatus, Tx,
};
use serde_json::json;

use crate::world::World;

fn subscribe(world: &World, events: &[EventType]) -> Subscription {
    let new = NewSubscription {
        url: "https://example.com/hook".to_owned(),
        description: Some("ours".to_owned()),
        events: events.to_vec(),
        secret: SecretId::new(&world.env),
        sealed: vec![1, 2],
    };
    world.write(move |tx, org| tx.add_subscription(org, &new))
}

fn event(world: &World) -> Event {
    Event {
        id: EventId::new(&world.env),
        event_type: EventType::ContactCreated,
        created_at: world.env.now(),
        livemode: true,
        sequence: Some(7),
        data: json!({"contact": {"id": "ctc_01", "name": "Budi"}}),
    }
}

fn all(tx: &mut Tx<'_>, org: &Org) -> Vec<Delivery> {
    tx.deliveries(org, &DeliveryFilter::default(), None, 100).unwrap().0
}

pub fn an_event_reaches_those_who_want_it(world: &World) {
    let wanting = subscribe(world, &[EventType::ContactCreated, EventType::ContactDeleted]);
    subscribe(world, &[EventType::ContactUpdated]);
    let paused = subscribe(world, &[EventType::ContactCreated]);
    let sent = event(world);
    let (id, expected) = (paused.id.clone(), sent.clone());
    let (deliveries, jobs) = world.write(move |tx, org| {
        let pause = SubscriptionPatch { status: Some(SubscriptionStatus::Paused), ..SubscriptionPatch::default() };
        tx.patch_subscription(org, &id, &pause)?;
        assert_eq!(tx.publish(org, &sent)?, 2);
        Ok((all(tx, org), tx.claim("test", Share::All, 9)?))
    });
    assert_eq!((deliveries.len(), jobs.len()), (2, 1));
    let dead = deliveries.iter().find(|delivery| delivery.subscription == paused.id).unwrap();
    assert_eq!(dead.status, DeliveryStatus::Dead);
    let pending = deliveries.into_iter().find(|delivery| delivery.subscription == wanting.id).unwrap();
    assert_eq!(jobs[0].job, Job::Deliver { subscription: wanting.id.clone() });
    let work = world.read(move |tx, _| tx.delivery_work(&wanting.id, 9)).unwrap();
    assert_eq!((work.url.as_str(), work.secrets.len()), ("https://example.com/hook", 1));
    assert_eq!((work.due, work.status), (vec![(pending, expected)], SubscriptionStatus::Active));
}

fn settled(delivery: &Delivery, response_status: Option<i64>, outcome: Outcome) -> Settled {
    Settled { id: delivery.id.clone(), response_status, outcome }
}

fn given_up(error: &str) -> Outcome {
    Outcome::Dead { error: error.to_owned(), counts: true }
}

pub fn a_subscription_that_fails_too_often_is_disabled(world: &World) {
    let to = subscribe(world, &[EventType::ContactCreated]).id;
    let events: Vec<Event> = (0..5).map(|_| event(world)).collect();
    let later = world.env.now().plus(Duration::from_secs(10));
    world.write(move |tx, org| {
        events.iter().try_for_each(|event| tx.publish(org, event).map(|_| ()))?;
        let [a, b, c, d, e] = <[Delivery; 5]>::try_from(all(tx, org)).unwrap();
        let failures = |tx: &mut Tx<'_>| Ok::<_, StoreError>(tx.subscription(org, &to)?.unwrap().consecutive_failures);
        let retried = Outcome::Failed { error: "HTTP 500".to_owned(), next_attempt_at: later };
        assert!(!tx.settle_deliveries(&to, &[settled(&a, Some(500), retried)], 2)?);
        let failed = tx.delivery(org, &a.id)?.unwrap();
        assert_eq!((failed.status, failed.attempt, failed.next_attempt_at), (DeliveryStatus::Failed, 1, Some(later)));
        assert_eq!((tx.next_delivery_due(&to)?, failures(tx)?), (Some(tx.now()), 0));
        let spared = Outcome::Dropped { error: "the contact was deleted".to_owned() };
        let batch = [
            settled(&a, Some(410), given_up("HTTP 410")),
            settled(&b, Some(200), Outcome::Delivered),
            settled(&c, None, given_up("connection refused")),
            settled(&d, None, spared),
        ];
        assert!(!tx.settle_deliveries(&to, &batch, 2)?);
        assert_eq!(failures(tx)?, 1, "an arrival ends the row, and not every dead one counts");
        let attempts = [&a, &d].map(|of| tx.delivery(org, &of.id).map(|of| of.unwrap().attempt));
        assert_eq!(attempts, [Ok(2), Ok(0)], "what was not sent was no attempt");
        assert!(tx.settle_deliveries(&to, &[settled(&e, None, given_up("connection refused"))], 2)?);
        assert_eq!(tx.next_delivery_due(&to)?, None);
        let disabled = tx.subscription(org, &to)?.unwrap();
        assert_eq!((disabled.status, disabled.consecutive_failures), (SubscriptionStatus::Disabled, 2));
        assert!(disabled.disabled_reason.unwrap().contains("connection refused"));
        let revive = SubscriptionPatch { status: Some(SubscriptionStatus::Active), ..SubscriptionPatch::default() };
        let revived = tx.patch_subscription(org, &to, &revive)?.unwrap();
        assert_eq!((revived.consecutive_failures, revived.disabled_at, revived.disabled_reason), (0, None, None));
        let health = tx.subscription_health(&to, tx.now())?;
        assert_eq!((health.pending, health.failed, health.delivered, health.dead), (0, 0, 1, 4));
        assert_eq!((health.last_delivered_at, health.last_failed_at), (Some(tx.now()), Some(tx.now())));
        assert_eq!((health.last_error.as_deref(), health.oldest_waiting), (Some("connection refused"), None));
        Ok(())
    });
}

pub fn a_bulk_replay_goes_on_where_the_last_one_stopped(world: &World) {
    let to = subscribe(world, &[EventType::ContactCreated]).id;
    let mut sent = Vec::new();
    for _ in 0..5 {
        let event = event(world);
        sent.push(event.clone());
        world.write(move |tx, org| tx.publish(org, &event));
        world.dial.advance(Duration::from_secs(1));
    }
    let since = sent[1].created_at;
    let of = to.clone();
    world.write(move |tx, org| {
        let batch: Vec<Settled> = all(tx, org).iter().map(|old| settled(old, None, given_up("gone"))).collect();
        tx.settle_deliveries(&of, &batch, 20)?;
        Ok(())
    });
    let dead = DeliveryFilter { status: Some(DeliveryStatus::Dead), ..DeliveryFilter::default() };
    let replay = |filter: &DeliveryFilter| {
        world.dial.advance(Duration::from_secs(1));
        let (to, filter) = (to.clone(), filter.clone());
        world.write(move |tx, org| tx.replay_many(org, &to, &filter, 3))
    };
    assert_eq!([(); 3].map(|()| replay(&dead)), [(3, true), (2, false), (0, false)]);
    assert_eq!(replay(&DeliveryFilter { created_before: Some(since), ..dead.clone() }), (0, false));
    world.read(move |tx, _| {
        let due = tx.delivery_work(&to, 9)?.unwrap().due;
        let again: Vec<_> = due.iter().map(|(delivery, _)| delivery.event.clone()).collect();
        assert_eq!(again, sent.iter().map(|event| event.id.clone()).collect::<Vec<_>>(), "the oldest first");
        Ok(())
    });
}

pub fn a_dead_delivery_can_be_replayed(world: &World) {
    subscribe(world, &[EventType::ContactCreated]);
    let sent = event(world);
    world.write(move |tx, org| {
        tx.publish(org, &sent)?;
        let old = all(tx, org).remove(0);
        tx.settle_deliveries(&old.subscription, &[settled(&old, Some(410), given_up("HTTP 410"))], 20)?;
        let new = tx.replay(org, &old.id)?.unwrap();
        assert_eq!((new.status, new.replayed_from.as_ref()), (DeliveryStatus::Pending, Some(&old.id)));
        assert_eq!(new.event, old.event);
        assert_eq!(tx.delivery(org, &old.id)?.unwrap().status, DeliveryStatus::Dead);
        let dead = DeliveryFilter { status: Some(DeliveryStatus::Dead), ..DeliveryFilter::default() };
        assert_eq!(tx.deliveries(org, &dead, None, 9)?.0.len(), 1);
        let (newest, more) = tx.deliveries(org, &DeliveryFilter::default(), None, 1)?;
        assert!(more);
        let (rest, more) = tx.deliveries(org, &DeliveryFilter::default(), Some(&newest[0].id), 1)?;
        assert_eq!((rest.len(), more), (1, false));
        Ok(())
    });
}

pub fn secrets_rotate(world: &World) {
    let to = subscribe(world, &[EventType::ContactCreated]);
    let (next, sent) = (SecretId::new(&world.env), event(world));
    let overlap = world.env.now().plus(Duration::from_secs(3_600));
    let (id, old) = (to.id.clone(), to.secrets[0].id.clone());
    world.write(move |tx, org| {
        assert!(!tx.delete_secret(org, &id, &old)?, "the only secret stays");
        assert!(tx.add_secret(org, &id, &next, &[3], overlap)?);
        tx.publish(org, &sent)
    });
    let signing = |at: &World| {
        let to = to.id.clone();
        at.read(move |tx, _| tx.delivery_work(&to, 9)).unwrap().secrets.len()
    };
    assert_eq!(signing(world), 2);
    world.dial.advance(Duration::from_secs(3_600));
    assert_eq!(signing(world), 1);
    let id = to.id;
    let gone = world.write(move |tx, org| {
        assert!(tx.delete_secret(org, &id, &to.secrets[0].id)?);
        assert!(tx.delete_subscription(org, &id)?);
        Ok((tx.subscription(org, &id)?.is_none(), all(tx, org).len(), tx.subscriptions(org, None, 9)?.len()))
    });
    assert_eq!(gone, (true, 0, 0));
}

pub fn old_deliveries_are_purged(world: &World) {
    subscribe(world, &[EventType::ContactCreated]);
    let old = event(world);
    world.write(move |tx, org| tx.publish(org, &old));
    world.dial.advance(Duration::from_secs(86_400));
    let (new, today) = (event(world), world.env.now());
    let left = world.write(move |tx, org| {
        tx.publish(org, &new)?;
        assert_eq!(tx.purge_deliveries(today)?, 1);
        Ok(all(tx, org).len())
    });
    assert_eq!(left, 1);
}
