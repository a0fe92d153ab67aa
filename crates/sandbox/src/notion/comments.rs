//! Comments on pages and blocks: one flat thread per discussion. Source: Notion's page "Comment" and recorded answers.

use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply, uuid};
use super::query::{Slice, slice};
use super::texts;
use super::workspace::{Author, Comment, Parent, Workspace};

impl Workspace {
    fn check_capability(&self) -> Result<(), Refusal> {
        if self.settings.can_comment { Ok(()) } else { Err(Refusal::ordered(403)) }
    }

    fn comment(&self, id: &str) -> Result<&Comment, Refusal> {
        self.check_capability()?;
        let found = self.comments.get(id).filter(|it| self.page(&it.page).is_ok());
        found.ok_or_else(|| self.missing("comment", id))
    }

    fn show_comment(&self, comment: &Comment) -> Value {
        let life = &comment.life;
        json!({
            "object": "comment",
            "id": comment.id,
            "parent": self.show_parent(&comment.parent),
            "discussion_id": comment.discussion,
            "created_time": self.shown_time(life.created_us),
            "last_edited_time": self.shown_time(life.edited_us),
            "created_by": self.partial_user(life.created_by),
            "rich_text": texts::show(&comment.text),
            "display_name": {"type": "integration", "resolved_name": self.settings.integration_name},
        })
    }

    /// Where a new comment goes: the page it is on, what it hangs on, and its thread.
    fn place_of_comment(&mut self, body: &serde_json::Map<String, Value>) -> Result<(String, Parent, String), Refusal> {
        if let Some(given) = body.get("discussion_id") {
            let id = given.as_str().and_then(uuid);
            let first = self.comments.values().find(|it| Some(&it.discussion) == id.as_ref());
            let first = first.ok_or_else(|| self.missing("discussion", given.as_str().unwrap_or_default()))?;
            return Ok((first.page.clone(), first.parent.clone(), first.discussion.clone()));
        }
        let parent = body.get("parent").unwrap_or(&Value::Null);
        let given = ["page_id", "block_id"].into_iter().find_map(|name| parent.get(name));
        let given = given.ok_or_else(|| Refusal::body("parent.page_id", "defined", &Value::Null))?;
        let id = given.as_str().and_then(uuid);
        let id = id.ok_or_else(|| Refusal::body("parent.page_id", "a valid uuid", given))?;
        let (page, parent) = match self.blocks.get(&id) {
            Some(block) => (block.page.clone(), Parent::Block(id)),
            None => (id.clone(), Parent::Page(id)),
        };
        self.page(&page)?;
        Ok((page, parent, self.rng.uuid()))
    }

    fn read_comment(&self, body: &serde_json::Map<String, Value>) -> Result<Vec<texts::Piece>, Refusal> {
        match (body.get("rich_text"), body.get("markdown").and_then(Value::as_str)) {
            (Some(rich_text), _) => texts::read("rich_text", rich_text),
            (None, Some(markdown)) => Ok(texts::of_plain(markdown)),
            (None, None) => Err(Refusal::body("rich_text", "defined", &Value::Null)),
        }
    }

    fn announce_comment(&mut self, comment: &Comment, event: &str) {
        let (id, kind) = match &comment.parent {
            Parent::Block(id) => (id.clone(), "block"),
            _ => (comment.page.clone(), "page"),
        };
        let data = json!({"parent": {"id": id, "type": kind}, "page_id": comment.page});
        self.announce(&comment.id, "comment", event, data, Author::Bot);
    }
}

/// `POST /v1/comments`
pub(super) fn create(workspace: &mut Workspace, call: &Call) -> Answer {
    workspace.check_capability()?;
    let body = call.object()?;
    let text = workspace.read_comment(&body)?;
    let (page, parent, discussion) = workspace.place_of_comment(&body)?;
    let (id, life) = (workspace.rng.uuid(), workspace.life(Author::Bot));
    workspace.comments_made += 1;
    let number = workspace.comments_made;
    let comment = Comment { id: id.clone(), page, parent, discussion, text, life, number };
    workspace.announce_comment(&comment, "comment.created");
    let shown = workspace.show_comment(&comment);
    workspace.comments.insert(id, comment);
    Ok(Reply::ok(shown))
}

/// `GET /v1/comments?block_id=…`: the oldest first.
pub(super) fn list(workspace: &mut Workspace, call: &Call) -> Answer {
    workspace.check_capability()?;
    let given = call.query("block_id").unwrap_or_default();
    let id = uuid(given).ok_or_else(|| Refusal::wrong("query", "block_id", "a valid uuid", &Value::from(given)))?;
    let page = workspace.blocks.get(&id).map_or(&id, |block| &block.page);
    workspace.page(page)?;
    let hangs = |it: &&Comment| matches!(&it.parent, Parent::Page(on) | Parent::Block(on) if *on == id);
    let mut all: Vec<&Comment> = workspace.comments.values().filter(hangs).collect();
    all.sort_by_key(|it| it.number);
    let Slice { rows, next } = slice(workspace, call.query("page_size"), call.query("start_cursor"), &all)?;
    Ok(Reply::list("comment", rows.iter().map(|it| workspace.show_comment(it)).collect(), next))
}

/// `GET /v1/comments/{comment_id}`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    let comment = workspace.comment(&call.id("comment_id")?)?;
    Ok(Reply::ok(workspace.show_comment(comment)))
}

/// `PATCH /v1/comments/{comment_id}`
pub(super) fn update(workspace: &mut Workspace, call: &Call) -> Answer {
    let mut comment = workspace.comment(&call.id("comment_id")?)?.clone();
    comment.text = workspace.read_comment(&call.object()?)?;
    comment.life.edited_us = workspace.stamp_us();
    workspace.announce_comment(&comment, "comment.updated");
    let shown = workspace.show_comment(&comment);
    workspace.comments.insert(comment.id.clone(), comment);
    Ok(Reply::ok(shown))
}

/// `DELETE /v1/comments/{comment_id}`
pub(super) fn delete(workspace: &mut Workspace, call: &Call) -> Answer {
    let comment = workspace.comment(&call.id("comment_id")?)?.clone();
    workspace.announce_comment(&comment, "comment.deleted");
    workspace.comments.remove(&comment.id);
    Ok(Reply::ok(workspace.show_comment(&comment)))
}
