use std::sync::Arc;

use serde_json::{Value, json};

use super::desk::Desk;
use crate::desk::SECOND_US;

fn text(content: &str) -> Value {
    json!([{"text": {"content": content}}])
}

#[test]
fn a_contact_is_made_read_changed_and_trashed() {
    let desk = Desk::new();
    let id = desk.contact("Ada 😀 Lovelace", "ada@example.com");
    let page = desk.page(&id);
    assert_eq!(page["properties"]["Name"]["title"][0]["plain_text"], "Ada 😀 Lovelace");
    assert_eq!(
        page["properties"]["Email"],
        json!({"id": page["properties"]["Email"]["id"], "type": "email", "email": "ada@example.com"})
    );
    assert_eq!(page["parent"]["data_source_id"], desk.contacts);
    assert_eq!(page["properties"]["Number"]["unique_id"], json!({"prefix": "C", "number": 1}));

    let got = desk.write(&id, &json!({"Phone": {"phone_number": "+34600111222"}}));
    assert_eq!(got.json["properties"]["Email"]["email"], "ada@example.com", "what is not named stays");
    let got = desk.write(&id, &json!({"Email": {"email": null}, "Name": {"title": []}}));
    assert_eq!(got.json["properties"]["Email"]["email"], Value::Null);
    assert_eq!(got.json["properties"]["Name"]["title"], json!([]));
    assert_eq!(got.json["properties"]["Phone"]["phone_number"], "+34600111222");

    let path = format!("/v1/pages/{}", id.replace('-', ""));
    assert_eq!(desk.patch(&path, &json!({"in_trash": true})).json["in_trash"], true);
    assert_eq!(desk.page(&id)["archived"], true, "a page in the trash can be read");
    let got = desk.write(&id, &json!({"Phone": {"phone_number": null}}));
    assert_eq!((got.status.as_u16(), got.code()), (400, "validation_error"));
    assert!(desk.notion.records()[0].archived);
    assert_eq!(desk.patch(&path, &json!({"archived": false})).json["in_trash"], false);
}

#[test]
fn every_kind_of_value_comes_back_as_notion_keeps_it() {
    let desk = Desk::new();
    let company = desk.notion.create_of("Companies", &[("Name", "Analytical Engines")]).expect("a company");
    let me = desk.get("/v1/users").results()[0]["id"].clone();
    let got = desk.make(&json!({
        "Name": text("Ada"),
        "Stage": {"select": {"name": "Qualified"}},
        "Status": {"status": {"name": "In progress"}},
        "Tags": {"multi_select": [{"name": "VIP"}, {"name": "Neu"}, {"name": "VIP"}]},
        "Score": {"number": 12.5},
        "Birthday": {"date": {"start": "1815-12-10"}},
        "Opted in": {"checkbox": true},
        "Notes": {"rich_text": [{"text": {"content": "a ", "link": {"url": "https://example.com"}}}, {"text": {"content": "b"}, "annotations": {"bold": true}}]},
        "Website": {"url": "https://example.com"},
        "Owner": {"people": [{"id": me}]},
        "Company": {"relation": [{"id": company}]},
        "Files": {"files": [{"name": "cv", "external": {"url": "https://example.com/cv"}}]},
    }));
    assert_eq!(got.status, 200, "{}", got.text);
    let values = &got.json["properties"];
    assert_eq!(values["Stage"]["select"]["name"], "Qualified");
    let tags: Vec<&Value> =
        values["Tags"]["multi_select"].as_array().expect("tags").iter().map(|it| &it["name"]).collect();
    assert_eq!(tags, ["VIP", "Neu"]);
    assert_eq!(values["Score"]["number"], 12.5);
    assert_eq!(values["Birthday"]["date"], json!({"start": "1815-12-10", "end": null, "time_zone": null}));
    assert_eq!(values["Notes"]["rich_text"][0]["href"], "https://example.com");
    assert_eq!(values["Notes"]["rich_text"][1]["annotations"]["bold"], true);
    assert_eq!(values["Company"]["relation"], json!([{"id": company}]));
    assert_eq!(values["Companies"]["rollup"]["number"], 1);
    assert_eq!(values["Label"]["formula"]["string"], "Ada");
    let schema = desk.get(&format!("/v1/data_sources/{}", desk.contacts)).json;
    let options = schema["properties"]["Tags"]["multi_select"]["options"].as_array().expect("options").len();
    assert_eq!(options, 3, "an unknown tag becomes an option");
    let seen = desk.notion.get(got.json["id"].as_str().expect("an id")).expect("it is there");
    assert_eq!(
        (seen.value("Tags"), seen.value("Notes"), seen.value("Opted in")),
        (Some("VIP,Neu"), Some("a b"), Some("true"))
    );
}

#[test]
fn what_notion_refuses_is_refused_with_its_words() {
    let desk = Desk::new();
    let refused = |properties: Value| {
        let got = desk.make(&properties);
        assert_eq!((got.status.as_u16(), got.code()), (400, "validation_error"), "{}", got.text);
        got.message().to_owned()
    };
    assert_eq!(refused(json!({"Mood": {"rich_text": []}})), "Mood is not a property that exists.");
    assert_eq!(refused(json!({"Email": {"rich_text": []}})), "Email is expected to be email.");
    assert!(
        refused(json!({"Score": {"number": "5"}}))
            .contains("body.properties.Score.number should be a number or `null`")
    );
    assert!(refused(json!({"Email": {"email": ""}})).contains("should be populated"));
    assert!(refused(json!({"Tags": {"multi_select": [{"name": "a,b"}]}})).contains("commas not allowed"));
    assert!(refused(json!({"Status": {"status": {"name": "Gone"}}})).contains("does not exist"));
    assert!(refused(json!({"Created": {"created_time": "2026-01-01"}})).contains("cannot be written"));
    assert!(
        refused(json!({"Notes": {"rich_text": text(&"x".repeat(2_001))}}))
            .contains("length should be ≤ `2000`, instead was `2001`")
    );
    assert!(refused(json!({"Phone": {"phone_number": "1".repeat(201)}})).contains("≤ `200`"));
    let many: Vec<Value> = (0..101).map(|i| json!({"name": format!("t{i}")})).collect();
    assert!(refused(json!({"Tags": {"multi_select": many}})).contains("≤ `100`"));
    assert!(desk.notion.records().is_empty());
    let got = desk.ask(
        http::Method::POST,
        "/v1/pages",
        &[("authorization", "Bearer t"), ("notion-version", "2025-09-03")],
        "{".into(),
    );
    assert_eq!(got.code(), "invalid_json");
    let got = desk.get("/v1/pages/seven");
    assert_eq!(got.message(), "path failed validation: path.page_id should be a valid uuid, instead was `\"seven\"`.");
}

#[test]
fn times_are_cut_to_the_minute() {
    let desk = Desk::new();
    desk.pass(75 * SECOND_US);
    let id = desk.contact("Ada", "ada@example.com");
    assert_eq!(desk.page(&id)["created_time"], "2026-01-01T00:01:00.000Z");
    desk.pass(40 * SECOND_US);
    desk.write(&id, &json!({"Score": {"number": 1}}));
    assert_eq!(desk.page(&id)["last_edited_time"], "2026-01-01T00:01:00.000Z", "two edits that look alike");
    let since = |time: &str| {
        desk.find(&json!({"timestamp": "last_edited_time", "last_edited_time": {"on_or_after": time}})).len()
    };
    assert_eq!((since("2026-01-01T00:01:00Z"), since("2026-01-01T00:01:30Z")), (1, 0));
    desk.pass(10 * SECOND_US);
    desk.notion.edit(&id, &[("Score", "2")]).expect("it is there");
    assert_eq!(desk.page(&id)["last_edited_time"], "2026-01-01T00:02:00.000Z");
    desk.notion.set_clock_offset(-600 * SECOND_US);
    desk.write(&id, &json!({"Score": {"number": 3}}));
    assert_eq!(desk.page(&id)["last_edited_time"], "2025-12-31T23:52:00.000Z");
}

#[test]
fn long_values_are_cut_at_25_entries_and_paged_apart() {
    let desk = Desk::new();
    let pieces: Vec<Value> =
        (0..30).map(|i| json!({"text": {"content": format!("{i} ")}, "annotations": {"bold": i % 2 == 0}})).collect();
    let got = desk.make(&json!({"Notes": {"rich_text": pieces}}));
    assert_eq!(got.json["properties"]["Notes"]["rich_text"].as_array().map(Vec::len), Some(25));
    let id = got.json["id"].as_str().expect("an id");
    let property = got.json["properties"]["Notes"]["id"].as_str().expect("a property id");
    let path = format!("/v1/pages/{id}/properties/{property}?page_size=20");
    let first = desk.get(&path);
    assert_eq!((first.results().len(), &first.json["has_more"]), (20, &json!(true)), "{}", first.text);
    let next = first.json["property_item"]["next_url"].as_str().expect("an address");
    assert!(next.starts_with("http://sandbox.test/v1/pages/"), "{next}");
    let cursor = first.json["next_cursor"].as_str().expect("a cursor");
    let last = desk.get(&format!("{path}&start_cursor={cursor}"));
    assert_eq!((last.results().len(), &last.json["has_more"]), (10, &json!(false)));
    assert_eq!(desk.get(&format!("/v1/pages/{id}/properties/Score")).json["object"], "property_item");
}

#[test]
fn what_is_not_shared_is_not_there() {
    let desk = Desk::new();
    let id = desk.contact("Ada", "ada@example.com");
    desk.notion.hide(&id).expect("it is there");
    let got = desk.get(&format!("/v1/pages/{id}"));
    assert_eq!((got.status.as_u16(), got.code()), (404, "object_not_found"));
    assert!(got.message().ends_with("are shared with your integration \"Sandbox\"."), "{}", got.message());
    assert!(got.json["additional_data"]["integration_id"].is_string());
    assert!(desk.query(&json!({})).results().is_empty());
    desk.notion.unhide(&id).expect("it is there");
    desk.notion.readable_after(&id, SECOND_US).expect("it is there");
    assert_eq!(desk.get(&format!("/v1/pages/{id}")).status, 404);
    desk.pass(SECOND_US);
    assert_eq!(desk.get(&format!("/v1/pages/{id}")).status, 200);
    desk.notion.hide(&desk.contacts).expect("it is there");
    assert_eq!(desk.query(&json!({})).status, 404);
    assert_eq!(desk.make(&json!({})).status, 404);
    desk.notion.unhide(&desk.contacts).expect("it is there");
    desk.notion.erase(&id).expect("it is there");
    assert_eq!(desk.get(&format!("/v1/pages/{id}")).status, 404);
}

#[test]
fn the_newest_version_forgot_archived() {
    let mut desk = Desk::new();
    desk.version = "2026-03-11";
    let id = desk.contact("Ada", "ada@example.com");
    assert_eq!(desk.page(&id).get("archived"), None);
    let got = desk.patch(&format!("/v1/pages/{id}"), &json!({"archived": true}));
    assert_eq!(got.code(), "validation_error");
    assert_eq!(desk.patch(&format!("/v1/pages/{id}"), &json!({"in_trash": true})).json["in_trash"], true);
    let got = desk.ask(http::Method::GET, "/v1/users", &[("authorization", "Bearer t")], String::new());
    assert_eq!((got.status.as_u16(), got.code()), (400, "missing_version"));
}

#[test]
fn a_page_moves_between_parents() {
    let desk = Desk::new();
    let id = desk.contact("Ada", "ada@example.com");
    let companies = desk.notion.data_source_id("Companies").expect("it is there");
    let got = desk.post(&format!("/v1/pages/{id}/move"), &json!({"parent": {"data_source_id": companies}}));
    assert_eq!(got.json["parent"]["data_source_id"], companies, "{}", got.text);
    assert_eq!(got.json["properties"]["Name"]["title"][0]["plain_text"], "Ada");
    assert_eq!((desk.notion.records().len(), desk.notion.records_of("Companies").expect("it is there").len()), (0, 1));
}

#[test]
fn an_automation_rewrites_what_was_written() {
    let desk = Desk::new();
    desk.notion.set_automation(Some(Arc::new(|record| {
        (record.value("Stage") == Some("Lead")).then(|| [("Stage".to_owned(), "Customer".to_owned())].into())
    })));
    let got = desk.make(&json!({"Stage": {"select": {"name": "Lead"}}}));
    assert_eq!(got.json["properties"]["Stage"]["select"]["name"], "Customer");
    assert_ne!(got.json["last_edited_by"], got.json["created_by"]);
    let id = desk.notion.create(&[("Stage", "Lead")]).expect("a contact");
    assert_eq!(desk.notion.get(&id).expect("it is there").value("Stage"), Some("Customer"));
}

#[test]
fn a_request_may_have_500_kilobytes() {
    let desk = Desk::new();
    let pieces: Vec<Value> = (0..100).map(|_| json!({"text": {"content": "x".repeat(2_000)}})).collect();
    let note = |count: usize| json!({"Notes": {"rich_text": pieces[..count.min(100)]}, "Files": {"files": []}, "junk": "x".repeat(count * 4_000)});
    let got = desk.make(&note(100));
    assert_eq!((got.status.as_u16(), got.message()), (400, "Request body is too large."));
    assert_eq!(desk.make(&json!({"Notes": {"rich_text": pieces}})).status, 200);
}
