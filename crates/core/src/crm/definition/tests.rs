use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Definitions as an e-signature app would make them: a create, an update and a delete event.
fn signing() -> Json {
    json!({
        "deal": {
            "fields": {
                "document_name": {"type": "string", "label": "Document"},
                "document_tags": {"type": "object"}
            },
            "events": {
                "document_sent": {
                    "type": "create", "name": "Document Sent", "description": "A document went out without a deal.",
                    "payloadSchema": {"title": {"type": "string", "label": "Title", "description": "Wanted name"}}
                },
                "document_signed": {
                    "type": "update", "label": "Document Signed", "name": "ignored",
                    "payloadSchema": {"type": "object", "properties": {
                        "signed_at": {"type": "string", "format": "date-time", "title": "Signed at"}
                    }}
                }
            }
        },
        "person": {"events": {"person_left": {"type": "delete", "label": "Left"}}}
    })
}

#[test]
fn a_definition_is_normalised_with_aliases_and_stable_numbers() {
    let all = objects(&signing()).unwrap();
    let (deal, person) = (&all[0], &all[1]);
    assert_eq!((deal.label.as_str(), person.label.as_str()), ("Deal", "Person"));
    let labels: Vec<&str> = deal.events.iter().map(|event| event.label.as_str()).collect();
    assert_eq!(labels, ["Document Sent", "Document Signed"]);
    let signed = deal.event("document_signed").unwrap();
    assert_eq!(
        serde_json::to_value(&signed.fields).unwrap(),
        json!([{"id": signed.fields[0].id, "slug": "signed_at", "label": "Signed at", "description": "",
                "simple_type": {"type": "string", "format": "datetime"}}])
    );
    assert!(deal.event("document_signed_again").is_none());
    assert_eq!(person.events[0].fields, []);
    assert_eq!(objects(&signing()).unwrap(), all);
    assert_eq!(objects(&Json::Null), Ok(Vec::new()));
}

#[test]
fn what_an_app_defines_stands_in_its_own_order() {
    let defined = r#"{"deal": {
        "fields": {"title": {"type": "string"}, "amount": {"type": "number"}, "owner": {"type": "string"}},
        "events": {
            "sent": {"type": "create", "payloadSchema": {"to": {"type": "string"}, "by": {"type": "string"}}},
            "paid": {"type": "update"}
        }
    }, "account": {}}"#;
    let all = objects(&serde_json::from_str(defined).expect("JSON")).expect("a sound definition");
    let slugs = |fields: &[CrmField]| fields.iter().map(|field| field.slug.clone()).collect::<Vec<_>>();
    assert_eq!([&all[0].slug, &all[1].slug], ["deal", "account"]);
    assert_eq!(slugs(&all[0].fields), ["title", "amount", "owner"]);
    assert_eq!([&all[0].events[0].slug, &all[0].events[1].slug], ["sent", "paid"]);
    assert_eq!(slugs(&all[0].events[0].fields), ["to", "by"]);
}

#[test]
fn every_flaw_is_reported_with_its_place() {
    let bad = json!({
        "deal": {
            "fields": {"size": {"type": "decimal"}, "at": {"type": "string", "format": "time"}, "9": {"type": "string"}},
            "events": {
                "made": {"type": "created", "label": 7},
                "gone": {"payloadSchema": {"why": {"label": "x".repeat(101), "enum": [{}]}}},
                "odd": []
            }
        },
        "deep": {"fields": {"a": {"type": "object", "properties": {"b": {"type": "array", "items":
            {"type": "object", "properties": {"c": {"type": "string"}}}}}}}}
    });
    let paths: Vec<String> = objects(&bad).unwrap_err().into_iter().map(|flaw| flaw.path).collect();
    let mut expected = vec![
        "deal.fields.size.type",
        "deal.fields.at.format",
        "deal.fields.9",
        "deal.events.made.type",
        "deal.events.made.label",
        "deal.events.gone.type",
        "deal.events.gone.payloadSchema.why.label",
        "deal.events.gone.payloadSchema.why.enum",
        "deal.events.gone.payloadSchema.why.type",
        "deal.events.odd",
        "deep.fields.a.properties.b.items",
    ];
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    expected.sort_unstable();
    paths.sort_unstable();
    assert_eq!(paths, expected);
    assert_eq!(objects(&json!([])).unwrap_err(), [Flaw::new("", "must be an object")]);
}

#[test]
fn counts_are_limited() {
    let many: serde_json::Map<String, Json> = (0..21).map(|n| (format!("o{n}"), json!({}))).collect();
    assert_eq!(objects(&Json::Object(many)).unwrap_err().len(), 1);
    let fields: serde_json::Map<String, Json> =
        (0..201).map(|n| (format!("f{n}"), json!({"type": "string"}))).collect();
    assert_eq!(objects(&json!({"o": {"fields": fields}})).unwrap_err()[0].path, "o.fields");
}

fn child(slug: &str, label: &str, parent: &str, simple_type: Json) -> CrmField {
    let field = json!({"slug": slug, "label": label, "parent_slug": parent, "simple_type": simple_type});
    serde_json::from_value(field).unwrap()
}

#[test]
fn a_users_children_join_their_object_field_and_nothing_else_changes() {
    let defined = objects(&signing()).unwrap();
    let mut posted = defined.clone();
    posted[0].label = "Changed in the browser".to_owned();
    let text = || json!({"type": "string"});
    posted[0].fields.push(child("document_tags.Region", " Region ", "document_tags", text()));
    let joined = with_children(&defined, &posted).unwrap();
    assert_eq!(joined[0].label, "Deal");
    let children: Vec<_> =
        joined[0].children("document_tags").map(|field| (field.slug.as_str(), field.key())).collect();
    assert_eq!(children, [("document_tags.Region", "Region")]);
    assert!(joined[0].fields.iter().all(|field| field.id > 0));
    assert_eq!(with_children(&joined, &joined), Ok(joined.clone()));
    assert_eq!(with_children(&joined, &[]), Ok(defined.clone()));

    posted[0].fields.push(child("document_tags.Region", "Region", "document_tags", text()));
    posted[0].fields.push(child("document_name.A", "A", "document_name", text()));
    posted[0].fields.push(child("document_tags.B", "", "document_tags", text()));
    posted[0].fields.push(child("document_tags.C", "C", "document_tags", json!({"type": "array"})));
    assert_eq!(with_children(&defined, &posted).unwrap_err().len(), 4);
}

fn properties(fields: &[CrmField]) -> Json {
    fields.iter().map(|field| (field.slug.clone(), option_of(field))).collect::<serde_json::Map<_, _>>().into()
}

/// Writes a normalised field as the option has it.
fn option_of(field: &CrmField) -> Json {
    let mut schema = serde_json::to_value(field.simple_type).unwrap();
    schema["label"] = json!(field.label);
    schema["description"] = json!(field.description);
    schema["enum"] = json!(field.choices);
    if !field.properties.is_empty() {
        schema["properties"] = properties(&field.properties);
    }
    schema["items"] = field.items.as_deref().map_or(Json::Null, option_of);
    schema
}

/// JSON of any shape, with the members that definitions have.
fn anything() -> impl Strategy<Value = Json> {
    let keys =
        vec!["fields", "events", "type", "format", "label", "payloadSchema", "properties", "items", "enum", "é", "a"];
    let words = vec!["string", "object", "array", "create", "datetime", ""];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<i64>().prop_map(Json::from),
        prop::sample::select(words).prop_map(Json::from)
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Json::from),
            prop::collection::btree_map(prop::sample::select(keys.clone()), inner, 0..5)
                .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

fn schema() -> impl Strategy<Value = Json> {
    let formats = prop::sample::select(vec![Json::Null, json!("date-time"), json!("datetime"), json!("date")]);
    let leaf = ("[A-Za-z ]{0,8}", formats, prop::collection::vec("[a-z]{1,3}", 0..3)).prop_map(
        |(label, format, choices)| json!({"type": "string", "title": label, "format": format, "enum": choices}),
    );
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({"type": "array", "items": items})),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|parts| json!({"type": "object", "properties": parts})),
        ]
    })
}

proptest! {
    #[test]
    fn a_definition_is_read_or_its_flaws_are_named(option in anything()) {
        match objects(&option) {
            Ok(all) => prop_assert!(all.iter().all(|object| object.id > 0 && !object.slug.is_empty())),
            Err(flaws) => prop_assert!(flaws.iter().all(|flaw| !flaw.error.is_empty())),
        }
    }

    #[test]
    fn normalising_twice_changes_nothing(fields in prop::collection::btree_map("[A-Za-z_][a-z0-9_]{0,6}", schema(), 0..5)) {
        let once = objects(&json!({"deal": {"fields": fields}})).unwrap();
        let fields = properties(&once[0].fields);
        let twice = objects(&json!({"deal": {"label": once[0].label, "fields": fields}})).unwrap();
        prop_assert_eq!(&once, &twice);
        let wire = serde_json::to_value(&once).unwrap();
        prop_assert_eq!(serde_json::from_value::<Vec<CrmObject>>(wire).unwrap(), once);
    }
}
