//! Answers that the real HubSpot gave, through the connector.

use lockstep_connect::{Create, FaultClass, Outcome, Session, Update, Write};
use serde_json::{Value as Json, json};

use crate::recorded::{session as session_on, stored, strings};

/// A session on the recorded answer; `None` when the recordings are not here.
fn session(status: u16, path: &str) -> Option<Session> {
    Some(session_on([(status, recorded(path)?)]))
}

fn recorded(path: &str) -> Option<Json> {
    stored(&format!("hubspot/recorded/{path}"))
}

fn hubspot() -> &'static dyn lockstep_connect::Connector {
    lockstep_connect::registry::find("hubspot").expect("HubSpot")
}

fn create(trace: &str, first: &str, last: &str) -> Create {
    let properties =
        [("firstname", first), ("lastname", last)].map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
    Create { trace: trace.into(), key_value: format!("k{trace}"), properties: properties.into() }
}

fn update(trace: &str, id: &str) -> Update {
    Update {
        trace: trace.into(),
        id: id.into(),
        properties: [("firstname".to_owned(), Some("Siena (updated)".to_owned()))].into(),
        before: None,
    }
}

async fn written(session: &Session, write: &Write) -> Vec<Result<String, (FaultClass, Option<String>)>> {
    let outcomes = hubspot().write(session, write, &strings(&["firstname"])).await.expect("an answer");
    let told = outcomes.into_iter().map(|row| match row {
        Ok(Outcome::Written(record)) => Ok(record.id),
        Ok(Outcome::Archived) => Ok("archived".into()),
        Err(fault) => Err((fault.class, fault.existing)),
    });
    told.collect()
}

#[tokio::test]
async fn created_rows_find_their_records() {
    let Some(session) = session(201, "batch/create/contacts/success.json") else { return };
    let rows = vec![create("1", "Marley", "Fleming"), create("2", "Lily", "Skinner")];
    let told = written(&session, &Write::Create { key: None, rows }).await;
    assert_eq!(told, [Ok("171596044870".into()), Ok("171596044869".into())]);
}

#[tokio::test]
async fn a_partly_refused_create_has_its_row() {
    let Some(session) = session(207, "batch/create/contacts/err-partial-success.json") else { return };
    let rows = vec![create("0", "Markus", "Blevins"), create("1", "Siena", "Dyer")];
    let told = written(&session, &Write::Create { key: None, rows }).await;
    assert_eq!(told, [Err((FaultClass::Duplicate, Some("171591000198".into()))), Ok("171596044870".into())]);
}

#[tokio::test]
async fn a_partly_refused_update_has_its_row() {
    let Some(session) = session(207, "batch/update/contacts/err-partial-success.json") else { return };
    let told =
        written(&session, &Write::Update(vec![update("a", "unknownIdentifier888"), update("b", "171591000199")])).await;
    assert_eq!(told, [Err((FaultClass::Missing, None)), Ok("171591000199".into())]);
}

#[tokio::test]
async fn whole_refusals_have_their_class() {
    let cases = [
        (400, "batch/create/contacts/err-many-invalid-properties.json", FaultClass::Drift, Some("first000name")),
        (400, "batch/update/contacts/err-many-invalid-properties.json", FaultClass::Drift, Some("first000name")),
        (400, "batch/update/contacts/err-duplicate-ids.json", FaultClass::Rejected, None),
        (409, "batch/create/contacts/err-conflict.json", FaultClass::Rejected, None),
        (403, "metadata-err-schemas-scope.json", FaultClass::Forbidden, None),
        (400, "search/error-invalid-object.json", FaultClass::Rejected, None),
    ];
    for (status, path, class, property) in cases {
        let Some(session) = session(status, path) else { return };
        let rows = vec![update("a", "1"), update("b", "2")];
        let fault = hubspot().write(&session, &Write::Update(rows), &[]).await.expect_err("a refusal");
        assert_eq!((fault.class, fault.property.as_deref()), (class, property), "{path}");
        assert!(fault.request_id.is_some(), "{path} names its request");
    }
}

#[tokio::test]
async fn searches_page_by_id() {
    let asked = strings(&["email", "phone"]);
    let Some(first) = session(200, "search/contacts/1-first-page.json") else { return };
    let page = hubspot().changes(&first, None, &asked).await.expect("a page");
    assert!(page.more);
    assert_eq!((page.records[0].id.as_str(), page.records[0].properties.get("phone")), ("501", Some(&None)));
    let Some(mut second) = session(200, "search/contacts/2-second-page.json") else { return };
    second.env = first.env;
    let page = hubspot().changes(&second, Some(&page.cursor), &asked).await.expect("a page");
    assert_eq!(page.records[0].text("phone"), Some("9199767082"));
}

#[tokio::test]
async fn reads_and_lists_are_understood() {
    let Some(batch) = session(200, "read/objects-api/contacts-batch.json") else { return };
    let got = hubspot()
        .get(&batch, &strings(&["110323586992", "110338039632"]), &strings(&["firstname"]))
        .await
        .expect("answers");
    let names: Vec<_> = got
        .iter()
        .map(|got| match got {
            lockstep_connect::Got::Found(record) => record.text("firstname"),
            _ => None,
        })
        .collect();
    assert_eq!(names, [Some("Maria"), Some("Brian")]);
    let Some(list) = session(200, "read/objects-api/contacts-response.json") else { return };
    let page = hubspot().list_ids(&list, false, None).await.expect("a page");
    let ids: Vec<String> = page.records.into_iter().map(|listed| listed.id).collect();
    assert_eq!(ids[..3], strings(&["1", "51", "101"]));
    let Some(account) = session(200, "post-auth/account-info.json") else { return };
    assert_eq!(hubspot().account(&account).await.as_deref(), Ok("12345678"));
}

#[tokio::test]
async fn properties_are_described() {
    let Some(session) = session(200, "metadata-contacts-properties-sampled.json") else { return };
    let described = hubspot().describe(&session).await.expect("a description").properties;
    let mobile = described.iter().find(|property| property.name == "mobilephone").expect("mobilephone");
    assert!(!mobile.read_only && !mobile.unique && mobile.native_type == "string");
    assert!(described.iter().any(|property| !property.options.is_empty()));
}

#[tokio::test]
async fn deals_are_described_with_their_stages() {
    let Some(properties) = recorded("metadata-deals-properties-sampled.json") else { return };
    let pipelines = recorded("metadata-deals-external-pipelines.json").expect("recorded");
    let no_scope = recorded("metadata-err-schemas-scope.json").expect("recorded");
    let session = session_on([(200, properties), (200, pipelines.clone()), (403, no_scope)]);
    let deals = hubspot().object(&session, "deals").await.expect("a description");
    assert!(deals.workflows.is_empty(), "the grant does not show them");
    let root = deals.selector.expect("fields");
    let field = |name: &str| root.children.iter().find(|it| it.api_name.as_deref() == Some(name)).expect("a field");
    assert!(field("dealstage").access.required && field("pipeline").access.required);
    let stages: usize = pipelines["results"]
        .as_array()
        .expect("pipelines")
        .iter()
        .map(|it| it["stages"].as_array().expect("stages").len())
        .sum();
    assert_eq!(field("dealstage").choices.len(), stages);
    assert!(field("dealstage").choices.iter().any(|choice| choice.value == "qualifiedtobuy"));
}

#[tokio::test]
async fn objects_beyond_the_grant_are_left_out() {
    let Some(contacts) = recorded("read/objects-api/contacts-response.json") else { return };
    let refusal = || (403, recorded("metadata-err-schemas-scope.json").expect("recorded"));
    let answers = [(200, contacts), refusal(), refusal(), refusal(), refusal(), refusal()];
    let objects = hubspot().objects(&session_on(answers)).await.expect("what is granted");
    assert_eq!(objects.iter().map(|it| it.slug.as_str()).collect::<Vec<_>>(), ["contacts"]);
}

#[tokio::test]
async fn an_object_with_a_schema_of_its_own_is_described() {
    let Some(schema) = recorded("associations/contacts-schema-resp.json") else { return };
    let session = session_on([(200, schema), (200, json!({ "results": [] }))]);
    let object = hubspot().object(&session, "p1_people").await.expect("a description");
    assert_eq!((object.slug.as_str(), object.label_many.as_str()), ("CONTACT", "Contacts"));
}
