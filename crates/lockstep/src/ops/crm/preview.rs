//! The person's own latest records, and what an event would do to one of them. Nothing is written.

use lockstep_connect::Search;
use lockstep_core::crm::{
    ApiObject, CrmObject, CrmProblem, DryRun, EventAction, ObjectMapping, Refusal, dry_run, preview, view,
};
use lockstep_core::record::Record;
use lockstep_store::ConnectionOf;
use serde_json::Map;

use super::outcome;
use crate::app::App;
use crate::reach::{self, Class};

/// Records that a person may choose a preview from.
const SAMPLES: usize = 6;

/// The records of a native object that were changed last, with all readable properties.
///
/// # Errors
/// The vendor's.
pub async fn samples(app: &App, of: &ConnectionOf, api: &ApiObject) -> Result<Vec<Record>, CrmProblem> {
    let (connector, session) = reach::session(app, of, Class::Interactive).map_err(super::tokens::broken)?;
    let fields = api.selector.as_ref().map_or(&[][..], |root| &root.children);
    let readable = fields.iter().filter(|field| field.access.readable);
    let properties: Vec<String> = readable.filter_map(|field| field.api_name.clone()).collect();
    let search = Search { limit: SAMPLES, ..Search::default() };
    let found = connector.search(&session, &api.slug, &search, &properties).await;
    Ok(found.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?.records)
}

/// What an event would do to a record, or without one: with values of the record where the app's fields have them, else
/// with examples.
///
/// # Errors
/// What the app would be told.
pub fn event(
    object: &CrmObject,
    mapping: &ObjectMapping,
    action: &EventAction,
    api: &ApiObject,
    record: Option<&Record>,
) -> Result<DryRun, Refusal> {
    let known = match (record, &api.selector) {
        (Some(record), Some(root)) => view::data(object, mapping, root, record),
        _ => Map::new(),
    };
    let Some(event) = object.event(&action.event.slug) else { return Ok(DryRun::Nothing) };
    dry_run(action, api, &preview::example(event, &known), record)
}
