//! Values of properties: read from requests, checked as Notion checks them. Source: Notion's pages "Page properties"
//! and "Request limits".

use std::sync::Arc;

use serde_json::{Number, Value, json};

use super::answer::{Refusal, uuid};
use super::dates;
use super::schema::{Choice, Kind, Property};
use super::texts::{self, Piece, check_length, too_long};
use crate::world::Rng;

/// Entries of a multi-select, relation or people value.
const ENTRIES_MAX: usize = 100;
const URL_CHARS_MAX: usize = 2_000;
const LINE_CHARS_MAX: usize = 200;
const OPTION_CHARS_MAX: usize = 100;

/// The types a value may say it is of.
const KINDS: [&str; 21] = [
    "title",
    "rich_text",
    "number",
    "select",
    "multi_select",
    "status",
    "date",
    "people",
    "files",
    "checkbox",
    "url",
    "email",
    "phone_number",
    "relation",
    "unique_id",
    "formula",
    "rollup",
    "created_time",
    "created_by",
    "last_edited_time",
    "last_edited_by",
];

/// What a property of a page holds. A property that holds nothing has no cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(Vec<Piece>),
    Number(Number),
    /// An option's id.
    Choice(Arc<str>),
    Choices(Vec<Arc<str>>),
    Date {
        start: String,
        end: Option<String>,
    },
    Check,
    Line(String),
    /// Pages or people.
    Ids(Vec<String>),
    Files(Vec<Value>),
}

/// A write that was checked and not yet done.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// By property id; none clears.
    pub(super) cells: Vec<(Arc<str>, Option<Cell>)>,
    /// Options that the write makes, by property id.
    pub(super) options: Vec<(Arc<str>, Choice)>,
}

impl Draft {
    /// Adds the value of one property as a request writes it.
    pub(super) fn add(&mut self, rng: &mut Rng, property: &Property, key: &str, given: &Value) -> Result<(), Refusal> {
        let kind = property.kind.wire();
        let path = format!("properties.{key}");
        // A rich text may stand without its type around it.
        let value = if given.is_array() && matches!(property.kind, Kind::Title | Kind::RichText) {
            given
        } else {
            let said = given["type"].as_str().or_else(|| KINDS.into_iter().find(|it| given.get(it).is_some()));
            match said {
                Some(said) if said != kind => {
                    return Err(Refusal::validation(format!("{} is expected to be {kind}.", property.name)));
                }
                _ => {}
            }
            match given.get(kind) {
                Some(value) => value,
                None => return Err(Refusal::body(&format!("{path}.{kind}"), "defined", &Value::Null)),
            }
        };
        if property.kind.is_computed() {
            return Err(Refusal::validation(format!("{} is a {kind} property and cannot be written.", property.name)));
        }
        let cell = self.read(rng, property, &format!("{path}.{kind}"), value)?;
        self.cells.push((Arc::clone(&property.id), cell));
        Ok(())
    }

    fn read(&mut self, rng: &mut Rng, property: &Property, path: &str, value: &Value) -> Result<Option<Cell>, Refusal> {
        match &property.kind {
            Kind::Title | Kind::RichText => {
                let pieces = texts::read(path, value)?;
                Ok(Some(pieces).filter(|it| !it.is_empty()).map(Cell::Text))
            }
            Kind::Checkbox => match value {
                Value::Bool(is_set) => Ok(is_set.then_some(Cell::Check)),
                other => Err(Refusal::body(path, "a boolean", other)),
            },
            Kind::MultiSelect(_) => {
                let ids: Vec<Arc<str>> = entries(path, value)?
                    .iter()
                    .enumerate()
                    .map(|(at, it)| self.option(rng, property, &format!("{path}[{at}]"), it))
                    .collect::<Result<_, _>>()?;
                Ok(Some(distinct(ids)).filter(|it| !it.is_empty()).map(Cell::Choices))
            }
            Kind::People | Kind::Relation(_) => {
                let id = |(at, it): (usize, &Value)| {
                    let id = it["id"].as_str().and_then(uuid);
                    id.ok_or_else(|| Refusal::body(&format!("{path}[{at}].id"), "a valid uuid", &it["id"]))
                };
                let ids: Vec<String> = entries(path, value)?.iter().enumerate().map(id).collect::<Result<_, _>>()?;
                Ok(Some(distinct(ids)).filter(|it| !it.is_empty()).map(Cell::Ids))
            }
            Kind::Files => {
                let files: Vec<Value> =
                    entries(path, value)?.iter().map(|it| read_file(path, it)).collect::<Result<_, _>>()?;
                Ok(Some(files).filter(|it| !it.is_empty()).map(Cell::Files))
            }
            _ if value.is_null() => Ok(None),
            Kind::Number { .. } => match value {
                Value::Number(number) => Ok(Some(Cell::Number(number.clone()))),
                other => Err(Refusal::body(path, "a number or `null`", other)),
            },
            Kind::Select(_) | Kind::Status(_) => {
                self.option(rng, property, path, value).map(|id| Some(Cell::Choice(id)))
            }
            Kind::Date => read_date(path, value).map(Some),
            Kind::Url => line(path, value, URL_CHARS_MAX),
            // Notion enforces no form of an address or a number.
            _ => line(path, value, LINE_CHARS_MAX),
        }
    }

    /// The option that a value names; a name that no select has yet becomes one.
    fn option(&mut self, rng: &mut Rng, property: &Property, path: &str, value: &Value) -> Result<Arc<str>, Refusal> {
        let known = || property.kind.choices().iter().chain(self.new_options(property));
        if let Some(id) = value["id"].as_str() {
            let found = known().find(|it| *it.id == *id).map(|it| Arc::clone(&it.id));
            return found.ok_or_else(|| Refusal::validation(format!("Option with id \"{id}\" does not exist.")));
        }
        let Some(name) = value["name"].as_str() else {
            return Err(Refusal::body(&format!("{path}.name"), "defined", &value["name"]));
        };
        if let Some(found) = known().find(|it| it.name == name) {
            return Ok(Arc::clone(&found.id));
        }
        if matches!(property.kind, Kind::Status(_)) {
            let message = format!("Invalid status option. Status option \"{name}\" does not exist.");
            return Err(Refusal::validation(message));
        }
        check_option_name(&format!("{path}.name"), name)?;
        let choice = Choice::new(rng, name, known().count());
        let id = Arc::clone(&choice.id);
        self.options.push((Arc::clone(&property.id), choice));
        Ok(id)
    }

    fn new_options<'a>(&'a self, property: &'a Property) -> impl Iterator<Item = &'a Choice> {
        self.options.iter().filter(|(id, _)| *id == property.id).map(|(_, choice)| choice)
    }
}

/// Refuses names that no option can have.
pub(super) fn check_option_name(path: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::body(path, "populated", &Value::from("")));
    }
    if name.contains(',') {
        return Err(Refusal::validation(format!("Invalid select option, commas not allowed: {name}")));
    }
    check_length(path, name, OPTION_CHARS_MAX)
}

fn distinct<T: PartialEq>(all: Vec<T>) -> Vec<T> {
    let mut seen = Vec::with_capacity(all.len());
    for it in all {
        if !seen.contains(&it) {
            seen.push(it);
        }
    }
    seen
}

fn entries<'a>(path: &str, value: &'a Value) -> Result<&'a [Value], Refusal> {
    match value {
        Value::Array(items) if items.len() > ENTRIES_MAX => Err(too_long(path, ENTRIES_MAX, items.len())),
        Value::Array(items) => Ok(items),
        other => Err(Refusal::body(path, "an array", other)),
    }
}

fn line(path: &str, value: &Value, max: usize) -> Result<Option<Cell>, Refusal> {
    match value.as_str() {
        Some("") => Err(Refusal::body(path, "populated", value)),
        Some(text) => {
            check_length(path, text, max)?;
            Ok(Some(Cell::Line(text.to_owned())))
        }
        None => Err(Refusal::body(path, "a string or `null`", value)),
    }
}

fn read_date(path: &str, value: &Value) -> Result<Cell, Refusal> {
    let zone = value["time_zone"].as_str();
    let read = |member: &str| {
        let given = &value[member];
        let read = given.as_str().and_then(|text| dates::canonical(text, zone));
        read.ok_or_else(|| Refusal::body(&format!("{path}.{member}"), "a valid ISO 8601 date string", given))
    };
    let start = read("start")?;
    let end = if value["end"].is_null() { None } else { Some(read("end")?) };
    Ok(Cell::Date { start, end })
}

fn read_file(path: &str, value: &Value) -> Result<Value, Refusal> {
    let Some(url) = value.pointer("/external/url").and_then(Value::as_str) else {
        return Err(Refusal::body(&format!("{path}.external.url"), "defined", &Value::Null));
    };
    check_length(path, url, URL_CHARS_MAX)?;
    let name = value["name"].as_str().unwrap_or(url);
    Ok(json!({"name": name, "type": "external", "external": {"url": url}}))
}
