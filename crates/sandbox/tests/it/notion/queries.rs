use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::desk::SECOND_US;

fn seeded(desk: &Desk, count: usize) {
    let row = |i: usize| json!({"Name": format!("Person {i}"), "Email": format!("p{i}@example.com"), "Phone": format!("+3460011{i:04}"), "Score": i});
    let rows = (0..count).filter_map(|i| row(i).as_object().cloned()).collect();
    assert_eq!(desk.notion.seed(rows).created, count);
}

/// All rows of a query, cursor by cursor; the last answer; how many answers.
fn all(desk: &Desk, body: &Value) -> (Vec<Value>, Value, usize) {
    let (mut rows, mut body, mut answers) = (Vec::new(), body.clone(), 0);
    loop {
        let got = desk.query(&body);
        assert_eq!(got.status, 200, "{}", got.text);
        rows.extend(got.results().to_vec());
        answers += 1;
        if got.json["has_more"] == false {
            return (rows, got.json, answers);
        }
        body["start_cursor"] = got.json["next_cursor"].clone();
    }
}

#[test]
fn people_are_found_by_phone_mail_key_and_number() {
    let desk = Desk::new();
    seeded(&desk, 30);
    let key = json!({"properties": {"Lockstep ID": {"rich_text": {}}}});
    let got = desk.patch(&format!("/v1/data_sources/{}", desk.contacts), &key);
    assert_eq!(got.json["properties"]["Lockstep ID"]["type"], "rich_text", "{}", got.text);
    let one = &desk.find(&json!({"property": "Email", "email": {"equals": "p7@example.com"}}))[0];
    desk.write(one, &json!({"Lockstep ID": {"rich_text": [{"text": {"content": "con_7"}}]}}));
    let same = [
        json!({"property": "Phone", "phone_number": {"equals": "+34600110007"}}),
        json!({"property": "Lockstep ID", "rich_text": {"equals": "con_7"}}),
        json!({"property": got.json["properties"]["Lockstep ID"]["id"], "rich_text": {"is_not_empty": true}}),
        json!({"property": "Number", "unique_id": {"equals": 8}}),
        json!({"property": "Score", "number": {"equals": 7}}),
        json!({"and": [{"property": "Name", "title": {"contains": "PERSON 7"}}, {"or": [{"property": "Score", "number": {"less_than": 10}}]}]}),
    ];
    for filter in same {
        assert_eq!(desk.find(&filter), std::slice::from_ref(one), "{filter}");
    }
    assert!(
        desk.find(&json!({"property": "Phone", "phone_number": {"equals": "34600110007"}})).is_empty(),
        "as it is written"
    );
    let refused = |filter: Value| {
        let got = desk.query(&json!({"filter": filter}));
        assert_eq!((got.status.as_u16(), got.code()), (400, "validation_error"), "{}", got.text);
        got.message().to_owned()
    };
    assert_eq!(
        refused(json!({"property": "Mood", "rich_text": {"equals": "a"}})),
        "Could not find property with name or id: Mood"
    );
    assert_eq!(
        refused(json!({"property": "Email", "rich_text": {"equals": "a"}})),
        "database property email does not match filter rich_text"
    );
    let deep = json!({"or": [{"and": [{"or": [{"property": "Score", "number": {"equals": 1}}]}]}]});
    assert!(refused(deep).contains("two levels deep"));
}

#[test]
fn filters_know_every_kind() {
    let desk = Desk::new();
    let company = desk.notion.create_of("Companies", &[("Name", "A")]).expect("a company");
    let values = [
        ("Name", "Ada"),
        ("Stage", "Lead"),
        ("Status", "Done"),
        ("Tags", "VIP,Neu"),
        ("Opted in", "true"),
        ("Birthday", "2026-01-05"),
        ("Company", company.as_str()),
        ("Notes", "hello"),
        ("Website", "https://example.com"),
    ];
    let ada = desk.notion.create(&values).expect("a contact");
    desk.notion.create(&[("Name", "Bob")]).expect("a contact");
    let finds = |filter: Value| desk.find(&filter) == [ada.clone()];
    assert!(finds(json!({"property": "Stage", "select": {"equals": "Lead"}})));
    assert!(finds(json!({"property": "Status", "status": {"equals": ["Done", "Other"]}})));
    assert!(finds(json!({"property": "Tags", "multi_select": {"contains": "Neu"}})));
    assert!(finds(json!({"property": "Opted in", "checkbox": {"equals": true}})));
    assert!(finds(json!({"property": "Birthday", "date": {"on_or_after": "2026-01-05"}})));
    assert!(finds(json!({"property": "Birthday", "date": {"next_week": {}}})));
    assert!(finds(json!({"property": "Company", "relation": {"contains": company}})));
    assert!(finds(json!({"property": "Notes", "rich_text": {"starts_with": "HE"}})));
    assert!(finds(json!({"property": "Website", "url": {"is_not_empty": true}})));
    assert!(finds(json!({"property": "Label", "formula": {"string": {"equals": "Ada"}}})));
    assert!(!finds(json!({"property": "Tags", "multi_select": {"is_empty": true}})));
    assert!(desk.find(&json!({"property": "Birthday", "date": {"after": "2026-01-05"}})).is_empty());
    assert!(desk.find(&json!({"timestamp": "created_time", "created_time": {"past_week": {}}})).len() == 2);
}

#[test]
fn pages_follow_each_other_in_the_order_asked_for() {
    let desk = Desk::new();
    seeded(&desk, 250);
    let sorts = json!([{"property": "Score", "direction": "descending"}]);
    let (rows, last, answers) = all(&desk, &json!({"sorts": sorts}));
    assert_eq!((rows.len(), answers), (250, 3));
    assert_eq!(rows[0]["properties"]["Score"]["number"], 249);
    assert_eq!(rows[249]["properties"]["Score"]["number"], 0);
    assert_eq!(last.get("request_status"), None);
    let one = desk.query(&json!({"page_size": 1}));
    assert_eq!(one.results().len(), 1);
    assert!(desk.query(&json!({"page_size": 101})).message().contains("body.page_size should be ≤ `100`"));
    assert!(desk.query(&json!({"start_cursor": "x"})).message().contains("start_cursor provided is invalid"));
    let far = desk.query(&json!({"start_cursor": "c0de0000-0000-4000-8000-ffffffffffffffff"}));
    assert_eq!((far.results().len(), &far.json["has_more"]), (0, &json!(false)));
    let only = format!("/v1/data_sources/{}/query?filter_properties=Email&filter_properties=title", desk.contacts);
    let got = desk.post(&only, &json!({"page_size": 1}));
    let mut names: Vec<&String> = got.results()[0]["properties"].as_object().expect("properties").keys().collect();
    names.sort();
    assert_eq!(names, ["Email", "Name"]);
}

#[test]
fn a_cursor_is_no_snapshot() {
    let desk = Desk::new();
    seeded(&desk, 4);
    let body = json!({"page_size": 2, "sorts": [{"timestamp": "last_edited_time", "direction": "ascending"}]});
    let first = desk.query(&body);
    let read: BTreeSet<&str> = first.results().iter().filter_map(|it| it["id"].as_str()).collect();
    desk.pass(60 * SECOND_US);
    desk.notion.edit(read.iter().next().expect("a row"), &[("Score", "9")]).expect("it is there");
    let mut body = body.clone();
    body["start_cursor"] = first.json["next_cursor"].clone();
    let second = desk.query(&body);
    let fresh = second.results().iter().filter(|it| !read.contains(it["id"].as_str().unwrap_or_default())).count();
    assert_eq!(fresh, 1, "one row came twice and one not at all");
}

#[test]
fn a_query_ends_after_ten_thousand_rows_and_says_so() {
    let desk = Desk::with(|settings| {
        settings.quirks = false;
        settings.query_max = 150;
    });
    seeded(&desk, 160);
    let (rows, last, _) = all(&desk, &json!({}));
    assert_eq!(rows.len(), 150);
    assert_eq!(
        last["request_status"],
        json!({"type": "incomplete", "incomplete_reason": "query_result_limit_reached"})
    );
    let few = desk.query(&json!({"filter": {"property": "Score", "number": {"less_than": 5}}}));
    assert_eq!(few.json.get("request_status"), None);
}

#[test]
fn the_trash_is_asked_for_apart() {
    let desk = Desk::new();
    let (a, b) = (desk.contact("A", "a@example.com"), desk.contact("B", "b@example.com"));
    desk.notion.archive(&a).expect("it is there");
    let ids = |body: Value| desk.query(&body).results().iter().map(|it| it["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(json!({})), [json!(b)]);
    assert_eq!(ids(json!({"in_trash": true})), [json!(a)]);
    desk.notion.restore(&a).expect("it lies there");
    assert!(desk.notion.restore(&a).is_err());
    assert_eq!(ids(json!({})).len(), 2);
}

#[test]
fn search_goes_by_title_and_lags() {
    let desk = Desk::with(|settings| settings.limits.per_connection = 1_000);
    let sources = desk.post("/v1/search", &json!({"filter": {"property": "object", "value": "data_source"}}));
    assert_eq!(sources.results().len(), 4, "{}", sources.text);
    desk.contact("Ada Lovelace", "ada@example.com");
    let search = || desk.post("/v1/search", &json!({"query": "lovelace"})).results().len();
    assert_eq!(search(), 0, "the index does not know yet");
    assert_eq!(desk.find(&json!({"property": "Name", "title": {"equals": "Ada Lovelace"}})).len(), 1, "a query does");
    desk.pass(5 * SECOND_US);
    assert_eq!(search(), 1);
    let all = desk.post(
        "/v1/search",
        &json!({"page_size": 1, "sort": {"timestamp": "last_edited_time", "direction": "descending"}}),
    );
    assert_eq!(all.json["has_more"], true);
    assert_eq!(
        desk.post("/v1/search", &json!({"filter": {"property": "object", "value": "database"}})).code(),
        "validation_error"
    );
}
