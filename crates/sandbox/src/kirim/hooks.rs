//! Webhooks: subscriptions, events of contacts, signatures and further attempts. Source: the pages "Webhooks overview",
//! "Events", "Payloads", "Signing" and "Retry".

use std::future::Future;

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::Kirim;
use super::answer::{Answer, Refusal, one};
use super::gate::Call;
use super::inbox::{Contact, Inbox, seconds};
use crate::deliver::deliver;
use crate::wire::hmac_sha256;
use crate::world::Wait;

/// Seconds until each further attempt; Kirim's jitter is left out.
const RETRY_SECONDS: [i64; 7] = [10, 30, 120, 600, 3_600, 21_600, 86_400];
/// Deliveries that wait at most; more are lost.
const PENDING_MAX: usize = 500_000;

#[derive(Clone, Debug)]
struct Subscription {
    id: String,
    url: String,
    events: Vec<String>,
    secret: String,
}

#[derive(Clone, Debug)]
struct Pending {
    due_us: i64,
    subscription: Subscription,
    event: &'static str,
    event_id: String,
    delivery_id: String,
    attempt: usize,
    body: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Hooks {
    subscriptions: Vec<Subscription>,
    pending: Vec<Pending>,
}

/// One request to a subscriber, as data: a test may lose it, repeat it or hold it back.
#[derive(Clone, Debug)]
pub struct HookDelivery {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The event.
    pub body: Bytes,
    pending: Pending,
}

impl Inbox {
    /// Sends these events to `url` from now on; answers the subscription.
    fn add_subscription(&mut self, url: &str, events: Vec<String>) -> Subscription {
        let (id, secret) = (self.id("wbs"), format!("whsec_{}", self.rng.token(3)));
        let subscription = Subscription { id, url: url.to_owned(), events, secret };
        self.hooks.subscriptions.push(subscription.clone());
        subscription
    }

    /// Tells subscribers of a contact; `changed` are the members that are another now.
    pub(super) fn announce(&mut self, event: &'static str, contact: &Contact, changed: &[&str]) {
        let wanting: Vec<Subscription> =
            self.hooks.subscriptions.iter().filter(|it| it.events.iter().any(|name| name == event)).cloned().collect();
        if wanting.is_empty() || self.hooks.pending.len() >= PENDING_MAX {
            return;
        }
        let mut data = json!({"contact": self.shown(contact)});
        match event {
            "contact.created" => data["acquisition_source"] = "api".into(),
            _ => data["changed_fields"] = json!(changed),
        }
        let event_id = self.id("evt");
        let told = seconds(self.clock_us());
        let body = json!({"id": event_id, "type": event, "created_at": told, "livemode": true, "data": data});
        let body = Bytes::from(body.to_string());
        for subscription in wanting {
            let (due_us, delivery_id) = (self.now_us(), self.id("wbd"));
            let (event_id, body) = (event_id.clone(), body.clone());
            self.hooks.pending.push(Pending { due_us, subscription, event, event_id, delivery_id, attempt: 1, body });
        }
    }

    /// The deliveries that are due now, signed now.
    pub(super) fn take_hooks(&mut self) -> Vec<HookDelivery> {
        let now_us = self.now_us();
        let (due, later): (Vec<Pending>, Vec<Pending>) =
            self.hooks.pending.drain(..).partition(|pending| pending.due_us <= now_us);
        self.hooks.pending = later;
        due.into_iter().map(|pending| self.delivery(pending)).collect()
    }

    fn delivery(&self, pending: Pending) -> HookDelivery {
        let stamp = self.clock_us().div_euclid(1_000_000).to_string();
        let code = hmac_sha256(&pending.subscription.secret, &[stamp.as_bytes(), b".", &pending.body]);
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("user-agent", "Kirim-Webhook/1.0".to_owned()),
            ("x-kirim-source", "kirim".to_owned()),
            ("x-kirim-event", pending.event.to_owned()),
            ("x-kirim-event-id", pending.event_id.clone()),
            ("x-kirim-delivery-id", pending.delivery_id.clone()),
            ("x-kirim-attempt", pending.attempt.to_string()),
            ("x-kirim-signature", format!("t={stamp},v1={}", hex::encode(code))),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        HookDelivery { url: pending.subscription.url.clone(), headers, body: pending.body.clone(), pending }
    }

    /// A delivery that was not taken comes again, seven times.
    pub(super) fn return_hook(&mut self, delivery: HookDelivery) {
        let mut pending = delivery.pending;
        let Some(wait) = RETRY_SECONDS.get(pending.attempt - 1) else { return };
        pending.due_us = self.now_us() + wait * 1_000_000;
        pending.attempt += 1;
        self.hooks.pending.push(pending);
    }

    /// Sends every event of contacts to `url` from now on; answers the secret that signs them.
    pub(super) fn subscribe(&mut self, url: &str) -> String {
        self.add_subscription(url, ["contact.created", "contact.updated"].map(str::to_owned).into()).secret
    }
}

/// `POST /v1/webhook_subscriptions`. Unlike Kirim's it takes addresses without TLS: a look-alike is called at home.
pub(super) fn create(inbox: &mut Inbox, call: &Call) -> Answer {
    let body = call.object()?;
    let url = body.get("url").and_then(Value::as_str);
    let url = url.ok_or_else(|| Refusal::invalid("missing_required_field", "url", "url is required"))?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Refusal::invalid("invalid_webhook_url", "url", "url must be an address"));
    }
    let events = body.get("events").and_then(Value::as_array).into_iter().flatten();
    let events: Vec<String> = events.filter_map(Value::as_str).map(str::to_owned).collect();
    if events.is_empty() {
        return Err(Refusal::invalid("missing_required_field", "events", "events is required"));
    }
    let made = inbox.add_subscription(url, events);
    let mut data = view(&made);
    data["initial_secret"] = made.secret.into();
    Ok((StatusCode::CREATED, json!({"data": data})))
}

/// `DELETE /v1/webhook_subscriptions/{id}`
pub(super) fn delete(inbox: &mut Inbox, call: &Call) -> Answer {
    let known = inbox.hooks.subscriptions.len();
    inbox.hooks.subscriptions.retain(|subscription| subscription.id != call.id);
    if inbox.hooks.subscriptions.len() == known {
        return Err(Refusal::not_found());
    }
    inbox.hooks.pending.retain(|pending| pending.subscription.id != call.id);
    one(json!({"id": call.id, "object": "webhook_subscription", "deleted": true}))
}

fn view(subscription: &Subscription) -> Value {
    json!({
        "id": subscription.id,
        "object": "webhook_subscription",
        "url": subscription.url,
        "events": subscription.events,
        "status": "active",
    })
}

/// Delivers due webhooks for ever: `post` sends one and tells whether the app answered 2xx within ten seconds.
pub async fn deliver_hooks<Post, Posted>(kirim: Kirim, wait: Wait, post: Post)
where
    Post: Fn(HookDelivery) -> Posted,
    Posted: Future<Output = bool>,
{
    let settle = |delivery, taken: bool| {
        if !taken {
            kirim.return_hook(delivery);
        }
    };
    deliver(wait, || kirim.take_hooks(), post, settle).await;
}
