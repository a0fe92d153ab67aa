//! Answers that the real Pipedrive gave, and those of its own documents, through the connector.

use lockstep_connect::{Connector, FaultClass, Got};
use lockstep_core::crm::NativeKind;
use lockstep_core::env::Time;
use serde_json::Value as Json;

use crate::recorded::{self, session, strings};

fn stored(path: &str) -> Option<Json> {
    recorded::stored(&format!("pipedrive/{path}"))
}

/// The example of a good answer in the vendor's document of v2.
fn example(method: &str, path: &str) -> Option<Json> {
    let document = stored("pipedrive-v2.trimmed.json")?;
    let responses = document["paths"][path][method]["responses"].as_object().expect("responses");
    let good = responses.iter().find(|(status, _)| status.starts_with('2')).expect("a good answer").1;
    let content = &good["content"]["application/json"];
    let example = [&content["example"], &content["schema"]["example"]].into_iter().find(|it| it.is_object());
    Some(example.unwrap_or_else(|| panic!("{method} {path} has no example")).clone())
}

fn pipedrive() -> &'static dyn Connector {
    lockstep_connect::registry::find("pipedrive").expect("Pipedrive")
}

#[tokio::test]
async fn recorded_deals_and_their_fields_are_understood() {
    let (Some(fields), Some(deals)) = (stored("recorded/dealsFields.json"), stored("recorded/deals.json")) else {
        return;
    };
    let described = pipedrive().object(&session([(200, fields.clone())]), "deals").await.expect("a description");
    let root = described.selector.expect("fields");
    let field = |name: &str| root.children.iter().find(|it| it.api_name.as_deref() == Some(name)).expect("a field");
    assert!(field("title").access.required && field("status").native_type == NativeKind::Choice);
    assert_eq!(field("status").choices.len(), 4);
    assert_eq!(field("archive_time").native_type, NativeKind::Datetime);
    let one = deals["data"][0].clone();
    let answer = serde_json::json!({ "success": true, "data": one });
    let asked = strings(&["title", "status"]);
    let got = pipedrive().read(&session([(200, answer)]), "deals", &strings(&["1"]), &asked).await.expect("a deal");
    let Got::Found(deal) = &got[0] else { panic!("a deal: {got:?}") };
    assert_eq!((deal.text("title"), deal.text("status")), (Some("Test Deal"), Some("open")));
}

#[tokio::test]
async fn a_recorded_refusal_of_a_scope_is_of_the_grant() {
    let Some(refusal) = stored("recorded/not-found.json") else { return };
    let answers = || std::iter::repeat_n((403, refusal.clone()), 4);
    let fault = pipedrive().account(&session(answers())).await.expect_err("refused");
    assert_eq!((fault.class, fault.message.as_str()), (FaultClass::Forbidden, "Scope and URL mismatch"));
    assert!(pipedrive().objects(&session(answers())).await.expect("what is granted").is_empty());
}

#[tokio::test]
async fn an_empty_list_is_understood_whatever_it_says_of_success() {
    let Some(none) = stored("recorded/zero-records.json") else { return };
    let page = pipedrive().changes(&session([(200, none)]), None, &strings(&["name"])).await.expect("a page");
    assert!(page.records.is_empty() && !page.more);
}

#[tokio::test]
async fn the_documents_own_people_are_understood() {
    let (Some(list), Some(fields)) = (example("get", "/persons"), example("get", "/personFields")) else { return };
    let asked = strings(&["name", "email", "other_emails", "phone", "other_phones", "label_ids", "birthday"]);
    let page = pipedrive().changes(&session([(200, list)]), None, &asked).await.expect("a page");
    let person = &page.records[0];
    assert!(page.more && person.updated_at == Time::parse("2021-01-01T00:00:00Z").expect("a time"));
    let told = ["email", "other_emails", "phone", "other_phones", "label_ids"].map(|name| person.text(name));
    assert_eq!(told, [Some("email1@email.com"), Some("email2@email.com"), Some("12345"), Some("54321"), Some("1;2;3")]);
    // The example promises more than it shows, without end: the pages that are read of fields are bounded.
    let answers = std::iter::repeat_n((200, fields), 4);
    let described = pipedrive().describe(&session(answers)).await.expect("a description").properties;
    assert!(["name", "phone", "other_phones"].iter().all(|name| described.iter().any(|it| it.name == *name)));
}

#[tokio::test]
async fn the_documents_own_answers_to_writes_are_understood() {
    let Some(made) = example("post", "/persons") else { return };
    let rows = vec![lockstep_connect::Create {
        trace: "a".to_owned(),
        key_value: "cnt_a".to_owned(),
        properties: [("name".to_owned(), Some("Person Name".to_owned()))].into(),
    }];
    let write = lockstep_connect::Write::Create { key: None, rows };
    let outcomes = pipedrive().write(&session([(200, made)]), &write, &strings(&["name"])).await.expect("rows");
    let Ok(lockstep_connect::Outcome::Written(record)) = &outcomes[0] else { panic!("written: {outcomes:?}") };
    assert_eq!((record.id.as_str(), record.text("name")), ("1", Some("Person Name")));
}
