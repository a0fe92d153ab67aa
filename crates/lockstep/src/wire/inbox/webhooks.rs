//! Webhook subscriptions and their signing secrets.

use std::time::Duration;

use axum::extract::State;
use lockstep_core::env::Time;
use lockstep_core::event::EventType;
use lockstep_core::ids::{SecretId, SubscriptionId};
use lockstep_core::limits::{
    DESCRIPTION_CHARS_MAX, SECRET_OVERLAP_HOURS_DEFAULT, SECRET_OVERLAP_HOURS_MAX, WEBHOOK_URL_BYTES_MAX, fits,
};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{NewSubscription, SealedSecret, Subscription, SubscriptionPatch, SubscriptionStatus, Tx};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::auth::Caller;
use crate::egress;
use crate::ops::payload::Deleted;
use crate::ops::webhooks;
use crate::wire::inbox::cursor::Listing;
use crate::wire::inbox::dto::page_size;
use crate::wire::inbox::envelope::{Answer, List, One, Refusal};
use crate::wire::inbox::extract::{Body, Filters, Post, Segments};
use crate::wire::inbox::once;

/// The routes below `/v1`.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, patch, delete))
        .routes(routes!(rotate))
        .routes(routes!(drop_secret))
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionObject {
    /// `wbs_…`
    #[schema(value_type = String)]
    id: SubscriptionId,
    /// Always `webhook_subscription`.
    #[schema(value_type = String)]
    object: &'static str,
    /// Where deliveries go.
    url: String,
    /// What a person calls it.
    #[schema(required)]
    description: Option<String>,
    /// `active`, `paused`, or `disabled` after too many failures in a row.
    #[schema(value_type = String)]
    status: SubscriptionStatus,
    /// The events it wants.
    #[schema(value_type = Vec<String>)]
    events: Vec<EventType>,
    /// Its signing secrets, without the secrets themselves.
    secrets: Vec<SecretObject>,
    /// Deliveries in a row that became dead.
    consecutive_failures: u32,
    /// When it was disabled.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    disabled_at: Option<Time>,
    /// Why it was disabled.
    #[schema(required)]
    disabled_reason: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Time,
    /// The first signing secret; shown once, in the answer to the creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    initial_secret: Option<String>,
}

/// A signing secret's record.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretObject {
    /// `sec_…`
    #[schema(value_type = String)]
    id: SecretId,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Time,
    /// When it stops signing; null for never.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    expires_at: Option<Time>,
    /// The secret itself; shown once, in the answer to a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    secret: Option<String>,
}

impl SecretObject {
    fn new(record: &SealedSecret) -> Self {
        Self { id: record.id.clone(), created_at: record.created_at, expires_at: record.expires_at, secret: None }
    }
}

impl From<Subscription> for SubscriptionObject {
    fn from(subscription: Subscription) -> Self {
        Self {
            id: subscription.id,
            object: "webhook_subscription",
            url: subscription.url,
            description: subscription.description,
            status: subscription.status,
            events: subscription.events,
            secrets: subscription.secrets.iter().map(SecretObject::new).collect(),
            consecutive_failures: subscription.consecutive_failures,
            disabled_at: subscription.disabled_at,
            disabled_reason: subscription.disabled_reason,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            initial_secret: None,
        }
    }
}

/// A subscription to make.
#[derive(Debug, Deserialize, ToSchema)]
struct NewSubscriptionBody {
    /// https, at a public address.
    #[schema(required, nullable = false, format = Uri, max_length = 2048)]
    url: Option<String>,
    /// The events to be told of, at least one.
    #[schema(required, nullable = false, min_items = 1)]
    events: Option<Vec<String>>,
    /// What a person calls it.
    #[schema(max_length = 255)]
    description: Option<String>,
}

impl NewSubscriptionBody {
    fn checked(self, app: &App) -> Result<NewSubscription, Problem> {
        let missing = |name: &str| Problem::of(Code::MissingRequiredField, name, format!("{name} is required."));
        let url = self.url.ok_or_else(|| missing("url"))?;
        let events = self.events.ok_or_else(|| missing("events"))?;
        check_url(app, &url)?;
        self.description.as_deref().map_or(Ok(()), check_description)?;
        Ok(NewSubscription { url, events: event_types(&events)?, description: self.description })
    }
}

/// What to change of a subscription. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
struct SubscriptionPatchBody {
    /// https, at a public address.
    #[schema(nullable = false, format = Uri, max_length = 2048)]
    url: Option<String>,
    /// The events to be told of, at least one.
    #[schema(nullable = false, min_items = 1)]
    events: Option<Vec<String>>,
    /// What a person calls it; null clears.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255)]
    description: Patch<String>,
    /// `active` (revives a disabled subscription) or `paused`.
    #[schema(nullable = false, pattern = "^(active|paused)$")]
    status: Option<String>,
}

impl SubscriptionPatchBody {
    fn checked(self, app: &App) -> Result<SubscriptionPatch, Problem> {
        if self.url.is_none() && self.events.is_none() && self.description.is_keep() && self.status.is_none() {
            let message = "Give at least one of url, events, description and status.";
            return Err(Problem::new(Code::MissingRequiredField, message));
        }
        self.url.as_deref().map_or(Ok(()), |url| check_url(app, url))?;
        let status = match self.status.as_deref() {
            None => None,
            Some("active") => Some(SubscriptionStatus::Active),
            Some("paused") => Some(SubscriptionStatus::Paused),
            Some(_) => return Err(Problem::of(Code::InvalidFieldValue, "status", "status takes active or paused.")),
        };
        Ok(SubscriptionPatch {
            url: self.url,
            events: self.events.map(|events| event_types(&events)).transpose()?,
            description: self.description.try_map(|text| check_description(&text).map(|()| text))?,
            status,
        })
    }
}

fn check_url(app: &App, url: &str) -> Result<(), Problem> {
    if url.len() as u64 > WEBHOOK_URL_BYTES_MAX {
        return Err(Problem::of(Code::InvalidWebhookUrl, "url", format!("url takes at most {WEBHOOK_URL_BYTES_MAX} bytes.")));
    }
    app.egress.check_url(url).map_err(|refused| Problem::of(Code::InvalidWebhookUrl, "url", format!("url will not do: {refused}.")))
}

fn check_description(text: &str) -> Result<(), Problem> {
    if fits(text, DESCRIPTION_CHARS_MAX) {
        return Ok(());
    }
    Err(Problem::of(Code::InvalidFieldValue, "description", format!("description takes at most {DESCRIPTION_CHARS_MAX} characters.")))
}

fn event_types(names: &[String]) -> Result<Vec<EventType>, Problem> {
    if names.is_empty() {
        return Err(Problem::of(Code::InvalidFieldValue, "events", "events must name at least one event."));
    }
    let mut events = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let event = EventType::parse(name).ok_or_else(|| {
            let known = EventType::ALL.map(EventType::as_str).join(", ");
            Problem::of(Code::InvalidFieldValue, format!("events.{n}"), format!("No such event. There are {known}."))
        })?;
        if !events.contains(&event) {
            events.push(event);
        }
    }
    Ok(events)
}

#[derive(Debug, Deserialize)]
struct SubscriptionPath {
    id: String,
}

impl SubscriptionPath {
    fn id(&self) -> Result<SubscriptionId, Problem> {
        SubscriptionId::parse(&self.id).map_err(|_| Problem::not_found("webhook subscription"))
    }
}
