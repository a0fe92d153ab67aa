use serde_json::json;

use super::desk::{DATA, Desk, KEY, SECOND_US};

#[test]
fn a_contact_is_made_read_changed_and_deleted() {
    let desk = Desk::new();
    let made =
        desk.post("sobjects/Contact/", &json!({"LastName": " Özil ", "FirstName": "Ana", "Email": "ana@example.com"}));
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json, json!({"id": made.id(), "success": true, "errors": []}));
    let id = made.id();
    assert_eq!(id.len(), 18);
    let read = desk.get(&format!("sobjects/Contact/{}", &id[..15])).json;
    assert_eq!(read["attributes"]["url"], format!("{DATA}/sobjects/Contact/{id}"));
    assert_eq!((&read["Name"], &read["LastName"]), (&json!("Ana Özil"), &json!("Özil")), "blanks are taken off");
    assert_eq!(read["CreatedDate"], "2026-01-01T00:00:00.000+0000");
    assert!(read["Phone"].is_null() && read["IsDeleted"] == false);

    desk.pass(SECOND_US);
    let path = format!("sobjects/Contact/{id}");
    let changed = desk.patch(&path, &json!({"phone": "+49 30 1", "FirstName": ""}));
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    let read = desk.get(&format!("{path}?fields=FirstName,Phone,Email,SystemModstamp")).json;
    assert!(read["FirstName"].is_null() && read["Phone"] == "+49 30 1" && read["Email"] == "ana@example.com");
    assert_eq!(read["SystemModstamp"], "2026-01-01T00:00:01.000+0000");
    assert!(read.get("LastName").is_none(), "only what was asked for");

    assert_eq!(desk.delete(&path).status, 204);
    assert_eq!(desk.get(&path).refusal(), (404, "ENTITY_IS_DELETED"));
    assert_eq!(desk.delete(&path).json[0]["fields"], json!([]));
    assert_eq!(desk.get("sobjects/Contact/003ak0000000zzzAAA").refusal(), (404, "NOT_FOUND"));
    assert_eq!(desk.get("sobjects/Contact/7").refusal(), (404, "NOT_FOUND"));
    assert_eq!(desk.get("sobjects/Contcat/7").refusal(), (404, "NOT_FOUND"));
}

#[test]
fn any_version_and_no_other_method_is_taken() {
    let desk = Desk::new();
    let id = desk.named("A");
    for version in ["v20.0", "v59.0", "v99.0"] {
        let path = format!("/services/data/{version}/sobjects/Contact/{id}");
        let got = desk.send("GET", &path, "application/json", String::new());
        assert_eq!(got.json["attributes"]["url"], path);
    }
    assert_eq!(desk.call("PUT", &format!("sobjects/Contact/{id}"), &json!({})).refusal(), (405, "METHOD_NOT_ALLOWED"));
    let text = desk.send("POST", &format!("{DATA}/sobjects/Contact"), "text/plain", "x".to_owned());
    assert_eq!(text.refusal(), (415, "UNSUPPORTED_MEDIA_TYPE"));
    let broken = desk.send("POST", &format!("{DATA}/sobjects/Contact"), "application/json", "{".to_owned());
    assert_eq!(broken.refusal(), (400, "JSON_PARSER_ERROR"));
    let versions = desk.send("GET", "/services/data/", "application/json", String::new());
    assert!(versions.json[0]["url"].as_str().is_some_and(|it| it.starts_with("/services/data/v")));
}

#[test]
fn an_upsert_by_external_id_makes_then_changes() {
    let desk = Desk::new();
    let path = format!("sobjects/Contact/{KEY}/k%201");
    let made = desk.patch(&path, &json!({"LastName": "A"}));
    assert_eq!((made.status.as_u16(), &made.json["created"]), (201, &json!(true)), "{}", made.text);
    let again = desk.patch(&path, &json!({"FirstName": "B"}));
    assert_eq!((again.status.as_u16(), &again.json["created"], again.id()), (200, &json!(false), made.id()));
    let old = desk.send("PATCH", &format!("/services/data/v45.0/{path}"), "application/json", "{}".to_owned());
    assert_eq!((old.status.as_u16(), old.text.as_str()), (204, ""));
    assert_eq!(desk.get(&path).json["Id"], made.id());
    let known = format!("sobjects/Contact/{KEY}/none?updateOnly=true");
    assert_eq!(desk.patch(&known, &json!({"LastName": "A"})).status, 404);
    assert_eq!(desk.patch(&path, &json!({KEY: "k 1"})).refusal(), (400, "INVALID_FIELD"));
    assert_eq!(desk.patch("sobjects/Contact/Phone/1", &json!({})).refusal(), (404, "NOT_FOUND"));
    assert_eq!(desk.patch("sobjects/Contact/Email/a@example.com", &json!({})).refusal(), (404, "NOT_FOUND"));
}

#[test]
fn a_key_that_several_records_hold_answers_300() {
    let mut key = lockstep_sandbox::salesforce::Property::external_id("Loose__c");
    key.unique = false;
    let desk = Desk::with(|settings| settings.properties.push(key));
    let ids: Vec<String> = (0..2).map(|_| desk.contact(json!({"LastName": "A", "Loose__c": "x"}))).collect();
    for got in [desk.get("sobjects/Contact/Loose__c/X"), desk.patch("sobjects/Contact/Loose__c/x", &json!({}))] {
        assert_eq!(got.status, 300);
        assert_eq!(got.json, json!(ids.iter().map(|id| format!("{DATA}/sobjects/Contact/{id}")).collect::<Vec<_>>()));
    }
}

#[test]
fn conditions_are_held_in_whole_seconds() {
    let mut desk = Desk::new();
    let id = desk.named("A");
    let path = format!("sobjects/Contact/{id}");
    desk.pass(10 * SECOND_US);
    desk.headers = vec![("if-modified-since", "Thu, 01 Jan 2026 00:00:05 GMT".to_owned())];
    assert_eq!(desk.get(&path).status, 304);
    desk.headers = vec![("if-unmodified-since", "Thu, 01 Jan 2026 00:00:05 GMT".to_owned())];
    assert_eq!(desk.patch(&path, &json!({"FirstName": "B"})).status, 204);
    assert_eq!(desk.patch(&path, &json!({"FirstName": "C"})).refusal(), (412, "PRECONDITION_FAILED"));
}

#[test]
fn objects_and_fields_are_described() {
    let desk = Desk::new();
    let global = desk.get("sobjects").json;
    let names: Vec<&str> =
        global["sobjects"].as_array().expect("objects").iter().filter_map(|it| it["name"].as_str()).collect();
    for name in ["Account", "Case", "Contact", "ContentNote", "Lead", "Opportunity", "Task", "Topic", "TopicAssignment"]
    {
        assert!(names.contains(&name), "{name}");
    }
    let about = desk.get("sobjects/Contact/describe/");
    let field = |name: &str| {
        let fields = about.json["fields"].as_array().expect("fields");
        fields.iter().find(|it| it["name"] == name).cloned().expect(name)
    };
    assert_eq!(field("LastName")["nillable"], false);
    assert_eq!(field("Email")["idLookup"], true);
    let key = field(KEY);
    assert!(key["externalId"] == true && key["unique"] == true && key["custom"] == true && key["updateable"] == true);
    assert_eq!(
        (&field("AccountId")["referenceTo"], &field("AccountId")["relationshipName"]),
        (&json!(["Account"]), &json!("Account"))
    );
    assert_eq!(field("LeadSource")["picklistValues"][0]["value"], "Web");
    assert_eq!(field("SystemModstamp")["updateable"], false);
    assert_eq!(field("Description")["filterable"], false);
    let mut desk = desk;
    desk.headers = vec![("if-modified-since", about.headers["last-modified"].to_str().expect("text").to_owned())];
    assert_eq!(desk.get("sobjects/Contact/describe").status, 304);
    desk.pass(SECOND_US * 5);
    desk.salesforce.drop_property(KEY).expect("it is there");
    assert_eq!(desk.get("sobjects/Contact/describe").status, 200, "the schema has changed");
}
