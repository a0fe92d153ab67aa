//! Webhooks out: the handshake, messages and statuses, signed, and sent again until they are answered with 200.
//! Source: "Webhooks" and "Create a webhook endpoint" of the WhatsApp Business Platform, and the `messages` webhook
//! reference, on developers.facebook.com.

use std::future::Future;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Meta;
use super::answer::title_of;
use super::business::{Business, WINDOW_US, seconds};
use crate::deliver::deliver;
use crate::wire::hmac_sha256;
use crate::world::Wait;

/// Events that wait at most; more are lost.
const PENDING_MAX: usize = 500_000;
/// Minutes until each further attempt: less and less often, for seven days in all.
const RETRY_MINUTES: [i64; 12] = [1, 5, 15, 60, 180, 360, 720, 1_440, 1_440, 1_440, 1_440, 1_440];
/// How webhooks travel. Meta promises neither order nor that each comes once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Weather {
    /// How many more times each delivery comes.
    pub duplicates: usize,
    /// Whether deliveries that are due come in any order.
    pub shuffle: bool,
    /// How many events one body may carry.
    pub batch: usize,
}

impl Default for Weather {
    fn default() -> Self {
        Self { duplicates: 0, shuffle: false, batch: 1 }
    }
}

/// What a delivery is.
#[derive(Clone, Debug)]
enum Purpose {
    /// The `GET` that an address must answer with the challenge.
    Handshake { challenge: String },
    /// Events, on their first or a later attempt.
    Events { attempt: usize, events: Vec<Event> },
}

/// One request to the app, as data: a test may lose it, repeat it or hold it back.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `GET` for the handshake, else `POST`.
    pub method: &'static str,
    /// Where it goes, with its query.
    pub url: String,
    /// Headers, the signature among them.
    pub headers: Vec<(String, String)>,
    /// The body; empty for the handshake.
    pub body: Bytes,
    purpose: Purpose,
}

#[derive(Debug)]
struct Target {
    url: String,
    verify_token: String,
    verified: bool,
    /// The handshake is made once for each subscription.
    asked: bool,
}

/// A message or a status that waits to be told.
#[derive(Clone, Debug)]
struct Event {
    due_us: i64,
    attempt: usize,
    number: String,
    /// The members of `value` beside `messaging_product` and `metadata`.
    value: Value,
}

#[derive(Debug, Default)]
pub(super) struct Hooks {
    target: Option<Target>,
    pending: Vec<Event>,
    pub(super) weather: Weather,
}

impl Business {
    fn announce(&mut self, due_us: i64, number: &str, value: Value) {
        if self.hooks.target.is_some() && self.hooks.pending.len() < PENDING_MAX {
            self.hooks.pending.push(Event { due_us, attempt: 0, number: number.to_owned(), value });
        }
    }

    /// Source: "messages webhook reference", incoming messages.
    pub(super) fn announce_message(&mut self, number: &str, from: &str, message: Value) {
        let name = self.customers.get(from).and_then(|it| it.name.clone());
        let mut contact = json!({"wa_id": from});
        if let Some(name) = name {
            contact["profile"] = json!({"name": name});
        }
        self.announce(self.now_us(), number, json!({"contacts": [contact], "messages": [message]}));
    }

    /// Plans the statuses of a message that was just accepted. One that cannot be delivered fails, as Meta tells it: by
    /// webhook, after the API said yes. Source: "Status messages webhook reference"; that a reaction is only ever
    /// `sent`: "Reaction messages".
    pub(super) fn announce_statuses(&mut self, number: &str, to: &str, id: &str, kind: &str, callback: Option<&str>) {
        let now_us = self.now_us();
        let open = self.is_window_open(number, to);
        let status = |name: &str, at_us: i64| {
            let mut status = json!({"id": id, "status": name, "timestamp": seconds(at_us), "recipient_id": to});
            if let Some(callback) = callback {
                status["biz_opaque_callback_data"] = callback.into();
            }
            status
        };
        let unreachable = self.customers.get(to).is_some_and(|it| it.unreachable);
        let failure = match (unreachable, open || kind == "template") {
            (true, _) => Some(131_026),
            (false, false) => Some(131_047),
            (false, true) => None,
        };
        let sent_us = now_us + self.settings.sent_after_us;
        if let Some(code) = failure {
            let mut failed = status("failed", sent_us);
            failed["errors"] = json!([{
                "code": code,
                "title": title_of(code),
                "message": title_of(code),
                "error_data": {"details": title_of(code)},
            }]);
            return self.announce(sent_us, number, json!({"statuses": [failed]}));
        }
        let category = if open { "service" } else { "utility" };
        let conversation = json!({
            "id": hex::encode(format!("{number}{to}")),
            "expiration_timestamp": seconds(now_us + WINDOW_US),
            "origin": {"type": category},
        });
        let pricing = json!({"billable": !open, "pricing_model": "PMP", "category": category});
        let mut later = vec![("sent", Some(sent_us))];
        if kind != "reaction" {
            later.push(("delivered", Some(now_us + self.settings.delivered_after_us)));
            later.push(("read", self.settings.read_after_us.map(|after| now_us + after)));
        }
        for (name, at_us) in later {
            let Some(at_us) = at_us else { continue };
            let mut status = status(name, at_us);
            status["pricing"] = pricing.clone();
            if name == "sent" {
                status["conversation"] = conversation.clone();
            }
            self.announce(at_us, number, json!({"statuses": [status]}));
        }
    }

    /// Sends webhooks to `url` from now on, once it has answered the handshake.
    pub(super) fn subscribe(&mut self, url: &str, verify_token: &str) {
        self.hooks.target =
            Some(Target { url: url.to_owned(), verify_token: verify_token.to_owned(), verified: false, asked: false });
    }

    pub(super) fn is_verified(&self) -> bool {
        self.hooks.target.as_ref().is_some_and(|target| target.verified)
    }

    /// What is due now: the handshake first, and nothing else before it was answered.
    pub(super) fn take_hooks(&mut self) -> Vec<Delivery> {
        let challenge = self.rng.below(1_000_000_000).to_string();
        let now_us = self.now_us();
        let Some(target) = self.hooks.target.as_mut() else { return Vec::new() };
        if !target.verified {
            return if std::mem::replace(&mut target.asked, true) {
                Vec::new()
            } else {
                vec![handshake(target, challenge)]
            };
        }
        let url = target.url.clone();
        let pending = std::mem::take(&mut self.hooks.pending);
        let (mut due, later): (Vec<Event>, Vec<Event>) = pending.into_iter().partition(|event| event.due_us <= now_us);
        self.hooks.pending = later;
        let weather = self.hooks.weather;
        due.sort_by_key(|event| event.due_us);
        if weather.shuffle {
            self.rng.shuffle(&mut due);
        }
        let bodies: Vec<Delivery> =
            due.chunks(weather.batch.max(1)).map(|events| self.delivery(&url, events.to_vec())).collect();
        let copies = weather.duplicates + 1;
        let mut deliveries: Vec<Delivery> =
            bodies.into_iter().flat_map(|delivery| std::iter::repeat_n(delivery, copies)).collect();
        if weather.shuffle {
            self.rng.shuffle(&mut deliveries);
        }
        deliveries
    }

    fn delivery(&self, url: &str, events: Vec<Event>) -> Delivery {
        let changes: Vec<Value> = events.iter().map(|event| self.change(event)).collect();
        let body = json!({
            "object": "whatsapp_business_account",
            "entry": [{"id": self.settings.waba_id, "changes": changes}],
        });
        let body = Bytes::from(body.to_string());
        let headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("user-agent".to_owned(), "facebookexternalua".to_owned()),
            ("x-hub-signature-256".to_owned(), signature(&self.settings.app_secret, &body)),
        ];
        let attempt = events.iter().map(|event| event.attempt).max().unwrap_or_default();
        let purpose = Purpose::Events { attempt, events };
        Delivery { method: "POST", url: url.to_owned(), headers, body, purpose }
    }

    fn change(&self, event: &Event) -> Value {
        let display = self.number(&event.number).map(|number| number.display.clone());
        let mut value = json!({
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": display, "phone_number_id": event.number},
        });
        if let (Value::Object(value), Value::Object(members)) = (&mut value, &event.value) {
            value.extend(members.clone());
        }
        json!({"value": value, "field": "messages"})
    }

    /// What the app answered: status and body, or nothing at all. Whatever is not 200 comes again.
    pub(super) fn answered(&mut self, delivery: Delivery, answer: Option<(u16, &[u8])>) {
        match delivery.purpose {
            Purpose::Handshake { challenge } => {
                let good = answer.is_some_and(|(status, body)| status == 200 && body == challenge.as_bytes());
                if let Some(target) = self.hooks.target.as_mut() {
                    target.verified = good;
                }
            }
            Purpose::Events { .. } if answer.is_some_and(|(status, _)| status == 200) => {}
            Purpose::Events { attempt, events } => {
                let Some(minutes) = RETRY_MINUTES.get(attempt) else { return };
                let due_us = self.now_us() + minutes * 60 * 1_000_000;
                let again = events.into_iter().map(|event| Event { due_us, attempt: attempt + 1, ..event });
                self.hooks.pending.extend(again);
            }
        }
    }
}

/// Source: "Create a webhook endpoint", verification requests.
fn handshake(target: &Target, challenge: String) -> Delivery {
    let joint = if target.url.contains('?') { '&' } else { '?' };
    let token = percent_encoding::utf8_percent_encode(&target.verify_token, percent_encoding::NON_ALPHANUMERIC);
    let url = format!("{}{joint}hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={token}", target.url);
    let purpose = Purpose::Handshake { challenge };
    Delivery { method: "GET", url, headers: Vec::new(), body: Bytes::new(), purpose }
}

/// `sha256=` and the HMAC of the raw body under the app's secret, in hexadecimal.
fn signature(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(secret, &[body])))
}

/// Delivers due webhooks for ever: `send` makes one request and answers with its status and body, if one came.
pub async fn deliver_hooks<Send, Sent>(meta: Meta, wait: Wait, send: Send)
where
    Send: Fn(Delivery) -> Sent,
    Sent: Future<Output = Option<(u16, Bytes)>>,
{
    let settle = |delivery, answer: Option<(u16, Bytes)>| {
        meta.answered(delivery, answer.as_ref().map(|(status, body)| (*status, body.as_ref())));
    };
    deliver(wait, || meta.take_hooks(), send, settle).await;
}
