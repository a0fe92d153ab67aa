//! What people and admins do behind the app's back.

use serde_json::{Value, json};

use super::desk::{Desk, SECOND_US};

#[test]
fn people_make_and_edit_contacts() {
    let desk = Desk::new();
    let id = desk.odoo.create(&[("name", "Ada"), ("email", "ada@x.org"), ("category_id", "VIP,Lead"), ("city", "")]);
    let id = id.expect("made");
    desk.pass(SECOND_US);
    desk.odoo.edit(&id, &[("email", ""), ("is_company", "true")]).expect("edited");
    let record = desk.odoo.get(&id).expect("a record");
    assert_eq!((record.value("name"), record.value("email")), (Some("Ada"), None));
    assert_eq!((record.value("category_id"), record.value("is_company")), (Some("1,2"), Some("true")));
    assert_eq!(record.updated_us - record.created_us, SECOND_US);
    assert!(desk.odoo.create(&[("email", "x@x.org")]).is_err(), "a contact needs a name");
    assert!(desk.odoo.edit("999", &[("name", "x")]).is_err());
    assert!(desk.odoo.create(&[("name", "x"), ("nothing", "x")]).is_err());
}

#[test]
fn a_merge_deletes_the_loser_and_turns_what_pointed_at_it() {
    let desk = Desk::new();
    let kept = desk.contact(json!({"name": "Ada", "email": "ada@x.org"}));
    let gone = desk.contact(json!({"name": "A. L.", "email": "other@x.org", "phone": "1", "ref": "k"}));
    let lead = desk.call("crm.lead", "create", &json!({"vals_list": [{"name": "Deal", "partner_id": gone}]})).ids()[0];
    desk.pass(SECOND_US);
    let into = desk.odoo.merge(&kept.to_string(), &gone.to_string()).expect("merged");
    assert_eq!(into, kept.to_string());
    let ada = desk.read(kept);
    assert_eq!([&ada["name"], &ada["email"], &ada["phone"], &ada["ref"]], ["Ada", "ada@x.org", "1", "k"]);
    assert_eq!(ada["write_date"], "2026-01-01 00:00:01");
    assert_eq!(desk.ok("exists", &json!({"ids": [gone]})), json!([]), "without a trace");
    let lead = desk.call("crm.lead", "read", &json!({"ids": [lead]})).json[0].clone();
    assert_eq!((&lead["partner_id"][0], &lead["write_date"]), (&json!(kept), &json!("2026-01-01 00:00:01")));
    let newest = desk.call("mail.message", "read", &json!({"ids": [ada["message_ids"][0]]})).json[0].clone();
    assert!(newest["body"].as_str().expect("text").contains(&format!("A. L.  (ID {gone})")));
    let records = desk.odoo.records();
    assert_eq!(records.len(), 2);
    assert_eq!(records[1].merged_into, Some(kept.to_string()));
    assert!(desk.odoo.merge(&into, &into).is_err());
    assert!(desk.odoo.merge(&into, &gone.to_string()).is_err());
}

#[test]
fn hidden_contacts_are_refused_by_id_and_missing_from_searches() {
    let desk = Desk::new();
    let id = desk.contact(json!({"name": "Ada"}));
    desk.odoo.hide(&id.to_string()).expect("hidden");
    assert_eq!(desk.ok("search", &json!({"domain": []})), json!([]));
    let read = desk.call("res.partner", "read", &json!({"ids": [id]}));
    assert_eq!(read.refusal(), (403, "odoo.exceptions.AccessError"));
    desk.odoo.unhide(&id.to_string()).expect("shown");
    assert_eq!(desk.ok("search", &json!({"domain": []})), json!([id]));
}

#[test]
fn a_contact_of_another_user_takes_the_right_to_change_users() {
    for (is_admin, status) in [(true, 200), (false, 403)] {
        let desk = Desk::with(|settings| settings.is_admin = is_admin);
        let id = desk.contact(json!({"name": "Ada"}));
        let change = json!({"ids": [id], "vals": {"phone": "1"}});
        assert_eq!(desk.call("res.partner", "write", &change).status, 200, "nobody's yet");
        let user = [("login", "ada"), ("name", "Ada"), ("partner_id", &id.to_string())];
        desk.odoo.create_of("res.users", &user).expect("a user");
        let vals = json!({"ids": [id], "vals": {"phone": "2"}});
        assert_eq!(desk.call("res.partner", "write", &vals).status, status);
        assert_eq!(desk.odoo.get(&id.to_string()).expect("Ada").value("phone"), Some(if is_admin { "2" } else { "1" }));
        assert_eq!(desk.ok("check_access_rights", &json!({"operation": "write"})), true, "of other contacts");
    }
}

#[test]
fn the_sandboxs_own_routes_do_the_same() {
    let desk = Desk::new();
    let id = desk.post("/__create", &json!({"properties": {"name": "Ada"}})).json["id"].clone();
    assert_eq!(desk.post("/__edit", &json!({"id": id, "properties": {"phone": "1"}})).status, 200);
    assert_eq!(desk.post("/__archive", &json!({"id": id})).status, 200);
    let records = desk.get("/__records").json;
    assert_eq!((&records[0]["archived"], &records[0]["properties"]["phone"]), (&json!(true), &json!("1")));
    let csv = "name,email,category_id\nBob,bob@x.org,VIP\n,nameless@x.org,\n";
    let seeded = desk.send(http::Method::POST, "/__records", &[], String::new());
    assert_eq!(seeded.status, 400);
    let seeded = desk.odoo.seed_csv(csv.as_bytes()).expect("csv");
    assert_eq!((seeded.created, seeded.refused.len()), (1, 1));
    let seeded = desk.post("/__records", &json!([{"name": "Cyd", "is_company": true}]));
    assert_eq!(seeded.json, json!({"created": 1, "refused": []}));
    assert_eq!(desk.ok("search_count", &json!({"domain": [["is_company", "=", true]]})), 1);
    let page = desk.get("/").text;
    assert!(page.contains("Odoo sandbox") && page.contains("Cyd"), "{page}");
    assert_eq!(desk.get("/?object=crm.lead").status, 200);
    assert_eq!(desk.post("/__edit", &json!({"id": "999", "properties": {}})).status, 404);
    assert_eq!(desk.odoo.calls().total, 1, "own routes are not counted");
    let key = desk.post("/__grant", &Value::Null);
    assert_eq!(key.status, 400, "a body must be an object");
    assert_eq!(desk.post("/__grant", &json!({})).json["database"], "sandbox");
}
