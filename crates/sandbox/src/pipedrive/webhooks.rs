//! Webhooks as an app makes, lists and removes them, in v1. Source: Pipedrive's OpenAPI document of v1.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, USERS};
use super::hooks::Subscription;
use super::oauth::Who;

/// Webhooks of one user at most.
const WEBHOOKS_MAX: usize = 40;
const ACTIONS: [&str; 4] = ["create", "change", "delete", "*"];
const OBJECTS: [&str; 11] =
    ["activity", "deal", "lead", "note", "organization", "person", "pipeline", "product", "stage", "user", "*"];

fn refused(status: StatusCode, member: &str, reason: &str) -> Refusal {
    Refusal::raw(status, json!({"status": "error", "success": false, "errors": {member: [reason]}}))
}

fn time(us: i64) -> Value {
    Timestamp::from_microsecond(us).map_or(Value::Null, |at| format!("{at:.3}").into())
}

fn view(company: &Company, webhook: &Subscription) -> Value {
    json!({
        "id": webhook.id,
        "company_id": company.settings.company_id,
        "owner_id": USERS[0].id,
        "user_id": webhook.user_id,
        "event_action": webhook.action,
        "event_object": webhook.object,
        "subscription_url": webhook.url,
        "version": "2.0",
        "is_active": 1,
        "add_time": time(webhook.add_us),
        "remove_time": null,
        "type": if webhook.is_app { "application" } else { "general" },
        "http_auth_user": webhook.user,
        "http_auth_password": webhook.password,
        "remove_reason": null,
        "last_delivery_time": webhook.last_delivery_us.map(time),
        "last_http_status": webhook.last_status,
        "admin_id": USERS[0].id,
        "name": webhook.name,
    })
}

/// `GET /v1/webhooks`
pub(super) fn list(company: &mut Company, _: &Call) -> Answer {
    let rows: Vec<Value> = company.hooks.subscriptions.values().map(|it| view(company, it)).collect();
    Ok(Reply::json(StatusCode::OK, json!({"status": "ok", "success": true, "data": rows})))
}

/// `POST /v1/webhooks`: only those of version 2.0 are told anything here.
pub(super) fn create(company: &mut Company, call: &Call) -> Answer {
    let body = call.object()?;
    let bad = |member: &str, reason: &str| refused(StatusCode::BAD_REQUEST, member, reason);
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let url = text("subscription_url").filter(|it| it.starts_with("http://") || it.starts_with("https://"));
    let url = url.ok_or_else(|| bad("subscription_url", "invalid or non-reachable URL"))?;
    let action = text("event_action").filter(|it| ACTIONS.contains(it));
    let action = action.ok_or_else(|| bad("event_action", "invalid value"))?;
    let object = text("event_object").filter(|it| OBJECTS.contains(it));
    let object = object.ok_or_else(|| bad("event_object", "invalid value"))?;
    let name = text("name").filter(|it| !it.is_empty() && it.chars().count() <= 255);
    let name = name.ok_or_else(|| bad("name", "must be a string of at most 255 characters"))?;
    if text("version").is_some_and(|it| it != "2.0") {
        return Err(bad("version", "only 2.0 is supported"));
    }
    if company.hooks.subscriptions.len() >= WEBHOOKS_MAX {
        return Err(bad("user_id", "the limit of 40 webhooks per user has been reached"));
    }
    let mut webhook = Subscription::new(url, action, object, name, company.now_us());
    webhook.user = text("http_auth_user").map(str::to_owned);
    webhook.password = text("http_auth_password").map(str::to_owned);
    webhook.is_app = matches!(company.caller(call)?, Who::App(_));
    if let Some(user) = body.get("user_id").and_then(Value::as_u64) {
        let found = USERS.iter().find(|it| u64::from(it.id) == user);
        webhook.user_id = found.ok_or_else(|| bad("user_id", "not found"))?.id;
    }
    let id = company.hooks.add(webhook);
    let data = company.hooks.subscriptions.get(&id).map(|it| view(company, it));
    Ok(Reply::json(StatusCode::CREATED, json!({"status": "ok", "success": true, "data": data})))
}

/// `DELETE /v1/webhooks/{id}`
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    if !company.hooks.subscriptions.contains_key(&id) {
        return Err(refused(StatusCode::NOT_FOUND, "id", "not found"));
    }
    company.hooks.remove(id);
    Ok(Reply::json(StatusCode::OK, json!({"status": "ok", "success": true})))
}
