//! What every test uses: one org under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode};
use lockstep_sandbox::salesforce::Property;
use lockstep_sandbox::{Dropped, Salesforce, SalesforceSettings};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::desk::at_once;
pub use crate::desk::{SECOND_US, START_US};

pub const DATA: &str = "/services/data/v66.0";
pub const KEY: &str = "Lockstep_Id__c";
pub const DAY_US: i64 = 86_400 * SECOND_US;

pub struct Desk {
    pub salesforce: Salesforce,
    router: Router,
    now_us: Arc<AtomicI64>,
    pub token: String,
    /// Sent with every call.
    pub headers: Vec<(&'static str, String)>,
}

pub struct Got {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
    pub dropped: bool,
}

impl Got {
    /// Status and code of a refusal.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json[0]["errorCode"].as_str().unwrap_or_default())
    }

    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("an id in {}", self.text)).to_owned()
    }
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SalesforceSettings)) -> Self {
        let now_us = Arc::new(AtomicI64::new(START_US));
        let shown = Arc::clone(&now_us);
        let mut settings = SalesforceSettings {
            clock: Arc::new(move || shown.load(Ordering::Relaxed)),
            properties: vec![Property::external_id(KEY)],
            ..SalesforceSettings::default()
        };
        change(&mut settings);
        let salesforce = Salesforce::new(settings);
        let router = salesforce.router();
        Self { salesforce, router, now_us, token: "00D!any".to_owned(), headers: Vec::new() }
    }

    pub fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    /// A call beneath `/services/data/v66.0/`.
    pub fn call(&self, method: &str, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(method, &format!("{DATA}/{path}"), "application/json", body)
    }

    pub fn get(&self, path: &str) -> Got {
        self.call("GET", path, &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.call("POST", path, body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Got {
        self.call("PATCH", path, body)
    }

    pub fn delete(&self, path: &str) -> Got {
        self.call("DELETE", path, &Value::Null)
    }

    pub fn query(&self, soql: &str) -> Got {
        self.get(&format!("query?q={}", utf8_percent_encode(soql, NON_ALPHANUMERIC)))
    }

    pub fn search(&self, sosl: &str) -> Got {
        self.get(&format!("search/?q={}", utf8_percent_encode(sosl, NON_ALPHANUMERIC)))
    }

    /// Values of one field of what a query finds.
    pub fn column(&self, soql: &str, field: &str) -> Vec<String> {
        let got = self.query(soql);
        assert_eq!(got.status, 200, "{soql}: {}", got.text);
        let records = got.json["records"].as_array().cloned().unwrap_or_default();
        records.iter().map(|it| it[field].as_str().unwrap_or("null").to_owned()).collect()
    }

    pub fn contact(&self, body: Value) -> String {
        let got = self.post("sobjects/Contact", &body);
        assert_eq!(got.status, 201, "{}", got.text);
        got.id()
    }

    pub fn named(&self, name: &str) -> String {
        self.contact(json!({"LastName": name}))
    }

    pub fn form(&self, path: &str, body: &str) -> Got {
        self.send("POST", path, "application/x-www-form-urlencoded", body.to_owned())
    }

    pub fn send(&self, method: &str, path: &str, kind: &str, body: String) -> Got {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "crm.test")
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", kind);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = at_once(self.router.clone().oneshot(request)).expect("an answer");
        let (head, body) = response.into_parts();
        let bytes = at_once(to_bytes(body, usize::MAX));
        let dropped = head.extensions.get::<Dropped>().is_some() || bytes.is_err();
        let text = String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Got { status: head.status, headers: head.headers, text, json, dropped }
    }
}
