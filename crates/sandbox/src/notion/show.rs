//! How answers show pages, data sources and databases.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cells::Cell;
use super::schema::{self, Kind, Property};
use super::texts;
use super::workspace::{Database, Page, Parent, Source, Workspace, offset_time};

impl Workspace {
    /// A page as answers show it. `only` are the properties that were asked for, by name or id; none for all.
    pub(super) fn show_page(&self, page: &Page, only: &[&str]) -> Value {
        let owned;
        let properties: &[Property] = match &page.parent {
            Parent::Source(id) => self.sources.get(id).map_or(&[], |it| it.properties.as_slice()),
            _ => {
                owned = self.properties_of(&page.parent);
                &owned
            }
        };
        let is_wanted = |it: &&Property| only.is_empty() || only.iter().any(|key| it.is_named(key));
        let shown: Map<String, Value> = properties
            .iter()
            .filter(is_wanted)
            .map(|it| (it.name.clone(), self.show_value(page, properties, it, self.settings.entries_max)))
            .collect();
        let life = &page.life;
        json!({
            "object": "page",
            "id": page.id,
            "created_time": self.shown_time(life.created_us),
            "last_edited_time": self.shown_time(life.edited_us),
            "created_by": self.partial_user(life.created_by),
            "last_edited_by": self.partial_user(life.edited_by),
            "cover": page.cover,
            "icon": page.icon,
            "parent": self.show_parent(&page.parent),
            "in_trash": life.in_trash,
            "is_archived": life.in_trash,
            "archived": life.in_trash,
            "is_locked": page.is_locked,
            "properties": shown,
            "url": page_url(&title_of(page), &page.id),
            "public_url": null,
        })
    }

    pub(super) fn show_parent(&self, parent: &Parent) -> Value {
        match parent {
            Parent::Workspace => json!({"type": "workspace", "workspace": true}),
            Parent::Page(id) => json!({"type": "page_id", "page_id": id}),
            Parent::Block(id) => json!({"type": "block_id", "block_id": id}),
            Parent::Source(id) => json!({
                "type": "data_source_id",
                "data_source_id": id,
                "database_id": self.sources.get(id).map(|it| it.database.as_str()),
            }),
        }
    }

    /// The value of one property with its id and type, cut after `entries` entries.
    pub(super) fn show_value(&self, page: &Page, all: &[Property], property: &Property, entries: usize) -> Value {
        let kind = property.kind.wire();
        let mut shown = json!({"id": &*property.id, "type": kind});
        let mut value = match property.kind.is_computed() {
            true => self.computed(page, all, &property.kind),
            false => self.stored(property, page.cells.get(&property.id)),
        };
        if let (Value::Array(items), true) = (&mut value, is_cut(&property.kind)) {
            items.truncate(entries);
        }
        // Notion tells of a relation whether it was cut.
        if let Kind::Relation(_) = property.kind {
            let count = match page.cells.get(&property.id) {
                Some(Cell::Ids(ids)) => ids.len(),
                _ => 0,
            };
            shown["has_more"] = (count > entries).into();
        }
        shown[kind] = value;
        shown
    }

    fn stored(&self, property: &Property, cell: Option<&Cell>) -> Value {
        let option = |id: &Arc<str>| property.kind.choices().iter().find(|it| it.id == *id).map(|it| it.show());
        match (&property.kind, cell) {
            (Kind::Checkbox, cell) => cell.is_some().into(),
            (Kind::Title | Kind::RichText, Some(Cell::Text(pieces))) => texts::show(pieces).into(),
            (_, Some(Cell::Number(number))) => number.clone().into(),
            (_, Some(Cell::Choice(id))) => option(id).into(),
            (_, Some(Cell::Choices(ids))) => ids.iter().filter_map(option).collect(),
            (_, Some(Cell::Date { start, end })) => json!({"start": start, "end": end, "time_zone": null}),
            (_, Some(Cell::Line(line))) => line.clone().into(),
            (Kind::People, Some(Cell::Ids(ids))) => ids.iter().filter_map(|id| self.show_user(id)).collect(),
            (_, Some(Cell::Ids(ids))) => ids.iter().map(|id| json!({"id": id})).collect(),
            (_, Some(Cell::Files(files))) => files.clone().into(),
            (
                Kind::Title | Kind::RichText | Kind::MultiSelect(_) | Kind::People | Kind::Relation(_) | Kind::Files,
                _,
            ) => json!([]),
            _ => Value::Null,
        }
    }

    fn computed(&self, page: &Page, all: &[Property], kind: &Kind) -> Value {
        match kind {
            Kind::UniqueId { prefix } => json!({"prefix": prefix, "number": page.number}),
            Kind::Formula { expression } => json!({"type": "string", "string": formula(page, all, expression)}),
            Kind::Rollup { relation } => {
                let count = match page.cells.get(relation) {
                    Some(Cell::Ids(ids)) => ids.len(),
                    _ => 0,
                };
                json!({"type": "number", "number": count, "function": "count"})
            }
            Kind::CreatedTime => self.shown_time(page.life.created_us).into(),
            Kind::EditedTime => self.shown_time(page.life.edited_us).into(),
            Kind::CreatedBy => self.partial_user(page.life.created_by),
            _ => self.partial_user(page.life.edited_by),
        }
    }

    pub(super) fn show_source(&self, source: &Source) -> Value {
        let database_of = |id: &str| self.sources.get(id).map(|it| it.database.clone());
        let properties: Map<String, Value> = source
            .properties
            .iter()
            .map(|it| (it.name.clone(), schema::show(it, &source.properties, database_of)))
            .collect();
        let (life, database) = (&source.life, self.databases.get(&source.database));
        json!({
            "object": "data_source",
            "id": source.id,
            "cover": null,
            "icon": source.icon,
            "created_time": self.shown_time(life.created_us),
            "created_by": self.partial_user(life.created_by),
            "last_edited_by": self.partial_user(life.edited_by),
            "last_edited_time": self.shown_time(life.edited_us),
            "title": texts::show(&source.title),
            "description": [],
            "is_inline": false,
            "properties": properties,
            "parent": {"type": "database_id", "database_id": source.database},
            "database_parent": database.map(|it| self.show_parent(&it.parent)),
            "url": page_url("", &source.database),
            "public_url": null,
            "in_trash": life.in_trash,
            "archived": life.in_trash,
        })
    }

    pub(super) fn show_database(&self, database: &Database) -> Value {
        let shared = database.sources.iter().filter_map(|id| self.source(id).ok());
        let sources: Vec<Value> = shared
            .filter(|it| !it.life.in_trash)
            .map(|it| json!({"id": it.id, "name": texts::plain(&it.title)}))
            .collect();
        json!({
            "object": "database",
            "id": database.id,
            "title": texts::show(&database.title),
            "description": [],
            "parent": self.show_parent(&database.parent),
            "is_inline": false,
            "in_trash": database.life.in_trash,
            "archived": database.life.in_trash,
            "is_locked": false,
            "created_time": offset_time(database.life.created_us),
            "last_edited_time": offset_time(database.life.edited_us),
            "data_sources": sources,
            "icon": database.icon,
            "cover": null,
            "url": page_url("", &database.id),
            "public_url": null,
        })
    }

    /// A value as plain text, for people and tests.
    pub(super) fn flat(&self, page: &Page, all: &[Property], property: &Property) -> Option<String> {
        let option = |id: &Arc<str>| property.kind.choices().iter().find(|it| it.id == *id).map(|it| it.name.clone());
        match (&property.kind, page.cells.get(&property.id)) {
            (Kind::UniqueId { prefix }, _) => {
                Some(prefix.iter().map(|it| format!("{it}-")).collect::<String>() + &page.number.to_string())
            }
            (Kind::Formula { expression }, _) => formula(page, all, expression),
            (Kind::Rollup { .. }, _) => Some(self.computed(page, all, &property.kind)["number"].to_string()),
            (Kind::CreatedTime, _) => Some(self.shown_time(page.life.created_us)),
            (Kind::EditedTime, _) => Some(self.shown_time(page.life.edited_us)),
            (Kind::CreatedBy, _) => Some(self.user_id(page.life.created_by).to_owned()),
            (Kind::EditedBy, _) => Some(self.user_id(page.life.edited_by).to_owned()),
            (_, Some(Cell::Text(pieces))) => Some(texts::plain(pieces)),
            (_, Some(Cell::Number(number))) => Some(number.to_string()),
            (_, Some(Cell::Choice(id))) => option(id),
            (_, Some(Cell::Choices(ids))) => Some(ids.iter().filter_map(option).collect::<Vec<_>>().join(",")),
            (_, Some(Cell::Date { start, end })) => {
                Some(end.as_ref().map_or_else(|| start.clone(), |end| format!("{start}/{end}")))
            }
            (_, Some(Cell::Check)) => Some("true".to_owned()),
            (_, Some(Cell::Line(line))) => Some(line.clone()),
            (_, Some(Cell::Ids(ids))) => Some(ids.join(",")),
            (_, Some(Cell::Files(files))) => {
                let urls = files.iter().filter_map(|it| it.pointer("/external/url").and_then(Value::as_str));
                Some(urls.collect::<Vec<_>>().join(","))
            }
            (_, None) => None,
        }
    }
}

/// Whether a page shows only the first entries of it.
fn is_cut(kind: &Kind) -> bool {
    matches!(kind, Kind::Title | Kind::RichText | Kind::People | Kind::Relation(_))
}

/// What a formula comes to: the text of the property that it names.
fn formula(page: &Page, all: &[Property], expression: &str) -> Option<String> {
    let name = expression.strip_prefix("prop(\"")?.strip_suffix("\")")?;
    let property = all.iter().find(|it| it.name == name)?;
    match page.cells.get(&property.id)? {
        Cell::Text(pieces) => Some(texts::plain(pieces)),
        Cell::Line(line) => Some(line.clone()),
        _ => None,
    }
}

pub(super) fn title_of(page: &Page) -> String {
    match page.cells.get("title") {
        Some(Cell::Text(pieces)) => texts::plain(pieces),
        _ => String::new(),
    }
}

/// The address of a page in Notion: its title's letters, then its id without dashes.
pub(super) fn page_url(title: &str, id: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.chain(std::iter::once("")).collect();
    format!("https://app.notion.com/p/{}{}", words.join("-"), id.replace('-', ""))
}
