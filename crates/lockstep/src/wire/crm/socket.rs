//! The stock browser client's socket: Phoenix channels, version 2, as far as it speaks them (xkit reference, section
//! 4.4). It joins one authorisation and is told as that one moves on; nothing else can be asked for.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use lockstep_store::AuthorizationStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::{Asked, CrmRefusal};
use crate::app::App;
use crate::ops::crm::connections;
use crate::ops::crm::tokens::{self, Kind, Visitor};

/// Bytes of one frame; the client's are far smaller.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// How often an authorisation is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How long a socket may stay; an authorisation is good for a quarter of an hour.
const LOOKS_MAX: u32 = 2 * 60 * 20;
/// What the topic of an authorisation begins with.
const TOPIC: &str = "authorization_status:";

/// The address that the client connects to.
pub fn routes() -> Router<App> {
    Router::new().route("/socket/websocket", get(connect))
}

#[derive(Deserialize)]
struct Asks {
    token: String,
}

async fn connect(
    State(app): State<App>,
    Asked(Asks { token }): Asked<Asks>,
    socket: WebSocketUpgrade,
) -> Result<Response, CrmRefusal> {
    let visitor = tokens::visitor(&app, &token, Kind::Bearer).await?;
    let upgraded = socket.max_message_size(FRAME_BYTES_MAX).on_upgrade(move |socket| serve(app, visitor, socket));
    Ok(upgraded.into_response())
}

/// A frame: `[join_ref, ref, topic, event, payload]`.
type Frame = (Value, Value, String, String, Value);

/// What the client listens to.
struct Joined {
    reference: Value,
    topic: String,
    id: String,
    told: AuthorizationStatus,
}

async fn serve(app: App, visitor: Visitor, mut socket: WebSocket) {
    let mut joined: Option<Joined> = None;
    for _ in 0..LOOKS_MAX {
        tokio::select! {
            message = socket.recv() => {
                let Some(Ok(message)) = message else { return };
                let Message::Text(text) = message else { continue };
                let Ok(frame) = serde_json::from_str::<Frame>(&text) else { return };
                let answer = hear(&app, &visitor, frame, &mut joined).await;
                if socket.send(Message::text(answer.to_string())).await.is_err() {
                    return;
                }
            }
            () = pause() => {
                let Some(of) = &mut joined else { continue };
                let Ok(now) = connections::authorization(&app, &visitor.context, &of.id).await else { continue };
                if now.status == of.told {
                    continue;
                }
                of.told = now.status;
                let update = json!([of.reference, null, of.topic, "status_update", { "status": now.status }]);
                if socket.send(Message::text(update.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a socket waits beside its client, not for the clock of the work")]
async fn pause() {
    tokio::time::sleep(LOOK).await;
}

async fn hear(app: &App, visitor: &Visitor, frame: Frame, joined: &mut Option<Joined>) -> Value {
    let (join_ref, reference, topic, event, _) = frame;
    let reply = |status: &str, response: Value| json!([join_ref, reference, topic, "phx_reply", { "status": status, "response": response }]);
    match (event.as_str(), topic.strip_prefix(TOPIC)) {
        ("heartbeat", _) if topic == "phoenix" => reply("ok", json!({})),
        ("phx_leave", Some(_)) => {
            *joined = None;
            reply("ok", json!({}))
        }
        ("phx_join", Some(id)) => match connections::authorization(app, &visitor.context, id).await {
            Ok(found) => {
                let (id, told) = (id.to_owned(), found.status);
                *joined = Some(Joined { reference: join_ref.clone(), topic: topic.clone(), id, told });
                reply("ok", json!({ "status": told }))
            }
            Err(problem) => reply("error", json!({ "reason": problem.message })),
        },
        _ => reply("error", json!({ "reason": "unmatched topic" })),
    }
}
