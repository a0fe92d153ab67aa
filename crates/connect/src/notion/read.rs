//! Reads of pages: by id, by key, by address and as a list (Notion's pages "Retrieve a page" and "Query a data source").

use lockstep_core::record::{Properties, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::naming;
use super::query::{PAGE, Walk, call};
use super::sources::{self, Source, Which};
use super::values;
use super::wire::{List, Page, ask, entries, is_id, page_path};
use crate::connector::{Find, Got, IdPage, Listed};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};
use crate::phone::national_digits;

/// Reads pages of a data source. One call each: Notion has no other way. One more for the data source if it is not
/// remembered, and one for each property that holds more than a page shows.
pub(super) async fn get(
    session: &Session,
    which: Which<'_>,
    ids: &[String],
    properties: &[String],
) -> Result<Vec<Got>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let source = sources::source(session, which).await?;
    let mut answer = Vec::with_capacity(ids.len());
    for id in ids {
        // A page that was moved elsewhere is none of these any more.
        let page = page(session, id).await?.filter(|page| page.is_of(&source.id));
        answer.push(match page {
            None => Got::Missing,
            Some(page) => record(session, page, properties).await?.into(),
        });
    }
    Ok(answer)
}

/// A page, if it is to be seen. At most one call.
pub(super) async fn page(session: &Session, id: &str) -> Result<Option<Page>, Fault> {
    if !is_id(id) {
        return Ok(None);
    }
    match ask(session, Call::read(Method::Get, page_path(id), None)).await {
        Err(fault) if fault.class == FaultClass::Missing => Ok(None),
        answered => answered.map(Some),
    }
}

/// The page with every asked property. A page shows all that its data source has, so what it does not show is gone.
pub(super) async fn record(session: &Session, page: Page, asked: &[String]) -> Result<Record, Fault> {
    let columns = page.columns();
    let mut properties = Properties::new();
    for name in asked {
        let column = naming::find(&columns, name).ok_or_else(|| sources::gone(name, &columns))?;
        let shown = page.properties.get(&column.label).unwrap_or(&Json::Null);
        let value = if values::may_be_cut(shown) {
            values::read(&values::with_entries(shown, &entries(session, &page.id, &column.id).await?))
        } else {
            values::read(shown)
        };
        properties.insert(name.clone(), value);
    }
    Ok(of_page(page, properties))
}

/// The page with those of the asked properties that it shows whole: for the answer to a write.
pub(super) fn shown(page: Page, asked: &[String]) -> Record {
    let columns = page.columns();
    let whole = |name: &String| {
        let shown = page.properties.get(&naming::find(&columns, name)?.label)?;
        (!values::may_be_cut(shown)).then(|| (name.clone(), values::read(shown)))
    };
    let properties = asked.iter().filter_map(whole).collect();
    of_page(page, properties)
}

fn of_page(page: Page, properties: Properties) -> Record {
    let (updated_at, archived) = (page.last_edited_time, page.is_in_trash());
    Record { id: page.id, properties, updated_at, archived, merged: Vec::new() }
}

/// Looks for contacts. One call, and one for the data source if it is not remembered.
pub(super) async fn find(session: &Session, by: &Find, properties: &[String]) -> Result<Vec<Record>, Fault> {
    let (name, values) = match by {
        Find::Key { property, values } => (property.as_str(), values.clone()),
        Find::Email(email) => ("email", vec![email.to_lowercase()]),
        Find::Phone(phone) => ("phone_number", vec![phone.clone()]),
    };
    if values.len() > PAGE {
        return Err(Fault::new(FaultClass::Bug, "BATCH_TOO_LARGE", "More keys than one call reads."));
    }
    let name = name.to_owned();
    let source = sources::source_with(session, Which::Contacts, [&name].into_iter()).await?;
    let columns = source.columns();
    let column = naming::find(&columns, &name).ok_or_else(|| sources::gone(&name, &columns))?;
    let one = |condition: &str, value: &str| json!({ "property": column.id, &column.kind: { condition: value } });
    let any: Vec<Json> = match by {
        Find::Key { .. } => values.iter().map(|value| one("equals", value)).collect(),
        // Case is told apart by "equals" alone.
        Find::Email(_) => values.iter().map(|value| one("contains", value)).collect(),
        Find::Phone(phone) => endings(phone).iter().map(|ending| one("contains", ending)).collect(),
    };
    let call = call(&source.id, vec![json!({ "or": any })], None, json!({ "page_size": PAGE }));
    let list: List<Page> = ask(session, call).await.map_err(of_contacts)?;
    let mut asked = properties.to_vec();
    if !asked.contains(&name) {
        asked.push(name.clone());
    }
    let mut found = Vec::new();
    for page in list.results {
        let mut record = record(session, page, &asked).await?;
        let value = record.text(&name).unwrap_or_default();
        let fits = match by {
            Find::Key { .. } => true,
            Find::Email(email) => value.trim().eq_ignore_ascii_case(email.trim()),
            Find::Phone(phone) => digits(value).ends_with(national_digits(phone)),
        };
        // The key comes back so that the caller can tell the rows.
        if !matches!(by, Find::Key { .. }) {
            record.properties.retain(|name, _| properties.contains(name));
        }
        found.extend(fits.then_some(record));
    }
    Ok(found)
}

/// What to look for in a number that was written in any way: its last four digits, as people group them.
fn endings(phone: &str) -> Vec<String> {
    let digits = digits(phone);
    let last = &digits[digits.len().saturating_sub(4)..];
    let (tens, ones) = last.split_at(last.len() / 2);
    let mut all = vec![phone.to_owned(), last.to_owned()];
    all.extend([" ", "-", "."].map(|between| format!("{tens}{between}{ones}")));
    all
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Where a listing stands.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    source: String,
    walk: Walk,
}

/// One page of ids. One call, and one for the data source on the first page if it is not remembered. An id may come
/// twice where Notion's 10,000 results of one query end.
pub(super) async fn list_ids(session: &Session, archived: bool, after: Option<&str>) -> Result<IdPage, Fault> {
    let Place { source, walk } = match after {
        None => {
            let Source { id, .. } = sources::source(session, Which::Contacts).await?;
            Place { source: id, walk: Walk::default() }
        }
        Some(after) => serde_json::from_str(after)
            .map_err(|_| Fault::new(FaultClass::Stale, "BAD_PLACE", "The listing's place is unreadable."))?,
    };
    let call = walk.call(&source, Vec::new(), PAGE, archived);
    let list: List<Page> = ask(session, call).await.map_err(of_contacts)?;
    let next = walk.after(&list)?.map(|walk| serde_json::to_string(&Place { source, walk }));
    let after = next.transpose().map_err(|error| Fault::new(FaultClass::Bug, "BAD_PLACE", error.to_string()))?;
    let listed = |page: Page| Listed { id: page.id, updated_at: page.last_edited_time };
    Ok(IdPage { records: list.results.into_iter().map(listed).collect(), after })
}

/// Contacts that are not shared any more are a matter for the person who shares them, not of one record.
pub(super) fn of_contacts(fault: Fault) -> Fault {
    match fault.class {
        FaultClass::Missing => Fault { class: FaultClass::Forbidden, ..fault },
        _ => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_looked_for_as_people_write_them() {
        let found = |typed: &str| endings("+33612345678").iter().any(|ending| typed.contains(ending.as_str()));
        for typed in ["06 12 34 56 78", "0612345678", "+33 6-12-34-56-78", "06.12.34.56.78", "+33612345678"] {
            assert!(found(typed) && digits(typed).ends_with(national_digits("+33612345678")), "{typed}");
        }
        assert!(!found("06 12 34 56 79"));
        assert_eq!(endings("+1").len(), 5, "however short");
    }
}
