//! One deed at a time: pages made, changed, linked and put into the trash, and comments left on them (Notion's pages
//! "Create a page", "Update page" and "Create comment").

use lockstep_core::crm::{Link, RecordId};
use lockstep_core::record::{Properties, Record};
use serde::Deserialize;
use serde_json::json;

use super::naming::{self, Column};
use super::objects::{COMMENTS, TEXT};
use super::sources::{self, Source, Which};
use super::wire::{ask, entries, is_id, rich_text, same_id};
use super::{read, values, write};
use crate::connector::{Got, Outcome};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::objects::{Deed, keyed};

/// Entries of a relation in one request (page "Request limits").
const RELATED_MAX: usize = 100;

/// Carries out one deed. One call; one more for the data source if it is not remembered, and one for the page that is to
/// be linked further, since a relation is written whole.
pub(super) async fn carry_out(session: &Session, deed: &Deed, asked: &[String]) -> Result<Outcome, Fault> {
    match deed {
        Deed::Create { object, properties, links, .. } if object == COMMENTS => {
            comment(session, properties, links, asked).await.map(Outcome::Written)
        }
        Deed::Create { object, properties, key, links } => {
            let mut properties = keyed(properties, key.as_ref());
            let source = write::of_deed(session, Which::Id(object), &properties).await?;
            for link in links {
                let relation = relation(&source, link)?;
                relate(&mut properties, &relation.id, &[], link)?;
            }
            write::create(session, &source, &properties, asked).await.map(Outcome::Written)
        }
        Deed::Update { record, .. } | Deed::Archive(record) if record.object() == COMMENTS => Err(Fault::new(
            FaultClass::Rejected,
            "COMMENT_FIXED",
            "Comments can be left in Notion by Lockstep, and neither be changed nor deleted.",
        )),
        Deed::Update { record, properties, links } => update(session, record, properties, links, asked).await,
        Deed::Archive(record) => write::archive(session, record.id()).await,
        Deed::Start { .. } => Err(Fault::new(
            FaultClass::Rejected,
            "NO_AUTOMATION",
            "Notion lets no other program start its automations; change a property that one is triggered by.",
        )),
    }
}

async fn update(
    session: &Session,
    record: &RecordId,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Outcome, Fault> {
    let which = Which::Id(record.object());
    let mut properties = properties.clone();
    if properties.is_empty() && links.is_empty() {
        let found = read::get(session, which, &[record.id().to_owned()], asked).await?.pop().and_then(Got::found);
        return found.map(Outcome::Written).ok_or_else(|| write::missing(record.id()));
    }
    let source = write::of_deed(session, which, &properties).await?;
    if !links.is_empty() {
        let page = read::page(session, record.id()).await.map_err(Fault::nothing_done)?;
        let page = page.ok_or_else(|| write::missing(record.id()))?;
        for link in links {
            let relation = relation(&source, link)?;
            let shown = page.properties.get(&relation.label).cloned().unwrap_or_default();
            let whole = if values::may_be_cut(&shown) {
                let entries = entries(session, &page.id, &relation.id).await.map_err(Fault::nothing_done)?;
                values::with_entries(&shown, &entries)
            } else {
                shown
            };
            let held = values::read(&whole).unwrap_or_default();
            let held: Vec<&str> = values::entries(Some(&held)).collect();
            relate(&mut properties, &relation.id, &held, link)?;
        }
    }
    write::update(session, &source, record.id(), &properties, asked).await.map(Outcome::Written)
}

/// The relation that a link goes by: the one it names, or the only one that leads to the other page's data source.
fn relation(source: &Source, link: &Link) -> Result<Column, Fault> {
    let columns = source.columns();
    let refuse = |why: String| Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", why);
    if let Some(kind) = &link.kind {
        let named = naming::find(&columns, kind).filter(|column| column.kind == "relation").cloned();
        return named.ok_or_else(|| refuse(format!("\"{}\" has no relation \"{kind}\".", source.title())));
    }
    let leads_there = |column: &Column| {
        let to = source.settings(column)["data_source_id"].as_str();
        column.kind == "relation" && to.is_some_and(|to| same_id(to, link.to.object()))
    };
    let mut fitting = columns.iter().filter(|column| leads_there(column));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.clone()),
        (None, _) => Err(refuse(format!("No relation of \"{}\" leads there.", source.title()))),
        _ => Err(refuse(format!("Several relations of \"{}\" lead there: name one.", source.title()))),
    }
}

/// Adds a page to what a relation is to hold.
fn relate(properties: &mut Properties, relation: &str, held: &[&str], link: &Link) -> Result<(), Fault> {
    let entry = properties.entry(relation.to_owned()).or_insert_with(|| Some(held.join(";")));
    let mut all: Vec<&str> = values::entries(entry.as_deref()).collect();
    if !all.iter().any(|id| same_id(id, link.to.id())) {
        all.push(link.to.id());
    }
    if all.len() > RELATED_MAX {
        let message = format!("Notion takes at most {RELATED_MAX} pages of a relation in one request.");
        return Err(Fault::new(FaultClass::Rejected, "TOO_MANY_LINKS", message));
    }
    let all = all.join(";");
    *entry = Some(all);
    Ok(())
}

#[derive(Deserialize)]
struct Comment {
    id: String,
    created_time: lockstep_core::env::Time,
}

/// Leaves a comment on the page that it is linked with. One call.
async fn comment(
    session: &Session,
    properties: &Properties,
    links: &[Link],
    asked: &[String],
) -> Result<Record, Fault> {
    let refuse = |code: &str, property: Option<&str>, why: &str| {
        let fault = Fault::new(FaultClass::Rejected, code, why);
        Err(Fault { property: property.map(str::to_owned), ..fault })
    };
    let [link] = links else { return refuse("UNKNOWN_LINK", None, "A comment is linked with one page.") };
    if !is_id(link.to.id()) {
        return refuse("UNKNOWN_LINK", None, "A comment is linked with a page of Notion.");
    }
    if let Some(other) = properties.keys().find(|name| *name != TEXT) {
        return Err(sources::gone(other, &[]));
    }
    let Some(text) = properties.get(TEXT).cloned().flatten().filter(|text| !text.is_empty()) else {
        return refuse("NO_TEXT", Some(TEXT), "A comment needs a text.");
    };
    let body = json!({ "parent": { "page_id": link.to.id() }, "rich_text": rich_text(&text) });
    let made: Comment = ask(session, Call::write(Method::Post, "/v1/comments", Some(body))).await?;
    let shown = asked.contains(&TEXT.to_owned()).then(|| (TEXT.to_owned(), Some(text)));
    Ok(Record {
        id: made.id,
        properties: shown.into_iter().collect(),
        updated_at: made.created_time,
        archived: false,
        merged: Vec::new(),
    })
}
