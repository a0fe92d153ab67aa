//! Contexts and connections: a context's authorised account at one vendor.

use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, ContextId, OrgId};

use crate::contexts::ContextOf;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Row, args, cut};
use crate::tx::Tx;

/// What is given to keep a connection.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The id under which the grant was sealed.
    pub id: ConnectionId,
    /// The connector's slug.
    pub vendor: String,
    /// Where the vendor's API answers.
    pub base_url: String,
    /// The vendor's id of the account.
    pub account: String,
    /// The name that an app gave it; `None` for those of the command line.
    pub external_id: Option<String>,
    /// What a person calls it.
    pub label: String,
    /// How our id is kept in the vendor's records, as JSON of the caller's.
    pub key_field: String,
    /// The grant, sealed by the caller's vault.
    pub grant_sealed: Vec<u8>,
    /// Whether the grant is a token that is never refreshed.
    pub static_token: bool,
}

/// A connection as kept; its grant is asked for apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// The context it serves.
    pub context: ContextId,
    /// See [`NewConnection::vendor`].
    pub vendor: String,
    /// See [`NewConnection::base_url`].
    pub base_url: String,
    /// See [`NewConnection::account`].
    pub account: String,
    /// See [`NewConnection::label`].
    pub label: String,
    /// See [`NewConnection::key_field`].
    pub key_field: String,
    /// See [`NewConnection::static_token`].
    pub static_token: bool,
    /// See [`NewConnection::external_id`].
    pub external_id: Option<String>,
    /// When it was disconnected; its mapping is kept for a while.
    pub disabled_at: Option<Time>,
    /// Whether the vendor lets us in.
    pub status: ConnectionStatus,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// Whether the vendor lets us in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// It does.
    Ok,
    /// A person has to authorise again.
    Reauthorise {
        /// What the vendor said.
        reason: String,
    },
}

/// Proof that a connection belongs to an organization.
#[derive(Clone, Debug)]
pub struct ConnectionOf {
    org: Org,
    connection: Connection,
}

impl ConnectionOf {
    /// Whose it is.
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// The connection's id.
    pub fn id(&self) -> &ConnectionId {
        &self.connection.id
    }

    /// The connection as it was when looked up.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// A grant as sealed, with the version that a replacement must name.
#[derive(Clone, Debug)]
pub struct SealedGrant {
    /// What the vault made of it.
    pub sealed: Vec<u8>,
    /// Grows with each replacement.
    pub version: i64,
}

const CONNECTION: &str = "SELECT org_id, id, context_id, vendor, base_url, account, label, key_field, static_token,
    external_id, disabled_at, reauthorise_reason, created_at, updated_at FROM connections";

fn connection_row(row: &Row<'_>) -> Result<ConnectionOf, StoreError> {
    Ok(ConnectionOf {
        org: Org::proven(row.take()?),
        connection: Connection {
            id: row.take()?,
            context: row.take()?,
            vendor: row.take()?,
            base_url: row.take()?,
            account: row.take()?,
            label: row.take()?,
            key_field: row.take()?,
            static_token: row.take()?,
            external_id: row.take()?,
            disabled_at: row.take()?,
            status: row
                .take::<Option<String>>()?
                .map_or(ConnectionStatus::Ok, |reason| ConnectionStatus::Reauthorise { reason }),
            created_at: row.take()?,
            updated_at: row.take()?,
        },
    })
}

impl Tx<'_> {
    /// The organization's own context, where the command line connects.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_context(&mut self, org: &Org) -> Result<ContextId, StoreError> {
        let sql = "SELECT id FROM contexts WHERE org_id = ?1 AND external_id IS NULL";
        self.one(sql, args![org.id()], |row| row.take())?.ok_or(StoreError::Missing { what: "context" })
    }

    /// Keeps a connection of the organization's own context.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_connection(&mut self, org: &Org, new: &NewConnection) -> Result<ConnectionOf, StoreError> {
        let own = self.own_context(org)?;
        self.insert_connection(org, &own, new)
    }

    /// Keeps a connection of an app's context.
    ///
    /// # Errors
    /// `Conflict` when the organization has a connection of this name.
    pub fn add_connection_in(&mut self, context: &ContextOf, new: &NewConnection) -> Result<ConnectionOf, StoreError> {
        self.insert_connection(context.org(), context.id(), new)
    }

    fn insert_connection(
        &mut self,
        org: &Org,
        context: &ContextId,
        new: &NewConnection,
    ) -> Result<ConnectionOf, StoreError> {
        let now = self.now();
        self.execute(
            "INSERT INTO connections (id, org_id, context_id, vendor, base_url, account, label, key_field, static_token,
                 grant_sealed, grant_version, created_at, updated_at, external_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, ?11, ?11, ?12)",
            args![
                &new.id, org.id(), context, &new.vendor, &new.base_url, &new.account, &new.label, &new.key_field,
                new.static_token, &new.grant_sealed[..], now, new.external_id.as_deref()
            ],
        )?;
        self.connection(org, &new.id)?.ok_or(StoreError::Missing { what: "connection" })
    }

    /// The organization's connection with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connection(&mut self, org: &Org, id: &ConnectionId) -> Result<Option<ConnectionOf>, StoreError> {
        self.one(&format!("{CONNECTION} WHERE org_id = ?1 AND id = ?2"), args![org.id(), id], connection_row)
    }

    /// The connection of a claimed job, with its organization; `None` when it has gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connection_of_job(&mut self, id: &ConnectionId) -> Result<Option<ConnectionOf>, StoreError> {
        let sql = "SELECT org_id FROM connections WHERE id = ?1";
        match self.one(sql, args![id], |row| row.take::<OrgId>())? {
            Some(org) => self.connection(&Org::proven(org), id),
            None => Ok(None),
        }
    }

    /// The connections of the organization's own context, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connections(&mut self, org: &Org) -> Result<Vec<ConnectionOf>, StoreError> {
        let sql = format!("{CONNECTION} WHERE org_id = ?1 AND external_id IS NULL ORDER BY id");
        self.query(&sql, args![org.id()], connection_row)
    }

    /// The organization's connection that its app gave this name, a disconnected one included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn named_connection(&mut self, org: &Org, external_id: &str) -> Result<Option<ConnectionOf>, StoreError> {
        let sql = format!("{CONNECTION} WHERE org_id = ?1 AND external_id = ?2");
        self.one(&sql, args![org.id(), external_id], connection_row)
    }

    /// A page of the connections that apps named, by name from behind `after`, and whether there are more: of one
    /// context, or of all. Disconnected ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn named_connections(
        &mut self,
        org: &Org,
        context: Option<&ContextOf>,
        after: &str,
        limit: usize,
    ) -> Result<(Vec<ConnectionOf>, bool), StoreError> {
        let sql = format!(
            "{CONNECTION} WHERE org_id = ?1 AND external_id > ?2 AND disabled_at IS NULL
             AND context_id = COALESCE(?3, context_id) ORDER BY external_id LIMIT ?4"
        );
        let context = context.map(ContextOf::id);
        Ok(cut(self.query(&sql, args![org.id(), after, context, limit.saturating_add(1)], connection_row)?, limit))
    }

    /// Disconnects: the grant and what proves webhooks are forgotten, the mapping kept for a while.
    ///
    /// # Errors
    /// When the store fails.
    pub fn disable_connection(&mut self, of: &ConnectionOf) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE connections SET disabled_at = ?2, grant_sealed = ?3, grant_version = grant_version + 1,
                 hook_path = NULL, hook_token = NULL, updated_at = ?2 WHERE id = ?1";
        self.change("connection", sql, args![of.id(), now, &[][..]])
    }

    /// Connects again what was disconnected or is to have another grant.
    ///
    /// # Errors
    /// `Missing` when it has gone.
    pub fn reconnect(&mut self, of: &ConnectionOf, sealed: &[u8], static_token: bool) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE connections SET disabled_at = NULL, reauthorise_reason = NULL, grant_sealed = ?2,
                 static_token = ?3, grant_version = grant_version + 1, updated_at = ?4 WHERE id = ?1";
        self.change("connection", sql, args![of.id(), sealed, static_token, now])
    }

    /// Removes connections that were disconnected before this instant, with all that hangs on them; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_connections(&mut self, before: Time) -> Result<u64, StoreError> {
        let sql = format!(
            "{CONNECTION} WHERE disabled_at < ?1
             AND NOT EXISTS (SELECT 1 FROM syncs WHERE syncs.connection_id = connections.id) ORDER BY id LIMIT 1000"
        );
        let gone = self.query(&sql, args![before], connection_row)?;
        gone.iter().try_for_each(|of| self.forget_connection(of))?;
        Ok(gone.len() as u64)
    }

    /// Removes a connection with all that was mapped, invoked and subscribed on it.
    ///
    /// # Errors
    /// `Foreign` when a sync rests on it.
    pub fn forget_connection(&mut self, of: &ConnectionOf) -> Result<(), StoreError> {
        for table in ["crm_schemas", "crm_mappings", "invocations", "crm_subscriptions"] {
            self.execute(&format!("DELETE FROM {table} WHERE connection_id = ?1"), args![of.id()])?;
        }
        self.execute("DELETE FROM connections WHERE id = ?1", args![of.id()]).map(|_| ())
    }

    /// Everybody's connections to one account, for a hook that names only the account.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connection_by_account(&mut self, vendor: &str, account: &str) -> Result<Vec<ConnectionOf>, StoreError> {
        let sql = format!("{CONNECTION} WHERE vendor = ?1 AND account = ?2 ORDER BY id");
        self.query(&sql, args![vendor, account], connection_row)
    }

    /// Notes whether the vendor lets us in.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_connection_status(&mut self, of: &ConnectionOf, status: &ConnectionStatus) -> Result<(), StoreError> {
        let reason = match status {
            ConnectionStatus::Ok => None,
            ConnectionStatus::Reauthorise { reason } => Some(reason.as_str()),
        };
        let now = self.now();
        let sql = "UPDATE connections SET reauthorise_reason = ?2, updated_at = ?3 WHERE id = ?1";
        self.change("connection", sql, args![of.id(), reason, now])
    }
    /// The connection's grant as it is now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn grant(&mut self, of: &ConnectionOf) -> Result<SealedGrant, StoreError> {
        let sql = "SELECT grant_sealed, grant_version FROM connections WHERE id = ?1";
        self.one(sql, args![of.id()], |row| Ok(SealedGrant { sealed: row.take()?, version: row.take()? }))?
            .ok_or(StoreError::Missing { what: "connection" })
    }

    /// Replaces the grant if nobody else has meanwhile; false when somebody has.
    ///
    /// # Errors
    /// When the store fails.
    pub fn replace_grant(
        &mut self,
        of: &ConnectionOf,
        expected_version: i64,
        sealed: &[u8],
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let sql = "UPDATE connections SET grant_sealed = ?3, grant_version = grant_version + 1, updated_at = ?4
             WHERE id = ?1 AND grant_version = ?2";
        Ok(self.execute(sql, args![of.id(), expected_version, sealed, now])? > 0)
    }
}
