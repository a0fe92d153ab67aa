//! What a data source is made of: properties, their types and options. Source: Notion's page "Data source properties".

use std::sync::Arc;

use serde_json::{Value, json};

use crate::world::Rng;

/// Colours of options, handed out in turn.
pub(super) const COLORS: [&str; 10] =
    ["default", "gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red"];

/// The letters of property ids; those after the digits are written encoded, as in `%3AUPp`.
const ID_LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:@=[{";

/// One option of a select, multi-select or status.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) id: Arc<str>,
    pub(super) name: String,
    pub(super) color: String,
}

impl Choice {
    /// The option that stands at place `at` of its list.
    pub(super) fn new(rng: &mut Rng, name: &str, at: usize) -> Self {
        Self { id: rng.uuid().into(), name: name.to_owned(), color: COLORS[at % COLORS.len()].to_owned() }
    }

    pub(super) fn show(&self) -> Value {
        json!({"id": &*self.id, "name": self.name, "color": self.color})
    }
}

/// What a property holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Title,
    RichText,
    Number {
        format: String,
    },
    Select(Vec<Choice>),
    MultiSelect(Vec<Choice>),
    Status(Vec<Choice>),
    Date,
    People,
    Files,
    Checkbox,
    Url,
    Email,
    Phone,
    /// Pages of the data source with this id.
    Relation(String),
    UniqueId {
        prefix: Option<String>,
    },
    /// The text of the property named in `prop("…")`; other expressions hold nothing here.
    Formula {
        expression: String,
    },
    /// How many pages the relation with this property id leads to.
    Rollup {
        relation: Arc<str>,
    },
    CreatedTime,
    CreatedBy,
    EditedTime,
    EditedBy,
}

impl Kind {
    /// Notion's name of the type.
    pub(super) fn wire(&self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::RichText => "rich_text",
            Self::Number { .. } => "number",
            Self::Select(_) => "select",
            Self::MultiSelect(_) => "multi_select",
            Self::Status(_) => "status",
            Self::Date => "date",
            Self::People => "people",
            Self::Files => "files",
            Self::Checkbox => "checkbox",
            Self::Url => "url",
            Self::Email => "email",
            Self::Phone => "phone_number",
            Self::Relation(_) => "relation",
            Self::UniqueId { .. } => "unique_id",
            Self::Formula { .. } => "formula",
            Self::Rollup { .. } => "rollup",
            Self::CreatedTime => "created_time",
            Self::CreatedBy => "created_by",
            Self::EditedTime => "last_edited_time",
            Self::EditedBy => "last_edited_by",
        }
    }

    /// Whether nobody can write it.
    pub(super) fn is_computed(&self) -> bool {
        matches!(
            self,
            Self::UniqueId { .. }
                | Self::Formula { .. }
                | Self::Rollup { .. }
                | Self::CreatedTime
                | Self::CreatedBy
                | Self::EditedTime
                | Self::EditedBy
        )
    }

    /// The options, where it has any.
    pub(super) fn choices(&self) -> &[Choice] {
        match self {
            Self::Select(choices) | Self::MultiSelect(choices) | Self::Status(choices) => choices,
            _ => &[],
        }
    }

    pub(super) fn choices_mut(&mut self) -> Option<&mut Vec<Choice>> {
        match self {
            Self::Select(choices) | Self::MultiSelect(choices) | Self::Status(choices) => Some(choices),
            _ => None,
        }
    }
}

/// A column of a data source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    /// Stays the same under any name; percent-encoded where Notion encodes it.
    pub(super) id: Arc<str>,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) kind: Kind,
}

impl Property {
    pub(super) fn new(rng: &mut Rng, name: &str, kind: Kind) -> Self {
        let id = if kind == Kind::Title { "title".into() } else { new_id(rng) };
        Self { id, name: name.to_owned(), description: None, kind }
    }

    /// Whether a request means this property: by name, or by id in either writing.
    pub(super) fn is_named(&self, key: &str) -> bool {
        self.name == key || *self.id == *key || percent_encoding::percent_decode_str(&self.id).eq(key.bytes())
    }
}

fn new_id(rng: &mut Rng) -> Arc<str> {
    let letters = (0..4).map(|_| ID_LETTERS[usize::try_from(rng.below(ID_LETTERS.len() as u64)).unwrap_or(0)]);
    let id: String = letters.map(char::from).collect();
    percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).to_string().into()
}

/// The property that a request means by a name or an id.
pub(super) fn named<'a>(properties: &'a [Property], key: &str) -> Option<&'a Property> {
    properties.iter().find(|it| it.name == key).or_else(|| properties.iter().find(|it| it.is_named(key)))
}

/// A property as a data source shows it. `database_of` tells the database of a data source.
pub(super) fn show(property: &Property, all: &[Property], database_of: impl Fn(&str) -> Option<String>) -> Value {
    let options = |choices: &[Choice]| {
        let shown = |choice: &Choice| {
            let mut shown = choice.show();
            shown["description"] = Value::Null;
            shown
        };
        choices.iter().map(shown).collect::<Vec<Value>>()
    };
    let config = match &property.kind {
        Kind::Number { format } => json!({"format": format}),
        Kind::Select(choices) | Kind::MultiSelect(choices) => json!({"options": options(choices)}),
        Kind::Status(choices) => {
            let ids: Vec<&str> = choices.iter().map(|it| &*it.id).collect();
            let group = |name: &str, color: &str, ids: &[&str]| json!({"id": format!("{}-{name}", &*property.id), "name": name, "color": color, "option_ids": ids});
            let last = ids.len().saturating_sub(1);
            let (todo, doing, done) =
                (&ids[..ids.len().min(1)], ids.get(1..last).unwrap_or(&[]), ids.get(last.max(1)..));
            let groups = [
                group("To-do", "gray", todo),
                group("In progress", "blue", doing),
                group("Complete", "green", done.unwrap_or(&[])),
            ];
            json!({"options": options(choices), "groups": groups})
        }
        Kind::Relation(source) => json!({
            "data_source_id": source,
            "database_id": database_of(source),
            "type": "single_property",
            "single_property": {},
        }),
        Kind::UniqueId { prefix } => json!({"prefix": prefix}),
        Kind::Formula { expression } => json!({"expression": expression}),
        Kind::Rollup { relation } => {
            let over = all.iter().find(|it| it.id == *relation).map_or("", |it| it.name.as_str());
            json!({
                "function": "count",
                "relation_property_id": &**relation,
                "relation_property_name": over,
                "rollup_property_id": "title",
                "rollup_property_name": "Name",
            })
        }
        _ => json!({}),
    };
    let kind = property.kind.wire();
    let mut shown = json!({
        "id": &*property.id,
        "name": property.name,
        "description": property.description,
        "type": kind,
    });
    shown[kind] = config;
    shown
}
