//! Users and teams of an organization. The command line alone makes them.

use lockstep_core::contact::check_email;
use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::limits::{MEMBER_NAME_CHARS_MAX, fits};
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{NewUser, Org, StoreError, Team, Tx, User};
use serde_json::json;

use crate::ops::audit::{Action, note_operator};

/// Finds a user who was not removed.
///
/// # Errors
/// No such user.
pub fn find(tx: &mut Tx<'_>, org: &Org, id: &UserId) -> Result<User, Problem> {
    tx.user(org, id)?.ok_or_else(|| Problem::not_found("user"))
}

/// Finds a team.
///
/// # Errors
/// No such team.
pub fn find_team(tx: &mut Tx<'_>, org: &Org, id: &TeamId) -> Result<Team, Problem> {
    tx.team(org, id)?.ok_or_else(|| Problem::not_found("team"))
}

/// Adds a user, to teams at once.
///
/// # Errors
/// A name or an address that will not do, an address of another user, or no such team.
pub fn add(tx: &mut Tx<'_>, org: &Org, new: &NewUser, teams: &[TeamId]) -> Result<User, Problem> {
    check_name(&new.name)?;
    new.email.as_deref().map_or(Ok(()), check_email)?;
    let user = tx.add_user(org, new).map_err(|error| match error {
        StoreError::Conflict { .. } => {
            Problem::of(Code::InvalidFieldValue, "email", "Another user has this e-mail address.")
        }
        other => other.into(),
    })?;
    note_operator(tx, org, Action::UserAdded, &json!({ "user": user.id }))?;
    for team in teams {
        join(tx, org, team, &user.id)?;
    }
    find(tx, org, &user.id)
}

/// Removes a user. What was assigned to them still names them.
///
/// # Errors
/// No such user.
pub fn remove(tx: &mut Tx<'_>, org: &Org, id: &UserId) -> Result<(), Problem> {
    if !tx.remove_user(org, id)? {
        return Err(Problem::not_found("user"));
    }
    Ok(note_operator(tx, org, Action::UserRemoved, &json!({ "user": id }))?)
}

/// Makes a team.
///
/// # Errors
/// A name that will not do, or another team's.
pub fn add_team(tx: &mut Tx<'_>, org: &Org, name: &str) -> Result<Team, Problem> {
    check_name(name)?;
    let team = tx.add_team(org, name).map_err(|error| match error {
        StoreError::Conflict { .. } => {
            Problem::of(Code::InvalidFieldValue, "name", "The organization has a team of this name.")
        }
        other => other.into(),
    })?;
    note_operator(tx, org, Action::TeamAdded, &json!({ "team": team.id, "name": team.name }))?;
    Ok(team)
}

/// Removes a team with its memberships.
///
/// # Errors
/// No such team, the last one, or one that still has labels or accounts.
pub fn remove_team(tx: &mut Tx<'_>, org: &Org, id: &TeamId) -> Result<(), Problem> {
    find_team(tx, org, id)?;
    let refuse = |message: &str| Err(Problem::new(Code::InvalidFieldValue, message));
    if !tx.teams(org, None, 1)?.1 {
        return refuse("An organization has at least one team.");
    }
    if tx.team_is_used(org, id)? {
        return refuse("The team still has labels or accounts. Delete its labels and give its accounts away first.");
    }
    tx.remove_team(org, id)?;
    Ok(note_operator(tx, org, Action::TeamRemoved, &json!({ "team": id }))?)
}

/// Puts a user into a team; false when they are in it already.
///
/// # Errors
/// No such user or team.
pub fn join(tx: &mut Tx<'_>, org: &Org, team: &TeamId, user: &UserId) -> Result<bool, Problem> {
    let joined = tx.join_team(org, team, user)?;
    if joined {
        note_operator(tx, org, Action::TeamJoined, &json!({ "team": team, "user": user }))?;
    }
    Ok(joined)
}

/// Takes a user out of a team; false when they were not in it.
///
/// # Errors
/// No such user or team.
pub fn leave(tx: &mut Tx<'_>, org: &Org, team: &TeamId, user: &UserId) -> Result<bool, Problem> {
    find_team(tx, org, team)?;
    find(tx, org, user)?;
    let left = tx.leave_team(org, team, user)?;
    if left {
        note_operator(tx, org, Action::TeamLeft, &json!({ "team": team, "user": user }))?;
    }
    Ok(left)
}

/// Checks the name of an organization, a team or a user: 1 to [`MEMBER_NAME_CHARS_MAX`] characters, no control characters.
///
/// # Errors
/// [`Code::InvalidFieldValue`] with `param` `name`.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let printable = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if printable && fits(name, MEMBER_NAME_CHARS_MAX) {
        return Ok(());
    }
    let message = format!("A name must be 1 to {MEMBER_NAME_CHARS_MAX} characters without control characters.");
    Err(Problem::of(Code::InvalidFieldValue, "name", message))
}
