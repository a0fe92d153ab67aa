//! What every test uses: one sandbox under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::Body;
use http::Method;
use lockstep_sandbox::{Pipedrive, PipedriveSettings};
use serde_json::{Value, json};

pub use crate::desk::{Got, SECOND_US, START_US};
use crate::desk::{ask, clock};

pub const PERSONS: &str = "/api/v2/persons";
pub const DAY_US: i64 = 86_400 * SECOND_US;

pub struct Desk {
    pub pipedrive: Pipedrive,
    router: Router,
    now_us: Arc<AtomicI64>,
    /// Name and value of the header that carries the token.
    pub token: (&'static str, String),
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut PipedriveSettings)) -> Self {
        let (now_us, clock) = clock();
        let mut settings = PipedriveSettings { clock, ..PipedriveSettings::default() };
        change(&mut settings);
        let pipedrive = Pipedrive::new(settings);
        Self { router: pipedrive.router(), pipedrive, now_us, token: ("x-api-token", "anyone".to_owned()) }
    }

    /// Without limiters and index lag.
    pub fn calm() -> Self {
        Self::with(|settings| settings.quirks = false)
    }

    pub fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
    }

    pub fn bearer(&mut self, token: &str) {
        self.token = ("authorization", format!("Bearer {token}"));
    }

    pub fn get(&self, path: &str) -> Got {
        self.send(Method::GET, path, &Value::Null)
    }

    pub fn post(&self, path: &str, body: &Value) -> Got {
        self.send(Method::POST, path, body)
    }

    pub fn patch(&self, path: &str, body: &Value) -> Got {
        self.send(Method::PATCH, path, body)
    }

    pub fn put(&self, path: &str, body: &Value) -> Got {
        self.send(Method::PUT, path, body)
    }

    pub fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, &Value::Null)
    }

    pub fn send(&self, method: Method, path: &str, body: &Value) -> Got {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.ask(method, path, &[(self.token.0, &self.token.1), ("content-type", "application/json")], body)
    }

    pub fn form(&self, path: &str, basic: &str, body: &str) -> Got {
        let headers = [("authorization", basic), ("content-type", "application/x-www-form-urlencoded")];
        self.ask(Method::POST, path, &headers, Body::from(body.to_owned()))
    }

    pub fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Body) -> Got {
        let headers = [&[("host", "127.0.0.1:8923")], headers].concat();
        let got = ask(&self.router, method, path, &headers, body);
        self.pass(got.delayed_us);
        got
    }

    /// A person made through the API, by id.
    pub fn person(&self, members: Value) -> u64 {
        self.made(PERSONS, members)
    }

    pub fn made(&self, path: &str, members: Value) -> u64 {
        let got = self.post(path, &members);
        assert_eq!(got.status, 201, "{}", got.text);
        got.json["data"]["id"].as_u64().expect("an id")
    }

    /// A field of persons, by code.
    pub fn field(&self, name: &str, field_type: &str, labels: &[&str]) -> String {
        let options: Vec<Value> = labels.iter().map(|label| json!({"label": label})).collect();
        let mut draft = json!({"field_name": name, "field_type": field_type});
        if !options.is_empty() {
            draft["options"] = options.into();
        }
        let got = self.post("/api/v2/personFields", &draft);
        assert_eq!(got.status, 200, "{}", got.text);
        got.json["data"]["field_code"].as_str().expect("a code").to_owned()
    }
}

/// The ids of a page's rows.
pub fn ids(got: &Got) -> Vec<u64> {
    let rows = got.json["data"]["items"].as_array().or(got.json["data"].as_array());
    let rows = rows.unwrap_or_else(|| panic!("{} {}", got.status, got.text));
    rows.iter().filter_map(|row| row["item"]["id"].as_u64().or(row["id"].as_u64())).collect()
}

/// Asserts that a request did not fit the schema, and that the answer names this.
pub fn assert_invalid(got: &Got, names: &str) {
    assert_eq!(got.status, 400, "{}", got.text);
    assert_eq!(got.json["code"], "ERR_SCHEMA_VALIDATION_FAILED");
    let error = got.json["error"].as_str().expect("an error");
    assert!(error.contains(names), "{error}");
}
