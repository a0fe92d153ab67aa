//! What every test uses: one sandbox under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use lockstep_sandbox::{Dropped, Hubspot, HubspotSettings};
use serde_json::{Value, json};
use tower::ServiceExt;

/// 1 January 2026, in microseconds.
pub const START_US: i64 = 1_767_225_600_000_000;
pub const SECOND_US: i64 = 1_000_000;

pub struct Desk {
    pub hubspot: Hubspot,
    router: Router,
    now_us: Arc<AtomicI64>,
    pub token: String,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
    pub dropped: bool,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut HubspotSettings)) -> Self {
        let now_us = Arc::new(AtomicI64::new(START_US));
        let shown = Arc::clone(&now_us);
        let mut settings =
            HubspotSettings { clock: Arc::new(move || shown.load(Ordering::Relaxed)), ..HubspotSettings::default() };
        change(&mut settings);
        let hubspot = Hubspot::new(settings);
        Self { router: hubspot.router(), hubspot, now_us, token: "pat-test".to_owned() }
    }

    pub fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, "application/json", Body::empty())
    }

    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.send(Method::POST, path, "application/json", Body::from(body.to_string()))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Got {
        self.send(Method::PATCH, path, "application/json", Body::from(body.to_string()))
    }

    pub fn put(&self, path: &str, body: &Value) -> Got {
        self.send(Method::PUT, path, "application/json", Body::from(body.to_string()))
    }

    pub fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, "application/json", Body::empty())
    }

    pub fn form(&self, path: &str, body: &str) -> Got {
        self.send(Method::POST, path, "application/x-www-form-urlencoded", Body::from(body.to_owned()))
    }

    pub fn contact(&self, properties: Value) -> String {
        let got = self.post("/crm/v3/objects/contacts", &json!({"properties": properties}));
        assert_eq!(got.status, 201, "{}", got.text);
        got.json["id"].as_str().expect("an id").to_owned()
    }

    fn send(&self, method: Method, path: &str, kind: &str, body: Body) -> Got {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind)
            .body(body)
            .expect("a request");
        let response = at_once(self.router.clone().oneshot(request)).expect("an answer");
        let (head, body) = response.into_parts();
        let bytes = at_once(to_bytes(body, usize::MAX));
        let dropped = head.extensions.get::<Dropped>().is_some() || bytes.is_err();
        let text = String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Got { status: head.status, headers: head.headers, text, json, dropped }
    }
}

/// Polls by hand and without a runtime: the sandbox must never have to wait.
pub fn at_once<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the sandbox waited for something"),
    }
}
