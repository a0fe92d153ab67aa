//! Teams of an organization and who belongs to them.

use lockstep_core::env::Time;
use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::label::name_key;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Row, args, cut};
use crate::tx::Tx;

/// A team. It owns labels, and accounts may be its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its id.
    pub id: TeamId,
    /// What people call it; unique within the organization, whatever the case.
    pub name: String,
    /// When it was made.
    pub created_at: Time,
    /// When its name last changed.
    pub updated_at: Time,
}

const TEAM: &str = "SELECT id, name, created_at, updated_at FROM teams WHERE org_id = ?1";

fn team_row(row: &Row<'_>) -> Result<Team, StoreError> {
    Ok(Team { id: row.take()?, name: row.take()?, created_at: row.take()?, updated_at: row.take()? })
}

impl Tx<'_> {
    /// Makes a team.
    ///
    /// # Errors
    /// `Conflict` of `teams_name` when the organization has a team of this name; the transaction goes on.
    pub fn add_team(&mut self, org: &Org, name: &str) -> Result<Team, StoreError> {
        let (id, now) = (TeamId::new(self.env()), self.now());
        let sql =
            "INSERT INTO teams (id, org_id, name, name_key, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
                   ON CONFLICT (org_id, name_key) DO NOTHING";
        match self.execute(sql, args![&id, org.id(), name, name_key(name), now])? {
            0 => Err(StoreError::conflict("teams_name")),
            _ => Ok(Team { id, name: name.to_owned(), created_at: now, updated_at: now }),
        }
    }

    /// The team with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn team(&mut self, org: &Org, id: &TeamId) -> Result<Option<Team>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{TEAM} AND id = ?2"), args![org.id(), id], team_row)
    }

    /// A page of the organization's teams by id, from behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn teams(&mut self, org: &Org, after: Option<&TeamId>, limit: usize) -> Result<(Vec<Team>, bool), StoreError> {
        let after = after.map_or("", TeamId::as_str);
        let sql = format!("{TEAM} AND id > ?2 ORDER BY id LIMIT ?3");
        Ok(cut(self.query(&sql, args![org.id(), after, limit.saturating_add(1)], team_row)?, limit))
    }

    /// How many teams there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_teams(&mut self, org: &Org) -> Result<u64, StoreError> {
        self.hold(org.id())?;
        self.count("SELECT COUNT(*) FROM teams WHERE org_id = ?1", args![org.id()])
    }

    /// Renames a team.
    ///
    /// # Errors
    /// `Conflict` of `teams_name` when another team has the name; the transaction goes on. `Missing` when the team is
    /// gone.
    pub fn rename_team(&mut self, org: &Org, id: &TeamId, name: &str) -> Result<(), StoreError> {
        self.hold(org.id())?;
        let (now, key) = (self.now(), name_key(name));
        let taken = "SELECT 1 FROM teams WHERE org_id = ?1 AND name_key = ?2 AND id <> ?3";
        if self.one(taken, args![org.id(), &key, id], |_| Ok(()))?.is_some() {
            return Err(StoreError::conflict("teams_name"));
        }
        let sql = "UPDATE teams SET name = ?3, name_key = ?4, updated_at = ?5 WHERE org_id = ?1 AND id = ?2";
        self.change("team", sql, args![org.id(), id, name, &key, now])
    }

    /// Removes a team with its memberships; false when there is none.
    ///
    /// # Errors
    /// `Foreign` while it has labels or accounts; the transaction must not go on then.
    pub fn remove_team(&mut self, org: &Org, id: &TeamId) -> Result<bool, StoreError> {
        let members = "DELETE FROM team_members WHERE team_id IN (SELECT id FROM teams WHERE org_id = ?1 AND id = ?2)";
        self.execute(members, args![org.id(), id])?;
        Ok(self.execute("DELETE FROM teams WHERE org_id = ?1 AND id = ?2", args![org.id(), id])? > 0)
    }

    /// Whether labels or accounts belong to a team.
    ///
    /// # Errors
    /// When the store fails.
    pub fn team_is_used(&mut self, org: &Org, id: &TeamId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM labels WHERE org_id = ?1 AND team_id = ?2
                   UNION ALL SELECT 1 FROM accounts WHERE org_id = ?1 AND team_id = ?2 LIMIT 1";
        Ok(self.one(sql, args![org.id(), id], |_| Ok(()))?.is_some())
    }

    /// Puts a user into a team; false when they are in it already.
    ///
    /// # Errors
    /// `Missing` when the organization lacks one of the two.
    pub fn join_team(&mut self, org: &Org, team: &TeamId, user: &UserId) -> Result<bool, StoreError> {
        self.team(org, team)?.ok_or(StoreError::Missing { what: "team" })?;
        self.user(org, user)?.ok_or(StoreError::Missing { what: "user" })?;
        let sql = "INSERT INTO team_members (team_id, user_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        Ok(self.execute(sql, args![team, user])? > 0)
    }

    /// Takes a user out of a team; false when they were not in it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn leave_team(&mut self, org: &Org, team: &TeamId, user: &UserId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM team_members WHERE team_id = ?2 AND user_id = ?3
                   AND EXISTS (SELECT 1 FROM teams WHERE org_id = ?1 AND id = ?2)";
        Ok(self.execute(sql, args![org.id(), team, user])? > 0)
    }
}
