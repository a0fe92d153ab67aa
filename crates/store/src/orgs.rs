//! Organizations, their change numbers and their WhatsApp accounts.

use lockstep_core::env::Time;
use lockstep_core::ids::{AccountId, ContextId, OrgId, SyncId, TeamId};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::sql::{Row, args, cut};
use crate::tx::Tx;

/// Proof that an organization exists and that its rows may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Org(OrgId);

impl Org {
    /// The organization's id.
    pub fn id(&self) -> &OrgId {
        &self.0
    }

    /// For lookups that read the organization from a row that proves it.
    pub(crate) fn proven(id: OrgId) -> Self {
        Self(id)
    }
}

/// An organization's record. It proves nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id.
    pub id: OrgId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    pub created_at: Time,
}

/// A WhatsApp account of an organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its record.
    pub id: AccountId,
    /// Meta's id of the number, unique within the organization.
    pub phone_number_id: String,
    /// The number as shown.
    pub phone_number: String,
    /// The verified name.
    pub name: String,
    /// How it stands: `onboarding` until a channel carries it, then `connected` or `disconnected`.
    pub status: String,
    /// The team whose labels its contacts can have; `None` for those of every team.
    pub team: Option<TeamId>,
}

const ACCOUNT: &str = "SELECT id, phone_number_id, phone_number, name, status, team_id FROM accounts WHERE org_id = ?1";

fn account_row(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.take()?,
        phone_number_id: row.take()?,
        phone_number: row.take()?,
        name: row.take()?,
        status: row.take()?,
        team: row.take()?,
    })
}

impl Tx<'_> {
    /// Makes an organization with a context of its own and a team named "General".
    ///
    /// # Errors
    /// When the store fails.
    pub fn create_org(&mut self, name: &str) -> Result<Org, StoreError> {
        let (org, context, now) = (OrgId::new(self.env()), ContextId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO organizations (id, name, seq, created_at) VALUES (?1, ?2, 0, ?3)",
            args![&org, name, now],
        )?;
        self.execute("INSERT INTO contexts (id, org_id, created_at) VALUES (?1, ?2, ?3)", args![&context, &org, now])?;
        // Migration 0002 gave each organization that was there its team in the same words.
        self.execute(
            "INSERT INTO teams (id, org_id, name, name_key, created_at, updated_at)
             SELECT 'team_' || substr(id, 5), id, 'General', 'general', created_at, created_at FROM organizations WHERE id = ?1",
            args![&org],
        )?;
        Ok(Org(org))
    }

    /// Every organization with its name, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn orgs(&mut self) -> Result<Vec<(Org, String)>, StoreError> {
        self.query("SELECT id, name FROM organizations ORDER BY id", &[], |row| Ok((Org(row.take()?), row.take()?)))
    }

    /// A page of the organizations by id, from behind `after`, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn list_orgs(&mut self, after: Option<&OrgId>, limit: usize) -> Result<(Vec<Organization>, bool), StoreError> {
        let after = after.map_or("", OrgId::as_str);
        let sql = "SELECT id, name, created_at FROM organizations WHERE id > ?1 ORDER BY id LIMIT ?2";
        let rows = self.query(sql, args![after, limit.saturating_add(1)], |row| {
            Ok(Organization { id: row.take()?, name: row.take()?, created_at: row.take()? })
        })?;
        Ok(cut(rows, limit))
    }

    /// How many organizations there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_orgs(&mut self) -> Result<u64, StoreError> {
        self.count("SELECT COUNT(*) FROM organizations", &[])
    }

    /// The organization with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn org(&mut self, id: &OrgId) -> Result<Option<Org>, StoreError> {
        self.one("SELECT id FROM organizations WHERE id = ?1", args![id], |row| row.take().map(Org))
    }

    /// The organization's name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn org_name(&mut self, org: &Org) -> Result<String, StoreError> {
        self.one("SELECT name FROM organizations WHERE id = ?1", args![org.id()], |row| row.take())?
            .ok_or(StoreError::Missing { what: "organization" })
    }

    /// The organization that was made first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn oldest_org(&mut self) -> Result<Option<Org>, StoreError> {
        self.one("SELECT id FROM organizations ORDER BY id LIMIT 1", &[], |row| row.take().map(Org))
    }

    /// Makes this the only transaction that founds an organization until the commit. Look again afterwards: another
    /// process may have founded it while this one waited.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hold_founding(&mut self) -> Result<(), StoreError> {
        match self.dialect().hold_founding() {
            None => Ok(()),
            Some(sql) => self.execute(sql, &[]).map(|_| ()),
        }
    }

    /// The organization of a claimed job's sync.
    ///
    /// # Errors
    /// When the store fails.
    pub fn org_of_sync(&mut self, id: &SyncId) -> Result<Option<Org>, StoreError> {
        self.one("SELECT org_id FROM syncs WHERE id = ?1", args![id], |row| row.take().map(Org))
    }
    /// The next change number of the organization. The row's lock makes commit order the order of numbers.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_seq(&mut self, org: &Org) -> Result<i64, StoreError> {
        self.next_stamp(org).map(|(seq, _)| seq)
    }

    /// The last change number that was given.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_seq(&mut self, org: &Org) -> Result<i64, StoreError> {
        let sql = "SELECT seq FROM organizations WHERE id = ?1";
        self.one(sql, args![org.id()], |row| row.take())?.ok_or(StoreError::Missing { what: "organization" })
    }

    /// The next change number, and an instant that never falls from one number to the next: now, or that of the number
    /// before where a clock stepped back.
    pub(crate) fn next_stamp(&mut self, org: &Org) -> Result<(i64, Time), StoreError> {
        self.hold(org.id())?;
        let now = self.now();
        let sql = "UPDATE organizations SET seq = seq + 1, stamp = CASE WHEN stamp < ?2 THEN ?2 ELSE stamp END
             WHERE id = ?1 RETURNING seq, stamp";
        self.one(sql, args![org.id(), now], |row| Ok((row.take()?, row.take()?)))?
            .ok_or(StoreError::Missing { what: "organization" })
    }

    /// Adds a WhatsApp account, `onboarding` until a channel carries it.
    ///
    /// # Errors
    /// `Conflict` when the organization has this `phone_number_id` already.
    pub fn add_account(
        &mut self,
        org: &Org,
        phone_number_id: &str,
        phone_number: &str,
        name: &str,
    ) -> Result<Account, StoreError> {
        let id = AccountId::new(self.env());
        let now = self.now();
        self.execute(
            "INSERT INTO accounts (id, org_id, phone_number_id, phone_number, name, status, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'onboarding', ?6)",
            args![&id, org.id(), phone_number_id, phone_number, name, now],
        )?;
        self.account(org, phone_number_id)?.ok_or(StoreError::Missing { what: "account" })
    }

    /// Gives an account to a team, or to all of them.
    ///
    /// # Errors
    /// `Missing` when the organization has no such account; `Foreign` when there is no such team.
    pub fn set_account_team(
        &mut self,
        org: &Org,
        phone_number_id: &str,
        team: Option<&TeamId>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET team_id = ?3 WHERE org_id = ?1 AND phone_number_id = ?2";
        self.change("account", sql, args![org.id(), phone_number_id, team])
    }

    /// The organization's accounts, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn accounts(&mut self, org: &Org) -> Result<Vec<Account>, StoreError> {
        self.query(&format!("{ACCOUNT} ORDER BY id"), args![org.id()], account_row)
    }

    /// The organization's account with this `phone_number_id`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn account(&mut self, org: &Org, phone_number_id: &str) -> Result<Option<Account>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{ACCOUNT} AND phone_number_id = ?2"), args![org.id(), phone_number_id], account_row)
    }

    /// Sets what is known of an account: whether it is `connected`, the number as shown, and its verified name.
    ///
    /// # Errors
    /// `Missing` when the organization has no such account.
    pub fn put_account(&mut self, org: &Org, account: &Account) -> Result<(), StoreError> {
        self.change(
            "account",
            "UPDATE accounts SET status = ?3, phone_number = ?4, name = ?5 WHERE org_id = ?1 AND phone_number_id = ?2",
            args![org.id(), &account.phone_number_id, &account.status, &account.phone_number, &account.name],
        )
    }
}
