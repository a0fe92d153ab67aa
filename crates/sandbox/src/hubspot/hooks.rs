//! Webhooks v3: settings and subscriptions of the app, events of the account, and deliveries with
//! HubSpot's signature. Source: HubSpot's webhooks guide and request validation page.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::Hubspot;
use super::item::Source;
use super::portal::Portal;
use crate::deliver::deliver;
use crate::wire::hmac_sha256;
use crate::world::Wait;

/// Events in one delivery.
const DELIVERY_EVENTS_MAX: usize = 100;
/// Events that wait at most; more are lost, as HubSpot's are after a day.
const PENDING_MAX: usize = 500_000;
/// Minutes until each further attempt: ten of them within a day.
const RETRY_MINUTES: [i64; 10] = [1, 5, 15, 30, 60, 120, 180, 240, 360, 420];
/// User id shown for edits of a person.
const PERSON: &str = "userId:2034711";

/// What can happen to a record.
const EVENTS: [&str; 6] = ["creation", "deletion", "merge", "privacyDeletion", "propertyChange", "restore"];

/// The objects that have event types of their own.
const ANNOUNCED: [&str; 4] = ["contact", "company", "deal", "ticket"];

/// Whether an app may subscribe to it.
pub(super) fn is_event_type(name: &str) -> bool {
    name.split_once('.').is_some_and(|(object, event)| ANNOUNCED.contains(&object) && EVENTS.contains(&event))
}

#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) event_type: String,
    pub(super) property_name: Option<String>,
    pub(super) active: bool,
    pub(super) created_us: i64,
    pub(super) updated_us: i64,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: String,
    pub(super) max_concurrent: u32,
    pub(super) created_us: i64,
    pub(super) updated_us: i64,
}

/// An event that waits for its delivery.
#[derive(Clone, Debug)]
struct Pending {
    due_us: i64,
    attempt: usize,
    event: Value,
}

#[derive(Debug, Default)]
pub(super) struct Hooks {
    pub(super) target: Option<Target>,
    pub(super) subscriptions: BTreeMap<u32, Subscription>,
    pub(super) last_subscription: u32,
    last_event: u64,
    pending: VecDeque<Pending>,
}

/// One signed request to the app, as data: a test may lose it, repeat it or hold it back.
#[derive(Clone, Debug)]
pub struct HookDelivery {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// JSON array of at most 100 events.
    pub body: Bytes,
    attempt: usize,
    events: Vec<Value>,
}

/// What some properties of a record held before a write.
pub(super) type Before = BTreeMap<Arc<str>, Option<Box<str>>>;

impl Portal {
    /// Announces an event of a whole record to whoever subscribed to it.
    pub(super) fn announce(&mut self, id: u64, event: &str, source: Source) {
        self.emit(id, event, None, &json!({}), source);
    }

    /// Announces a merge.
    pub(super) fn announce_merge(&mut self, new: u64, primary: u64, merged: u64, moved: usize) {
        let extra = json!({
            "primaryObjectId": primary,
            "mergedObjectIds": [merged],
            "newObjectId": new,
            "numberOfPropertiesMoved": moved,
        });
        self.emit(new, "merge", None, &extra, Source::CrmUi);
    }

    /// Announces every value among those of `before` that is no longer the same; every value of a new record.
    pub(super) fn announce_values(&mut self, id: u64, before: Option<&Before>, source: Source) {
        if self.hooks.subscriptions.is_empty() {
            return;
        }
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let view = item.now();
        let old = |name: &Arc<str>| before.and_then(|it| it.get(name)).and_then(|value| value.as_deref());
        let changed: Vec<(Arc<str>, String)> = item
            .names()
            .filter(|name| before.is_none_or(|it| it.contains_key(*name)) && view.stored(name) != old(name))
            .map(|name| (Arc::clone(name), view.stored(name).unwrap_or_default().to_owned()))
            .collect();
        for (name, value) in changed {
            let extra = json!({"propertyName": &*name, "propertyValue": value});
            self.emit(id, "propertyChange", Some(&name), &extra, source);
        }
    }

    fn emit(&mut self, id: u64, event: &str, property: Option<&str>, extra: &Value, source: Source) {
        let Some(item) = self.items.get(&id) else {
            return;
        };
        let event_type = format!("{}.{event}", self.objects[item.of].about.singular);
        let (now_us, stamp_us) = (self.now_us(), self.stamp_us());
        let source_id = match source {
            Source::CrmUi | Source::Merge => PERSON.to_owned(),
            Source::Integration | Source::Import | Source::Workflow => self.settings.app_id.to_string(),
        };
        let hooks = &mut self.hooks;
        for (subscription_id, subscription) in &hooks.subscriptions {
            let matches = subscription.active
                && subscription.event_type == event_type
                && subscription.property_name.as_deref() == property;
            if !matches || hooks.pending.len() == PENDING_MAX {
                continue;
            }
            hooks.last_event += 1;
            let mut event = json!({
                "eventId": hooks.last_event,
                "subscriptionId": subscription_id,
                "portalId": self.settings.portal_id,
                "appId": self.settings.app_id,
                "occurredAt": stamp_us.div_euclid(1_000),
                "subscriptionType": event_type,
                "attemptNumber": 0,
                "objectId": id,
                "changeSource": source.wire(),
                "sourceId": source_id,
            });
            if let (Value::Object(event), Value::Object(extra)) = (&mut event, extra) {
                event.extend(extra.clone());
            }
            hooks.pending.push_back(Pending { due_us: now_us, attempt: 0, event });
        }
    }

    /// Subscribes to every event of contacts and to the changes of `properties`.
    pub(super) fn subscribe(&mut self, url: &str, properties: &[&str]) {
        let now_us = self.now_us();
        let target = Target { url: url.to_owned(), max_concurrent: 10, created_us: now_us, updated_us: now_us };
        self.hooks.target = Some(target);
        for event in EVENTS.iter().filter(|event| **event != "propertyChange") {
            self.hooks.add(&format!("contact.{event}"), None, true, now_us);
        }
        for property in properties {
            self.hooks.add("contact.propertyChange", Some((*property).to_owned()), true, now_us);
        }
    }

    /// The deliveries that are due, signed now. Without a target address nothing leaves.
    pub(super) fn take_hooks(&mut self) -> Vec<HookDelivery> {
        let now_us = self.now_us();
        let Some(url) = self.hooks.target.as_ref().map(|target| target.url.clone()) else {
            return Vec::new();
        };
        let (due, later) = self.hooks.pending.drain(..).partition(|it: &Pending| it.due_us <= now_us);
        self.hooks.pending = later;
        let due: VecDeque<Pending> = due;
        let mut by_attempt: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
        for pending in due {
            by_attempt.entry(pending.attempt).or_default().push(pending.event);
        }
        let secret = self.settings.client_secret.clone();
        let timestamp_ms = self.stamp_us().div_euclid(1_000);
        by_attempt
            .into_iter()
            .flat_map(|(attempt, events)| {
                let chunks: Vec<Vec<Value>> = events.chunks(DELIVERY_EVENTS_MAX).map(<[Value]>::to_vec).collect();
                chunks.into_iter().map(move |events| (attempt, events))
            })
            .map(|(attempt, events)| delivery(&url, &secret, timestamp_ms, attempt, events))
            .collect()
    }

    /// Puts a delivery that failed back into the queue, until its attempts are spent.
    pub(super) fn return_hook(&mut self, delivery: HookDelivery) {
        let Some(minutes) = RETRY_MINUTES.get(delivery.attempt) else {
            return;
        };
        let due_us = self.now_us() + minutes * 60 * 1_000_000;
        let attempt = delivery.attempt + 1;
        self.hooks.pending.extend(delivery.events.into_iter().map(|mut event| {
            event["attemptNumber"] = attempt.into();
            Pending { due_us, attempt, event }
        }));
    }

    /// The next attempt of a delivery, signed now.
    pub(super) fn repeat_hook(&self, delivery: &HookDelivery) -> HookDelivery {
        let attempt = delivery.attempt + 1;
        let mut events = delivery.events.clone();
        events.iter_mut().for_each(|event| event["attemptNumber"] = attempt.into());
        let timestamp_ms = self.stamp_us().div_euclid(1_000);
        self::delivery(&delivery.url, &self.settings.client_secret, timestamp_ms, attempt, events)
    }
}

fn delivery(url: &str, secret: &str, timestamp_ms: i64, attempt: usize, events: Vec<Value>) -> HookDelivery {
    let body = Bytes::from(Value::from(events.clone()).to_string());
    let signature = signature_v3(secret, "POST", url, &body, timestamp_ms);
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), "HubSpot Webhooks".to_owned()),
        ("x-hubspot-request-timestamp".to_owned(), timestamp_ms.to_string()),
        ("x-hubspot-signature-v3".to_owned(), signature),
    ];
    HookDelivery { url: url.to_owned(), headers, body, attempt, events }
}

/// Characters HubSpot decodes in an address before it signs it.
const DECODED: [(&str, &str); 12] = [
    ("%3A", ":"),
    ("%2F", "/"),
    ("%3F", "?"),
    ("%40", "@"),
    ("%21", "!"),
    ("%24", "$"),
    ("%27", "'"),
    ("%28", "("),
    ("%29", ")"),
    ("%2A", "*"),
    ("%2C", ","),
    ("%3B", ";"),
];

fn signature_v3(secret: &str, method: &str, url: &str, body: &[u8], timestamp_ms: i64) -> String {
    let url = DECODED.iter().fold(url.to_owned(), |url, (encoded, plain)| {
        url.replace(encoded, plain).replace(&encoded.to_lowercase(), plain)
    });
    let timestamp = timestamp_ms.to_string();
    let parts = [method.as_bytes(), url.as_bytes(), body, timestamp.as_bytes()];
    STANDARD.encode(hmac_sha256(secret, &parts))
}

/// Delivers due webhooks for ever: `post` sends one and tells whether the app answered 2xx within five
/// seconds. What was refused comes again up to ten times within a day, as HubSpot does it.
pub async fn deliver_hooks<Post, Posted>(hubspot: Hubspot, wait: Wait, post: Post)
where
    Post: Fn(HookDelivery) -> Posted,
    Posted: Future<Output = bool>,
{
    let settle = |delivery, taken: bool| {
        if !taken {
            hubspot.return_hook(delivery);
        }
    };
    deliver(wait, || hubspot.take_hooks(), post, settle).await;
}
