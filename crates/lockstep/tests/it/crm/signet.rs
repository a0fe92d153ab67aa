//! Signet, an app that has documents signed, its back end and the browsers of its users, before a whole Lockstep and a
//! whole HubSpot.

use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, SET_COOKIE};
use http::{HeaderMap, Request, StatusCode};
use lockstep::ops;
use lockstep_store::{KeyKind, Org};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::contract::exchange;
use crate::world::{Setup, World, run};

/// Where Signet's pages are.
pub const ORIGIN: &str = "https://signet.example";

/// The app.
pub struct Signet {
    pub world: World,
    basic: String,
    /// What lets a browser act for the context `acme`.
    pub token: String,
}

impl Signet {
    /// An app with one context.
    pub fn new() -> Self {
        Self::in_world(World::new(&Setup::default()))
    }

    pub fn in_world(world: World) -> Self {
        let mut signet = Self { world, basic: String::new(), token: String::new() };
        signet.basic = signet.pair_of(&signet.world.org);
        let settings = json!({
            "name": "Signet", "allowed_origins": [ORIGIN], "data_webhook_url": "https://signet.example/changes",
            "connection_webhooks": [
                { "event_type": "connection.enabled", "url": "https://signet.example/connections" },
                { "event_type": "connection.disabled", "url": "https://signet.example/connections" },
                { "event_type": "connection.errored", "url": "https://signet.example/connections" },
            ],
        });
        let (status, body) = signet.api("PUT", "/api/platform/app", &settings);
        assert_eq!(status, 200, "{body}");
        signet.token = signet.token_of("acme");
        signet
    }

    /// The header of a new key pair of an organization.
    pub fn pair_of(&self, org: &Org) -> String {
        let key = |kind| run(ops::keys::mint(&self.world.app, org, kind, "signet", true, None)).expect("a key");
        let (publishable, secret) = (key(KeyKind::Publishable), key(KeyKind::Secret));
        let pair = format!("{}:{}", publishable.plaintext.expose_secret(), secret.plaintext.expose_secret());
        format!("Basic {}", STANDARD.encode(pair))
    }

    /// What lets the app act here: its keys and the browser's token.
    pub fn secrets(&self) -> Vec<String> {
        let encoded = self.basic.trim_start_matches("Basic ").to_owned();
        let decoded = String::from_utf8(STANDARD.decode(&encoded).expect("base64")).expect("text");
        let secret = decoded.split(':').nth(1).expect("a secret key").to_owned();
        vec![encoded, secret, self.token.clone()]
    }

    /// A fresh token of a context.
    pub fn token_of(&self, context: &str) -> String {
        let (status, body) =
            self.api("POST", "/api/platform/contexts", &json!({ "context": { "external_id": context } }));
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// A request of the back end.
    pub fn api(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.api_with(method, path, body, &[])
    }

    /// The same with headers of its own.
    pub fn api_with(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut all = vec![(AUTHORIZATION.as_str(), self.basic.as_str())];
        all.extend(headers);
        let (status, _, body) = self.send(method, path, body, &all);
        (status.as_u16(), body)
    }

    /// A request of a browser with the context's token.
    pub fn browser(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let bearer = format!("Bearer {}", self.token);
        let path = format!("/api/platform_user{path}");
        let (status, _, body) =
            self.send(method, &path, body, &[(AUTHORIZATION.as_str(), &bearer), ("origin", ORIGIN)]);
        (status.as_u16(), body)
    }

    /// Any request to our surfaces.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Body::from(text)).expect("a request");
        let (parts, bytes) = run(exchange(&self.world.router, request));
        self.keeps_the_vendors_secrets(path, &parts.headers, &bytes);
        let read =
            serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
        (parts.status, parts.headers, read)
    }

    /// No answer holds what lets us act at the CRM.
    pub fn keeps_the_vendors_secrets(&self, path: &str, headers: &HeaderMap, body: &[u8]) {
        let shown = format!("{headers:?}{}", String::from_utf8_lossy(body));
        for secret in self.world.wire.issued().iter().map(String::as_str).chain(["sandbox-secret"]) {
            assert!(!shown.contains(secret), "{path} shows a secret of the CRM");
        }
    }

    /// The user presses a button at the consent page and is sent back to us.
    pub fn consent(&self, authorize_url: &str, button: &str) {
        let (back, cookie) = self.leave(authorize_url, button);
        let (status, ..) = self.send("GET", &back, &Value::Null, &[("cookie", &cookie)]);
        assert_eq!(status, StatusCode::SEE_OTHER);
    }

    /// The user passes our door from a page of the app and presses a button at the consent page. Answers where the
    /// browser is sent and the cookie that it holds for us.
    pub fn leave(&self, authorize_url: &str, button: &str) -> (String, String) {
        let door = authorize_url.strip_prefix("https://lockstep.test").expect("our door");
        let (status, headers, body) = self.send("GET", door, &Value::Null, &[("referer", ORIGIN)]);
        assert_eq!(status, StatusCode::SEE_OTHER, "{body}");
        let cookie = headers[SET_COOKIE].to_str().expect("ASCII").split(';').next().unwrap_or_default().to_owned();
        let (_, query) = headers[LOCATION].to_str().expect("ASCII").split_once('?').expect("a query");
        let pressed = Request::post("/oauth/authorize")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("{query}&decision={button}")))
            .expect("a request");
        let answer = run(self.world.hubspot.router().oneshot(pressed)).expect("an answer");
        let back = answer.headers()[LOCATION].to_str().expect("ASCII");
        (back.strip_prefix("https://lockstep.test").expect("back to us").to_owned(), cookie)
    }

    /// A user connects HubSpot under this id; its objects are fetched.
    pub fn connect(&mut self, id: &str) {
        let (status, body) = self.browser("POST", "/connections/hubspot", &json!({ "id": id }));
        assert_eq!(status, 200, "{body}");
        let authorization = &body["connection"]["authorization"];
        assert_eq!(authorization["status"], "awaiting_callback");
        self.consent(authorization["authorize_url"].as_str().expect("an address"), "allow");
        self.world.pass(Duration::from_secs(1));
        let (status, body) = self.browser("GET", &format!("/connection/{id}"), &Value::Null);
        assert_eq!((status, &body["connection"]["authorization"]["status"]), (200, &json!("active")), "{body}");
    }

    /// The number of a native object.
    pub fn api_object(&self, id: &str, slug: &str) -> i64 {
        let (status, body) = self.browser("GET", &format!("/connection/{id}/api_objects"), &Value::Null);
        assert_eq!(status, 200, "{body}");
        let all = body["api_objects"].as_array().expect("objects");
        all.iter().find(|object| object["slug"] == slug).expect("the object")["id"].as_i64().expect("a number")
    }

    /// A user maps one CRM object.
    pub fn map(&self, id: &str, objects: &Value, native: &str, transformations: &Value, event_actions: &Value) {
        let (status, body) =
            self.browser("POST", &format!("/connection/{id}/crm_setup"), &json!({ "objects": objects }));
        assert_eq!(status, 200, "{body}");
        let defined = &body["objects"];
        let mapping = json!([{
            "crm_object_id": defined[0]["id"], "api_object_id": self.api_object(id, native),
            "transformations": transformations, "event_actions": event_actions,
        }]);
        let saved = json!({ "objects": defined, "mapping": mapping });
        let (status, body) = self.browser("POST", &format!("/connection/{id}/crm_mapping"), &saved);
        assert_eq!(status, 200, "{body}");
    }

    /// Makes a deal in HubSpot by hand.
    pub fn deal(&self, name: &str) -> String {
        let fields = [("dealname", name), ("dealstage", "appointmentscheduled"), ("pipeline", "default")];
        self.world.hubspot.create_of("deals", &fields).expect("a deal")
    }
}

/// A row that passes a value as it is.
pub fn direct(slug: &str, property: &str) -> Value {
    json!({ "name": "direct", "field": { "slug": slug }, "source_pointer": format!("#/properties/{property}") })
}

/// A row that writes a fixed value.
pub fn fixed(value: &str, property: &str) -> Value {
    json!({ "name": "static", "static_value": value, "source_pointer": format!("#/properties/{property}") })
}
