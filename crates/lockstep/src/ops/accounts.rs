//! WhatsApp accounts of an organization. The command line alone adds them.

use lockstep_core::ids::TeamId;
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::json;

use crate::ops::audit::{Action, note_operator};
use crate::ops::users;

/// What is given to add an account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Meta's id of the number, 6 to 20 digits, checked already.
    pub phone_number_id: String,
    /// The number as people write it; E.164 once spaces, dashes and brackets are gone.
    pub phone_number: String,
    /// The name that customers see.
    pub name: String,
    /// The team whose labels its contacts can have; `None` for those of every team.
    pub team: Option<TeamId>,
}

/// Adds an account.
///
/// # Errors
/// A number that will not do, one that another account has, or no such team.
pub fn add(tx: &mut Tx<'_>, org: &Org, new: &NewAccount) -> Result<Account, Problem> {
    let digits = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect::<String>();
    let number = Phone::parse(&digits(&new.phone_number))
        .map_err(|bad| Problem::of(Code::InvalidPhoneNumber, "phone_number", format!("The number is {bad}.")))?;
    let mut known = tx.accounts(org)?.into_iter();
    if known.any(|account| {
        account.phone_number_id == new.phone_number_id || digits(&account.phone_number) == number.as_str()
    }) {
        let message = "The organization has an account with this number or this phone_number_id.";
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    tx.add_account(org, &new.phone_number_id, &new.phone_number, &new.name)?;
    note_operator(tx, org, Action::AccountAdded, &json!({ "phone_number_id": new.phone_number_id }))?;
    set_team(tx, org, &new.phone_number_id, new.team.as_ref())
}

/// Gives an account to a team, or to all of them. Labels that hang on its contacts stay.
///
/// # Errors
/// No such account or team.
pub fn set_team(tx: &mut Tx<'_>, org: &Org, phone_number_id: &str, team: Option<&TeamId>) -> Result<Account, Problem> {
    if let Some(team) = team {
        users::find_team(tx, org, team)?;
    }
    let old = tx.account(org, phone_number_id)?.ok_or_else(|| Problem::not_found("account"))?;
    if old.team.as_ref() != team {
        tx.set_account_team(org, phone_number_id, team)?;
        let detail = json!({ "phone_number_id": phone_number_id, "team": team });
        note_operator(tx, org, Action::AccountGiven, &detail)?;
    }
    tx.account(org, phone_number_id)?.ok_or_else(|| StoreError::Missing { what: "account" }.into())
}
