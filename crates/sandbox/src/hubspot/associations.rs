//! Associations between records: their types, those made with a record, and the v4 routes.
//! Source: HubSpot's page "CRM API | Associations v4" and the type table of its client library.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::item::{Item, Standing};
use super::objects::{CONTACTS, ObjectNo};
use super::portal::Portal;
use crate::world::iso;

/// Pairs in one batch of writes.
const PAIRS_MAX: usize = 2_000;
/// Records in one batch of reads.
const READ_MAX: usize = 1_000;

/// One way in which records of two objects can be linked, seen from one end.
#[derive(Clone, Copy, Debug)]
struct LinkType {
    from: &'static str,
    to: &'static str,
    id: u32,
    /// The type at the other end.
    inverse: u32,
    /// Its name for people; the default link of two objects has none.
    label: Option<&'static str>,
    category: &'static str,
}

const fn plain(from: &'static str, to: &'static str, id: u32, inverse: u32) -> LinkType {
    LinkType { from, to, id, inverse, label: None, category: "HUBSPOT_DEFINED" }
}

const fn primary(from: &'static str, to: &'static str, id: u32, inverse: u32) -> LinkType {
    LinkType { label: Some("Primary"), ..plain(from, to, id, inverse) }
}

const fn own(from: &'static str, to: &'static str, id: u32, inverse: u32, label: Option<&'static str>) -> LinkType {
    LinkType { from, to, id, inverse, label, category: "USER_DEFINED" }
}

/// Types between objects, by singular names; each is followed by its inverse where that is another.
const TYPES: [LinkType; 34] = [
    plain("contact", "company", 279, 280),
    plain("company", "contact", 280, 279),
    primary("contact", "company", 1, 2),
    primary("company", "contact", 2, 1),
    plain("contact", "deal", 4, 3),
    plain("deal", "contact", 3, 4),
    plain("contact", "ticket", 15, 16),
    plain("ticket", "contact", 16, 15),
    plain("deal", "company", 341, 342),
    plain("company", "deal", 342, 341),
    primary("deal", "company", 5, 6),
    primary("company", "deal", 6, 5),
    plain("ticket", "company", 339, 340),
    plain("company", "ticket", 340, 339),
    primary("ticket", "company", 26, 25),
    primary("company", "ticket", 25, 26),
    plain("deal", "ticket", 27, 28),
    plain("ticket", "deal", 28, 27),
    plain("contact", "contact", 449, 449),
    plain("deal", "deal", 451, 451),
    plain("note", "contact", 202, 201),
    plain("contact", "note", 201, 202),
    plain("note", "company", 190, 189),
    plain("company", "note", 189, 190),
    plain("note", "deal", 214, 213),
    plain("deal", "note", 213, 214),
    plain("note", "ticket", 228, 227),
    plain("ticket", "note", 227, 228),
    own("contact", "contracts", 31, 32, None),
    own("contracts", "contact", 32, 31, None),
    own("contact", "contracts", 33, 34, Some("Signer")),
    own("contracts", "contact", 34, 33, Some("Signed by")),
    own("deal", "contracts", 35, 36, None),
    own("contracts", "deal", 36, 35, None),
];

/// Which records are linked, and how: from, to, and the types seen from the first.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<(u64, u64), BTreeSet<u32>>);

/// A link from a record to another, of a known type.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewLink {
    to: u64,
    id: u32,
    inverse: u32,
}

impl Links {
    fn add(&mut self, from: u64, link: NewLink) {
        self.0.entry((from, link.to)).or_default().insert(link.id);
        self.0.entry((link.to, from)).or_default().insert(link.inverse);
    }

    fn remove(&mut self, from: u64, to: u64) {
        self.0.remove(&(from, to));
        self.0.remove(&(to, from));
    }

    fn of(&self, from: u64) -> impl Iterator<Item = (u64, &BTreeSet<u32>)> {
        self.0.range((from, 0)..=(from, u64::MAX)).map(|((_, to), types)| (*to, types))
    }

    /// Gives a merged record what its parts were linked with.
    pub(super) fn move_to(&mut self, merged: u64, parts: &[u64]) {
        let moved = |id: u64| if parts.contains(&id) { merged } else { id };
        let old = std::mem::take(&mut self.0);
        for ((from, to), types) in old {
            let (from, to) = (moved(from), moved(to));
            if from != to {
                self.0.entry((from, to)).or_default().extend(types);
            }
        }
    }
}

/// A record in a body.
#[derive(Deserialize)]
struct IdBody {
    id: Value,
}

impl IdBody {
    fn text(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeBody {
    association_type_id: u32,
}

/// A link in the body that makes a record.
#[derive(Deserialize)]
pub(super) struct LinkBody {
    to: IdBody,
    types: Vec<TypeBody>,
}

impl Portal {
    fn singular(&self, of: ObjectNo) -> &'static str {
        self.objects[of].about.singular
    }

    fn types(&self, from: ObjectNo, to: ObjectNo) -> impl Iterator<Item = &'static LinkType> + use<> {
        let (from, to) = (self.singular(from), self.singular(to));
        TYPES.iter().filter(move |it| it.from == from && it.to == to)
    }

    fn default_type(&self, from: ObjectNo, to: ObjectNo) -> Result<&'static LinkType, Refusal> {
        self.types(from, to).find(|it| it.label.is_none()).ok_or_else(|| {
            let (from, to) = (self.singular(from), self.singular(to));
            Refusal::validation(format!("No association type exists from {from} to {to}"))
        })
    }

    fn linkable(&self, of: ObjectNo, id: &str) -> Result<u64, Refusal> {
        self.find(of, None, id, false)?.ok_or_else(|| {
            let message = format!("{id} is not a valid ID");
            Refusal::validation(message)
                .sub_category("crm.associations.INVALID_IDENTIFIER")
                .context("id", [id.to_owned()])
        })
    }

    /// The types of one link that a body names, with the object they lead to.
    fn typed(&self, from: ObjectNo, ids: &[TypeBody]) -> Result<Vec<&'static LinkType>, Refusal> {
        let from = self.singular(from);
        let known = |body: &TypeBody| {
            let id = body.association_type_id;
            let found = TYPES.iter().find(|it| it.from == from && it.id == id);
            found.ok_or_else(|| Refusal::validation(format!("Association type {id} does not exist for {from}")))
        };
        ids.iter().map(known).collect()
    }

    /// Reads the links that a new record is to have.
    pub(super) fn check_links(&self, of: ObjectNo, bodies: &[LinkBody]) -> Result<Vec<NewLink>, Refusal> {
        let mut links = Vec::new();
        for body in bodies {
            for it in self.typed(of, &body.types)? {
                let to = self.linkable(self.objects.named(it.to)?, &body.to.text())?;
                links.push(NewLink { to, id: it.id, inverse: it.inverse });
            }
        }
        Ok(links)
    }

    pub(super) fn link_all(&mut self, from: u64, links: &[NewLink]) {
        links.iter().for_each(|link| self.links.add(from, *link));
    }

    /// Links two records by the default type of their objects. For a workflow, which refuses nobody.
    pub(super) fn link_by_default(&mut self, from: u64, to: u64) {
        let objects = (self.items.get(&from).map(|it| it.of), self.items.get(&to).map(|it| it.of));
        if let (Some(a), Some(b)) = objects
            && let Ok(it) = self.default_type(a, b)
        {
            self.links.add(from, NewLink { to, id: it.id, inverse: it.inverse });
        }
    }

    /// The living records of an object that a record is linked with.
    fn linked(&self, from: u64, to: ObjectNo) -> Vec<(u64, &BTreeSet<u32>)> {
        let is_there = |id: &u64| {
            self.items.get(id).is_some_and(|it| it.of == to && it.standing() == Standing::Live && self.in_sight(it))
        };
        self.links.of(from).filter(|(id, _)| is_there(id)).collect()
    }

    /// What a read shows of a record's links: by the names that were asked for.
    pub(super) fn show_links(&self, item: &Item, wanted: &[&str]) -> Result<Value, Refusal> {
        let mut shown = Map::new();
        for name in wanted {
            let to = self.objects.named(name)?;
            let kind = format!("{}_to_{}", self.singular(item.of), self.singular(to));
            let results: Vec<Value> = self
                .linked(item.id, to)
                .into_iter()
                .map(|(id, _)| json!({"id": id.to_string(), "type": kind}))
                .collect();
            if !results.is_empty() {
                shown.insert(self.objects[to].name.clone(), json!({"results": results}));
            }
        }
        Ok(shown.into())
    }

    fn show_types(&self, from: ObjectNo, to: ObjectNo, ids: &BTreeSet<u32>) -> Vec<Value> {
        self.types(from, to).filter(|it| ids.contains(&it.id)).map(shown_type).collect()
    }

    fn batch(&self, whole: StatusCode, results: Vec<Value>, errors: &[Value]) -> Reply {
        let at = iso(self.stamp_us());
        let rows = results.len() + errors.len();
        let mut body = json!({"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results});
        if errors.is_empty() {
            return Reply::json(whole, body).rows(rows);
        }
        body["numErrors"] = errors.len().into();
        body["errors"] = errors.into();
        Reply::json(StatusCode::MULTI_STATUS, body).rows(rows)
    }
}

fn shown_type(it: &LinkType) -> Value {
    json!({"typeId": it.id, "label": it.label, "category": it.category})
}

fn both(portal: &Portal, call: &Call) -> Result<(ObjectNo, ObjectNo), Refusal> {
    Ok((portal.objects.named(call.param("object"))?, portal.objects.named(call.param("toObject"))?))
}

fn pair(portal: &Portal, call: &Call) -> Result<(u64, u64), Refusal> {
    let (from, to) = both(portal, call)?;
    Ok((portal.linkable(from, call.param("id"))?, portal.linkable(to, call.param("toId"))?))
}

fn default_row(portal: &mut Portal, from: (ObjectNo, u64), to: (ObjectNo, u64)) -> Result<[Value; 2], Refusal> {
    let it = portal.default_type(from.0, to.0)?;
    portal.links.add(from.1, NewLink { to: to.1, id: it.id, inverse: it.inverse });
    let row = |from: u64, to: u64, id: u32| {
        json!({"from": {"id": from.to_string()}, "to": {"id": to.to_string()},
            "associationSpec": {"associationCategory": it.category, "associationTypeId": id}})
    };
    Ok([row(from.1, to.1, it.id), row(to.1, from.1, it.inverse)])
}

/// `PUT /crm/v4/objects/{object}/{id}/associations/default/{toObject}/{toId}`
pub(super) fn put_default(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (from_id, to_id) = pair(portal, call)?;
    let rows = default_row(portal, (from, from_id), (to, to_id))?;
    Ok(portal.batch(StatusCode::OK, rows.into(), &[]))
}

/// `PUT /crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}`
pub(super) fn put(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (from_id, to_id) = pair(portal, call)?;
    let types = portal.typed(from, &call.json::<Vec<TypeBody>>()?)?;
    for it in &types {
        portal.links.add(from_id, NewLink { to: to_id, id: it.id, inverse: it.inverse });
    }
    let labels: Vec<&str> = types.iter().filter_map(|it| it.label).collect();
    Ok(Reply::json(
        StatusCode::CREATED,
        json!({
            "fromObjectTypeId": portal.objects[from].about.type_id, "fromObjectId": from_id.to_string(),
            "toObjectTypeId": portal.objects[to].about.type_id, "toObjectId": to_id.to_string(), "labels": labels,
        }),
    ))
}

/// `DELETE /crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}`
pub(super) fn delete(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = pair(portal, call)?;
    portal.links.remove(from, to);
    Ok(Reply::empty())
}

/// `GET /crm/v4/objects/{object}/{id}/associations/{toObject}`: all on one page.
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let id = portal.linkable(from, call.param("id"))?;
    let row = |(other, types): (u64, &BTreeSet<u32>)| json!({"toObjectId": other.to_string(), "associationTypes": portal.show_types(from, to, types)});
    let results: Vec<Value> = portal.linked(id, to).into_iter().map(row).collect();
    Ok(Reply::ok(json!({"results": results})))
}

#[derive(Deserialize)]
struct Batch<T> {
    inputs: Vec<T>,
}

#[derive(Deserialize)]
struct PairBody {
    from: IdBody,
    to: IdBody,
    #[serde(default)]
    types: Vec<TypeBody>,
}

fn pairs(call: &Call) -> Result<Vec<PairBody>, Refusal> {
    let Batch { inputs } = call.json()?;
    if inputs.len() > PAIRS_MAX {
        return Err(Refusal::validation(format!("A batch has at most {PAIRS_MAX} inputs")));
    }
    Ok(inputs)
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/create`
pub(super) fn batch_create(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in pairs(call)? {
        let ends =
            portal.linkable(from, &body.from.text()).and_then(|a| Ok((a, portal.linkable(to, &body.to.text())?)));
        match ends.and_then(|ends| Ok((ends, portal.typed(from, &body.types)?))) {
            Ok(((a, b), types)) => {
                for it in &types {
                    portal.links.add(a, NewLink { to: b, id: it.id, inverse: it.inverse });
                }
                let labels: Vec<&str> = types.iter().filter_map(|it| it.label).collect();
                results.push(json!({
                    "fromObjectTypeId": portal.objects[from].about.type_id, "fromObjectId": a,
                    "toObjectTypeId": portal.objects[to].about.type_id, "toObjectId": b, "labels": labels,
                }));
            }
            Err(refusal) => errors.push(refusal.row().into()),
        }
    }
    Ok(portal.batch(StatusCode::CREATED, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/associate/default`
pub(super) fn batch_default(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in pairs(call)? {
        let ends =
            portal.linkable(from, &body.from.text()).and_then(|a| Ok((a, portal.linkable(to, &body.to.text())?)));
        match ends.and_then(|(a, b)| default_row(portal, (from, a), (to, b))) {
            Ok(rows) => results.extend(rows),
            Err(refusal) => errors.push(refusal.row().into()),
        }
    }
    Ok(portal.batch(StatusCode::OK, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/read`
pub(super) fn batch_read(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let Batch::<IdBody> { inputs } = call.json()?;
    if inputs.len() > READ_MAX {
        return Err(Refusal::validation(format!("A batch has at most {READ_MAX} inputs")));
    }
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for body in inputs {
        let id = body.text();
        let found = portal.find(from, None, &id, false)?;
        let linked = found.map(|found| portal.linked(found, to)).unwrap_or_default();
        if linked.is_empty() {
            let (a, b) = (portal.singular(from), portal.singular(to));
            let refusal = Refusal::not_found(format!("No {b} is associated with {a} {id}."))
                .sub_category("crm.associations.NO_ASSOCIATIONS_FOUND")
                .context("fromObjectId", [id])
                .context("fromObjectType", [a.to_owned()])
                .context("toObjectType", [b.to_owned()]);
            errors.push(refusal.row().into());
            continue;
        }
        let row = |(other, types): (u64, &BTreeSet<u32>)| json!({"toObjectId": other, "associationTypes": portal.show_types(from, to, types)});
        results.push(json!({"from": {"id": id}, "to": linked.into_iter().map(row).collect::<Vec<_>>()}));
    }
    Ok(portal.batch(StatusCode::OK, results, &errors))
}

/// `POST /crm/v4/associations/{object}/{toObject}/batch/archive`
pub(super) fn batch_archive(portal: &mut Portal, call: &Call) -> Answer {
    #[derive(Deserialize)]
    struct Row {
        from: IdBody,
        to: Vec<IdBody>,
    }
    let (from, to) = both(portal, call)?;
    let Batch::<Row> { inputs } = call.json()?;
    let rows = inputs.len();
    for row in inputs {
        let a = portal.linkable(from, &row.from.text())?;
        for other in &row.to {
            let b = portal.linkable(to, &other.text())?;
            portal.links.remove(a, b);
        }
    }
    Ok(Reply::empty().rows(rows))
}

/// `GET /crm/v4/associations/{object}/{toObject}/labels`
pub(super) fn labels(portal: &mut Portal, call: &Call) -> Answer {
    let (from, to) = both(portal, call)?;
    let results: Vec<Value> = portal.types(from, to).map(shown_type).collect();
    Ok(Reply::ok(json!({"results": results})))
}

impl Portal {
    /// The association types of an object as its schema shows them.
    pub(super) fn association_definitions(&self, of: ObjectNo) -> Vec<Value> {
        let singular = self.singular(of);
        let of_it = TYPES.iter().filter(|it| it.from == singular);
        let type_id = |name: &str| {
            let other = self.objects.named(name).unwrap_or(CONTACTS);
            self.objects[other].about.type_id
        };
        let shown = |it: &LinkType| {
            json!({"fromObjectTypeId": type_id(it.from), "toObjectTypeId": type_id(it.to), "id": it.id.to_string(),
                "name": format!("{}_to_{}", it.from, it.to)})
        };
        of_it.map(shown).collect()
    }
}
