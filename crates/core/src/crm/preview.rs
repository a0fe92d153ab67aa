//! What an event would do, worked out on a record at hand and not done.

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::action::{Effect, Refusal, evaluate};
use super::definition::{CrmEvent, CrmField};
use super::mapping::{EventAction, Operator};
use super::payload::Payload;
use super::schema::{JsonType, SimpleType, TextFormat};
use super::selector::{ApiObject, Selector};
use crate::record::{Properties, Record};

/// What an event would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DryRun {
    /// Nothing.
    Nothing,
    /// A record would be made.
    Create {
        /// What it would hold.
        lines: Vec<Line>,
        /// The label of the field that a record is recognised by, where one would be changed instead.
        find_by: Option<String>,
    },
    /// The record would be changed.
    Update {
        /// How.
        lines: Vec<Line>,
    },
    /// The record would be deleted.
    Delete,
    /// Records would be looked for.
    Search {
        /// By what.
        filters: Vec<FilterLine>,
    },
    /// An automation would be started.
    Start {
        /// Its name.
        label: String,
        /// Its inputs.
        lines: Vec<Line>,
    },
}

/// One native field that would be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The vendor's own name for it.
    pub property: String,
    /// The name for people.
    pub label: String,
    /// What it holds now, for people; `None` when it is empty or there is no record yet.
    pub before: Option<String>,
    /// What it would hold, for people; `None` clears it.
    pub after: Option<String>,
    /// Whether it stays as it is after all, because it is written only where it is empty.
    pub kept: bool,
}

/// One condition of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilterLine {
    /// The name of the native field, for people.
    pub label: String,
    /// How it compares.
    pub operator: Operator,
    /// With what; `None` finds what is empty.
    pub value: Option<String>,
}

/// Works out what an action would do with a payload, on the record as it is.
///
/// # Errors
/// What would be told to the app: see [`Refusal`].
pub fn dry_run(
    action: &EventAction,
    api: &ApiObject,
    payload: &Payload,
    current: Option<&Record>,
) -> Result<DryRun, Refusal> {
    let root = api.selector.as_ref();
    let told =
        |properties: &Properties, kept: &dyn Fn(&str) -> bool, current: Option<&Record>, root: Option<&Selector>| {
            properties.iter().map(|(name, after)| line(name, after.as_deref(), kept(name), current, root)).collect()
        };
    Ok(match evaluate(action, api, payload)? {
        Effect::Nothing => DryRun::Nothing,
        Effect::Delete => DryRun::Delete,
        Effect::Create { write, find_by } => DryRun::Create {
            lines: told(&write.properties, &|_| false, None, root),
            find_by: find_by.map(|key| label(&key.property, root)),
        },
        Effect::Update(write) => {
            let kept = |name: &str| {
                write.if_empty.contains(name) && current.is_some_and(|current| current.text(name).is_some())
            };
            DryRun::Update { lines: told(&write.properties, &kept, current, root) }
        }
        Effect::Search(filters) => DryRun::Search {
            filters: filters
                .into_iter()
                .map(|filter| FilterLine {
                    label: label(&filter.property, root),
                    operator: filter.operator,
                    value: filter.value.map(|value| spoken(&filter.property, &value, root)),
                })
                .collect(),
        },
        Effect::Start { workflow, inputs } => {
            let known = api.workflows.iter().find(|known| known.id == workflow);
            DryRun::Start {
                label: known.map_or(workflow, |known| known.label.clone()),
                lines: told(&inputs, &|_| false, None, known.map(|known| &known.selector)),
            }
        }
    })
}

fn line(name: &str, after: Option<&str>, kept: bool, current: Option<&Record>, root: Option<&Selector>) -> Line {
    let before = current.and_then(|current| current.text(name));
    Line {
        property: name.to_owned(),
        label: label(name, root),
        before: before.map(|text| spoken(name, text, root)),
        after: after.map(|text| spoken(name, text, root)),
        kept,
    }
}

fn field<'a>(name: &str, root: Option<&'a Selector>) -> Option<&'a Selector> {
    root?.children.iter().find(|field| field.api_name.as_deref() == Some(name))
}

fn label(name: &str, root: Option<&Selector>) -> String {
    field(name, root).and_then(|field| field.label.clone()).unwrap_or_else(|| name.to_owned())
}

/// A native value for people: of a list, the words that the CRM shows.
pub fn spoken(name: &str, value: &str, root: Option<&Selector>) -> String {
    let choices = field(name, root).map_or(&[][..], |field| &field.choices);
    let word = |value: &str| choices.iter().find(|choice| choice.value == value).map(|choice| choice.label.clone());
    let words: Option<Vec<String>> = value.split(';').map(word).collect();
    words.filter(|_| !choices.is_empty()).map_or_else(|| value.to_owned(), |words| words.join(", "))
}

/// A payload to show a preview with: `known` values of the app's own fields where the slugs agree, else examples.
pub fn example(event: &CrmEvent, known: &Map<String, Json>) -> Payload {
    let value = |field: &CrmField| {
        let known = known.get(&field.slug).filter(|value| super::payload::fits(field.simple_type, value).is_ok());
        known.filter(|value| !value.is_null()).cloned().unwrap_or_else(|| sample(field))
    };
    event.fields.iter().map(|field| (field.slug.clone(), value(field))).collect()
}

fn sample(field: &CrmField) -> Json {
    if let Some(choice) = field.choices.first() {
        return choice.clone();
    }
    match field.simple_type {
        SimpleType::String(Some(TextFormat::Datetime)) => json!("2026-01-31T09:00:00Z"),
        SimpleType::String(Some(TextFormat::Date)) => json!("2026-01-31"),
        SimpleType::String(Some(TextFormat::Email)) => json!("ana@example.com"),
        SimpleType::String(Some(TextFormat::Uri)) => json!("https://example.com"),
        SimpleType::String(None) => json!(field.label),
        SimpleType::Number | SimpleType::Integer => json!(1),
        SimpleType::Boolean => json!(true),
        SimpleType::Object => {
            Json::Object(field.properties.iter().map(|below| (below.slug.clone(), sample(below))).collect())
        }
        SimpleType::Array(items) => match (&field.items, items) {
            (Some(items), _) => json!([sample(items)]),
            (None, Some(JsonType::String)) => json!([field.label]),
            (None, _) => json!([]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crm::definition::objects;
    use crate::crm::selector::tests::deals;
    use crate::env::Time;

    fn record() -> Record {
        Record {
            id: "1".to_owned(),
            properties: [("dealname", "Old"), ("stage", "open"), ("amount", "5")]
                .map(|(name, value)| (name.to_owned(), Some(value.to_owned())))
                .into(),
            updated_at: Time::from_secs(0),
            archived: false,
            merged: Vec::new(),
        }
    }

    #[test]
    fn a_dry_run_shows_what_was_and_what_becomes_in_the_words_of_the_crm() {
        let action: EventAction = serde_json::from_value(json!({
            "event": {"slug": "won"}, "action_type": "update", "transformations": [
                {"name": "direct", "field": {"slug": "name"}, "source_pointer": "#/properties/dealname"},
                {"name": "static", "static_value": "won", "source_pointer": "#/properties/stage"},
                {"name": "static", "static_value": "9", "source_pointer": "#/properties/amount", "only_if_empty": true}
            ]
        }))
        .unwrap();
        let payload: Payload = [("name".to_owned(), json!("New"))].into();
        let DryRun::Update { lines } = dry_run(&action, &deals(), &payload, Some(&record())).unwrap() else { panic!() };
        let told: Vec<_> = lines
            .iter()
            .map(|line| (line.label.as_str(), line.before.as_deref(), line.after.as_deref(), line.kept))
            .collect();
        assert_eq!(
            told,
            [
                ("Amount", Some("5"), Some("9"), true),
                ("Deal name", Some("Old"), Some("New"), false),
                ("Deal stage", Some("Open"), Some("Closed won"), false),
            ]
        );
    }

    #[test]
    fn an_example_fits_the_events_schema_and_takes_what_is_known() {
        let object = objects(&json!({"opportunity": {"events": {"made": {"type": "create", "payloadSchema": {
            "name": {"type": "string"}, "at": {"type": "string", "format": "datetime"}, "sum": {"type": "number"},
            "tags": {"type": "object", "properties": {"region": {"type": "string"}}},
            "lines": {"type": "array", "items": {"type": "string"}}, "state": {"type": "string", "enum": ["done"]}
        }}}}}))
        .unwrap()
        .remove(0);
        let event = &object.events[0];
        let known = json!({"name": "Apple", "sum": null});
        let example = example(event, known.as_object().unwrap());
        assert_eq!(
            (&example["name"], &example["state"], &example["sum"]),
            (&json!("Apple"), &json!("done"), &json!(1))
        );
        let whole = Json::Object(example.into_iter().collect());
        assert!(super::super::payload::read(&event.fields, &whole, true).is_ok());
    }
}
