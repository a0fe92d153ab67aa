//! People, the connection's own user, and the search by title. Source: Notion's pages "User" and "Search by title".

use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::query::{Slice, slice, slice_for};
use super::show::title_of;
use super::texts;
use super::workspace::Workspace;

impl Workspace {
    /// A user with everything Notion tells of one.
    pub(super) fn show_user(&self, id: &str) -> Option<Value> {
        if id == self.bot {
            return Some(self.show_bot());
        }
        let (id, name, email) = self.people.iter().find(|(person, ..)| person == id)?;
        Some(json!({
            "object": "user",
            "id": id,
            "name": name,
            "avatar_url": null,
            "type": "person",
            "person": {"email": email, "email_verified": true},
        }))
    }

    fn show_bot(&self) -> Value {
        json!({
            "object": "user",
            "id": self.bot,
            "name": self.settings.integration_name,
            "avatar_url": null,
            "type": "bot",
            "bot": {
                "owner": {"type": "workspace", "workspace": true},
                "workspace_name": self.settings.workspace_name,
                "workspace_id": self.settings.workspace_id,
                "workspace_limits": {"max_file_upload_size_in_bytes": 5_242_880},
            },
        })
    }
}

/// `GET /v1/users`
pub(super) fn list(workspace: &mut Workspace, call: &Call) -> Answer {
    let people = workspace.people.iter().filter_map(|(id, ..)| workspace.show_user(id));
    let all: Vec<Value> = people.chain([workspace.show_bot()]).collect();
    let Slice { rows, next } = slice(workspace, call.query("page_size"), call.query("start_cursor"), &all)?;
    Ok(Reply::list("user", rows, next))
}

/// `GET /v1/users/me`
pub(super) fn me(workspace: &mut Workspace, _call: &Call) -> Answer {
    Ok(Reply::ok(workspace.show_bot()))
}

/// `GET /v1/users/{user_id}`
pub(super) fn get(workspace: &mut Workspace, call: &Call) -> Answer {
    let id = call.id("user_id")?;
    workspace.show_user(&id).map(Reply::ok).ok_or_else(|| workspace.missing("user", &id))
}

/// One thing that a search may find: when it was changed, and where it is.
#[derive(Clone)]
enum Found {
    Page(String),
    Source(String),
}

/// `POST /v1/search`: by title alone, the last changed first, and late to learn of what is new.
pub(super) fn search(workspace: &mut Workspace, call: &Call) -> Answer {
    let body = call.object()?;
    let filter = body.get("filter").unwrap_or(&Value::Null);
    let kind = filter["value"].as_str();
    if !matches!(kind, None | Some("page" | "data_source")) {
        let should = "`\"page\"` or `\"data_source\"`";
        return Err(Refusal::body("filter.value", should, &filter["value"]));
    }
    let words = body.get("query").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let in_trash = filter["in_trash"] == true;
    let lag_us = if workspace.settings.quirks { workspace.settings.index_lag_us } else { 0 };
    let known_us = workspace.stamp_us() - lag_us;
    let is_it = |title: &str| words.is_empty() || title.to_lowercase().contains(&words);
    let mut found: Vec<(i64, Found)> = Vec::new();
    if kind != Some("data_source") {
        let pages = workspace.pages.values().filter(|it| it.life.created_us <= known_us || it.id == workspace.root);
        let pages =
            pages.filter(|it| it.life.in_trash == in_trash && workspace.is_in_sight(it) && is_it(&title_of(it)));
        found.extend(pages.map(|it| (it.life.edited_us, Found::Page(it.id.clone()))));
    }
    if kind != Some("page") {
        // The databases of a fresh account have been there for long.
        let is_old = |it: &&super::workspace::Source| {
            it.life.created_us <= known_us || it.life.created_by == super::workspace::Author::Person
        };
        let sources = workspace.sources.values().filter(is_old).filter(|it| workspace.source(&it.id).is_ok());
        let sources = sources.filter(|it| it.life.in_trash == in_trash && is_it(&texts::plain(&it.title)));
        found.extend(sources.map(|it| (it.life.edited_us, Found::Source(it.id.clone()))));
    }
    let is_ascending = body.get("sort").is_some_and(|it| it["direction"] == "ascending");
    found.sort_by_key(|(edited_us, _)| if is_ascending { *edited_us } else { -*edited_us });
    let Slice { rows, next } = slice_for(workspace, &body, &found)?;
    let shown = |(_, found): &(i64, Found)| match found {
        Found::Page(id) => workspace.page(id).ok().map(|it| workspace.show_page(it, &[])),
        Found::Source(id) => workspace.source(id).ok().map(|it| workspace.show_source(it)),
    };
    let results = rows.iter().filter_map(shown).collect();
    Ok(Reply::list("page_or_data_source", results, next))
}
