//! Pages: made, read, changed, trashed and taken out again. Source: Notion's pages "Create a page", "Update page" and
//! "Retrieve a page property item".

use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, uuid};
use super::query::{Slice, slice};
use super::schema::{self, Kind};
use super::workspace::{Author, Page, Parent, Workspace};

/// Blocks that a new page may have.
const CHILDREN_MAX: usize = 100;

/// `POST /v1/pages`
pub(super) fn create(workspace: &mut Workspace, call: &Call) -> Answer {
    let body = call.object()?;
    let parent = read_parent(workspace, body.get("parent").unwrap_or(&Value::Null))?;
    let draft = workspace.check(&parent, body.get("properties").unwrap_or(&json!({})))?;
    let children = match body.get("children").or_else(|| body.get("content")) {
        Some(children) => workspace.check_blocks(children, "children", CHILDREN_MAX)?,
        None => super::markdown::read(body.get("markdown").and_then(Value::as_str).unwrap_or_default()),
    };
    let id = workspace.new_page(parent, Author::Bot);
    put_looks(workspace, &id, &body);
    workspace.append(&id, None, children, Author::Bot);
    workspace.commit(&id, draft, Author::Bot, "page.created");
    shown(workspace, call, &id)
}

/// Reads where a page is to hang: in a data source, in a database that has but one, beneath a page, or nowhere.
fn read_parent(workspace: &Workspace, given: &Value) -> Result<Parent, Refusal> {
    let id = |name: &str| {
        let read = given.get(name).map(|it| it.as_str().and_then(uuid).ok_or(it));
        read.transpose().map_err(|was| Refusal::body(&format!("parent.{name}"), "a valid uuid", was))
    };
    if let Some(id) = id("data_source_id")? {
        return Ok(Parent::Source(workspace.source(&id)?.id.clone()));
    }
    if let Some(id) = id("database_id")? {
        return match workspace.database(&id)?.sources.as_slice() {
            [only] => Ok(Parent::Source(only.clone())),
            _ => Err(Refusal::validation(format!("Database {id} has several data sources: name one of them."))),
        };
    }
    if let Some(id) = id("page_id")? {
        return Ok(Parent::Page(workspace.page(&id)?.id.clone()));
    }
    if given["workspace"] == true {
        return Ok(Parent::Workspace);
    }
    Err(Refusal::body("parent", "defined", given))
}

fn put_looks(workspace: &mut Workspace, id: &str, body: &Map<String, Value>) {
    if let Some(page) = workspace.pages.get_mut(id) {
        for (name, value) in body {
            match name.as_str() {
                "icon" => page.icon = value.clone(),
                "cover" => page.cover = value.clone(),
                "is_locked" => page.is_locked = value == true,
                _ => {}
            }
        }
    }
}

fn shown(workspace: &Workspace, call: &Call, id: &str) -> Answer {
    let page = workspace.page(id)?;
    Ok(Reply::ok(workspace.show_page(page, &call.query_list("filter_properties"))))
}

/// `GET /v1/pages/{page_id}`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    shown(workspace, call, &call.id("page_id")?)
}

/// Whether a body puts something into the trash or takes it out, as far as its version can say that.
pub(super) fn read_trash(call: &Call, body: &Map<String, Value>) -> Result<Option<bool>, Refusal> {
    if call.is_newest
        && let Some(was) = body.get("archived")
    {
        return Err(Refusal::body("archived", "not present", was));
    }
    let given = ["in_trash", "archived"].into_iter().find_map(|name| Some((name, body.get(name)?)));
    match given {
        None => Ok(None),
        Some((_, Value::Bool(in_trash))) => Ok(Some(*in_trash)),
        Some((name, was)) => Err(Refusal::body(name, "a boolean or `undefined`", was)),
    }
}

/// `PATCH /v1/pages/{page_id}`: only what is named changes.
pub(super) fn update(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("page_id")?;
    let body = call.object()?;
    let page = workspace.page(&id)?;
    let (parent, was_in_trash) = (page.parent.clone(), page.life.in_trash);
    let in_trash = read_trash(call, &body)?;
    if was_in_trash && in_trash != Some(false) {
        return Err(Refusal::validation(
            "Can't edit block that is archived. You must unarchive the block before editing.",
        ));
    }
    let draft = match body.get("properties") {
        Some(properties) => Some(workspace.check(&parent, properties)?),
        None => None,
    };
    put_looks(workspace, &id, &body);
    if let Some(in_trash) = in_trash {
        workspace.trash(&id, in_trash, Author::Bot);
    }
    match draft {
        Some(draft) => workspace.commit(&id, draft, Author::Bot, "page.properties_updated"),
        None => workspace.touch(&id, Author::Bot),
    }
    if body.get("erase_content") == Some(&Value::Bool(true)) {
        workspace.erase_blocks(&id, Author::Bot);
    }
    shown(workspace, call, &id)
}

/// `POST /v1/pages/{page_id}/move`
pub(super) fn relocate(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("page_id")?;
    let body = call.object()?;
    workspace.page(&id)?;
    let parent = read_parent(workspace, body.get("parent").unwrap_or(&Value::Null))?;
    if parent == Parent::Page(id.clone()) {
        return Err(Refusal::validation("A page cannot be moved beneath itself."));
    }
    workspace.sources.values_mut().for_each(|source| source.rows.retain(|row| *row != id));
    if let Parent::Source(source) = &parent
        && let Some(source) = workspace.sources.get_mut(source)
    {
        source.rows.push(id.clone());
    }
    if let Some(page) = workspace.pages.get_mut(&id) {
        // Only the title means the same in another place.
        page.cells.retain(|property, _| page.parent == parent || &**property == "title");
        page.parent = parent;
    }
    workspace.touch(&id, Author::Bot);
    workspace.announce_page(&id, "page.moved", &[], Author::Bot);
    shown(workspace, call, &id)
}

/// `GET /v1/pages/{page_id}/properties/{property_id}`: one value, or all entries of one, page by page.
pub(super) fn property(workspace: &mut Workspace, call: &Call) -> Answer {
    let page = workspace.page(&call.id("page_id")?)?;
    let properties = workspace.properties_of(&page.parent);
    let key = call.params.get("property_id").map_or("", String::as_str);
    let Some(property) = schema::named(&properties, key) else {
        return Err(Refusal::validation(format!("{key} is not a property that exists.")));
    };
    let mut value = workspace.show_value(page, &properties, property, usize::MAX);
    let kind = property.kind.wire();
    if !matches!(property.kind, Kind::Title | Kind::RichText | Kind::People | Kind::Relation(_)) {
        value["object"] = "property_item".into();
        return Ok(Reply::ok(value));
    }
    let Value::Array(entries) = value[kind].take() else {
        return Err(Refusal::ordered(500));
    };
    let Slice { rows, next } = slice(workspace, call.query("page_size"), call.query("start_cursor"), &entries)?;
    let item = |entry: &Value| {
        let mut item = json!({"object": "property_item", "type": kind, "id": &*property.id});
        item[kind] = entry.clone();
        item
    };
    let mut reply = Reply::list("property_item", rows.iter().map(item).collect(), next.clone());
    if let super::answer::Content::Json(body) = &mut reply.content {
        let next_url = next.map(|cursor| {
            format!("{}/v1/pages/{}/properties/{}?start_cursor={cursor}", call.origin, page.id, &*property.id)
        });
        let mut about = json!({"id": &*property.id, "next_url": next_url, "type": kind});
        about[kind] = json!({});
        body["property_item"] = about;
    }
    Ok(reply)
}

/// Writes values as a person types them into a page: names and plain texts, where an empty text is no value.
pub(super) fn typed(workspace: &Workspace, parent: &Parent, name: &str, text: &str) -> Result<Value, Refusal> {
    let properties = workspace.properties_of(parent);
    let Some(property) = schema::named(&properties, name) else {
        return Err(Refusal::validation(format!("{name} is not a property that exists.")));
    };
    let parts = || text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let value = match &property.kind {
        Kind::Title | Kind::RichText => super::texts::show(&super::texts::of_plain(text)).into(),
        Kind::MultiSelect(_) => parts().map(|name| json!({"name": name})).collect(),
        Kind::People | Kind::Relation(_) => parts().map(|id| json!({"id": id})).collect(),
        Kind::Files => parts().map(|url| json!({"name": url, "external": {"url": url}})).collect(),
        Kind::Checkbox => (text == "true").into(),
        _ if text.is_empty() => Value::Null,
        Kind::Number { .. } => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        Kind::Select(_) | Kind::Status(_) => json!({"name": text}),
        Kind::Date => {
            let mut ends = text.splitn(2, '/');
            json!({"start": ends.next(), "end": ends.next()})
        }
        _ => text.into(),
    };
    let mut given = Map::new();
    given.insert(property.kind.wire().to_owned(), value);
    Ok(given.into())
}

impl Workspace {
    /// Checks a person's values for a page of `parent`.
    pub(super) fn check_typed(
        &mut self,
        parent: &Parent,
        values: &[(String, String)],
    ) -> Result<super::cells::Draft, Refusal> {
        let mut given = Map::new();
        for (name, text) in values {
            given.insert(name.clone(), typed(self, parent, name, text)?);
        }
        self.check(parent, &given.into())
    }

    /// A page as tests see it.
    pub(super) fn record(&self, page: &Page) -> super::Record {
        let properties = self.properties_of(&page.parent);
        let object = match &page.parent {
            Parent::Source(id) => self.sources.get(id).map(|it| super::texts::plain(&it.title)).unwrap_or_default(),
            _ => String::new(),
        };
        super::Record {
            object,
            id: page.id.clone(),
            properties: properties.iter().map(|it| (it.name.clone(), self.flat(page, &properties, it))).collect(),
            created_us: page.life.created_us,
            updated_us: page.life.edited_us,
            archived: page.life.in_trash,
            merged_into: None,
        }
    }
}
