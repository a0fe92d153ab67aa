//! Objects besides contacts: what they need, where they stand, what they are linked with and what they start.

use serde_json::{Value, json};

use crate::desk::{Desk, Got, SECOND_US};

const DEALS: &str = "/crm/v3/objects/deals";

fn made(desk: &Desk, object: &str, body: &Value) -> String {
    let got = desk.post(&format!("/crm/v3/objects/{object}"), body);
    assert_eq!(got.status, 201, "{}", got.text);
    got.json["id"].as_str().expect("an id").to_owned()
}

fn deal(desk: &Desk, name: &str) -> String {
    let properties = json!({"dealname": name, "pipeline": "default", "dealstage": "contractsent"});
    made(desk, "deals", &json!({"properties": properties}))
}

fn refused(got: &Got, code: &str, property: &str) {
    assert_eq!(got.status, 400, "{}", got.text);
    assert_eq!(got.json["errors"][0]["code"], code, "{}", got.text);
    assert_eq!(got.json["errors"][0]["context"]["propertyName"], json!([property]));
}

#[test]
fn an_object_goes_by_its_name_and_its_number() {
    let desk = Desk::new();
    let id = deal(&desk, "Lamps");
    for name in ["deals", "deal", "0-3"] {
        let got = desk.get(&format!("/crm/v3/objects/{name}/{id}"));
        assert_eq!(got.json["properties"]["dealname"], "Lamps", "{name}");
        assert!(got.json["properties"]["hs_lastmodifieddate"].is_string());
        assert_eq!(got.json["properties"].get("lastmodifieddate"), None);
    }
    assert_eq!(desk.get(&format!("/crm/v3/objects/contacts/{id}")).status, 404, "another object's record");
    let calls = desk.hubspot.calls();
    assert_eq!(calls.route("GET /crm/v3/objects/deals/{id}").total, 3);
    let contracts = desk.get("/crm/v3/schemas");
    let schema = &contracts.json["results"][0];
    assert_eq!(schema["fullyQualifiedName"], "p44237313_contracts");
    for name in ["p44237313_contracts", schema["objectTypeId"].as_str().expect("a type id")] {
        made(&desk, name, &json!({"properties": {"contract_name": "Lease"}}));
    }
}

#[test]
fn what_a_new_record_needs_is_named() {
    let desk = Desk::new();
    let lacks = |object: &str, properties: Value, missing: Value| {
        let got = desk.post(&format!("/crm/v3/objects/{object}"), &json!({"properties": properties}));
        assert_eq!((got.status.as_u16(), &got.json["context"]["properties"]), (400, &missing), "{}", got.text);
    };
    lacks("deals", json!({"dealname": "x"}), json!(["dealstage", "pipeline"]));
    lacks("companies", json!({"city": "x"}), json!(["name", "domain"]));
    lacks("notes", json!({"hs_note_body": "x"}), json!(["hs_timestamp"]));
    lacks("p44237313_contracts", json!({}), json!(["contract_name"]));
    made(&desk, "companies", &json!({"properties": {"domain": "example.com"}}));
    let rows = json!({"inputs": [{"properties": {"dealname": "x"}, "objectWriteTraceId": "1"}]});
    let got = desk.post(&format!("{DEALS}/batch/create"), &rows);
    assert_eq!((got.status.as_u16(), &got.json["numErrors"]), (207, &json!(1)), "{}", got.text);
}

#[test]
fn a_stage_must_be_of_the_pipeline() {
    let desk = Desk::new();
    let id = deal(&desk, "Lamps");
    let path = format!("{DEALS}/{id}");
    let set = |properties: Value| desk.patch(&path, &json!({"properties": properties}));
    refused(&set(json!({"dealstage": "1067411502"})), "INVALID_OPTION", "dealstage");
    refused(&set(json!({"pipeline": "7"})), "INVALID_OPTION", "pipeline");
    let moved = set(json!({"pipeline": "734420116", "dealstage": "1067411502"}));
    assert_eq!(moved.status, 200, "{}", moved.text);
    let got = desk.get(&format!("{path}?properties=hs_is_closed_won,hs_deal_stage_probability"));
    let properties = &got.json["properties"];
    assert_eq!(
        (&properties["hs_is_closed_won"], &properties["hs_deal_stage_probability"]),
        (&json!("true"), &json!("1.0"))
    );
    let pipelines = desk.get("/crm/v3/pipelines/deals");
    let labels: Vec<&Value> =
        pipelines.json["results"].as_array().expect("two").iter().map(|it| &it["label"]).collect();
    assert_eq!(labels, ["Sales Pipeline", "Renewals"]);
    assert_eq!(desk.get("/crm/v3/pipelines/tickets/0/stages").json["results"][0]["label"], "New");
}

#[test]
fn a_unique_value_belongs_to_one_record_of_its_object() {
    let desk = Desk::new();
    let contract = |number: &str| json!({"properties": {"contract_name": "Lease", "contract_number": number}});
    let first = made(&desk, "p44237313_contracts", &contract("7"));
    let got = desk.post("/crm/v3/objects/p44237313_contracts", &contract("7"));
    refused(&got, "CONFLICTING_UNIQUE_VALUE", "contract_number");
    assert!(got.text.contains(&format!("{first} already has that value")), "{}", got.text);
    let found = desk.get("/crm/v3/objects/p44237313_contracts/7?idProperty=contract_number");
    assert_eq!(found.json["id"], first);
}

#[test]
fn every_object_is_searched_behind_the_index() {
    let desk = Desk::new();
    let (old, new) = (deal(&desk, "Old lamps"), {
        desk.pass(SECOND_US);
        deal(&desk, "New lamps")
    });
    let body = json!({"filterGroups": [{"filters": [
            {"propertyName": "dealname", "operator": "CONTAINS_TOKEN", "value": "lamp*"},
            {"propertyName": "hs_is_closed", "operator": "EQ", "value": "false"}]}],
        "sorts": [{"propertyName": "hs_lastmodifieddate", "direction": "DESCENDING"}]});
    assert_eq!(desk.post(&format!("{DEALS}/search"), &body).json["total"], 0, "the index knows nothing yet");
    desk.pass(6 * SECOND_US);
    let found = desk.post(&format!("{DEALS}/search"), &body);
    let ids: Vec<&Value> = found.json["results"].as_array().expect("results").iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!(new), &json!(old)]);
    assert_eq!(desk.post("/crm/v3/objects/contacts/search", &json!({})).json["total"], 0);
}

#[test]
fn records_are_linked_both_ways_and_shown_with_reads() {
    let desk = Desk::new();
    let ana = desk.contact(json!({"firstname": "Ana"}));
    let to_ana =
        json!({"to": {"id": ana}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]});
    let properties = json!({"dealname": "Lamps", "pipeline": "default", "dealstage": "contractsent"});
    let id = made(&desk, "deals", &json!({"properties": properties, "associations": [to_ana]}));
    let read = desk.get(&format!("{DEALS}/{id}?associations=contacts,companies"));
    assert_eq!(read.json["associations"], json!({"contacts": {"results": [{"id": ana, "type": "deal_to_contact"}]}}));
    let listed = desk.get(&format!("/crm/v4/objects/contacts/{ana}/associations/deals"));
    assert_eq!(listed.json["results"][0]["toObjectId"], id);
    assert_eq!(listed.json["results"][0]["associationTypes"][0]["typeId"], 4, "seen from the contact");

    let firm = made(&desk, "companies", &json!({"properties": {"name": "Firm"}}));
    let got = desk.put(&format!("/crm/v4/objects/deals/{id}/associations/default/companies/{firm}"), &Value::Null);
    assert_eq!(
        (got.status.as_u16(), &got.json["results"][0]["associationSpec"]["associationTypeId"]),
        (200, &json!(341))
    );
    let primary = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]);
    let got = desk.put(&format!("/crm/v4/objects/deals/{id}/associations/companies/{firm}"), &primary);
    assert_eq!((got.status.as_u16(), &got.json["labels"]), (201, &json!(["Primary"])));
    let rows = json!({"inputs": [{"id": id}, {"id": "7"}]});
    let got = desk.post("/crm/v4/associations/deals/companies/batch/read", &rows);
    assert_eq!(got.status, 207);
    assert_eq!(got.json["results"][0]["to"][0]["associationTypes"].as_array().map(Vec::len), Some(2));
    assert_eq!(got.json["errors"][0]["subCategory"], "crm.associations.NO_ASSOCIATIONS_FOUND");
    let labels = desk.get("/crm/v4/associations/contacts/p44237313_contracts/labels");
    assert_eq!(labels.json["results"][1]["label"], "Signer");

    let merged = desk.hubspot.merge(&ana, &desk.contact(json!({"firstname": "Anna"}))).expect("two contacts");
    let got = desk.get(&format!("/crm/v4/objects/deals/{id}/associations/contacts"));
    assert_eq!(got.json["results"][0]["toObjectId"], merged, "a merge keeps the links");
    assert_eq!(desk.delete(&format!("/crm/v4/objects/deals/{id}/associations/contacts/{merged}")).status, 204);
    assert_eq!(desk.get(&format!("/crm/v4/objects/deals/{id}/associations/contacts")).json["results"], json!([]));
}

#[test]
fn a_link_to_nobody_is_refused_before_the_record_is_made() {
    let desk = Desk::new();
    let body = |id: &str, kind: u32| {
        json!({"properties": {"hs_timestamp": "0"}, "associations": [{"to": {"id": id},
            "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind}]}]})
    };
    let ana = desk.contact(json!({"firstname": "Ana"}));
    assert_eq!(desk.post("/crm/v3/objects/notes", &body("7", 202)).status, 400);
    assert_eq!(desk.post("/crm/v3/objects/notes", &body(&ana, 3)).status, 400, "that is a deal's type");
    assert!(desk.hubspot.records_of("notes").expect("notes").is_empty());
}

#[test]
fn a_link_is_of_a_whole_type_that_leads_to_its_target() {
    let desk = Desk::new();
    let (id, ana) = (deal(&desk, "Lamps"), desk.contact(json!({"firstname": "Ana"})));
    let kind = |category: &str, id: u32| json!({"associationCategory": category, "associationTypeId": id});
    let wrong = [
        json!([]),
        json!([{"associationTypeId": 3}]),
        json!([kind("USER_DEFINED", 3)]),
        json!([kind("HUBSPOT_DEFINED", 5)]),
        json!([kind("HUBSPOT_DEFINED", 3), kind("HUBSPOT_DEFINED", 5)]),
    ];
    for types in wrong {
        let got = desk.put(&format!("/crm/v4/objects/deals/{id}/associations/contacts/{ana}"), &types);
        assert_eq!((got.status.as_u16(), &got.json["category"]), (400, &json!("VALIDATION_ERROR")), "{types}");
        let row = json!({"from": {"id": id}, "to": {"id": ana}, "types": types});
        let got = desk.post("/crm/v4/associations/deals/contacts/batch/create", &json!({"inputs": [row]}));
        let errors = got.json["errors"].as_array().map_or(0, Vec::len);
        assert!(got.status == 400 || (got.status == 207 && errors == 1), "{types}: {}", got.text);
        let body = json!({"properties": {"dealname": "x", "pipeline": "default", "dealstage": "contractsent"},
            "associations": [{"to": {"id": ana}, "types": types}]});
        assert_eq!(desk.post(DEALS, &body).status, 400, "{types}");
    }
    assert_eq!(desk.get(&format!("/crm/v4/objects/deals/{id}/associations/contacts")).json["results"], json!([]));
}

#[test]
fn a_link_may_be_refused_inside_an_answer_that_looks_well() {
    let desk = Desk::new();
    let (id, ana) = (deal(&desk, "Lamps"), desk.contact(json!({"firstname": "Ana"})));
    let path = format!("/crm/v4/objects/deals/{id}/associations/default/contacts/{ana}");
    assert_eq!(desk.post("/__refuse-links", &json!({"times": 1})).status, 200);
    let got = desk.put(&path, &Value::Null);
    assert_eq!((got.status.as_u16(), &got.json["numErrors"], &got.json["results"]), (207, &json!(1), &json!([])));
    assert_eq!(desk.get(&format!("/crm/v4/objects/deals/{id}/associations/contacts")).json["results"], json!([]));
    assert_eq!(desk.put(&path, &Value::Null).status, 200);
}

#[test]
fn a_change_of_nothing_is_refused() {
    let desk = Desk::new();
    let id = deal(&desk, "Lamps");
    let got = desk.patch(&format!("{DEALS}/{id}"), &json!({"properties": {}}));
    assert_eq!((got.status.as_u16(), &got.json["category"]), (400, &json!("VALIDATION_ERROR")), "{}", got.text);
}

#[test]
fn a_value_starts_a_workflow_each_time_it_is_taken() {
    let desk = Desk::new();
    let workflow = json!({"name": "Greet", "object": "contacts", "property": "jobtitle", "value": "Baker",
        "does": {"set": {"company": "{{ firstname }}'s bakery"}}});
    let id = desk.post("/__workflow", &workflow).json["id"].clone();
    let ana = desk.contact(json!({"firstname": "Ana", "jobtitle": "Baker"}));
    desk.hubspot.edit(&ana, &[("jobtitle", "Baker"), ("lastname", "Lim")]).expect("an edit");
    desk.hubspot.edit(&ana, &[("jobtitle", "Cook")]).expect("an edit");
    desk.hubspot.edit(&ana, &[("jobtitle", "Baker")]).expect("an edit");
    let runs = desk.get("/__workflows");
    let run = runs.json.as_array().expect("workflows").iter().find(|it| it["id"] == id).expect("ours").clone();
    assert_eq!((&run["runs"], &run["failure"]), (&json!(2), &Value::Null), "a value that stays starts nothing");
    let got = desk.get(&format!("/crm/v3/objects/contacts/{ana}?properties=company&propertiesWithHistory=company"));
    assert_eq!(got.json["properties"]["company"], "Ana's bakery");
    assert_eq!(got.json["propertiesWithHistory"]["company"][0]["sourceType"], "AUTOMATION_PLATFORM");

    let listed = desk.get("/automation/v4/flows");
    assert_eq!(listed.json["results"].as_array().map(Vec::len), Some(2), "and the one that the account begins with");
    let id = id.as_u64().expect("an id").to_string();
    let flow = desk.get(&format!("/automation/v4/flows/{id}"));
    let filter =
        flow.json.pointer("/enrollmentCriteria/listFilterBranch/filterBranches/0/filters/0").expect("a filter");
    assert_eq!((&filter["property"], &filter["operation"]["value"]), (&json!("jobtitle"), &json!("Baker")));
    assert_eq!(desk.get("/automation/v4/flows/7").status, 404);
}

#[test]
fn a_workflow_that_cannot_do_its_deed_says_why() {
    let desk = Desk::new();
    let workflow = json!({"name": "Broken", "object": "deals", "property": "dealname", "value": null,
        "does": {"create": {"object": "tickets", "properties": {"subject": "{{ dealname }}"}}}});
    desk.post("/__workflow", &workflow);
    deal(&desk, "Lamps");
    let broken = desk.hubspot.workflows().pop().expect("a workflow");
    assert_eq!(broken.runs, 1);
    assert!(broken.failure.expect("a reason").contains("Some required properties were not set"));
}

#[test]
fn a_grant_is_held_to_its_scopes() {
    let mut desk = Desk::new();
    desk.token = desk.hubspot.grant_scopes(&["crm.objects.deals.read"]).access_token;
    assert_eq!(desk.get(DEALS).status, 200);
    assert_eq!(desk.get("/crm/v3/properties/deals").status, 200);
    let got = desk.post(DEALS, &json!({"properties": {}}));
    assert_eq!((got.status.as_u16(), got.json["category"].as_str()), (403, Some("MISSING_SCOPES")));
    assert_eq!(got.json["context"]["requiredGranularScopes"], json!(["crm.objects.deals.write"]));
    for path in ["/crm/v3/objects/contacts", "/crm/v3/owners/", "/crm/v3/schemas", "/automation/v4/flows"] {
        assert_eq!(desk.get(path).status, 403, "{path}");
    }
}

#[test]
fn deals_are_announced_to_who_subscribed() {
    let desk = Desk::new();
    let app = "/webhooks/v3/19083857";
    let target = json!({"targetUrl": "https://app.example.com/hooks", "throttling": {"maxConcurrentRequests": 10}});
    assert_eq!(desk.put(&format!("{app}/settings?hapikey=k"), &target).status, 200);
    let subscribe = |event: Value| desk.post(&format!("{app}/subscriptions?hapikey=k"), &event).status;
    assert_eq!(subscribe(json!({"eventType": "deal.creation", "active": true})), 201);
    assert_eq!(subscribe(json!({"eventType": "deal.propertyChange", "propertyName": "amount", "active": true})), 201);
    assert_eq!(subscribe(json!({"eventType": "butterfly.creation", "active": true})), 400);
    desk.contact(json!({"firstname": "Ana"}));
    let id = deal(&desk, "Lamps");
    desk.patch(&format!("{DEALS}/{id}"), &json!({"properties": {"amount": "5"}}));
    let hooks = desk.hubspot.take_hooks();
    let events: Value = serde_json::from_slice(&hooks[0].body).expect("JSON");
    let told: Vec<&Value> = events.as_array().expect("events").iter().map(|it| &it["subscriptionType"]).collect();
    assert_eq!(told, ["deal.creation", "deal.propertyChange"]);
    assert_eq!(events[1]["objectId"].to_string(), id);
}

#[test]
fn any_object_can_be_filled_and_edited_by_hand() {
    let desk = Desk::new();
    let rows =
        json!([{"dealname": "Lamps", "pipeline": "default", "dealstage": "contractsent"}, {"dealname": "Chairs"}]);
    let filled = desk.post("/__records?object=deals", &rows);
    assert_eq!((&filled.json["created"], &filled.json["refused"][0][0]), (&json!(1), &json!(2)), "{}", filled.text);
    let note = desk.post("/__create", &json!({"object": "notes", "properties": {"hs_timestamp": "0"}}));
    let edit = json!({"id": note.json["id"], "properties": {"hs_note_body": "Called"}});
    assert_eq!(desk.post("/__edit", &edit).status, 200);
    let notes = desk.get("/__records?object=notes");
    assert_eq!(notes.json[0]["properties"]["hs_note_body"], "Called");
    assert_eq!(desk.get("/__records").json, json!([]), "contacts, if none is named");
}
