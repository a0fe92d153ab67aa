//! The routes of webhooks v3: where deliveries go and what the app subscribed to.

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::hooks::{Hooks, Subscription, Target, is_event_type};
use super::portal::Portal;
use crate::world::iso;

/// Subscriptions of one app.
const SUBSCRIPTIONS_MAX: usize = 1_000;

impl Hooks {
    pub(super) fn add(&mut self, event_type: &str, property_name: Option<String>, active: bool, now_us: i64) -> u32 {
        self.last_subscription += 1;
        let subscription = Subscription {
            event_type: event_type.to_owned(),
            property_name,
            active,
            created_us: now_us,
            updated_us: now_us,
        };
        self.subscriptions.insert(self.last_subscription, subscription);
        self.last_subscription
    }

    fn show(&self, id: u32) -> Result<Value, Refusal> {
        let it = self.subscriptions.get(&id).ok_or_else(unknown_subscription)?;
        let mut shown = json!({
            "id": id.to_string(),
            "eventType": it.event_type,
            "active": it.active,
            "createdAt": iso(it.created_us),
            "updatedAt": iso(it.updated_us),
        });
        if let Some(name) = &it.property_name {
            shown["propertyName"] = name.clone().into();
        }
        Ok(shown)
    }

    fn activate(&mut self, id: u32, active: bool, now_us: i64) -> Result<Value, Refusal> {
        let subscription = self.subscriptions.get_mut(&id).ok_or_else(unknown_subscription)?;
        (subscription.active, subscription.updated_us) = (active, now_us);
        self.show(id)
    }
}

fn unknown_subscription() -> Refusal {
    Refusal::not_found("Subscription not found")
}

fn own_app(portal: &Portal, call: &Call) -> Result<(), Refusal> {
    if call.param("appId") == portal.settings.app_id.to_string() {
        return Ok(());
    }
    Err(Refusal::not_found("App not found"))
}

fn subscription_id(call: &Call) -> Result<u32, Refusal> {
    call.param("subscriptionId").parse().map_err(|_| unknown_subscription())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetBody {
    target_url: String,
    throttling: Throttling,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Throttling {
    max_concurrent_requests: u32,
}

/// `GET /webhooks/v3/{appId}/settings`
pub(super) fn settings(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let target = portal.hooks.target.as_ref().ok_or_else(|| Refusal::not_found("Webhook settings not found"))?;
    Ok(Reply::ok(json!({
        "targetUrl": target.url,
        "throttling": {"maxConcurrentRequests": target.max_concurrent},
        "createdAt": iso(target.created_us),
        "updatedAt": iso(target.updated_us),
    })))
}

/// `PUT /webhooks/v3/{appId}/settings`
pub(super) fn put_settings(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let body: TargetBody = call.json()?;
    let now_us = portal.now_us();
    let created_us = portal.hooks.target.as_ref().map_or(now_us, |target| target.created_us);
    let max_concurrent = body.throttling.max_concurrent_requests;
    portal.hooks.target = Some(Target { url: body.target_url, max_concurrent, created_us, updated_us: now_us });
    settings(portal, call)
}

/// `DELETE /webhooks/v3/{appId}/settings`
pub(super) fn delete_settings(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    portal.hooks.target = None;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionBody {
    event_type: String,
    property_name: Option<String>,
    #[serde(default)]
    active: bool,
}

/// `POST /webhooks/v3/{appId}/subscriptions`
pub(super) fn create(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let body: SubscriptionBody = call.json()?;
    if !is_event_type(&body.event_type) {
        return Err(Refusal::validation(format!("Invalid event type: {}", body.event_type)));
    }
    if body.event_type.ends_with(".propertyChange") != body.property_name.is_some() {
        return Err(Refusal::validation("propertyName belongs to propertyChange subscriptions, which need one"));
    }
    if portal.hooks.subscriptions.len() == SUBSCRIPTIONS_MAX {
        return Err(Refusal::validation("The app has as many subscriptions as it may have"));
    }
    let now_us = portal.now_us();
    let id = portal.hooks.add(&body.event_type, body.property_name, body.active, now_us);
    Ok(Reply::json(StatusCode::CREATED, portal.hooks.show(id)?))
}

/// `GET /webhooks/v3/{appId}/subscriptions`
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let shown: Result<Vec<Value>, Refusal> =
        portal.hooks.subscriptions.keys().map(|id| portal.hooks.show(*id)).collect();
    Ok(Reply::ok(json!({"results": shown?})))
}

/// `GET /webhooks/v3/{appId}/subscriptions/{subscriptionId}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    Ok(Reply::ok(portal.hooks.show(subscription_id(call)?)?))
}

#[derive(Deserialize)]
struct ActiveBody {
    active: bool,
}

/// `PATCH /webhooks/v3/{appId}/subscriptions/{subscriptionId}`
pub(super) fn patch(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let ActiveBody { active } = call.json()?;
    let now_us = portal.now_us();
    Ok(Reply::ok(portal.hooks.activate(subscription_id(call)?, active, now_us)?))
}

/// `DELETE /webhooks/v3/{appId}/subscriptions/{subscriptionId}`
pub(super) fn delete(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let removed = portal.hooks.subscriptions.remove(&subscription_id(call)?);
    removed.map(|_| Reply::empty(StatusCode::NO_CONTENT)).ok_or_else(unknown_subscription)
}

#[derive(Deserialize)]
struct BatchBody {
    inputs: Vec<BatchRow>,
}

#[derive(Deserialize)]
struct BatchRow {
    id: u32,
    active: bool,
}

/// `POST /webhooks/v3/{appId}/subscriptions/batch/update`
pub(super) fn batch_update(portal: &mut Portal, call: &Call) -> Answer {
    own_app(portal, call)?;
    let BatchBody { inputs } = call.json()?;
    let now_us = portal.now_us();
    let results: Result<Vec<Value>, Refusal> =
        inputs.iter().map(|row| portal.hooks.activate(row.id, row.active, now_us)).collect();
    let at = iso(now_us);
    Ok(Reply::ok(json!({"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results?})))
}
