use lockstep_sandbox::hubspot::Limits;
use serde_json::{Value, json};

use crate::desk::{Desk, Got, SECOND_US};

const SEARCH: &str = "/crm/v3/objects/contacts/search";

fn filtered(filters: Value) -> Value {
    json!({"filterGroups": [{"filters": filters}], "properties": ["email", "firstname"], "limit": "200"})
}

fn names(got: &Got) -> Vec<&str> {
    assert_eq!(got.status, 200, "{}", got.text);
    let results = got.json["results"].as_array().expect("results");
    results.iter().map(|it| it["properties"]["firstname"].as_str().unwrap_or("")).collect()
}

fn eq(name: &str, value: &str) -> Value {
    json!([{"propertyName": name, "operator": "EQ", "value": value}])
}

#[test]
fn the_index_learns_of_a_write_after_its_lag() {
    let desk = Desk::new();
    let id = desk.contact(json!({"email": "a@example.com", "firstname": "Old"}));
    assert_eq!(desk.post(SEARCH, &filtered(eq("email", "a@example.com"))).json["total"], 0);
    desk.pass(5 * SECOND_US);
    assert_eq!(names(&desk.post(SEARCH, &filtered(eq("email", "a@example.com")))), ["Old"]);
    desk.patch(&format!("/crm/v3/objects/contacts/{id}"), &json!({"properties": {"firstname": "New"}}));
    let stale = desk.post(SEARCH, &filtered(eq("firstname", "old")));
    assert_eq!(names(&stale), ["Old"], "the old value is still found and shown");
    desk.hubspot.archive(&id).expect("it is there");
    assert_eq!(desk.post(SEARCH, &filtered(eq("email", "a@example.com"))).json["total"], 1);
    desk.pass(5 * SECOND_US);
    assert_eq!(desk.post(SEARCH, &filtered(eq("email", "a@example.com"))).json["total"], 0);
}

fn desk_of_three() -> Desk {
    let desk = Desk::with(|settings| settings.quirks = false);
    desk.contact(
        json!({"firstname": "Ada", "email": "ada@example.com", "phone": "+49 30 12345678", "hs_lead_status": "NEW"}),
    );
    desk.pass(SECOND_US);
    desk.contact(json!({"firstname": "Grace", "email": "grace@navy.example", "associatedcompanyid": "9"}));
    desk.pass(SECOND_US);
    desk.contact(json!({"firstname": "Edith", "associatedcompanyid": "10"}));
    desk
}

/// Property, operator, value, and the first names it finds.
const OPERATORS: [(&str, &str, &str, &[&str]); 16] = [
    ("firstname", "EQ", "ADA", &["Ada"]),
    ("firstname", "NEQ", "Ada", &["Grace", "Edith"]),
    // Numbers are compared as numbers, not as text.
    ("associatedcompanyid", "GT", "9", &["Edith"]),
    ("associatedcompanyid", "GTE", "9", &["Grace", "Edith"]),
    ("associatedcompanyid", "LT", "10", &["Grace"]),
    ("lastmodifieddate", "LTE", "2026-01-01T01:00:00+01:00", &["Ada"]),
    ("lastmodifieddate", "GT", "1767225600000", &["Grace", "Edith"]),
    ("email", "HAS_PROPERTY", "", &["Ada", "Grace"]),
    ("email", "NOT_HAS_PROPERTY", "", &["Edith"]),
    ("email", "CONTAINS_TOKEN", "*navy.example", &["Grace"]),
    ("email", "NOT_CONTAINS_TOKEN", "navy", &["Ada", "Edith"]),
    (NATIONAL, "EQ", "3012345678", &["Ada"]),
    (NATIONAL, "CONTAINS_TOKEN", "*12345678", &["Ada"]),
    ("hs_lead_status", "EQ", "new", &["Ada"]),
    ("hs_object_id", "GT", "0", &["Ada", "Grace", "Edith"]),
    ("hs_object_id", "LT", "9", &[]),
];

const NATIONAL: &str = "hs_searchable_calculated_phone_number";

#[test]
fn operators_of_one_value_find_what_they_name() {
    let desk = desk_of_three();
    for (property, operator, value, expected) in OPERATORS {
        let filter = json!([{"propertyName": property, "operator": operator, "value": value}]);
        let got = desk.post(SEARCH, &filtered(filter));
        assert_eq!(names(&got), expected, "{property} {operator} {value}");
    }
}

#[test]
fn operators_of_many_values_find_what_they_name() {
    let desk = desk_of_three();
    let listed = |property: &str, operator: &str, values: &[&str]| json!([{"propertyName": property, "operator": operator, "values": values}]);
    let got = desk.post(SEARCH, &filtered(listed("firstname", "IN", &["ada", "Grace"])));
    assert_eq!(names(&got), ["Ada"], "capitals in a list of text find nothing");
    let got = desk.post(SEARCH, &filtered(listed("hs_lead_status", "IN", &["NEW"])));
    assert_eq!(names(&got), ["Ada"]);
    let got = desk.post(SEARCH, &filtered(listed("firstname", "NOT_IN", &["ada"])));
    assert_eq!(names(&got), ["Grace", "Edith"]);
    assert_eq!(desk.post(SEARCH, &filtered(listed("firstname", "IN", &[]))).status, 400);
    let (from, to) = ("1767225601000", "1767225601500");
    let between = json!([{"propertyName": "createdate", "operator": "BETWEEN", "value": from, "highValue": to}]);
    assert_eq!(names(&desk.post(SEARCH, &filtered(between))), ["Grace"]);
    let query = json!({"query": "grac", "properties": ["firstname"]});
    assert_eq!(names(&desk.post(SEARCH, &query)), ["Grace"]);
}

#[test]
fn groups_are_or_and_sorts_are_kept() {
    let desk = desk_of_three();
    let body = json!({
        "filterGroups": [{"filters": eq("firstname", "Ada")}, {"filters": eq("firstname", "Edith")}],
        "sorts": [{"propertyName": "lastmodifieddate", "direction": "DESCENDING"}],
        "properties": ["firstname"],
    });
    assert_eq!(names(&desk.post(SEARCH, &body)), ["Edith", "Ada"]);
    let got = desk.post(SEARCH, &json!({"sorts": ["email"], "properties": ["firstname"]}));
    assert_eq!(names(&got), ["Ada", "Grace", "Edith"], "no value comes last");
}

#[test]
fn pages_follow_offsets_or_ids_up_to_the_cap() {
    let desk = Desk::with(|settings| settings.page_max = Some(3));
    let rows = (0..10).map(|i| [("firstname".to_owned(), Value::from(i.to_string()))].into_iter().collect()).collect();
    assert_eq!(desk.hubspot.seed(rows).created, 10);
    let got = desk.post(SEARCH, &json!({"limit": 200, "properties": ["firstname"]}));
    assert_eq!(
        (got.json["total"].as_u64(), names(&got)),
        (Some(10), vec!["0", "1", "2"]),
        "a short page is not the end"
    );
    assert_eq!(got.json["paging"]["next"]["after"], "3");
    let last = got.json["results"][2]["id"].as_str().expect("an id");
    let by_id = json!([{"propertyName": "hs_object_id", "operator": "GT", "value": last}]);
    let got = desk.post(SEARCH, &filtered(by_id));
    assert_eq!((got.json["total"].as_u64(), names(&got)), (Some(7), vec!["3", "4", "5"]));
    assert_eq!(desk.post(SEARCH, &json!({"limit": 200, "after": "9998"})).status, 400);
    assert_eq!(desk.post(SEARCH, &json!({"limit": 201})).status, 400);
}

#[test]
fn too_many_filters_or_characters_are_refused() {
    let desk = Desk::with(|settings| settings.quirks = false);
    let one = json!({"propertyName": "email", "operator": "HAS_PROPERTY"});
    let groups =
        |count: usize, each: usize| json!({"filterGroups": vec![json!({"filters": vec![one.clone(); each]}); count]});
    assert_eq!(desk.post(SEARCH, &groups(3, 6)).status, 200);
    assert_eq!(desk.post(SEARCH, &groups(4, 5)).status, 400, "20 in all");
    assert_eq!(desk.post(SEARCH, &groups(6, 1)).status, 400);
    assert_eq!(desk.post(SEARCH, &groups(1, 7)).status, 400);
    assert_eq!(desk.post(SEARCH, &filtered(eq("firstname", &"x".repeat(3_000)))).status, 400);
    assert_eq!(desk.post(SEARCH, &filtered(eq("nonsense", "x"))).status, 400);
    assert_eq!(
        desk.post("/crm/v3/objects/butterflies/search", &json!({})).json["message"],
        "Unable to infer object type from: butterflies"
    );
}

#[test]
fn searches_have_a_limiter_of_their_own() {
    let desk = Desk::with(|settings| settings.limits = Limits { search_per_second: 5, ..Limits::default() });
    for _ in 0..5 {
        let got = desk.post(SEARCH, &json!({}));
        assert_eq!(got.status, 200);
        assert!(!got.headers.contains_key("x-hubspot-ratelimit-remaining"));
    }
    let got = desk.post(SEARCH, &json!({}));
    assert_eq!((got.status.as_u16(), got.json["policyName"].as_str()), (429, Some("SECONDLY")));
    assert_eq!(got.json["errorType"], "RATE_LIMIT");
    let other = desk.get("/crm/v3/objects/contacts");
    assert_eq!(other.headers["x-hubspot-ratelimit-max"], "110");
    assert_eq!(desk.hubspot.calls().throttled, 1);
    desk.pass(SECOND_US);
    assert_eq!(desk.post(SEARCH, &json!({})).status, 200);
}
