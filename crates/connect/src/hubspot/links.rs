//! Links between records and their kinds (HubSpot's page "Associations v4").

use lockstep_core::crm::{Link, RecordId};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::faults;
use super::wire::{ErrorBody, ask, in_path, send};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// The default links between objects of every account: from, to, HubSpot's number (the type table of its client
/// library). Other pairs are asked for.
const LINK_TYPES: [(&str, &str, u32); 16] = [
    ("contacts", "companies", 279),
    ("companies", "contacts", 280),
    ("contacts", "deals", 4),
    ("deals", "contacts", 3),
    ("deals", "companies", 341),
    ("companies", "deals", 342),
    ("contacts", "tickets", 15),
    ("tickets", "contacts", 16),
    ("tickets", "companies", 339),
    ("companies", "tickets", 340),
    ("deals", "tickets", 27),
    ("tickets", "deals", 28),
    ("notes", "contacts", 202),
    ("notes", "companies", 190),
    ("notes", "deals", 214),
    ("notes", "tickets", 228),
];

/// Links a record that is there. One call, and one before it for a kind that is asked for by name.
pub(super) async fn attach(session: &Session, record: &RecordId, link: &Link) -> Result<(), Fault> {
    let base = format!("/crm/v4/objects/{}/{}/associations", in_path(record.object()), in_path(record.id()));
    let to = format!("{}/{}", in_path(link.to.object()), in_path(link.to.id()));
    let call = match link.kind {
        None => Call::write(Method::Put, format!("{base}/default/{to}"), None),
        Some(_) => {
            let kind = link_type(session, record.object(), link).await?;
            Call::write(Method::Put, format!("{base}/{to}"), Some(json!([kind.on_wire()])))
        }
    };
    // A refusal may come inside an answer that looks well.
    let linked = Linked::deserialize(send(session, call).await?.body).unwrap_or_default();
    linked.errors.first().map_or(Ok(()), |error| Err(faults::of_row(error)))
}

/// What an answer about links says went wrong.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Linked {
    errors: Vec<ErrorBody>,
}

#[derive(Deserialize)]
struct LinkTypes {
    results: Vec<LinkType>,
}

/// A kind of link between two objects.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LinkType {
    category: String,
    type_id: u32,
    label: Option<String>,
}

impl LinkType {
    /// How it is named in a body.
    pub(super) fn on_wire(&self) -> Json {
        json!({ "associationCategory": self.category, "associationTypeId": self.type_id })
    }
}

/// The kind of a link from records of `object`: the default one, or one by its label or number.
pub(super) async fn link_type(session: &Session, object: &str, link: &Link) -> Result<LinkType, Fault> {
    let to = link.to.object();
    let known = LINK_TYPES.iter().find(|(a, b, _)| link.kind.is_none() && *a == object && *b == to);
    if let Some(&(_, _, type_id)) = known {
        return Ok(LinkType { category: "HUBSPOT_DEFINED".to_owned(), type_id, label: None });
    }
    let path = format!("/crm/v4/associations/{}/{}/labels", in_path(object), in_path(to));
    let types: LinkTypes = ask(session, Call::read(Method::Get, path, None)).await.map_err(Fault::nothing_done)?;
    let fits = |it: &LinkType| match (&link.kind, &it.label) {
        (None, label) => label.is_none(),
        (Some(kind), Some(label)) if label.eq_ignore_ascii_case(kind) => true,
        (Some(kind), _) => *kind == it.type_id.to_string(),
    };
    types.results.into_iter().find(fits).ok_or_else(|| {
        let kind = link.kind.as_deref().unwrap_or("default");
        Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", format!("HubSpot has no {kind} link from {object} to {to}."))
    })
}
