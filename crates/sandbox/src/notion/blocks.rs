//! Blocks: what is written on a page. Source: Notion's pages "Block" and "Append block children", recorded answers.

use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply, uuid};
use super::pages::read_trash;
use super::query::{Slice, slice};
use super::show::title_of;
use super::texts::{self, too_long};
use super::workspace::{Author, Block, Parent, Workspace};

/// Blocks in one request, at every depth together.
const BLOCKS_MAX: usize = 1_000;
/// Blocks side by side in one request.
const CHILDREN_MAX: usize = 100;
/// Levels of blocks within blocks in one request.
const LEVELS_MAX: usize = 2;

/// The kinds of blocks that can be written here; all but the last two hold text.
const KINDS: [&str; 13] = [
    "paragraph",
    "heading_1",
    "heading_2",
    "heading_3",
    "bulleted_list_item",
    "numbered_list_item",
    "to_do",
    "toggle",
    "quote",
    "callout",
    "code",
    "divider",
    "bookmark",
];

/// A block that was checked and is not yet on a page.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    kind: &'static str,
    body: Value,
    children: Vec<Self>,
}

impl Draft {
    /// A block of plain text.
    pub(super) fn text(kind: &'static str, text: &str) -> Self {
        let given = json!({"rich_text": texts::show(&texts::of_plain(text))});
        Self { kind, body: read_body(kind, &given, kind).unwrap_or_default(), children: Vec::new() }
    }
}

impl Workspace {
    /// Checks blocks as a request writes them.
    pub(super) fn check_blocks(&self, given: &Value, path: &str, max: usize) -> Result<Vec<Draft>, Refusal> {
        let mut count = 0;
        let drafts = read_blocks(given, path, max, 0, &mut count)?;
        if count > BLOCKS_MAX { Err(too_long(path, BLOCKS_MAX, count)) } else { Ok(drafts) }
    }

    /// A block that the caller may see.
    fn block(&self, id: &str) -> Result<&Block, Refusal> {
        let found = self.blocks.get(id).filter(|it| self.page(&it.page).is_ok());
        found.ok_or_else(|| self.missing("block", id))
    }

    /// Puts blocks at the end of a page, or of another block on it. Answers their ids.
    pub(super) fn append(&mut self, page: &str, within: Option<&str>, drafts: Vec<Draft>, by: Author) -> Vec<String> {
        let mut ids = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let (id, life) = (self.rng.uuid(), self.life(by));
            let parent = match within {
                Some(block) => Parent::Block(block.to_owned()),
                None => Parent::Page(page.to_owned()),
            };
            let block = Block {
                id: id.clone(),
                page: page.to_owned(),
                parent,
                kind: draft.kind.to_owned(),
                body: draft.body,
                life,
                blocks: Vec::new(),
            };
            self.blocks.insert(id.clone(), block);
            self.append(page, Some(&id), draft.children, by);
            ids.push(id);
        }
        let list = match within {
            Some(block) => self.blocks.get_mut(block).map(|it| &mut it.blocks),
            None => self.pages.get_mut(page).map(|it| &mut it.blocks),
        };
        list.into_iter().for_each(|list| list.extend(ids.iter().cloned()));
        ids
    }

    /// Takes everything off a page.
    pub(super) fn erase_blocks(&mut self, page: &str, by: Author) {
        if let Some(page) = self.pages.get_mut(page) {
            page.blocks.clear();
        }
        self.blocks.retain(|_, block| block.page != page);
        self.changed_content(page, by);
    }

    /// Stamps a page whose blocks changed, and tells of it.
    pub(super) fn changed_content(&mut self, page: &str, by: Author) {
        self.touch(page, by);
        self.announce_page(page, "page.content_updated", &[], by);
    }

    fn show_block(&self, block: &Block) -> Value {
        let life = &block.life;
        let mut shown = json!({
            "object": "block",
            "id": block.id,
            "parent": self.show_parent(&block.parent),
            "created_time": self.shown_time(life.created_us),
            "last_edited_time": self.shown_time(life.edited_us),
            "created_by": self.partial_user(life.created_by),
            "last_edited_by": self.partial_user(life.edited_by),
            "has_children": self.live_children(&block.blocks).next().is_some(),
            "in_trash": life.in_trash,
            "archived": life.in_trash,
            "type": block.kind,
        });
        shown[&block.kind] = block.body.clone();
        shown
    }

    /// Pages and databases are blocks, too; none for an id of neither.
    fn show_child(&self, id: &str) -> Result<Option<Value>, Refusal> {
        let (kind, title, parent, life, blocks) = if self.pages.contains_key(id) {
            let page = self.page(id)?;
            ("child_page", title_of(page), &page.parent, &page.life, page.blocks.clone())
        } else if self.databases.contains_key(id) {
            let database = self.database(id)?;
            ("child_database", texts::plain(&database.title), &database.parent, &database.life, Vec::new())
        } else {
            return Ok(None);
        };
        let (id, page, body) = (id.to_owned(), id.to_owned(), json!({"title": title}));
        let (parent, life) = (parent.clone(), life.clone());
        Ok(Some(self.show_block(&Block { id, page, parent, kind: kind.to_owned(), body, life, blocks })))
    }

    pub(super) fn live_children<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a Block> {
        ids.iter().filter_map(|id| self.blocks.get(id)).filter(|it| !it.life.in_trash)
    }

    /// The blocks of a page or a block.
    fn list_of(&self, id: &str) -> Result<&[String], Refusal> {
        match self.blocks.get(id) {
            Some(_) => Ok(&self.block(id)?.blocks),
            None => Ok(&self.page(id).map_err(|_| self.missing("block", id))?.blocks),
        }
    }
}

fn read_blocks(given: &Value, path: &str, max: usize, level: usize, count: &mut usize) -> Result<Vec<Draft>, Refusal> {
    let Value::Array(items) = given else {
        return Err(Refusal::body(path, "an array", given));
    };
    if items.len() > max {
        return Err(too_long(path, max, items.len()));
    }
    *count += items.len();
    let read = |(at, item): (usize, &Value)| {
        let path = format!("{path}[{at}]");
        let kind = KINDS.into_iter().find(|kind| item.get(kind).is_some());
        let kind = kind.ok_or_else(|| Refusal::body(&format!("{path}.paragraph"), "defined", &Value::Null))?;
        let path = format!("{path}.{kind}");
        let children = match item[kind].get("children").or_else(|| item.get("children")) {
            Some(inner) if level + 1 == LEVELS_MAX => {
                return Err(Refusal::body(&format!("{path}.children"), "not present", inner));
            }
            Some(inner) => read_blocks(inner, &format!("{path}.children"), CHILDREN_MAX, level + 1, count)?,
            None => Vec::new(),
        };
        Ok(Draft { kind, body: read_body(kind, &item[kind], &path)?, children })
    };
    items.iter().enumerate().map(read).collect()
}

/// What a block of a kind holds, with everything Notion adds to it.
fn read_body(kind: &str, given: &Value, path: &str) -> Result<Value, Refusal> {
    let url = || given["url"].as_str().ok_or_else(|| Refusal::body(&format!("{path}.url"), "a string", &given["url"]));
    match kind {
        "divider" => return Ok(json!({})),
        "bookmark" => return Ok(json!({"url": url()?, "caption": []})),
        _ => {}
    }
    let text = texts::read(&format!("{path}.rich_text"), &given["rich_text"])?;
    let mut body = json!({"rich_text": texts::show(&text)});
    if kind == "code" {
        body["caption"] = json!([]);
        body["language"] = given["language"].as_str().unwrap_or("plain text").into();
        return Ok(body);
    }
    body["color"] = given["color"].as_str().unwrap_or("default").into();
    match kind {
        "paragraph" | "callout" => body["icon"] = given["icon"].clone(),
        "heading_1" | "heading_2" | "heading_3" => body["is_toggleable"] = (given["is_toggleable"] == true).into(),
        "to_do" => body["checked"] = (given["checked"] == true).into(),
        _ => {}
    }
    Ok(body)
}

/// `GET /v1/blocks/{block_id}`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("block_id")?;
    match workspace.show_child(&id)? {
        Some(child) => Ok(Reply::ok(child)),
        None => Ok(Reply::ok(workspace.show_block(workspace.block(&id)?))),
    }
}

/// `GET /v1/blocks/{block_id}/children`
pub(super) fn children(workspace: &mut Workspace, call: &Call) -> Answer {
    let ids = workspace.list_of(&call.id("block_id")?)?;
    let live: Vec<&Block> = workspace.live_children(ids).collect();
    let Slice { rows, next } = slice(workspace, call.query("page_size"), call.query("start_cursor"), &live)?;
    Ok(Reply::list("block", rows.iter().map(|it| workspace.show_block(it)).collect(), next))
}

/// `PATCH /v1/blocks/{block_id}/children`: appends, or puts after one of them.
pub(super) fn append(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("block_id")?;
    let body = call.object()?;
    workspace.list_of(&id)?;
    let mut drafts = workspace.check_blocks(body.get("children").unwrap_or(&Value::Null), "children", CHILDREN_MAX)?;
    drafts.truncate(call.cut.unwrap_or(CHILDREN_MAX));
    let page = workspace.blocks.get(&id).map_or_else(|| id.clone(), |it| it.page.clone());
    let within = (page != id).then_some(id.as_str());
    let before = workspace.list_of(&id)?.len();
    let ids = workspace.append(&page, within, drafts, Author::Bot);
    if let Some(at) = place(&body, workspace.list_of(&id)?)? {
        let list = match within {
            Some(block) => workspace.blocks.get_mut(block).map(|it| &mut it.blocks),
            None => workspace.pages.get_mut(&page).map(|it| &mut it.blocks),
        };
        if let Some(list) = list {
            list[at..].rotate_right(ids.len());
        }
        debug_assert!(at <= before, "blocks are put among those that were there");
    }
    workspace.changed_content(&page, Author::Bot);
    let shown = ids.iter().filter_map(|id| workspace.blocks.get(id)).map(|it| workspace.show_block(it));
    Ok(Reply::list("block", shown.collect(), None))
}

/// Where new blocks go among the old ones, if not at the end.
fn place(body: &Map<String, Value>, list: &[String]) -> Result<Option<usize>, Refusal> {
    let position = body.get("position").unwrap_or(&Value::Null);
    if position["type"] == "start" {
        return Ok(Some(0));
    }
    let after = body.get("after").or_else(|| position.pointer("/after_block/id"));
    let Some(given) = after else {
        return Ok(None);
    };
    let found = given.as_str().and_then(uuid).and_then(|id| list.iter().position(|it| *it == id));
    found.map(|at| Some(at + 1)).ok_or_else(|| Refusal::body("after", "a block of the same list", given))
}

/// `PATCH /v1/blocks/{block_id}`
pub(super) fn update(workspace: &mut Workspace, call: &Call) -> Answer {
    let mut block = workspace.block(&call.id("block_id")?)?.clone();
    let body = call.object()?;
    let in_trash = read_trash(call, &body)?;
    if let Some(given) = body.get(&block.kind) {
        let mut merged = block.body.clone();
        if let (Value::Object(all), Value::Object(given)) = (&mut merged, given) {
            all.extend(given.clone());
        }
        block.body = read_body(&block.kind, &merged, &block.kind)?;
    }
    block.life.in_trash = in_trash.unwrap_or(block.life.in_trash);
    save(workspace, block)
}

/// `DELETE /v1/blocks/{block_id}`: into the trash.
pub(super) fn delete(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("block_id")?;
    if workspace.show_child(&id)?.is_some() {
        workspace.trash(&id, true, Author::Bot);
        if let Some(database) = workspace.databases.get_mut(&id) {
            database.life.in_trash = true;
        }
        return Ok(Reply::ok(workspace.show_child(&id)?.unwrap_or_default()));
    }
    let mut block = workspace.block(&id)?.clone();
    block.life.in_trash = true;
    save(workspace, block)
}

fn save(workspace: &mut Workspace, mut block: Block) -> Answer {
    block.life.edited_us = workspace.stamp_us();
    let shown = workspace.show_block(&block);
    workspace.changed_content(&block.page.clone(), Author::Bot);
    workspace.blocks.insert(block.id.clone(), block);
    Ok(Reply::ok(shown))
}
