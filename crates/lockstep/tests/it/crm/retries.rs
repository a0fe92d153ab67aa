//! An app that does not take what it is told is told again.

use std::time::Duration;

use serde_json::{Value, json};

use super::signet::{ORIGIN, Signet, direct};

fn told(signet: &Signet) -> usize {
    let all = signet.world.wire.take_exchanges();
    all.iter().filter(|call| call.uri == "https://signet.example/changes").count()
}

#[test]
fn where_204_is_wanted_another_success_is_tried_again_and_waits_longer_each_time() {
    let mut signet = Signet::new();
    let settings = json!({ "name": "Signet", "allowed_origins": [ORIGIN], "strict_204": true,
        "data_webhook_url": "https://signet.example/changes" });
    assert_eq!(signet.api("PUT", "/api/platform/app", &settings).0, 200);
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } } } });
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &json!([]));
    let deal = signet.deal("One");
    signet.world.pass(Duration::from_secs(120));
    let path = format!("/api/v1/crm/c/objects/document/deals:{deal}/subscriptions");
    assert_eq!(signet.api("POST", &path, &Value::Null).0, 201);
    signet.world.pass(Duration::from_secs(120));
    told(&signet);
    signet.world.hubspot.edit(&deal, &[("dealname", "Two")]).expect("an edit");
    signet.world.pass(Duration::from_secs(120));
    let first = told(&signet);
    signet.world.pass(Duration::from_secs(600));
    let then = told(&signet);
    assert!(first >= 2, "the subscriber answers 200, and 204 is wanted: {first}");
    assert!((1..=5).contains(&then), "each wait is twice the one before: {then}");
}
