//! The look-alike beside real answers and the vendor's contract. Both lie outside the repository: the
//! environment variable `LOCKSTEP_SPECS` names the folder, and without it these tests say that they skip.

use serde_json::{Map, Value, json};

use crate::desk::{Desk, SECOND_US};
use crate::specs::{as_json_schema, assert_like, read, specs};

const CONTACTS: &str = "/crm/v3/objects/contacts";

/// The same request members and values, but for what differs from call to call.
fn assert_same_refusal(recorded: &Value, ours: &Value) {
    assert_like(recorded, ours);
    for member in ["status", "category", "message", "subCategory"] {
        if let Some(value) = recorded.get(member) {
            assert_eq!(Some(value), ours.get(member));
        }
    }
}

#[test]
fn batch_answers_are_like_the_recorded_ones() {
    let Some(specs) = specs("hubspot") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/batch/{path}.json"));
    let desk = Desk::new();
    let post = |way: &str, inputs: Value| desk.post(&format!("{CONTACTS}/batch/{way}"), &json!({"inputs": inputs}));
    let row = |email: &str| json!({"properties": {"email": email, "firstname": "Siena", "lastname": "Dyer"}});

    let made = post("create", json!([row("a@example.com")]));
    assert_like(&recorded("create/contacts/success"), &made.json);
    let conflict = post("create", json!([row("a@example.com")]));
    assert_same_refusal(&recorded("create/contacts/err-conflict"), &conflict.json);
    let unknown = json!([{"properties": {"first000name": "a", "last000name": "b"}}, {"properties": {"first000name": "a", "last000name": "b"}}]);
    let invalid = post("create", unknown);
    assert_same_refusal(&recorded("create/contacts/err-many-invalid-properties"), &invalid.json);
    let traced = |email: &str, trace: &str| {
        let mut row = row(email);
        row["objectWriteTraceId"] = trace.into();
        row
    };
    let partial = post("create", json!([traced("a@example.com", "0"), traced("b@example.com", "1")]));
    let real = recorded("create/contacts/err-partial-success");
    assert_like(&real, &partial.json);
    assert_eq!(partial.json["errors"][0]["category"], real["errors"][0]["category"]);

    let id = made.json["results"][0]["id"].clone();
    let update = |id: &Value| json!({"id": id, "properties": {"firstname": "Siena (updated)"}});
    let changed = post("update", json!([update(&id)]));
    assert_like(&recorded("update/contacts/success"), &changed.json);
    let partial = post("update", json!([update(&id), update(&json!("unknownIdentifier888"))]));
    let real = recorded("update/contacts/err-partial-success");
    assert_like(&real, &partial.json);
    assert_eq!(real["errors"][0], partial.json["errors"][0]);
    let twice = post("update", json!([update(&id), update(&id)]));
    let mut real = recorded("update/contacts/err-duplicate-ids");
    let message = real["message"].as_str().expect("a message").replace("123456", id.as_str().expect("an id"));
    real["message"] = message.into();
    assert_same_refusal(&real, &twice.json);
}

#[test]
fn reads_and_searches_are_like_the_recorded_ones() {
    let Some(specs) = specs("hubspot") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/{path}.json"));
    let desk = Desk::new();
    let ids: Vec<String> = (0..3).map(|i| desk.contact(json!({"email": format!("{i}@example.com")}))).collect();
    desk.pass(6 * SECOND_US);
    let body = json!({"inputs": [{"id": ids[0]}, {"id": ids[1]}]});
    let batch = desk.post(&format!("{CONTACTS}/batch/read"), &body);
    assert_like(&recorded("read/objects-api/contacts-batch"), &batch.json);
    let list = desk.get(&format!("{CONTACTS}?limit=2"));
    assert_like(&recorded("read/objects-api/contacts-response"), &list.json);
    for request in ["since", "until", "since-until"] {
        let body = recorded(&format!("read/objects-api/contacts-req-payload-{request}"));
        let found = desk.post(&format!("{CONTACTS}/search"), &body);
        assert_eq!(found.status, 200, "{request}: {}", found.text);
    }
    let properties = json!(["company", "email", "firstname", "lastname", "phone", "website"]);
    let first = desk.post(&format!("{CONTACTS}/search"), &json!({"limit": 1, "properties": properties}));
    let real = recorded("search/contacts/1-first-page");
    assert_like(&real, &first.json);
    let members = |answer: &Value| -> Vec<String> {
        let properties = answer["results"][0]["properties"].as_object().cloned().unwrap_or_default();
        properties.keys().cloned().collect()
    };
    assert_eq!(members(&real), members(&first.json));
    let unknown = desk.post("/crm/v3/objects/butterflies/search", &json!({}));
    assert_same_refusal(&recorded("search/error-invalid-object"), &unknown.json);
    let account = desk.get("/account-info/v3/details");
    assert_like(&recorded("post-auth/account-info"), &account.json);
}

#[test]
fn property_definitions_are_like_the_recorded_ones() {
    let Some(specs) = specs("hubspot") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/{path}.json"));
    let desk = Desk::new();
    let group =
        desk.post("/crm/v3/properties/contacts/groups", &recorded("custom/create/1-payload-create-property-group"));
    assert_like(&recorded("custom/create/2-response-create-property-group"), &group.json);
    let drafts = recorded("custom/create/3-payload-batch-create-properties");
    let made = desk.post("/crm/v3/properties/contacts/batch/create", &drafts);
    assert_like(&recorded("custom/create/4-response-batch-create-properties"), &made.json);
    let drafts = recorded("custom/update/2-payload-batch-create-properties");
    let again = desk.post("/crm/v3/properties/contacts/batch/create", &drafts);
    let real = recorded("custom/update/3-response-batch-create-properties");
    assert_like(&real, &again.json);
    assert_eq!(real["errors"], again.json["errors"]);

    let real = recorded("metadata-contacts-properties-sampled");
    let all = desk.get("/crm/v3/properties/contacts");
    assert_like(&real, &all.json);
    let ours: Map<String, Value> = all.json["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|it| (it["name"].as_str().unwrap_or_default().to_owned(), it.clone()))
        .collect();
    let standard = [
        "address",
        "mobilephone",
        "associatedcompanyid",
        "hs_contact_enrichment_opt_out",
        "hs_content_membership_status",
    ];
    for theirs in real["results"].as_array().expect("results") {
        let name = theirs["name"].as_str().expect("a name");
        if standard.contains(&name) {
            let ours = &ours[name];
            assert_eq!((&theirs["type"], &theirs["fieldType"]), (&ours["type"], &ours["fieldType"]), "{name}");
            let read_only = |it: &Value| it["modificationMetadata"]["readOnlyValue"].clone();
            assert_eq!(read_only(theirs), read_only(ours), "{name}");
        }
    }
}

/// The contract's schema of one component as JSON Schema.
fn validator(contract: &Value, component: &str) -> jsonschema::Validator {
    let mut schema = json!({"$ref": format!("#/components/schemas/{component}"), "components": contract["components"]});
    as_json_schema(&mut schema);
    jsonschema::draft202012::new(&schema).expect("the contract is sound")
}

#[test]
fn answers_satisfy_the_contract() {
    let Some(specs) = specs("hubspot") else { return };
    let contacts = read(&specs, "v3/crm-contacts.json");
    let properties = read(&specs, "v3/crm-properties.json");
    let check = |contract: &Value, component: &str, answer: &Value| {
        let faults: Vec<String> = validator(contract, component)
            .iter_errors(answer)
            .map(|fault| format!("{} at {}", fault, fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{component}: {faults:#?}\n{answer:#}");
    };
    let desk = Desk::new();
    let made = desk.post(CONTACTS, &json!({"properties": {"email": "a@example.com"}}));
    check(&contacts, "SimplePublicObject", &made.json);
    let id = made.json["id"].as_str().expect("an id");
    let one = desk.get(&format!("{CONTACTS}/{id}?properties=phone&propertiesWithHistory=email"));
    check(&contacts, "SimplePublicObjectWithAssociations", &one.json);
    check(&contacts, "Error", &desk.get(&format!("{CONTACTS}/7")).json);
    check(&contacts, "Error", &desk.post(CONTACTS, &json!({"properties": {"nonsense": "x"}})).json);
    let rows = json!({"inputs": [{"id": "a@example.com", "idProperty": "email", "properties": {"firstname": "A"}},
        {"id": "b@example.com", "idProperty": "email", "properties": {"email": "b@example.com"}}]});
    let upserted = desk.post(&format!("{CONTACTS}/batch/upsert"), &rows);
    check(&contacts, "BatchResponseSimplePublicUpsertObject", &upserted.json);
    let missing = desk.post(&format!("{CONTACTS}/batch/read"), &json!({"inputs": [{"id": id}, {"id": "7"}]}));
    check(&contacts, "BatchResponseSimplePublicObjectWithErrors", &missing.json);
    let list = desk.get(&format!("{CONTACTS}?limit=1"));
    check(&contacts, "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging", &list.json);
    desk.pass(6 * SECOND_US);
    let found = desk.post(&format!("{CONTACTS}/search"), &json!({"limit": 1}));
    check(&contacts, "CollectionResponseWithTotalSimplePublicObjectForwardPaging", &found.json);
    let all = desk.get("/crm/v3/properties/contacts");
    check(&properties, "CollectionResponsePropertyNoPaging", &all.json);
    let groups = desk.get("/crm/v3/properties/contacts/groups");
    check(&properties, "CollectionResponsePropertyGroupNoPaging", &groups.json);
    check(&properties, "Error", &desk.get("/crm/v3/properties/contacts/nonsense").json);
}

#[test]
fn other_objects_are_like_the_recorded_ones_and_satisfy_their_contracts() {
    let Some(specs) = specs("hubspot") else { return };
    let recorded = |path: &str| read(&specs, &format!("recorded/{path}.json"));
    let contract = |name: &str| read(&specs, &format!("v3/{name}.json"));
    let check = |contract: &Value, component: &str, answer: &Value| {
        let faults: Vec<String> = validator(contract, component)
            .iter_errors(answer)
            .map(|fault| format!("{} at {}", fault, fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{component}: {faults:#?}\n{answer:#}");
    };
    let desk = Desk::new();
    let pipelines = desk.get("/crm/v3/pipelines/deals").json;
    assert_like(&recorded("metadata-deals-external-pipelines"), &pipelines);
    check(&contract("crm-pipelines"), "CollectionResponsePipelineNoPaging", &pipelines);
    let real = recorded("metadata-deals-properties-sampled");
    let ours = desk.get("/crm/v3/properties/deals").json;
    let find = |all: &Value, name: &str| {
        all["results"].as_array().expect("results").iter().find(|it| it["name"] == name).cloned()
    };
    for name in ["pipeline", "dealstage"] {
        let (theirs, ours) = (find(&real, name).expect("recorded"), find(&ours, name).expect("ours"));
        for member in ["type", "fieldType", "externalOptions", "hasUniqueValue", "options"] {
            assert_eq!(theirs[member], ours[member], "{name} {member}");
        }
    }

    let properties = json!({"dealname": "Lamps", "pipeline": "default", "dealstage": "contractsent"});
    let deal = desk.post("/crm/v3/objects/deals", &json!({"properties": properties}));
    let deals = contract("crm-deals");
    check(&deals, "SimplePublicObject", &deal.json);
    check(&deals, "Error", &desk.post("/crm/v3/objects/deals", &json!({"properties": {}})).json);
    let (deal, ana) = (deal.json["id"].as_str().expect("an id").to_owned(), desk.contact(json!({"firstname": "A"})));
    let links = contract("crm-associations-v4");
    let path = format!("/crm/v4/objects/deals/{deal}/associations");
    let default = desk.put(&format!("{path}/default/contacts/{ana}"), &Value::Null);
    check(&links, "BatchResponsePublicDefaultAssociation", &default.json);
    let kinds = json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}]);
    let labelled = desk.put(&format!("{path}/contacts/{ana}"), &kinds);
    check(&links, "LabelsBetweenObjectPair", &labelled.json);
    let read_back = desk.get(&format!("/crm/v3/objects/deals/{deal}?associations=contacts"));
    check(&deals, "SimplePublicObjectWithAssociations", &read_back.json);
    let firm = desk.post("/crm/v3/objects/companies", &json!({"properties": {"name": "Firm"}}));
    let firm = firm.json["id"].as_str().expect("an id");
    for to in [format!("default/companies/{firm}"), format!("companies/{firm}")] {
        desk.put(
            &format!("/crm/v4/objects/contacts/{ana}/associations/{to}"),
            &json!([{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]),
        );
    }
    let rows = json!({"inputs": [{"id": ana}, {"id": "7"}]});
    let batch = desk.post("/crm/v4/associations/contacts/companies/batch/read", &rows);
    assert_like(&recorded("search/contacts/contacts-to-companies"), &batch.json);
    let inputs = json!({"inputs": [{"from": {"id": deal}, "to": {"id": ana}, "types": kinds}]});
    let made = desk.post("/crm/v4/associations/deals/contacts/batch/create", &inputs);
    assert_like(&recorded("associations/contact-to-company-resp"), &made.json);
    let schemas = contract("crm-schemas");
    let custom = desk.get("/crm/v3/schemas");
    check(&schemas, "CollectionResponseObjectSchemaNoPaging", &custom.json);
    let contacts = desk.get("/crm/v3/schemas/contacts").json;
    let real = recorded("associations/contacts-schema-resp");
    for member in ["labels", "requiredProperties", "id", "objectTypeId", "fullyQualifiedName"] {
        assert_eq!(real[member], contacts[member], "{member}");
    }
    let owners = desk.get("/crm/v3/owners/");
    check(&contract("crm-owners"), "CollectionResponsePublicOwnerForwardPaging", &owners.json);
    let mut narrow = Desk::new();
    narrow.token = narrow.hubspot.grant_scopes(&["crm.objects.deals.read"]).access_token;
    let refused = narrow.get("/crm/v3/schemas").json;
    assert_eq!(recorded("metadata-err-schemas-scope")["message"], refused["message"]);
}
