//! What an app defines: CRM objects with fields to read and events to invoke (`linkCRM`'s option `objects`).

mod read;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::ToSchema;

use super::Flaw;
use super::schema::{SimpleType, TextFormat};
use crate::limits::{CRM_CHILDREN_MAX, CRM_LABEL_CHARS_MAX, fits};
use crate::text;

pub use read::objects;

/// The app's abstract thing, such as an opportunity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CrmObject {
    /// Stands for the slug, everywhere and for ever.
    pub id: i64,
    /// The app's name for it.
    pub slug: String,
    /// The name for people.
    pub label: String,
    /// What it is, for people; may be empty.
    pub description: String,
    /// What the app reads, the children that users added included.
    #[serde(default)]
    pub fields: Vec<CrmField>,
    /// What the app invokes.
    #[serde(default)]
    pub events: Vec<CrmEvent>,
}

/// What a CRM object, an event's payload or an object within them holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CrmField {
    /// Stands for the place; 0 on the wire for a child that a user has just added.
    #[serde(default)]
    pub id: i64,
    /// The app's name for it; of a child, `parent.label`.
    pub slug: String,
    /// The name for people.
    pub label: String,
    /// What it is, for people; may be empty.
    #[serde(default)]
    pub description: String,
    /// What values it takes.
    pub simple_type: SimpleType,
    /// The field that a user added this one to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_slug: Option<String>,
    /// What an object is known to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(no_recursion)]
    pub properties: Vec<CrmField>,
    /// What each item of an array is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(no_recursion)]
    pub items: Option<Box<CrmField>>,
    /// Values the app says it uses. Only shown; others are taken too.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Value>)]
    pub choices: Vec<Json>,
}

/// Something that happens in the app and that a user decides the meaning of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CrmEvent {
    /// Stands for the place.
    #[serde(default)]
    pub id: i64,
    /// The app's name for it.
    pub slug: String,
    /// What kind of thing happens.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The name for people.
    pub label: String,
    /// When it happens and what a user should do about it; may be empty.
    #[serde(default)]
    pub description: String,
    /// What its payload holds.
    #[serde(default)]
    pub fields: Vec<CrmField>,
}

/// The four kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// Something new.
    Create,
    /// A record's counterpart has changed.
    Update,
    /// A record's counterpart is gone.
    Delete,
    /// Records are looked for.
    Search,
}

impl CrmObject {
    /// An event by slug. Slugs are never guessed.
    pub fn event(&self, slug: &str) -> Option<&CrmEvent> {
        self.events.iter().find(|event| event.slug == slug)
    }

    /// The children that a user added to one of its fields.
    pub fn children<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a CrmField> {
        self.fields.iter().filter(move |field| field.parent_slug.as_deref() == Some(parent))
    }
}

impl CrmField {
    /// The name of a child within its parent; of any other field, its slug.
    pub fn key(&self) -> &str {
        let child = self.parent_slug.as_deref().and_then(|parent| self.slug.strip_prefix(parent)?.strip_prefix('.'));
        child.unwrap_or(&self.slug)
    }
}

/// Takes over the children that a user added in the browser; all else stays as the app defined it.
///
/// # Errors
/// Every child that has no object field as its parent, a bad or doubled label, or a type that users cannot choose.
pub fn with_children(defined: &[CrmObject], posted: &[CrmObject]) -> Result<Vec<CrmObject>, Vec<Flaw>> {
    let mut flaws = Vec::new();
    let mut objects = defined.to_vec();
    for object in &mut objects {
        object.fields.retain(|field| field.parent_slug.is_none());
        let posted = posted.iter().filter(|other| other.id == object.id || other.slug == object.slug);
        let children = posted.flat_map(|other| &other.fields).filter(|field| field.parent_slug.is_some());
        for (count, child) in (1_u64..).zip(children) {
            let path = format!("{}.fields.{}", object.slug, child.slug.chars().take(128).collect::<String>());
            if count > CRM_CHILDREN_MAX {
                flaws.push(Flaw::new(path, format!("is one more than the {CRM_CHILDREN_MAX} that an object may have")));
                break;
            }
            match adopt(object, child, &path) {
                Ok(child) => object.fields.push(child),
                Err(error) => flaws.push(Flaw::new(path, error)),
            }
        }
    }
    if flaws.is_empty() { Ok(objects) } else { Err(flaws) }
}

fn adopt(object: &CrmObject, child: &CrmField, path: &str) -> Result<CrmField, String> {
    let parent = child.parent_slug.as_deref().unwrap_or_default();
    let known = object.fields.iter().find(|field| field.slug == parent && field.parent_slug.is_none());
    if known.is_none_or(|field| field.simple_type != SimpleType::Object) {
        return Err("needs an object field as its parent".to_owned());
    }
    let label = text::clean(&child.label);
    if label.is_empty() || !fits(&label, CRM_LABEL_CHARS_MAX) {
        return Err(format!("needs a label of 1 to {CRM_LABEL_CHARS_MAX} characters"));
    }
    let slug = format!("{parent}.{label}");
    if object.fields.iter().any(|field| field.slug == slug) {
        return Err("has the label of another child".to_owned());
    }
    let choosable = match child.simple_type {
        SimpleType::String(format) => matches!(format, None | Some(TextFormat::Datetime)),
        SimpleType::Number | SimpleType::Boolean | SimpleType::Object => true,
        SimpleType::Integer | SimpleType::Array(_) => false,
    };
    if !choosable {
        return Err("must be a string, a number, a boolean, an object or a datetime".to_owned());
    }
    Ok(CrmField {
        id: super::number_of(path),
        slug,
        description: label.clone(),
        label,
        simple_type: child.simple_type,
        parent_slug: Some(parent.to_owned()),
        properties: Vec::new(),
        items: None,
        choices: Vec::new(),
    })
}

#[cfg(test)]
mod tests;
