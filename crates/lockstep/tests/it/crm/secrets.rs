//! What is written to the log, at its most talkative, while an app and its user do all that they do.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tracing::Level;

use super::signet::{Signet, direct, fixed};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_that_lets_anybody_act_is_logged() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With a single subscriber, whether a line is wanted is asked of the thread that writes it first, and remembered for
    // all: a test beside this one would switch it off. With two, both are asked.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_max_level(Level::TRACE).finish());
    tracing::callsite::rebuild_interest_cache();

    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": { "made": {
        "type": "create", "payloadSchema": { "title": { "type": "string" }, "stage": { "type": "string" } } } } } });
    let made = json!([{ "event": { "slug": "made" }, "action_type": "create", "transformations": [
        direct("title", "dealname"), direct("stage", "dealstage"), fixed("default", "pipeline")] }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &made);
    let path = "/api/v1/crm/c/objects/document/events/made";
    for (stage, status) in [("appointmentscheduled", 200), ("no_such_stage", 502)] {
        let payload = json!({ "payload": { "title": "Confidential", "stage": stage } });
        assert_eq!(signet.api("POST", path, &payload).0, status);
    }
    signet.world.hubspot.expire_tokens();
    assert_eq!(signet.api("GET", "/api/v1/crm/c/objects/document", &Value::Null).0, 200, "the grant is renewed");
    assert_eq!(signet.api("PUT", "/api/platform/app", &json!({ "name": 7 })).0, 400);
    signet.world.pass(Duration::from_secs(60));

    let mut secrets = signet.secrets();
    for call in signet.world.wire.take_exchanges().iter().filter(|call| call.uri.ends_with("/oauth/v1/token")) {
        let issued: Value = serde_json::from_slice(&call.answer).expect("JSON");
        secrets.extend(
            ["access_token", "refresh_token"].iter().filter_map(|name| issued[*name].as_str()).map(str::to_owned),
        );
    }
    assert!(secrets.len() >= 6, "both grants were issued");
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(logged.contains("request"), "something was logged");
    for secret in secrets.iter().map(String::as_str).chain(["sandbox-secret", "Confidential"]) {
        assert!(!logged.contains(secret), "{secret} was logged");
    }
}
