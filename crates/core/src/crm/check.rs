//! What a mapping still needs before it can be used, and what in it has gone from the CRM or is plainly wrong.

mod form;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::definition::{CrmEvent, CrmField, CrmObject, EventType};
use super::mapping::{ActionType, EventAction, ObjectMapping, Transformation, Way};
use super::payload::fits;
use super::schema::{JsonType, SimpleType};
use super::selector::{ApiObject, Operation, Passage, Selector};
use super::{below, date, template, view};
use crate::limits::{CRM_ROWS_MAX, CRM_TEXT_CHARS_MAX, fits as short};

/// One thing to say about a mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The place: `opportunity.fields.name`, `opportunity.events.signed.title`, `….events.signed.rows.2`,
    /// `….events.signed.required.dealname`.
    pub path: String,
    /// What kind of thing.
    pub state: State,
    /// What it is, for a person; reads on after the place.
    pub error: String,
}

/// The three kinds of findings. A mapping without any is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A choice is still to be made. An unfinished mapping can be kept.
    Missing,
    /// What was chosen is no longer in the CRM, or may no longer be used so. Events run without it where they can.
    Gone,
    /// It can never work. It is not to be saved.
    Wrong,
}

/// The actions that an event can have, as they are offered.
pub const fn actions(event_type: EventType) -> &'static [ActionType] {
    use ActionType::{Create, Delete, Noop, Search, Update, Workflow};
    match event_type {
        EventType::Create => &[Create, Workflow, Noop],
        EventType::Update => &[Update, Workflow, Noop],
        EventType::Delete => &[Update, Delete, Workflow, Noop],
        EventType::Search => &[Search, Noop],
    }
}

/// Whether a row's own part is still to be filled in.
fn is_open(way: &Way) -> bool {
    match way {
        Way::Static { static_value } => static_value.is_null(),
        Way::Template { template } => template.trim().is_empty(),
        Way::ValueMap { value_map, .. } => value_map.is_empty(),
        Way::Direct | Way::Date { .. } | Way::Empty => false,
    }
}

/// Whether a fixed value is short enough.
fn bounded(value: &Json) -> Result<(), String> {
    let long = match value {
        Json::String(text) => !short(text, CRM_TEXT_CHARS_MAX),
        other => !short(&other.to_string(), CRM_TEXT_CHARS_MAX),
    };
    if long { Err(format!("has more than {CRM_TEXT_CHARS_MAX} characters")) } else { Ok(()) }
}

/// Checks the mapping of one CRM object against what the app defines and the CRM offers. `api` is the native object
/// that the mapping chose, if there still is one. Rows for what the app no longer defines are passed over.
pub fn check(mapping: Option<&ObjectMapping>, object: &CrmObject, api: Option<&ApiObject>) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    let Some(mapping) = mapping else {
        findings.add(&object.slug, State::Missing, "is not mapped");
        return findings.0;
    };
    if mapping.api_object_id.is_none() {
        return Vec::new();
    }
    match api.map(|api| (api, &api.selector)) {
        None => findings.add(&object.slug, State::Gone, "is mapped to an object that the CRM no longer has"),
        Some((_, None)) => findings.add(&object.slug, State::Missing, "waits for the CRM's fields to be fetched"),
        Some((api, Some(root))) => {
            findings.fields(object, mapping, root);
            if findings.too_many(&below(&object.slug, "events"), mapping.event_actions.len()) {
                return findings.0;
            }
            for event in &object.events {
                findings.event(&format!("{}.events.{}", object.slug, event.slug), event, mapping, api, root);
            }
        }
    }
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: &str, state: State, error: impl Into<String>) {
        self.0.push(Finding { path: path.to_owned(), state, error: error.into() });
    }

    fn too_many(&mut self, path: &str, rows: usize) -> bool {
        let over = rows as u64 > CRM_ROWS_MAX;
        if over {
            self.add(path, State::Wrong, format!("has more than {CRM_ROWS_MAX} rows"));
        }
        over
    }

    fn fields(&mut self, object: &CrmObject, mapping: &ObjectMapping, root: &Selector) {
        let above = below(&object.slug, "fields");
        if self.too_many(&above, mapping.transformations.len()) {
            return;
        }
        for field in object.fields.iter().filter(|field| object.children(&field.slug).next().is_none()) {
            let path = below(&above, &field.slug);
            let mut rows = mapping.transformations.iter().filter(|row| row.slug() == Some(&field.slug));
            match rows.next() {
                None => self.add(&path, State::Missing, "needs a choice"),
                Some(row) => self.read(&path, field, row, root),
            }
            if rows.next().is_some() {
                self.add(&path, State::Wrong, "is mapped twice");
            }
        }
    }

    fn read(&mut self, path: &str, field: &CrmField, row: &Transformation, root: &Selector) {
        let to_field = |value| bounded(value).and_then(|()| fits(field.simple_type, value).map_err(str::to_owned));
        match &row.way {
            Way::Empty => {}
            unfinished if is_open(unfinished) => self.add(path, State::Missing, "needs a value"),
            Way::Direct | Way::Date { .. } => {
                self.passage(path, field.simple_type, row, root, Operation::Read);
            }
            Way::Static { static_value } => self.sound(path, to_field(static_value)),
            Way::Template { template } => {
                if field.simple_type.json_type() != JsonType::String {
                    self.add(path, State::Wrong, "is no text; a template makes text");
                }
                let gone = |name: &str| view::readable(root, name).is_none();
                self.template(path, template, gone, State::Gone, "which the CRM does not have");
            }
            Way::ValueMap { value_map, .. } => {
                self.target(path, row, root, Operation::Read);
                if !self.too_many(path, value_map.iter().map(|mapped| mapped.from.len()).sum()) {
                    value_map.iter().for_each(|mapped| self.sound(path, to_field(&mapped.to)));
                }
            }
        }
        if let Some(default) = &row.default_value {
            self.sound(path, to_field(default));
        }
    }

    fn sound(&mut self, path: &str, outcome: Result<(), String>) {
        if let Err(error) = outcome {
            self.add(path, State::Wrong, format!("has a fixed value that {error}"));
        }
    }

    fn template(&mut self, path: &str, source: &str, unknown: impl Fn(&str) -> bool, state: State, error: &str) {
        match template::names(source) {
            Err(bad) => self.add(path, State::Wrong, bad.to_string()),
            Ok(names) => {
                for name in names.iter().filter(|name| unknown(name)) {
                    self.add(path, state, format!("has a template that speaks of \"{name}\", {error}"));
                }
            }
        }
    }

    /// The native field of a row, if it can be used for the operation.
    fn target<'a>(
        &mut self,
        path: &str,
        row: &Transformation,
        root: &'a Selector,
        operation: Operation,
    ) -> Option<&'a Selector> {
        let Some(pointer) = row.source_pointer.as_deref() else {
            self.add(path, State::Missing, "needs a field of the CRM");
            return None;
        };
        let Some(selector) = root.find(pointer) else {
            self.add(path, State::Gone, "is mapped to a field that no longer exists in the CRM");
            return None;
        };
        let label = selector.label.as_deref().unwrap_or(pointer);
        let what = match operation {
            Operation::Read => "read",
            Operation::Create => "given to a new record",
            Operation::Update => "changed",
            Operation::Search => "searched by",
        };
        if !selector.allows(operation) || (operation != Operation::Read && selector.property().is_none()) {
            self.add(path, State::Gone, format!("is mapped to {label}, which cannot be {what}"));
            return None;
        }
        Some(selector)
    }

    /// The same for a value that passes as it is or as a date; the types must fit.
    fn passage<'a>(
        &mut self,
        path: &str,
        simple_type: SimpleType,
        row: &Transformation,
        root: &'a Selector,
        operation: Operation,
    ) -> Option<&'a Selector> {
        let selector = self.target(path, row, root, operation)?;
        let wanted = if matches!(row.way, Way::Date { .. }) { Passage::Date } else { Passage::Direct };
        if !selector.passages(simple_type, operation).contains(&wanted) {
            let label = selector.label.as_deref().unwrap_or_default();
            self.add(path, State::Wrong, format!("does not fit {label}, which is of type {}", selector.type_label));
        }
        if let Way::Date { time_zone } = &row.way
            && date::zone(time_zone.as_deref()).is_none()
        {
            self.add(path, State::Wrong, "names no IANA time zone");
        }
        Some(selector)
    }
}

#[cfg(test)]
mod tests;
