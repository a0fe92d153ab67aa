//! The way of every call behind the front: read, authenticated, limited, known again by its key, then done under one lock.
//! Source: the pages "Authentication", "Rate limits" and "Idempotency".

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal};
use super::inbox::Inbox;
use super::limits::Told;
use super::settings::Generation;
use super::{Kirim, contacts, hooks};
use crate::desk;
use crate::front::{Front, Fronted, Throttled, pass};
use crate::wire::{Reply, credentials, form_pairs, set_date};

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Characters of an idempotency key.
const KEY_CHARS_MAX: usize = 255;

/// One call, as routes see it.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// The number in the path, in the second generation.
    pub(super) number: Option<String>,
    /// The id in the path; empty where there is none.
    pub(super) id: String,
    query: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    /// A parameter of the query.
    pub(super) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body, which is an object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, "invalid_field_value", format!("No object: {error}"))
        })
    }
}

/// What a route does.
type Work = fn(&mut Inbox, &Call) -> Answer;

/// Kirim's routes of this generation, and the sandbox's own.
pub(super) fn router(kirim: Kirim) -> Router {
    let generation = kirim.with(|inbox| inbox.settings.generation);
    let base = match generation {
        Generation::Flat => "/v1",
        Generation::Scoped => "/v1/{phone_number_id}",
    };
    let (read, write) = (MethodFilter::GET, MethodFilter::POST);
    let lists = gated(read, contacts::list).merge(gated(write, contacts::create));
    let ones = gated(read, contacts::read).merge(gated(MethodFilter::PATCH, contacts::update));
    let mut routes = Router::new()
        .route(&format!("{base}/contacts"), lists)
        .route(&format!("{base}/contacts/{{id}}"), ones)
        .route("/v1/me", gated(read, contacts::me))
        .route("/v1/webhook_subscriptions", gated(write, hooks::create))
        .route("/v1/webhook_subscriptions/{id}", gated(MethodFilter::DELETE, hooks::delete));
    if generation == Generation::Scoped {
        routes = routes.route("/v1/accounts", gated(read, contacts::accounts));
    }
    routes
        .route_layer(from_fn_with_state(kirim.clone(), pass::<Kirim>))
        .route("/v1/health", get(|| async { axum::Json(json!({"status": "ok"})) }))
        .merge(desk::with_records())
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .with_state(kirim)
}

/// What is no route at all is answered without the envelope.
async fn no_route() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "404 Not Found")
}

fn gated(method: MethodFilter, work: Work) -> MethodRouter<Kirim> {
    on(method, move |State(kirim): State<Kirim>, request: Request| async move {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
        let mut parts = head.uri.path().split('/').skip(2);
        let first = parts.next().unwrap_or_default();
        let is_number = !first.is_empty() && first.bytes().all(|it| it.is_ascii_digit());
        // Behind the number is the name of what is asked for, then its id.
        let id = if is_number { parts.nth(1) } else { parts.next() };
        let call = Call {
            number: is_number.then(|| first.to_owned()),
            id: id.unwrap_or_default().to_owned(),
            query: form_pairs(head.uri.query().unwrap_or_default().as_bytes()),
            body,
        };
        kirim.with(|inbox| enter(inbox, &head, &call, work))
    })
}

fn enter(inbox: &mut Inbox, head: &http::request::Parts, call: &Call, work: Work) -> Response {
    if let Err(refusal) = admit(inbox, head, call) {
        return respond(inbox, Err(refusal), None, None);
    }
    let writes = !matches!(head.method, Method::GET | Method::HEAD);
    let told = limited(inbox, writes);
    if told.is_some_and(|told| told.retry_after.is_some()) {
        return respond(inbox, Err(Refusal::rate()), told, None);
    }
    let key = head.headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let Some(key) = key.filter(|_| head.method == Method::POST) else {
        let answer = work(inbox, call);
        return respond(inbox, answer, told, None);
    };
    if key.chars().count() > KEY_CHARS_MAX {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_field_value", "Idempotency-Key is too long");
        return respond(inbox, Err(refusal), told, None);
    }
    let print = format!("{} {} {}", head.method, head.uri.path(), String::from_utf8_lossy(&call.body));
    let (answer, replayed) = match inbox.replays.get(key) {
        Some((known, status, body)) if *known == print => (Ok((*status, body.clone())), true),
        Some(_) => {
            let message = "The key was used for another request";
            (Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reuse", message)), false)
        }
        None => (work(inbox, call), false),
    };
    if let (Ok((status, body)), false) = (&answer, replayed) {
        inbox.replays.insert(key.to_owned(), (print, *status, body.clone()));
    }
    respond(inbox, answer, told, Some(replayed))
}

/// Any key passes until the organization takes all back. An unknown number is not there.
fn admit(inbox: &Inbox, head: &http::request::Parts, call: &Call) -> Result<(), Refusal> {
    match credentials(&head.headers, "bearer").filter(|key| !key.is_empty()) {
        None => return Err(Refusal::key("missing_api_key")),
        Some(key) if inbox.is_revoked || !crate::wire::is_any_token(key) => {
            return Err(Refusal::key("revoked_api_key"));
        }
        Some(_) => {}
    }
    match &call.number {
        Some(number) if inbox.number(number).is_none() => Err(Refusal::not_found()),
        _ => Ok(()),
    }
}

fn limited(inbox: &mut Inbox, writes: bool) -> Option<Told> {
    let now_us = inbox.now_us();
    let (reads_max, writes_max) = (inbox.settings.reads_per_minute, inbox.settings.writes_per_minute);
    inbox.settings.quirks.then(|| match writes {
        true => inbox.writes.take(writes_max, now_us),
        false => inbox.reads.take(reads_max, now_us),
    })
}

impl Fronted for Kirim {
    fn front(&self) -> &Front {
        &self.0.front
    }

    /// A policy is one of Kirim's codes.
    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        self.with(|inbox| {
            let told = (status == 429).then_some(Told { limit: 60, remaining: 0, reset: 0, retry_after: Some(1) });
            let mut response = respond(inbox, Err(Refusal::ordered(status, policy)), told, None);
            response.extensions_mut().remove::<Throttled>();
            response
        })
    }
}

fn respond(inbox: &mut Inbox, answer: Answer, told: Option<Told>, replayed: Option<bool>) -> Response {
    let request = inbox.id("req");
    let (status, body) = match answer {
        Ok((status, mut body)) => {
            body["request_id"] = request.clone().into();
            (status, body)
        }
        Err(refusal) => (refusal.status, refusal.body(&request)),
    };
    let rows = body["data"].as_array().map_or(1, Vec::len);
    let mut response = Reply::json(status, body).rows(rows).response("application/json");
    let mut put = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    };
    put("x-request-id", request);
    if let Some(told) = told {
        put("x-ratelimit-limit", told.limit.to_string());
        put("x-ratelimit-remaining", told.remaining.to_string());
        put("x-ratelimit-reset", told.reset.to_string());
        told.retry_after.iter().for_each(|after| put("retry-after", after.to_string()));
    }
    replayed.iter().for_each(|replayed| put("idempotent-replayed", replayed.to_string()));
    set_date(response.headers_mut(), inbox.clock_us());
    if told.is_some_and(|told| told.retry_after.is_some()) {
        response.extensions_mut().insert(Throttled);
    }
    response
}
