//! The look-alike beside real answers and the vendor's contract. Both lie outside the repository: the environment
//! variable `LOCKSTEP_SPECS` names the folder, and without it these tests say that they skip.

use jsonschema::Validator;
use lockstep_sandbox::salesforce::{Kind, Property};
use serde_json::{Value, json};

use super::desk::{DATA, Desk, KEY, SECOND_US};
use crate::specs::{as_json_schema, assert_like, read, specs, without_nulls};

/// A validator for one of a contract's parts, which lie under `parts` (`components/schemas` or `definitions`).
fn validator(contract: &Value, parts: &str, name: &str) -> Validator {
    let (root, _) = parts.split_once('/').unwrap_or((parts, ""));
    let mut schema = json!({"$ref": format!("#/{parts}/{name}"), root: contract[root]});
    as_json_schema(&mut schema);
    jsonschema::draft202012::new(&schema).expect("the contract is sound")
}

fn check(contract: &Value, parts: &str, name: &str, answer: &Value) {
    let faults: Vec<String> = validator(contract, parts, name)
        .iter_errors(answer)
        .map(|fault| format!("{} at {}", fault, fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{answer:#}");
}

#[test]
fn refusals_are_the_recorded_ones() {
    let Some(specs) = specs("salesforce") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/{path}.json"));
    let desk = Desk::new();
    let unknown = desk.post("sobjects/Account", &json!({"Name": "A", "AccountNumer": "1"}));
    assert_eq!(recorded("unknown-field"), unknown.json);
    let read_only = desk.post("sobjects/Contact", &json!({"LastName": "A", "MasterRecordId": "x"}));
    assert_eq!(recorded("invalid-field-upsert"), read_only.json);
    let id = desk.named("A");
    desk.salesforce.archive(&id).expect("it is there");
    assert_eq!(recorded("crm/delete/not-found"), desk.delete(&format!("sobjects/Contact/{id}")).json);
    let object = desk.query("SELECT Id,X,Name,BillingCity,IsDeleted FROM Accout").json;
    let last = |it: &Value| it[0]["message"].as_str().and_then(|it| it.lines().last().map(str::to_owned));
    assert_eq!(last(&recorded("unknown-object")), last(&object));
    assert_like(&recorded("unknown-object"), &object);
    let empty = desk.post("composite/sobjects", &json!({"records": []}));
    assert_eq!(recorded("batch/create/contacts/err-bad-request"), empty.json);
}

#[test]
fn collections_are_the_recorded_ones() {
    let Some(specs) = specs("salesforce") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/batch/{path}.json"));
    let desk = Desk::new();
    let made = desk.post("composite/sobjects", &recorded("create/contacts/payload")).json;
    assert_like(&recorded("create/contacts/success"), &made);
    let row = |members: Value| {
        let mut row = members;
        row["attributes"] = json!({"type": "Contact"});
        row
    };
    let rows = json!({"allOrNone": true, "records": [row(json!({"FirstName": "A"})), row(json!({"LastName": "B"}))]});
    assert_eq!(recorded("create/contacts/partial-but-allOrNone"), desk.post("composite/sobjects", &rows).json);
    let mut changes = recorded("update/contacts/payload");
    for i in 0..2 {
        changes["records"][i]["id"] = made[i]["id"].clone();
    }
    assert_like(&recorded("update/contacts/success"), &desk.patch("composite/sobjects", &changes).json);
    changes["allOrNone"] = true.into();
    changes["records"][1]["unknownField_LastName"] = "x".into();
    assert_eq!(recorded("update/contacts/partial-but-allOrNone"), desk.patch("composite/sobjects", &changes).json);
    let without = json!({"records": [row(json!({"LastName": "A"})), row(json!({"LastName": "B"}))]});
    assert_eq!(recorded("update/contacts/err-each-no-ids"), desk.patch("composite/sobjects", &without).json);
}

#[test]
fn reads_and_jobs_are_like_the_recorded_ones() {
    let Some(specs) = specs("salesforce") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/{path}.json"));
    let desk = Desk::new();
    let firm = desk.post("sobjects/Account", &json!({"Name": "Firm"}));
    assert_like(&recorded("create-ok"), &firm.json);
    let person = json!({"LastName": "A", "AccountId": firm.id(), "Department": "D", "AssistantName": "N"});
    let person = desk.contact(person);
    let found = desk.query("SELECT AccountId, Department, AssistantName, Description FROM Contact").json;
    assert_like(&recorded("read-list-contacts"), &found);
    let sale = json!({"Name": "S", "AccountId": firm.id(), "Amount": 5, "StageName": "Prospecting", "CloseDate": "2026-03-01"});
    let sale = desk.post("sobjects/Opportunity", &sale).id();
    let role = json!({"OpportunityId": sale, "ContactId": person, "Role": "Decision Maker"});
    assert_eq!(desk.post("sobjects/OpportunityContactRole", &role).status, 201);
    let found = desk.query("SELECT Id, Name, AccountId, Amount, StageName FROM Opportunity").json;
    assert_like(&recorded("read-opportunity-with-account"), &found);
    let soql = "SELECT Id, Name, Amount, StageName, (SELECT Id, ContactId, Role FROM OpportunityContactRoles) FROM Opportunity";
    assert_like(&recorded("read-opportunity-with-contacts"), &desk.query(soql).json);

    let key = Property { object: "Opportunity".to_owned(), ..Property::external_id("external_id__c") };
    desk.salesforce.add_property(&key).expect("it is new");
    let job = json!({"object": "Opportunity", "operation": "upsert", "externalIdFieldName": "external_id__c"});
    let opened = desk.post("jobs/ingest", &job);
    assert_like(&recorded("bulk/write/launch-job-opportunity"), &opened.json);
    let path = format!("jobs/ingest/{}", opened.id());
    desk.send("PUT", &format!("{DATA}/{path}/batches"), "text/csv", "external_id__c,Nonsense\n1,x\n".to_owned());
    let complete = desk.patch(&path, &json!({"state": "UploadComplete"})).json;
    assert_like(&recorded("bulk/write/update-job-opportunity"), &complete);
    desk.pass(SECOND_US);
    assert_like(&recorded("bulk/info/in-progress"), &desk.get(&path).json);
    desk.pass(SECOND_US);
    assert_like(&recorded("bulk/info/complete-failure"), &desk.get(&path).json);
    let query = desk.post("jobs/query", &json!({"operation": "query", "query": "SELECT Id FROM Account"}));
    assert_like(&recorded("bulk/read-launch-job-account"), &query.json);
    desk.contact(json!({"LastName": "B"}));
    let info = desk.send("GET", "/services/oauth2/userinfo", "application/json", String::new());
    assert_like(&recorded("metadata/write/user-info"), &info.json);
}

#[test]
fn describes_are_like_the_recorded_ones() {
    let Some(specs) = specs("salesforce") else { return };
    let interests = Property {
        choices: vec!["art".to_owned(), "swimming".to_owned()],
        ..Property::of("Account", "Interests__c", Kind::MultiPicklist)
    };
    let desk = Desk::with(|settings| settings.properties.push(interests));
    let part = json!({"method": "GET", "url": format!("{DATA}/sobjects/Account/describe"), "referenceId": "Account"});
    let ours =
        desk.post("composite", &json!({"compositeRequest": [part]})).json["compositeResponse"][0]["body"].clone();
    let field = |all: &Value, name: &str| {
        all["fields"].as_array().expect("fields").iter().find(|it| it["name"] == name).cloned().expect(name)
    };
    let mut real = read(&specs, "recorded/metadata/read/accounts-sampled.json")["compositeResponse"][0]["body"].clone();
    for theirs in real["fields"].as_array_mut().expect("fields") {
        // The recorded org has accounts that are people.
        theirs["compoundFieldName"] = Value::Null;
        theirs["extraTypeInfo"] = Value::Null;
        let name = theirs["name"].as_str().expect("a name").to_owned();
        let our = field(&ours, &name);
        assert_like(theirs, &our);
        for member in [
            "type",
            "length",
            "soapType",
            "nillable",
            "createable",
            "updateable",
            "referenceTo",
            "relationshipName",
            "byteLength",
        ] {
            assert_eq!(theirs[member], our[member], "{name} {member}");
        }
    }
    let members = real.as_object_mut().expect("an object");
    // An empty object where nothing is, written as a list by whoever recorded it.
    members.remove("urls");
    members.remove("fields");
    assert_like(&real, &ours);
    let custom = read(&specs, "recorded/metadata/read/custom-object-with-custom-fields.json");
    let mut theirs = field(&custom["compositeResponse"][0]["body"], "Interests__c");
    theirs["defaultValue"] = Value::Null;
    assert_like(&theirs, &field(&ours, "Interests__c"));
}

#[test]
fn answers_satisfy_the_contracts() {
    let Some(specs) = specs("salesforce") else { return };
    let vendor = read(&specs, "sobjects-oas-v59.trimmed.json");
    let client = read(&specs, "jsforce-types.schema.json");
    let component = |name: &str, answer: &Value| check(&vendor, "components/schemas", name, &without_nulls(answer));
    let kind = |name: &str, answer: &Value| check(&client, "definitions", name, answer);
    let desk = Desk::new();
    kind("DescribeGlobalResult", &desk.get("sobjects").json);
    component("DescribeGlobalResult", &desk.get("sobjects").json);
    let firm = desk.post("sobjects/Account", &json!({"Name": "Firm", "BillingCity": "Berlin"}));
    component("SaveResult", &firm.json);
    kind("SaveResult", &firm.json);
    let ana = desk.contact(json!({"LastName": "A", "MailingCity": "Berlin", "AccountId": firm.id(), KEY: "1"}));
    let lead = json!({"LastName": "L", "Company": "C", "AnnualRevenue": 5, "NumberOfEmployees": 7});
    let sale = json!({"Name": "S", "StageName": "Prospecting", "CloseDate": "2026-03-01", "Amount": 1.5});
    let topic = desk.post("sobjects/Topic", &json!({"Name": "VIP"})).id();
    let case = desk.post("sobjects/Case", &json!({"Subject": "C"})).id();
    let rows = [
        ("Account", Value::Null, firm.id()),
        ("Contact", Value::Null, ana.clone()),
        ("Case", Value::Null, case.clone()),
        ("Topic", Value::Null, topic.clone()),
        ("Lead", lead, String::new()),
        ("Opportunity", sale, String::new()),
        ("Task", json!({"Subject": "T", "WhoId": ana}), String::new()),
        ("Note", json!({"Title": "N", "ParentId": ana}), String::new()),
        ("CaseComment", json!({"ParentId": case, "CommentBody": "x"}), String::new()),
        ("TopicAssignment", json!({"TopicId": topic, "EntityId": ana}), String::new()),
    ];
    for (object, body, id) in rows {
        let id = if id.is_empty() { desk.post(&format!("sobjects/{object}"), &body).id() } else { id };
        component(&format!("{object}SObject"), &desk.get(&format!("sobjects/{object}/{id}")).json);
        component("SObjectRootInfo", &desk.get(&format!("sobjects/{object}")).json);
        let about = desk.get(&format!("sobjects/{object}/describe")).json;
        kind("DescribeSObjectResult", &about);
        component("DescribeSObjectResult", &about);
    }
    kind("SfQueryResult", &desk.query("SELECT Id, Account.Name FROM Contact").json);
    component("ErrorInfo", &desk.get("sobjects/Contact/7").json[0]);
    let span = "start=2025-12-31T00:00:00Z&end=2026-01-02T00:00:00Z";
    component("GetDeletedResult", &desk.get(&format!("sobjects/Contact/deleted?{span}")).json);
}
