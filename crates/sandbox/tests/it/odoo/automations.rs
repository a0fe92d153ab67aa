//! Automation rules: webhooks out and in, and server actions.

use lockstep_sandbox::odoo::Workflow;
use serde_json::{Value, json};

use super::desk::Desk;

const URL: &str = "http://app.test/hooks/odoo";

fn bodies(desk: &Desk) -> Vec<Value> {
    let hooks = desk.odoo.take_hooks();
    assert!(hooks.iter().all(|hook| hook.url == URL));
    hooks.iter().map(|hook| serde_json::from_slice(&hook.body).expect("json")).collect()
}

#[test]
fn contacts_are_told_once_per_call() {
    let desk = Desk::new();
    desk.odoo.subscribe(URL);
    desk.pass(250_000);
    let id = desk.odoo.create(&[("name", "Ada"), ("phone", "1")]).expect("made");
    let told = bodies(&desk);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["_model"], &told[0]["_id"].to_string()), (&json!("res.partner"), &id));
    assert_eq!((&told[0]["name"], &told[0]["email"]), (&json!("Ada"), &json!(false)));
    assert_eq!(told[0]["write_date"], "2026-01-01 00:00:00.250000", "finer than a read tells it");
    assert!(told[0]["_action"].as_str().expect("text").starts_with("Send Webhook Notification(#"));
    desk.odoo.archive(&id).expect("archived");
    assert_eq!(bodies(&desk).len(), 1);
    desk.call("res.partner", "write", &json!({"ids": [id.parse::<u64>().expect("a number")], "vals": {"name": false}}));
    assert!(bodies(&desk).is_empty(), "a refused call tells nothing");
    desk.odoo.delete(&id).expect("deleted");
    assert_eq!(bodies(&desk).len(), 1);
    assert_eq!(desk.odoo.seed(vec![json!({"name": "B"}).as_object().cloned().expect("an object")]).created, 1);
    assert!(bodies(&desk).is_empty(), "what was there before is told to nobody");
}

#[test]
fn what_is_not_answered_never_comes_again() {
    let desk = Desk::new();
    desk.odoo.subscribe(URL);
    desk.odoo.create(&[("name", "Ada")]).expect("made");
    let hook = desk.odoo.take_hooks().remove(0);
    desk.odoo.return_hook(hook);
    desk.pass(1_000_000_000_000);
    assert!(desk.odoo.take_hooks().is_empty());
}

#[test]
fn an_app_subscribes_itself_over_the_api() {
    let desk = Desk::new();
    let model = desk.call("ir.model", "search", &json!({"domain": [["model", "=", "res.partner"]]})).ids()[0];
    let action = json!({"name": "Tell us", "model_id": model, "state": "webhook", "webhook_url": URL});
    let rule = json!({"name": "Tell us", "model_id": model, "trigger": "on_create_or_write",
        "action_server_ids": [[0, 0, action]]});
    let made = desk.call("base.automation", "create", &json!({"vals_list": [rule]}));
    assert_eq!(made.status, 200, "{}", made.text);
    let id = desk.contact(json!({"name": "Ada"}));
    let told = bodies(&desk);
    assert_eq!(told[0]["_id"], id);
    assert_eq!(told[0]["name"], Value::Null, "no field was named");
    desk.call("base.automation", "unlink", &json!({"ids": made.ids()}));
    desk.contact(json!({"name": "Bob"}));
    assert!(bodies(&desk).is_empty());
}

#[test]
fn a_webhook_or_a_call_starts_a_workflow() {
    let desk = Desk::new();
    let sets = [("function".to_owned(), "Customer".to_owned())].into_iter().collect();
    let workflow = Workflow { name: "Greet".into(), model: "res.partner".into(), sets };
    let made = desk.odoo.add_workflow(&workflow).expect("made");
    let id = desk.contact(json!({"name": "Ada"}));
    let path = format!("/web/hook/{}", made.uuid);
    let ask = json!({"domain": [["trigger", "=", "on_webhook"]], "fields": ["url", "name"]});
    let rules = desk.call("base.automation", "search_read", &ask).json;
    assert_eq!(rules[0]["url"], format!("http://odoo.test{path}"));
    assert_eq!(desk.post(&path, &json!({"_model": "res.partner", "_id": id})).json, json!({"status": "ok"}));
    assert_eq!(desk.read(id)["function"], "Customer");
    assert_eq!(desk.post(&path, &json!({"_id": 999})).status, 500);
    assert_eq!(desk.post("/web/hook/none", &json!({"_id": id})).status, 404);
    let context = json!({"active_model": "res.partner", "active_id": id, "active_ids": [id]});
    let ran = desk.call("ir.actions.server", "run", &json!({"ids": [made.action_id], "context": context}));
    assert_eq!(ran.json, false);
    assert_eq!(desk.odoo.workflows()[0].ran_on, [id, id]);
}

#[test]
fn before_17_there_are_actions_but_no_rules() {
    let desk = Desk::old();
    desk.odoo.subscribe(URL);
    let id = desk.odoo.create(&[("name", "Ada")]).expect("made");
    assert!(desk.odoo.take_hooks().is_empty());
    let workflow = Workflow { name: "Greet".into(), model: "res.partner".into(), sets: std::iter::empty().collect() };
    let made = desk.odoo.add_workflow(&workflow).expect("made");
    assert_eq!(made.uuid, "");
    let context = json!({"active_model": "res.partner", "active_id": id.parse::<u64>().expect("a number")});
    desk.rpc("ir.actions.server", "run", &json!([[made.action_id]]), &json!({"context": context}));
    assert_eq!(desk.odoo.workflows()[0].ran_on.len(), 1);
    assert_eq!(desk.post("/web/hook/x", &json!({})).status, 404);
}
