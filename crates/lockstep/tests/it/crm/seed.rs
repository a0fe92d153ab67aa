//! The requests of Xkit's page "Universal CRM API - Writing data", with our host and ids.

use serde_json::{Value, json};

use super::signet::{Signet, direct, fixed};

/// What the page's app defines, with the fields and the event's slug that its requests use.
fn opportunity() -> Value {
    let name =
        json!({ "type": "string", "label": "Opportunity Name", "description": "Desired name of the opportunity" });
    json!({ "opportunity": {
        "fields": { "document_name": { "type": "string" }, "document_tags": { "type": "object" } },
        "events": {
            "create_opportunity_for_document": {
                "type": "create", "label": "Create Opportunity", "description": "Create new opportunities.",
                "payloadSchema": { "name": name },
            },
            "document_updated": {
                "type": "update", "label": "Document Updated",
                "payloadSchema": {
                    "name": { "type": "string" }, "updated_at": { "type": "string", "format": "datetime" },
                },
            },
        },
    } })
}

fn mapped(signet: &mut Signet, id: &str) {
    signet.connect(id);
    let fields =
        json!([direct("document_name", "dealname"), { "name": "empty", "field": { "slug": "document_tags" } }]);
    let required = [fixed("appointmentscheduled", "dealstage"), fixed("default", "pipeline")];
    let events = json!([
        { "event": { "slug": "create_opportunity_for_document" }, "action_type": "create",
          "transformations": [direct("name", "dealname"), required[0], required[1]] },
        { "event": { "slug": "document_updated" }, "action_type": "update", "transformations": [
            direct("name", "dealname"),
            { "name": "date", "field": { "slug": "updated_at" }, "source_pointer": "#/properties/closedate" } ] },
    ]);
    signet.map(id, &opportunity(), "deals", &fields, &events);
}

#[test]
fn a_create_answers_the_record_as_the_crm_holds_it() {
    let mut signet = Signet::new();
    mapped(&mut signet, "context-id");
    let path = "/api/v1/crm/context-id/objects/opportunity/events/create_opportunity_for_document";
    let (status, body) = signet.api("POST", path, &json!({ "payload": { "name": "Apple Sales Contract" } }));
    assert_eq!(status, 200, "{body}");
    let deals = signet.world.hubspot.records_of("deals").expect("deals");
    assert_eq!((deals.len(), deals[0].value("dealname")), (1, Some("Apple Sales Contract")));
    let expected = json!({ "record": {
        "type": "opportunity", "id": format!("deals:{}", deals[0].id),
        "data": { "document_name": "Apple Sales Contract", "document_tags": {} },
    } });
    assert_eq!(body, expected, "exactly these members");
}

#[test]
fn an_update_answers_the_record_and_changes_what_was_mapped_alone() {
    let mut signet = Signet::new();
    mapped(&mut signet, "context-id");
    let id = signet.deal("Old Contract");
    let path = format!("/api/v1/crm/context-id/objects/opportunity/deals:{id}/events/document_updated");
    let payload = json!({ "payload": { "name": "Sales Contract", "updated_at": "2022-05-17T23:17:53Z" } });
    let (status, body) = signet.api("POST", &path, &payload);
    let expected = json!({ "record": {
        "type": "opportunity", "id": format!("deals:{id}"),
        "data": { "document_name": "Sales Contract", "document_tags": {} },
    } });
    assert_eq!((status, body), (200, expected));
    let deal = &signet.world.hubspot.records_of("deals").expect("deals")[0];
    let closed = deal.value("closedate").expect("a date");
    assert!(closed.starts_with("2022-05-17T23:17:53"), "{closed}");
    assert_eq!(deal.value("dealstage"), Some("appointmentscheduled"));
}

#[test]
fn a_delete_answers_the_id_alone() {
    let mut signet = Signet::new();
    signet.connect("context-id");
    let objects = json!({ "contact": { "events": { "contact_deleted": {
        "type": "delete", "name": "Contact Deleted",
        "payloadSchema": { "deleted_at": { "type": "string", "format": "datetime" } },
    } } } });
    for (action, transformations, left) in [("delete", json!([]), 0), ("update", json!([fixed("gone", "jobtitle")]), 1)]
    {
        let action = json!([{ "event": { "slug": "contact_deleted" }, "action_type": action, "transformations": transformations }]);
        signet.map("context-id", &objects, "contacts", &json!([]), &action);
        let id = signet.world.hubspot.create(&[("email", "ana@example.com")]).expect("a contact");
        let path = format!("/api/v1/crm/context-id/objects/contact/contacts:{id}/events/contact_deleted");
        let (status, body) = signet.api("POST", &path, &json!({ "payload": { "deleted_at": "2022-05-17T23:17:53Z" } }));
        let expected = json!({ "record": { "type": "contact", "id": format!("contacts:{id}"), "data": {} } });
        assert_eq!((status, body), (200, expected));
        assert_eq!(signet.world.hubspot.records().iter().filter(|held| !held.archived).count(), left);
    }
}

#[test]
fn the_pages_own_definition_has_another_slug_and_answers_404() {
    let mut signet = Signet::new();
    mapped(&mut signet, "context-id");
    let path = "/api/v1/crm/context-id/objects/opportunity/events/create_opportunity";
    let (status, body) = signet.api("POST", path, &json!({ "payload": { "name": "Apple Sales Contract" } }));
    assert_eq!((status, &body["code"]), (404, &json!("event_not_found")), "{body}");
    assert!(signet.world.hubspot.records_of("deals").expect("deals").is_empty());
}

#[test]
fn a_record_is_read_listed_and_found() {
    let mut signet = Signet::new();
    signet.connect("c");
    let objects = json!({ "opportunity": {
        "fields": { "name": { "type": "string" } },
        "events": { "find": { "type": "search", "payloadSchema": { "name": { "type": "string" } } } },
    } });
    let filter = json!({ "name": "direct", "field": { "slug": "name" }, "source_pointer": "#/properties/dealname", "criteria_operator": "eq" });
    let find = json!([{ "event": { "slug": "find" }, "action_type": "search", "transformations": [filter] }]);
    signet.map("c", &objects, "deals", &json!([direct("name", "dealname")]), &find);
    let (first, second) = (signet.deal("One"), signet.deal("Two"));
    signet.world.pass(std::time::Duration::from_secs(30));
    let record =
        |id: &str, name: &str| json!({ "type": "opportunity", "id": format!("deals:{id}"), "data": { "name": name } });
    let (status, body) = signet.api("GET", &format!("/api/v1/crm/c/objects/opportunity/deals:{first}"), &Value::Null);
    assert_eq!((status, body), (200, json!({ "record": record(&first, "One") })));
    let (status, body) =
        signet.api("POST", "/api/v1/crm/c/objects/opportunity/events/find", &json!({ "payload": { "name": "Two" } }));
    assert_eq!((status, body), (200, json!({ "records": [record(&second, "Two")], "next_cursor": null })));
    let (status, body) = signet.api("GET", "/api/v1/crm/c/objects/opportunity?limit=1", &Value::Null);
    assert_eq!((status, body["records"].as_array().map(Vec::len)), (200, Some(1)), "{body}");
    let next = body["next_cursor"].as_str().expect("a cursor").to_owned();
    let (_, rest) =
        signet.api("GET", &format!("/api/v1/crm/c/objects/opportunity?limit=1&cursor={next}"), &Value::Null);
    assert_ne!(rest["records"][0]["id"], body["records"][0]["id"]);
    let (status, body) = signet.api("GET", "/api/v1/crm/c/objects/opportunity/deals:999", &Value::Null);
    assert_eq!((status, &body["code"]), (404, &json!("record_not_found")));
}
