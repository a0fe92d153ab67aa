//! Answers that the real Notion gave, through the connector.

use lockstep_connect::{Connector, Deed, FaultClass, Got, Search};
use lockstep_core::crm::{Link, RecordId};
use serde_json::{Value as Json, json};

use crate::recorded::{session, stored};
use lockstep_conform::objects::written;
use lockstep_conform::world::set;

const SOURCE: &str = "393abc1e-edcd-8179-9372-000bd163e729";

fn notion() -> &'static dyn Connector {
    lockstep_connect::registry::find("notion").expect("Notion")
}

/// What Notion answered to each recorded call of this kind; `None` when the recordings are not here.
fn recorded(method: &str, path: &str) -> Option<Vec<(u16, Json)>> {
    let all = stored("notion/recorded/interactions-2025-09-03.json")?;
    let of_kind =
        all.as_array().expect("a list").iter().filter(|it| it["method"] == method && it["path_template"] == path);
    let answers: Vec<(u16, Json)> = of_kind
        .map(|it| (u16::try_from(it["status"].as_u64().expect("a status")).expect("a status"), it["response"].clone()))
        .collect();
    assert!(!answers.is_empty(), "{method} {path} was recorded");
    Some(answers)
}

fn with_status(answers: Vec<(u16, Json)>, status: u16) -> (u16, Json) {
    answers.into_iter().find(|(recorded, _)| *recorded == status).expect("a recorded answer")
}

/// The recorded data source with the id that these tests ask for.
fn source() -> Option<(u16, Json)> {
    let (status, mut body) = with_status(recorded("GET", "/v1/data_sources/{data_source_id}")?, 200);
    body["id"] = SOURCE.into();
    Some((status, body))
}

#[tokio::test]
async fn the_account_is_the_workspace() {
    let Some(answers) = recorded("GET", "/v1/users/me") else { return };
    let account = notion().account(&session(answers)).await;
    assert_eq!(account.as_deref(), Ok("231674b6-2cc1-46bc-b742-c5c9fe4b9c73"));
}

#[tokio::test]
async fn refusals_have_their_class() {
    let Some(users) = recorded("GET", "/v1/users") else { return };
    let fault = notion().account(&session([with_status(users, 401)])).await.expect_err("refused");
    assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Reauthorise, "unauthorized"));
    assert!(fault.request_id.is_some());
    let (Some(pages), Some(source)) = (recorded("GET", "/v1/pages/{page_id}"), source()) else { return };
    let nobody = ["00000000-0000-0000-0000-000000000000".to_owned()];
    let got = notion().read(&session([source, with_status(pages, 404)]), SOURCE, &nobody, &[]).await.expect("answers");
    assert!(matches!(got[..], [Got::Missing]));
}

#[tokio::test]
async fn a_data_source_is_described() {
    let Some(source) = source() else { return };
    let object = notion().object(&session([source]), SOURCE).await.expect("an object");
    assert!(object.label_many.starts_with("Test Data Source"), "{}", object.label_many);
    let names: Vec<_> = object.selector.expect("fields").children.into_iter().filter_map(|it| it.api_name).collect();
    assert_eq!(names, ["title"]);
}

#[tokio::test]
async fn a_page_is_read_and_one_of_another_place_is_not_shown() {
    let (Some(pages), Some(source)) = (recorded("GET", "/v1/pages/{page_id}"), source()) else { return };
    let (status, mut page) = with_status(pages, 200);
    let (ids, title) = (["393abc1e-edcd-81a0-9a08-d7413a049dc8".to_owned()], ["title".to_owned()]);
    let elsewhere = session([source.clone(), (status, page.clone())]);
    assert!(matches!(notion().read(&elsewhere, SOURCE, &ids, &title).await.expect("answers")[..], [Got::Missing]));
    page["parent"] = json!({ "type": "data_source_id", "data_source_id": SOURCE });
    let got = notion().read(&session([source, (status, page)]), SOURCE, &ids, &title).await.expect("answers").remove(0);
    let Got::Found(record) = got else { panic!("{got:?}") };
    assert_eq!(record.text("title"), Some("Test 2026-07-04 11:12:05.075393"));
    assert_eq!(record.updated_at.to_string(), "2026-07-04T09:12:00.000Z", "cut to the minute");
}

#[tokio::test]
async fn pages_are_made_and_changed() {
    let (Some(source), Some(made)) = (source(), recorded("POST", "/v1/pages")) else { return };
    let create =
        Deed::Create { object: SOURCE.into(), properties: set(&[("title", "Test")]), key: None, links: Vec::new() };
    let session_of = |answers: &[(u16, Json)]| session([source.clone()].into_iter().chain([answers[0].clone()]));
    let title = ["title".to_owned()];
    let record = written(notion().carry_out(&session_of(&made), &create, &title).await.expect("a page"));
    assert_eq!(record.text("title"), Some("Test 2026-07-04 11:50:26.663519"));
    let Some(changed) = recorded("PATCH", "/v1/pages/{page_id}") else { return };
    let id = RecordId::new(SOURCE, "393abc1e-edcd-8180-96f0-d00b7235b063").expect("a record id");
    let update = Deed::Update { record: id, properties: set(&[("title", "Test")]), links: Vec::new() };
    let record = written(notion().carry_out(&session_of(&changed), &update, &title).await.expect("a page"));
    assert_eq!((record.id.as_str(), record.archived), ("393abc1e-edcd-8180-96f0-d00b7235b063", false));
}

#[tokio::test]
async fn an_empty_query_and_searches_are_read() {
    let Some(answers) = recorded("POST", "/v1/data_sources/{data_source_id}/query") else { return };
    let search = Search { limit: 5, ..Search::default() };
    let found = notion().search(&session(answers), SOURCE, &search, &[]).await.expect("a page");
    assert!(found.records.is_empty() && found.after.is_none());
    let Some(answers) = recorded("POST", "/v1/search") else { return };
    for answer in answers.into_iter().filter(|(_, body)| body["results"].as_array().is_some_and(Vec::is_empty)) {
        let listed = notion().objects(&session([answer])).await.expect("objects");
        assert_eq!(listed.len(), 1, "comments alone");
    }
}

#[tokio::test]
async fn a_comment_is_read() {
    let Some(answers) = recorded("POST", "/v1/comments") else { return };
    let to = RecordId::new(SOURCE, "393abc1e-edcd-817b-81a7-f1fcafdcd00b").expect("a record id");
    let links = vec![Link { to, kind: None }];
    let create = Deed::Create { object: "comments".into(), properties: set(&[("text", "Hi")]), key: None, links };
    let made = written(notion().carry_out(&session(answers), &create, &[]).await.expect("a comment"));
    assert_eq!(made.id, "393abc1e-edcd-8141-9e40-001d8e1b367d");
}
