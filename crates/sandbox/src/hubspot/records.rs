//! Records one at a time and in lists, and the form in which every answer shows a record.

use std::cmp::Ordering;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::item::{CALCULATED, Item, Source, Standing, View};
use super::links::LinkBody;
use super::objects::{Object, ObjectNo};
use super::portal::{Claimed, Portal};
use super::values::Change;
use crate::world::iso;

/// Records on one page of a list.
const LIST_PAGE_MAX: usize = 100;
const LIST_PAGE_DEFAULT: usize = 10;

/// What reads show besides the properties that were asked for.
const ALWAYS: [&str; 5] = ["createdate", "hs_createdate", "hs_lastmodifieddate", "hs_object_id", "lastmodifieddate"];

/// What the answer of an update shows besides the properties that were written.
const AFTER_UPDATE: [&str; 9] = [
    "createdate",
    "hs_createdate",
    "hs_is_unworked",
    "hs_lastmodifieddate",
    "hs_object_id",
    "hs_object_source",
    "hs_object_source_label",
    "lastmodifieddate",
    "lifecyclestage",
];

/// How a read shows a property that was asked for and holds no value. Sources differ on what HubSpot does in
/// single and batch reads; lists and searches show null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unset {
    /// As null.
    #[default]
    Null,
    /// Not at all.
    Absent,
}

/// The object that a path of records names.
pub(super) fn object_of(portal: &Portal, call: &Call) -> Result<ObjectNo, Refusal> {
    portal.objects.named(call.param("object"))
}

pub(super) fn no_such_record(id: &str) -> Refusal {
    let message =
        if id.parse::<u64>().is_ok() { "resource not found".to_owned() } else { format!("{id} is not found") };
    Refusal::not_found(message)
}

/// The properties a read shows: those asked for that exist, and some always.
pub(super) fn shown<'a>(object: &'a Object, asked: &[&str]) -> Vec<&'a str> {
    let names = if asked.is_empty() { object.about.defaults } else { asked };
    let live = |name: &&str| Some(&**object.schema.live(name)?.0);
    let mut shown: Vec<&str> = names.iter().chain(&ALWAYS).filter_map(live).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

impl Portal {
    /// A record with some of its properties.
    pub(super) fn show(&self, view: View<'_>, names: &[&str], unset: Unset) -> Map<String, Value> {
        let item = view.item();
        let properties: Map<String, Value> = names
            .iter()
            .filter_map(|name| match (view.value(name), unset) {
                (Some(value), _) => Some(((*name).to_owned(), Value::from(value))),
                (None, Unset::Null) => Some(((*name).to_owned(), Value::Null)),
                (None, Unset::Absent) => None,
            })
            .collect();
        let archived = view.standing() == Standing::Archived;
        let id = item.id.to_string();
        let (portal_id, type_id) = (self.settings.portal_id, self.objects[item.of].about.type_id);
        let mut record = Map::new();
        record
            .insert("url".into(), format!("https://app.hubspot.com/contacts/{portal_id}/record/{type_id}/{id}").into());
        record.insert("id".into(), id.into());
        record.insert("properties".into(), properties.into());
        record.insert("createdAt".into(), iso(item.created_us).into());
        record.insert("updatedAt".into(), iso(view.updated_us()).into());
        record.insert("archived".into(), archived.into());
        if archived {
            record.insert("archivedAt".into(), iso(view.updated_us()).into());
        }
        record
    }

    /// A new record with everything it holds.
    pub(super) fn show_created(&self, id: u64) -> Map<String, Value> {
        let Some(item) = self.items.get(&id) else {
            return Map::new();
        };
        let mut names: Vec<&str> = item.names().map(|name| &**name).chain(CALCULATED).collect();
        let schema = &self.objects[item.of].schema;
        names.retain(|name| schema.live(name).is_some());
        self.show(item.now(), &names, Unset::Absent)
    }

    /// A record after an update: what was written and what HubSpot made of it.
    pub(super) fn show_updated(&self, id: u64, written: &[String]) -> Map<String, Value> {
        let Some(item) = self.items.get(&id) else {
            return Map::new();
        };
        let schema = &self.objects[item.of].schema;
        let after = AFTER_UPDATE.into_iter().filter(|name| schema.live(name).is_some());
        let names: Vec<&str> = written.iter().map(String::as_str).chain(after).collect();
        self.show(item.now(), &names, Unset::Null)
    }

    /// Writes what was checked; answers nothing if another record stands in the way.
    pub(super) fn update(&mut self, of: ObjectNo, id: u64, changes: Vec<Change>) -> Result<(), Refusal> {
        self.claim(of, Some(id), &changes, &mut Claimed::new())?;
        self.write(id, changes, Source::Integration);
        Ok(())
    }
}

/// Past values of some properties, newest first.
pub(super) fn history(item: &Item, names: &[&str]) -> Value {
    let of = |name: &str| -> Vec<Value> {
        let entries = item.history(name).map(|entry| {
            json!({
                "value": entry.value.as_deref().unwrap_or_default(),
                "timestamp": iso(entry.stamp_us),
                "sourceType": entry.source.wire(),
            })
        });
        entries.collect()
    };
    names.iter().map(|name| ((*name).to_owned(), Value::from(of(name)))).collect::<Map<_, _>>().into()
}

/// How many rows a page shall have: what was asked, within the vendor's bounds and the sandbox's own.
pub(super) fn page_size(portal: &Portal, asked: Option<&str>, default: usize, max: usize) -> Result<usize, Refusal> {
    let asked = match asked {
        None => default,
        Some(text) => text.parse().map_err(|_| Refusal::validation(format!("{text} is not a valid limit")))?,
    };
    match asked.cmp(&0) {
        Ordering::Greater if asked <= max => Ok(asked.min(portal.settings.page_max.unwrap_or(max).max(1))),
        _ => Err(Refusal::validation(format!("limit must be between 1 and {max}, was {asked}"))),
    }
}

#[derive(Deserialize)]
struct WriteBody {
    properties: Map<String, Value>,
    #[serde(default)]
    associations: Vec<LinkBody>,
}

/// `POST /crm/v3/objects/{object}`
pub(super) fn create(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let body: WriteBody = call.json()?;
    let changes = portal.check_new(of, &body.properties)?;
    portal.claim(of, None, &changes, &mut Claimed::new())?;
    let links = portal.check_links(of, &body.associations)?;
    let id = portal.create(of, changes, Source::Integration);
    portal.link_all(id, &links);
    Ok(Reply::json(StatusCode::CREATED, portal.show_created(id).into()))
}

/// `GET /crm/v3/objects/{object}/{id}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let id = call.param("id");
    let found = portal.find(of, call.query("idProperty"), id, call.is_set("archived"))?;
    let item = found.and_then(|id| portal.items.get(&id)).ok_or_else(|| no_such_record(id))?;
    let names = shown(&portal.objects[of], &call.query_list("properties"));
    let mut record = portal.show(item.now(), &names, portal.settings.unset);
    let with_history = call.query_list("propertiesWithHistory");
    if !with_history.is_empty() {
        record.insert("propertiesWithHistory".into(), history(item, &with_history));
    }
    let wanted = call.query_list("associations");
    if !wanted.is_empty() {
        record.insert("associations".into(), portal.show_links(item, &wanted)?);
    }
    Ok(Reply::ok(record.into()))
}

/// `PATCH /crm/v3/objects/{object}/{id}`
pub(super) fn update(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let id = call.param("id");
    let body: WriteBody = call.json()?;
    let found = portal.find(of, call.query("idProperty"), id, false)?.ok_or_else(|| no_such_record(id))?;
    if body.properties.is_empty() {
        return Err(Refusal::validation("No properties found to update, please provide at least one."));
    }
    let changes = portal.check(of, Some(found), &body.properties).map_err(|invalid| Refusal::invalid(&invalid))?;
    portal.update(of, found, changes)?;
    let written: Vec<String> = body.properties.keys().cloned().collect();
    Ok(Reply::ok(portal.show_updated(found, &written).into()))
}

/// `DELETE /crm/v3/objects/{object}/{id}`
pub(super) fn archive(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let id = call.param("id");
    let found = portal.find(of, None, id, false)?.ok_or_else(|| no_such_record(id))?;
    portal.archive(found, Source::Integration);
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

/// `GET /crm/v3/objects/{object}`: by id, so that a page never shifts under the reader.
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    let of = object_of(portal, call)?;
    let limit = page_size(portal, call.query("limit"), LIST_PAGE_DEFAULT, LIST_PAGE_MAX)?;
    let after: u64 = match call.query("after") {
        None | Some("") => 0,
        Some(text) => text.parse().map_err(|_| Refusal::validation(format!("{text} is not a valid cursor")))?,
    };
    let wanted = if call.is_set("archived") { Standing::Archived } else { Standing::Live };
    let names = shown(&portal.objects[of], &call.query_list("properties"));
    let with_history = call.query_list("propertiesWithHistory");
    let linked = call.query_list("associations");
    let mut page: Vec<&Item> = portal
        .items
        .range(after..)
        .map(|(_, item)| item)
        .filter(|item| item.of == of && item.standing() == wanted && portal.in_sight(item))
        .take(limit + 1)
        .collect();
    let next = if page.len() > limit { page.pop().map(|item| item.id) } else { None };
    let results: Vec<Value> = page
        .iter()
        .map(|item| {
            let mut record = portal.show(item.now(), &names, Unset::Null);
            if !with_history.is_empty() {
                record.insert("propertiesWithHistory".into(), history(item, &with_history));
            }
            if !linked.is_empty() {
                record.insert("associations".into(), portal.show_links(item, &linked)?);
            }
            Ok(record.into())
        })
        .collect::<Result<_, Refusal>>()?;
    let rows = results.len();
    let mut body = json!({"results": results});
    if let Some(next) = next {
        let name = &portal.objects[of].name;
        let link = format!("https://api.hubapi.com/crm/v3/objects/{name}?limit={limit}&after={next}");
        body["paging"] = json!({"next": {"after": next.to_string(), "link": link}});
    }
    Ok(Reply::ok(body).rows(rows))
}
