use serde_json::{Value, json};

use super::desk::{DATA, Desk, KEY, SECOND_US};

fn upload(desk: &Desk, operation: &str, csv: &str) -> String {
    let mut job = json!({"object": "Contact", "operation": operation, "contentType": "CSV", "lineEnding": "LF"});
    if operation == "upsert" {
        job["externalIdFieldName"] = KEY.into();
    }
    let id = desk.post("jobs/ingest", &job).id();
    let put = desk.send("PUT", &format!("{DATA}/jobs/ingest/{id}/batches/"), "text/csv", csv.to_owned());
    assert_eq!(put.status, 201, "{}", put.text);
    assert_eq!(
        desk.patch(&format!("jobs/ingest/{id}"), &json!({"state": "UploadComplete"})).json["state"],
        "UploadComplete"
    );
    id
}

#[test]
fn a_job_is_worked_on_later_and_answers_for_each_row() {
    let desk = Desk::new();
    let old = desk.contact(json!({"LastName": "Old", "FirstName": "F", "Title": "T", KEY: "k1"}));
    let csv = format!("{KEY},LastName,FirstName,Title\nk1,,#N/A,\nk2,\"New, Ltd\",Ana,\nk3,,,\n");
    let id = upload(&desk, "upsert", &csv);
    let job = || desk.get(&format!("jobs/ingest/{id}")).json;
    assert_eq!(job()["state"], "UploadComplete");
    desk.pass(SECOND_US);
    assert_eq!((&job()["state"], desk.salesforce.records().len()), (&json!("InProgress"), 1));
    desk.pass(SECOND_US);
    let done = job();
    assert_eq!(done["state"], "JobComplete", "{done}");
    assert_eq!((&done["numberRecordsProcessed"], &done["numberRecordsFailed"]), (&json!(3), &json!(1)));
    let read = desk.get(&format!("sobjects/Contact/{old}")).json;
    assert_eq!((&read["LastName"], &read["FirstName"], &read["Title"]), (&json!("Old"), &Value::Null, &json!("T")));
    let part = |part: &str| desk.get(&format!("jobs/ingest/{id}/{part}/")).text;
    let good = part("successfulResults");
    assert!(good.starts_with(&format!("\"sf__Id\",\"sf__Created\",\"{KEY}\"")), "{good}");
    assert!(
        good.contains(&format!("\"{old}\",\"false\",\"k1\"")) && good.contains("\"true\",\"k2\",\"New, Ltd\""),
        "{good}"
    );
    let bad = part("failedResults");
    assert!(bad.contains("REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"), "{bad}");
    assert_eq!(part("unprocessedrecords").lines().count(), 1);
    assert_eq!(desk.delete(&format!("jobs/ingest/{id}")).status, 204);
    assert_eq!(desk.get(&format!("jobs/ingest/{id}")).status, 404);
}

#[test]
fn a_job_fails_as_a_whole_or_is_given_up() {
    let desk = Desk::new();
    let failed = upload(&desk, "insert", "Nonsense\nx\n");
    desk.pass(2 * SECOND_US);
    let job = desk.get(&format!("jobs/ingest/{failed}")).json;
    assert_eq!(
        (&job["state"], &job["errorMessage"]),
        (&json!("Failed"), &json!("InvalidBatch : Field name not found : Nonsense"))
    );
    assert_eq!(desk.get(&format!("jobs/ingest/{failed}/unprocessedrecords")).text, "Nonsense\nx\n");
    let stopped = upload(&desk, "insert", "LastName\nA\n");
    assert_eq!(desk.patch(&format!("jobs/ingest/{stopped}"), &json!({"state": "Aborted"})).json["state"], "Aborted");
    desk.pass(2 * SECOND_US);
    assert_eq!(
        desk.patch(&format!("jobs/ingest/{stopped}"), &json!({"state": "UploadComplete"})).refusal(),
        (400, "INVALIDJOBSTATE")
    );
    assert!(desk.salesforce.records().is_empty());
    let unknown = json!({"object": "Contact", "operation": "upsert", "externalIdFieldName": "Phone"});
    assert_eq!(desk.post("jobs/ingest", &unknown).refusal(), (400, "INVALIDJOB"));
}

#[test]
fn a_query_job_is_read_in_parts() {
    let desk = Desk::new();
    for name in ["A", "B", "C"] {
        desk.named(name);
    }
    let asked = json!({"operation": "query", "query": "SELECT LastName, Account.Name FROM Contact ORDER BY LastName"});
    let id = desk.post("jobs/query", &asked).id();
    assert_eq!(desk.get(&format!("jobs/query/{id}/results")).refusal(), (400, "INVALIDJOBSTATE"));
    desk.pass(2 * SECOND_US);
    assert_eq!(desk.get(&format!("jobs/query/{id}")).json["state"], "JobComplete");
    let first = desk.get(&format!("jobs/query/{id}/results?maxRecords=2"));
    assert_eq!(first.text, "\"LastName\",\"Account.Name\"\n\"A\",\"\"\n\"B\",\"\"\n");
    assert_eq!(
        (&first.headers["sforce-numberofrecords"], &first.headers["sforce-locator"]),
        (&"2".parse().expect("a header"), &"2".parse().expect("a header"))
    );
    let last = desk.get(&format!("jobs/query/{id}/results?maxRecords=2&locator=2"));
    assert_eq!((last.text.lines().count(), last.headers["sforce-locator"].to_str().ok()), (2, Some("null")));
}
