//! Webhooks of version 2: who is told what, how often a delivery is tried again, and when events are lost. Their only
//! proof of origin is HTTP Basic. Source: Pipedrive's guide for webhooks v2.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Pipedrive;
use super::company::{Company, Contents, Source, USERS};
use super::fields::Field;
use super::kinds::Kind;
use super::records::shown;
use crate::deliver::deliver;
use crate::world::Wait;

const SECOND_US: i64 = 1_000_000;
/// Deliveries that wait at most; more are lost.
const PENDING_MAX: usize = 500_000;
/// Seconds until each further attempt.
const RETRY_SECONDS: [i64; 3] = [3, 30, 150];
/// First attempts that fail in a row until the webhook is banned.
const FAILURES_MAX: u32 = 10;
/// How long nothing is told to a banned webhook.
const BAN_US: i64 = 30 * 60 * SECOND_US;
/// How long a webhook may live without a success.
const DYING_US: i64 = 3 * 86_400 * SECOND_US;
/// Who is told.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) id: u64,
    pub(super) url: String,
    pub(super) action: String,
    pub(super) object: String,
    pub(super) name: String,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) user_id: u32,
    /// Whether the app made it through a grant.
    pub(super) is_app: bool,
    pub(super) add_us: i64,
    pub(super) last_delivery_us: Option<i64>,
    pub(super) last_status: Option<u16>,
    failures: u32,
    failing_since_us: Option<i64>,
    banned_until_us: i64,
}

#[derive(Clone, Debug)]
struct Pending {
    due_us: i64,
    webhook_id: u64,
    attempt: usize,
    body: Value,
}

#[derive(Debug, Default)]
pub(super) struct Hooks {
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    last_id: u64,
    pending: VecDeque<Pending>,
    /// Events that a ban swallowed.
    pub(super) lost: u64,
}

/// One request to a subscriber, as data: a test may lose it, repeat it or hold it back.
#[derive(Clone, Debug)]
pub struct HookDelivery {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers, `authorization` with the Basic credentials among them if the webhook has any.
    pub headers: Vec<(String, String)>,
    /// `{meta, data, previous}`
    pub body: Bytes,
    /// The webhook it is of.
    pub webhook_id: u64,
    /// Counted from 1.
    pub attempt: usize,
    event: Value,
}

impl Hooks {
    pub(super) fn add(&mut self, mut subscription: Subscription) -> u64 {
        self.last_id += 1;
        subscription.id = self.last_id;
        self.subscriptions.insert(self.last_id, subscription);
        self.last_id
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.pending.retain(|it| it.webhook_id != id);
        self.subscriptions.remove(&id);
    }

    /// The app is gone, and what it subscribed to.
    pub(super) fn uninstall(&mut self) {
        let gone: Vec<u64> = self.subscriptions.values().filter(|it| it.is_app).map(|it| it.id).collect();
        gone.into_iter().for_each(|id| self.remove(id));
    }
}

impl Subscription {
    pub(super) fn new(url: &str, action: &str, object: &str, name: &str, add_us: i64) -> Self {
        Self {
            id: 0,
            url: url.to_owned(),
            action: action.to_owned(),
            object: object.to_owned(),
            name: name.to_owned(),
            user: None,
            password: None,
            user_id: USERS[0].id,
            is_app: false,
            add_us,
            last_delivery_us: None,
            last_status: None,
            failures: 0,
            failing_since_us: None,
            banned_until_us: i64::MIN,
        }
    }

    fn wants(&self, action: &str, kind: Kind) -> bool {
        let fits = |asked: &str, it: &str| asked == "*" || asked == it;
        fits(&self.action, action) && fits(&self.object, kind.singular())
    }
}

/// A record as webhooks show it: as v2 does, but each custom value says of what type it is.
fn told(company: &Company, kind: Kind, mut view: Value) -> Value {
    let typed = |(code, value): (&String, &Value)| {
        let field = company.fields.named(kind, code)?;
        Some((code.clone(), typed_custom(field, value)))
    };
    if let Some(customs) = view.get("custom_fields").and_then(Value::as_object) {
        let customs: Map<String, Value> = customs.iter().filter_map(typed).collect();
        view["custom_fields"] = customs.into();
    }
    view
}

fn typed_custom(field: &Field, value: &Value) -> Value {
    let mut typed = match (field.field_type.as_str(), value) {
        (_, Value::Null) => return Value::Null,
        ("enum" | "user" | "org" | "people", id) => json!({"id": id}),
        ("set", Value::Array(ids)) => json!({"values": ids.iter().map(|id| json!({"id": id})).collect::<Vec<_>>()}),
        (_, Value::Object(_)) => value.clone(),
        _ => json!({"value": value}),
    };
    typed["type"] = field.field_type.clone().into();
    typed
}

impl Company {
    /// Tells of a record that was made, or (with what it held before) changed.
    pub(super) fn announce(&mut self, kind: Kind, id: u64, before: Option<&Contents>, source: Source) {
        if self.hooks.subscriptions.is_empty() {
            return;
        }
        let Some(item) = self.items.get(&(kind, id)) else { return };
        let data = told(self, kind, shown(self, kind, id));
        let previous = before.map_or(Value::Null, |before| {
            let moved = item.now.values.iter().filter(|(name, value)| before.values.get(*name) != Some(*value));
            let mut previous: Map<String, Value> =
                moved.map(|(name, _)| (name.clone(), before.values.get(name).cloned().unwrap_or_default())).collect();
            let moved = item.now.custom.iter().filter(|(code, value)| before.custom.get(*code) != Some(*value));
            let customs: Map<String, Value> =
                moved.map(|(code, _)| (code.clone(), before.custom.get(code).cloned().unwrap_or_default())).collect();
            if !customs.is_empty() {
                previous.insert("custom_fields".to_owned(), customs.into());
            }
            told(self, kind, previous.into())
        });
        let action = if before.is_some() { "change" } else { "create" };
        self.emit(kind, id, action, json!({"data": data, "previous": previous}), None, source);
    }

    /// Tells of a record that came back out of the bin.
    pub(super) fn announce_restored(&mut self, kind: Kind, id: u64) {
        if !self.hooks.subscriptions.is_empty() {
            let data = told(self, kind, shown(self, kind, id));
            let body = json!({"data": data, "previous": {"is_deleted": true}});
            self.emit(kind, id, "change", body, None, Source::App);
        }
    }

    /// Tells of a record that was deleted, by hand or by a merge.
    pub(super) fn announce_deleted(&mut self, kind: Kind, id: u64, merged_into: Option<u64>, source: Source) {
        if !self.hooks.subscriptions.is_empty() {
            let previous = told(self, kind, shown(self, kind, id));
            self.emit(kind, id, "delete", json!({"data": null, "previous": previous}), merged_into, source);
        }
    }

    fn emit(&mut self, kind: Kind, id: u64, action: &str, body: Value, merged_into: Option<u64>, source: Source) {
        let (now_us, at_us) = (self.now_us(), self.now_us() + self.settings.clock_offset_us);
        let timestamp = Timestamp::from_microsecond(at_us).map_or_else(|_| String::new(), |at| format!("{at:.3}"));
        let correlation_id = self.rng.uuid();
        let wanting: Vec<u64> =
            self.hooks.subscriptions.values().filter(|it| it.wants(action, kind)).map(|it| it.id).collect();
        for webhook_id in wanting {
            let Some(webhook) = self.hooks.subscriptions.get(&webhook_id) else { continue };
            if now_us < webhook.banned_until_us || self.hooks.pending.len() >= PENDING_MAX {
                self.hooks.lost += 1;
                continue;
            }
            let mut body = body.clone();
            body["meta"] = json!({
                "action": action,
                "entity": kind.singular(),
                "entity_id": id.to_string(),
                "id": self.rng.uuid(),
                "correlation_id": correlation_id,
                "company_id": self.settings.company_id.to_string(),
                "user_id": USERS[0].id.to_string(),
                "timestamp": timestamp,
                "type": if webhook.is_app { "application" } else { "general" },
                "version": "2.0",
                "webhook_id": webhook_id.to_string(),
                "webhook_owner_id": webhook.user_id.to_string(),
                "change_source": source.wire(),
                "attempt": 1,
                "host": "sandbox.pipedrive.com",
                "is_bulk_edit": false,
                "permitted_user_ids": USERS.map(|user| user.id.to_string()),
            });
            if let Some(into) = merged_into {
                body["meta"]["merged_to_id"] = into.to_string().into();
            }
            self.hooks.pending.push_back(Pending { due_us: now_us, webhook_id, attempt: 1, body });
        }
    }

    /// The deliveries that are due now.
    pub(super) fn take_hooks(&mut self) -> Vec<HookDelivery> {
        let now_us = self.now_us();
        let dead = |it: &&Subscription| it.failing_since_us.is_some_and(|since| now_us - since >= DYING_US);
        let gone: Vec<u64> = self.hooks.subscriptions.values().filter(dead).map(|it| it.id).collect();
        gone.into_iter().for_each(|id| self.hooks.remove(id));
        let (due, later) = self.hooks.pending.drain(..).partition(|it: &Pending| it.due_us <= now_us);
        self.hooks.pending = later;
        let due: VecDeque<Pending> = due;
        due.into_iter().filter_map(|it| self.delivery(it)).collect()
    }

    fn delivery(&mut self, pending: Pending) -> Option<HookDelivery> {
        let now_us = self.now_us();
        let webhook = self.hooks.subscriptions.get_mut(&pending.webhook_id)?;
        webhook.last_delivery_us = Some(now_us);
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "Pipedrive Webhooks".to_owned()),
        ];
        if let Some(user) = &webhook.user {
            let pair = format!("{user}:{}", webhook.password.as_deref().unwrap_or_default());
            headers.push(("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair))));
        }
        let mut event = pending.body;
        event["meta"]["attempt"] = pending.attempt.into();
        Some(HookDelivery {
            url: webhook.url.clone(),
            headers,
            body: Bytes::from(event.to_string()),
            webhook_id: pending.webhook_id,
            attempt: pending.attempt,
            event,
        })
    }

    /// A delivery that was not answered with 2xx in ten seconds.
    pub(super) fn return_hook(&mut self, delivery: HookDelivery) {
        let now_us = self.now_us();
        let Some(webhook) = self.hooks.subscriptions.get_mut(&delivery.webhook_id) else { return };
        webhook.last_status = Some(500);
        webhook.failing_since_us.get_or_insert(now_us);
        if delivery.attempt == 1 {
            webhook.failures += 1;
        }
        if webhook.failures >= FAILURES_MAX {
            webhook.failures = 0;
            webhook.banned_until_us = now_us + BAN_US;
        }
        if let Some(seconds) = RETRY_SECONDS.get(delivery.attempt - 1) {
            let due_us = now_us + seconds * SECOND_US;
            let (webhook_id, attempt) = (delivery.webhook_id, delivery.attempt + 1);
            self.hooks.pending.push_back(Pending { due_us, webhook_id, attempt, body: delivery.event });
        }
    }

    /// A delivery that was taken.
    pub(super) fn accepted(&mut self, delivery: &HookDelivery) {
        if let Some(webhook) = self.hooks.subscriptions.get_mut(&delivery.webhook_id) {
            webhook.last_status = Some(200);
            webhook.failures = 0;
            webhook.failing_since_us = None;
        }
    }
}

/// Delivers due webhooks for ever: `post` sends one and tells whether the app answered 2xx within ten seconds.
pub async fn deliver_hooks<Post, Posted>(pipedrive: Pipedrive, wait: Wait, post: Post)
where
    Post: Fn(HookDelivery) -> Posted,
    Posted: Future<Output = bool>,
{
    let settle = |delivery, taken| {
        if taken {
            pipedrive.accepted(&delivery);
        } else {
            pipedrive.return_hook(delivery);
        }
    };
    deliver(wait, || pipedrive.take_hooks(), post, settle).await;
}
