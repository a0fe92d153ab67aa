//! The sandbox's own routes: counters, faults, messages, and whatever customers, people and Meta can do.

use askama::Template;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::hooks::Weather;
use super::{Meta, Say};
use crate::faults::Fault;

/// Bytes of what a customer says, media included.
const SAY_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Messages that the page shows.
const ROWS_SHOWN: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SayBody {
    from: String,
    name: Option<String>,
    to: Option<String>,
    text: Option<String>,
    message: Option<Map<String, Value>>,
    media: Option<MediaBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MediaBody {
    mime_type: String,
    base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscribe {
    url: String,
    verify_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reach {
    customer: String,
    unreachable: bool,
}

pub(super) fn routes() -> Router<Meta> {
    Router::new()
        .route("/", get(page))
        .route("/__calls", get(|State(meta): State<Meta>| async move { Json(meta.calls()) }))
        .route("/__calls/reset", post(|State(meta): State<Meta>| async move { meta.reset_calls() }))
        .route("/__faults", get(list_faults).post(push_fault).delete(clear_faults))
        .route("/__messages", get(|State(meta): State<Meta>| async move { Json(meta.messages()) }))
        .route("/__say", post(say).layer(DefaultBodyLimit::max(SAY_BYTES_MAX)))
        .route("/__subscribe", post(subscribe))
        .route("/__weather", post(weather))
        .route("/__reach", post(reach))
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}

/// Reads the body and does what it says; what it cannot be is told.
fn perform<T: for<'a> Deserialize<'a>>(body: &[u8], act: impl FnOnce(T) -> Result<Value, String>) -> Response {
    match serde_json::from_slice(body).map_err(|error| error.to_string()).and_then(act) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error),
    }
}

async fn list_faults(State(meta): State<Meta>) -> Json<Vec<Fault>> {
    Json(meta.faults().pending())
}

async fn push_fault(State(meta): State<Meta>, body: Bytes) -> Response {
    perform(&body, |fault: Fault| {
        meta.faults().push(fault);
        Ok(json!({}))
    })
}

async fn clear_faults(State(meta): State<Meta>) -> StatusCode {
    meta.faults().clear();
    StatusCode::NO_CONTENT
}

async fn say(State(meta): State<Meta>, body: Bytes) -> Response {
    perform(&body, |said: SayBody| {
        let mut say = match (said.text, said.message) {
            (Some(text), None) => Say::text(&said.from, &text),
            (None, Some(message)) => Say { from: said.from.clone(), name: None, to: None, message, media: None },
            _ => return Err("give text or message".to_owned()),
        };
        (say.name, say.to) = (said.name, said.to);
        if let Some(media) = said.media {
            let bytes = STANDARD.decode(media.base64).map_err(|error| format!("media.base64: {error}"))?;
            say.media = Some((media.mime_type, bytes));
        }
        meta.say(say).map(|id| json!({"id": id}))
    })
}

async fn subscribe(State(meta): State<Meta>, body: Bytes) -> Response {
    perform(&body, |it: Subscribe| {
        meta.subscribe(&it.url, &it.verify_token);
        Ok(json!({}))
    })
}

async fn weather(State(meta): State<Meta>, body: Bytes) -> Response {
    perform(&body, |it: Weather| {
        meta.set_weather(it);
        Ok(json!({}))
    })
}

async fn reach(State(meta): State<Meta>, body: Bytes) -> Response {
    perform(&body, |it: Reach| {
        meta.set_unreachable(&it.customer, it.unreachable);
        Ok(json!({}))
    })
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    total: usize,
    calls: u64,
    webhooks: &'static str,
    rows: Vec<[String; 4]>,
}

async fn page(State(meta): State<Meta>) -> Response {
    let messages = meta.messages();
    let rows = messages.iter().rev().take(ROWS_SHOWN).map(|message| {
        let way = if message.outbound { "to" } else { "from" };
        let kind = message.content["type"].as_str().unwrap_or("text").to_owned();
        let text = message.content["text"]["body"].as_str().unwrap_or_default().to_owned();
        [message.number.clone(), format!("{way} {}", message.customer), kind, text]
    });
    let webhooks = if meta.is_verified() { "webhooks go out" } else { "no webhook address has answered yet" };
    let shown = MessagesPage { total: messages.len(), calls: meta.calls().total, webhooks, rows: rows.collect() };
    match shown.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
