//! Associations between records: their types, which there are, and those made with a record.
//! Source: HubSpot's page "CRM API | Associations v4" and the type table of its client library.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use super::item::{Item, Standing};
use super::objects::{CONTACTS, ObjectNo};
use super::portal::Portal;

/// One way in which records of two objects can be linked, seen from one end.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkType {
    from: &'static str,
    to: &'static str,
    pub(super) id: u32,
    /// The type at the other end.
    pub(super) inverse: u32,
    /// Its name for people; the default link of two objects has none.
    pub(super) label: Option<&'static str>,
    pub(super) category: &'static str,
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

impl LinkType {
    /// A link of this type to a record.
    pub(super) const fn leading_to(&self, to: u64) -> NewLink {
        NewLink { to, id: self.id, inverse: self.inverse }
    }
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
    pub(super) fn add(&mut self, from: u64, link: NewLink) {
        self.0.entry((from, link.to)).or_default().insert(link.id);
        self.0.entry((link.to, from)).or_default().insert(link.inverse);
    }

    pub(super) fn remove(&mut self, from: u64, to: u64) {
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
pub(super) struct IdBody {
    id: Value,
}

impl IdBody {
    pub(super) fn text(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TypeBody {
    association_category: String,
    association_type_id: u32,
}

/// A link in the body that makes a record.
#[derive(Deserialize)]
pub(super) struct LinkBody {
    to: IdBody,
    types: Vec<TypeBody>,
}

impl Portal {
    pub(super) fn singular(&self, of: ObjectNo) -> &'static str {
        self.objects[of].about.singular
    }

    pub(super) fn types(&self, from: ObjectNo, to: ObjectNo) -> impl Iterator<Item = &'static LinkType> + use<> {
        let (from, to) = (self.singular(from), self.singular(to));
        TYPES.iter().filter(move |it| it.from == from && it.to == to)
    }

    pub(super) fn default_type(&self, from: ObjectNo, to: ObjectNo) -> Result<&'static LinkType, Refusal> {
        self.types(from, to).find(|it| it.label.is_none()).ok_or_else(|| {
            let (from, to) = (self.singular(from), self.singular(to));
            Refusal::validation(format!("No association type exists from {from} to {to}"))
        })
    }

    pub(super) fn linkable(&self, of: ObjectNo, id: &str) -> Result<u64, Refusal> {
        self.find(of, None, id, false)?.ok_or_else(|| {
            let message = format!("{id} is not a valid ID");
            Refusal::validation(message)
                .sub_category("crm.associations.INVALID_IDENTIFIER")
                .context("id", [id.to_owned()])
        })
    }

    /// The types of one link that a body names. Where it leads is known from the path, or from the types alone.
    pub(super) fn typed(
        &self,
        from: ObjectNo,
        to: Option<ObjectNo>,
        bodies: &[TypeBody],
    ) -> Result<Vec<&'static LinkType>, Refusal> {
        if bodies.is_empty() {
            return Err(Refusal::validation("At least one association type is needed"));
        }
        let (from, to) = (self.singular(from), to.map(|to| self.singular(to)));
        let known = |body: &TypeBody| {
            let (category, id) = (&body.association_category, body.association_type_id);
            let fits = |it: &&LinkType| {
                it.from == from && to.is_none_or(|to| it.to == to) && it.id == id && it.category == category
            };
            TYPES.iter().find(fits).ok_or_else(|| {
                let to = to.map(|to| format!(" to {to}")).unwrap_or_default();
                Refusal::validation(format!("Association type {category} {id} does not exist from {from}{to}"))
            })
        };
        bodies.iter().map(known).collect()
    }

    /// Reads the links that a new record is to have.
    pub(super) fn check_links(&self, of: ObjectNo, bodies: &[LinkBody]) -> Result<Vec<NewLink>, Refusal> {
        let mut links = Vec::new();
        for body in bodies {
            for it in self.typed(of, None, &body.types)? {
                let to = self.linkable(self.objects.named(it.to)?, &body.to.text())?;
                links.push(it.leading_to(to));
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
            self.links.add(from, it.leading_to(to));
        }
    }

    /// The living records of an object that a record is linked with.
    pub(super) fn linked(&self, from: u64, to: ObjectNo) -> Vec<(u64, &BTreeSet<u32>)> {
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

    pub(super) fn show_types(&self, from: ObjectNo, to: ObjectNo, ids: &BTreeSet<u32>) -> Vec<Value> {
        let mut types: Vec<&LinkType> = self.types(from, to).filter(|it| ids.contains(&it.id)).collect();
        types.sort_by_key(|it| it.label.is_none());
        types.into_iter().map(shown_type).collect()
    }
}

pub(super) fn shown_type(it: &LinkType) -> Value {
    json!({"typeId": it.id, "label": it.label, "category": it.category})
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
