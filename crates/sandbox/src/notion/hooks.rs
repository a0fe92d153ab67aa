//! Webhooks: a subscription made by hand, its handshake, and signed events that say what changed but not how. Source:
//! Notion's pages "Webhooks" and "Event types & delivery", and the payload types of its JavaScript client.

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Notion;
use super::workspace::{Author, Parent, Workspace};
use crate::deliver::deliver;
use crate::wire::hmac_sha256;
use crate::world::{Rng, Wait};

/// Events that wait at most; more are lost.
const PENDING_MAX: usize = 500_000;
/// Minutes until each further attempt: eight in all within a day.
const RETRY_MINUTES: [i64; 7] = [1, 4, 15, 60, 180, 420, 760];
/// The version that the payloads are of.
const API_VERSION: &str = "2025-09-03";

#[derive(Debug)]
struct Subscription {
    url: String,
    id: String,
    is_verified: bool,
}

/// An event that waits for its delivery.
#[derive(Clone, Debug)]
struct Pending {
    due_us: i64,
    event: Value,
}

#[derive(Debug)]
pub(super) struct Hooks {
    /// What the handshake tells, and what signs every delivery from then on.
    token: String,
    subscription: Option<Subscription>,
    is_handshake_due: bool,
    pending: Vec<Pending>,
}

impl Hooks {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let token = format!("secret_{}", rng.token(3));
        Self { token, subscription: None, is_handshake_due: false, pending: Vec::new() }
    }
}

/// One request to the app, as data: a test may lose it, repeat it or hold it back.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers, the signature among them; the handshake has none.
    pub headers: Vec<(String, String)>,
    /// A JSON object: one event, or the handshake's `verification_token`.
    pub body: Bytes,
    event: Option<Value>,
}

impl Workspace {
    /// A person enters an address; the handshake goes there.
    pub(super) fn subscribe(&mut self, url: &str) {
        let id = self.rng.uuid();
        self.hooks = Hooks::new(&mut self.rng);
        self.hooks.subscription = Some(Subscription { url: url.to_owned(), id, is_verified: false });
        self.hooks.is_handshake_due = true;
    }

    /// A person enters the token that the handshake told. Answers whether it was the right one.
    pub(super) fn verify_hooks(&mut self, token: &str) -> bool {
        let is_right = token == self.hooks.token;
        match &mut self.hooks.subscription {
            Some(subscription) if is_right => subscription.is_verified = true,
            _ => return false,
        }
        true
    }

    /// Announces something that happened to a page. Properties that did not change are no news.
    pub(super) fn announce_page(&mut self, id: &str, event: &str, changed: &[Arc<str>], by: Author) {
        let is_properties = event == "page.properties_updated";
        if is_properties && changed.is_empty() {
            return;
        }
        let Some(page) = self.pages.get(id) else {
            return;
        };
        let parent = match &page.parent {
            Parent::Workspace => json!({"id": self.settings.workspace_id, "type": "space"}),
            Parent::Page(id) => json!({"id": id, "type": "page"}),
            Parent::Block(id) => json!({"id": id, "type": "block"}),
            Parent::Source(id) => json!({
                "id": self.sources.get(id).map(|it| it.database.as_str()),
                "type": "database",
                "data_source_id": id,
            }),
        };
        let mut data = json!({"parent": parent});
        if is_properties {
            data["updated_properties"] = changed.iter().map(|id| Value::from(&**id)).collect();
        }
        self.announce(id, "page", event, data, by);
    }

    /// Announces something that happened to a data source.
    pub(super) fn announce_source(&mut self, id: &str, event: &str, mut data: Value, by: Author) {
        let database = self.sources.get(id).map(|it| it.database.clone());
        data["parent"] = json!({"id": database, "type": "database", "data_source_id": id});
        self.announce(id, "data_source", event, data, by);
    }

    /// Puts an event into the queue. Events of one thing and type are gathered for a while into one.
    pub(super) fn announce(&mut self, id: &str, kind: &str, event: &str, data: Value, by: Author) {
        let subscription = self.hooks.subscription.as_ref().filter(|it| it.is_verified).map(|it| it.id.clone());
        let Some(subscription) = subscription else {
            return;
        };
        let quirks = self.settings.quirks;
        let lost = quirks && self.rng.below(100) < u64::from(self.settings.hooks_lost_percent);
        if lost || self.hooks.pending.len() >= PENDING_MAX {
            return;
        }
        let now_us = self.now_us();
        let timestamp = crate::world::iso(self.stamp_us());
        let author = match by {
            Author::Bot => json!({"id": self.bot, "type": "bot"}),
            Author::Person => json!({"id": self.user_id(by), "type": "person"}),
        };
        let gathering = self.hooks.pending.iter_mut().filter(|it| quirks && it.due_us > now_us);
        // A page that is yet to be announced needs no word of its first changes.
        let is_same = |it: &&mut Pending| {
            let waiting = it.event["type"].as_str().unwrap_or_default();
            it.event["entity"]["id"] == id
                && it.event["attempt_number"] == 1
                && (waiting == event || (waiting == "page.created" && event == "page.properties_updated"))
        };
        if let Some(waiting) = gathering.rev().find(is_same) {
            gather(&mut waiting.event, &timestamp, author, &data);
            return;
        }
        let owner = self.user_id(Author::Person).to_owned();
        let event = json!({
            "id": self.rng.uuid(),
            "timestamp": timestamp,
            "workspace_id": self.settings.workspace_id,
            "workspace_name": self.settings.workspace_name,
            "subscription_id": subscription,
            "integration_id": self.bot,
            "authors": [author],
            "accessible_by": [{"id": owner, "type": "person"}, {"id": self.bot, "type": "bot"}],
            "attempt_number": 1,
            "api_version": API_VERSION,
            "type": event,
            "entity": {"id": id, "type": kind},
            "data": data,
        });
        let due_us = if quirks { now_us + self.settings.bundle_us } else { now_us };
        self.hooks.pending.push(Pending { due_us, event });
    }

    /// The deliveries that are due, signed now; in no order.
    pub(super) fn take_hooks(&mut self) -> Vec<Hook> {
        let Some(url) = self.hooks.subscription.as_ref().map(|it| it.url.clone()) else {
            return Vec::new();
        };
        if std::mem::take(&mut self.hooks.is_handshake_due) {
            let body = json!({"verification_token": self.hooks.token}).to_string();
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            return vec![Hook { url, headers, body: body.into(), event: None }];
        }
        let now_us = self.now_us();
        let (mut due, later): (Vec<Pending>, Vec<Pending>) =
            self.hooks.pending.drain(..).partition(|it| it.due_us <= now_us);
        self.hooks.pending = later;
        if self.settings.quirks {
            self.rng.shuffle(&mut due);
        }
        due.into_iter().map(|it| delivery(&url, &self.hooks.token, it.event)).collect()
    }

    /// Puts a delivery that failed back into the queue, until its attempts are spent.
    pub(super) fn return_hook(&mut self, hook: Hook) {
        let Some(mut event) = hook.event else {
            self.hooks.is_handshake_due = true;
            return;
        };
        let attempt = event["attempt_number"].as_u64().unwrap_or(1);
        let pause = usize::try_from(attempt).ok().and_then(|it| RETRY_MINUTES.get(it - 1));
        let Some(minutes) = pause else {
            return;
        };
        event["attempt_number"] = (attempt + 1).into();
        let due_us = self.now_us() + minutes * 60 * 1_000_000;
        self.hooks.pending.push(Pending { due_us, event });
    }
}

/// Adds one more change to an event that is yet to leave.
fn gather(event: &mut Value, timestamp: &str, author: Value, data: &Value) {
    event["timestamp"] = timestamp.into();
    let mut add = |path: &str, item: Value| {
        if let Some(Value::Array(items)) = event.pointer_mut(path)
            && !items.contains(&item)
        {
            items.push(item);
        }
    };
    add("/authors", author);
    for item in data["updated_properties"].as_array().into_iter().flatten() {
        add("/data/updated_properties", item.clone());
    }
}

fn delivery(url: &str, token: &str, event: Value) -> Hook {
    let body = Bytes::from(event.to_string());
    let headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-notion-signature".to_owned(), format!("sha256={}", hex::encode(hmac_sha256(token, &[&body])))),
    ];
    Hook { url: url.to_owned(), headers, body, event: Some(event) }
}

/// Delivers due webhooks for ever: `post` sends one and tells whether the app answered 2xx.
pub async fn deliver_hooks<Post, Posted>(notion: Notion, wait: Wait, post: Post)
where
    Post: Fn(Hook) -> Posted,
    Posted: Future<Output = bool>,
{
    let settle = |hook, taken: bool| {
        if !taken {
            notion.return_hook(hook);
        }
    };
    deliver(wait, || notion.take_hooks(), post, settle).await;
}
