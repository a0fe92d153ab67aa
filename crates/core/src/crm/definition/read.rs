//! Reads the option `objects`. Every flaw is found, not only the first.

use serde_json::{Map, Value as Json};

use super::{CrmEvent, CrmField, CrmObject, EventType};
use crate::crm::schema::{JsonType, SimpleType};
use crate::crm::{Flaw, below, number_of};
use crate::limits::{
    CRM_CHOICES_MAX, CRM_DESCRIPTION_CHARS_MAX, CRM_EVENTS_MAX, CRM_FIELDS_MAX, CRM_LABEL_CHARS_MAX, CRM_OBJECTS_MAX,
    CRM_SCHEMA_DEPTH_MAX, CRM_SLUG_CHARS_MAX, fits,
};
use crate::text;

/// Reads the option `objects`: slug → `{fields, events}`; `null` defines nothing. Members we do not know are ignored.
///
/// # Errors
/// Every flaw, with its path inside `objects`.
pub fn objects(option: &Json) -> Result<Vec<CrmObject>, Vec<Flaw>> {
    let mut reader = Reader { flaws: Vec::new() };
    let entries = reader.entries("", Some(option), CRM_OBJECTS_MAX);
    let objects = entries.into_iter().map(|entry| reader.object(&entry)).collect();
    if reader.flaws.is_empty() { Ok(objects) } else { Err(reader.flaws) }
}

struct Reader {
    flaws: Vec<Flaw>,
}

struct Entry<'a> {
    path: String,
    slug: &'a str,
    map: &'a Map<String, Json>,
}

impl Reader {
    fn flaw(&mut self, path: &str, error: impl Into<String>) {
        self.flaws.push(Flaw::new(path, error));
    }

    /// The members of a map of definitions.
    fn entries<'a>(&mut self, path: &str, value: Option<&'a Json>, most: u64) -> Vec<Entry<'a>> {
        let map = match value {
            None | Some(Json::Null) => return Vec::new(),
            Some(Json::Object(map)) => map,
            Some(_) => {
                self.flaw(path, "must be an object");
                return Vec::new();
            }
        };
        if map.len() as u64 > most {
            self.flaw(path, format!("has {} members; at most {most} are allowed", map.len()));
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        map.iter().take(most).filter_map(|(slug, value)| self.entry(path, slug, value)).collect()
    }

    fn entry<'a>(&mut self, path: &str, slug: &'a str, value: &'a Json) -> Option<Entry<'a>> {
        let shown: String = slug.chars().take(CRM_SLUG_CHARS_MAX as usize).collect();
        let path = below(path, &shown);
        let letters = slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !letters || slug.is_empty() || slug.as_bytes()[0].is_ascii_digit() || !fits(slug, CRM_SLUG_CHARS_MAX) {
            let rule = "is no slug: letters, digits and _, not beginning with a digit, at most";
            self.flaw(&path, format!("{rule} {CRM_SLUG_CHARS_MAX} characters"));
        }
        let Json::Object(map) = value else {
            self.flaw(&path, "must be an object");
            return None;
        };
        Some(Entry { path, slug, map })
    }

    fn object(&mut self, entry: &Entry<'_>) -> CrmObject {
        let fields = self.fields(&below(&entry.path, "fields"), entry.map.get("fields"), 1);
        let entries = self.entries(&below(&entry.path, "events"), entry.map.get("events"), CRM_EVENTS_MAX);
        CrmObject {
            id: number_of(&entry.path),
            slug: entry.slug.to_owned(),
            label: self.label(entry, "name"),
            description: self.text(entry, &["description"], CRM_DESCRIPTION_CHARS_MAX),
            fields,
            events: entries.into_iter().filter_map(|entry| self.event(&entry)).collect(),
        }
    }

    fn event(&mut self, entry: &Entry<'_>) -> Option<CrmEvent> {
        let label = self.label(entry, "name");
        let description = self.text(entry, &["description"], CRM_DESCRIPTION_CHARS_MAX);
        let fields = self.fields(&below(&entry.path, "payloadSchema"), entry.map.get("payloadSchema"), 1);
        let event_type = entry.map.get("type").and_then(|word| serde_json::from_value::<EventType>(word.clone()).ok());
        if event_type.is_none() {
            self.flaw(&below(&entry.path, "type"), "must be create, update, delete or search");
        }
        let (id, slug) = (number_of(&entry.path), entry.slug.to_owned());
        Some(CrmEvent { id, slug, event_type: event_type?, label, description, fields })
    }

    /// A map of schemas, or an object's schema that has one in `properties`.
    fn fields(&mut self, path: &str, value: Option<&Json>, depth: u64) -> Vec<CrmField> {
        let long = value.filter(|value| value["type"] == "object" && value["properties"].is_object());
        let value = long.map(|value| &value["properties"]).or(value);
        let entries = self.entries(path, value, CRM_FIELDS_MAX);
        entries.into_iter().filter_map(|entry| self.field(&entry, depth)).collect()
    }

    fn field(&mut self, entry: &Entry<'_>, depth: u64) -> Option<CrmField> {
        let label = self.label(entry, "title");
        let description = self.text(entry, &["description"], CRM_DESCRIPTION_CHARS_MAX);
        let (properties, items) = self.parts(entry, depth);
        let choices = self.choices(entry);
        let simple_type = self.simple_type(entry, items.as_deref())?;
        Some(CrmField {
            id: number_of(&entry.path),
            slug: entry.slug.to_owned(),
            label,
            description,
            simple_type,
            parent_slug: None,
            properties,
            items,
            choices,
        })
    }

    fn parts(&mut self, entry: &Entry<'_>, depth: u64) -> (Vec<CrmField>, Option<Box<CrmField>>) {
        let given = |name| entry.map.get(name).filter(|value| !value.is_null());
        let (properties, items) = (given("properties"), given("items"));
        if (properties.is_some() || items.is_some()) && depth >= CRM_SCHEMA_DEPTH_MAX {
            self.flaw(&entry.path, format!("goes deeper than {CRM_SCHEMA_DEPTH_MAX} levels"));
            return (Vec::new(), None);
        }
        let properties = self.fields(&below(&entry.path, "properties"), properties, depth + 1);
        let items = items.and_then(|items| self.entry(&entry.path, "items", items));
        (properties, items.and_then(|entry| self.field(&entry, depth + 1)).map(Box::new))
    }

    fn simple_type(&mut self, entry: &Entry<'_>, items: Option<&CrmField>) -> Option<SimpleType> {
        let json_type = entry.map.get("type").and_then(|word| serde_json::from_value::<JsonType>(word.clone()).ok());
        let Some(json_type) = json_type else {
            self.flaw(&below(&entry.path, "type"), "must be string, number, integer, boolean, object or array");
            return None;
        };
        let format = match entry.map.get("format") {
            None | Some(Json::Null) => None,
            Some(Json::String(format)) => Some(format.as_str()),
            Some(_) => {
                self.flaw(&below(&entry.path, "format"), "must be a string");
                return None;
            }
        };
        match (SimpleType::new(json_type, format), items) {
            (Ok(SimpleType::Array(None)), Some(items)) => Some(SimpleType::Array(Some(items.simple_type.json_type()))),
            (Ok(simple_type), _) => Some(simple_type),
            (Err(bad), _) => {
                self.flaw(&below(&entry.path, "format"), bad.to_string());
                None
            }
        }
    }

    fn choices(&mut self, entry: &Entry<'_>) -> Vec<Json> {
        let scalar = |value: &Json| !value.is_object() && !value.is_array() && !value.is_null();
        match entry.map.get("enum") {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(all)) if all.len() as u64 <= CRM_CHOICES_MAX && all.iter().all(scalar) => all.clone(),
            Some(_) => {
                let error = format!("must be an array of at most {CRM_CHOICES_MAX} texts, numbers and booleans");
                self.flaw(&below(&entry.path, "enum"), error);
                Vec::new()
            }
        }
    }

    /// The name for people: `label`, else its alias, else the slug in words.
    fn label(&mut self, entry: &Entry<'_>, alias: &str) -> String {
        let label = self.text(entry, &["label", alias], CRM_LABEL_CHARS_MAX);
        if label.is_empty() { in_words(entry.slug) } else { label }
    }

    fn text(&mut self, entry: &Entry<'_>, names: &[&str], most: u64) -> String {
        let given = names.iter().find_map(|name| Some((name, entry.map.get(*name).filter(|value| !value.is_null())?)));
        let Some((name, value)) = given else { return String::new() };
        match value.as_str().map(text::clean) {
            Some(text) if fits(&text, most) => text,
            _ => {
                self.flaw(&below(&entry.path, name), format!("must be text of at most {most} characters"));
                String::new()
            }
        }
    }
}

fn in_words(slug: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
    };
    slug.split('_').filter_map(capital).collect::<Vec<_>>().join(" ")
}
