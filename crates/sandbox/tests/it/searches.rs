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
    results
        .iter()
        .map(|it| it["properties"]["firstname"].as_str().unwrap_or(""))
        .collect()
}

fn eq(name: &str, value: &str) -> Value {
    json!([{"propertyName": name, "operator": "EQ", "value": value}])
}

#[test]
fn the_index_learns_of_a_write_after_its_lag() {
    let desk = Desk::new();
    let id = desk.contact(json!({"email": "a@example.com", "firstname": "Old"}));
    assert_eq!(
        desk.post(SEARCH, &filtered(eq("email", "a@example.com")))
            .json["total"],
        0
    );
    desk.pass(5 * SECOND_US);
    assert_eq!(
        names(&desk.post(SEARCH, &filtered(eq("email", "a@example.com")))),
        ["Old"]
    );
    desk.patch(
        &format!("/crm/v3/objects/contacts/{id}"),
        &json!({"properties": {"firstname": "New"}}),
    );
    let stale = desk.post(SEARCH, &filtered(eq("firstname", "old")));
    assert_eq!(
        names(&stale),
        ["Old"],
        "the old value is still found and shown"
    );
    desk.hubspot.archive(&id).expect("it is there");
    assert_eq!(
        desk.post(SEARCH, &filtered(eq("email", "a@example.com")))
            .json["total"],
        1
    );
    desk.pass(5 * SECOND_US);
    assert_eq!(
        desk.post(SEARCH, &filtered(eq("email", "a@example.com")))
            .json["total"],
        0
    );
}

fn desk_of_three() -> Desk {
    let desk = Desk::with(|settings| settings.quirks = false);
    desk.contact(json!({"firstname": "Ada", "email": "ada@example.com", "phone": "+49 30 12345678", "hs_lead_status": "NEW"}));
    desk.pass(SECOND_US);
    desk.contact(
        json!({"firstname": "Grace", "email": "grace@navy.example", "associatedcompanyid": "9"}),
    );
    desk.pass(SECOND_US);
    desk.contact(json!({"firstname": "Edith", "associatedcompanyid": "10"}));
    desk
}

#[test]
fn every_operator_finds_what_it_names() {
    let desk = desk_of_three();
    let found = |filter: Value| {
        let got = desk.post(SEARCH, &filtered(json!([filter])));
        names(&got)
            .iter()
            .map(|it| (*it).to_owned())
            .collect::<Vec<_>>()
    };
    let value = |name: &str, operator: &str, value: &str| json!({"propertyName": name, "operator": operator, "value": value});
    assert_eq!(found(value("firstname", "EQ", "ADA")), ["Ada"]);
    assert_eq!(found(value("firstname", "NEQ", "Ada")), ["Grace", "Edith"]);
    assert_eq!(
        found(value("associatedcompanyid", "GT", "9")),
        ["Edith"],
        "numbers are compared as numbers"
    );
    assert_eq!(
        found(value("associatedcompanyid", "GTE", "9")),
        ["Grace", "Edith"]
    );
    assert_eq!(found(value("associatedcompanyid", "LT", "10")), ["Grace"]);
    assert_eq!(
        found(value(
            "lastmodifieddate",
            "LTE",
            "2026-01-01T01:00:00+01:00"
        )),
        ["Ada"]
    );
    assert_eq!(
        found(value("lastmodifieddate", "GT", "1767225600000")),
        ["Grace", "Edith"]
    );
    assert_eq!(
        found(
            json!({"propertyName": "createdate", "operator": "BETWEEN", "value": "1767225601000", "highValue": "1767225601500"})
        ),
        ["Grace"]
    );
    assert_eq!(
        found(json!({"propertyName": "firstname", "operator": "IN", "values": ["ada", "Grace"]})),
        ["Ada"],
        "capitals in a list find nothing"
    );
    assert_eq!(
        found(json!({"propertyName": "hs_lead_status", "operator": "IN", "values": ["NEW"]})),
        ["Ada"]
    );
    assert_eq!(
        found(json!({"propertyName": "firstname", "operator": "NOT_IN", "values": ["ada"]})),
        ["Grace", "Edith"]
    );
    assert_eq!(
        found(json!({"propertyName": "email", "operator": "HAS_PROPERTY"})),
        ["Ada", "Grace"]
    );
    assert_eq!(
        found(json!({"propertyName": "email", "operator": "NOT_HAS_PROPERTY"})),
        ["Edith"]
    );
    assert_eq!(
        found(value("email", "CONTAINS_TOKEN", "*navy.example")),
        ["Grace"]
    );
    assert_eq!(
        found(value("email", "NOT_CONTAINS_TOKEN", "navy")),
        ["Ada", "Edith"]
    );
    assert_eq!(
        found(value(
            "hs_searchable_calculated_phone_number",
            "EQ",
            "3012345678"
        )),
        ["Ada"]
    );
    assert_eq!(
        found(value(
            "hs_searchable_calculated_phone_number",
            "CONTAINS_TOKEN",
            "*12345678"
        )),
        ["Ada"]
    );
    assert_eq!(
        names(&desk.post(
            SEARCH,
            &json!({"query": "grac", "properties": ["firstname"]})
        )),
        ["Grace"]
    );
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
    let got = desk.post(
        SEARCH,
        &json!({"sorts": ["email"], "properties": ["firstname"]}),
    );
    assert_eq!(
        names(&got),
        ["Ada", "Grace", "Edith"],
        "no value comes last"
    );
}

#[test]
fn pages_follow_offsets_or_ids_up_to_the_cap() {
    let desk = Desk::with(|settings| settings.page_max = Some(3));
    let rows = (0..10)
        .map(|i| {
            [("firstname".to_owned(), Value::from(i.to_string()))]
                .into_iter()
                .collect()
        })
        .collect();
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
    assert_eq!(
        (got.json["total"].as_u64(), names(&got)),
        (Some(7), vec!["3", "4", "5"])
    );
    assert_eq!(
        desk.post(SEARCH, &json!({"limit": 200, "after": "9998"}))
            .status,
        400
    );
    assert_eq!(desk.post(SEARCH, &json!({"limit": 201})).status, 400);
}

#[test]
fn too_many_filters_or_characters_are_refused() {
    let desk = Desk::with(|settings| settings.quirks = false);
    let one = json!({"propertyName": "email", "operator": "HAS_PROPERTY"});
    let groups = |count: usize, each: usize| json!({"filterGroups": vec![json!({"filters": vec![one.clone(); each]}); count]});
    assert_eq!(desk.post(SEARCH, &groups(3, 6)).status, 200);
    assert_eq!(desk.post(SEARCH, &groups(4, 5)).status, 400, "20 in all");
    assert_eq!(desk.post(SEARCH, &groups(6, 1)).status, 400);
    assert_eq!(desk.post(SEARCH, &groups(1, 7)).status, 400);
    assert_eq!(
        desk.post(SEARCH, &filtered(eq("firstname", &"x".repeat(3_000))))
            .status,
        400
    );
    assert_eq!(
        desk.post(SEARCH, &filtered(eq("nonsense", "x"))).status,
        400
    );
    assert_eq!(
        desk.post("/crm/v3/objects/butterflies/search", &json!({}))
            .json["message"],
        "Unable to infer object type from: butterflies"
    );
}

#[test]
fn searches_have_a_limiter_of_their_own() {
    let desk = Desk::with(|settings| {
        settings.limits = Limits {
            search_per_second: 5,
            ..Limits::default()
        }
    });
    for _ in 0..5 {
        let got = desk.post(SEARCH, &json!({}));
        assert_eq!(got.status, 200);
        assert!(!got.headers.contains_key("x-hubspot-ratelimit-remaining"));
    }
    let got = desk.post(SEARCH, &json!({}));
    assert_eq!(
        (got.status.as_u16(), got.json["policyName"].as_str()),
        (429, Some("SECONDLY"))
    );
    assert_eq!(got.json["errorType"], "RATE_LIMIT");
    let other = desk.get("/crm/v3/objects/contacts");
    assert_eq!(other.headers["x-hubspot-ratelimit-max"], "110");
    assert_eq!(desk.hubspot.calls().throttled, 1);
    desk.pass(SECOND_US);
    assert_eq!(desk.post(SEARCH, &json!({})).status, 200);
}
