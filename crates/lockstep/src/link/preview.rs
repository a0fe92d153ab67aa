//! What an event would do to one of the person's own records. The rules that run later decide it; nothing is sent.

use lockstep_core::crm::mapping::Operator;
use lockstep_core::crm::schema::TextFormat;
use lockstep_core::crm::{
    ApiObject, CrmEvent, CrmField, CrmObject, Effect, EventAction, Filter, ObjectMapping, Payload, Refusal, SimpleType,
    action, evaluate, view,
};
use lockstep_core::env::Time;
use lockstep_core::record::Record;
use serde_json::{Value as Json, json};

use super::scene::{name_of, native_text, shown};
use super::words::Words;

/// A preview.
pub struct Preview {
    /// What is said below the lines, or instead of them.
    pub sentence: Option<String>,
    /// The record's name, where there is one.
    pub record: Option<String>,
    /// The records there are to look at: id and name.
    pub others: Vec<(String, String)>,
    /// Which of them it is.
    pub chosen: String,
    /// What becomes of each field.
    pub lines: Vec<Line>,
    /// Whether other fields stay as they are.
    pub rest: bool,
    /// Whether it is about starting something and not about writing.
    pub starts: bool,
}

/// What becomes of one field.
pub struct Line {
    /// The field.
    pub label: String,
    /// What it holds.
    pub was: Option<String>,
    /// What it would hold; `None` when it would be emptied.
    pub becomes: Option<String>,
}

/// What there is to preview with.
pub struct Try<'a> {
    /// The texts.
    pub w: &'a Words,
    /// The app's object.
    pub object: &'a CrmObject,
    /// The event.
    pub event: &'a CrmEvent,
    /// The mapping it is in.
    pub mapping: &'a ObjectMapping,
    /// The native object.
    pub native: &'a ApiObject,
    /// The latest records.
    pub records: &'a [Record],
    /// Which of them to take; the first if it is none of them.
    pub wanted: &'a str,
    /// Now, for values that hold a date.
    pub now: Time,
}

impl Try<'_> {
    /// The preview of an action.
    pub fn preview(&self, action: &EventAction) -> Preview {
        let record = self.records.iter().find(|record| record.id == self.wanted).or(self.records.first());
        let payload = self.payload(record);
        let one = || self.native.label_one.to_lowercase();
        let mut preview = Preview {
            sentence: None,
            record: record.map(|record| name_of(record, self.native, self.w)),
            others: self.records.iter().map(|other| (other.id.clone(), name_of(other, self.native, self.w))).collect(),
            chosen: record.map(|record| record.id.clone()).unwrap_or_default(),
            lines: Vec::new(),
            rest: false,
            starts: false,
        };
        match evaluate(action, self.event.event_type, self.native, &payload) {
            Err(refusal) => preview.sentence = Some(self.refused(&refusal)),
            Ok(Effect::Nothing) => preview.sentence = Some(self.w.say("preview-none")),
            Ok(Effect::Update(write)) if record.is_some() => self.written(&mut preview, &write, record),
            Ok(Effect::Delete) if record.is_some() => {}
            Ok(Effect::Update(_) | Effect::Delete) => {
                preview.sentence = Some(self.w.of("preview-no-records", "one", one()));
            }
            Ok(Effect::Create { write, .. }) => {
                preview.others.clear();
                preview.sentence = Some(self.w.of("preview-new", "one", one()));
                self.written(&mut preview, &write, None);
            }
            Ok(Effect::Search(filters)) => self.searched(&mut preview, &filters),
            Ok(Effect::Start { inputs, .. }) => {
                preview.starts = true;
                preview.lines = inputs.iter().map(|(name, value)| self.line(name, None, value.as_deref())).collect();
            }
        }
        preview
    }

    /// Values such as the app might send: what the record holds where the app reads the same, else an example.
    pub fn payload(&self, record: Option<&Record>) -> Payload {
        let read = match (record, &self.native.selector) {
            (Some(record), Some(root)) => view::data(self.object, self.mapping, root, record),
            _ => serde_json::Map::new(),
        };
        let fields = self.event.fields.iter();
        fields
            .map(|field| {
                let same = read.get(&field.slug).filter(|value| !value.is_null() && !is_date(field));
                let fits = same.filter(|value| action_fits(field, value));
                (field.slug.clone(), fits.cloned().unwrap_or_else(|| example(field, self.now)))
            })
            .collect()
    }

    fn refused(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Park { value, .. } => self.w.of("preview-park", "value", value.to_string()),
            other => self.w.of("preview-refused", "why", other.to_string()),
        }
    }

    fn written(&self, preview: &mut Preview, write: &action::Write, record: Option<&Record>) {
        let left = record.map_or_else(|| write.properties.clone(), |record| write.against(record));
        preview.lines = left.iter().map(|(name, value)| self.line(name, record, value.as_deref())).collect();
        for link in &write.links {
            preview.lines.push(Line {
                label: self.w.say("preview-links"),
                was: None,
                becomes: Some(link.to.to_string()),
            });
        }
        preview.rest = record.is_some();
    }

    fn line(&self, name: &str, record: Option<&Record>, value: Option<&str>) -> Line {
        let root = self.native.selector.as_ref();
        let field = root.and_then(|root| root.children.iter().find(|field| field.api_name.as_deref() == Some(name)));
        Line {
            label: field.and_then(|field| field.label.clone()).unwrap_or_else(|| name.to_owned()),
            was: record.zip(field).and_then(|(record, field)| shown(record, field, self.w)),
            becomes: value
                .map(|value| field.map_or_else(|| value.to_owned(), |field| native_text(value, field, self.w))),
        }
    }

    fn searched(&self, preview: &mut Preview, filters: &[Filter]) {
        let one = self.native.label_one.to_lowercase();
        let key = if filters.is_empty() { "preview-search-all" } else { "preview-search" };
        preview.sentence = Some(self.w.with(key, &[("one", one.into())]));
        preview.others.clear();
        preview.lines = filters
            .iter()
            .map(|filter| {
                let line = self.line(&filter.property, None, filter.value.as_deref());
                let value = line.becomes.unwrap_or_else(|| self.w.say("empty"));
                let told = match filter.operator {
                    Operator::Eq => self.w.of("event-equals", "value", value),
                    Operator::Contains => self.w.of("event-contains", "value", value),
                };
                Line { label: line.label, was: None, becomes: Some(told) }
            })
            .collect();
    }
}

/// Whether a field holds a date: a preview takes today, so that something is seen to change.
const fn is_date(field: &CrmField) -> bool {
    matches!(field.simple_type, SimpleType::String(Some(TextFormat::Datetime | TextFormat::Date)))
}

fn action_fits(field: &CrmField, value: &Json) -> bool {
    lockstep_core::crm::payload::fits(field.simple_type, value).is_ok()
}

/// A value of a field's type: one that the app lists, today, or its own name.
fn example(field: &CrmField, now: Time) -> Json {
    if let Some(listed) = field.choices.first() {
        return listed.clone();
    }
    let instant = jiff::Timestamp::from_microsecond(now.0).unwrap_or_default();
    match field.simple_type {
        SimpleType::String(None) => json!(field.label),
        SimpleType::String(Some(TextFormat::Datetime)) => json!(instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        SimpleType::String(Some(TextFormat::Date)) => json!(instant.strftime("%Y-%m-%d").to_string()),
        SimpleType::String(Some(TextFormat::Email)) => json!("dewi@example.com"),
        SimpleType::String(Some(TextFormat::Uri)) => json!("https://example.com"),
        SimpleType::Number | SimpleType::Integer => json!(1200),
        SimpleType::Boolean => json!(true),
        SimpleType::Object => json!({}),
        SimpleType::Array(_) => json!([]),
    }
}
