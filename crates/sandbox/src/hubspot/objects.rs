//! The objects of the account: those that every account has, and one that this account's admin made.
//! Source: HubSpot's pages "CRM API | Objects" and "Custom objects".

use std::ops::{Index, IndexMut};

use http::StatusCode;

use super::answer::Refusal;
use super::pipelines::{self, Pipelines};
use super::schema::Schema;
use super::standard::{Row, companies, contacts, contracts, deals, notes, tickets};

/// Which object: its place in [`Objects`]. Only a lookup there makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectNo(usize);

/// The object that HubSpot began with: the only one with addresses that are unique.
pub(super) const CONTACTS: ObjectNo = ObjectNo(0);

/// What an object is, before an account changes it.
pub(super) struct About {
    pub(super) type_id: &'static str,
    /// The word in paths.
    pub(super) plural: &'static str,
    pub(super) singular: &'static str,
    pub(super) label_one: &'static str,
    pub(super) label_many: &'static str,
    /// What its scopes speak of.
    pub(super) scope: &'static str,
    rows: &'static [Row],
    pub(super) group: (&'static str, &'static str),
    /// What a new record needs: of each list at least one property.
    pub(super) required: &'static [&'static [&'static str]],
    /// What reads show when nobody asks for properties.
    pub(super) defaults: &'static [&'static str],
    pipelines: Option<fn() -> Pipelines>,
    /// Whether an admin made it; its path name has the account's id before it then.
    pub(super) is_custom: bool,
}

const OBJECTS: [About; 6] = [
    About {
        type_id: "0-1",
        plural: "contacts",
        singular: "contact",
        label_one: "Contact",
        label_many: "Contacts",
        scope: "contacts",
        rows: contacts::ROWS,
        group: ("contactinformation", "Contact information"),
        required: &[],
        defaults: &["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"],
        pipelines: None,
        is_custom: false,
    },
    About {
        type_id: "0-2",
        plural: "companies",
        singular: "company",
        label_one: "Company",
        label_many: "Companies",
        scope: "companies",
        rows: companies::ROWS,
        group: ("companyinformation", "Company information"),
        required: &[&["name", "domain"]],
        defaults: &["createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"],
        pipelines: None,
        is_custom: false,
    },
    About {
        type_id: "0-3",
        plural: "deals",
        singular: "deal",
        label_one: "Deal",
        label_many: "Deals",
        scope: "deals",
        rows: deals::ROWS,
        group: ("dealinformation", "Deal information"),
        required: &[&["dealname"], &["dealstage"], &["pipeline"]],
        defaults: &[
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ],
        pipelines: Some(pipelines::of_deals),
        is_custom: false,
    },
    About {
        type_id: "0-5",
        plural: "tickets",
        singular: "ticket",
        label_one: "Ticket",
        label_many: "Tickets",
        scope: "tickets",
        rows: tickets::ROWS,
        group: ("ticketinformation", "Ticket information"),
        required: &[&["subject"], &["hs_pipeline_stage"], &["hs_pipeline"]],
        defaults: &[
            "content",
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
            "hs_pipeline",
            "hs_pipeline_stage",
            "hs_ticket_category",
            "hs_ticket_priority",
            "subject",
        ],
        pipelines: Some(pipelines::of_tickets),
        is_custom: false,
    },
    About {
        type_id: "0-46",
        plural: "notes",
        singular: "note",
        label_one: "Note",
        label_many: "Notes",
        scope: "contacts",
        rows: notes::ROWS,
        group: ("engagement", "Engagement"),
        required: &[&["hs_timestamp"]],
        defaults: &["hs_createdate", "hs_lastmodifieddate", "hs_object_id"],
        pipelines: None,
        is_custom: false,
    },
    About {
        type_id: "2-48127",
        plural: "contracts",
        singular: "contracts",
        label_one: "Contract",
        label_many: "Contracts",
        scope: "custom",
        rows: contracts::ROWS,
        group: ("contracts_information", "Contract information"),
        required: &[&["contract_name"]],
        defaults: &["hs_createdate", "hs_lastmodifieddate", "hs_object_id"],
        pipelines: None,
        is_custom: true,
    },
];

/// The word that counters use for an object of every account; none for any other text.
pub(super) fn plural_of(name: &str) -> Option<&'static str> {
    let standard = OBJECTS.iter().filter(|object| !object.is_custom);
    standard.into_iter().find(|object| is_named(object, name)).map(|object| object.plural)
}

fn is_named(object: &About, name: &str) -> bool {
    name == object.plural || name == object.singular || name == object.type_id
}

/// One object as this account has it.
pub(super) struct Object {
    pub(super) about: &'static About,
    /// The name in paths: of a custom object the fully qualified one.
    pub(super) name: String,
    pub(super) schema: Schema,
    pub(super) pipelines: Option<Pipelines>,
}

/// Every object of the account.
pub(super) struct Objects(Vec<Object>);

impl Objects {
    pub(super) fn new(portal_id: u32) -> Self {
        let objects = OBJECTS.iter().map(|about| Object {
            about,
            name: if about.is_custom { format!("p{portal_id}_{}", about.plural) } else { about.plural.to_owned() },
            schema: Schema::of(about.rows, about.group),
            pipelines: about.pipelines.map(|pipelines| pipelines()),
        });
        Self(objects.collect())
    }

    /// The object that a path names, by name or by type id.
    pub(super) fn named(&self, name: &str) -> Result<ObjectNo, Refusal> {
        let found = self.0.iter().position(|object| object.name == name || is_named(object.about, name));
        found
            .map(ObjectNo)
            .ok_or_else(|| Refusal::plain(StatusCode::BAD_REQUEST, format!("Unable to infer object type from: {name}")))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = ObjectNo> + use<> {
        (0..self.0.len()).map(ObjectNo)
    }
}

impl Index<ObjectNo> for Objects {
    type Output = Object;
    fn index(&self, of: ObjectNo) -> &Object {
        &self.0[of.0]
    }
}

impl IndexMut<ObjectNo> for Objects {
    fn index_mut(&mut self, of: ObjectNo) -> &mut Object {
        &mut self.0[of.0]
    }
}
