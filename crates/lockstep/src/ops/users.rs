//! Users and teams of an organization.

use std::collections::BTreeSet;

use lockstep_core::contact::check_email;
use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::limits::{MEMBER_NAME_CHARS_MAX, PAGE_SIZE_MAX, TEAMS_MAX, USERS_MAX, fits};
use lockstep_core::patch::Patch;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::text::fold;
use lockstep_store::{NewUser, Org, StoreError, Team, Tx, User, UserFilter};
use serde_json::json;

use crate::ops::Author;
use crate::ops::audit::{Action, note};

/// What to change of a user; members left out stay.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// See [`User::name`].
    pub name: Option<String>,
    /// See [`User::email`].
    pub email: Patch<String>,
    /// All the teams that they shall be in.
    pub teams: Option<Vec<TeamId>>,
}

/// Finds a user who was not removed.
///
/// # Errors
/// No such user.
pub fn find(tx: &mut Tx<'_>, org: &Org, id: &UserId) -> Result<User, Problem> {
    tx.user(org, id)?.ok_or_else(|| Problem::not_found("user"))
}

/// Whom to choose from: at most [`PAGE_SIZE_MAX`] people whose name holds the text, and whether there are more. Those in
/// `always` are among them whatever their name, also when they were removed.
///
/// # Errors
/// The store's.
pub fn choices(tx: &mut Tx<'_>, org: &Org, text: &str, always: &[&UserId]) -> Result<(Vec<User>, bool), StoreError> {
    let (wanted, shown) = (fold(text.trim()), PAGE_SIZE_MAX as usize);
    // Names are compared here, so that both engines agree; without a text, a page is all that is needed.
    let read = if wanted.is_empty() { shown } else { USERS_MAX as usize };
    let (mut found, more) = tx.users(org, &UserFilter::default(), None, read)?;
    found.retain(|user| fold(&user.name).contains(&wanted));
    let more = more || found.len() > shown;
    found.truncate(shown);
    let absent = always.iter().filter(|id| found.iter().all(|user| user.id != ***id));
    let absent: Vec<UserId> = absent.map(|id| (*id).clone()).collect();
    found.extend(tx.users_by_id(org, &absent)?.into_values());
    Ok((found, more))
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
/// A name or an address that will not do, an address of another user, no such team, or there are [`USERS_MAX`] users.
pub fn add(tx: &mut Tx<'_>, by: &Author, new: &NewUser, teams: &[TeamId]) -> Result<User, Problem> {
    check_name(&new.name)?;
    new.email.as_deref().map_or(Ok(()), check_email)?;
    if tx.count_users(&by.org)? >= USERS_MAX {
        let message = format!("An organization has at most {USERS_MAX} users. Remove one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let user = tx.add_user(&by.org, new).map_err(address_taken)?;
    note(tx, by, Action::UserAdded, &json!({ "user": user.id }))?;
    set_teams(tx, by, &user, teams)?;
    find(tx, &by.org, &user.id)
}

fn address_taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => {
            Problem::of(Code::InvalidFieldValue, "email", "Another user has this e-mail address.")
        }
        other => other.into(),
    }
}

/// Changes a user. What they have already is no change.
///
/// # Errors
/// As [`add`], or no such user.
pub fn patch(tx: &mut Tx<'_>, by: &Author, id: &UserId, patch: UserPatch) -> Result<User, Problem> {
    let old = find(tx, &by.org, id)?;
    let name = patch.name.unwrap_or_else(|| old.name.clone());
    let next = User { name, email: patch.email.apply(old.email.clone()), ..old.clone() };
    if next != old {
        check_name(&next.name)?;
        next.email.as_deref().map_or(Ok(()), check_email)?;
        tx.put_user(&by.org, &next).map_err(address_taken)?;
        note(tx, by, Action::UserChanged, &json!({ "user": id }))?;
    }
    if let Some(teams) = patch.teams {
        set_teams(tx, by, &old, &teams)?;
    }
    find(tx, &by.org, id)
}

/// Puts a user into these teams and takes them out of all others.
fn set_teams(tx: &mut Tx<'_>, by: &Author, user: &User, teams: &[TeamId]) -> Result<(), Problem> {
    let (held, wanted): (BTreeSet<_>, BTreeSet<_>) = (user.teams.iter().collect(), teams.iter().collect());
    for team in wanted.difference(&held) {
        tx.team(&by.org, team)?.ok_or_else(|| {
            Problem::of(Code::InvalidFieldValue, "team_ids", "There is no such team. GET /v1/teams lists them.")
        })?;
        join(tx, by, team, &user.id)?;
    }
    for team in held.difference(&wanted) {
        leave(tx, by, team, &user.id)?;
    }
    Ok(())
}

/// Removes a user. What was assigned to them still names them.
///
/// # Errors
/// No such user.
pub fn remove(tx: &mut Tx<'_>, by: &Author, id: &UserId) -> Result<(), Problem> {
    if !tx.remove_user(&by.org, id)? {
        return Err(Problem::not_found("user"));
    }
    Ok(note(tx, by, Action::UserRemoved, &json!({ "user": id }))?)
}

/// Makes a team.
///
/// # Errors
/// A name that will not do, or another team's, or there are [`TEAMS_MAX`] teams.
pub fn add_team(tx: &mut Tx<'_>, by: &Author, name: &str) -> Result<Team, Problem> {
    check_name(name)?;
    if tx.count_teams(&by.org)? >= TEAMS_MAX {
        let message = format!("An organization has at most {TEAMS_MAX} teams. Remove one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let team = tx.add_team(&by.org, name).map_err(name_taken)?;
    note(tx, by, Action::TeamAdded, &json!({ "team": team.id, "name": team.name }))?;
    Ok(team)
}

fn name_taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => {
            Problem::of(Code::InvalidFieldValue, "name", "The organization has a team of this name.")
        }
        other => other.into(),
    }
}

/// Renames a team. The name that it has already is no change.
///
/// # Errors
/// As [`add_team`], or no such team.
pub fn rename_team(tx: &mut Tx<'_>, by: &Author, id: &TeamId, name: &str) -> Result<Team, Problem> {
    check_name(name)?;
    let old = find_team(tx, &by.org, id)?;
    if old.name == name {
        return Ok(old);
    }
    tx.rename_team(&by.org, id, name).map_err(name_taken)?;
    note(tx, by, Action::TeamRenamed, &json!({ "team": id, "name": name }))?;
    find_team(tx, &by.org, id)
}

/// Removes a team with its memberships.
///
/// # Errors
/// No such team, the last one, or one that still has labels or accounts.
pub fn remove_team(tx: &mut Tx<'_>, by: &Author, id: &TeamId) -> Result<(), Problem> {
    find_team(tx, &by.org, id)?;
    let refuse = |message: &str| Err(Problem::new(Code::InvalidFieldValue, message));
    if tx.count_teams(&by.org)? < 2 {
        return refuse("An organization has at least one team.");
    }
    if tx.team_is_used(&by.org, id)? {
        return refuse("The team still has labels or accounts. Delete its labels and give its accounts away first.");
    }
    tx.remove_team(&by.org, id)?;
    Ok(note(tx, by, Action::TeamRemoved, &json!({ "team": id }))?)
}

/// Puts a user into a team; false when they are in it already.
///
/// # Errors
/// No such user or team.
pub fn join(tx: &mut Tx<'_>, by: &Author, team: &TeamId, user: &UserId) -> Result<bool, Problem> {
    let joined = tx.join_team(&by.org, team, user)?;
    if joined {
        note(tx, by, Action::TeamJoined, &json!({ "team": team, "user": user }))?;
    }
    Ok(joined)
}

/// Takes a user out of a team; false when they were not in it.
///
/// # Errors
/// No such user or team.
pub fn leave(tx: &mut Tx<'_>, by: &Author, team: &TeamId, user: &UserId) -> Result<bool, Problem> {
    find_team(tx, &by.org, team)?;
    find(tx, &by.org, user)?;
    let left = tx.leave_team(&by.org, team, user)?;
    if left {
        note(tx, by, Action::TeamLeft, &json!({ "team": team, "user": user }))?;
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
