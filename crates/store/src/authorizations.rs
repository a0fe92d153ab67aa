//! Authorisations: a person on the way to their CRM's consent page and back.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::ids::{AuthorizationId, ContextId};
use serde::{Deserialize, Serialize};

use crate::contexts::ContextOf;
use crate::error::StoreError;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

/// Where an authorisation stands. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationStatus {
    /// The person is at the vendor.
    AwaitingCallback,
    /// The person is back, the grant is on its way.
    RetrievingTokens,
    /// The connection has its grant.
    Active,
    /// It came to nothing.
    Error,
}

/// How long fetching a grant may take. What takes longer broke off.
const FETCHING_MAX: Duration = Duration::from_secs(60);

/// An authorisation as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Its id.
    pub id: AuthorizationId,
    /// The context that connects.
    pub context: ContextId,
    /// The name of the connection that it makes or renews.
    pub external_id: String,
    /// The connector's slug.
    pub vendor: String,
    /// Where it stands.
    pub status: AuthorizationStatus,
    /// Why it came to nothing: a stable word and a sentence.
    pub error: Option<(String, String)>,
    /// When it began.
    pub created_at: Time,
}

const AUTHORIZATION: &str =
    "SELECT id, context_id, external_id, vendor, status, error_code, error_message, created_at FROM authorizations";

fn authorization_row(row: &Row<'_>) -> Result<Authorization, StoreError> {
    Ok(Authorization {
        id: row.take()?,
        context: row.take()?,
        external_id: row.take()?,
        vendor: row.take()?,
        status: row.word()?,
        error: Option::zip(row.take()?, row.take()?),
        created_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Notes that a person sets out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn add_authorization(
        &mut self,
        context: &ContextOf,
        vendor: &str,
        external_id: &str,
    ) -> Result<Authorization, StoreError> {
        let (id, now) = (AuthorizationId::new(self.env()), self.now());
        self.execute(
            "INSERT INTO authorizations (id, org_id, context_id, external_id, vendor, status, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'awaiting_callback', ?6, ?6)",
            args![&id, context.org().id(), context.id(), external_id, vendor, now],
        )?;
        self.authorization(context, &id)?.ok_or(StoreError::Missing { what: "authorization" })
    }

    /// The context's authorisation with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn authorization(
        &mut self,
        context: &ContextOf,
        id: &AuthorizationId,
    ) -> Result<Option<Authorization>, StoreError> {
        let sql = format!("{AUTHORIZATION} WHERE context_id = ?1 AND id = ?2");
        self.one(&sql, args![context.id(), id], authorization_row)
    }

    /// The context's last authorisation for a connection of this name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_authorization(
        &mut self,
        context: &ContextOf,
        external_id: &str,
    ) -> Result<Option<Authorization>, StoreError> {
        let sql = format!(
            "{AUTHORIZATION} WHERE org_id = ?1 AND external_id = ?2 AND context_id = ?3 ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        self.one(&sql, args![context.org().id(), external_id, context.id()], authorization_row)
    }

    /// Moves an authorisation on from a state that is not final; false when it stands in a final one, or when somebody has
    /// begun within the last minute to fetch its grant and that is what was to be begun.
    ///
    /// # Errors
    /// When the store fails.
    pub fn move_authorization(
        &mut self,
        context: &ContextOf,
        id: &AuthorizationId,
        status: AuthorizationStatus,
        error: Option<(&str, &str)>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let (code, message) = error.unzip();
        // Who comes back from the vendor twice moves it on once; whose fetching broke off may come back again.
        let fetching_since = match status {
            AuthorizationStatus::RetrievingTokens => now.minus(FETCHING_MAX),
            _ => now,
        };
        let sql = "UPDATE authorizations SET status = ?3, error_code = ?4, error_message = ?5, updated_at = ?6
             WHERE context_id = ?1 AND id = ?2
               AND (status = 'awaiting_callback' OR (status = 'retrieving_tokens' AND updated_at <= ?7))";
        let changed =
            self.execute(sql, args![context.id(), id, Arg::word(&status)?, code, message, now, fetching_since])?;
        Ok(changed > 0)
    }

    /// Removes authorisations that began before this instant; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_authorizations(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM authorizations WHERE created_at < ?1", args![before])
    }
}
