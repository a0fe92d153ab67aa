//! Organizations, the tenants of one server. The command line alone makes them.

use lockstep_core::problem::Problem;
use lockstep_store::{Org, Tx};
use serde_json::json;

use crate::ops::Author;
use crate::ops::accounts::{self, NewAccount};
use crate::ops::audit::{Action, note_operator};
use crate::ops::users::check_name;

/// Makes an organization with its first account.
///
/// # Errors
/// A name that will not do, or as [`accounts::add`].
pub fn make(tx: &mut Tx<'_>, name: &str, account: &NewAccount) -> Result<Org, Problem> {
    check_name(name)?;
    let org = tx.create_org(name)?;
    note_operator(tx, &org, Action::OrganizationMade, &json!({ "organization": org.id(), "name": name }))?;
    accounts::add(tx, &Author::command_line(org.clone()), account)?;
    Ok(org)
}
