//! Data sources: found, described, and given a property for our id (Notion's pages "Search by title", "Retrieve a data
//! source" and "Update a data source").
//!
//! What a data source looks like is needed for nearly every call and changes seldom, so it is kept in the connection's
//! memory for a while, and asked for anew as soon as something does not fit it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::naming::{self, Column};
use super::values::is_read_only;
use super::wire::{List, ask, is_id, plain_text, source_path};
use crate::connector::{Description, PropertySpec};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// What people call the data source whose pages are the contacts.
const CONTACTS: &str = "Contacts";
/// What the id of the data source that a scan reads is remembered as.
const PINNED: &str = "contacts' data source";
/// How long a data source is remembered.
const AGE_MAX: Duration = Duration::from_secs(600);
/// Pages of data sources that are read.
const SEARCH_PAGES_MAX: usize = 10;

/// Which data source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'a> {
    /// The one whose pages are the contacts.
    Contacts,
    /// The one with this id.
    Id(&'a str),
}

/// A data source with its properties.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Source {
    pub id: String,
    #[serde(default)]
    title: Json,
    #[serde(default)]
    in_trash: bool,
    /// By the name for people.
    #[serde(default)]
    pub properties: BTreeMap<String, Json>,
}

impl Source {
    /// What people call it.
    pub(super) fn title(&self) -> String {
        plain_text(&self.title)
    }

    fn is_named(&self) -> bool {
        self.title().trim().eq_ignore_ascii_case(CONTACTS)
    }

    /// Its properties without their settings.
    pub(super) fn columns(&self) -> Vec<Column> {
        self.properties.iter().filter_map(|(label, property)| Column::of(label, property)).collect()
    }

    /// The settings of a property.
    pub(super) fn settings(&self, column: &Column) -> &Json {
        self.properties.get(&column.label).map_or(&Json::Null, |property| &property[&column.kind])
    }

    /// The options of a property, by name.
    pub(super) fn options(&self, column: &Column) -> Vec<String> {
        let options = self.settings(column)["options"].as_array().into_iter().flatten();
        options.filter_map(|option| option["name"].as_str().map(str::to_owned)).collect()
    }

    fn keep(&self, session: &Session, name: &str) {
        if let (Some(memory), Ok(thing)) = (session.door.memory(), serde_json::to_value(self)) {
            memory.keep(name, session.env.now(), thing);
        }
    }
}

/// Forgets what data sources look like: something did not fit it.
pub(super) fn forget(session: &Session) {
    let pinned = pinned(session);
    if let Some(memory) = session.door.memory() {
        memory.clear();
    }
    if let Some(id) = pinned {
        pin(session, &id);
    }
}

/// Has this data source be the contacts' one from now on, whatever others are called: a scan has read it, and where it
/// stands says nothing of another.
pub(super) fn pin(session: &Session, id: &str) {
    let Some(memory) = session.door.memory() else { return };
    if recalled(session, CONTACTS).is_some_and(|source| source.id != id) {
        memory.clear();
    }
    memory.keep(PINNED, session.env.now(), id.into());
}

fn pinned(session: &Session) -> Option<String> {
    let thing = session.door.memory()?.recall(PINNED, session.env.now(), Duration::MAX)?;
    thing.as_str().map(str::to_owned)
}

fn recalled(session: &Session, name: &str) -> Option<Source> {
    let thing = session.door.memory()?.recall(name, session.env.now(), AGE_MAX)?;
    Source::deserialize(&*thing).ok()
}

/// A data source, from memory if it is there. At most one call; for the contacts one for each hundred data sources of the
/// account, and one for what those do not show.
pub(super) async fn source(session: &Session, which: Which<'_>) -> Result<Source, Fault> {
    let name = match which {
        Which::Contacts => CONTACTS,
        Which::Id(id) if is_id(id) => id,
        Which::Id(id) => {
            let message = format!("Notion has no data source \"{id}\".");
            return Err(Fault::new(FaultClass::Missing, "object_not_found", message));
        }
    };
    if let Some(source) = recalled(session, name) {
        return Ok(source);
    }
    let found = match which {
        Which::Contacts => {
            let all = all(session).await?;
            match pinned(session) {
                None => contacts_among(all)?,
                Some(id) => contacts_again(session, &id, all).await?,
            }
        }
        Which::Id(id) => ask(session, Call::read(Method::Get, source_path(id), None)).await?,
    };
    found.keep(session, name);
    Ok(found)
}

/// A data source that has these properties. What is remembered without one of them is asked for anew.
///
/// # Errors
/// [`FaultClass::Drift`] with the first property that is gone.
pub(super) async fn source_with<'a>(
    session: &Session,
    which: Which<'_>,
    names: impl Iterator<Item = &'a String> + Clone,
) -> Result<Source, Fault> {
    let lacking = |source: &Source| {
        let columns = source.columns();
        names.clone().find(|name| naming::find(&columns, name).is_none()).cloned()
    };
    let found = source(session, which).await?;
    if lacking(&found).is_none() {
        return Ok(found);
    }
    forget(session);
    let found = source(session, which).await?;
    match lacking(&found) {
        None => Ok(found),
        Some(name) => Err(gone(&name, &found.columns())),
    }
}

/// The fault of a property that is not there, or of which nobody can tell which one is meant.
pub(super) fn gone(name: &str, columns: &[Column]) -> Fault {
    let alike: Vec<&str> = columns.iter().filter(|column| column.kind == name).map(|it| it.label.as_str()).collect();
    let message = if alike.is_empty() {
        format!("The property \"{name}\" is gone from Notion.")
    } else {
        let chosen = naming::chosen(name);
        format!(
            "Several properties could be \"{name}\" ({}). Rename the one that is in use to \"{chosen}\".",
            alike.join(", ")
        )
    };
    let fault = Fault::new(FaultClass::Drift, "PROPERTY_GONE", message);
    Fault { property: Some(name.to_owned()), ..fault }.bounded()
}

/// The data sources that were shared with us. One call for each hundred.
pub(super) async fn all(session: &Session) -> Result<Vec<Source>, Fault> {
    let mut all: Vec<Source> = Vec::new();
    let mut body = json!({ "filter": { "property": "object", "value": "data_source" }, "page_size": 100 });
    for _ in 0..SEARCH_PAGES_MAX {
        let list: List<Source> = ask(session, Call::read(Method::Post, "/v1/search", Some(body.clone()))).await?;
        let next = list.next().map(str::to_owned);
        all.extend(list.results.into_iter().filter(|source| !source.in_trash));
        let Some(next) = next else { break };
        body["start_cursor"] = next.into();
    }
    Ok(all)
}

/// The one that is called "Contacts", or the only one there is. None is guessed.
fn contacts_among(all: Vec<Source>) -> Result<Source, Fault> {
    let named = all.iter().filter(|source| source.is_named()).count();
    let count = all.len();
    let message = match (named, count) {
        (1, _) | (0, 1) => {
            let found = all.into_iter().find(|source| named == 0 || source.is_named());
            return found.ok_or_else(|| Fault::new(FaultClass::Bug, "NO_CONTACTS", "Notion showed no data source."));
        }
        (0, 0) => "Notion shows no data source. Share the one that holds your contacts with the connection.".to_owned(),
        (0, _) => format!("Notion shows {count} data sources and none is called \"{CONTACTS}\". Rename the right one."),
        _ => format!("Notion shows {named} data sources called \"{CONTACTS}\". Share one, or rename the others."),
    };
    Err(Fault::new(FaultClass::Forbidden, "NO_CONTACTS", message))
}

/// The one that is read already. The search is late and may leave it out, so it is asked for by its id then. People may
/// have given its name to another: neither is read then, since nobody can tell which one they mean.
async fn contacts_again(session: &Session, id: &str, all: Vec<Source>) -> Result<Source, Fault> {
    let has_heir = all.iter().any(|source| source.id != id && source.is_named());
    let own = match all.into_iter().find(|source| source.id == id) {
        Some(own) => own,
        None => match ask(session, Call::read(Method::Get, source_path(id), None)).await {
            Err(fault) if fault.class == FaultClass::Missing => {
                let message = "The data source that holds your contacts is not shared with the connection any more.";
                return Err(Fault::new(FaultClass::Forbidden, "NO_CONTACTS", message));
            }
            answered => answered?,
        },
    };
    if has_heir && !own.is_named() {
        let message = format!(
            "Another data source is called \"{CONTACTS}\" now; the one that is kept in step is called \"{}\". Give it its \
             name back, or make a new connection for the other.",
            own.title()
        );
        return Err(Fault::new(FaultClass::Forbidden, "OTHER_CONTACTS", message));
    }
    Ok(own)
}

/// The properties of contacts, as they are now. One call.
pub(super) async fn describe(session: &Session) -> Result<Description, Fault> {
    forget(session);
    let source = source(session, Which::Contacts).await?;
    let columns = source.columns();
    let spec = |column: &Column| PropertySpec {
        name: naming::name(&columns, column).to_owned(),
        label: column.label.clone(),
        native_type: column.kind.clone(),
        unique: false,
        read_only: is_read_only(&column.kind),
        options: source.options(column),
    };
    Ok(Description { properties: columns.iter().map(spec).collect() })
}

/// Gives a data source a text property for our id, or finds that it has one. Notion keeps nothing unique. At most two
/// calls.
pub(super) async fn add_key(session: &Session, which: Which<'_>, name: &str) -> Result<(), Fault> {
    forget(session);
    let source = source(session, which).await?;
    let columns = source.columns();
    if let Some(column) = naming::find(&columns, name) {
        if column.kind == "rich_text" {
            return Ok(());
        }
        let message = format!("The property \"{name}\" exists but is not a text property. Choose another name.");
        let fault = Fault::new(FaultClass::Rejected, "KEY_PROPERTY_UNFIT", message);
        return Err(Fault { property: Some(name.to_owned()), ..fault });
    }
    let body = json!({ "properties": { name: { "rich_text": {} } } });
    ask::<Source>(session, Call::write(Method::Patch, source_path(&source.id), Some(body))).await?;
    forget(session);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    const ID: &str = "393abc1e-edcd-8179-9372-000bd163e729";

    fn shown(title: &str, properties: Json) -> Json {
        json!({ "id": ID, "title": [{ "plain_text": title }], "properties": properties })
    }

    fn found(sources: &[Json]) -> Line {
        Line::new(200, json!({ "results": sources, "has_more": false, "next_cursor": null }))
    }

    #[tokio::test]
    async fn the_contacts_are_known_by_their_title_or_are_all_there_is() {
        let none = || json!({});
        let (people, contacts) = (shown("People", none()), shown("contacts ", none()));
        for (sources, title) in
            [(vec![people.clone()], "People"), (vec![people.clone(), contacts.clone()], "contacts ")]
        {
            let (_script, session, _) = Script::new([found(&sources)]);
            assert_eq!(source(&session, Which::Contacts).await.expect("contacts").title(), title);
        }
        for sources in [vec![], vec![people.clone(), people], vec![contacts.clone(), contacts]] {
            let (_script, session, _) = Script::new([found(&sources)]);
            let fault = source(&session, Which::Contacts).await.expect_err("none is guessed");
            assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Forbidden, "NO_CONTACTS"));
        }
    }

    #[tokio::test]
    async fn data_sources_are_read_page_by_page() {
        let first = json!({ "results": [shown("People", json!({}))], "has_more": true, "next_cursor": "c" });
        let (script, session, _) = Script::new([Line::new(200, first), found(&[shown("Contacts", json!({}))])]);
        assert_eq!(all(&session).await.expect("two").len(), 2);
        assert_eq!(script.bodies()[1]["start_cursor"], "c");
    }

    #[tokio::test]
    async fn a_key_property_is_made_or_found_fit() {
        let key = json!({ "lockstep_id": { "id": "a", "type": "rich_text", "rich_text": {} } });
        let number = json!({ "lockstep_id": { "id": "a", "type": "number", "number": {} } });
        let with = |properties: &Json| shown("Contacts", properties.clone());
        let (script, session, _) =
            Script::new([found(&[with(&json!({}))]), Line::new(200, with(&key)), found(&[with(&key)])]);
        for _ in 0..2 {
            assert_eq!(add_key(&session, Which::Contacts, "lockstep_id").await, Ok(()));
        }
        let calls = script.calls();
        assert_eq!((calls.len(), calls[1].path.clone(), calls[1].effect), (3, format!("/v1/data_sources/{ID}"), true));
        assert_eq!(calls[1].body, Some(json!({ "properties": { "lockstep_id": { "rich_text": {} } } })));
        let (_script, session, _) = Script::new([found(&[with(&number)])]);
        let fault = add_key(&session, Which::Contacts, "lockstep_id").await.expect_err("a number");
        assert_eq!((fault.class, fault.property.as_deref()), (FaultClass::Rejected, Some("lockstep_id")));
    }

    #[tokio::test]
    async fn a_property_is_described_by_the_name_that_records_have() {
        let properties = json!({
            "Name": { "id": "title", "type": "title", "title": {} },
            "Mail": { "id": "m", "type": "email", "email": {} },
            "Stage": { "id": "s", "type": "select", "select": { "options": [{ "id": "1", "name": "Lead" }] } },
            "Made": { "id": "c", "type": "created_time", "created_time": {} },
        });
        let (_script, session, _) = Script::new([found(&[shown("Contacts", properties)])]);
        let described = describe(&session).await.expect("a description").properties;
        let told: Vec<_> = described.iter().map(|it| (it.name.as_str(), it.read_only, it.options.len())).collect();
        assert_eq!(told, [("c", true, 0), ("email", false, 0), ("title", false, 0), ("s", false, 1)]);
    }

    #[test]
    fn what_is_several_is_not_called_gone() {
        let column = |label: &str| Column { id: label.into(), label: label.into(), kind: "email".into() };
        let fault = gone("email", &[column("Work"), column("Home")]);
        assert!(
            fault.message.contains("Work, Home") && fault.message.contains("\"lockstep_email\""),
            "{}",
            fault.message
        );
    }
}
