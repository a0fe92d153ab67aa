//! The person's own latest records, to preview with.

use lockstep_connect::Search;
use lockstep_core::crm::{ApiObject, CrmProblem};
use lockstep_core::record::Record;
use lockstep_store::ConnectionOf;

use super::outcome;
use crate::app::App;
use crate::reach::{self, Class};

/// Records that a person may choose a preview from.
const SAMPLES: usize = 6;

/// The records of a native object that were changed last, with all readable properties.
///
/// # Errors
/// The vendor's.
pub async fn latest(app: &App, of: &ConnectionOf, api: &ApiObject) -> Result<Vec<Record>, CrmProblem> {
    let (connector, session) = reach::session(app, of, Class::Interactive).map_err(super::tokens::broken)?;
    let fields = api.selector.as_ref().map_or(&[][..], |root| &root.children);
    let readable = fields.iter().filter(|field| field.access.readable);
    let properties: Vec<String> = readable.filter_map(|field| field.api_name.clone()).collect();
    let search = Search { limit: SAMPLES, ..Search::default() };
    let found = connector.search(&session, &api.slug, &search, &properties).await;
    Ok(found.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?.records)
}
