//! A Meta that anybody can point a WhatsApp Cloud API client at: sends, marks as read, media, and signed webhooks of
//! messages and statuses, with the window, throughput and pair limits that a channel meets there.

mod admin;
mod answer;
mod business;
mod gate;
mod hooks;
mod limits;
mod media;
mod send;
mod settings;
mod templates;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::{Map, Value, json};

pub use business::Message;
pub use hooks::{Delivery, Weather, deliver_hooks};
pub use settings::{MetaSettings, Number};

use crate::calls::Calls;
use crate::faults::Faults;
use crate::front::{Shared, pass};
use business::Business;

/// One WhatsApp Business Account with one app. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: customers who write and
/// read, and the vendor.
#[derive(Clone, Debug)]
pub struct Meta(Arc<Shared<Business>>);

/// What a customer says.
#[derive(Clone, Debug)]
pub struct Say {
    /// Their number without `+`.
    pub from: String,
    /// Their profile's name, if it is to be told.
    pub name: Option<String>,
    /// The business number's id; the first number when left out.
    pub to: Option<String>,
    /// The message as the webhook shows it, without `from`, `id` and `timestamp`: `type` and the member that it names.
    pub message: Map<String, Value>,
    /// A file that goes along: its type and its bytes. Its id, type and hash join the member that `type` names.
    pub media: Option<(String, Vec<u8>)>,
}

impl Say {
    /// A plain text.
    #[must_use]
    pub fn text(from: &str, body: &str) -> Self {
        let message = [("type".to_owned(), "text".into()), ("text".to_owned(), json!({"body": body}))];
        Self { from: from.to_owned(), name: None, to: None, message: message.into_iter().collect(), media: None }
    }

    /// The same, by somebody with this name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }
}

impl Meta {
    /// An account without messages.
    #[must_use]
    pub fn new(settings: MetaSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Business::new(settings), wait))
    }

    /// The Graph API's routes and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/{version}/{id}/messages", post(gate::messages))
            .route("/{version}/{id}/message_templates", get(gate::templates))
            .route("/{version}/{id}", get(gate::object))
            .route("/whatsapp_business/attachments/{word}", get(gate::download))
            .route_layer(from_fn_with_state(self.clone(), pass::<Self>))
            .merge(admin::routes())
            .fallback(|| async { StatusCode::NOT_FOUND })
            .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED })
            .with_state(self.clone())
    }

    /// The fault switch. A fault of a status may name one of Meta's codes as its policy, such as `131047`.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.front.faults
    }

    /// Calls since the start or the last reset.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0.front.calls()
    }

    /// Sets all counters to 0.
    pub fn reset_calls(&self) {
        self.0.front.reset_calls();
    }

    fn with<T>(&self, work: impl FnOnce(&mut Business) -> T) -> T {
        self.0.with(work)
    }

    /// A customer writes in. Answers Meta's id of the message.
    ///
    /// # Errors
    /// The number is none of this account's, or the message names no type.
    pub fn say(&self, say: Say) -> Result<String, String> {
        self.with(|business| {
            let number = match say.to {
                Some(id) => business.number(&id).map(|number| number.id.clone()),
                None => business.settings.numbers.first().map(|number| number.id.clone()),
            };
            let number = number.ok_or_else(|| "the account has no such number".to_owned())?;
            let mut message = say.message;
            let kind = message.get("type").and_then(Value::as_str).map(str::to_owned);
            let kind = kind.ok_or_else(|| "the message has no type".to_owned())?;
            if let Some((mime_type, bytes)) = say.media {
                let kept = business.keep_media(&mime_type, bytes);
                let part = message.entry(kind).or_insert_with(|| json!({}));
                if let (Value::Object(part), Value::Object(kept)) = (part, kept) {
                    part.extend(kept);
                }
            }
            Ok(business.say(&number, &say.from, say.name.as_deref(), message))
        })
    }

    /// Every message, both ways, oldest first.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        self.with(|business| business.messages.clone())
    }

    /// Whether nothing reaches a customer any more.
    pub fn set_unreachable(&self, customer: &str, unreachable: bool) {
        self.with(|business| business.customers.entry(customer.to_owned()).or_default().unreachable = unreachable);
    }

    /// The only token that is accepted from now on.
    pub fn set_token(&self, token: &str) {
        self.with(|business| business.settings.access_token = Some(token.to_owned()));
    }

    /// Sends webhooks to `url` from now on, once it has answered the handshake.
    pub fn subscribe(&self, url: &str, verify_token: &str) {
        self.with(|business| business.subscribe(url, verify_token));
    }

    /// Whether the address of the webhooks has answered the handshake.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.with(|business| business.is_verified())
    }

    /// How webhooks travel from now on.
    pub fn set_weather(&self, weather: Weather) {
        self.with(|business| business.hooks.weather = weather);
    }

    /// Takes the webhook deliveries that are due, signed now. They are forgotten here: a test delivers them, or loses,
    /// doubles or reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<Delivery> {
        self.with(Business::take_hooks)
    }

    /// Tells what the app answered: status and body, or nothing at all. What was not answered with 200 comes again.
    pub fn answered(&self, delivery: Delivery, answer: Option<(u16, &[u8])>) {
        self.with(|business| business.answered(delivery, answer));
    }
}
