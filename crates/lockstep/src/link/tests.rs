//! The screens of a small mapping: an app that signs documents, and a CRM with deals.

use std::collections::BTreeMap;

use askama::Template;
use lockstep_core::crm::selector::{Choice, NativeField};
use lockstep_core::crm::{
    Access, ActionType, ApiObject, NativeKind, Operation, Selector, Transformation, Workflow, definition, suggest,
};
use lockstep_core::env::Time;
use lockstep_core::record::Record;
use serde_json::json;

use super::edits::{self, Pick, RowKey};
use super::event::{Asked, EventScreen};
use super::fields::FieldsScreen;
use super::journey::{self, Place};
use super::options::OptionsPage;
use super::review::ReviewScreen;
use super::row::{Frame, Part, RowScreen};
use super::scene::Scene;
use super::screens::{Bar, NativeScreen, ObjectsScreen};
use super::words::{Language, Words};

fn native(name: &str, label: &str, kind: NativeKind) -> NativeField {
    let access = Access { readable: true, createable: true, updateable: true, required: false, searchable: true };
    NativeField { name: name.into(), label: label.into(), kind, choices: Vec::new(), access, children: Vec::new() }
}

fn deals() -> ApiObject {
    let mut name = native("dealname", "Deal name", NativeKind::Text);
    name.access.required = true;
    let mut stage = native("dealstage", "Deal stage", NativeKind::Choice);
    stage.access.required = true;
    stage.choices = [("sent", "Contract sent"), ("won", "Closed won"), ("lost", "Closed lost")]
        .map(|(value, label)| Choice { label: label.into(), value: value.into() })
        .into();
    let mut created = native("createdate", "Create date", NativeKind::Datetime);
    created.access = Access { readable: true, searchable: true, ..Access::default() };
    let fields = [
        name,
        stage,
        created,
        native("closedate", "Close date", NativeKind::Datetime),
        native("amount", "Amount", NativeKind::Number),
        native("contract_source", "Contract source", NativeKind::Text),
    ];
    let mut deals = ApiObject::new("deals", "Deal", "Deals").described(&fields);
    let inputs = [native("note", "Note for the workflow", NativeKind::Text)];
    let selector = Selector::root("Follow-up", "followup", &inputs);
    deals.workflows = vec![Workflow { id: "7".into(), label: "Lost contract follow-up".into(), selector }];
    deals
}

/// The scene of a person who has chosen deals, and nothing since.
pub(super) fn scene() -> Scene {
    let text = |label: &str| json!({"type": "string", "label": label});
    let moment = json!({"type": "string", "format": "datetime", "label": "Signed on", "description": "When everybody had signed."});
    let status = json!({"type": "string", "label": "Status", "enum": ["sent", "signed", "voided"]});
    let objects = definition::objects(&json!({"opportunity": {
        "label": "Opportunity",
        "fields": {
            "document_name": text("Deal name"), "signed_on": moment, "status": status, "reference": text("Reference"),
            "document_tags": {"type": "object", "label": "Document tags"}
        },
        "events": {
            "document_created": {"type": "create", "label": "Document created", "payloadSchema": {"document_name": text("Deal name")}},
            "document_signed": {"type": "update", "label": "Document signed", "description": "Everybody has signed.",
                "payloadSchema": {"signed_on": moment, "status": status}},
            "document_voided": {"type": "delete", "label": "Document voided", "payloadSchema": {"voided_by": text("Voided by")}},
            "find": {"type": "search", "label": "Find by name", "payloadSchema": {"document_name": text("Deal name")}}
        }
    }}))
    .unwrap();
    let mapping = vec![suggest::mapping(&objects[0], &deals())];
    let held = [("dealname", "Roastery lease, Bandung"), ("dealstage", "sent"), ("closedate", "2026-11-30T03:12:00Z")];
    let record = |id: &str, held: &[(&str, &str)]| Record {
        id: id.into(),
        properties: held.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect(),
        updated_at: Time(0),
        archived: false,
        merged: Vec::new(),
    };
    let records = vec![record("1", &held), record("2", &[("dealname", "Warung Tiga, kontrak")])];
    let [app, crm] = ["Signet", "HubSpot"].map(str::to_owned);
    Scene {
        words: Words { language: Language::English, app, crm, zone: "Asia/Jakarta".to_owned() },
        connection: "team 7".to_owned(),
        version: 3,
        objects,
        mapping,
        natives: vec![deals(), ApiObject::new("contacts", "Contact", "Contacts")],
        now: Time(1_795_400_000_000_000),
        samples: BTreeMap::from([("deals".to_owned(), records)]),
    }
}

fn asked(judged: bool) -> Asked<'static> {
    Asked { record: "", judged }
}

fn event_screen(scene: &Scene, slug: &str, judged: bool) -> String {
    let object = &scene.objects[0];
    EventScreen::new(scene, object, object.event(slug).unwrap(), &asked(judged)).unwrap().render().unwrap()
}

fn fields_screen(scene: &Scene, judged: bool) -> String {
    FieldsScreen::new(scene, &scene.objects[0], judged, None).unwrap().render().unwrap()
}

#[test]
fn a_suggested_field_shows_the_persons_own_value() {
    let screen = fields_screen(&scene(), false);
    assert!(screen.contains("Where does Signet find these?"));
    assert!(screen.contains("Suggested"));
    assert!(screen.contains("Roastery lease, Bandung"));
    assert!(screen.contains("Choose a field"));
    assert!(!screen.contains("aria-invalid"), "nothing is judged before a person asks to go on");
}

#[test]
fn going_on_too_early_names_what_is_missing_and_leads_there() {
    let screen = fields_screen(&scene(), true);
    assert!(screen.contains("4 fields still need a choice"));
    assert!(screen.contains("Choose a field for “Signed on”, or leave it empty."));
    assert_eq!(screen.matches("aria-invalid=\"true\"").count(), 4);
    assert_eq!(screen.matches("data-focus").count(), 1);
}

#[test]
fn the_journey_goes_through_every_open_screen_and_back() {
    let mut scene = scene();
    let place = |slug: &str| Place::Event("opportunity".to_owned(), slug.to_owned());
    let fields = Place::Fields("opportunity".to_owned());
    assert_eq!(journey::resume(&scene), fields);
    assert_eq!(journey::after(&scene, &fields), place("document_created"));
    assert_eq!(journey::after(&scene, &place("find")), Place::Review);
    assert_eq!(journey::before(&scene, &place("document_created")), Some(fields));
    scene.mapping[0].api_object_id = None;
    assert_eq!(journey::resume(&scene), Place::Objects);
    scene.mapping.clear();
    assert_eq!(journey::resume(&scene), Place::Native("opportunity".to_owned()));
    scene.objects.clear();
    assert_eq!(journey::resume(&scene), Place::Review);
}

#[test]
fn a_choice_is_read_back_and_followed_by_the_events_values() {
    let mut scene = scene();
    let object = scene.objects[0].clone();
    let root = deals().selector.unwrap();
    let field = object.fields.iter().find(|field| field.slug == "signed_on").unwrap();
    let pick = Pick::read("#/properties/closedate").unwrap();
    let row = edits::row(field, &pick, &root, Operation::Read, "Asia/Jakarta");
    edits::choose_field(&mut scene.mapping[0], &object, row, &root, "Asia/Jakarta");
    let screen = fields_screen(&scene, false);
    assert!(screen.contains("Chosen by you"));
    assert!(screen.contains("30 Nov 2026, 10:12"), "{screen}");
    let signed = scene.mapping[0].action("document_signed").unwrap();
    assert_eq!(
        serde_json::to_value(&signed.transformations[0]).unwrap(),
        json!({
            "name": "date", "time_zone": "Asia/Jakarta", "field": {"slug": "signed_on"}, "source_pointer": "#/properties/closedate"
        })
    );
}

#[test]
fn an_update_is_shown_on_the_latest_record_without_being_done() {
    let mut scene = scene();
    let object = scene.objects[0].clone();
    let event = object.event("document_signed").unwrap();
    let root = deals().selector.unwrap();
    let row = |slug: &str, pointer: &str| {
        let field = event.fields.iter().find(|field| field.slug == slug).unwrap();
        edits::row(field, &Pick::read(pointer).unwrap(), &root, Operation::Update, "Asia/Jakarta")
    };
    let rows = &mut scene.mapping[0]
        .event_actions
        .iter_mut()
        .find(|action| action.event.slug == event.slug)
        .unwrap()
        .transformations;
    *rows = vec![row("signed_on", "#/properties/closedate"), row("status", "#/properties/dealstage")];
    let screen = event_screen(&scene, "document_signed", false);
    assert!(screen.contains("When “Document signed” happens in Signet, HubSpot should"));
    assert!(screen.contains("<del>30 Nov 2026, 10:12</del>"), "{screen}");
    assert!(screen.contains("All other fields") && screen.contains("nothing is written"));
    assert!(screen.contains("<option value=\"1\" selected>Roastery lease, Bandung</option>"));
}

#[test]
fn what_the_crm_requires_is_a_row_to_fill() {
    let scene = scene();
    let screen = event_screen(&scene, "document_created", true);
    assert!(screen.contains("Needed by HubSpot") && screen.contains("Deal stage"));
    assert!(screen.contains("One value still needs a choice"));
    assert!(screen.contains("row=new%3A%23%2Fproperties%2Fdealstage"), "{screen}");
}

#[test]
fn a_delete_names_the_record_that_would_go() {
    let screen = event_screen(&scene(), "document_voided", false);
    assert!(screen.contains("would be deleted") && screen.contains("Roastery lease, Bandung"));
    for label in ["Update deal", "Delete deal", "Start workflow", "Do nothing"] {
        assert!(screen.contains(label), "{label}");
    }
}

#[test]
fn actions_change_and_keep_what_they_can() {
    let mut scene = scene();
    let object = scene.objects[0].clone();
    let event = object.event("document_created").unwrap();
    let mut choose = |action| {
        edits::choose_action(&mut scene.mapping[0], &object, event, action, &deals());
        scene.mapping[0].action("document_created").unwrap().transformations.len()
    };
    assert_eq!([choose(ActionType::Noop), choose(ActionType::Create)], [1, 1], "nothing forgets no rows");
    assert_eq!([choose(ActionType::Workflow), choose(ActionType::Create)], [0, 1], "a workflow has other inputs");
    let row = scene.mapping[0].transformations[0].clone();
    let mut choose = |action, more: Vec<Transformation>| {
        edits::choose_action(&mut scene.mapping[0], &object, event, action, &deals());
        let known = scene.mapping[0]
            .event_actions
            .iter_mut()
            .find(|action| action.event.slug == event.slug)
            .expect("the action");
        known.transformations.extend(more);
        known.transformations.clone()
    };
    let made = [choose(ActionType::Create, vec![row.clone()]), choose(ActionType::Workflow, vec![row])];
    let back = [choose(ActionType::Create, vec![]), choose(ActionType::Workflow, vec![])];
    assert_eq!(back, made, "what a person made is still there");
}

#[test]
fn rows_are_put_found_and_taken_away() {
    let scene = scene();
    let mut rows = scene.mapping[0].transformations.clone();
    let first = rows[0].clone();
    let slug = first.slug().unwrap().to_owned();
    for text in ["at:2", "of:signed_on", "new:", "new:#/properties/stage"] {
        assert_eq!(RowKey::read(text).unwrap().to_string(), text);
    }
    assert_eq!(RowKey::read("else"), None);
    assert_eq!(edits::find(&rows, &RowKey::Of(slug.clone())), Some(&first));
    edits::put(&mut rows, &RowKey::Of(slug.clone()), None);
    assert_eq!(edits::find(&rows, &RowKey::Of(slug)), None);
    edits::put(&mut rows, &RowKey::New(None), Some(first.clone()));
    assert_eq!(rows.last(), Some(&first));
    edits::put(&mut rows, &RowKey::At(99), None);
}

#[test]
fn a_field_that_has_gone_says_so_and_can_be_chosen_anew() {
    let mut scene = scene();
    scene.mapping[0].transformations[0].source_pointer = Some("#/properties/old_name".to_owned());
    let screen = fields_screen(&scene, false);
    assert!(screen.contains("This field no longer exists in HubSpot. Choose another.") && screen.contains("old_name"));
    let overview = ObjectsScreen::new(&scene, "hubspot", "Portal 1", true).render().unwrap();
    assert!(overview.contains("1 field is gone"));
}

#[test]
fn the_pickers_list_holds_every_field_with_what_it_can_do() {
    let scene = scene();
    let root = deals().selector.unwrap();
    let list = OptionsPage::new(&root, scene.records(&deals()), &scene.words).render().unwrap();
    assert!(list.contains("data-k=\"deal stage dealstage contract sent\""));
    assert!(
        list.contains("data-ops=\"rs\" data-in=\"string/datetime string/date string\" data-kind=\"Date and time\"")
    );
    assert!(list.contains("Empty in your last 2"));
}

#[test]
fn the_review_is_one_sentence_for_each_event() {
    let review = ReviewScreen::new(&scene(), false).render().unwrap();
    for told in
        ["Document created: create deal", "Document voided: delete deal", "Find by name: search deals", "still open"]
    {
        assert!(review.contains(told), "{told}: {review}");
    }
}

#[test]
fn a_value_map_has_a_line_for_each_value_that_the_app_lists() {
    let mut scene = scene();
    let object = scene.objects[0].clone();
    let event = object.event("document_signed").unwrap();
    let status = event.fields.iter().find(|field| field.slug == "status").unwrap();
    let root = deals().selector.unwrap();
    let row = serde_json::from_value(json!({"name": "value_map", "value_map": [{"from": ["signed"], "to": "won"}],
        "field": {"slug": "status"}, "source_pointer": "#/properties/dealstage"}))
    .unwrap();
    let part = Part { field: Some(status), values: Vec::new(), root: &root, operation: Operation::Update, zone: "UTC" };
    scene.words.language = Language::English;
    let frame = Frame {
        w: &scene.words,
        bar: Bar::plain("row"),
        post: String::new(),
        list: String::new(),
        hidden: Vec::new(),
        key: &RowKey::Of("status".into()),
    };
    let screen = RowScreen::new(frame, &part, &row, None, Vec::new()).render().unwrap();
    assert!(screen.contains("1 of 3 matched"));
    assert!(screen.contains("<option value=\"won\" selected>Closed won</option>"), "{screen}");
}

#[test]
fn native_objects_that_are_named_alike_come_first() {
    let scene = scene();
    let screen = NativeScreen::new(&scene, &scene.objects[0]).render().expect("a screen");
    assert!(screen.find("Deals").unwrap() < screen.find("Contacts").unwrap());
    assert!(screen.contains("Do not connect “Opportunity”"));
}

#[test]
fn enter_in_the_filter_of_native_objects_chooses_none() {
    let mut scene = scene();
    scene.natives.extend((0..8).map(|n| ApiObject::new(&format!("other{n}"), "Other", "Others")));
    let screen = NativeScreen::new(&scene, &scene.objects[0]).render().expect("a screen");
    let place = |of: &str| screen.find(of).expect("it is on the screen");
    assert!(place("data-filters") < place("<form"), "the filter stands in no form");
}
