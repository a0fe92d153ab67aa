//! Leads, their stages, notes and activities.

use serde_json::{Value, json};

use super::desk::Desk;

fn lead(desk: &Desk, vals: Value) -> u64 {
    let got = desk.call("crm.lead", "create", &json!({"vals_list": [vals]}));
    assert_eq!(got.status, 200, "{}", got.text);
    got.ids()[0]
}

fn read(desk: &Desk, id: u64) -> Value {
    desk.call("crm.lead", "read", &json!({"ids": [id]})).json[0].clone()
}

#[test]
fn a_lead_runs_through_its_stages() {
    let desk = Desk::new();
    let id = lead(&desk, json!({"name": "Deal", "expected_revenue": 99.5}));
    let made = read(&desk, id);
    assert_eq!(made["stage_id"], json!([1, "New"]));
    assert_eq!(made["expected_revenue"], 99.5);
    assert_eq!(made["user_id"], json!([2, "Administrator"]));
    desk.call("crm.lead", "action_set_won", &json!({"ids": [id]}));
    assert_eq!(read(&desk, id)["probability"], 100.0);
    assert_eq!(read(&desk, id)["stage_id"], json!([4, "Won"]));
    desk.call("crm.lead", "action_set_lost", &json!({"ids": [id], "lost_reason_id": 1}));
    let lost = read(&desk, id);
    assert_eq!((&lost["active"], &lost["lost_reason_id"]), (&json!(false), &json!([1, "Too expensive"])));
    assert_eq!(desk.call("crm.stage", "unlink", &json!({"ids": [4]})).refusal().0, 422, "in use");
    let nameless = desk.call("crm.lead", "create", &json!({"vals_list": [{"type": "lead"}]}));
    assert!(nameless.json["message"].as_str().expect("text").contains("Field: Opportunity (name)"));
}

#[test]
fn a_lead_and_its_customer_share_address_and_number() {
    let desk = Desk::new();
    let ada = desk.contact(json!({"name": "Ada", "email": "ada@x.org", "phone": "1"}));
    let id = lead(&desk, json!({"name": "Deal", "partner_id": ada, "phone": "2"}));
    assert_eq!(read(&desk, id)["email_from"], "ada@x.org");
    assert_eq!(desk.read(ada)["phone"], "2", "the lead's number became the customer's");
    assert_eq!(desk.read(ada)["opportunity_ids"], json!([id]));
    desk.call("crm.lead", "write", &json!({"ids": [id], "vals": {"email_from": "a@y.org"}}));
    assert_eq!(desk.read(ada)["email"], "a@y.org");
    desk.pass(5_000_000);
    desk.ok("write", &json!({"ids": [ada], "vals": {"email": "a@z.org", "phone": false}}));
    let synced = read(&desk, id);
    assert_eq!(
        (&synced["email_from"], &synced["phone"]),
        (&json!("a@z.org"), &json!("2")),
        "clearing does not travel down"
    );
    assert_eq!(synced["write_date"], "2026-01-01 00:00:05");
    desk.call("crm.lead", "write", &json!({"ids": [id], "vals": {"email_from": false}}));
    assert_eq!(desk.read(ada)["email"], false, "but up");
    desk.ok("unlink", &json!({"ids": [ada]}));
    assert_eq!(read(&desk, id)["partner_id"], false);
}

#[test]
fn tags_of_leads_are_unique() {
    let desk = Desk::new();
    let make = || desk.call("crm.tag", "create", &json!({"vals_list": [{"name": "Hot"}]}));
    let tag = make().ids()[0];
    assert_eq!(make().refusal(), (422, "odoo.exceptions.ValidationError"));
    let id = lead(&desk, json!({"name": "Deal", "tag_ids": [tag]}));
    assert_eq!(read(&desk, id)["tag_ids"], json!([tag]));
}

#[test]
fn notes_stand_in_the_chatter() {
    let desk = Desk::new();
    let ada = desk.contact(json!({"name": "Ada"}));
    let posted = desk.ok("message_post", &json!({"ids": [ada], "body": "1 < 2", "message_type": "comment"}));
    let message = desk.call("mail.message", "read", &json!({"ids": posted})).json[0].clone();
    assert_eq!(message["body"], "<p>1 &lt; 2</p>", "text unless it is said to be HTML");
    assert_eq!(message["subtype_id"], json!([2, "Note"]));
    assert_eq!((&message["model"], &message["res_id"]), (&json!("res.partner"), &json!(ada)));
    assert_eq!(message["author_id"][0], 3);
    let html = json!({"ids": [ada], "body": "<b>x</b><script>y</script>", "body_is_html": true,
        "subtype_xmlid": "mail.mt_comment"});
    desk.ok("message_post", &html);
    let said = desk.odoo.say(&ada.to_string(), "hello").expect("said");
    let ask = json!({"domain": [["model", "=", "res.partner"], ["res_id", "=", ada]], "fields": ["body", "author_id"]});
    let all = desk.call("mail.message", "search_read", &ask).json;
    let bodies: Vec<&Value> = all.as_array().expect("rows").iter().map(|row| &row["body"]).collect();
    assert_eq!(bodies, ["<p>hello</p>", "<b>x</b>", "<p>1 &lt; 2</p>", "<p>Contact created</p>"]);
    assert_eq!((&all[0]["id"].to_string(), &all[0]["author_id"][0]), (&said, &json!(ada)));
    let wrong = desk.call("res.partner", "message_post", &json!({"ids": [ada, ada + 1]}));
    assert_eq!(wrong.refusal(), (500, "builtins.ValueError"));
    desk.ok("unlink", &json!({"ids": [ada]}));
    assert_eq!(desk.call("mail.message", "search_count", &json!({"domain": []})).json, 0);
}

#[test]
fn before_17_a_body_is_html_and_one_id_comes_back() {
    let desk = Desk::old();
    let ada = desk.rpc("res.partner", "create", &json!([{"name": "Ada"}]), &json!({}))["result"].clone();
    let posted = desk.rpc("res.partner", "message_post", &json!([ada]), &json!({"body": "<i>x</i>"}));
    let id = posted["result"].as_u64().expect("one id");
    let message = desk.rpc("mail.message", "read", &json!([[id], ["body"]]), &json!({}));
    assert_eq!(message["result"][0]["body"], "<i>x</i>");
}

#[test]
fn activities_become_messages_when_they_are_done() {
    let desk = Desk::new();
    let ada = desk.contact(json!({"name": "Ada"}));
    let model = desk.call("ir.model", "search", &json!({"domain": [["model", "=", "res.partner"]]})).ids()[0];
    let vals = json!({"res_model_id": model, "res_id": ada, "summary": "Call her", "activity_type_id": 2});
    let made = desk.call("mail.activity", "create", &json!({"vals_list": [vals]})).ids();
    let activity = desk.call("mail.activity", "read", &json!({"ids": made})).json[0].clone();
    assert_eq!(activity["date_deadline"], "2026-01-01");
    assert_eq!((&activity["res_model"], &activity["res_name"]), (&json!("res.partner"), &json!("Ada")));
    assert_eq!(desk.read(ada)["activity_ids"], json!(made));
    let unsaid = json!({"vals_list": [{"res_model": "res.partner", "res_id": ada}]});
    assert_eq!(desk.call("mail.activity", "create", &unsaid).refusal().0, 422, "the model's row must be named");
    desk.call("mail.activity", "action_feedback", &json!({"ids": made, "feedback": "done"}));
    assert_eq!(desk.read(ada)["activity_ids"], json!([]));
    let newest = desk.read(ada)["message_ids"][0].clone();
    let message = desk.call("mail.message", "read", &json!({"ids": [newest]})).json[0].clone();
    assert!(message["body"].as_str().expect("text").contains("Call her"));
}
