use serde_json::{Value, json};

use crate::desk::{Desk, SECOND_US};

const CONTACTS: &str = "/crm/v3/objects/contacts";

#[test]
fn a_contact_is_created_read_changed_and_archived() {
    let desk = Desk::new();
    let got = desk.post(
        CONTACTS,
        &json!({"properties": {"email": "Ada@Example.com", "firstname": "Ada", "phone": "+49 30 123456"}}),
    );
    assert_eq!(got.status, 201);
    let id = got.json["id"].as_str().expect("an id").to_owned();
    assert_eq!(got.json["properties"]["email"], "ada@example.com");
    assert_eq!(got.json["properties"]["lifecyclestage"], "lead");
    assert_eq!(got.json["createdAt"], "2026-01-01T00:00:00.000Z");

    desk.pass(SECOND_US);
    let got = desk.patch(&format!("{CONTACTS}/{id}"), &json!({"properties": {"firstname": ""}}));
    assert_eq!(got.json["properties"]["firstname"], Value::Null);
    assert_eq!(got.json["properties"].get("email"), None, "only what was written comes back");
    assert_eq!(got.json["updatedAt"], "2026-01-01T00:00:01.000Z");

    let got = desk.get(&format!("{CONTACTS}/ada@example.com?idProperty=email&properties=phone,firstname,nonsense"));
    assert_eq!(got.json["id"], id);
    assert_eq!(got.json["properties"]["phone"], "+49 30 123456", "stored as typed");
    assert_eq!(got.json["properties"]["firstname"], Value::Null);
    assert_eq!(got.json["properties"].get("nonsense"), None);
    assert_eq!(got.json["properties"].get("email"), None, "was not asked for");

    assert_eq!(desk.delete(&format!("{CONTACTS}/{id}")).status, 204);
    assert_eq!(desk.get(&format!("{CONTACTS}/{id}")).json["category"], "OBJECT_NOT_FOUND");
    let archived = desk.get(&format!("{CONTACTS}?archived=true"));
    assert_eq!(archived.json["results"][0]["id"], id);
    assert_eq!(archived.json["results"][0]["archivedAt"], "2026-01-01T00:00:01.000Z");
    desk.hubspot.restore(&id).expect("it lies in the bin");
    assert_eq!(desk.get(&format!("{CONTACTS}/{id}")).status, 200);
}

#[test]
fn an_address_belongs_to_one_contact() {
    let desk = Desk::new();
    let id = desk.contact(json!({"email": "ada@example.com"}));
    let got = desk.post(CONTACTS, &json!({"properties": {"email": "ADA@example.com"}}));
    assert_eq!(got.status, 409);
    assert_eq!(got.json["message"], format!("Contact already exists. Existing ID: {id}"));
    assert_eq!(got.json["category"], "CONFLICT");
    desk.patch(&format!("{CONTACTS}/{id}"), &json!({"properties": {"email": "lovelace@example.com"}}));
    desk.contact(json!({"email": "ada@example.com"}));
}

#[test]
fn unknown_and_read_only_properties_are_refused() {
    let desk = Desk::new();
    let got = desk.post(CONTACTS, &json!({"properties": {"first000name": "x", "createdate": "0"}}));
    assert_eq!(got.status, 400);
    assert_eq!(got.json["category"], "VALIDATION_ERROR");
    let codes: Vec<&Value> = got.json["errors"].as_array().expect("errors").iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"]);
    assert_eq!(got.json["errors"][0]["context"]["propertyName"][0], "first000name");
    assert!(desk.hubspot.records().is_empty());
}

#[test]
fn a_merge_makes_a_new_record_that_both_old_ids_lead_to() {
    let desk = Desk::new();
    let a = desk.contact(json!({"email": "a@example.com", "firstname": "A"}));
    let b = desk.contact(json!({"email": "b@example.com", "firstname": "B", "phone": "+1 415 555 2671"}));
    let got = desk.post(&format!("{CONTACTS}/merge"), &json!({"primaryObjectId": a, "objectIdToMerge": b}));
    assert_eq!(got.status, 200, "{}", got.text);
    let c = got.json["id"].as_str().expect("an id").to_owned();
    assert!(c != a && c != b);
    for old in [&a, &b, &"b@example.com?idProperty=email".to_owned()] {
        let joint = if old.contains('?') { '&' } else { '?' };
        let got = desk.get(&format!(
            "{CONTACTS}/{old}{joint}properties=firstname,phone,hs_merged_object_ids,hs_additional_emails"
        ));
        assert_eq!(got.json["id"], c);
        assert_eq!(got.json["properties"]["firstname"], "A");
        assert_eq!(got.json["properties"]["phone"], "+1 415 555 2671");
        assert_eq!(got.json["properties"]["hs_merged_object_ids"], format!("{a};{b}"));
        assert_eq!(got.json["properties"]["hs_additional_emails"], "b@example.com");
    }
    let got = desk.patch(&format!("{CONTACTS}/{b}"), &json!({"properties": {"firstname": "C"}}));
    assert_eq!(got.json["id"], c);
    assert_eq!(desk.get(CONTACTS).json["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(desk.hubspot.get(&a).and_then(|it| it.merged_into), Some(c));
}

#[test]
fn a_list_is_paged_by_id() {
    let desk = Desk::with(|settings| settings.quirks = false);
    let ids: Vec<String> = (0..5).map(|i| desk.contact(json!({"firstname": i.to_string()}))).collect();
    let mut seen = Vec::new();
    let mut path = format!("{CONTACTS}?limit=2");
    loop {
        let got = desk.get(&path);
        let page = got.json["results"].as_array().expect("results").clone();
        seen.extend(page.iter().map(|it| it["id"].as_str().expect("an id").to_owned()));
        let Some(after) = got.json["paging"]["next"]["after"].as_str() else {
            break;
        };
        path = format!("{CONTACTS}?limit=2&after={after}");
    }
    assert_eq!(seen, ids);
    assert_eq!(desk.get(&format!("{CONTACTS}?limit=101")).status, 400);
}

#[test]
fn a_hidden_or_late_record_is_not_there() {
    let desk = Desk::new();
    let id = desk.contact(json!({"email": "a@example.com"}));
    let path = format!("{CONTACTS}/{id}");
    desk.hubspot.hide(&id).expect("it is there");
    assert_eq!(desk.get(&path).status, 404);
    desk.hubspot.unhide(&id).expect("it is there");
    desk.hubspot.readable_after(&id, SECOND_US).expect("it is there");
    assert_eq!(desk.get(&path).status, 404);
    desk.pass(SECOND_US);
    assert_eq!(desk.get(&path).status, 200);
}

#[test]
fn an_erased_contact_is_gone_and_its_address_is_free() {
    let desk = Desk::new();
    let id = desk.contact(json!({"email": "a@example.com"}));
    let got =
        desk.post(&format!("{CONTACTS}/gdpr-delete"), &json!({"objectId": "a@example.com", "idProperty": "email"}));
    assert_eq!(got.status, 204);
    assert_eq!(desk.get(&format!("{CONTACTS}/{id}?archived=true")).status, 404);
    assert!(desk.hubspot.records().is_empty());
    desk.contact(json!({"email": "a@example.com"}));
}

#[test]
fn an_automation_writes_right_after_us() {
    let desk = Desk::new();
    desk.hubspot.set_automation(Some(std::sync::Arc::new(|record| {
        (record.value("firstname") == Some("ada")).then(|| [("firstname".to_owned(), "Ada".to_owned())].into())
    })));
    let id = desk.contact(json!({"firstname": "ada"}));
    assert_eq!(desk.hubspot.get(&id).expect("it is there").value("firstname"), Some("Ada"));
}

#[test]
fn properties_are_defined_dropped_and_brought_back() {
    let desk = Desk::new();
    let properties = "/crm/v3/properties/contacts";
    let draft = json!({"name": "lockstep_id", "label": "Lockstep id", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    let got = desk.post(properties, &draft);
    assert_eq!(got.status, 201, "{}", got.text);
    assert_eq!(got.json["hasUniqueValue"], true);
    let twice = desk.post(properties, &draft);
    assert_eq!(twice.status, 409);
    assert_eq!(twice.json["category"], "OBJECT_ALREADY_EXISTS");
    assert_eq!(twice.json["subCategory"], "Properties.PROPERTY_WITH_NAME_EXISTS");

    let id = desk.contact(json!({"lockstep_id": "k1"}));
    assert_eq!(desk.get(&format!("{CONTACTS}/k1?idProperty=lockstep_id")).json["id"], id);
    let taken = desk.post(CONTACTS, &json!({"properties": {"lockstep_id": "k1"}}));
    assert_eq!(taken.json["errors"][0]["code"], "CONFLICTING_UNIQUE_VALUE");
    assert_eq!(desk.get(&format!("{CONTACTS}/x?idProperty=firstname")).status, 400);

    desk.hubspot.drop_property("lockstep_id").expect("it is there");
    assert_eq!(desk.get(&format!("{properties}/lockstep_id")).status, 404);
    let got = desk.get(&format!("{CONTACTS}/{id}?properties=lockstep_id"));
    assert_eq!(got.json["properties"].get("lockstep_id"), None);
    desk.hubspot.recreate_property("lockstep_id").expect("it was there");
    let got = desk.get(&format!("{CONTACTS}/{id}?properties=lockstep_id"));
    assert_eq!(got.json["properties"]["lockstep_id"], "k1");
}

#[test]
fn times_on_records_are_hubspots_own() {
    let desk = Desk::with(|settings| settings.granularity_us = 60 * SECOND_US);
    desk.pass(5 * SECOND_US);
    let id = desk.contact(json!({"firstname": "Ada"}));
    assert_eq!(desk.hubspot.get(&id).map(|it| it.updated_us % (60 * SECOND_US)), Some(0));
    desk.hubspot.set_clock_offset(-600 * SECOND_US);
    let got = desk.patch(&format!("{CONTACTS}/{id}"), &json!({"properties": {"lastname": "L"}}));
    assert_eq!(got.json["updatedAt"], "2025-12-31T23:50:00.000Z");
    let got = desk.get(&format!("{CONTACTS}/{id}?propertiesWithHistory=lastname"));
    assert_eq!(got.json["propertiesWithHistory"]["lastname"][0]["timestamp"], "2025-12-31T23:50:00.000Z");
}
