//! What every test uses: one way to call under a clock that stands until it is moved, and a HubSpot to call.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use lockstep_sandbox::{Clock, Delayed, Dropped, Hubspot, HubspotSettings};
use serde_json::{Value, json};
use tower::ServiceExt;

/// 1 January 2026, in microseconds.
pub const START_US: i64 = 1_767_225_600_000_000;
pub const SECOND_US: i64 = 1_000_000;

/// An answer as a caller has it.
pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
    pub dropped: bool,
    /// How late it came.
    pub delayed_us: i64,
}

impl Got {
    /// Status and code of a refusal: Odoo's exception, Salesforce's error code.
    pub fn refusal(&self) -> (u16, &str) {
        let code = self.json["name"].as_str().or(self.json[0]["errorCode"].as_str());
        (self.status.as_u16(), code.unwrap_or_default())
    }
}

/// A clock that shows what is in the other hand.
pub fn clock() -> (Arc<AtomicI64>, Clock) {
    let now_us = Arc::new(AtomicI64::new(START_US));
    let shown = Arc::clone(&now_us);
    (now_us, Arc::new(move || shown.load(Ordering::Relaxed)))
}

/// One call, in memory.
pub fn ask(router: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Got {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let request = request.body(body.into()).expect("a request");
    let response = at_once(router.clone().oneshot(request)).expect("an answer");
    let (head, body) = response.into_parts();
    let bytes = at_once(to_bytes(body, usize::MAX));
    let dropped = head.extensions.get::<Dropped>().is_some() || bytes.is_err();
    let delayed_us = head.extensions.get::<Delayed>().map_or(0, |delayed| delayed.0);
    let text = String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Got { status: head.status, headers: head.headers, text, json, dropped, delayed_us }
}

pub struct Desk {
    pub hubspot: Hubspot,
    router: Router,
    now_us: Arc<AtomicI64>,
    pub token: String,
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut HubspotSettings)) -> Self {
        let (now_us, clock) = clock();
        let mut settings = HubspotSettings { clock, ..HubspotSettings::default() };
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
        let bearer = format!("Bearer {}", self.token);
        ask(&self.router, method, path, &[("authorization", &bearer), ("content-type", kind)], body)
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
