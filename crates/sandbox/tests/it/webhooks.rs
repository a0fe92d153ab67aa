use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use lockstep_sandbox::hubspot::HookDelivery;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::desk::{Desk, SECOND_US, START_US};

const URL: &str = "https://hub.example.com/hooks/hubspot?c=1%2C2";

fn events(delivery: &HookDelivery) -> Vec<Value> {
    serde_json::from_slice(&delivery.body).expect("an array")
}

fn header<'a>(delivery: &'a HookDelivery, name: &str) -> &'a str {
    let (_, value) = delivery.headers.iter().find(|(key, _)| key == name).expect("the header");
    value
}

#[test]
fn events_come_signed_in_arrays_of_a_hundred() {
    let desk = Desk::new();
    desk.hubspot.subscribe(URL, &["email"]);
    for i in 0..60 {
        desk.hubspot.create(&[("email", &format!("p{i}@example.com"))]).expect("free");
    }
    let deliveries = desk.hubspot.take_hooks();
    assert_eq!(deliveries.iter().map(|it| events(it).len()).collect::<Vec<_>>(), [100, 20]);
    assert!(desk.hubspot.take_hooks().is_empty());
    let first = &deliveries[0];
    let timestamp = header(first, "x-hubspot-request-timestamp");
    assert_eq!(timestamp, (START_US / 1_000).to_string());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"sandbox-secret").expect("any key");
    mac.update(b"POSThttps://hub.example.com/hooks/hubspot?c=1,2");
    mac.update(&first.body);
    mac.update(timestamp.as_bytes());
    assert_eq!(header(first, "x-hubspot-signature-v3"), STANDARD.encode(mac.finalize().into_bytes()));
    let events = events(first);
    assert_eq!(events[0]["subscriptionType"], "contact.creation");
    assert_eq!(events[0]["changeSource"], "CRM_UI");
    assert_eq!((&events[1]["propertyName"], &events[1]["propertyValue"]), (&json!("email"), &json!("p0@example.com")));
    assert_eq!(events[1]["attemptNumber"], 0);
}

#[test]
fn only_subscribed_and_real_changes_are_told() {
    let desk = Desk::new();
    desk.hubspot.subscribe(URL, &["firstname"]);
    let id = desk.contact(json!({"firstname": "Ada", "lastname": "L"}));
    drop(desk.hubspot.take_hooks());
    let path = format!("/crm/v3/objects/contacts/{id}");
    desk.patch(&path, &json!({"properties": {"firstname": "Ada", "lastname": "M"}}));
    assert!(desk.hubspot.take_hooks().is_empty());
    desk.patch(&path, &json!({"properties": {"firstname": ""}}));
    let deliveries = desk.hubspot.take_hooks();
    let event = &events(&deliveries[0])[0];
    assert_eq!((&event["propertyValue"], &event["changeSource"]), (&json!(""), &json!("INTEGRATION")));
}

#[test]
fn merges_deletions_and_restores_are_told() {
    let desk = Desk::new();
    let a = desk.contact(json!({"email": "a@example.com"}));
    let b = desk.contact(json!({"email": "b@example.com"}));
    desk.hubspot.subscribe(URL, &[]);
    let c = desk.hubspot.merge(&a, &b).expect("both are there");
    desk.hubspot.archive(&c).expect("it is there");
    desk.hubspot.restore(&c).expect("it lies in the bin");
    desk.hubspot.gdpr_delete(&c).expect("it is there");
    let told = events(&desk.hubspot.take_hooks()[0]);
    let types: Vec<&str> = told.iter().filter_map(|it| it["subscriptionType"].as_str()).collect();
    assert_eq!(types, ["contact.merge", "contact.deletion", "contact.restore", "contact.privacyDeletion"]);
    assert_eq!(told[0]["newObjectId"].to_string(), c);
    assert_eq!(told[0]["primaryObjectId"].to_string(), a);
    assert_eq!(told[0]["mergedObjectIds"][0].to_string(), b);
}

#[test]
fn a_refused_delivery_comes_again_with_its_attempt_counted() {
    let desk = Desk::new();
    desk.hubspot.subscribe(URL, &[]);
    desk.contact(json!({}));
    let mut attempts = 0;
    let mut delivery = desk.hubspot.take_hooks().remove(0);
    loop {
        desk.hubspot.return_hook(delivery);
        assert!(desk.hubspot.take_hooks().is_empty(), "not at once");
        desk.pass(8 * 3_600 * SECOND_US);
        let mut due = desk.hubspot.take_hooks();
        if due.is_empty() {
            break;
        }
        delivery = due.remove(0);
        attempts += 1;
        assert_eq!(events(&delivery)[0]["attemptNumber"], attempts);
    }
    assert_eq!(attempts, 10);
}

#[test]
fn the_app_subscribes_over_the_api() {
    let desk = Desk::new();
    let app = "/webhooks/v3/19083857";
    assert_eq!(desk.get(&format!("{app}/settings")).status, 404);
    assert_eq!(desk.get("/webhooks/v3/1/subscriptions").status, 404);
    let body = json!({"eventType": "contact.propertyChange", "propertyName": "phone", "active": true});
    let got = desk.post(&format!("{app}/subscriptions"), &body);
    assert_eq!(got.status, 201, "{}", got.text);
    let id = got.json["id"].as_str().expect("an id").to_owned();
    assert_eq!(desk.post(&format!("{app}/subscriptions"), &json!({"eventType": "contact.sneeze"})).status, 400);
    let path = format!("{app}/subscriptions/{id}");
    assert_eq!(desk.patch(&path, &json!({"active": false})).json["active"], false);
    assert_eq!(desk.get(&format!("{app}/subscriptions")).json["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.get(&path).status, 404);
}
