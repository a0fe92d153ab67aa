//! What every test uses: one org under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use http::Method;
use lockstep_sandbox::salesforce::Property;
use lockstep_sandbox::{Salesforce, SalesforceSettings};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

pub use crate::desk::{Got, SECOND_US};
use crate::desk::{ask, clock};

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

impl Got {
    pub fn id(&self) -> String {
        self.json["id"].as_str().unwrap_or_else(|| panic!("an id in {}", self.text)).to_owned()
    }
}

impl Desk {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SalesforceSettings)) -> Self {
        let (now_us, clock) = clock();
        let mut settings =
            SalesforceSettings { clock, properties: vec![Property::external_id(KEY)], ..SalesforceSettings::default() };
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
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("host", "crm.test"), ("authorization", &*bearer), ("content-type", kind)];
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.as_str())));
        ask(&self.router, method, path, &headers, body)
    }
}
