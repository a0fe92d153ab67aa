//! What every test uses: one workspace under a clock that stands until it is moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use http::Method;
use lockstep_sandbox::{Notion, NotionSettings};
use serde_json::{Value, json};

pub use crate::desk::Got;
use crate::desk::{ask, clock};

pub struct Desk {
    pub notion: Notion,
    router: Router,
    now_us: Arc<AtomicI64>,
    pub token: String,
    pub version: &'static str,
    /// The data source of contacts.
    pub contacts: String,
}

impl Got {
    /// The code in Notion's error envelope.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    pub fn message(&self) -> &str {
        self.json["message"].as_str().unwrap_or_default()
    }

    pub fn results(&self) -> &[Value] {
        self.json["results"].as_array().map_or(&[], Vec::as_slice)
    }
}

impl Desk {
    /// Without a limiter, a lag, bundles and disorder.
    pub fn new() -> Self {
        Self::with(|settings| settings.quirks = false)
    }

    pub fn with(change: impl FnOnce(&mut NotionSettings)) -> Self {
        let (now_us, clock) = clock();
        let mut settings = NotionSettings { clock, ..NotionSettings::default() };
        change(&mut settings);
        let notion = Notion::new(settings);
        let contacts = notion.data_source_id("Contacts").expect("it is there from the start");
        let (router, token) = (notion.router(), "secret-test".to_owned());
        Self { notion, router, now_us, token, version: "2025-09-03", contacts }
    }

    pub fn pass(&self, us: i64) {
        self.now_us.fetch_add(us, Ordering::Relaxed);
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

    pub fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, path, &Value::Null)
    }

    pub fn send(&self, method: Method, path: &str, body: &Value) -> Got {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("notion-version", self.version)];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.ask(method, path, &headers, body)
    }

    pub fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: String) -> Got {
        let headers = [&[("host", "sandbox.test")], headers].concat();
        ask(&self.router, method, path, &headers, body)
    }

    /// Makes a contact as the API does it.
    pub fn make(&self, properties: &Value) -> Got {
        let parent = json!({"type": "data_source_id", "data_source_id": self.contacts});
        self.post("/v1/pages", &json!({"parent": parent, "properties": properties}))
    }

    /// Makes a contact with a name and an e-mail address; answers its id.
    pub fn contact(&self, name: &str, email: &str) -> String {
        let title = json!({"title": [{"text": {"content": name}}]});
        let got = self.make(&json!({"Name": title, "Email": {"email": email}}));
        assert_eq!(got.status, 200, "{}", got.text);
        got.json["id"].as_str().expect("an id").to_owned()
    }

    pub fn write(&self, id: &str, properties: &Value) -> Got {
        self.patch(&format!("/v1/pages/{id}"), &json!({"properties": properties}))
    }

    pub fn page(&self, id: &str) -> Value {
        let got = self.get(&format!("/v1/pages/{id}"));
        assert_eq!(got.status, 200, "{}", got.text);
        got.json
    }

    pub fn query(&self, body: &Value) -> Got {
        self.post(&format!("/v1/data_sources/{}/query", self.contacts), body)
    }

    /// Ids of the contacts that a filter finds.
    pub fn find(&self, filter: &Value) -> Vec<String> {
        let got = self.query(&json!({"filter": filter}));
        assert_eq!(got.status, 200, "{}", got.text);
        got.results().iter().filter_map(|it| it["id"].as_str().map(str::to_owned)).collect()
    }
}
