//! Answers that the real Salesforce gave, through the connector.

use lockstep_connect::{Create, Fault, FaultClass, Outcome, Search, Session, Update, Write};
use lockstep_core::crm::RecordId;
use serde_json::{Value as Json, json};

use crate::recorded::{session, stored};

/// A composite call whose first part was answered so; the reading of what became of it was refused.
fn composite(status: u16, body: Json) -> Session {
    let halted = json!({ "httpStatusCode": 400, "body": [{ "errorCode": "PROCESSING_HALTED", "message": "no" }] });
    session([(200, json!({ "compositeResponse": [{ "httpStatusCode": status, "body": body }, halted] }))])
}

fn recorded(path: &str) -> Option<Json> {
    stored(&format!("salesforce/recorded/{path}"))
}

fn salesforce() -> &'static dyn lockstep_connect::Connector {
    lockstep_connect::registry::find("salesforce").expect("Salesforce")
}

fn creates() -> Write {
    let row = |trace: &str| {
        let properties = [("LastName".to_owned(), Some("Dyer".to_owned()))].into();
        Create { trace: trace.into(), key_value: format!("k{trace}"), properties }
    };
    Write::Create { key: None, rows: vec![row("1"), row("2")] }
}

fn updates() -> Write {
    let row = |id: &str| {
        let properties = [("LastName".to_owned(), Some("Dyer".to_owned()))].into();
        Update { trace: id.into(), id: id.into(), properties, before: None }
    };
    Write::Update(vec![row("003ak00000jvIfpAAE"), row("003ak00000jvIfqAAE")])
}

async fn told(session: &Session, write: &Write) -> Vec<Result<String, (FaultClass, Option<String>)>> {
    let outcomes = salesforce().write(session, write, &[]).await.expect("an answer");
    let tell = |row| match row {
        Ok(Outcome::Written(record)) => Ok(record.id),
        Ok(Outcome::Archived) => Ok("archived".into()),
        Err(Fault { class, property, .. }) => Err((class, property)),
    };
    outcomes.into_iter().map(tell).collect()
}

#[tokio::test]
async fn rows_find_their_outcomes_in_order() {
    let Some(made) = recorded("batch/create/contacts/success.json") else { return };
    // What was made is read once more, and cannot be: it was made all the same.
    let parts = json!({ "compositeResponse": [{ "httpStatusCode": 200, "body": made }, { "httpStatusCode": 400, "body": [] }] });
    let twice = session([(200, parts), (503, Json::Null)]);
    assert_eq!(told(&twice, &creates()).await, [Ok("003ak00000luKU1AAM".into()), Ok("003ak00000luKU2AAM".into())]);
    let changed = recorded("batch/update/contacts/success.json").expect("recorded");
    let ids = ["003ak00000jvIfpAAE", "003ak00000jvIfqAAE"].map(|id| Ok(id.to_owned()));
    assert_eq!(told(&composite(200, changed), &updates()).await, ids);
}

#[tokio::test]
async fn refused_rows_have_their_class_and_field() {
    let Some(made) = recorded("batch/create/contacts/partial-but-allOrNone.json") else { return };
    let rolled_back = || Err((FaultClass::Rejected, None));
    let missing = Err((FaultClass::Rejected, Some("LastName".to_owned())));
    assert_eq!(told(&composite(200, made), &creates()).await, [missing, rolled_back()]);
    let changed = recorded("batch/update/contacts/partial-but-allOrNone.json").expect("recorded");
    let unknown = Err((FaultClass::Drift, Some("unknownField_LastName".to_owned())));
    assert_eq!(told(&composite(200, changed), &updates()).await, [rolled_back(), unknown]);
    let nameless = recorded("batch/update/contacts/err-each-no-ids.json").expect("recorded");
    assert_eq!(told(&composite(200, nameless), &updates()).await, [rolled_back(), rolled_back()]);
}

#[tokio::test]
async fn refused_calls_have_their_class_and_field() {
    let read = async |path: &str, status| {
        let answer = session([(status, recorded(path)?)]);
        let asked = ["AccountNumer".to_owned()];
        Some(
            salesforce()
                .search(&answer, "Account", &Search { limit: 5, ..Search::default() }, &asked)
                .await
                .expect_err("refused"),
        )
    };
    let Some(fault) = read("unknown-field.json", 400).await else { return };
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Drift, Some("AccountNumer")));
    let fault = read("unknown-object.json", 400).await.expect("recorded");
    assert!(fault.class == FaultClass::Drift && fault.message.starts_with("sObject type 'Accout'"), "{fault:?}");
    let fault = read("invalid-field-upsert.json", 400).await.expect("recorded");
    assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("MasterRecordId")));
    let gone = recorded("crm/delete/not-found.json").expect("recorded");
    let record = RecordId::new("Contact", "003ak00000jvIfpAAE").expect("an id");
    let deed = lockstep_connect::Deed::Archive(record);
    let done = salesforce().carry_out(&session([(404, gone)]), &deed, &[]).await.expect("gone already");
    assert!(matches!(done, Outcome::Archived));
}

#[tokio::test]
async fn a_recorded_page_is_read() {
    let Some(page) = recorded("read-opportunity-with-account.json") else { return };
    let asked = ["Name", "Amount", "AccountId"].map(str::to_owned);
    let search = Search { limit: 5, ..Search::default() };
    let found = salesforce().search(&session([(200, page)]), "Opportunity", &search, &asked).await.expect("a page");
    let first = &found.records[0];
    assert_eq!((first.text("Amount"), first.text("AccountId")), (Some("50000"), Some("001ak00000OKNPHAA5")));
    assert_eq!((found.records[1].text("AccountId"), found.after), (None, None));
}
