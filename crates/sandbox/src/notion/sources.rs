//! Databases and data sources: described, made, and their properties changed. Source: Notion's pages "Update a data
//! source", "Create a data source" and "Create a database".

use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, uuid};
use super::cells::{Cell, check_option_name};
use super::pages::read_trash;
use super::schema::{self, COLORS, Choice, Kind, Property};
use super::texts::{self, too_long};
use super::workspace::{Author, Parent, Workspace};

/// Properties of one data source.
const PROPERTIES_MAX: usize = 500;
/// Options of one property in a request.
const OPTIONS_MAX: usize = 100;

/// `GET /v1/data_sources/{data_source_id}`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    let source = workspace.source(&call.id("data_source_id")?)?;
    Ok(Reply::ok(workspace.show_source(source)))
}

/// `GET /v1/data_sources/{data_source_id}/templates`: there are none.
pub(super) fn templates(workspace: &mut Workspace, call: &Call) -> Answer {
    workspace.source(&call.id("data_source_id")?)?;
    Ok(Reply::ok(json!({"templates": [], "has_more": false, "next_cursor": null})))
}

/// `POST /v1/data_sources`
pub(super) fn create(workspace: &mut Workspace, call: &Call) -> Answer {
    let body = call.object()?;
    let given = body.get("parent").and_then(|it| it.get("database_id")).unwrap_or(&Value::Null);
    let id = given.as_str().and_then(uuid).ok_or_else(|| Refusal::body("parent.database_id", "a valid uuid", given))?;
    let database = workspace.database(&id)?.id.clone();
    let title = read_title(&body)?.unwrap_or_default();
    let properties = workspace.new_properties(body.get("properties").unwrap_or(&json!({})))?;
    let id = workspace.new_source(&database, title, Author::Bot);
    if let Some(source) = workspace.sources.get_mut(&id) {
        source.properties = properties;
        source.icon = body.get("icon").cloned().unwrap_or_default();
    }
    workspace.announce_source(&id, "data_source.created", json!({}), Author::Bot);
    Ok(Reply::ok(workspace.show_source(workspace.source(&id)?)))
}

/// `GET /v1/databases/{database_id}`
pub(super) fn get_database(workspace: &mut Workspace, call: &Call) -> Answer {
    let database = workspace.database(&call.id("database_id")?)?;
    Ok(Reply::ok(workspace.show_database(database)))
}

/// `POST /v1/databases`: it comes with one data source.
pub(super) fn create_database(workspace: &mut Workspace, call: &Call) -> Answer {
    let body = call.object()?;
    let given = body.get("parent").unwrap_or(&Value::Null);
    let parent = match given["page_id"].as_str().map(uuid) {
        Some(Some(id)) => Parent::Page(workspace.page(&id)?.id.clone()),
        None if given["workspace"] == true => Parent::Workspace,
        _ => return Err(Refusal::body("parent.page_id", "a valid uuid", &given["page_id"])),
    };
    let title = read_title(&body)?.unwrap_or_default();
    let first = body.get("initial_data_source").and_then(|it| it.get("properties"));
    let properties = workspace.new_properties(first.unwrap_or(&json!({})))?;
    let source = workspace.new_database(title, parent, Author::Bot);
    let mut database = String::new();
    if let Some(source) = workspace.sources.get_mut(&source) {
        source.properties = properties;
        database.clone_from(&source.database);
    }
    if let Some(icon) = body.get("icon")
        && let Some(database) = workspace.databases.get_mut(&database)
    {
        database.icon = icon.clone();
    }
    Ok(Reply::ok(workspace.show_database(workspace.database(&database)?)))
}

/// `PATCH /v1/databases/{database_id}`
pub(super) fn update_database(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("database_id")?;
    let body = call.object()?;
    workspace.database(&id)?;
    let (title, in_trash) = (read_title(&body)?, read_trash(call, &body)?);
    let now_us = workspace.stamp_us();
    if let Some(database) = workspace.databases.get_mut(&id) {
        database.title = title.unwrap_or_else(|| std::mem::take(&mut database.title));
        database.icon = body.get("icon").cloned().unwrap_or_else(|| database.icon.take());
        database.life.in_trash = in_trash.unwrap_or(database.life.in_trash);
        database.life.edited_us = now_us;
    }
    Ok(Reply::ok(workspace.show_database(workspace.database(&id)?)))
}

/// `PATCH /v1/data_sources/{data_source_id}`
pub(super) fn update(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("data_source_id")?;
    let body = call.object()?;
    let before = workspace.source(&id)?.properties.clone();
    let (title, in_trash) = (read_title(&body)?, read_trash(call, &body)?);
    let after = match body.get("properties") {
        Some(given) => workspace.changed_properties(before, given)?,
        None => before,
    };
    let life = workspace.life(Author::Bot);
    if let Some(source) = workspace.sources.get_mut(&id) {
        source.title = title.unwrap_or_else(|| std::mem::take(&mut source.title));
        source.icon = body.get("icon").cloned().unwrap_or_else(|| source.icon.take());
        source.life.in_trash = in_trash.unwrap_or(source.life.in_trash);
        (source.life.edited_us, source.life.edited_by) = (life.edited_us, life.edited_by);
    }
    workspace.set_properties(&id, after, Author::Bot);
    Ok(Reply::ok(workspace.show_source(workspace.source(&id)?)))
}

fn read_title(body: &Map<String, Value>) -> Result<Option<Vec<texts::Piece>>, Refusal> {
    body.get("title").map(|title| texts::read("title", title)).transpose()
}

impl Workspace {
    /// Properties of a new data source; a title is always among them.
    fn new_properties(&mut self, given: &Value) -> Result<Vec<Property>, Refusal> {
        let Value::Object(given) = given else {
            return Err(Refusal::body("properties", "an object", given));
        };
        let mut properties = Vec::new();
        for (name, config) in given {
            let kind = self.read_kind(&format!("properties.{name}"), config, &[])?;
            properties.push(Property::new(&mut self.rng, name, kind));
        }
        match properties.iter().filter(|it| it.kind == Kind::Title).count() {
            0 => properties.insert(0, Property::new(&mut self.rng, "Name", Kind::Title)),
            1 => {}
            _ => return Err(Refusal::validation("A data source has exactly one title property.")),
        }
        Ok(properties)
    }

    /// The properties as a request changes them: null removes, a new name renames, a type makes or retypes.
    fn changed_properties(&mut self, mut all: Vec<Property>, given: &Value) -> Result<Vec<Property>, Refusal> {
        let Value::Object(given) = given else {
            return Err(Refusal::body("properties", "an object", given));
        };
        for (key, config) in given {
            let at = schema::named(&all, key).map(|it| it.id.clone());
            let at = at.and_then(|id| all.iter().position(|it| it.id == id));
            let path = format!("properties.{key}");
            match (at, config) {
                (Some(at), Value::Null) if all[at].kind == Kind::Title => {
                    return Err(Refusal::validation("The title property cannot be removed."));
                }
                (Some(at), Value::Null) => drop(all.remove(at)),
                (None, Value::Null) => {
                    return Err(Refusal::validation(format!("{key} is not a property that exists.")));
                }
                (Some(at), config) => {
                    if let Some(name) = config["name"].as_str() {
                        if all.iter().enumerate().any(|(other, it)| other != at && it.name == name) {
                            return Err(Refusal::validation(format!("There is already a property named {name}.")));
                        }
                        all[at].name = name.to_owned();
                    }
                    let says_kind = config
                        .as_object()
                        .into_iter()
                        .flatten()
                        .any(|(it, _)| !matches!(it.as_str(), "name" | "type" | "description" | "id"));
                    if says_kind {
                        let kind = self.read_kind(&path, config, all[at].kind.choices())?;
                        if (kind == Kind::Title) != (all[at].kind == Kind::Title) {
                            return Err(Refusal::validation("A data source has exactly one title property."));
                        }
                        all[at].kind = kind;
                    }
                }
                (None, config) => {
                    let kind = self.read_kind(&path, config, &[])?;
                    if kind == Kind::Title {
                        return Err(Refusal::validation("A data source has exactly one title property."));
                    }
                    let name = config["name"].as_str().unwrap_or(key);
                    all.push(Property::new(&mut self.rng, name, kind));
                }
            }
        }
        if all.len() > PROPERTIES_MAX {
            return Err(too_long("properties", PROPERTIES_MAX, all.len()));
        }
        Ok(all)
    }

    /// Reads a property's type and what belongs to it. Options that were there before keep their ids.
    fn read_kind(&mut self, path: &str, config: &Value, before: &[Choice]) -> Result<Kind, Refusal> {
        let has = |name: &str| config.get(name).is_some();
        let options = |workspace: &mut Self, name: &str| {
            workspace.read_options(&format!("{path}.{name}.options"), &config[name]["options"], before)
        };
        Ok(match () {
            () if has("title") => Kind::Title,
            () if has("rich_text") => Kind::RichText,
            () if has("number") => {
                Kind::Number { format: config["number"]["format"].as_str().unwrap_or("number").to_owned() }
            }
            () if has("select") => Kind::Select(options(self, "select")?),
            () if has("multi_select") => Kind::MultiSelect(options(self, "multi_select")?),
            () if has("status") => {
                let choices = options(self, "status")?;
                let standard = ["Not started", "In progress", "Done"].iter().enumerate();
                let standard = standard.map(|(at, name)| Choice::new(&mut self.rng, name, at)).collect();
                Kind::Status(if choices.is_empty() { standard } else { choices })
            }
            () if has("date") => Kind::Date,
            () if has("people") => Kind::People,
            () if has("files") => Kind::Files,
            () if has("checkbox") => Kind::Checkbox,
            () if has("url") => Kind::Url,
            () if has("email") => Kind::Email,
            () if has("phone_number") => Kind::Phone,
            () if config["relation"].get("dual_property").is_some() => {
                return Err(Refusal::validation("This sandbox serves relations of type single_property alone."));
            }
            () if has("relation") => {
                let given = &config["relation"]["data_source_id"];
                let id = given.as_str().and_then(uuid);
                let id =
                    id.ok_or_else(|| Refusal::body(&format!("{path}.relation.data_source_id"), "a valid uuid", given))?;
                Kind::Relation(self.source(&id)?.id.clone())
            }
            () if has("unique_id") => {
                Kind::UniqueId { prefix: config["unique_id"]["prefix"].as_str().map(str::to_owned) }
            }
            () if has("formula") => {
                Kind::Formula { expression: config["formula"]["expression"].as_str().unwrap_or_default().to_owned() }
            }
            () if has("created_time") => Kind::CreatedTime,
            () if has("created_by") => Kind::CreatedBy,
            () if has("last_edited_time") => Kind::EditedTime,
            () if has("last_edited_by") => Kind::EditedBy,
            () => return Err(Refusal::body(&format!("{path}.title"), "defined", &Value::Null)),
        })
    }

    fn read_options(&mut self, path: &str, given: &Value, before: &[Choice]) -> Result<Vec<Choice>, Refusal> {
        let items = match given {
            Value::Null => return Ok(before.to_vec()),
            Value::Array(items) if items.len() > OPTIONS_MAX => return Err(too_long(path, OPTIONS_MAX, items.len())),
            Value::Array(items) => items,
            other => return Err(Refusal::body(path, "an array", other)),
        };
        let mut choices: Vec<Choice> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let (id, name) = (item["id"].as_str(), item["name"].as_str());
            let old = before.iter().find(|it| id.map_or(Some(it.name.as_str()) == name, |id| *it.id == *id));
            let mut choice = match (old, name) {
                (Some(old), _) => old.clone(),
                (None, Some(name)) => {
                    check_option_name(&format!("{path}[{at}].name"), name)?;
                    Choice::new(&mut self.rng, name, at)
                }
                (None, None) => return Err(Refusal::body(&format!("{path}[{at}].name"), "defined", &Value::Null)),
            };
            if let Some(name) = name {
                name.clone_into(&mut choice.name);
            }
            match item["color"].as_str() {
                Some(color) if !COLORS.contains(&color) => {
                    return Err(Refusal::body(&format!("{path}[{at}].color"), "a color", &item["color"]));
                }
                Some(color) => color.clone_into(&mut choice.color),
                None => {}
            }
            if choices.iter().any(|it| it.name == choice.name) {
                return Err(Refusal::validation(format!("Option names must be unique: {}", choice.name)));
            }
            choices.push(choice);
        }
        Ok(choices)
    }

    /// Puts new properties in place of the old ones: values lose what no longer has a place.
    pub(super) fn set_properties(&mut self, id: &str, after: Vec<Property>, by: Author) {
        let Some(source) = self.sources.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut source.properties, after.clone());
        let rows = source.rows.clone();
        let mut changes = Vec::new();
        for old in &before {
            let new = after.iter().find(|it| it.id == old.id);
            if new == Some(old) {
                continue;
            }
            changes.push(json!({
                "id": &*old.id, "name": new.map_or(&old.name, |it| &it.name),
                "action": if new.is_some() { "updated" } else { "deleted" },
            }));
            let keeps = new.is_some_and(|new| new.kind.wire() == old.kind.wire());
            for page in &rows {
                let Some(page) = self.pages.get_mut(page) else { continue };
                let kept = match (keeps, new, page.cells.remove(&old.id)) {
                    (true, Some(new), Some(cell)) => keep_options(&new.kind, cell),
                    _ => None,
                };
                page.cells.extend(kept.map(|cell| (old.id.clone(), cell)));
            }
        }
        let made = after.iter().filter(|new| before.iter().all(|old| old.id != new.id));
        changes.extend(made.map(|it| json!({"id": &*it.id, "name": it.name, "action": "created"})));
        if !changes.is_empty() {
            self.announce_source(id, "data_source.schema_updated", json!({"updated_properties": changes}), by);
        }
    }

    /// A person removes a property, with its values.
    pub(super) fn drop_property(&mut self, id: &str, name: &str) -> Result<(), Refusal> {
        let properties = self.source_named(id)?.properties.clone();
        let after = self.changed_properties(properties, &json!({name: null}))?;
        self.set_properties(id, after, Author::Person);
        Ok(())
    }

    /// A person renames a property; its id stays.
    pub(super) fn rename_property(&mut self, id: &str, name: &str, new: &str) -> Result<(), Refusal> {
        let properties = self.source_named(id)?.properties.clone();
        if schema::named(&properties, name).is_none() {
            return Err(Refusal::validation(format!("{name} is not a property that exists.")));
        }
        let after = self.changed_properties(properties, &json!({name: {"name": new}}))?;
        self.set_properties(id, after, Author::Person);
        Ok(())
    }
}

/// A value without the options that are no more.
fn keep_options(kind: &Kind, cell: Cell) -> Option<Cell> {
    let is_there = |id: &std::sync::Arc<str>| kind.choices().iter().any(|it| it.id == *id);
    match cell {
        Cell::Choice(id) => is_there(&id).then_some(Cell::Choice(id)),
        Cell::Choices(mut ids) => {
            ids.retain(is_there);
            (!ids.is_empty()).then_some(Cell::Choices(ids))
        }
        other => Some(other),
    }
}
