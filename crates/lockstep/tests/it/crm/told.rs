//! What an app is told: changes of the records that it subscribed to, and of connections.

use std::time::Duration;

use serde_json::{Value, json};

use super::signet::{Signet, direct};

fn ready() -> Signet {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": {
        "find": { "type": "search", "payloadSchema": { "title": { "type": "string" } } },
    } } });
    let filter = json!({ "name": "direct", "field": { "slug": "title" }, "source_pointer": "#/properties/dealname", "criteria_operator": "eq" });
    let find = json!([{ "event": { "slug": "find" }, "action_type": "search", "transformations": [filter] }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &find);
    signet
}

/// What Signet was told at an address since the last call.
fn told(signet: &Signet, path: &str) -> Vec<Value> {
    let all = signet.world.wire.take_exchanges();
    let to = |uri: &str| uri == format!("https://signet.example{path}");
    all.iter().filter(|call| to(&call.uri)).map(|call| serde_json::from_slice(&call.request).expect("JSON")).collect()
}

#[test]
fn a_subscribed_record_is_told_with_its_latest_version_and_its_end() {
    let mut signet = ready();
    let (watched, other) = (signet.deal("Watched"), signet.deal("Other"));
    signet.world.pass(Duration::from_secs(120));
    let path = format!("/api/v1/crm/c/objects/document/deals:{watched}/subscriptions");
    let (status, body) = signet.api("POST", &path, &Value::Null);
    assert_eq!(status, 201, "{body}");
    assert_eq!(signet.api("POST", &path, &Value::Null).1, body, "the same wish is the same subscription");
    signet.world.pass(Duration::from_secs(120));
    assert!(told(&signet, "/changes").is_empty(), "nothing has changed");
    let edit = |signet: &Signet, id: &str, name: &str| {
        signet.world.hubspot.edit(id, &[("dealname", name)]).expect("an edit");
    };
    edit(&signet, &watched, "First");
    edit(&signet, &other, "Unwanted");
    edit(&signet, &watched, "Second");
    signet.world.pass(Duration::from_secs(150));
    let subscription = body["subscription"]["id"].clone();
    let expected = json!({ "event_type": "record.changed", "payload": {
        "connection": { "external_id": "c" }, "context": { "external_id": "acme" }, "subscription": { "id": subscription },
        "record": { "type": "document", "id": format!("deals:{watched}"), "data": { "title": "Second" } },
    } });
    assert_eq!(told(&signet, "/changes"), [expected]);
    signet.world.hubspot.archive(&watched).expect("a delete");
    signet.world.pass(Duration::from_secs(150));
    let gone = told(&signet, "/changes");
    assert_eq!((gone.len(), &gone[0]["event_type"]), (1, &json!("record.deleted")), "{gone:?}");
    signet.world.pass(Duration::from_secs(150));
    assert!(told(&signet, "/changes").is_empty(), "told once");
}

#[test]
fn a_record_that_begins_to_match_a_search_is_told() {
    let mut signet = ready();
    let deal = signet.deal("Draft");
    let path = "/api/v1/crm/c/objects/document/events/find/subscriptions";
    let (status, body) = signet.api("POST", path, &json!({ "payload": { "title": "Signed" } }));
    assert_eq!(status, 201, "{body}");
    signet.world.pass(Duration::from_secs(120));
    signet.world.hubspot.edit(&deal, &[("dealname", "Signed")]).expect("an edit");
    signet.world.pass(Duration::from_secs(150));
    let changes = told(&signet, "/changes");
    assert_eq!(
        (changes.len(), &changes[0]["payload"]["record"]["data"]["title"]),
        (1, &json!("Signed")),
        "{changes:?}"
    );
    let id = body["subscription"]["id"].as_str().expect("an id");
    let (status, _) = signet.api("DELETE", &format!("/api/v1/crm/c/subscriptions/{id}"), &Value::Null);
    assert_eq!(status, 204);
    signet.world.hubspot.edit(&deal, &[("amount", "5")]).expect("an edit");
    signet.world.pass(Duration::from_secs(150));
    assert!(told(&signet, "/changes").is_empty(), "nobody wants to know any more");
}

#[test]
fn connections_are_told_as_they_come_break_and_go() {
    let mut signet = ready();
    let of = |kind: &str| {
        json!({ "event_type": kind, "payload": {
        "connector": { "slug": "hubspot" }, "context": { "external_id": "acme" }, "connection": { "external_id": "c" } } })
    };
    assert_eq!(told(&signet, "/connections"), [of("connection.enabled")]);
    signet.world.hubspot.revoke();
    signet.world.hubspot.expire_tokens();
    let (status, _) = signet.api("GET", "/api/v1/crm/c/objects/document/deals:1", &Value::Null);
    assert_eq!(status, 409);
    signet.world.pass(Duration::from_secs(5));
    assert_eq!(told(&signet, "/connections"), [of("connection.errored")]);
    let (status, _) = signet.api("DELETE", "/api/v1/crm/connections/c", &Value::Null);
    assert_eq!(status, 204);
    signet.world.pass(Duration::from_secs(5));
    assert_eq!(told(&signet, "/connections"), [of("connection.disabled")]);
}
