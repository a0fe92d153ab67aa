//! The account behind the routes: databases with their data sources, pages, blocks, comments, and who sees what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Refusal;
use super::cells::{Cell, Draft};
use super::hooks::Hooks;
use super::limits::Windows;
pub(super) use super::model::{Author, Block, Comment, Database, Life, Page, Parent, Source};
use super::oauth::Grants;
use super::schema::{self, Kind, Property};
use super::standard;
use super::texts::{self, Piece};
use super::{Automation, NotionSettings};
use crate::world::Rng;

pub(super) struct Workspace {
    pub(super) settings: NotionSettings,
    pub(super) rng: Rng,
    pub(super) grants: Grants,
    pub(super) windows: Windows,
    pub(super) hooks: Hooks,
    /// The user that the connection acts as.
    pub(super) bot: String,
    /// The people of the account: id, name, e-mail address.
    pub(super) people: Vec<(String, &'static str, &'static str)>,
    pub(super) databases: BTreeMap<String, Database>,
    pub(super) sources: BTreeMap<String, Source>,
    pub(super) pages: BTreeMap<String, Page>,
    pub(super) blocks: BTreeMap<String, Block>,
    pub(super) comments: BTreeMap<String, Comment>,
    pub(super) comments_made: u64,
    pub(super) automation: Option<Automation>,
    /// The page that holds the databases.
    pub(super) root: String,
    /// The data sources that the present caller was shown when it was allowed; none for all of them.
    pub(super) picked: Option<BTreeSet<String>>,
}

impl Workspace {
    pub(super) fn new(settings: NotionSettings) -> Self {
        let mut rng = Rng::new(settings.seed);
        let people = [("Ada Lovelace", "ada@example.com"), ("Grace Hopper", "grace@example.com")];
        let people = people.map(|(name, email)| (rng.uuid(), name, email)).to_vec();
        let (bot, hooks) = (rng.uuid(), Hooks::new(&mut rng));
        let mut workspace = Self {
            settings,
            rng,
            grants: Grants::default(),
            windows: Windows::default(),
            hooks,
            bot,
            people,
            databases: BTreeMap::new(),
            sources: BTreeMap::new(),
            pages: BTreeMap::new(),
            blocks: BTreeMap::new(),
            comments: BTreeMap::new(),
            comments_made: 0,
            automation: None,
            root: String::new(),
            picked: None,
        };
        workspace.root = workspace.new_page(Parent::Workspace, Author::Person);
        standard::fill(&mut workspace);
        workspace
    }

    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)()
    }

    /// Now, by Notion's own clock.
    pub(super) fn stamp_us(&self) -> i64 {
        self.now_us() + self.settings.clock_offset_us
    }

    /// A time as pages carry it: cut to the minute.
    pub(super) fn cut_us(&self, us: i64) -> i64 {
        let step = self.settings.granularity_us.max(1);
        us.div_euclid(step) * step
    }

    pub(super) fn shown_time(&self, us: i64) -> String {
        crate::world::iso(self.cut_us(us))
    }

    pub(super) fn life(&self, by: Author) -> Life {
        let now_us = self.stamp_us();
        Life { created_us: now_us, edited_us: now_us, created_by: by, edited_by: by, in_trash: false }
    }

    pub(super) fn user_id(&self, author: Author) -> &str {
        match author {
            Author::Bot => &self.bot,
            Author::Person => self.people.first().map_or("", |(id, ..)| id),
        }
    }

    pub(super) fn partial_user(&self, author: Author) -> Value {
        json!({"object": "user", "id": self.user_id(author)})
    }

    /// What Notion says of something that is not there or not shared.
    pub(super) fn missing(&self, what: &str, id: &str) -> Refusal {
        let name = &self.settings.integration_name;
        let message = format!(
            "Could not find {what} with ID: {id}. Make sure the relevant pages and databases are shared with your \
             integration \"{name}\"."
        );
        Refusal::new(StatusCode::NOT_FOUND, "object_not_found", message).additional(json!({"integration_id": self.bot}))
    }

    fn is_shared(&self, source: &Source) -> bool {
        // What a connection made, it may see.
        let is_own = source.life.created_by == Author::Bot;
        !source.hidden && (is_own || self.picked.as_ref().is_none_or(|picked| picked.contains(&source.id)))
    }

    pub(super) fn is_in_sight(&self, page: &Page) -> bool {
        let is_shared = match &page.parent {
            Parent::Source(id) => self.sources.get(id).is_some_and(|source| self.is_shared(source)),
            _ => true,
        };
        is_shared && !page.hidden && page.readable_from_us <= self.now_us()
    }

    /// A page that the caller may see.
    pub(super) fn page(&self, id: &str) -> Result<&Page, Refusal> {
        self.pages.get(id).filter(|page| self.is_in_sight(page)).ok_or_else(|| self.missing("page", id))
    }

    /// A data source that the caller may see.
    pub(super) fn source(&self, id: &str) -> Result<&Source, Refusal> {
        let found = self.sources.get(id).filter(|it| self.is_shared(it));
        found.ok_or_else(|| self.missing("data_source", id))
    }

    /// A database of which the caller may see a data source.
    pub(super) fn database(&self, id: &str) -> Result<&Database, Refusal> {
        let is_shared = |it: &&Database| it.sources.iter().any(|source| self.source(source).is_ok());
        self.databases.get(id).filter(is_shared).ok_or_else(|| self.missing("database", id))
    }

    /// The data source with this title or id, whoever asks.
    pub(super) fn source_named(&self, name: &str) -> Result<&Source, Refusal> {
        let is_it = |it: &&Source| it.id == name || texts::plain(&it.title).eq_ignore_ascii_case(name);
        let found = self.sources.values().filter(|it| !it.life.in_trash).find(is_it);
        found.ok_or_else(|| Refusal::validation(format!("There is no data source \"{name}\"")))
    }

    pub(super) fn new_page(&mut self, parent: Parent, by: Author) -> String {
        let id = self.rng.uuid();
        let mut number = 0;
        if let Parent::Source(source) = &parent
            && let Some(source) = self.sources.get_mut(source)
        {
            source.last_number += 1;
            number = source.last_number;
            source.rows.push(id.clone());
        }
        let page = Page {
            id: id.clone(),
            parent,
            cells: BTreeMap::new(),
            icon: Value::Null,
            cover: Value::Null,
            is_locked: false,
            number,
            life: self.life(by),
            hidden: false,
            readable_from_us: 0,
            blocks: Vec::new(),
        };
        self.pages.insert(id.clone(), page);
        id
    }

    /// A database with one data source of the same title. Answers the data source's id.
    pub(super) fn new_database(&mut self, title: Vec<Piece>, parent: Parent, by: Author) -> String {
        let id = self.rng.uuid();
        let database = Database {
            id: id.clone(),
            title: title.clone(),
            icon: Value::Null,
            parent,
            sources: Vec::new(),
            life: self.life(by),
        };
        self.databases.insert(id.clone(), database);
        self.new_source(&id, title, by)
    }

    pub(super) fn new_source(&mut self, database: &str, title: Vec<Piece>, by: Author) -> String {
        let id = self.rng.uuid();
        let source = Source {
            id: id.clone(),
            database: database.to_owned(),
            title,
            icon: Value::Null,
            properties: Vec::new(),
            rows: Vec::new(),
            life: self.life(by),
            hidden: false,
            last_number: 0,
        };
        self.sources.insert(id.clone(), source);
        if let Some(database) = self.databases.get_mut(database) {
            database.sources.push(id.clone());
        }
        id
    }

    /// The properties of a page: those of its data source, or a title alone.
    pub(super) fn properties_of(&self, parent: &Parent) -> Vec<Property> {
        match parent {
            Parent::Source(id) => self.sources.get(id).map(|it| it.properties.clone()).unwrap_or_default(),
            _ => {
                let (id, name) = ("title".into(), "title".to_owned());
                vec![Property { id, name, description: None, kind: Kind::Title }]
            }
        }
    }

    /// Checks values as a request writes them, by property name or id.
    pub(super) fn check(&mut self, parent: &Parent, given: &Value) -> Result<Draft, Refusal> {
        let properties = self.properties_of(parent);
        let mut draft = Draft::default();
        let Value::Object(given) = given else {
            return Err(Refusal::body("properties", "an object", given));
        };
        for (key, value) in given {
            let Some(property) = schema::named(&properties, key) else {
                return Err(Refusal::validation(format!("{key} is not a property that exists.")));
            };
            draft.add(&mut self.rng, property, key, value)?;
            if let Some((_, Some(Cell::Ids(ids)))) = draft.cells.last() {
                self.check_ids(property, ids)?;
            }
        }
        Ok(draft)
    }

    /// Pages of a relation must be in its data source, people in the account.
    fn check_ids(&self, property: &Property, ids: &[String]) -> Result<(), Refusal> {
        for id in ids {
            match &property.kind {
                Kind::Relation(source) => {
                    if self.page(id)?.parent != Parent::Source(source.clone()) {
                        let message = format!("{id} is not a page of the data source that {} leads to.", property.name);
                        return Err(Refusal::validation(message));
                    }
                }
                _ if *id == self.bot || self.people.iter().any(|(person, ..)| person == id) => {}
                _ => return Err(self.missing("user", id)),
            }
        }
        Ok(())
    }

    /// Does a checked write. Answers the ids of the properties that hold something else now.
    pub(super) fn put(&mut self, id: &str, draft: Draft, by: Author) -> Vec<Arc<str>> {
        let now_us = self.stamp_us();
        let Some(page) = self.pages.get_mut(id) else {
            return Vec::new();
        };
        if let Parent::Source(source) = &page.parent
            && let Some(source) = self.sources.get_mut(source)
        {
            for (property, choice) in draft.options {
                let found = source.properties.iter_mut().find(|it| it.id == property);
                if let Some(choices) = found.and_then(|it| it.kind.choices_mut()) {
                    choices.push(choice);
                }
            }
        }
        let mut changed = Vec::new();
        for (property, cell) in draft.cells {
            if page.cells.get(&property) == cell.as_ref() {
                continue;
            }
            match cell {
                Some(cell) => drop(page.cells.insert(Arc::clone(&property), cell)),
                None => drop(page.cells.remove(&property)),
            }
            changed.push(property);
        }
        page.life.edited_us = now_us;
        page.life.edited_by = by;
        changed
    }

    /// Does a checked write, tells of it and lets the automation look at it.
    pub(super) fn commit(&mut self, id: &str, draft: Draft, by: Author, event: &str) {
        let changed = self.put(id, draft, by);
        self.announce_page(id, event, &changed, by);
        let Some((automation, page)) = self.automation.clone().zip(self.pages.get(id)) else {
            return;
        };
        let parent = page.parent.clone();
        let Some(values) = automation(&self.record(page)) else {
            return;
        };
        // What an automation gets wrong does nothing, as at Notion.
        let values: Vec<(String, String)> = values.into_iter().collect();
        if let Ok(draft) = self.check_typed(&parent, &values) {
            let changed = self.put(id, draft, Author::Person);
            self.announce_page(id, "page.properties_updated", &changed, Author::Person);
        }
    }

    /// Puts a page into the trash or takes it out. Answers whether that changed anything.
    pub(super) fn trash(&mut self, id: &str, in_trash: bool, by: Author) -> bool {
        let now_us = self.stamp_us();
        match self.pages.get_mut(id) {
            Some(page) if page.life.in_trash != in_trash => {
                page.life = Life { in_trash, edited_us: now_us, edited_by: by, ..page.life.clone() };
                self.announce_page(id, if in_trash { "page.deleted" } else { "page.undeleted" }, &[], by);
                true
            }
            _ => false,
        }
    }

    /// Stamps a page whose content changed.
    pub(super) fn touch(&mut self, id: &str, by: Author) {
        let now_us = self.stamp_us();
        if let Some(page) = self.pages.get_mut(id) {
            (page.life.edited_us, page.life.edited_by) = (now_us, by);
        }
    }
}

/// A time as databases show it: with its milliseconds and an offset.
pub(super) fn offset_time(us: i64) -> String {
    Timestamp::from_microsecond(us).map_or_else(|_| String::new(), |at| format!("{at:.3}").replace('Z', "+00:00"))
}
