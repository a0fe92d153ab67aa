use hmac::{Hmac, KeyInit, Mac};
use lockstep_sandbox::notion::Hook;
use serde_json::{Value, json};
use sha2::Sha256;

use super::desk::Desk;
use crate::desk::SECOND_US;

const URL: &str = "https://hub.example.com/hooks/notion";

fn event(hook: &Hook) -> Value {
    serde_json::from_slice(&hook.body).expect("an object")
}

/// Subscribes and goes through the handshake; answers the token.
fn subscribe(desk: &Desk) -> String {
    desk.notion.subscribe(URL);
    let hooks = desk.notion.take_hooks();
    let token = event(&hooks[0])["verification_token"].as_str().expect("a token").to_owned();
    assert!(desk.notion.verify_hooks(&token));
    token
}

fn types(hooks: &[Hook]) -> Vec<String> {
    let mut types: Vec<String> = hooks.iter().filter_map(|it| event(it)["type"].as_str().map(str::to_owned)).collect();
    types.sort();
    types
}

#[test]
fn the_handshake_comes_first_and_its_token_signs() {
    let desk = Desk::new();
    desk.notion.subscribe(URL);
    desk.contact("Early", "e@example.com");
    let mut hooks = desk.notion.take_hooks();
    assert_eq!(hooks.len(), 1);
    let handshake = hooks.remove(0);
    assert!(handshake.headers.iter().all(|(name, _)| name != "x-notion-signature"));
    let token = event(&handshake)["verification_token"].as_str().expect("a token").to_owned();
    assert!(token.starts_with("secret_"));
    assert!(!desk.notion.verify_hooks("secret_wrong"));
    desk.notion.return_hook(handshake);
    assert_eq!(desk.notion.take_hooks().len(), 1, "it is tried again");
    assert!(desk.notion.verify_hooks(&token));
    assert!(desk.notion.take_hooks().is_empty(), "nothing was announced before");

    let id = desk.contact("Ada", "ada@example.com");
    let hooks = desk.notion.take_hooks();
    let mut mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("any key");
    mac.update(&hooks[0].body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert!(hooks[0].headers.contains(&("x-notion-signature".to_owned(), signature)));
    let told = event(&hooks[0]);
    assert_eq!((&told["type"], &told["entity"]), (&json!("page.created"), &json!({"id": id, "type": "page"})));
    assert_eq!(told["authors"], json!([{"id": desk.get("/v1/users/me").json["id"], "type": "bot"}]));
    assert_eq!(told["data"]["parent"]["data_source_id"], desk.contacts);
    assert_eq!(told["attempt_number"], 1);
}

#[test]
fn every_change_is_told_and_only_changes() {
    let desk = Desk::new();
    let id = desk.contact("Ada", "ada@example.com");
    subscribe(&desk);
    desk.notion.edit(&id, &[("Score", "1")]).expect("it is there");
    let hooks = desk.notion.take_hooks();
    let told = event(&hooks[0]);
    assert_eq!(told["type"], "page.properties_updated");
    assert_eq!(told["data"]["updated_properties"], json!([desk.page(&id)["properties"]["Score"]["id"]]));
    assert_eq!(told["authors"][0]["type"], "person");
    desk.write(&id, &json!({"Score": {"number": 1}}));
    assert!(desk.notion.take_hooks().is_empty(), "the same value is no news");
    desk.notion.archive(&id).expect("it is there");
    desk.notion.restore(&id).expect("it lies there");
    desk.post("/v1/comments", &json!({"parent": {"page_id": id}, "markdown": "x"}));
    desk.patch(&format!("/v1/blocks/{id}/children"), &json!({"children": [{"divider": {}}]}));
    desk.notion.drop_property("Score").expect("it is there");
    let told = types(&desk.notion.take_hooks());
    let expected =
        ["comment.created", "data_source.schema_updated", "page.content_updated", "page.deleted", "page.undeleted"];
    assert_eq!(told, expected);
}

#[test]
fn changes_of_one_page_are_gathered() {
    let desk = Desk::with(|_| {});
    let id = desk.contact("Ada", "ada@example.com");
    subscribe(&desk);
    desk.notion.edit(&id, &[("Score", "1")]).expect("it is there");
    desk.pass(20 * SECOND_US);
    desk.write(&id, &json!({"Website": {"url": "https://example.com"}}));
    let other = desk.contact("Bob", "bob@example.com");
    desk.write(&other, &json!({"Score": {"number": 1}}));
    assert!(desk.notion.take_hooks().is_empty(), "not yet");
    desk.pass(30 * SECOND_US);
    let hooks = desk.notion.take_hooks();
    assert_eq!(types(&hooks), ["page.created", "page.properties_updated"]);
    let told = hooks.iter().map(event).find(|it| it["type"] == "page.properties_updated").expect("it is there");
    assert_eq!(told["authors"].as_array().map(Vec::len), Some(2));
    assert_eq!(told["data"]["updated_properties"].as_array().map(Vec::len), Some(2));
    assert_eq!(told["timestamp"], "2026-01-01T00:00:20.000Z");
}

#[test]
fn a_refused_delivery_comes_eight_times_and_some_come_never() {
    let desk = Desk::new();
    subscribe(&desk);
    desk.contact("Ada", "ada@example.com");
    let mut hook = desk.notion.take_hooks().remove(0);
    let mut attempts = vec![event(&hook)["attempt_number"].clone()];
    loop {
        desk.notion.return_hook(hook);
        assert!(desk.notion.take_hooks().is_empty(), "not at once");
        desk.pass(13 * 3_600 * SECOND_US);
        let mut due = desk.notion.take_hooks();
        if due.is_empty() {
            break;
        }
        hook = due.remove(0);
        attempts.push(event(&hook)["attempt_number"].clone());
    }
    assert_eq!(attempts, (1..=8).map(Value::from).collect::<Vec<_>>());
    let lossy = Desk::with(|settings| settings.hooks_lost_percent = 100);
    subscribe(&lossy);
    lossy.contact("Ada", "ada@example.com");
    lossy.pass(3_600 * SECOND_US);
    assert!(lossy.notion.take_hooks().is_empty());
}
