//! Fields of the company's own and the values they take.

use serde_json::{Value, json};

use super::desk::{Desk, PERSONS, assert_invalid};

const FIELDS: &str = "/api/v2/personFields";

fn field(desk: &Desk, code: &str) -> Value {
    desk.get(&format!("{FIELDS}/{code}")).json["data"].clone()
}

#[test]
fn fields_say_what_they_hold() {
    let desk = Desk::calm();
    let all = desk.get(FIELDS);
    assert_eq!(all.json["additional_data"]["next_cursor"], json!(null));
    let codes: Vec<&str> =
        all.json["data"].as_array().expect("rows").iter().filter_map(|it| it["field_code"].as_str()).collect();
    for code in ["name", "email", "phone", "org_id", "label_ids", "add_time"] {
        assert!(codes.contains(&code), "{code}");
    }
    assert_eq!(field(&desk, "phone")["field_type"], "phone");
    assert_eq!(field(&desk, "label_ids")["options"][0], json!({"id": 1, "label": "Customer"}));
    let name = desk.get(&format!("{FIELDS}/name?include_fields=required_fields,ui_visibility")).json["data"].clone();
    assert_eq!(name["required_fields"]["enabled"], true);
    let page = desk.get(&format!("{FIELDS}?limit=2"));
    let next = page.json["additional_data"]["next_cursor"].as_str().expect("a cursor").to_owned();
    assert_eq!(desk.get(&format!("{FIELDS}?limit=2&cursor={next}")).json["data"][0]["field_code"], codes[2]);
    assert_eq!(desk.get("/api/v2/dealFields/status").json["data"]["options"][0]["id"], "open");
    assert_eq!(desk.get("/api/v2/organizationFields/address").json["data"]["subfields"][0]["field_code"], "value");
    assert_eq!(desk.get("/api/v2/activityFields").status, 200);
    assert_eq!(desk.post("/api/v2/activityFields", &json!({})).status, 405);
    assert_eq!(desk.get(&format!("{FIELDS}/nonsense")).status, 404);
}

#[test]
fn codes_have_forty_digits_and_differ_from_company_to_company() {
    let desk = Desk::calm();
    let code = desk.field("Lockstep id", "varchar", &[]);
    assert!(code.len() == 40 && code.bytes().all(|it| it.is_ascii_hexdigit()), "{code}");
    let other = Desk::with(|settings| settings.seed = 2);
    assert_ne!(other.field("Lockstep id", "varchar", &[]), code);
    let field = field(&desk, &code);
    assert_eq!((&field["field_name"], &field["is_custom_field"]), (&json!("Lockstep id"), &json!(true)));
    let id = desk.person(json!({"name": "A", "custom_fields": {&code: "k-1"}}));
    assert_eq!(desk.get(&format!("{PERSONS}/{id}")).json["data"]["custom_fields"], json!({&code: "k-1"}));
    let none = desk.patch(&format!("{PERSONS}/{id}"), &json!({"custom_fields": {&code: null}}));
    assert_eq!(none.json["data"]["custom_fields"], json!({&code: null}));
    assert_invalid(&desk.post(FIELDS, &json!({"field_name": "X", "field_type": "picture"})), "field_type");
    assert_invalid(&desk.post(FIELDS, &json!({"field_name": "X", "field_type": "enum"})), "options is required");
    assert_invalid(&desk.post(FIELDS, &json!({"name": "X", "field_type": "text"})), "name is not allowed");
}

#[test]
fn every_type_takes_its_own_values() {
    let desk = Desk::calm();
    let org = desk.made("/api/v2/organizations", json!({"name": "Lamps"}));
    let id = desk.person(json!({"name": "A"}));
    let good_and_bad = [
        ("varchar", json!("x"), json!(1)),
        ("text", json!("x".repeat(300)), json!(["x"])),
        ("phone", json!("+49 1"), json!(491)),
        ("double", json!(1.5), json!("1.5")),
        ("monetary", json!({"value": 12.5, "currency": "EUR"}), json!(12.5)),
        ("monetary", json!({"value": 1, "currency": "USD"}), json!({"value": 1})),
        ("date", json!("2026-01-31"), json!("31.01.2026")),
        ("daterange", json!({"value": "2026-01-01", "until": "2026-02-01"}), json!({"value": "2026-01-01"})),
        ("timerange", json!({"value": "10:00:00", "until": "11:00:00"}), json!("10:00")),
        ("address", json!({"value": "Main St 1"}), json!({"value": "Main St 1", "planet": "Earth"})),
        ("org", json!(org), json!(99)),
        ("people", json!(id), json!("1")),
        ("user", json!(20_580_208), json!(3)),
    ];
    for (field_type, good, bad) in good_and_bad {
        let code = desk.field(field_type, field_type, &[]);
        let write = |value: &Value| desk.patch(&format!("{PERSONS}/{id}"), &json!({"custom_fields": {&code: value}}));
        let got = write(&good);
        assert_eq!(got.json["data"]["custom_fields"][&code], good, "{field_type} {}", got.text);
        assert_invalid(&write(&bad), &code);
    }
}

#[test]
fn options_are_ids() {
    let desk = Desk::calm();
    let (tier, tags) = (desk.field("Tier", "enum", &["Gold", "Tin"]), desk.field("Tags", "set", &["New", "Old"]));
    let option = |code: &str, at: usize| field(&desk, code)["options"][at]["id"].as_u64().expect("an id");
    let (gold, new, old) = (option(&tier, 0), option(&tags, 0), option(&tags, 1));
    let draft = json!({"name": "A", "custom_fields": {&tier: gold, &tags: [new, old]}});
    let id = desk.person(draft);
    let path = format!("{PERSONS}/{id}");
    let labelled = desk.get(&format!("{path}?include_option_labels=true&custom_fields={tier}"));
    assert_eq!(labelled.json["data"]["custom_fields"], json!({&tier: {"id": gold, "label": "Gold"}}));
    assert_invalid(&desk.patch(&path, &json!({"custom_fields": {&tier: "Gold"}})), "integer");
    assert_invalid(&desk.patch(&path, &json!({"custom_fields": {&tags: [gold]}})), "does not exist");

    let options = format!("{FIELDS}/{tier}/options");
    let added = desk.post(&options, &json!([{"label": "Silver"}])).json["data"][0].clone();
    assert_eq!(added["label"], "Silver");
    desk.patch(&options, &json!([{"id": added["id"], "label": "Silver!"}]));
    assert_eq!(field(&desk, &tier)["options"][2]["label"], "Silver!");
    let gone = desk.send(http::Method::DELETE, &options, &json!([{"id": added["id"]}]));
    assert_eq!(gone.json["data"][0]["id"], added["id"]);
    assert_invalid(&desk.patch(&options, &json!([{"id": 999, "label": "x"}])), "999 does not exist");
    assert_eq!(
        desk.post(&format!("{FIELDS}/label_ids/options"), &json!([{"label": "VIP"}])).json["data"][0]["label"],
        "VIP"
    );
}

#[test]
fn a_deleted_field_takes_its_values_from_sight_and_is_refused() {
    let desk = Desk::calm();
    let code = desk.field("Plan", "varchar", &[]);
    let id = desk.person(json!({"name": "A", "custom_fields": {&code: "x"}}));
    let path = format!("{PERSONS}/{id}");
    assert_eq!(desk.delete(&format!("{FIELDS}/{code}")).status, 200);
    assert_eq!(desk.get(&path).json["data"]["custom_fields"], json!({}));
    assert_invalid(&desk.patch(&path, &json!({"custom_fields": {&code: "y"}})), &code);
    assert_eq!(desk.delete(&format!("{FIELDS}/name")).status, 403);
    desk.pipedrive.recreate_property(&code).expect("it was there");
    assert_eq!(desk.get(&path).json["data"]["custom_fields"], json!({&code: "x"}));
    desk.pipedrive.drop_property("job_title").expect("it is there");
    assert_eq!(desk.get(&path).json["data"].get("job_title"), None);
    assert_invalid(&desk.patch(&path, &json!({"job_title": "y"})), "job_title is not allowed");
    assert!(desk.pipedrive.drop_property("nonsense").is_err());
}
