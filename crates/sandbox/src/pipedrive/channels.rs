//! Messaging inbox: channels an app connects and messages it brings in. Only an app's grant may; a personal token is
//! refused. Source: Pipedrive's OpenAPI document of v1.

use std::collections::BTreeMap;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::{Company, USERS};
use super::oauth::Who;

/// Channels of a company at most.
const CHANNELS_MAX: usize = 100;
/// Messages of a company at most.
const MESSAGES_MAX: usize = 100_000;
const PROVIDERS: [&str; 3] = ["facebook", "whatsapp", "other"];
const STATUSES: [&str; 4] = ["sent", "delivered", "read", "failed"];

/// What apps connected and brought in.
#[derive(Debug, Default)]
pub(super) struct Channels {
    by_id: BTreeMap<String, Value>,
    /// By channel and the message's own id: one that comes again takes the place of the first.
    messages: BTreeMap<(String, String), Value>,
}

impl Channels {
    /// Every message, as it came.
    pub(super) fn messages(&self) -> Vec<Value> {
        self.messages.values().cloned().collect()
    }
}

fn refused(status: StatusCode, error: &str, code: &str) -> Refusal {
    let body = json!({"success": false, "error": error, "error_info": "", "additional_data": {"code": code}});
    Refusal::raw(status, body)
}

fn bad(error: &str) -> Refusal {
    refused(StatusCode::BAD_REQUEST, error, "bad_request")
}

fn only_apps(company: &Company, call: &Call) -> Result<(), Refusal> {
    match company.caller(call)? {
        Who::App(_) => Ok(()),
        Who::Personal(_) => Err(refused(StatusCode::FORBIDDEN, "Messengers integration is not enabled", "forbidden")),
    }
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    let found = body.get(name).and_then(Value::as_str).filter(|it| !it.is_empty());
    found.ok_or_else(|| bad(&format!("{name} is required")))
}

fn word(body: &Map<String, Value>, name: &str, known: &[&str]) -> Result<(), Refusal> {
    let found = body.get(name).is_none_or(|it| it.as_str().is_some_and(|it| known.contains(&it)));
    found.then_some(()).ok_or_else(|| bad(&format!("{name} must be one of {}", known.join(", "))))
}

/// `POST /v1/channels`
pub(super) fn create(company: &mut Company, call: &Call) -> Answer {
    only_apps(company, call)?;
    let body = call.object()?;
    word(&body, "provider_type", &PROVIDERS)?;
    let (name, provider_channel_id) = (text(&body, "name")?, text(&body, "provider_channel_id")?);
    if company.channels.by_id.len() >= CHANNELS_MAX {
        return Err(bad("there are too many channels"));
    }
    let at = Timestamp::from_microsecond(company.stamp_us()).map_or_else(|_| String::new(), |at| format!("{at:.3}"));
    let id = company.rng.uuid();
    let channel = json!({
        "id": id,
        "name": name,
        "avatar_url": body.get("avatar_url"),
        "provider_channel_id": provider_channel_id,
        "marketplace_client_id": company.settings.client_id,
        "pd_company_id": company.settings.company_id,
        "pd_user_id": USERS[0].id,
        "created_at": at,
        "provider_type": body.get("provider_type").cloned().unwrap_or_else(|| "other".into()),
        "template_support": body.get("template_support") == Some(&Value::Bool(true)),
    });
    company.channels.by_id.insert(id, channel.clone());
    Ok(Reply::data(channel))
}

/// `DELETE /v1/channels/{id}`: its messages go too.
pub(super) fn delete(company: &mut Company, call: &Call) -> Answer {
    only_apps(company, call)?;
    let id = call.param("id");
    company.channels.by_id.remove(id).ok_or_else(|| bad("channel does not exist"))?;
    company.channels.messages.retain(|(channel, _), _| channel != id);
    Ok(Reply::json(StatusCode::OK, json!({"success": true})))
}

/// `POST /v1/channels/messages/receive`
pub(super) fn receive(company: &mut Company, call: &Call) -> Answer {
    only_apps(company, call)?;
    let body = call.object()?;
    for name in ["sender_id", "conversation_id", "message", "status", "created_at"] {
        text(&body, name)?;
    }
    word(&body, "status", &STATUSES)?;
    let (channel, id) = (text(&body, "channel_id")?, text(&body, "id")?);
    if !company.channels.by_id.contains_key(channel) {
        return Err(bad("channel does not exist"));
    }
    if company.channels.messages.len() >= MESSAGES_MAX {
        return Err(bad("there are too many messages"));
    }
    let message = Value::from(body.clone());
    company.channels.messages.insert((channel.to_owned(), id.to_owned()), message.clone());
    Ok(Reply::data(message))
}
