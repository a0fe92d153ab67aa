//! Pages as Markdown: the few marks that a message needs. Source: Notion's page "Retrieve a page as markdown" and
//! recorded answers.

use http::StatusCode;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::blocks::Draft;
use super::texts;
use super::workspace::{Author, Block, Workspace};

/// Kinds of blocks with the mark that their line begins with.
const MARKS: [(&str, &str); 8] = [
    ("### ", "heading_3"),
    ("## ", "heading_2"),
    ("# ", "heading_1"),
    ("- [ ] ", "to_do"),
    ("- ", "bulleted_list_item"),
    ("1. ", "numbered_list_item"),
    ("> ", "quote"),
    ("", "paragraph"),
];

/// How long an asynchronous task takes, in seconds.
const TASK_SECONDS: u64 = 2;

fn line_of(block: &Block) -> String {
    let mark = MARKS.iter().find(|(_, kind)| *kind == block.kind).map_or("", |(mark, _)| mark);
    let pieces = texts::read("rich_text", &block.body["rich_text"]).unwrap_or_default();
    format!("{mark}{}", texts::plain(&pieces))
}

/// Reads Markdown, one block a line; empty lines are none.
pub(super) fn read(markdown: &str) -> Vec<Draft> {
    let block =
        |line: &str| MARKS.iter().find_map(|(mark, kind)| line.strip_prefix(mark).map(|text| Draft::text(kind, text)));
    markdown.lines().map(str::trim_end).filter(|line| !line.is_empty()).filter_map(block).collect()
}

impl Workspace {
    fn show_markdown(&self, id: &str) -> Answer {
        let page = self.page(id)?;
        let lines: Vec<String> = self.live_children(&page.blocks).map(line_of).collect();
        Ok(Reply::ok(json!({
            "object": "page_markdown",
            "id": id,
            "markdown": lines.join("\n"),
            "truncated": false,
            "unknown_block_ids": [],
        })))
    }
}

/// `GET /v1/pages/{page_id}/markdown`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    workspace.show_markdown(&call.id("page_id")?)
}

/// `PATCH /v1/pages/{page_id}/markdown`: adds at the end, or puts something else on the page.
pub(super) fn update(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("page_id")?;
    let body = call.object()?;
    workspace.page(&id)?;
    let text = |pointer: &str| {
        let given = body.get(pointer.split('/').next().unwrap_or_default()).unwrap_or(&Value::Null);
        let given = &given[pointer.split('/').next_back().unwrap_or_default()];
        given.as_str().ok_or_else(|| Refusal::body(&pointer.replace('/', "."), "a string", given))
    };
    let drafts = match body.get("type").and_then(Value::as_str) {
        Some("insert_content") => read(text("insert_content/content")?),
        Some("replace_content") => {
            let drafts = read(text("replace_content/new_str")?);
            workspace.erase_blocks(&id, Author::Bot);
            drafts
        }
        _ => {
            return Err(Refusal::body(
                "type",
                "a kind of change that is known here",
                body.get("type").unwrap_or(&Value::Null),
            ));
        }
    };
    workspace.append(&id, None, drafts, Author::Bot);
    workspace.changed_content(&id, Author::Bot);
    if body.get("allow_async") != Some(&Value::Bool(true)) {
        return workspace.show_markdown(&id);
    }
    let task = format!("task_{}", workspace.rng.uuid().replace('-', ""));
    let task = json!({
        "object": "async_task",
        "id": task,
        "status": "queued",
        "status_url": format!("{}/v1/async_tasks/{task}", call.origin),
        "created_time": crate::world::iso(workspace.stamp_us()),
        "poll_after_seconds": TASK_SECONDS,
        "operation": {"surface": "rest", "name": "PATCH /v1/pages/:page_id/markdown"},
    });
    Ok(Reply { status: StatusCode::ACCEPTED, ..Reply::ok(task) })
}

/// `GET /v1/async_tasks/{task_id}`: whatever was asked for has been done.
pub(super) fn task(_workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.params.get("task_id").map_or("", String::as_str);
    Ok(Reply::ok(json!({"object": "async_task", "id": id, "status": "succeeded"})))
}
