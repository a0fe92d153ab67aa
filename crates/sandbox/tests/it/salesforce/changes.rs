use serde_json::{Value, json};

use super::desk::{DAY_US, Desk, KEY, SECOND_US};

const MINUTE_US: i64 = 60 * SECOND_US;

#[test]
fn changes_are_told_by_whole_minutes() {
    let desk = Desk::new();
    desk.pass(40 * DAY_US + 10 * SECOND_US);
    let (a, b) = (desk.named("A"), desk.named("B"));
    desk.pass(MINUTE_US);
    desk.patch(&format!("sobjects/Contact/{b}"), &json!({"FirstName": "x"}));
    desk.salesforce.archive(&a).expect("it is there");
    let ask =
        |what: &str, start: &str, end: &str| desk.get(&format!("sobjects/Contact/{what}/?start={start}&end={end}"));
    let (start, end) = ("2026-02-10T00:00:00%2B00:00", "2026-02-10T00:05:59%2B00:00");
    assert_eq!(
        ask("updated", start, end).json,
        json!({"ids": [b], "latestDateCovered": "2026-02-10T00:01:00.000+0000"})
    );
    let deleted = ask("deleted", start, end).json;
    assert_eq!(deleted["deletedRecords"], json!([{"id": a, "deletedDate": "2026-02-10T00:01:10.000+0000"}]));
    assert_eq!(deleted["earliestDateAvailable"], "2026-01-26T00:01:10.000+0000");
    assert_eq!(ask("updated", start, "2026-02-10T00:01:00Z").json["ids"], json!([]), "the second write moved it on");
    for (what, start) in [("updated", "2026-01-01T00:00:00Z"), ("deleted", "2026-01-20T00:00:00Z"), ("updated", end)] {
        assert_eq!(ask(what, start, "2026-02-10T00:05:00Z").refusal(), (400, "INVALID_REPLICATION_DATE"), "{what}");
    }
    desk.pass(16 * DAY_US);
    assert_eq!(desk.column("SELECT Id FROM Contact", "Id"), [b]);
    assert_eq!(desk.get("queryAll?q=SELECT+Id+FROM+Contact").json["totalSize"], 1, "the bin was emptied");
}

#[test]
fn a_merge_deletes_the_loser_and_names_its_master() {
    let desk = Desk::new();
    let (a, b) = (desk.named("A"), desk.named("B"));
    let task = desk.post("sobjects/Task", &json!({"WhoId": b, "Subject": "S"})).id();
    desk.pass(SECOND_US);
    assert_eq!(desk.salesforce.merge(&a, &b), Ok(a.clone()));
    assert_eq!(desk.get(&format!("sobjects/Contact/{b}")).refusal(), (404, "ENTITY_IS_DELETED"));
    let all =
        desk.get("queryAll?q=SELECT+Id,IsDeleted,MasterRecordId,SystemModstamp+FROM+Contact+ORDER+BY+LastName").json;
    assert_eq!(all["records"][1]["MasterRecordId"], a.as_str());
    assert_eq!((&all["records"][1]["IsDeleted"], &all["records"][0]["IsDeleted"]), (&json!(true), &json!(false)));
    assert_eq!(all["records"][0]["SystemModstamp"], "2026-01-01T00:00:01.000+0000");
    assert_eq!(desk.get(&format!("sobjects/Task/{task}")).json["WhoId"], a.as_str());
    let record = desk.salesforce.get(&b).expect("still there");
    assert!(record.archived && record.merged_into == Some(a.clone()));
    assert!(desk.salesforce.restore(&b).is_err() && desk.salesforce.merge(&a, &a).is_err());
}

#[test]
fn a_company_takes_its_contacts_and_brings_them_back() {
    let desk = Desk::new();
    let firm = desk.post("sobjects/Account", &json!({"Name": "Firm"})).id();
    let ana = desk.contact(json!({"LastName": "A", "AccountId": firm}));
    let other = desk.named("B");
    assert_eq!(desk.delete(&format!("sobjects/Account/{firm}")).status, 204);
    assert_eq!(desk.column("SELECT Id FROM Contact", "Id"), [other]);
    desk.salesforce.restore(&firm).expect("in the bin");
    assert_eq!(desk.get(&format!("sobjects/Contact/{ana}")).json["AccountId"], firm.as_str());
    assert!(desk.salesforce.restore(&firm).is_err(), "no longer in the bin");
    let keyed = desk.contact(json!({"LastName": "K", KEY: "k"}));
    desk.salesforce.archive(&keyed).expect("it is there");
    desk.contact(json!({"LastName": "L", KEY: "k"}));
    assert!(desk.salesforce.restore(&keyed).is_err_and(|it| it.starts_with("DUPLICATE_VALUE")));
}

#[test]
fn stamps_may_come_late_and_the_clock_may_step_back() {
    let desk = Desk::new();
    desk.pass(10 * MINUTE_US);
    let late = desk.named("late");
    desk.salesforce.committed_late(&late, 3 * MINUTE_US).expect("it is there");
    let stamp = |id: &str| desk.get(&format!("sobjects/Contact/{id}")).json["SystemModstamp"].clone();
    assert_eq!(stamp(&late), "2026-01-01T00:07:00.000+0000");
    desk.salesforce.set_clock_offset(-10 * MINUTE_US);
    assert_eq!(stamp(&desk.named("back")), "2026-01-01T00:00:00.000+0000");
    let got = desk.get("limits");
    assert_eq!(got.headers["date"], "Thu, 01 Jan 2026 00:00:00 GMT");
    assert_ne!(got.json, Value::Null);
}
