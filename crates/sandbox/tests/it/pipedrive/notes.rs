//! What only v1 has: notes, users, recent changes.

use serde_json::json;

use super::desk::{Desk, PERSONS, SECOND_US, ids};

#[test]
fn notes_are_about_something() {
    let desk = Desk::calm();
    let ada = desk.person(json!({"name": "Ada"}));
    let note = json!({"content": "<b>Hello</b> 👋", "person_id": ada, "pinned_to_person_flag": 1,
        "add_time": "2025-12-01 10:00:00"});
    let id = desk.made("/v1/notes", note);
    let read = desk.get(&format!("/api/v1/notes/{id}")).json["data"].clone();
    assert_eq!((&read["content"], &read["person"]["name"]), (&json!("<b>Hello</b> 👋"), &json!("Ada")));
    assert_eq!((&read["add_time"], &read["pinned_to_person_flag"]), (&json!("2025-12-01 10:00:00"), &json!(true)));
    let alone = desk.post("/v1/notes", &json!({"content": "x"}));
    assert_eq!(alone.status, 400);
    assert!(alone.json["error"].as_str().is_some_and(|it| it.contains("required")));
    assert_eq!(desk.post("/v1/notes", &json!({"person_id": ada})).status, 400);
    desk.made("/v1/notes", json!({"content": "second", "person_id": ada}));
    let page = desk.get(&format!("/v1/notes?person_id={ada}&limit=1"));
    let pagination = json!({"start": 0, "limit": 1, "more_items_in_collection": true, "next_start": 1});
    assert_eq!((ids(&page), &page.json["additional_data"]["pagination"]), (vec![1], &pagination));
    assert_eq!(ids(&desk.get(&format!("/v1/notes?person_id={ada}&start=1"))), [2]);
    assert_eq!(ids(&desk.get("/v1/notes?sort=id%20DESC")), [2, 1]);
    let changed = desk.put(&format!("/v1/notes/{id}"), &json!({"content": "new"}));
    assert_eq!((&changed.json["data"]["content"], &changed.json["data"]["person_id"]), (&json!("new"), &json!(ada)));
    assert_eq!(desk.delete(&format!("/v1/notes/{id}")).json["data"], true);
    assert_eq!(desk.get(&format!("/v1/notes/{id}")).status, 404);
}

#[test]
fn the_token_has_a_user_and_a_company() {
    let desk = Desk::new();
    let me = desk.get("/v1/users/me").json["data"].clone();
    assert_eq!((&me["company_id"], &me["is_you"]), (&json!(13_313_052), &json!(true)));
    assert_eq!(desk.get("/v1/users").json["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.get("/v1/users/find?term=ben").json["data"][0]["id"], 20_580_208);
    assert_eq!(desk.get("/v1/users/7").status, 404);
    for path in ["currencies", "activityTypes", "leadLabels"] {
        assert_eq!(desk.get(&format!("/v1/{path}")).status, 200);
    }
}

#[test]
fn recent_changes_show_deletions() {
    let desk = Desk::calm();
    let (a, b) = (desk.person(json!({"name": "A"})), desk.person(json!({"name": "B"})));
    desk.pass(SECOND_US);
    desk.delete(&format!("{PERSONS}/{a}"));
    let got = desk.get("/v1/recents?since_timestamp=2026-01-01%2000:00:01&items=person");
    let rows = got.json["data"].as_array().expect("rows");
    assert_eq!((rows.len(), &rows[0]["item"], &rows[0]["id"]), (1, &json!("person"), &json!(a)));
    assert_eq!(rows[0]["data"]["active_flag"], false);
    assert_eq!(got.json["additional_data"]["last_timestamp_on_page"], "2026-01-01 00:00:01");
    let all = desk.get("/v1/recents?since_timestamp=2026-01-01%2000:00:00");
    assert_eq!(ids(&all), [b, a]);
    assert_eq!(desk.get("/v1/recents").status, 400);
}
