//! A person's mapping decides: the app's code is the same.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_sandbox::hubspot::{Deed, Workflow};
use lockstep_sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::signet::{Signet, direct, fixed};

fn signed() -> Value {
    json!({ "document": {
        "events": { "document_signed": { "type": "create", "payloadSchema": {
            "title": { "type": "string" }, "signer": { "type": "string" }, "state": { "type": "string" },
        } } },
    } })
}

fn map(signet: &mut Signet, id: &str, native: &str, action: Value) {
    signet.connect(id);
    let mut action = action;
    action["event"] = json!({ "slug": "document_signed" });
    signet.map(id, &signed(), native, &json!([]), &json!([action]));
}

fn invoke(signet: &Signet, id: &str, payload: Value) -> Value {
    let path = format!("/api/v1/crm/{id}/objects/document/events/document_signed");
    let (status, body) = signet.api("POST", &path, &json!({ "payload": payload }));
    assert_eq!(status, 200, "{body}");
    body
}

#[test]
fn one_event_makes_a_deal_a_note_nothing_or_starts_a_workflow() {
    let mut signet = Signet::new();
    let workflow = Workflow {
        name: "Contract signed".to_owned(),
        object: "deals".to_owned(),
        property: "description".to_owned(),
        value: Some("signed".to_owned()),
        does: Deed::Create {
            object: "notes".to_owned(),
            properties: BTreeMap::from([
                ("hs_note_body".to_owned(), "made by a workflow".to_owned()),
                ("hs_timestamp".to_owned(), "2026-01-01T00:00:00Z".to_owned()),
            ]),
        },
        is_enabled: true,
    };
    signet.world.hubspot.add_workflow(workflow).expect("a workflow");
    let stage = [fixed("appointmentscheduled", "dealstage"), fixed("default", "pipeline")];
    map(
        &mut signet,
        "deal",
        "deals",
        json!({ "action_type": "create", "transformations": [
        direct("title", "dealname"), stage[0].clone(), stage[1].clone() ] }),
    );
    map(
        &mut signet,
        "note",
        "notes",
        json!({ "action_type": "create",
        "transformations": [
            { "name": "template", "template": "Signed: {{ title }}", "source_pointer": "#/properties/hs_note_body" },
            fixed("2026-01-01T00:00:00Z", "hs_timestamp") ],
        "associations": [{ "field": { "slug": "signer" }, "api_object": "contacts" }] }),
    );
    map(&mut signet, "nothing", "deals", json!({ "action_type": "noop", "transformations": [] }));
    let (_, body) = signet.browser("GET", "/connection/deal/api_objects/deals", &Value::Null);
    let started = &body["api_object"]["workflows"][0];
    assert_eq!(started["label"], "Contract signed", "{body}");
    let inputs = [direct("title", "dealname"), stage[0].clone(), stage[1].clone()];
    map(
        &mut signet,
        "workflow",
        "deals",
        json!({ "action_type": "workflow", "workflow": started["id"], "transformations": inputs }),
    );

    let ana = signet.world.hubspot.create(&[("email", "ana@example.com")]).expect("a contact");
    let payload = json!({ "title": "Apple", "signer": format!("contacts:{ana}") });
    let deal = invoke(&signet, "deal", payload.clone());
    assert!(deal["record"]["id"].as_str().is_some_and(|id| id.starts_with("deals:")), "{deal}");
    let note = invoke(&signet, "note", payload.clone());
    assert!(note["record"]["id"].as_str().is_some_and(|id| id.starts_with("notes:")), "{note}");
    assert_eq!(invoke(&signet, "nothing", payload.clone()), json!({ "record": null }));
    let job = invoke(&signet, "workflow", payload);
    assert_eq!(job["record"], Value::Null);
    let id = job["job"]["id"].as_str().expect("a job to ask about");
    let (status, asked) = signet.api("GET", &format!("/api/v1/crm/workflow/invocations/{id}"), &Value::Null);
    assert_eq!((status, &asked["invocation"]["state"]), (200, &json!("done")), "{asked}");

    signet.world.pass(Duration::from_secs(60));
    let hubspot = &signet.world.hubspot;
    let runs: u64 = hubspot.workflows().iter().map(|workflow| workflow.runs).sum();
    assert_eq!(runs, 1);
    let notes = hubspot.records_of("notes").expect("notes");
    assert_eq!(notes.iter().filter(|note| note.value("hs_note_body") == Some("Signed: Apple")).count(), 1);
}

#[test]
fn values_are_mapped_completed_and_kept_from_being_overwritten() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": {
        "moved": { "type": "update", "payloadSchema": { "title": { "type": "string" }, "state": { "type": "string" } } },
    } } });
    let moved = json!([{ "event": { "slug": "moved" }, "action_type": "update", "transformations": [
        { "name": "direct", "field": { "slug": "title" }, "source_pointer": "#/properties/dealname", "only_if_empty": true },
        { "name": "value_map", "field": { "slug": "state" }, "source_pointer": "#/properties/dealstage",
          "value_map": [{ "from": ["signed", "done"], "to": "closedwon" }], "otherwise": { "then": "park" } } ] }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &moved);
    let id = signet.deal("Kept");
    let path = format!("/api/v1/crm/c/objects/document/deals:{id}/events/moved");
    let (status, body) = signet.api("POST", &path, &json!({ "payload": { "title": "New", "state": "done" } }));
    assert_eq!((status, &body["record"]["data"]["title"]), (200, &json!("Kept")), "{body}");
    assert_eq!(signet.world.hubspot.records_of("deals").expect("deals")[0].value("dealstage"), Some("closedwon"));
    let (status, body) = signet.api("POST", &path, &json!({ "payload": { "state": "lost" } }));
    assert_eq!((status, &body["code"], &body["field"]), (422, &json!("value_not_mapped"), &json!("state")), "{body}");
}

#[test]
fn what_has_a_key_is_found_and_changed_and_else_made() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "person": { "fields": { "name": { "type": "string" } }, "events": { "met": {
        "type": "create", "payloadSchema": { "mail": { "type": "string" }, "name": { "type": "string" } } } } } });
    let met = json!([{ "event": { "slug": "met" }, "action_type": "create", "find_by": "#/properties/email",
        "transformations": [direct("mail", "email"), direct("name", "firstname")] }]);
    signet.map("c", &objects, "contacts", &json!([direct("name", "firstname")]), &met);
    let path = "/api/v1/crm/c/objects/person/events/met";
    let (_, first) = signet.api("POST", path, &json!({ "payload": { "mail": "ana@example.com", "name": "Ana" } }));
    let (_, second) = signet.api("POST", path, &json!({ "payload": { "mail": "ana@example.com", "name": "Anna" } }));
    assert_eq!(first["record"]["id"], second["record"]["id"], "{second}");
    assert_eq!(second["record"]["data"]["name"], "Anna");
    assert_eq!(signet.world.hubspot.records().len(), 1);
}

/// A search shows only after a while what was made last.
#[test]
fn what_was_made_a_moment_ago_is_found_before_the_crms_search_shows_it() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "document": { "fields": { "title": { "type": "string" } }, "events": { "sent": {
        "type": "create", "payloadSchema": { "title": { "type": "string" }, "worth": { "type": "string" } } } } } });
    let sent = json!([{ "event": { "slug": "sent" }, "action_type": "create", "find_by": "#/properties/dealname",
        "transformations": [direct("title", "dealname"), direct("worth", "amount"),
            fixed("appointmentscheduled", "dealstage"), fixed("default", "pipeline")] }]);
    signet.map("c", &objects, "deals", &json!([direct("title", "dealname")]), &sent);
    let path = "/api/v1/crm/c/objects/document/events/sent";
    let send = |signet: &Signet, title: &str, worth: &str| {
        signet.api("POST", path, &json!({ "payload": { "title": title, "worth": worth } }))
    };
    let deals = |signet: &Signet| signet.world.hubspot.records_of("deals").expect("deals").len();
    let (_, first) = send(&signet, "Lease", "1");
    let (_, second) = send(&signet, "Lease", "2");
    assert_eq!((&second["record"]["id"], deals(&signet)), (&first["record"]["id"], 1), "{second}");
    let made = signet.world.hubspot.records_of("deals").expect("deals").remove(0);
    assert_eq!(made.properties["amount"].as_deref(), Some("2"));

    signet.world.hubspot.edit(&made.id, &[("dealname", "Renamed")]).expect("an edit");
    assert_eq!(send(&signet, "Lease", "3").0, 200);
    assert_eq!(deals(&signet), 2, "the record has another name by now");

    signet.world.hubspot.faults().push(Fault::once("POST /crm/v3/objects/deals", Effect::LostAfter));
    assert_eq!(send(&signet, "Rent", "1").0, 504);
    let (status, body) = send(&signet, "Rent", "1");
    assert_eq!((status, &body["code"]), (409, &json!("invocation_in_progress")), "{body}");
    signet.world.pass(Duration::from_secs(61));
    assert_eq!(send(&signet, "Rent", "2").0, 200);
    assert_eq!(deals(&signet), 3, "the lost one is found");
}
