//! One app, one CRM, all the way: define, suggest, map, check, invoke, read back. The app signs documents; its three
//! events are those of Xkit's own example, in our words.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use lockstep_core::crm::view::{self, CrmRecord};
use lockstep_core::crm::{
    Access, ApiObject, CrmObject, Effect, NativeField, NativeKind, ObjectMapping, RecordId, check, definition,
    evaluate, payload, suggest,
};
use lockstep_core::env::Time;
use lockstep_core::record::{Properties, Record};
use serde_json::{Value as Json, json};

fn defined() -> CrmObject {
    let option = json!({"opportunity": {
        "fields": {"document_name": {"type": "string", "label": "Deal name"}, "document_tags": {"type": "object"}},
        "events": {
            "opportunity_wanted": {
                "type": "create", "name": "Opportunity wanted", "description": "A document has none yet.",
                "payloadSchema": {"name": {"type": "string", "label": "Deal name"}}
            },
            "document_changed": {
                "type": "update", "label": "Document changed",
                "payloadSchema": {
                    "name": {"type": "string", "label": "Deal name"},
                    "updated_at": {"type": "string", "format": "datetime", "label": "Changed at"}
                }
            },
            "document_deleted": {
                "type": "delete", "label": "Document deleted",
                "payloadSchema": {"deleted_at": {"type": "string", "format": "datetime"}}
            }
        }
    }});
    definition::objects(&option).unwrap().remove(0)
}

fn deals() -> ApiObject {
    let field = |name: &str, label: &str, kind, required| NativeField {
        name: name.to_owned(),
        label: label.to_owned(),
        kind,
        choices: Vec::new(),
        access: Access { readable: true, createable: true, updateable: true, required, searchable: true },
        children: Vec::new(),
    };
    let fields = [
        field("Name", "Deal Name", NativeKind::Text, true),
        field("Touched", "Last touched", NativeKind::Datetime, false),
    ];
    ApiObject::new("Opportunity", "Opportunity", "Opportunities").described(&fields)
}

fn mapped() -> ObjectMapping {
    let (object, api) = (defined(), deals());
    assert!(suggest::suggests(&object, &api));
    let mut wire = serde_json::to_value(suggest::mapping(&object, &api)).unwrap();
    let open: Vec<String> = findings(&wire);
    assert_eq!(open, ["opportunity.fields.document_tags", "opportunity.events.document_changed.updated_at"]);
    let rows = |wire: &mut Json, pointer: &str, row: Json| {
        wire.pointer_mut(pointer).and_then(Json::as_array_mut).unwrap().push(row);
    };
    rows(&mut wire, "/transformations", json!({"name": "empty", "field": {"slug": "document_tags"}}));
    let touched = json!({"name": "date", "field": {"slug": "updated_at"}, "source_pointer": "#/properties/Touched"});
    let place = wire["event_actions"].as_array().unwrap().iter().position(|action| action["action_type"] == "update");
    rows(&mut wire, &format!("/event_actions/{}/transformations", place.unwrap()), touched);
    assert_eq!(findings(&wire), Vec::<String>::new());
    serde_json::from_value(wire).unwrap()
}

fn findings(wire: &Json) -> Vec<String> {
    let mapping = serde_json::from_value(wire.clone()).unwrap();
    check(Some(&mapping), &defined(), Some(&deals())).into_iter().map(|finding| finding.path).collect()
}

fn invoke(event: &str, given: Json) -> Effect {
    let (object, mapping) = (defined(), mapped());
    let payload = payload::read(&object.event(event).unwrap().fields, &given, true).unwrap();
    evaluate(mapping.action(event).unwrap(), object.event(event).unwrap().event_type, &deals(), &payload).unwrap()
}

fn properties(of: &[(&str, &str)]) -> Properties {
    of.iter().map(|(name, text)| ((*name).to_owned(), Some((*text).to_owned()))).collect()
}

#[test]
fn an_event_becomes_the_properties_of_the_users_own_crm() {
    let Effect::Create { write, find_by: None } = invoke("opportunity_wanted", json!({"name": "Pear lease"})) else {
        panic!("no create");
    };
    assert_eq!(write.properties, properties(&[("Name", "Pear lease")]));
    let changed = json!({"name": "Lease", "updated_at": "2022-05-17T23:17:53Z"});
    let Effect::Update(write) = invoke("document_changed", changed) else { panic!("no update") };
    assert_eq!(write.properties, properties(&[("Name", "Lease"), ("Touched", "2022-05-17T23:17:53Z")]));
    assert_eq!(invoke("document_deleted", json!({"deleted_at": "2022-05-17T23:17:53Z"})), Effect::Delete);
}

#[test]
fn a_record_comes_back_with_exactly_the_members_the_app_defined() {
    let (object, api) = (defined(), deals());
    let record = Record {
        id: "09878".to_owned(),
        properties: properties(&[("Name", "Pear lease, renamed by the CRM"), ("Touched", "2022-05-17T23:17:53Z")]),
        updated_at: Time(0),
        archived: false,
        merged: Vec::new(),
    };
    let data = view::data(&object, &mapped(), api.selector.as_ref().unwrap(), &record);
    let id: RecordId = "Opportunity:09878".parse().unwrap();
    assert_eq!(id.object(), api.slug);
    assert_eq!(
        serde_json::to_value(CrmRecord::new(&object, &id, data)).unwrap(),
        json!({
            "type": "opportunity",
            "id": "Opportunity:09878",
            "data": {"document_name": "Pear lease, renamed by the CRM", "document_tags": {}}
        })
    );
}
