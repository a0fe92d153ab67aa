//! A Notion that anybody can point a Notion client at: data sources with their pages, queries, comments, blocks, OAuth
//! and webhooks, with the limits and quirks an integration meets there.
//!
//! Contacts are the pages of the data source "Contacts"; companies, deals and messages have data sources beside it.

mod admin;
mod answer;
mod blocks;
mod cells;
mod comments;
mod dates;
mod filter;
mod gate;
mod hooks;
mod limits;
mod markdown;
mod model;
mod oauth;
mod pages;
mod query;
mod routes;
mod schema;
mod settings;
mod show;
mod sources;
mod standard;
mod texts;
mod users;
mod workspace;

use std::sync::Arc;

use axum::Router;
use serde_json::{Map, Value};

pub use hooks::{Hook, deliver_hooks};
pub use limits::Limits;
pub use oauth::Tokens;
pub use settings::NotionSettings;

pub use crate::record::{Automation, Record, Seeded};

use crate::calls::Calls;
use crate::desk::rows_of_csv;
use crate::faults::Faults;
use crate::front::Shared;
use crate::vendor::Words;
use answer::Refusal;
use standard::CONTACTS;
use workspace::{Author, Page, Parent, Workspace};

/// The words of its contacts.
pub const WORDS: Words =
    Words { first: "Name", last: "Name", email: "Email", phone: "Phone", token: "secret_internal", admin: None };

/// One Notion workspace with one connection. Clones share it.
///
/// Besides [`router`](Self::router), which is all an app sees, it is the hand of everyone else: people editing in
/// Notion's pages, admins, and the vendor. What they may not do is answered with Notion's words.
#[derive(Clone, Debug)]
pub struct Notion(Arc<Shared<Workspace>>);

impl Notion {
    /// A workspace with its databases and no pages in them.
    #[must_use]
    pub fn new(settings: NotionSettings) -> Self {
        let wait = settings.wait.clone();
        Self(Shared::new(Workspace::new(settings), wait))
    }

    /// Notion's API and the sandbox's own `/__…` routes. It needs no runtime to be polled.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    /// The fault switch. A status with the policy `committed` is answered although the work was done, and names what
    /// was made; a 429 may name its `rate_limit_reason` as policy;
    /// the policy `html` answers any status with a page instead of JSON.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.front.faults
    }

    /// Calls since the start or the last reset.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.0.front.calls()
    }

    /// Sets all counters to 0.
    pub fn reset_calls(&self) {
        self.0.front.reset_calls();
    }

    fn with<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        self.0.with(work)
    }

    /// As [`with`](Self::with), as a person who sees everything.
    fn as_person<T>(&self, work: impl FnOnce(&mut Workspace) -> Result<T, Refusal>) -> Result<T, String> {
        self.with(|workspace| {
            workspace.picked = None;
            work(workspace).map_err(|refusal| refusal.to_string())
        })
    }

    /// A person makes a contact; an empty value is no value. Values are plain text by property name, entries of one
    /// property joined by commas. Answers its id.
    ///
    /// # Errors
    /// What Notion would refuse: unknown properties, wrong values.
    pub fn create(&self, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_of(CONTACTS, properties)
    }

    /// A person makes a page of a data source, named by its title or id.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such data source.
    pub fn create_of(&self, object: &str, properties: &[(&str, &str)]) -> Result<String, String> {
        self.create_owned(object, &owned(properties))
    }

    fn create_owned(&self, object: &str, properties: &[(String, String)]) -> Result<String, String> {
        self.as_person(|workspace| {
            let parent = Parent::Source(workspace.source_named(object)?.id.clone());
            let draft = workspace.check_typed(&parent, properties)?;
            let id = workspace.new_page(parent, Author::Person);
            workspace.commit(&id, draft, Author::Person, "page.created");
            Ok(id)
        })
    }

    /// A person edits a page; an empty value clears.
    ///
    /// # Errors
    /// As [`create`](Self::create), and if there is no such page or it lies in the trash.
    pub fn edit(&self, id: &str, properties: &[(&str, &str)]) -> Result<(), String> {
        self.edit_owned(id, &owned(properties))
    }

    fn edit_owned(&self, id: &str, properties: &[(String, String)]) -> Result<(), String> {
        self.as_person(|workspace| {
            let parent = person_page(workspace, id, false)?.parent.clone();
            let draft = workspace.check_typed(&parent, properties)?;
            workspace.commit(id, draft, Author::Person, "page.properties_updated");
            Ok(())
        })
    }

    /// A person puts a page into the trash.
    ///
    /// # Errors
    /// If there is no such page outside of it.
    pub fn archive(&self, id: &str) -> Result<(), String> {
        self.as_person(|workspace| {
            person_page(workspace, id, false)?;
            workspace.trash(id, true, Author::Person);
            Ok(())
        })
    }

    /// A person takes a page out of the trash.
    ///
    /// # Errors
    /// If it does not lie there.
    pub fn restore(&self, id: &str) -> Result<(), String> {
        self.as_person(|workspace| {
            person_page(workspace, id, true)?;
            workspace.trash(id, false, Author::Person);
            Ok(())
        })
    }

    /// A page is deleted for good: nothing leads to it any more.
    ///
    /// # Errors
    /// If there is no such page.
    pub fn erase(&self, id: &str) -> Result<(), String> {
        self.as_person(|workspace| {
            let page = workspace.pages.remove(id).ok_or_else(|| workspace.missing("page", id))?;
            if let Parent::Source(source) = page.parent
                && let Some(source) = workspace.sources.get_mut(&source)
            {
                source.rows.retain(|row| row != id);
            }
            Ok(())
        })
    }

    /// A person no longer shares a page or a data source with the connection: it answers 404.
    ///
    /// # Errors
    /// If there is no such thing.
    pub fn hide(&self, id: &str) -> Result<(), String> {
        self.set_hidden(id, true)
    }

    /// A person shares a hidden page or data source again.
    ///
    /// # Errors
    /// If there is no such thing.
    pub fn unhide(&self, id: &str) -> Result<(), String> {
        self.set_hidden(id, false)
    }

    fn set_hidden(&self, id: &str, hidden: bool) -> Result<(), String> {
        self.as_person(|workspace| {
            let page = workspace.pages.get_mut(id).map(|it| &mut it.hidden);
            let found = page.or_else(|| workspace.sources.get_mut(id).map(|it| &mut it.hidden));
            match found {
                Some(flag) => *flag = hidden,
                None => return Err(workspace.missing("page", id)),
            }
            Ok(())
        })
    }

    /// Makes a page unreadable for the next `us` microseconds, though it was announced.
    ///
    /// # Errors
    /// If there is no such page.
    pub fn readable_after(&self, id: &str, us: i64) -> Result<(), String> {
        self.as_person(|workspace| {
            let from_us = workspace.now_us() + us;
            match workspace.pages.get_mut(id) {
                Some(page) => page.readable_from_us = from_us,
                None => return Err(workspace.missing("page", id)),
            }
            Ok(())
        })
    }

    /// A person removes a property of contacts, with its values.
    ///
    /// # Errors
    /// If there is no such property, or it is the title.
    pub fn drop_property(&self, name: &str) -> Result<(), String> {
        self.drop_property_of(CONTACTS, name)
    }

    /// A person removes a property of a data source, named by its title or id.
    ///
    /// # Errors
    /// As [`drop_property`](Self::drop_property), and if there is no such data source.
    pub fn drop_property_of(&self, object: &str, name: &str) -> Result<(), String> {
        self.as_person(|workspace| {
            let id = workspace.source_named(object)?.id.clone();
            workspace.drop_property(&id, name)
        })
    }

    /// A person renames a property of contacts; its id stays.
    ///
    /// # Errors
    /// If there is no such property, or the name is taken.
    pub fn rename_property(&self, name: &str, new: &str) -> Result<(), String> {
        self.as_person(|workspace| {
            let id = workspace.source_named(CONTACTS)?.id.clone();
            workspace.rename_property(&id, name, new)
        })
    }

    /// Fills the workspace with contacts that were there before: announced to nobody. Values as in
    /// [`create`](Self::create).
    pub fn seed(&self, rows: Vec<Map<String, Value>>) -> Seeded {
        self.seed_of(CONTACTS, rows).unwrap_or_default()
    }

    /// As [`seed`](Self::seed), with pages of a data source, named by its title or id.
    ///
    /// # Errors
    /// If there is no such data source.
    pub fn seed_of(&self, object: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, String> {
        self.as_person(|workspace| {
            let parent = Parent::Source(workspace.source_named(object)?.id.clone());
            let mut seeded = Seeded::default();
            for (at, row) in rows.into_iter().enumerate() {
                match workspace.check_typed(&parent, &texts_of(row)) {
                    Ok(draft) => {
                        let id = workspace.new_page(parent.clone(), Author::Person);
                        workspace.put(&id, draft, Author::Person);
                        seeded.created += 1;
                    }
                    Err(refusal) => seeded.refused.push((at + 1, refusal.to_string())),
                }
            }
            Ok(seeded)
        })
    }

    /// As [`seed`](Self::seed), from CSV whose headers are property names.
    ///
    /// # Errors
    /// The first line that is no CSV.
    pub fn seed_csv(&self, text: &[u8]) -> Result<Seeded, String> {
        rows_of_csv(text).map(|rows| self.seed(rows))
    }

    /// Every contact, in the order they were made: those in the trash too.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records_of(CONTACTS).unwrap_or_default()
    }

    /// As [`records`](Self::records), of a data source, named by its title or id.
    ///
    /// # Errors
    /// If there is no such data source.
    pub fn records_of(&self, object: &str) -> Result<Vec<Record>, String> {
        self.as_person(|workspace| {
            let rows = &workspace.source_named(object)?.rows;
            Ok(rows.iter().filter_map(|id| workspace.pages.get(id)).map(|page| workspace.record(page)).collect())
        })
    }

    /// One page as [`records`](Self::records) has it.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Record> {
        self.with(|workspace| workspace.pages.get(id).map(|page| workspace.record(page)))
    }

    /// Id of a data source, named by its title.
    ///
    /// # Errors
    /// If there is no such data source.
    pub fn data_source_id(&self, object: &str) -> Result<String, String> {
        self.as_person(|workspace| Ok(workspace.source_named(object)?.id.clone()))
    }

    /// The comments on a page as plain text, oldest first.
    #[must_use]
    pub fn comments_on(&self, id: &str) -> Vec<String> {
        self.with(|workspace| {
            let mut found: Vec<_> = workspace.comments.values().filter(|it| it.page == id).collect();
            found.sort_by_key(|it| it.number);
            found.into_iter().map(|it| texts::plain(&it.text)).collect()
        })
    }

    /// A person enters an address for webhooks. The handshake comes first; events follow once
    /// [`verify_hooks`](Self::verify_hooks) was told its token.
    pub fn subscribe(&self, url: &str) {
        self.with(|workspace| workspace.subscribe(url));
    }

    /// A person enters the token that the handshake told. Answers whether it was the right one.
    pub fn verify_hooks(&self, token: &str) -> bool {
        self.with(|workspace| workspace.verify_hooks(token))
    }

    /// Takes the webhook deliveries that are due, signed now. They are forgotten here: a test delivers them, or loses,
    /// doubles or reorders them.
    #[must_use]
    pub fn take_hooks(&self) -> Vec<Hook> {
        self.with(Workspace::take_hooks)
    }

    /// Gives a delivery back that the app did not answer with 2xx; it is due again later, eight times in all.
    pub fn return_hook(&self, hook: Hook) {
        self.with(|workspace| workspace.return_hook(hook));
    }

    /// A person allows the connection to see everything, without a browser. Answers what the token call would.
    #[must_use]
    pub fn grant(&self) -> Tokens {
        self.with(Workspace::grant)
    }

    /// The workspace takes every grant back; static tokens stop working too.
    pub fn revoke(&self) {
        self.with(|workspace| workspace.grants.revoke());
    }

    /// Static tokens work again after [`revoke`](Self::revoke).
    pub fn reinstate(&self) {
        self.with(|workspace| workspace.grants.reinstate());
    }

    /// Every access token expires now; refresh tokens live on.
    pub fn expire_tokens(&self) {
        self.with(|workspace| {
            let now_us = workspace.now_us();
            workspace.grants.expire(now_us);
        });
    }

    /// Whoever consents from now on belongs to another account.
    pub fn set_workspace_id(&self, id: &str) {
        self.with(|workspace| id.clone_into(&mut workspace.settings.workspace_id));
    }

    /// Sets, or with none removes, what rewrites every page just after a write.
    pub fn set_automation(&self, automation: Option<Automation>) {
        self.with(|workspace| workspace.automation = automation);
    }

    /// Sets how far Notion's own clock is ahead of ours, in microseconds; it may step back.
    pub fn set_clock_offset(&self, us: i64) {
        self.with(|workspace| workspace.settings.clock_offset_us = us);
    }
}

fn owned(properties: &[(&str, &str)]) -> Vec<(String, String)> {
    properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The members of a row as plain texts.
fn texts_of(row: Map<String, Value>) -> Vec<(String, String)> {
    let text = |value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Array(items) => items
            .iter()
            .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    };
    row.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// A page that stands as wanted, whether or not the connection may see it.
fn person_page<'a>(workspace: &'a Workspace, id: &str, in_trash: bool) -> Result<&'a Page, Refusal> {
    let found = workspace.pages.get(id).filter(|page| page.life.in_trash == in_trash);
    found.ok_or_else(|| workspace.missing("page", id))
}
