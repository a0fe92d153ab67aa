//! How two records are linked: by a field of one that refers to the other, or by a record between them (Salesforce's
//! "Object Reference", pages of the objects named here).

use lockstep_core::crm::Link;

use super::deeds::Other;
use super::metadata::described;
use super::wire::{check_name, long_id};
use crate::door::Session;
use crate::fault::{Fault, FaultClass};

/// The usual field by which records of one object refer to another's.
const FIELDS: [(&str, &str, &str); 19] = [
    ("Contact", "Account", "AccountId"),
    ("Opportunity", "Account", "AccountId"),
    ("Case", "Account", "AccountId"),
    ("Case", "Contact", "ContactId"),
    ("Case", "Case", "ParentId"),
    ("CaseComment", "Case", "ParentId"),
    ("Account", "Account", "ParentId"),
    ("Task", "Contact", "WhoId"),
    ("Task", "Lead", "WhoId"),
    ("Task", "Account", "WhatId"),
    ("Task", "Opportunity", "WhatId"),
    ("Task", "Case", "WhatId"),
    ("Event", "Contact", "WhoId"),
    ("Event", "Lead", "WhoId"),
    ("Event", "Account", "WhatId"),
    ("Event", "Opportunity", "WhatId"),
    ("Note", "Contact", "ParentId"),
    ("Note", "Account", "ParentId"),
    ("Note", "Opportunity", "ParentId"),
];

/// What a link takes.
pub(super) enum Linking {
    /// A field of the record that is written.
    Own {
        /// Its name.
        field: String,
    },
    /// Another record.
    Others(Other),
}

/// How a link from a record of `object` is made: by the field that it names, by the usual one, or by the only one that
/// there is. At most one call.
pub(super) async fn linking(session: &Session, object: &str, link: &Link) -> Result<Linking, Fault> {
    let to = link.to.object();
    let other_id = long_id(link.to.id()).ok_or_else(|| {
        Fault::new(FaultClass::Rejected, "MALFORMED_ID", format!("{} is no record of Salesforce's.", link.to))
    })?;
    let usual = |from: &str, to: &str| FIELDS.iter().find(|(a, b, _)| *a == from && *b == to);
    // A person's part in a sale is a record between the two; the kind of link is the role.
    let between = |field, other: &str| {
        let role = link.kind.clone().map(|kind| ("Role".to_owned(), Some(kind)));
        let more = role.into_iter().chain([(other.to_owned(), Some(other_id.clone()))]).collect();
        Linking::Others(Other { object: "OpportunityContactRole", id: None, field, more })
    };
    match (object, to) {
        ("Opportunity", "Contact") => return Ok(between("OpportunityId", "ContactId")),
        ("Contact", "Opportunity") => return Ok(between("ContactId", "OpportunityId")),
        _ => {}
    }
    if let Some(kind) = &link.kind {
        check_name(kind)?;
        return Ok(Linking::Own { field: kind.clone() });
    }
    if let Some((_, _, field)) = usual(object, to) {
        return Ok(Linking::Own { field: (*field).to_owned() });
    }
    if let Some((object, _, field)) = usual(to, object) {
        return Ok(Linking::Others(Other { object, id: Some(other_id), field, more: Default::default() }));
    }
    let fields = described(session, object).await?.fields;
    let mut fitting =
        fields.into_iter().filter(|field| field.createable && field.reference_to.iter().any(|it| it == to));
    match (fitting.next(), fitting.next()) {
        (Some(field), None) => Ok(Linking::Own { field: field.name }),
        _ => {
            let message = format!("Salesforce has no one way from {object} to {to}: name the field that links them.");
            Err(Fault::new(FaultClass::Rejected, "UNKNOWN_LINK", message))
        }
    }
}
