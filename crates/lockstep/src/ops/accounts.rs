//! WhatsApp accounts of an organization.

use lockstep_core::ids::TeamId;
use lockstep_core::limits::{ACCOUNTS_MAX, PHONE_CHARS_MAX, fits};
use lockstep_core::patch::Patch;
use lockstep_core::phone::Phone;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, Tx};
use serde_json::json;

use crate::ops::Author;
use crate::ops::audit::{Action, note};
use crate::ops::users::check_name;

/// What is given to add an account.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// Meta's id of the number, 6 to 20 digits.
    pub phone_number_id: String,
    /// The number as people write it; E.164 once spaces, dashes and brackets are gone.
    pub phone_number: String,
    /// The name that customers see.
    pub name: String,
    /// The team whose labels its contacts can have; `None` for those of every team.
    pub team: Option<TeamId>,
}

/// What to change of an account; members left out stay.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// The name that customers see.
    pub name: Option<String>,
    /// See [`NewAccount::team`].
    pub team: Patch<TeamId>,
}

/// Reads a number as people write it.
///
/// # Errors
/// [`Code::InvalidPhoneNumber`] with `param` `phone_number`.
pub fn check_phone_number(text: &str) -> Result<Phone, Problem> {
    let bad = |message: String| Problem::of(Code::InvalidPhoneNumber, "phone_number", message);
    let written = |c: char| c.is_ascii_digit() || "+ -().".contains(c);
    if !fits(text, PHONE_CHARS_MAX) || !text.chars().all(written) {
        return Err(bad(format!("A number has at most {PHONE_CHARS_MAX} digits, spaces, dashes, dots and brackets.")));
    }
    Phone::parse(&e164(text)).map_err(|error| bad(format!("The number is {error}.")))
}

/// Checks Meta's id of a number.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `phone_number_id`.
pub fn check_phone_number_id(text: &str) -> Result<(), Problem> {
    if (6..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(Problem::of(Code::InvalidFieldValue, "phone_number_id", "phone_number_id must be 6 to 20 digits."))
}

/// A number as people write it, without what is there for the eye.
pub fn e164(shown: &str) -> String {
    shown.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
}

/// Adds an account.
///
/// # Errors
/// A number or a name that will not do, a number that another account has, no such team, or there are
/// [`ACCOUNTS_MAX`] accounts.
pub fn add(tx: &mut Tx<'_>, by: &Author, new: &NewAccount) -> Result<Account, Problem> {
    let number = check_phone_number(&new.phone_number)?;
    check_phone_number_id(&new.phone_number_id)?;
    check_name(&new.name)?;
    let same_id = tx.account(&by.org, &new.phone_number_id)?.is_some();
    let known = tx.accounts(&by.org)?;
    if known.len() as u64 >= ACCOUNTS_MAX {
        let message = format!("An organization has at most {ACCOUNTS_MAX} accounts.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    if same_id || known.iter().any(|account| e164(&account.phone_number) == number.as_str()) {
        let message = "The organization has an account with this number or this phone_number_id.";
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    tx.add_account(&by.org, &new.phone_number_id, &new.phone_number, &new.name)?;
    note(tx, by, Action::AccountAdded, &json!({ "phone_number_id": new.phone_number_id }))?;
    let team = new.team.clone().map_or(Patch::Keep, Patch::Set);
    patch(tx, by, &new.phone_number_id, AccountPatch { name: None, team })
}

/// Renames an account, and gives it to a team or to all of them. Labels that hang on its contacts stay.
///
/// # Errors
/// A name that will not do, no such account, or no such team.
pub fn patch(tx: &mut Tx<'_>, by: &Author, phone_number_id: &str, patch: AccountPatch) -> Result<Account, Problem> {
    let old = tx.account(&by.org, phone_number_id)?.ok_or_else(|| Problem::not_found("account"))?;
    let name = patch.name.unwrap_or_else(|| old.name.clone());
    let next = Account { name, team: patch.team.apply(old.team.clone()), ..old.clone() };
    if next.name != old.name {
        check_name(&next.name)?;
        tx.put_account(&by.org, &next)?;
        note(tx, by, Action::AccountRenamed, &json!({ "phone_number_id": phone_number_id }))?;
    }
    if next.team != old.team {
        if let Some(team) = &next.team {
            tx.team(&by.org, team)?.ok_or_else(|| {
                Problem::of(Code::InvalidFieldValue, "team_id", "There is no such team. GET /v1/teams lists them.")
            })?;
        }
        tx.set_account_team(&by.org, phone_number_id, next.team.as_ref())?;
        let detail = json!({ "phone_number_id": phone_number_id, "team": next.team });
        note(tx, by, Action::AccountGiven, &detail)?;
    }
    Ok(next)
}
