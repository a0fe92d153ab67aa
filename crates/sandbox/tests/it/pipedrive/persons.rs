//! Persons, organisations, deals and activities, one at a time.

use serde_json::json;

use super::desk::{DAY_US, Desk, PERSONS, SECOND_US, assert_invalid};

#[test]
fn what_is_written_is_read_back_and_nothing_is_unique() {
    let desk = Desk::new();
    let draft = json!({"name": "Zoë van der Berg",
        "emails": [{"value": "z@example.com", "primary": true, "label": "work"}],
        "phones": [{"value": "+31 6 1234 5678"}], "job_title": "親方", "label_ids": [1, 2]});
    let (first, second) = (desk.person(draft.clone()), desk.person(draft));
    assert_ne!(first, second, "two creates make two persons");
    let read = desk.get(&format!("{PERSONS}/{first}"));
    assert_eq!(read.status, 200);
    let data = &read.json["data"];
    assert_eq!((data["first_name"].as_str(), data["last_name"].as_str()), (Some("Zoë"), Some("van der Berg")));
    assert_eq!(data["phones"], json!([{"value": "+31 6 1234 5678", "primary": true, "label": "work"}]));
    assert_eq!((&data["job_title"], &data["label_ids"]), (&json!("親方"), &json!([1, 2])));
    assert_eq!(data["add_time"], "2026-01-01T00:00:00Z");
    assert_eq!(
        (&data["org_id"], &data["is_deleted"], &data["custom_fields"]),
        (&json!(null), &json!(false), &json!({}))
    );
}

#[test]
fn an_update_touches_only_what_it_names() {
    let desk = Desk::new();
    let org = desk.made("/api/v2/organizations", json!({"name": "Lamps"}));
    let id = desk.person(json!({"name": "Ada", "org_id": org, "emails": [{"value": "a@example.com"}], "notes": "x"}));
    desk.pass(60 * SECOND_US);
    let path = format!("{PERSONS}/{id}");
    let got = desk
        .patch(&path, &json!({"emails": [{"value": "b@example.com"}, {"value": "c@example.com", "primary": true}]}));
    assert_eq!(got.status, 200, "{}", got.text);
    let emails = json!([{"value": "b@example.com", "primary": false, "label": "work"},
        {"value": "c@example.com", "primary": true, "label": "work"}]);
    assert_eq!(got.json["data"]["emails"], emails, "the list is replaced whole");
    assert_eq!(got.json["data"]["org_id"], org);
    assert_eq!(got.json["data"]["update_time"], "2026-01-01T00:01:00Z");
    let cleared = desk.patch(&path, &json!({"org_id": null, "notes": null, "emails": []}));
    assert_eq!((&cleared.json["data"]["org_id"], &cleared.json["data"]["emails"]), (&json!(null), &json!([])));
    assert_eq!(cleared.json["data"]["name"], "Ada");
    desk.pass(60 * SECOND_US);
    let same = desk.patch(&path, &json!({"name": "Ada"}));
    assert_eq!(same.json["data"]["update_time"], "2026-01-01T00:01:00Z", "nothing moved");
}

#[test]
fn values_come_in_their_own_type_or_not_at_all() {
    let desk = Desk::calm();
    assert_invalid(&desk.post(PERSONS, &json!({})), "name is required");
    let bad = [
        (json!({"name": ""}), "name"),
        (json!({"name": 7}), "name"),
        (json!({"name": "A", "email": "a@example.com"}), "email is not allowed"),
        (json!({"name": "A", "first_name": "A"}), "first_name is not allowed"),
        (json!({"name": "A", "emails": "a@example.com"}), "emails"),
        (json!({"name": "A", "emails": [{"value": "a", "kind": "x"}]}), "kind is not allowed"),
        (json!({"name": "A", "org_id": "1"}), "org_id: must be an integer"),
        (json!({"name": "A", "org_id": 99}), "99 does not exist"),
        (json!({"name": "A", "owner_id": 1}), "1 does not exist"),
        (json!({"name": "A", "label_ids": [77]}), "77 does not exist"),
        (json!({"name": "A", "visible_to": 2}), "visible_to"),
        (json!({"name": "A", "birthday": "1.2.2000"}), "birthday"),
        (json!({"name": "A", "job_title": "x".repeat(256)}), "255"),
        (json!({"name": "A", "custom_fields": {"0".repeat(40): "x"}}), "is not allowed"),
    ];
    for (body, names) in bad {
        assert_invalid(&desk.post(PERSONS, &body), names);
    }
    let broken = desk.ask(http::Method::POST, PERSONS, &[("x-api-token", "t")], "{".into());
    assert_eq!(broken.status, 400);
    assert!(desk.pipedrive.records().is_empty());
    let long = desk.person(json!({"name": "A", "notes": "ü".repeat(60_000)}));
    assert_eq!(desk.pipedrive.get(&long.to_string()).and_then(|it| it.value("notes").map(str::len)), Some(120_000));
}

#[test]
fn a_deleted_record_leaves_the_lists_and_is_purged_after_thirty_days() {
    let desk = Desk::new();
    let id = desk.person(json!({"name": "Ada"}));
    let path = format!("{PERSONS}/{id}");
    assert_eq!(desk.delete(&path).json, json!({"success": true, "data": {"id": id}}));
    assert_eq!(desk.get(PERSONS).json["data"], json!([]));
    assert_eq!(desk.get(&path).json["data"]["is_deleted"], true);
    assert_eq!(desk.patch(&path, &json!({"name": "B"})).status, 404);
    assert_eq!(desk.delete(&path).status, 404);
    desk.pass(30 * DAY_US);
    let gone = desk.get(&path);
    assert_eq!((gone.status.as_u16(), gone.json["code"].as_str()), (404, Some("ERR_NOT_FOUND")));
    assert_eq!(gone.json["success"], false);

    let strict = Desk::with(|settings| settings.reads_deleted = false);
    let id = strict.person(json!({"name": "Ada"}));
    strict.delete(&format!("{PERSONS}/{id}"));
    assert_eq!(strict.get(&format!("{PERSONS}/{id}")).status, 404);
}

#[test]
fn merges_keep_the_one_whose_data_wins() {
    let desk = Desk::new();
    let a = desk.person(json!({"name": "Ada", "job_title": "Boss", "emails": [{"value": "a@example.com"}]}));
    let b = desk.person(json!({"name": "Ada L", "emails": [{"value": "b@example.com"}, {"value": "a@example.com"}]}));
    let deal = desk.made("/api/v2/deals", json!({"title": "Lamps", "person_id": a}));
    let merged = desk.put(&format!("/v1/persons/{a}/merge"), &json!({"merge_with_id": b}));
    assert_eq!(merged.status, 200, "{}", merged.text);
    let data = &merged.json["data"];
    assert_eq!((data["id"].as_u64(), data["merge_what_id"].as_u64()), (Some(b), Some(a)));
    assert_eq!((data["name"].as_str(), data["job_title"].as_str()), (Some("Ada L"), Some("Boss")));
    assert_eq!(data["email"].as_array().map(Vec::len), Some(2));
    assert_eq!(desk.get(&format!("/api/v2/deals/{deal}")).json["data"]["person_id"], b);
    let record = desk.pipedrive.get(&a.to_string()).expect("kept");
    assert_eq!((record.archived, record.merged_into), (true, Some(b.to_string())));
    assert!(desk.pipedrive.restore(&a.to_string()).is_err());

    let other = Desk::with(|settings| settings.survivor = lockstep_sandbox::pipedrive::Survivor::Path);
    let (a, b) = (other.person(json!({"name": "A"})), other.person(json!({"name": "B"})));
    let merged = other.put(&format!("/api/v1/persons/{a}/merge"), &json!({"merge_with_id": b}));
    assert_eq!((&merged.json["data"]["id"], &merged.json["data"]["name"]), (&json!(a), &json!("B")));
    assert_eq!(other.put(&format!("/v1/persons/{a}/merge"), &json!({"merge_with_id": 77})).status, 404);
}

#[test]
fn deals_activities_and_stages_follow_their_rules() {
    let desk = Desk::calm();
    let ada = desk.person(json!({"name": "Ada"}));
    let deal =
        desk.made("/api/v2/deals", json!({"title": "Lamps", "value": 12.5, "currency": "EUR", "person_id": ada}));
    let path = format!("/api/v2/deals/{deal}");
    let first = desk.get(&path);
    assert_eq!((&first.json["data"]["status"], &first.json["data"]["stage_id"]), (&json!("open"), &json!(1)));
    desk.pass(SECOND_US);
    let won = desk.patch(&path, &json!({"status": "won", "stage_id": 5}));
    assert_eq!(won.json["data"]["won_time"], "2026-01-01T00:00:01Z");
    assert_eq!(won.json["data"]["stage_change_time"], "2026-01-01T00:00:01Z");
    assert_invalid(&desk.patch(&path, &json!({"stage_id": 9})), "9 does not exist");
    assert_invalid(&desk.patch(&path, &json!({"status": "nearly"})), "status");
    assert_invalid(&desk.patch(&path, &json!({"value": "12"})), "value: must be a number");
    assert_eq!(desk.get("/api/v2/stages").json["data"].as_array().map(Vec::len), Some(5));
    assert_eq!(desk.get("/api/v2/pipelines/1").json["data"]["name"], "Pipeline");
    let activity = json!({"subject": "Ring back", "type": "call", "due_date": "2026-02-01", "due_time": "09:30",
        "participants": [{"person_id": ada, "primary": true}], "person_id": ada});
    let id = desk.made("/api/v2/activities", activity);
    let done = desk.patch(&format!("/api/v2/activities/{id}"), &json!({"done": true}));
    assert_eq!(done.json["data"]["due_time"], "09:30:00");
    assert_eq!(done.json["data"]["marked_as_done_time"], "2026-01-01T00:00:01Z");
    assert_invalid(&desk.patch(&format!("/api/v2/activities/{id}"), &json!({"done": 1})), "done: must be a boolean");
}

#[test]
fn what_went_to_v2_is_gone_from_v1() {
    let desk = Desk::new();
    assert_eq!(desk.get("/v1/persons").status, 410);
    assert_eq!(desk.post("/api/v1/deals", &json!({"title": "x"})).status, 410);
    assert_eq!(desk.get("/v1/nonsense").status, 404);
    assert_eq!(desk.put(PERSONS, &json!({})).status, 405);
}
