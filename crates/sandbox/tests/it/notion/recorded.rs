//! The look-alike beside real answers and the contract derived from the vendor's own client. Both lie outside the
//! repository: the environment variable `LOCKSTEP_SPECS` names the folder, and without it these tests say that they skip.

use jsonschema::Validator;
use serde_json::{Value, json};

use super::desk::{Desk, Got};
use crate::specs::{read, specs};

/// What Notion answers on one route, such as `T_GetPageResponse`.
fn checks(contract: &Value, schema: &str, got: &Got) {
    assert!(contract.pointer(&format!("/components/schemas/{schema}")).is_some(), "{schema} is in the contract");
    let rooted = json!({
        "$ref": format!("#/components/schemas/{schema}"),
        "components": contract["components"],
    });
    let validator: Validator = jsonschema::validator_for(&rooted).expect("a schema");
    let wrong: Vec<String> = validator
        .iter_errors(&got.json)
        .map(|it| format!("{}: {}", it.instance_path(), it.to_string().chars().take(400).collect::<String>()))
        .collect();
    assert!(wrong.is_empty(), "{schema}: {wrong:#?}\nours: {:#}", got.json);
}

/// A desk with one contact that has a value of every kind.
fn filled() -> (Desk, String) {
    let desk = Desk::new();
    let company = desk.notion.create_of("Companies", &[("Name", "Engines")]).expect("a company");
    let person = desk.get("/v1/users").results()[0]["id"].as_str().expect("an id").to_owned();
    let values = [
        ("Name", "Ada"),
        ("Email", "ada@example.com"),
        ("Phone", "+34600111222"),
        ("Company", company.as_str()),
        ("Stage", "Lead"),
        ("Status", "Done"),
        ("Tags", "VIP,Neu"),
        ("Score", "1.5"),
        ("Birthday", "1815-12-10"),
        ("Opted in", "true"),
        ("Notes", "hello"),
        ("Website", "https://example.com"),
        ("Owner", person.as_str()),
        ("Files", "https://example.com/a"),
    ];
    let id = desk.notion.create(&values).expect("a contact");
    (desk, id)
}

#[test]
fn answers_keep_the_contract() {
    let Some(specs) = specs("notion") else { return };
    let contract = read(&specs, "notion-sdk-derived.openapi.json");
    let (desk, id) = filled();
    let page = format!("/v1/pages/{id}");
    checks(&contract, "T_GetPageResponse", &desk.get(&page));
    checks(&contract, "PageObjectResponse", &desk.get(&page));
    checks(&contract, "T_CreatePageResponse", &desk.make(&json!({})));
    checks(&contract, "T_UpdatePageResponse", &desk.write(&id, &json!({"Score": {"number": null}})));
    for name in [
        "title",
        "Notes",
        "Email",
        "Company",
        "Owner",
        "Tags",
        "Stage",
        "Birthday",
        "Number",
        "Created",
        "Edited%20by",
        "Label",
        "Opted%20in",
        "Files",
    ] {
        checks(&contract, "T_GetPagePropertyResponse", &desk.get(&format!("{page}/properties/{name}")));
    }
    let source = desk.get(&format!("/v1/data_sources/{}", desk.contacts));
    checks(&contract, "DataSourceObjectResponse", &source);
    let database = source.json["parent"]["database_id"].as_str().expect("an id").to_owned();
    checks(&contract, "DatabaseObjectResponse", &desk.get(&format!("/v1/databases/{database}")));
    checks(&contract, "T_QueryDataSourceResponse", &desk.query(&json!({})));
    checks(&contract, "T_SearchResponse", &desk.post("/v1/search", &json!({})));
    checks(&contract, "T_ListUsersResponse", &desk.get("/v1/users"));
    checks(&contract, "T_GetSelfResponse", &desk.get("/v1/users/me"));
    let said = desk.post("/v1/comments", &json!({"parent": {"page_id": id}, "markdown": "x"}));
    checks(&contract, "T_CreateCommentResponse", &said);
    checks(&contract, "T_ListCommentsResponse", &desk.get(&format!("/v1/comments?block_id={id}")));
    let text = json!({"rich_text": [{"text": {"content": "a", "link": {"url": "https://example.com"}}}]});
    let kinds = [
        "paragraph",
        "heading_1",
        "heading_2",
        "heading_3",
        "bulleted_list_item",
        "numbered_list_item",
        "to_do",
        "toggle",
        "quote",
        "callout",
        "code",
    ];
    let children: Vec<Value> = kinds
        .iter()
        .map(|kind| json!({*kind: text}))
        .chain([json!({"divider": {}}), json!({"bookmark": {"url": "https://example.com"}})])
        .collect();
    let blocks = format!("/v1/blocks/{id}/children");
    checks(&contract, "T_AppendBlockChildrenResponse", &desk.patch(&blocks, &json!({"children": children})));
    let list = desk.get(&blocks);
    checks(&contract, "T_ListBlockChildrenResponse", &list);
    for block in list.results() {
        let path = format!("/v1/blocks/{}", block["id"].as_str().expect("an id"));
        checks(&contract, "BlockObjectResponse", &desk.get(&path));
    }
    checks(&contract, "T_GetBlockResponse", &desk.get(&format!("/v1/blocks/{id}")));
    checks(&contract, "T_GetPageMarkdownResponse", &desk.get(&format!("{page}/markdown")));
    checks(&contract, "ApiError", &desk.get("/v1/pages/00000000-0000-0000-0000-000000000000"));
}

/// Every member of a recorded answer must be there and be of the same kind; more may be there. Our pages hang elsewhere
/// and have other properties.
fn lacks(recorded: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (recorded, ours) {
        (Value::Object(recorded), Value::Object(ours)) => {
            for (name, value) in recorded.iter().filter(|(name, _)| !matches!(name.as_str(), "properties" | "parent")) {
                match ours.get(name) {
                    Some(our) => lacks(value, our, &format!("{path}.{name}"), found),
                    None => found.push(format!("{path}.{name} is missing")),
                }
            }
        }
        (Value::Array(recorded), Value::Array(ours)) => {
            if let (Some(recorded), Some(ours)) = (recorded.first(), ours.first()) {
                lacks(recorded, ours, &format!("{path}[0]"), found);
            }
        }
        (Value::String(_), Value::String(_))
        | (Value::Number(_), Value::Number(_))
        | (Value::Bool(_), Value::Bool(_))
        | (Value::Null, _)
        | (_, Value::Null) => {}
        _ => found.push(format!("{path}: recorded {recorded}, ours {ours}")),
    }
}

#[test]
fn recorded_exchanges_go_the_same_way_here() {
    let Some(specs) = specs("notion") else { return };
    let Value::Array(exchanges) = read(&specs, "recorded/interactions-2025-09-03.json") else {
        panic!("an array");
    };
    let mut wrong = Vec::new();
    for exchange in &exchanges {
        let (desk, id) = filled();
        let what = format!("{} {}", exchange["method"], exchange["uri"]);
        let Some(got) = replay(&desk, &id, exchange) else {
            wrong.push(format!("{what} cannot be tried"));
            continue;
        };
        let mut found = Vec::new();
        if exchange["status"] != got.status.as_u16() {
            found.push(got.text.clone());
        }
        lacks(&exchange["response"], &got.json, "", &mut found);
        if exchange["status"].as_u64() >= Some(400) {
            let message = exchange["response"]["message"].as_str().unwrap_or_default();
            assert_eq!(message.replace("notion-sdk-py", "Sandbox"), got.message());
        }
        wrong.extend(found.into_iter().map(|it| format!("{what}: {it}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Sends a recorded request to a page, block, comment or data source of ours.
fn replay(desk: &Desk, id: &str, exchange: &Value) -> Option<Got> {
    let template = exchange["path_template"].as_str()?;
    let source = desk.get(&format!("/v1/data_sources/{}", desk.contacts)).json;
    let database = source["parent"]["database_id"].as_str()?.to_owned();
    let paragraph = json!({"paragraph": {"rich_text": [{"text": {"content": "p"}}]}});
    let children = json!({"children": [paragraph, paragraph, paragraph]});
    let block = desk.patch(&format!("/v1/blocks/{id}/children"), &children).results()[0]["id"].as_str()?.to_owned();
    let comment =
        desk.post("/v1/comments", &json!({"parent": {"page_id": id}, "markdown": "x"})).json["id"].as_str()?.to_owned();
    let user = desk.get("/v1/users/me").json["id"].as_str()?.to_owned();
    if exchange["status"] == 401 {
        desk.notion.revoke();
    }
    let missing = exchange["status"] == 404;
    let on_block = match exchange["response"]["type"].as_str() {
        Some("child_database") => &database,
        _ if template.ends_with("/children") => id,
        _ => &block,
    };
    let property = "title";
    let mut path = template
        .replace("{page_id}", if missing { "00000000-0000-0000-0000-000000000000" } else { id })
        .replace("{block_id}", on_block)
        .replace("{comment_id}", &comment)
        .replace("{data_source_id}", &desk.contacts)
        .replace("{database_id}", &database)
        .replace("{property_id}", property)
        .replace("{user_id}", &user);
    let query = exchange["uri"].as_str()?.split_once('?').map(|(_, query)| query);
    match query {
        Some(query) if query.starts_with("block_id=") => path += &format!("?block_id={id}"),
        Some(query) if query.contains("start_cursor") => {
            let first = desk.get(&format!("{path}?page_size=2"));
            path += &format!("?page_size=2&start_cursor={}", first.json["next_cursor"].as_str()?);
        }
        Some(query) => path += &format!("?{query}"),
        None => {}
    }
    let method = exchange["method"].as_str()?.parse().ok()?;
    let mut body = exchange["request"].clone();
    for (pointer, ours) in [("/parent/page_id", id), ("/parent/database_id", &database)] {
        if let Some(given) = body.pointer_mut(pointer) {
            *given = ours.into();
        }
    }
    if template.ends_with("/move") {
        body["parent"]["page_id"] = desk.notion.create(&[]).ok()?.into();
    }
    Some(desk.send(method, &path, &body))
}
