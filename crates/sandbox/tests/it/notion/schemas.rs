use serde_json::{Value, json};

use super::desk::{Desk, Got};

fn source(desk: &Desk) -> String {
    format!("/v1/data_sources/{}", desk.contacts)
}

fn change(desk: &Desk, properties: Value) -> Got {
    desk.patch(&source(desk), &json!({"properties": properties}))
}

#[test]
fn an_app_finds_its_way_from_the_search_to_the_properties() {
    let desk = Desk::new();
    let found = desk
        .post("/v1/search", &json!({"query": "contacts", "filter": {"property": "object", "value": "data_source"}}));
    let database = found.results()[0]["parent"]["database_id"].as_str().expect("a database").to_owned();
    let database = desk.get(&format!("/v1/databases/{database}"));
    assert_eq!(database.json["data_sources"], json!([{"id": desk.contacts, "name": "Contacts"}]));
    let properties = &desk.get(&source(&desk)).json["properties"];
    assert_eq!(
        properties["Name"],
        json!({"id": "title", "name": "Name", "type": "title", "description": null, "title": {}})
    );
    assert_eq!(properties["Company"]["relation"]["type"], "single_property");
    assert_eq!(properties["Status"]["status"]["groups"].as_array().map(Vec::len), Some(3));
}

#[test]
fn properties_are_made_renamed_retyped_and_removed() {
    let desk = Desk::new();
    let made = change(
        &desk,
        json!({"Mood": {"select": {"options": [{"name": "Good", "color": "green"}]}}, "Key": {"type": "rich_text", "rich_text": {}}}),
    );
    assert_eq!(made.status, 200, "{}", made.text);
    let id = made.json["properties"]["Mood"]["id"].as_str().expect("an id").to_owned();
    let option = made.json["properties"]["Mood"]["select"]["options"][0].clone();
    let contact = desk.notion.create(&[("Mood", "Good"), ("Key", "k")]).expect("a contact");

    let renamed = change(&desk, json!({id.clone(): {"name": "Temper"}}));
    assert_eq!(renamed.json["properties"]["Temper"]["id"], id);
    assert_eq!(desk.page(&contact)["properties"]["Temper"]["select"]["name"], "Good");

    let replaced = change(&desk, json!({"Temper": {"select": {"options": [{"id": option["id"]}, {"name": "Bad"}]}}}));
    let names: Vec<&Value> = replaced.json["properties"]["Temper"]["select"]["options"]
        .as_array()
        .expect("options")
        .iter()
        .map(|it| &it["name"])
        .collect();
    assert_eq!(names, ["Good", "Bad"]);
    change(&desk, json!({"Temper": {"select": {"options": [{"name": "Bad"}]}}}));
    assert_eq!(desk.page(&contact)["properties"]["Temper"]["select"], Value::Null, "its option is gone");

    change(&desk, json!({"Key": {"number": {}}}));
    assert_eq!(desk.page(&contact)["properties"]["Key"]["number"], Value::Null);
    assert_eq!(change(&desk, json!({"Key": null})).json["properties"].get("Key"), None);
    assert_eq!(change(&desk, json!({"Key": null})).code(), "validation_error");
    assert_eq!(change(&desk, json!({"Name": null})).code(), "validation_error");
    assert_eq!(change(&desk, json!({"Temper": {"name": "Email"}})).code(), "validation_error");
    assert_eq!(change(&desk, json!({"X": {"select": {"options": [{"name": "a,b"}]}}})).code(), "validation_error");

    desk.notion.drop_property("Temper").expect("it is there");
    assert!(desk.notion.drop_property("Temper").is_err());
    let got = desk.write(&contact, &json!({"Temper": {"select": null}}));
    assert_eq!(got.message(), "Temper is not a property that exists.");
    desk.notion.rename_property("Phone", "Telephone").expect("it is there");
    assert!(desk.page(&contact)["properties"].get("Phone").is_none());
}

#[test]
fn databases_and_data_sources_are_made() {
    let desk = Desk::new();
    let root = desk.post("/v1/search", &json!({"query": "CRM"})).results()[0]["id"].clone();
    let title = json!([{"text": {"content": "Tickets"}}]);
    let body = json!({"parent": {"type": "page_id", "page_id": root}, "title": title,
        "initial_data_source": {"properties": {"Subject": {"title": {}}, "Contact": {"relation": {"data_source_id": desk.contacts, "single_property": {}}}}}});
    let made = desk.post("/v1/databases", &body);
    assert_eq!(made.status, 200, "{}", made.text);
    let (database, first) = (&made.json["id"], made.json["data_sources"][0]["id"].as_str().expect("an id"));
    let ada = desk.contact("Ada", "ada@example.com");
    let ticket = json!({"parent": {"database_id": database}, "properties": {"Subject": {"title": [{"text": {"content": "Help"}}]}, "Contact": {"relation": [{"id": ada}]}}});
    let ticket = desk.post("/v1/pages", &ticket);
    assert_eq!(ticket.json["parent"]["data_source_id"], first, "{}", ticket.text);
    let wrong =
        desk.patch(&format!("/v1/pages/{ada}"), &json!({"properties": {"Company": {"relation": [{"id": ada}]}}}));
    assert_eq!(wrong.code(), "validation_error", "a contact is no company");
    let second = desk.post(
        "/v1/data_sources",
        &json!({"parent": {"type": "database_id", "database_id": database}, "properties": {}, "title": title}),
    );
    assert_eq!(second.json["properties"]["Name"]["type"], "title", "{}", second.text);
    let several = desk.post("/v1/pages", &json!({"parent": {"database_id": database}, "properties": {}}));
    assert_eq!(several.code(), "validation_error");
    let path = format!("/v1/databases/{}", database.as_str().expect("an id"));
    let renamed = desk
        .patch(&path, &json!({"title": [{"text": {"content": "Cases"}}], "icon": {"type": "emoji", "emoji": "🔥"}}));
    assert_eq!(renamed.json["title"][0]["plain_text"], "Cases");
    assert_eq!(renamed.json["icon"]["emoji"], "🔥");
    assert_eq!(desk.patch(&format!("/v1/data_sources/{first}"), &json!({"archived": true})).json["in_trash"], true);
}
