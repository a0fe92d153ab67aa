//! A vendor's failure in the words of the CRM API: its own code and sentence, the mapped field that caused it, what to do.

use std::time::Duration;

use lockstep_connect::{About, Fault, FaultClass};
use lockstep_core::crm::selector::Selector;
use lockstep_core::crm::{CrmCode, CrmProblem, CrmWords, EventAction};

use crate::app::App;

/// Where a vendor's property comes from: the action's rows and the fields that they write.
#[derive(Clone, Copy, Debug)]
pub struct Blame<'a> {
    /// The action that was carried out.
    pub action: &'a EventAction,
    /// The native object's fields.
    pub root: &'a Selector,
}

impl Blame<'_> {
    /// The payload field that a native property was written from, else the property's own label.
    fn field(&self, property: &str) -> Option<String> {
        let native = self.root.children.iter().find(|field| field.api_name.as_deref() == Some(property))?;
        let row = self.action.transformations.iter().find(|row| row.source_pointer == native.pointer);
        row.and_then(|row| row.slug()).map(str::to_owned).or_else(|| native.label.clone())
    }
}

/// What a caller is told of a fault.
pub fn problem(app: &App, fault: Fault, about: &About, blame: Option<Blame<'_>>) -> CrmProblem {
    let (code, message) = words(&fault, about.name);
    let field = fault
        .property
        .as_deref()
        .map(|property| blame.and_then(|blame| blame.field(property)).unwrap_or_else(|| property.to_owned()));
    let retry_after = match code {
        CrmCode::RateLimited => Some(
            fault.retry_at.map_or(Duration::from_secs(10), |at| at.since(app.env.now()).max(Duration::from_secs(1))),
        ),
        CrmCode::CrmUnavailable => Some(Duration::from_secs(5)),
        _ => None,
    };
    let crm = CrmWords { code: fault.code, message: fault.message, request_id: fault.request_id };
    CrmProblem { crm: Some(Box::new(crm)), field, retry_after, ..CrmProblem::new(code, message) }
}

fn words(fault: &Fault, crm: &str) -> (CrmCode, String) {
    match fault.class {
        FaultClass::Reauthorise => (
            CrmCode::ReauthorisationNeeded,
            format!(
                "{crm} no longer accepts our sign-in. Open CRM Link with the same connectionID to authorise again."
            ),
        ),
        FaultClass::Forbidden => (CrmCode::CrmRefused, format!("{crm} does not allow this: {}", fault.message)),
        FaultClass::Missing => (CrmCode::RecordNotFound, format!("{crm} shows no such record.")),
        FaultClass::Duplicate | FaultClass::Rejected => {
            (CrmCode::CrmRefused, format!("{crm} refused: {} Nothing was written.", fault.message))
        }
        FaultClass::Drift => (
            CrmCode::MappingBroken,
            format!("A field that the mapping uses has gone from {crm}. The user can repair it in CRM Link."),
        ),
        FaultClass::Limited => (
            CrmCode::RateLimited,
            format!(
                "The limit of this {crm} account is used for now. Nothing was written: try again after Retry-After."
            ),
        ),
        FaultClass::Busy | FaultClass::Unreachable | FaultClass::Stale => {
            (CrmCode::CrmUnavailable, format!("{crm} cannot answer now. Nothing was written: try again."))
        }
        FaultClass::Unknown => (
            CrmCode::OutcomeUnknown,
            format!("{crm}'s answer was lost: it may have happened. It will not be sent again under this key."),
        ),
        FaultClass::Bug => (CrmCode::CrmRefused, format!("{crm} answered in a way that we do not understand.")),
    }
}
