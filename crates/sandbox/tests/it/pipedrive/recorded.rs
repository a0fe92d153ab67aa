//! The look-alike beside the vendor's contract and real answers. Both lie outside the repository: the environment
//! variable `LOCKSTEP_SPECS` names the folder, and without it these tests say that they skip.

use serde_json::{Value, json};

use super::desk::{Desk, PERSONS};
use crate::specs::{as_json_schema, read, specs, without_nulls};

struct Contract(Value);

impl Contract {
    fn check(&self, method: &str, path: &str, status: &str, answer: &Value) {
        let answers = &self.0["paths"][path][method]["responses"];
        let schema = &answers[status]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} {status}");
        let mut schema = json!({"allOf": [schema], "components": self.0["components"]});
        as_json_schema(&mut schema);
        let validator = jsonschema::draft202012::new(&schema).expect("the contract is sound");
        let faults: Vec<String> = validator
            .iter_errors(&without_nulls(answer))
            .map(|fault| format!("{fault} at {}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{method} {path}: {faults:#?}\n{answer:#}");
    }
}

#[test]
fn answers_of_v2_satisfy_the_contract() {
    let Some(specs) = specs("pipedrive") else { return };
    let contract = Contract(read(&specs, "pipedrive-v2.trimmed.json"));
    let desk = Desk::calm();
    let plan = desk.field("Plan", "enum", &["Gold"]);
    desk.made("/api/v2/organizations", json!({"name": "Lamps", "address": {"value": "Main St 1"}}));
    let ada = json!({"name": "Ada Lovelace", "org_id": 1, "emails": [{"value": "a@example.com"}], "label_ids": [1],
        "phones": [{"value": "+44 1"}], "postal_address": {"value": "x"}, "birthday": "1815-12-10"});
    contract.check("post", "/persons", "200", &desk.post(PERSONS, &ada).json);
    desk.person(json!({"name": "B"}));
    let deal = json!({"title": "Lamps", "person_id": 1, "org_id": 1, "value": 3});
    contract.check("post", "/deals", "200", &desk.post("/api/v2/deals", &deal).json);
    let activity = json!({"subject": "Ring", "person_id": 1, "participants": [{"person_id": 1, "primary": true}]});
    contract.check("post", "/activities", "200", &desk.post("/api/v2/activities", &activity).json);
    for (path, ours) in [
        ("/persons", "persons?limit=1"),
        ("/persons/{id}", "persons/1"),
        ("/organizations", "organizations"),
        ("/organizations/{id}", "organizations/1"),
        ("/deals", "deals"),
        ("/deals/{id}", "deals/1"),
        ("/activities", "activities"),
        ("/activities/{id}", "activities/1"),
        ("/personFields", "personFields?include_fields=ui_visibility,important_fields,required_fields"),
        ("/personFields/{field_code}", &format!("personFields/{plan}")),
        ("/organizationFields", "organizationFields"),
        ("/dealFields", "dealFields"),
        ("/activityFields", "activityFields"),
        ("/persons/search", "persons/search?term=ada"),
        ("/organizations/search", "organizations/search?term=lamps"),
        ("/deals/search", "deals/search?term=lamps"),
        ("/itemSearch", "itemSearch?term=la"),
        ("/itemSearch/field", "itemSearch/field?term=ada&entity_type=person&field=name&match=beginning"),
        ("/stages", "stages"),
        ("/stages/{id}", "stages/1"),
        ("/pipelines", "pipelines"),
        ("/pipelines/{id}", "pipelines/1"),
    ] {
        let got = desk.get(&format!("/api/v2/{ours}"));
        assert_eq!(got.status, 200, "{ours} {}", got.text);
        contract.check("get", path, "200", &got.json);
    }
    contract.check("patch", "/persons/{id}", "200", &desk.patch(&format!("{PERSONS}/1"), &json!({"name": "A"})).json);
    contract.check("get", "/persons/{id}", "default", &desk.get(&format!("{PERSONS}/77")).json);
    contract.check("post", "/persons", "default", &desk.post(PERSONS, &json!({"shoe": 1})).json);
    let options = format!("/api/v2/personFields/{plan}/options");
    let path = "/personFields/{field_code}/options";
    contract.check("post", path, "200", &desk.post(&options, &json!([{"label": "Tin"}])).json);
    let gone = desk.delete(&format!("/api/v2/personFields/{plan}"));
    contract.check("delete", "/personFields/{field_code}", "200", &gone.json);
    contract.check("delete", "/persons/{id}", "200", &desk.delete(&format!("{PERSONS}/1")).json);
}

#[test]
fn answers_of_v1_satisfy_the_contract() {
    let Some(specs) = specs("pipedrive") else { return };
    let contract = Contract(read(&specs, "pipedrive-v1.trimmed.json"));
    let desk = Desk::calm();
    let (a, b) =
        (desk.person(json!({"name": "A"})), desk.person(json!({"name": "B", "emails": [{"value": "b@x.example"}]})));
    let note = desk.post("/v1/notes", &json!({"content": "x", "person_id": a}));
    contract.check("post", "/notes", "200", &note.json);
    contract.check("get", "/notes", "200", &desk.get("/v1/notes?limit=1").json);
    contract.check("get", "/notes/{id}", "200", &desk.get("/v1/notes/1").json);
    contract.check("get", "/recents", "200", &desk.get("/v1/recents?since_timestamp=2026-01-01%2000:00:00").json);
    let merged = desk.put(&format!("/v1/persons/{a}/merge"), &json!({"merge_with_id": b}));
    contract.check("put", "/persons/{id}/merge", "200", &merged.json);
    for path in ["/users", "/users/me", "/currencies", "/activityTypes", "/leadLabels"] {
        contract.check("get", path, "200", &desk.get(&format!("/v1{path}")).json);
    }
    let draft = json!({"subscription_url": "https://a.example", "event_action": "*", "event_object": "*", "name": "n"});
    contract.check("post", "/webhooks", "201", &desk.post("/v1/webhooks", &draft).json);
    contract.check("post", "/webhooks", "400", &desk.post("/v1/webhooks", &json!({})).json);
    contract.check("get", "/webhooks", "200", &desk.get("/v1/webhooks").json);
    contract.check("delete", "/webhooks/{id}", "404", &desk.delete("/v1/webhooks/9").json);
    let mut app = Desk::calm();
    app.bearer(&app.pipedrive.grant().access_token.clone());
    let channel = app.post("/v1/channels", &json!({"name": "WhatsApp", "provider_channel_id": "p"}));
    contract.check("post", "/channels", "200", &channel.json);
    contract.check("post", "/channels", "400", &app.post("/v1/channels", &json!({})).json);
    contract.check("delete", "/notes/{id}", "200", &desk.delete("/v1/notes/1").json);
    contract.check("get", "/notes/{id}", "default", &desk.get("/v1/notes/1").json);
}

#[test]
fn refusals_and_fields_are_like_the_recorded_ones() {
    let Some(specs) = specs("pipedrive") else { return };
    let mut desk = Desk::with(|settings| settings.scopes.clear());
    let recorded = read(&specs, "recorded/dealsFields.json");
    let ours = desk.get("/api/v2/dealFields").json;
    let find = |all: &Value, code: &str| {
        all["data"].as_array().expect("rows").iter().find(|it| it["field_code"] == code).cloned().expect("a field")
    };
    for code in ["title", "status", "archive_time"] {
        assert_eq!(find(&recorded, code), find(&ours, code));
    }
    desk.bearer(&desk.pipedrive.grant().access_token.clone());
    assert_eq!(desk.get("/api/v2/deals").json, read(&specs, "recorded/not-found.json"));
}
