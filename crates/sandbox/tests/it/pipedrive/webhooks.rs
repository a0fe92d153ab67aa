//! Webhooks: who is told what, attempts, bans and what they lose.

use lockstep_sandbox::pipedrive::HookDelivery;
use serde_json::{Value, json};

use super::desk::{DAY_US, Desk, PERSONS, SECOND_US};

const MINUTE_US: i64 = 60 * SECOND_US;

fn body(delivery: &HookDelivery) -> Value {
    serde_json::from_slice(&delivery.body).expect("JSON")
}

fn draft(action: &str, object: &str) -> Value {
    json!({"subscription_url": "https://a.example/hook/secret", "event_action": action, "event_object": object,
        "name": "Lockstep", "http_auth_user": "lockstep", "http_auth_password": "päss", "version": "2.0"})
}

#[test]
fn webhooks_are_made_listed_and_removed() {
    let desk = Desk::calm();
    let made = desk.post("/v1/webhooks", &draft("*", "person"));
    assert_eq!((made.status.as_u16(), &made.json["status"]), (201, &json!("ok")));
    assert_eq!(desk.get("/api/v1/webhooks").json["data"][0]["subscription_url"], "https://a.example/hook/secret");
    let refused = |change: (&str, Value)| {
        let mut draft = draft("*", "person");
        draft[change.0] = change.1;
        desk.post("/v1/webhooks", &draft)
    };
    for change in [
        ("subscription_url", json!("a.example")),
        ("event_action", json!("added")),
        ("event_object", json!("persons")),
        ("name", json!("")),
        ("version", json!("1.0")),
        ("user_id", json!(3)),
    ] {
        let name = change.0;
        let got = refused(change);
        assert_eq!(got.status, 400, "{name}");
        assert!(got.json["errors"][name].is_array(), "{}", got.text);
    }
    for _ in 1..40 {
        assert_eq!(desk.post("/v1/webhooks", &draft("*", "person")).status, 201);
    }
    assert_eq!(desk.post("/v1/webhooks", &draft("*", "person")).status, 400, "40 are enough");
    assert_eq!(desk.delete("/v1/webhooks/1").json, json!({"status": "ok", "success": true}));
    assert_eq!(desk.delete("/v1/webhooks/1").json["errors"]["id"][0], "not found");
}

#[test]
fn a_delivery_says_what_moved_and_proves_itself_by_basic_alone() {
    let desk = Desk::calm();
    let plan = desk.field("Plan", "enum", &["Gold"]);
    let gold = desk.get(&format!("/api/v2/personFields/{plan}")).json["data"]["options"][0]["id"].clone();
    desk.post("/v1/webhooks", &draft("*", "person"));
    desk.made("/api/v2/organizations", json!({"name": "not asked for"}));
    let id = desk.person(json!({"name": "Ada", "emails": [{"value": "a@example.com"}]}));
    let [made] = &desk.pipedrive.take_hooks()[..] else { panic!("one delivery") };
    assert_eq!(made.url, "https://a.example/hook/secret");
    let authorization = made.headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.as_str());
    assert_eq!(authorization, Some("Basic bG9ja3N0ZXA6cMOkc3M="));
    let told = body(made);
    assert_eq!((&told["meta"]["action"], &told["meta"]["entity_id"]), (&json!("create"), &json!(id.to_string())));
    assert_eq!((&told["meta"]["change_source"], &told["previous"]), (&json!("api"), &json!(null)));
    assert_eq!(told["data"]["emails"][0]["value"], "a@example.com");
    desk.pipedrive.accepted(made);

    desk.patch(&format!("{PERSONS}/{id}"), &json!({"job_title": "Boss", "custom_fields": {&plan: gold}}));
    desk.patch(&format!("{PERSONS}/{id}"), &json!({"job_title": "Boss"}));
    let hooks = desk.pipedrive.take_hooks();
    assert_eq!(hooks.len(), 1, "what moved nothing is not told");
    let told = body(&hooks[0]);
    assert_eq!(told["previous"], json!({"job_title": null, "custom_fields": {&plan: null}}));
    assert_eq!(told["data"]["custom_fields"][&plan], json!({"id": gold, "type": "enum"}));

    desk.pipedrive.edit(&id.to_string(), &[("name", "Ada L")]).expect("an edit");
    desk.delete(&format!("{PERSONS}/{id}"));
    let hooks = desk.pipedrive.take_hooks();
    assert_eq!(body(&hooks[0])["meta"]["change_source"], "app");
    let told = body(&hooks[1]);
    assert_eq!((&told["meta"]["action"], &told["data"]), (&json!("delete"), &json!(null)));
    assert_eq!(told["previous"]["name"], "Ada L");
}

#[test]
fn a_merge_is_told_as_a_deletion_and_a_change() {
    let desk = Desk::calm();
    let (a, b) = (desk.person(json!({"name": "A", "job_title": "x"})), desk.person(json!({"name": "B"})));
    desk.pipedrive.subscribe("http://127.0.0.1:1/h");
    assert_eq!(desk.pipedrive.merge(&b.to_string(), &a.to_string()), Ok(b.to_string()));
    let told: Vec<Value> = desk.pipedrive.take_hooks().iter().map(body).collect();
    let metas: Vec<(&str, &str)> = told
        .iter()
        .filter_map(|it| Some((it["meta"]["action"].as_str()?, it["meta"]["entity_id"].as_str()?)))
        .collect();
    assert_eq!(metas, [("delete", "1"), ("change", "2")]);
    assert_eq!(told[0]["meta"]["merged_to_id"], b.to_string());
    assert_eq!(told[1]["data"]["job_title"], "x");
    desk.pipedrive.archive("2").expect("deleted");
    desk.pipedrive.restore("2").expect("restored");
    let told: Vec<Value> = desk.pipedrive.take_hooks().iter().map(body).collect();
    assert_eq!(told[1]["previous"], json!({"is_deleted": true}));
}

#[test]
fn a_failed_delivery_comes_again_three_times() {
    let desk = Desk::calm();
    desk.pipedrive.subscribe("http://127.0.0.1:1/h");
    desk.person(json!({"name": "A"}));
    let mut attempts = Vec::new();
    for seconds in [0, 3, 30, 150] {
        desk.pass(seconds * SECOND_US - i64::from(seconds > 0));
        if seconds > 0 {
            assert!(desk.pipedrive.take_hooks().is_empty());
            desk.pass(1);
        }
        let mut hooks = desk.pipedrive.take_hooks();
        let hook = hooks.pop().expect("a delivery");
        attempts.push(body(&hook)["meta"]["attempt"].as_u64());
        desk.pipedrive.return_hook(hook);
    }
    assert_eq!(attempts, [Some(1), Some(2), Some(3), Some(4)]);
    desk.pass(DAY_US);
    assert!(desk.pipedrive.take_hooks().is_empty());
}

#[test]
fn ten_failures_ban_for_half_an_hour_and_lose_what_happens() {
    let desk = Desk::calm();
    desk.pipedrive.subscribe("http://127.0.0.1:1/h");
    for _ in 0..10 {
        desk.person(json!({"name": "A"}));
    }
    let hooks = desk.pipedrive.take_hooks();
    assert_eq!(hooks.len(), 10);
    hooks.into_iter().for_each(|hook| desk.pipedrive.return_hook(hook));
    desk.pass(SECOND_US);
    desk.person(json!({"name": "lost"}));
    assert!(desk.pipedrive.take_hooks().is_empty());
    assert_eq!(desk.pipedrive.lost_events(), 1);
    desk.pass(3 * SECOND_US);
    let retries = desk.pipedrive.take_hooks();
    assert_eq!(retries.len(), 10, "what failed before still comes again");
    retries.iter().for_each(|hook| desk.pipedrive.accepted(hook));
    desk.pass(30 * MINUTE_US);
    desk.person(json!({"name": "told"}));
    let told = desk.pipedrive.take_hooks();
    assert_eq!((told.len(), &body(&told[0])["data"]["name"]), (1, &json!("told")));
}

#[test]
fn three_days_without_a_success_delete_a_webhook() {
    let desk = Desk::calm();
    desk.post("/v1/webhooks", &draft("*", "*"));
    desk.person(json!({"name": "A"}));
    let hook = desk.pipedrive.take_hooks().remove(0);
    desk.pipedrive.return_hook(hook);
    desk.pass(3 * DAY_US);
    assert!(desk.pipedrive.take_hooks().is_empty());
    assert_eq!(desk.get("/v1/webhooks").json["data"], json!([]));
}
