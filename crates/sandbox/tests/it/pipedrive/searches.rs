//! Search by term, over all objects, in one field; and its lag.

use serde_json::json;

use super::desk::{Desk, PERSONS, SECOND_US, assert_invalid, ids};

#[test]
fn persons_are_found_by_each_field() {
    let desk = Desk::calm();
    let key = desk.field("Lockstep id", "varchar", &[]);
    let ada = desk.person(json!({"name": "Ada Lovelace", "emails": [{"value": "Ada@Example.com"}],
        "phones": [{"value": "+44 (20) 7946-0123"}], "custom_fields": {&key: "K-1"}}));
    let bob =
        desk.person(json!({"name": "Bob", "emails": [{"value": "bob@example.com"}], "custom_fields": {&key: "k-12"}}));
    let find = |query: &str| desk.get(&format!("{PERSONS}/search?{query}"));
    assert_eq!(ids(&find("term=ada@example.com&fields=email&exact_match=true")), [ada]);
    assert_eq!(ids(&find("term=example.com&fields=email")), [ada, bob]);
    assert_eq!(ids(&find("term=k-1&fields=custom_fields&exact_match=true")), [ada], "in any case of letters");
    assert_eq!(ids(&find("term=k-1&fields=custom_fields")), [ada, bob]);
    assert_eq!(ids(&find("term=lovelace&fields=name")), [ada]);
    assert_eq!(ids(&find("term=lovelace&fields=email")), [] as [u64; 0]);
    assert_eq!(ids(&find("term=79460123&fields=phone")), [ada], "by digits");
    assert_eq!(ids(&find("term=b&exact_match=true")), [] as [u64; 0]);
    assert_invalid(&find("term=b"), "at least 2");
    assert_invalid(&find("term=bob&fields=shoe"), "fields");
    let item = &find("term=ada").json["data"]["items"][0]["item"];
    assert_eq!(item["emails"], json!(["Ada@Example.com"]));
    assert_eq!((&item["type"], &item["custom_fields"]), (&json!("person"), &json!(["K-1"])));
    let page = find("term=example.com&limit=1");
    let next = page.json["additional_data"]["next_cursor"].as_str().expect("a cursor");
    assert_eq!(ids(&find(&format!("term=example.com&limit=1&cursor={next}"))), [bob]);

    let by_field = |query: &str| desk.get(&format!("/api/v2/itemSearch/field?entity_type=person&field={key}&{query}"));
    assert_eq!(ids(&by_field("term=K-1")), [ada]);
    assert_eq!(ids(&by_field("term=K-1&match=beginning")), [ada, bob]);
    assert_invalid(&desk.get("/api/v2/itemSearch/field?entity_type=person&field=x&term=ab"), "field");
    let raw = Desk::with(|settings| settings.phones_by_digits = false);
    raw.person(json!({"name": "A", "phones": [{"value": "+44 (20) 7946-0123"}]}));
    raw.pass(5 * SECOND_US);
    assert_eq!(ids(&raw.get(&format!("{PERSONS}/search?term=79460123"))), [] as [u64; 0]);
    assert_eq!(ids(&raw.get(&format!("{PERSONS}/search?term=7946-0123"))), [1]);
}

#[test]
fn one_search_goes_over_all_objects() {
    let desk = Desk::calm();
    let org = desk.made("/api/v2/organizations", json!({"name": "Lamp works"}));
    let ada = desk.person(json!({"name": "Ada Lamp", "org_id": org}));
    desk.made("/api/v2/deals", json!({"title": "Lamps", "person_id": ada, "org_id": org}));
    let got = desk.get("/api/v2/itemSearch?term=lamp");
    let kinds: Vec<&str> = got.json["data"]["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|it| it["item"]["type"].as_str())
        .collect();
    assert_eq!(kinds, ["deal", "organization", "person"]);
    assert_eq!(ids(&desk.get("/api/v2/itemSearch?term=lamp&item_types=person")), [ada]);
    let deal = &desk.get("/api/v2/deals/search?term=lamps").json["data"]["items"][0]["item"];
    assert_eq!((&deal["person"]["name"], &deal["stage"]["name"]), (&json!("Ada Lamp"), &json!("Qualified")));
    assert_eq!(ids(&desk.get("/api/v2/organizations/search?term=works")), [org]);
}

#[test]
fn the_index_lags() {
    let desk = Desk::new();
    let id = desk.person(json!({"name": "Ada", "emails": [{"value": "a@example.com"}]}));
    let find = |term: &str| ids(&desk.get(&format!("{PERSONS}/search?term={term}")));
    assert!(find("a@example.com").is_empty(), "not found is no proof");
    assert_eq!(desk.get(&format!("{PERSONS}/{id}")).status, 200, "reads by id do not lag");
    desk.pass(2 * SECOND_US);
    assert_eq!(find("a@example.com"), [id]);
    desk.patch(&format!("{PERSONS}/{id}"), &json!({"emails": [{"value": "b@example.com"}]}));
    assert_eq!(find("a@example.com"), [id], "as it was");
    desk.pass(2 * SECOND_US);
    assert!(find("a@example.com").is_empty());
    assert_eq!(find("b@example.com"), [id]);
    desk.delete(&format!("{PERSONS}/{id}"));
    assert!(find("b@example.com").is_empty());
}
