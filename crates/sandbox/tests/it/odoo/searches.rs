//! Domains, orders and pages.

use serde_json::{Value, json};

use super::desk::{Desk, SECOND_US};

fn names(desk: &Desk, domain: Value) -> Vec<String> {
    let rows = desk.ok("search_read", &json!({"domain": domain, "fields": ["name"], "order": "name"}));
    rows.as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).map(str::to_owned).collect()
}

fn three() -> Desk {
    let desk = Desk::new();
    desk.contact(json!({"name": "Ada", "email": "ada@x.org", "phone": "+49 1", "ref": "k1", "is_company": true}));
    desk.contact(json!({"name": "Bob", "email": "bob@X.org", "ref": "k2"}));
    desk.contact(json!({"name": "Cyd", "city": "Berlin"}));
    desk
}

#[test]
fn domains_have_prefix_operators() {
    let desk = three();
    assert_eq!(names(&desk, json!([])), ["Ada", "Bob", "Cyd"]);
    assert_eq!(names(&desk, json!(["|", ["ref", "=", "k1"], ["city", "=", "Berlin"]])), ["Ada", "Cyd"]);
    assert_eq!(names(&desk, json!(["!", ["ref", "=", "k1"]])), ["Bob", "Cyd"]);
    assert_eq!(names(&desk, json!(["&", "!", ["ref", "=", "k1"], ["email", "!=", false]])), ["Bob"]);
    assert_eq!(names(&desk, json!([["ref", "in", ["k1", "k2"]], ["is_company", "=", false]])), ["Bob"]);
    assert_eq!(names(&desk, json!([["id", "!=", 0], ["name", ">", "Ada"], ["name", "<=", "Bob"]])), ["Bob"]);
}

#[test]
fn comparisons_are_odoos() {
    let desk = three();
    assert_eq!(names(&desk, json!([["email", "ilike", "x.ORG"]])), ["Ada", "Bob"]);
    assert_eq!(names(&desk, json!([["email", "=ilike", "bob@x.org"]])), ["Bob"]);
    assert_eq!(names(&desk, json!([["email", "=", "bob@x.org"]])), Vec::<String>::new(), "cases count");
    assert_eq!(names(&desk, json!([["email_normalized", "=", "bob@x.org"]])), ["Bob"]);
    assert_eq!(names(&desk, json!([["email", "not ilike", "ada"]])), ["Bob", "Cyd"], "nothing is not like it");
    assert_eq!(names(&desk, json!([["ref", "!=", "k1"]])), ["Bob", "Cyd"], "nothing is unequal");
    assert_eq!(names(&desk, json!([["ref", "not in", ["k1"]]])), ["Bob", "Cyd"]);
    assert_eq!(names(&desk, json!([["ref", "=", false]])), ["Cyd"]);
    assert_eq!(names(&desk, json!([["phone", "like", "%49%"]])), ["Ada"]);
    assert_eq!(names(&desk, json!([["name", "=like", "_o_"]])), ["Bob"]);
}

#[test]
fn families_are_found() {
    let desk = three();
    let ada = desk.ok("search", &json!({"domain": [["name", "=", "Ada"]]}))[0].clone();
    desk.contact(json!({"name": "Dot", "parent_id": ada}));
    assert_eq!(names(&desk, json!([["id", "child_of", ada]])), ["Ada", "Dot"]);
    assert_eq!(names(&desk, json!([["parent_id", "=", "Ada"]])), ["Dot"]);
    assert_eq!(names(&desk, json!([["parent_id.ref", "=", "k1"]])), ["Dot"]);
    assert_eq!(names(&desk, json!([["child_ids.name", "=", "Dot"]])), ["Ada"]);
    assert_eq!(names(&desk, json!([["parent_id", "=", false], ["child_ids", "=", false]])), ["Bob", "Cyd"]);
}

#[test]
fn archived_rows_hide_unless_asked_for() {
    let desk = three();
    let id = desk.ok("search", &json!({"domain": [["name", "=", "Cyd"]]}))[0].as_u64().expect("an id");
    desk.odoo.archive(&id.to_string()).expect("archived");
    assert_eq!(names(&desk, json!([])), ["Ada", "Bob"]);
    assert_eq!(names(&desk, json!([["active", "in", [true, false]]])), ["Ada", "Bob", "Cyd"]);
    assert_eq!(names(&desk, json!([["active", "=", false]])), ["Cyd"]);
    let all = desk.ok("search_count", &json!({"domain": [], "context": {"active_test": false}}));
    assert_eq!(all, 3);
    assert_eq!(desk.read(id)["active"], false, "by id it is there");
    desk.odoo.restore(&id.to_string()).expect("restored");
    assert_eq!(names(&desk, json!([])), ["Ada", "Bob", "Cyd"]);
}

#[test]
fn pages_and_orders() {
    let desk = three();
    let page = |body: Value| desk.ok("search_read", &body);
    let ask = json!({"domain": [], "fields": ["name"], "order": "name desc", "offset": 1, "limit": 1});
    assert_eq!(page(ask)[0]["name"], "Bob");
    let by_city = desk.ok("search_read", &json!({"domain": [], "fields": ["name"], "order": "city, name desc"}));
    assert_eq!([&by_city[0]["name"], &by_city[1]["name"]], ["Cyd", "Bob"], "nothing comes last");
    let down = desk.ok("search_read", &json!({"domain": [], "fields": ["name"], "order": "ref desc"}));
    assert_eq!(down[0]["name"], "Cyd", "and first going down");
    let wrong = desk.call("res.partner", "search", &json!({"domain": [], "order": "name sideways"}));
    assert_eq!(wrong.refusal(), (422, "odoo.exceptions.UserError"));
}

#[test]
fn ties_fall_differently_each_time() {
    let ties = |quirks: bool| {
        let desk = Desk::with(|settings| settings.quirks = quirks);
        let rows: Vec<Value> = (0..20).map(|number| json!({"name": format!("n{number}")})).collect();
        desk.ok("create", &json!({"vals_list": rows}));
        let ask = || desk.ok("search", &json!({"domain": [], "order": "write_date"}));
        (ask(), ask())
    };
    let (first, second) = ties(true);
    assert_ne!(first, second);
    let (first, second) = ties(false);
    assert_eq!(first, second);
}

#[test]
fn domains_that_make_no_sense_are_refused() {
    let desk = three();
    let refusal = |domain: Value| {
        let got = desk.call("res.partner", "search", &json!({"domain": domain}));
        assert_eq!(got.refusal(), (500, "builtins.ValueError"), "{}", got.text);
        got.json["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(refusal(json!([["no", "=", 1]])), "Invalid field res.partner.no in condition ('no', '=', 1)");
    for wrong in [json!(["&", ["name", "=", "x"]]), json!([["name", "near", "x"]]), json!(["name"]), json!([7])] {
        refusal(wrong);
    }
    refusal(json!([["write_date", ">", "yesterday"]]));
}

#[test]
fn names_are_searched_and_told() {
    let desk = three();
    let found = desk.ok("name_search", &json!({"name": "bob@"}));
    assert_eq!(found[0][1], "Bob");
    let made = desk.ok("name_create", &json!({"name": "Eve"}));
    assert_eq!(made[1], "Eve");
    desk.pass(SECOND_US);
    assert_eq!(desk.ok("exists", &json!({"ids": [made[0], 999]})), json!([made[0]]));
}
