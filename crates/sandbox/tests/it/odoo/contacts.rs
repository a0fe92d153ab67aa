//! Contacts: made, read, changed, deleted, and what Odoo makes of the values.

use serde_json::{Value, json};

use super::desk::Desk;

#[test]
fn a_contact_is_made_read_changed_and_deleted() {
    let desk = Desk::new();
    let id = desk.contact(json!({"name": "Ada", "email": "Ada@Example.com", "phone": "+49 30 12345678"}));
    let ada = desk.read(id);
    assert_eq!(ada["name"], "Ada");
    assert_eq!(ada["email_normalized"], "ada@example.com");
    assert_eq!(ada["phone_sanitized"], "+493012345678");
    assert_eq!(ada["parent_id"], false);
    assert_eq!(ada["color"], 0);
    assert_eq!(ada["category_id"], json!([]));
    assert_eq!(ada["active"], true);
    assert_eq!(desk.ok("write", &json!({"ids": [id], "vals": {"email": false}})), true);
    assert_eq!(desk.read(id)["email"], false, "cleared");
    assert_eq!(desk.read(id)["phone"], "+49 30 12345678", "the rest is left alone");
    assert_eq!(desk.ok("unlink", &json!({"ids": [id]})), true);
    assert_eq!(desk.ok("read", &json!({"ids": [id]})), json!([]), "a read passes over what is gone");
    for (method, body) in [
        ("write", json!({"ids": [id], "vals": {"name": "x"}})),
        ("unlink", json!({"ids": [id]})),
        ("read", json!({"ids": [id], "fields": ["id"]})),
    ] {
        let gone = desk.call("res.partner", method, &body);
        assert_eq!(gone.refusal(), (404, "odoo.exceptions.MissingError"), "{method}");
    }
    assert_eq!(desk.call("crm.tag", "unlink", &json!({"ids": [id]})).json, true, "a tag's miss goes unsaid");
}

#[test]
fn many_are_made_in_one_call_or_none() {
    let desk = Desk::new();
    let ids = desk.ok("create", &json!({"vals_list": [{"name": "A"}, {"name": "B"}]}));
    let first = ids[0].as_u64().expect("an id");
    assert_eq!(ids, json!([first, first + 1]));
    let refused = desk.call("res.partner", "create", &json!({"vals_list": [{"name": "C"}, {"email": "d@x.org"}]}));
    assert_eq!(refused.refusal(), (422, "odoo.exceptions.ValidationError"));
    assert!(refused.json["message"].as_str().expect("text").contains("Contacts require a name"));
    assert_eq!(desk.odoo.records().len(), 2, "one call is one transaction");
    assert_eq!(desk.contact(json!({"name": "E"})), first + 4, "ids that were used up stay used up");
}

#[test]
fn the_same_values_go_to_all_records_of_a_write() {
    let desk = Desk::new();
    let ids = [desk.contact(json!({"name": "A"})), desk.contact(json!({"name": "B"}))];
    desk.ok("write", &json!({"ids": ids, "vals": {"city": "Jakarta"}}));
    assert!(ids.iter().all(|id| desk.read(*id)["city"] == "Jakarta"));
    desk.odoo.delete(&ids[1].to_string()).expect("deleted");
    let refused = desk.call("res.partner", "write", &json!({"ids": ids, "vals": {"city": "Bandung"}}));
    assert_eq!(refused.refusal().0, 404);
    assert_eq!(desk.read(ids[0])["city"], "Jakarta", "the one that is gone stops all");
}

#[test]
fn wrong_values_are_refused_by_their_exceptions() {
    let desk = Desk::new();
    let id = desk.contact(json!({"name": "A"}));
    let refusal = |vals: Value| {
        let got = desk.call("res.partner", "write", &json!({"ids": [id], "vals": vals}));
        (got.status.as_u16(), got.json["message"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refusal(json!({"nothing": 1})), (500, "Invalid field 'nothing' on model 'res.partner'".into()));
    assert_eq!(refusal(json!({"type": "home"})), (500, "Wrong value for res.partner.type: 'home'".into()));
    assert_eq!(refusal(json!({"color": "red"})), (500, "invalid literal for int() with base 10: 'red'".into()));
    assert_eq!(refusal(json!({"name": false})).0, 422);
    assert_eq!(refusal(json!({"parent_id": 999})).0, 422);
    assert_eq!(refusal(json!({"parent_id": id})), (422, "You cannot create recursive Partner hierarchies.".into()));
    assert_eq!(refusal(json!({"create_date": "2020-01-01 00:00:00", "id": 7})), (200, String::new()), "passed over");
}

#[test]
fn text_comes_back_as_it_went_in_but_for_html() {
    let desk = Desk::new();
    let long = "né 😀 \"\\\n".repeat(5_000);
    let id = desk.contact(json!({"name": long, "street": "  spaced ", "city": "", "comment": "plain"}));
    let got = desk.read(id);
    assert_eq!(got["name"], Value::from(long));
    assert_eq!(got["street"], "  spaced ");
    assert_eq!(got["city"], "", "an empty text is kept as one");
    assert_eq!(got["comment"], "<p>plain</p>");
}

#[test]
fn tags_are_linked_by_commands() {
    let desk = Desk::new();
    let tag = |name: &str| {
        let got = desk.call("res.partner.category", "create", &json!({"vals_list": [{"name": name}]}));
        got.ids()[0]
    };
    let (vip, lead) = (tag("VIP"), tag("Lead"));
    let id = desk.contact(json!({"name": "A", "category_id": [[6, 0, [vip]]]}));
    let tags = || desk.read(id)["category_id"].clone();
    desk.ok("write", &json!({"ids": [id], "vals": {"category_id": [[4, lead], [0, 0, {"name": "New"}]]}}));
    assert_eq!(tags(), json!([vip, lead, lead + 1]));
    desk.ok("write", &json!({"ids": [id], "vals": {"category_id": [[3, vip]]}}));
    assert_eq!(tags(), json!([lead, lead + 1]));
    let found = desk.ok("search", &json!({"domain": [["category_id.name", "=", "New"]]}));
    assert_eq!(found, json!([id]));
    desk.call("res.partner.category", "unlink", &json!({"ids": [lead]}));
    assert_eq!(tags(), json!([lead + 1]));
    desk.ok("write", &json!({"ids": [id], "vals": {"category_id": [[5]]}}));
    assert_eq!(tags(), json!([]));
    let missing = desk.call("res.partner", "write", &json!({"ids": [id], "vals": {"category_id": [[4, 99]]}}));
    assert_eq!(missing.refusal(), (422, "odoo.exceptions.ValidationError"));
}

#[test]
fn a_companys_new_name_counts_as_a_write_of_its_people() {
    let desk = Desk::new();
    let acme = desk.contact(json!({"name": "Acme", "is_company": true}));
    let ada = desk.contact(json!({"name": "Ada", "parent_id": [acme, "Acme"]}));
    desk.pass(5_000_000);
    desk.ok("write", &json!({"ids": [acme], "vals": {"name": "Acme Ltd"}}));
    let got = desk.read(ada);
    assert_eq!((&got["display_name"], &got["write_date"]), (&json!("Acme Ltd, Ada"), &json!("2026-01-01 00:00:05")));
}

#[test]
fn people_take_the_address_of_their_company() {
    let desk = Desk::new();
    let acme = desk.contact(json!({"name": "Acme", "company_type": "company", "city": "Berlin"}));
    let ada = desk.contact(json!({"name": "Ada", "parent_id": acme, "city": "Paris"}));
    let got = desk.read(ada);
    assert_eq!(got["city"], "Berlin", "the company's wins");
    assert_eq!(got["parent_id"], json!([acme, "Acme"]));
    assert_eq!(got["commercial_partner_id"], json!([acme, "Acme"]));
    assert_eq!(got["display_name"], "Acme, Ada");
    desk.pass(5_000_000);
    desk.ok("write", &json!({"ids": [acme], "vals": {"city": "Jakarta"}}));
    assert_eq!(desk.read(ada)["city"], "Jakarta");
    assert_eq!(desk.read(ada)["write_date"], "2026-01-01 00:00:05", "and counts as a write");
    assert_eq!(desk.read(acme)["child_ids"], json!([ada]));
    desk.ok("unlink", &json!({"ids": [acme]}));
    assert_eq!(desk.read(ada)["parent_id"], false);
}

#[test]
fn the_accounts_own_contacts_show_as_in_every_account() {
    let desk = Desk::with(|settings| settings.shows_own_contacts = true);
    let names = desk.ok("search_read", &json!({"domain": [], "fields": ["name"], "order": "id"}));
    assert_eq!(names, json!([{"id": 1, "name": "My Company"}, {"id": 3, "name": "Administrator"}]));
    assert!(desk.odoo.records().is_empty());
    assert_eq!(desk.call("res.partner", "unlink", &json!({"ids": [3]})).refusal().0, 422);
}
