//! Users: the people whom conversations are assigned to.

use std::collections::BTreeMap;

use lockstep_core::env::Time;
use lockstep_core::ids::{TeamId, UserId};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// What people call them.
    pub name: String,
    /// The e-mail address; unique within the organization, whatever the case.
    pub email: Option<String>,
    /// Their teams, oldest first.
    pub teams: Vec<TeamId>,
    /// When they were added.
    pub created_at: Time,
    /// When their name or address last changed.
    pub updated_at: Time,
    /// When they were removed. What names them still shows who they were.
    pub removed_at: Option<Time>,
}

/// What is given to add a user, checked already.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// See [`User::name`].
    pub name: String,
    /// See [`User::email`].
    pub email: Option<String>,
}

/// Which users a list shows; members left out do not narrow. Removed ones are never shown.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// Only the members of this team.
    pub team: Option<TeamId>,
}

const USER: &str = "SELECT id, name, email, created_at, updated_at, removed_at FROM users WHERE org_id = ?1";

fn user_row(row: &Row<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.take()?,
        name: row.take()?,
        email: row.take()?,
        teams: Vec::new(),
        created_at: row.take()?,
        updated_at: row.take()?,
        removed_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Adds a user.
    ///
    /// # Errors
    /// `Conflict` of `users_email` when another user has the address; the transaction goes on.
    pub fn add_user(&mut self, org: &Org, new: &NewUser) -> Result<User, StoreError> {
        let (id, now) = (UserId::new(self.env()), self.now());
        let key = new.email.as_deref().map(str::to_lowercase);
        let sql = "INSERT INTO users (id, org_id, name, email, email_key, created_at, updated_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (org_id, email_key) WHERE removed_at IS NULL DO NOTHING";
        let made = self.execute(sql, args![&id, org.id(), &new.name, new.email.as_deref(), key, now])?;
        if made == 0 {
            return Err(StoreError::conflict("users_email"));
        }
        let (name, email) = (new.name.clone(), new.email.clone());
        Ok(User { id, name, email, teams: Vec::new(), created_at: now, updated_at: now, removed_at: None })
    }

    /// The user with this id, unless they were removed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn user(&mut self, org: &Org, id: &UserId) -> Result<Option<User>, StoreError> {
        self.hold(org.id())?;
        Ok(self.users_by_id(org, std::slice::from_ref(id))?.remove(id).filter(|user| user.removed_at.is_none()))
    }

    /// The users with these ids, removed ones included; any number of them in two statements.
    ///
    /// # Errors
    /// When the store fails.
    pub fn users_by_id(&mut self, org: &Org, ids: &[UserId]) -> Result<BTreeMap<UserId, User>, StoreError> {
        let sql = format!("{USER} AND {}", self.dialect().among("id", 2));
        let found = self.query(&sql, args![org.id(), Arg::json(&ids)?], user_row)?;
        let found = self.with_teams(found)?;
        Ok(found.into_iter().map(|user| (user.id.clone(), user)).collect())
    }

    /// A page of the organization's users by id, from behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn users(
        &mut self,
        org: &Org,
        filter: &UserFilter,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<(Vec<User>, bool), StoreError> {
        let after = after.map_or("", UserId::as_str);
        let listed = format!("{USER} AND removed_at IS NULL AND id > ?2");
        let found = match &filter.team {
            None => {
                let sql = format!("{listed} ORDER BY id LIMIT ?3");
                self.query(&sql, args![org.id(), after, limit.saturating_add(1)], user_row)?
            }
            Some(team) => {
                let sql = format!(
                    "{listed} AND id IN (SELECT user_id FROM team_members WHERE team_id = ?4) ORDER BY id LIMIT ?3"
                );
                self.query(&sql, args![org.id(), after, limit.saturating_add(1), team], user_row)?
            }
        };
        let (page, more) = cut(found, limit);
        Ok((self.with_teams(page)?, more))
    }

    /// How many users there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_users(&mut self, org: &Org) -> Result<u64, StoreError> {
        self.hold(org.id())?;
        self.count("SELECT COUNT(*) FROM users WHERE org_id = ?1 AND removed_at IS NULL", args![org.id()])
    }

    /// Replaces a user's name and address. Their teams are not looked at.
    ///
    /// # Errors
    /// `Conflict` of `users_email` when another user has the address; the transaction goes on. `Missing` when the user
    /// is gone.
    pub fn put_user(&mut self, org: &Org, user: &User) -> Result<(), StoreError> {
        self.hold(org.id())?;
        let (now, key) = (self.now(), user.email.as_deref().map(str::to_lowercase));
        let taken = "SELECT 1 FROM users WHERE org_id = ?1 AND email_key = ?2 AND id <> ?3 AND removed_at IS NULL";
        if self.one(taken, args![org.id(), key.as_deref(), &user.id], |_| Ok(()))?.is_some() {
            return Err(StoreError::conflict("users_email"));
        }
        let sql = "UPDATE users SET name = ?3, email = ?4, email_key = ?5, updated_at = ?6
                   WHERE org_id = ?1 AND id = ?2 AND removed_at IS NULL";
        self.change("user", sql, args![org.id(), &user.id, &user.name, user.email.as_deref(), key, now])
    }

    /// Removes a user from the organization and its teams; false when there is none. The row stays for what names them,
    /// the address is free again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remove_user(&mut self, org: &Org, id: &UserId) -> Result<bool, StoreError> {
        let now = self.now();
        let sql = "UPDATE users SET removed_at = ?3 WHERE org_id = ?1 AND id = ?2 AND removed_at IS NULL";
        if self.execute(sql, args![org.id(), id, now])? == 0 {
            return Ok(false);
        }
        self.execute("DELETE FROM team_members WHERE user_id = ?1", args![id])?;
        Ok(true)
    }

    fn with_teams(&mut self, mut users: Vec<User>) -> Result<Vec<User>, StoreError> {
        if users.is_empty() {
            return Ok(users);
        }
        let ids: Vec<&UserId> = users.iter().map(|user| &user.id).collect();
        let sql = format!(
            "SELECT user_id, team_id FROM team_members WHERE {} ORDER BY team_id",
            self.dialect().among("user_id", 1)
        );
        let mut teams: BTreeMap<UserId, Vec<TeamId>> = BTreeMap::new();
        for (user, team) in self.query(&sql, args![Arg::json(&ids)?], |row| Ok((row.take()?, row.take()?)))? {
            teams.entry(user).or_default().push(team);
        }
        for user in &mut users {
            user.teams = teams.remove(&user.id).unwrap_or_default();
        }
        Ok(users)
    }
}
