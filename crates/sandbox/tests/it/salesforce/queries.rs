use serde_json::{Value, json};

use super::desk::{Desk, KEY, SECOND_US};

fn names(desk: &Desk, condition: &str) -> String {
    let soql = format!("SELECT LastName FROM Contact WHERE {condition} ORDER BY LastName");
    desk.column(&soql, "LastName").join(" ")
}

fn filled() -> Desk {
    let desk = Desk::new();
    let firm = desk.post("sobjects/Account", &json!({"Name": "O'Hara & Co"})).id();
    desk.contact(json!({"LastName": "A", "Email": "Ana@example.com", "Birthdate": "1990-01-02", "AccountId": firm}));
    desk.pass(SECOND_US);
    desk.contact(json!({"LastName": "B", "Email": "b_b@example.org", "DoNotCall": true}));
    desk.pass(SECOND_US);
    desk.contact(json!({"LastName": "C", "FirstName": "100%"}));
    desk
}

#[test]
fn conditions_find_what_they_say() {
    let desk = filled();
    let found = |condition: &str| names(&desk, condition);
    assert_eq!(found("Email = 'ana@EXAMPLE.com'"), "A");
    assert_eq!(found("Email != 'ana@example.com'"), "B C", "what is empty differs, too");
    assert_eq!(found("Email = null"), "C");
    assert_eq!(found("Email != null AND DoNotCall = false"), "A");
    assert_eq!(found("Email IN ('ana@example.com', 'b_b@example.org')"), "A B");
    assert_eq!(found("Email NOT IN ('ana@example.com')"), "B C");
    assert_eq!(found("Email LIKE '%@example.%'"), "A B");
    assert_eq!(found("FirstName LIKE '100\\%'"), "C");
    assert_eq!(found("NOT Email LIKE 'b%'"), "A C");
    assert_eq!(found("(LastName = 'A' OR LastName = 'B') AND DoNotCall = TRUE"), "B");
    assert_eq!(found("Account.Name = 'o\\'hara & co'"), "A");
    assert_eq!(found("Birthdate < 2000-01-01"), "A");
    assert_eq!(found("CreatedDate > 2026-01-01T00:00:00Z"), "B C");
    assert_eq!(found("CreatedDate >= 2026-01-01T01:00:01.000+01:00"), "B C");
    assert_eq!(found("CreatedDate = TODAY AND SystemModstamp <= 2026-01-01T00:00:01Z"), "A B");
    assert_eq!(found("CreatedDate < LAST_N_DAYS:3"), "");
    assert_eq!(found("Name = '100% C'"), "C");
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    let desk = filled();
    let refused = |soql: &str| {
        let got = desk.query(soql);
        let (status, code) = got.refusal();
        assert_eq!(status, 400, "{soql}: {}", got.text);
        format!("{code}: {}", got.json[0]["message"].as_str().unwrap_or_default())
    };
    assert!(refused("SELECT Nonsense FROM Contact").starts_with("INVALID_FIELD: \nSELECT Nonsense"));
    assert!(refused("SELECT Nonsense FROM Contact").contains("ERROR at Row:1:Column:8"));
    assert!(refused("SELECT Id FROM Contcat").starts_with("INVALID_TYPE"));
    assert!(refused("SELECT Id FROM Contact WHERE").contains("unexpected token: <EOF>"));
    assert!(refused("SELECT Id FROM Contact WHERE Email = 'x").starts_with("MALFORMED_QUERY"));
    assert!(
        refused("SELECT Id FROM Contact WHERE Email = 'a' OR Phone = 'b' AND Id = null").starts_with("MALFORMED_QUERY")
    );
    assert!(
        refused("SELECT Id FROM Contact WHERE CreatedDate > '2026-01-01T00:00:00Z'")
            .contains("should not be enclosed in quotes")
    );
    assert!(refused("SELECT Id FROM Contact WHERE Description = 'x'").contains("can not be filtered"));
    assert!(refused("SELECT Id FROM Contact WHERE Boss.Name = 'x'").contains("Didn't understand relationship 'Boss'"));
    assert!(refused("SELECT Id FROM Contact OFFSET 2001").starts_with("NUMBER_OUTSIDE_VALID_RANGE"));
}

#[test]
fn orders_limits_and_counts_hold() {
    let desk = filled();
    let ordered = |end: &str| desk.column(&format!("SELECT LastName FROM Contact {end}"), "LastName").join(" ");
    assert_eq!(ordered("ORDER BY Email"), "C A B", "nulls first");
    assert_eq!(ordered("ORDER BY Email DESC NULLS LAST, Id"), "B A C");
    assert_eq!(ordered("ORDER BY SystemModstamp, Id LIMIT 1 OFFSET 1"), "B");
    let counted = desk.query("SELECT COUNT() FROM Contact WHERE Email != null").json;
    assert_eq!(counted, json!({"totalSize": 2, "done": true, "records": []}));
    let counted = desk.query("SELECT COUNT(Email) FROM Contact").json;
    assert_eq!(counted["records"][0]["expr0"], 2);
    let all = desk.query("SELECT FIELDS(ALL) FROM Contact LIMIT 200").json;
    assert_eq!(all["records"][0][KEY], Value::Null);
    assert_eq!(desk.query("SELECT FIELDS(ALL) FROM Contact").refusal().0, 400);
}

#[test]
fn records_show_those_they_refer_to_and_those_that_refer_to_them() {
    let desk = filled();
    let got = desk.query("SELECT Id, Account.Name, Owner.Name FROM Contact ORDER BY LastName LIMIT 2").json;
    assert_eq!(got["records"][0]["Account"]["Name"], "O'Hara & Co");
    assert_eq!(got["records"][0]["Account"]["attributes"]["type"], "Account");
    assert_eq!(got["records"][1]["Account"], Value::Null);
    assert_eq!(got["records"][0]["Owner"]["Name"], "Integration User");
    let got = desk.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account").json;
    assert_eq!(got["records"][0]["Contacts"]["records"][0]["LastName"], "A");
}

#[test]
fn pages_follow_a_locator() {
    let mut desk = Desk::new();
    let rows = (0..450).map(|i| json!({"LastName": format!("{i:03}")}).as_object().cloned().unwrap_or_default());
    assert_eq!(desk.salesforce.seed(rows.collect()).created, 450);
    desk.headers = vec![("sforce-query-options", "batchSize=50".to_owned())];
    let first = desk.query("SELECT LastName FROM Contact ORDER BY LastName").json;
    assert_eq!(first["records"].as_array().map(Vec::len), Some(200), "never fewer than 200");
    assert_eq!((&first["totalSize"], &first["done"]), (&json!(450), &json!(false)));
    let next = first["nextRecordsUrl"].as_str().expect("a locator");
    assert!(next.starts_with("/services/data/v66.0/query/01g") && next.ends_with("-200"), "{next}");
    let second = desk.send("GET", next, "application/json", String::new()).json;
    assert_eq!(second["records"][0]["LastName"], "200");
    let last = second["nextRecordsUrl"].as_str().expect("a locator");
    let third = desk.send("GET", last, "application/json", String::new()).json;
    assert!(third["done"] == true && third.get("nextRecordsUrl").is_none());
    assert_eq!(third["records"].as_array().map(Vec::len), Some(50));
    assert_eq!(desk.get("query/01gak0000000001AAA-200").refusal(), (400, "INVALID_QUERY_LOCATOR"));
    for _ in 0..10 {
        desk.query("SELECT Id FROM Contact");
    }
    let late = desk.send("GET", last, "application/json", String::new());
    assert_eq!(late.refusal(), (400, "INVALID_QUERY_LOCATOR"), "the oldest of ten cursors made way");
    let long = format!("query?q={}", "x".repeat(17_000));
    assert_eq!(desk.get(&long).status, 414);
}

#[test]
fn searches_find_numbers_and_addresses_once_they_are_indexed() {
    let desk = Desk::new();
    desk.contact(json!({"LastName": "A", "MobilePhone": "(415) 555-1212", "Email": "ana@example.com"}));
    desk.post("sobjects/Lead", &json!({"LastName": "L", "Company": "C", "Phone": "+1 415 555 1212"}));
    let phone = "FIND {4155551212} IN PHONE FIELDS RETURNING Contact(Id, LastName, Phone), Lead(Id, Phone)";
    assert_eq!(desk.search(phone).json, json!({"searchRecords": []}));
    desk.pass(5 * SECOND_US);
    let found = desk.search(phone).json;
    assert_eq!(found["searchRecords"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found["searchRecords"][0]["attributes"]["type"], "Contact");
    let email = desk
        .search("FIND {ana\\@example.com} IN EMAIL FIELDS RETURNING Contact(Id WHERE DoNotCall = false LIMIT 5)")
        .json;
    assert_eq!(email["searchRecords"].as_array().map(Vec::len), Some(1), "{email}");
    assert_eq!(desk.search("FIND {x}").refusal(), (400, "MALFORMED_SEARCH"));
    assert_eq!(desk.search("find me").refusal(), (400, "MALFORMED_SEARCH"));
    let asked = desk.post(
        "parameterizedSearch",
        &json!({"q": "4155551212", "in": "PHONE", "fields": ["Id"], "sobjects": [{"name": "Lead"}]}),
    );
    assert_eq!(asked.json["searchRecords"].as_array().map(Vec::len), Some(1), "{}", asked.text);
    let asked = desk.get("parameterizedSearch/?q=ana&in=EMAIL&sobject=Contact&Contact.fields=Id,LastName");
    assert_eq!(asked.json["searchRecords"][0]["LastName"], "A");
}
