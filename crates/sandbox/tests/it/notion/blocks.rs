use serde_json::{Value, json};

use super::desk::Desk;
use crate::desk::SECOND_US;

fn paragraph(text: &str) -> Value {
    json!({"paragraph": {"rich_text": [{"text": {"content": text}}]}})
}

fn words(rows: &[Value]) -> Vec<&str> {
    rows.iter().filter_map(|it| it["paragraph"]["rich_text"][0]["plain_text"].as_str()).collect()
}

#[test]
fn comments_are_one_thread_per_page() {
    let desk = Desk::new();
    let id = desk.contact("Ada", "ada@example.com");
    let said = desk
        .post("/v1/comments", &json!({"parent": {"page_id": id}, "rich_text": [{"text": {"content": "Hello 😀"}}]}));
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(said.json["display_name"]["resolved_name"], "Sandbox");
    let discussion = &said.json["discussion_id"];
    let more = desk.post("/v1/comments", &json!({"discussion_id": discussion, "markdown": "again"}));
    assert_eq!(&more.json["discussion_id"], discussion);
    let list = desk.get(&format!("/v1/comments?block_id={id}"));
    assert_eq!(list.results().len(), 2);
    assert_eq!(desk.notion.comments_on(&id), ["Hello 😀", "again"]);
    let path = format!("/v1/comments/{}", said.json["id"].as_str().expect("an id"));
    assert_eq!(desk.patch(&path, &json!({"markdown": "Bye"})).json["rich_text"][0]["plain_text"], "Bye");
    assert_eq!(desk.delete(&path).status, 200);
    assert_eq!(desk.get(&path).code(), "object_not_found");
    let mute = Desk::with(|settings| settings.can_comment = false);
    assert_eq!(mute.get(&format!("/v1/comments?block_id={id}")).code(), "restricted_resource");
    desk.notion.hide(&id).expect("it is there");
    assert_eq!(desk.post("/v1/comments", &json!({"parent": {"page_id": id}, "markdown": "x"})).status, 404);
}

#[test]
fn blocks_are_appended_placed_changed_and_trashed() {
    let desk = Desk::new();
    let got =
        desk.post("/v1/pages", &json!({"parent": {"data_source_id": desk.contacts}, "children": [paragraph("a")]}));
    let id = got.json["id"].as_str().expect("an id").to_owned();
    desk.pass(60 * SECOND_US);
    let path = format!("/v1/blocks/{id}/children");
    let added = desk.patch(&path, &json!({"children": [paragraph("b"), paragraph("c")]}));
    assert_eq!(words(added.results()), ["b", "c"], "{}", added.text);
    assert_ne!(desk.page(&id)["last_edited_time"], got.json["last_edited_time"], "its content is the page's");
    let first = desk.get(&path).results()[0]["id"].clone();
    desk.patch(&path, &json!({"children": [paragraph("a2")], "after": first}));
    desk.patch(&path, &json!({"children": [paragraph("0")], "position": {"type": "start"}}));
    let list = desk.get(&path);
    assert_eq!(words(list.results()), ["0", "a", "a2", "b", "c"]);
    let page = desk.get(&format!("{path}?page_size=2"));
    let next = page.json["next_cursor"].as_str().expect("a cursor");
    assert_eq!(words(desk.get(&format!("{path}?page_size=2&start_cursor={next}")).results()), ["a2", "b"]);
    let block = format!("/v1/blocks/{}", list.results()[0]["id"].as_str().expect("an id"));
    let changed = desk.patch(&block, &paragraph("00"));
    assert_eq!(changed.json["paragraph"]["rich_text"][0]["plain_text"], "00");
    assert_eq!(desk.delete(&block).json["in_trash"], true);
    assert_eq!(desk.patch(&block, &json!({"archived": false})).json["in_trash"], false);
    assert_eq!(desk.get(&format!("/v1/blocks/{id}")).json["type"], "child_page");
    let nested = json!({"toggle": {"rich_text": [], "children": [{"to_do": {"rich_text": [], "checked": true}}]}});
    assert_eq!(desk.patch(&path, &json!({"children": [nested]})).results()[0]["has_children"], true);
    let deep =
        json!({"toggle": {"rich_text": [], "children": [{"toggle": {"rich_text": [], "children": [paragraph("x")]}}]}});
    assert_eq!(desk.patch(&path, &json!({"children": [deep]})).code(), "validation_error");
    let many: Vec<Value> = (0..101).map(|_| paragraph("x")).collect();
    assert_eq!(desk.patch(&path, &json!({"children": many})).code(), "validation_error");
}

#[test]
fn pages_are_read_and_written_as_markdown() {
    let desk = Desk::new();
    let id = desk.contact("Ada", "ada@example.com");
    let path = format!("/v1/pages/{id}/markdown");
    let insert = json!({"type": "insert_content", "insert_content": {"content": "## New\n\nHello\n- one"}});
    assert_eq!(desk.patch(&path, &insert).json["markdown"], "## New\nHello\n- one");
    let replace = json!({"type": "replace_content", "replace_content": {"new_str": "Only"}, "allow_async": true});
    let task = desk.patch(&path, &replace);
    assert_eq!((task.status.as_u16(), &task.json["object"]), (202, &json!("async_task")));
    let status = task.json["status_url"].as_str().expect("an address");
    let status = status.strip_prefix("http://sandbox.test").expect("our own origin");
    assert_eq!(desk.get(status).json["status"], "succeeded");
    assert_eq!(desk.get(&path).json["markdown"], "Only");
}
