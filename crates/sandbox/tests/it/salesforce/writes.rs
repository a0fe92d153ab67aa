use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lockstep_sandbox::salesforce::{Kind, Property};
use serde_json::{Value, json};

use super::desk::{Desk, KEY, SECOND_US};

fn refused(desk: &Desk, body: Value) -> (String, String, Value) {
    let got = desk.post("sobjects/Contact", &body);
    assert_eq!(got.status, 400, "{body}: {}", got.text);
    let row = &got.json[0];
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    (text("errorCode"), text("message"), row["fields"].clone())
}

#[test]
fn what_does_not_fit_is_refused_as_salesforce_does() {
    let choices = vec!["art".to_owned(), "travel".to_owned()];
    let interests = Property { choices, ..Property::of("Contact", "Interests__c", Kind::MultiPicklist) };
    let score = Property { length: 5, ..Property::of("Contact", "Score__c", Kind::Double) };
    let desk = Desk::with(|settings| settings.properties.extend([interests, score]));
    let with = |name: &str, value: Value| json!({"LastName": "A", name: value});
    let code = |name: &str, value: Value| refused(&desk, with(name, value)).0;
    let (missing, message, fields) = refused(&desk, json!({"FirstName": "A"}));
    assert_eq!(
        (missing.as_str(), message.as_str()),
        ("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]")
    );
    assert_eq!(fields, json!(["LastName"]));
    assert_eq!(code("Nonsense", json!("x")), "INVALID_FIELD");
    assert_eq!(code("Name", json!("x")), "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert_eq!(code("Email", json!("x")), "INVALID_EMAIL_ADDRESS");
    assert_eq!(code("FirstName", json!("x".repeat(41))), "STRING_TOO_LONG");
    assert_eq!(code("FirstName", json!(5)), "JSON_PARSER_ERROR");
    assert_eq!(code("Birthdate", json!("2026-02-30")), "JSON_PARSER_ERROR");
    assert_eq!(code("DoNotCall", json!("perhaps")), "JSON_PARSER_ERROR");
    assert_eq!(code("Interests__c", json!("art;golf")), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST");
    assert_eq!(code("Score__c", json!(1234)), "NUMBER_OUTSIDE_VALID_RANGE");
    assert_eq!(code("AccountId", json!("x")), "MALFORMED_ID");
    assert_eq!(code("AccountId", json!("001ak0000000zzzAAA")), "INVALID_CROSS_REFERENCE_KEY");
    assert_eq!(code("OwnerId", json!(desk.named("B"))), "FIELD_INTEGRITY_EXCEPTION");

    let made = desk
        .contact(json!({"LastName": "👩‍👩‍👧", "Interests__c": "travel; art", "Score__c": "1.005", "DoNotCall": true,
        "Description": "ß".repeat(32_000), "LeadSource": "A fair"}));
    let record = desk.get(&format!("sobjects/Contact/{made}")).json;
    assert_eq!((&record["Interests__c"], &record["DoNotCall"]), (&json!("art;travel"), &json!(true)));
    assert!(record["Score__c"].as_f64().is_some_and(|it| (it - 1.0).abs() < 0.011), "two digits behind the point");
    assert_eq!(record["LeadSource"], "A fair", "an open picklist takes others");
    let emptied = desk.patch(&format!("sobjects/Contact/{made}"), &json!({"LastName": null}));
    assert_eq!(emptied.refusal(), (400, "REQUIRED_FIELD_MISSING"));
}

#[test]
fn keys_are_unique_without_case_and_rules_may_refuse_duplicates() {
    let mut desk = Desk::with(|settings| settings.duplicate_rule = true);
    let first = desk.contact(json!({"LastName": "A", KEY: "K1", "Email": "a@example.com"}));
    let (code, message, fields) = refused(&desk, json!({"LastName": "B", KEY: "k1"}));
    assert_eq!((code.as_str(), fields), ("DUPLICATE_VALUE", json!([KEY])));
    assert!(message.ends_with(&format!("on record with id: {}", &first[..15])));
    let second = json!({"LastName": "B", "Email": "A@example.com"});
    assert_eq!(refused(&desk, second.clone()).0, "DUPLICATES_DETECTED");
    desk.headers = vec![("sforce-duplicate-rule-header", "allowSave=true".to_owned())];
    desk.contact(second);
    desk.salesforce.archive(&first).expect("it is there");
    desk.contact(json!({"LastName": "C", KEY: "K1"}));
}

#[test]
fn a_locked_record_is_refused_until_it_is_free() {
    let desk = Desk::new();
    let account = desk.post("sobjects/Account", &json!({"Name": "Firm"})).id();
    desk.salesforce.lock(&account, SECOND_US).expect("it is there");
    let under = json!({"LastName": "A", "AccountId": account});
    assert_eq!(refused(&desk, under.clone()).0, "UNABLE_TO_LOCK_ROW");
    let path = format!("sobjects/Account/{account}");
    assert_eq!(desk.patch(&path, &json!({"Phone": "1"})).refusal(), (400, "UNABLE_TO_LOCK_ROW"));
    desk.pass(SECOND_US);
    desk.contact(under);
}

#[test]
fn a_timeline_has_tasks_notes_and_topics() {
    let desk = Desk::new();
    let account = desk.post("sobjects/Account", &json!({"Name": "Firm"})).id();
    let contact = desk.contact(json!({"LastName": "A", "AccountId": account}));
    let task = desk.post(
        "sobjects/Task",
        &json!({"WhoId": contact, "Subject": "Message", "Status": "Completed", "Description": "Hi"}),
    );
    let task = desk.get(&format!("sobjects/Task/{}", task.id())).json;
    assert_eq!(
        (&task["IsClosed"], &task["Priority"], &task["AccountId"]),
        (&json!(true), &json!("Normal"), &json!(account))
    );
    let content = STANDARD.encode("<p>Long &amp; rich</p>");
    let note = desk.post("sobjects/ContentNote", &json!({"Title": "N", "Content": content})).id();
    let shown = desk.get(&format!("sobjects/ContentNote/{note}")).json;
    assert_eq!(shown["TextPreview"], "Long & rich");
    let file = shown["Content"].as_str().expect("an address").to_owned();
    assert_eq!(desk.send("GET", &file, "application/json", String::new()).text, "<p>Long &amp; rich</p>");
    let link = json!({"ContentDocumentId": note, "LinkedEntityId": contact, "ShareType": "V"});
    assert_eq!(desk.post("sobjects/ContentDocumentLink", &link).status, 201);
    assert_eq!(desk.post("sobjects/Note", &json!({"ParentId": contact, "Title": "T", "Body": "B"})).status, 201);
    let topic = desk.post("sobjects/Topic", &json!({"Name": "VIP"})).id();
    let tag = json!({"TopicId": topic, "EntityId": contact});
    assert_eq!(desk.post("sobjects/TopicAssignment", &tag).status, 201);
    assert_eq!(desk.post("sobjects/TopicAssignment", &tag).refusal(), (400, "DUPLICATE_VALUE"));
    let case = desk.post("sobjects/Case", &json!({"ContactId": contact, "Subject": "Broken", "Origin": "Chat"})).id();
    assert_eq!(desk.post("sobjects/CaseComment", &json!({"ParentId": case, "CommentBody": "x"})).status, 201);
    let case = desk.get(&format!("sobjects/Case/{case}")).json;
    assert_eq!((&case["CaseNumber"], &case["Status"]), (&json!("00001001"), &json!("New")));
    let sale = json!({"Name": "S", "StageName": "Closed Won", "CloseDate": "2026-02-01", "Amount": 12.345, "Account": {"Id": account}});
    assert_eq!(desk.post("sobjects/Opportunity", &sale).refusal(), (400, "INVALID_FIELD"), "an id is no external id");
}

#[test]
fn a_person_converts_a_lead_and_nobody_changes_it_afterwards() {
    let desk = Desk::new();
    let lead = json!({"LastName": "A", "Company": "Firm", "Email": "a@example.com"});
    let lead = desk.post("sobjects/Lead", &lead).id();
    let became = desk.salesforce.convert(&lead).expect("a lead");
    let read = desk.get(&format!("sobjects/Lead/{lead}")).json;
    assert_eq!((&read["IsConverted"], &read["ConvertedContactId"]), (&json!(true), &json!(became.contact)));
    let contact = desk.get(&format!("sobjects/Contact/{}", became.contact)).json;
    assert_eq!((&contact["Email"], &contact["AccountId"]), (&json!("a@example.com"), &json!(became.account)));
    let late = desk.patch(&format!("sobjects/Lead/{lead}"), &json!({"Phone": "1"}));
    assert_eq!(late.refusal(), (400, "CANNOT_UPDATE_CONVERTED_LEAD"));
}

#[test]
fn a_person_sees_and_does_what_the_api_does() {
    let desk = Desk::new();
    let id =
        desk.salesforce.create(&[("LastName", "A"), ("Email", "a@example.com"), ("DoNotCall", "true"), ("Phone", "")]);
    let id = id.expect("a contact");
    assert!(desk.salesforce.create(&[("LastName", "B"), ("Email", "nonsense")]).is_err());
    desk.pass(SECOND_US);
    desk.salesforce.edit(&id, &[("Email", ""), ("Title", "CEO")]).expect("a contact");
    let record = desk.salesforce.get(&id).expect("a contact");
    assert_eq!(record.properties["Email"], None, "cleared");
    assert_eq!((record.value("Title"), record.value("DoNotCall")), (Some("CEO"), Some("true")));
    assert!(!record.properties.contains_key("Phone"), "never held");
    let read = desk.get(&format!("sobjects/Contact/{id}")).json;
    assert_ne!(
        read["LastModifiedById"],
        desk.get(&format!("sobjects/Contact/{}", desk.named("C"))).json["LastModifiedById"]
    );
    assert_eq!(desk.salesforce.records().len(), 2);
    desk.salesforce.drop_property("Title").expect("it is there");
    assert_eq!(desk.patch(&format!("sobjects/Contact/{id}"), &json!({"Title": "x"})).refusal(), (400, "INVALID_FIELD"));
}
