//! The sandbox's own routes: counters, faults, messages, and whatever customers, people and Meta can do.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::hooks::Weather;
use super::{Meta, Say};
use crate::desk::{self, Desk, Refused};

/// Messages that the page shows.
const ROWS_SHOWN: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayBody {
    from: String,
    name: Option<String>,
    to: Option<String>,
    text: Option<String>,
    message: Option<Map<String, Value>>,
    media: Option<MediaBody>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MediaBody {
    mime_type: String,
    base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribe {
    url: String,
    verify_token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reach {
    customer: String,
    unreachable: bool,
}

/// What customers, people and Meta can do.
#[derive(Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub(crate) enum Act {
    Say(SayBody),
    Subscribe(Subscribe),
    Weather(Weather),
    Reach(Reach),
}

pub(super) fn routes() -> Router<Meta> {
    desk::routes()
        .route("/", get(page))
        .route("/__messages", get(|State(meta): State<Meta>| async move { Json(meta.messages()) }))
}

impl Desk for Meta {
    type Act = Act;

    const FAULT_TAKEN: StatusCode = StatusCode::OK;

    fn perform(&self, act: Act) -> Result<Value, Refused> {
        match act {
            Act::Say(said) => return Ok(json!({"id": self.say(said.read()?)?})),
            Act::Subscribe(it) => self.subscribe(&it.url, &it.verify_token),
            Act::Weather(weather) => self.set_weather(weather),
            Act::Reach(it) => self.set_unreachable(&it.customer, it.unreachable),
        }
        Ok(json!({}))
    }
}

impl SayBody {
    fn read(self) -> Result<Say, String> {
        let mut say = match (self.text, self.message) {
            (Some(text), None) => Say::text(&self.from, &text),
            (None, Some(message)) => Say { from: self.from, name: None, to: None, message, media: None },
            _ => return Err("give text or message".to_owned()),
        };
        (say.name, say.to) = (self.name, self.to);
        if let Some(media) = self.media {
            let bytes = STANDARD.decode(media.base64).map_err(|error| format!("media.base64: {error}"))?;
            say.media = Some((media.mime_type, bytes));
        }
        Ok(say)
    }
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    total: usize,
    calls: u64,
    webhooks: &'static str,
    rows: Vec<[String; 4]>,
}

async fn page(State(meta): State<Meta>) -> Result<Html<String>, Refused> {
    let messages = meta.messages();
    let rows = messages.iter().rev().take(ROWS_SHOWN).map(|message| {
        let way = if message.outbound { "to" } else { "from" };
        let kind = message.content["type"].as_str().unwrap_or("text").to_owned();
        let text = message.content["text"]["body"].as_str().unwrap_or_default().to_owned();
        [message.number.clone(), format!("{way} {}", message.customer), kind, text]
    });
    let webhooks = if meta.is_verified() { "webhooks go out" } else { "no webhook address has answered yet" };
    let shown = MessagesPage { total: messages.len(), calls: meta.calls().total, webhooks, rows: rows.collect() };
    Ok(Html(shown.render()?))
}
