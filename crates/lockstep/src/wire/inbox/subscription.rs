//! Webhook subscriptions as callers send and read them.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::event::EventType;
use lockstep_core::ids::{SecretId, SubscriptionId};
use lockstep_core::limits::{
    DESCRIPTION_CHARS_MAX, SECRET_OVERLAP_HOURS_DEFAULT, SECRET_OVERLAP_HOURS_MAX, WEBHOOK_URL_BYTES_MAX, fits,
};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{SealedSecret, Subscription, SubscriptionPatch, SubscriptionStatus};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::egress::Rules;
use crate::ops::webhooks::{MintedSecret, Subscribe};
use crate::wire::inbox::dto::given;

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
    consecutive_failures: i64,
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

    /// Shows a secret once.
    pub fn minted(secret: &MintedSecret, now: Time) -> Self {
        Self {
            id: secret.id.clone(),
            created_at: now,
            expires_at: None,
            secret: Some(secret.plaintext.expose_secret().to_owned()),
        }
    }
}

/// How long the old secrets go on signing.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RotationBody {
    /// Hours, 1 to 720; 24 when absent.
    #[schema(nullable = false, minimum = 1, maximum = 720)]
    #[serde(default, deserialize_with = "given")]
    expires_in_hours: Option<u64>,
}

impl RotationBody {
    /// Reads the overlap.
    ///
    /// # Errors
    /// Out of range.
    pub fn checked(self) -> Result<Duration, Problem> {
        let hours = self.expires_in_hours.unwrap_or(SECRET_OVERLAP_HOURS_DEFAULT);
        if (1..=SECRET_OVERLAP_HOURS_MAX).contains(&hours) {
            return Ok(Duration::from_secs(hours * 60 * 60));
        }
        let message = format!("expires_in_hours takes 1 to {SECRET_OVERLAP_HOURS_MAX}.");
        Err(Problem::of(Code::InvalidFieldValue, "expires_in_hours", message))
    }
}

impl SubscriptionObject {
    /// Shows a subscription; `initial_secret` only in the answer to its creation.
    pub fn new(subscription: Subscription, initial_secret: Option<String>) -> Self {
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
            initial_secret,
        }
    }
}

/// A subscription to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewSubscriptionBody {
    /// https, at a public address.
    #[schema(required, nullable = false, pattern = "^https://", max_length = 2048)]
    url: Option<String>,
    /// The events to be told of, at least one.
    #[schema(required, nullable = false, min_items = 1)]
    events: Option<Vec<String>>,
    /// What a person calls it.
    #[schema(max_length = 255)]
    description: Option<String>,
}

impl NewSubscriptionBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do.
    pub fn checked(self, rules: &Rules) -> Result<Subscribe, Problem> {
        let missing = |name: &str| Problem::of(Code::MissingRequiredField, name, format!("{name} is required."));
        let url = self.url.ok_or_else(|| missing("url"))?;
        let events = self.events.ok_or_else(|| missing("events"))?;
        let url = target(rules, &url)?;
        self.description.as_deref().map_or(Ok(()), check_description)?;
        Ok(Subscribe { url, events: event_types(&events)?, description: self.description })
    }
}

/// What to change of a subscription. An absent member stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(min_properties = 1)]
pub struct SubscriptionPatchBody {
    /// https, at a public address.
    #[schema(nullable = false, pattern = "^https://", max_length = 2048)]
    #[serde(default, deserialize_with = "given")]
    url: Option<String>,
    /// The events to be told of, at least one.
    #[schema(nullable = false, min_items = 1)]
    #[serde(default, deserialize_with = "given")]
    events: Option<Vec<String>>,
    /// What a person calls it; null clears.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255)]
    description: Patch<String>,
    /// `active` (revives a disabled subscription) or `paused`.
    #[schema(nullable = false, pattern = "^(active|paused)$")]
    #[serde(default, deserialize_with = "given")]
    status: Option<String>,
}

impl SubscriptionPatchBody {
    /// Checks everything that needs no database.
    ///
    /// # Errors
    /// The first member that will not do, or nothing to change.
    pub fn checked(self, rules: &Rules) -> Result<SubscriptionPatch, Problem> {
        if self.url.is_none() && self.events.is_none() && self.description.is_keep() && self.status.is_none() {
            let message = "Give at least one of url, events, description and status.";
            return Err(Problem::new(Code::MissingRequiredField, message));
        }
        let url = self.url.as_deref().map(|url| target(rules, url)).transpose()?;
        let status = match self.status.as_deref() {
            None => None,
            Some("active") => Some(SubscriptionStatus::Active),
            Some("paused") => Some(SubscriptionStatus::Paused),
            Some(_) => return Err(Problem::of(Code::InvalidFieldValue, "status", "status takes active or paused.")),
        };
        Ok(SubscriptionPatch {
            url,
            events: self.events.map(|events| event_types(&events)).transpose()?,
            description: match self.description {
                Patch::Keep => None,
                Patch::Clear => Some(None),
                Patch::Set(text) => Some(Some(check_description(&text).map(|()| text)?)),
            },
            status,
        })
    }
}

/// The address in the form that deliveries are sent to, which is what is stored, shown and limited in length.
fn target(rules: &Rules, url: &str) -> Result<String, Problem> {
    let refused = |why: String| Problem::of(Code::InvalidWebhookUrl, "url", why);
    let checked = rules.check_url(url).map_err(|bad| refused(format!("url will not do: {bad}.")))?;
    if checked.as_str().len() as u64 > WEBHOOK_URL_BYTES_MAX {
        return Err(refused(format!("url takes at most {WEBHOOK_URL_BYTES_MAX} bytes, with what has to be escaped.")));
    }
    Ok(checked.into())
}

fn check_description(text: &str) -> Result<(), Problem> {
    if fits(text, DESCRIPTION_CHARS_MAX) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Problem::of(
        Code::InvalidFieldValue,
        "description",
        format!("description takes at most {DESCRIPTION_CHARS_MAX} characters, none of them control characters."),
    ))
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
