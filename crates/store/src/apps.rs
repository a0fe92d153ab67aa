//! What an organization set for its app of the CRM API: one row, read as a whole.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, args};
use crate::tx::Tx;

/// An app's settings and the secret that signs what it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApp<S> {
    /// The settings, of a type that the caller chooses.
    pub settings: S,
    /// The signing secret, sealed.
    pub secret: Vec<u8>,
}

impl Tx<'_> {
    /// The organization's app; `None` before it was set up.
    ///
    /// # Errors
    /// When the store fails or the settings are of another type.
    pub fn app<S: DeserializeOwned>(&mut self, org: &Org) -> Result<Option<StoredApp<S>>, StoreError> {
        let sql = "SELECT settings, secret_sealed FROM crm_apps WHERE org_id = ?1";
        self.one(sql, args![org.id()], |row| Ok(StoredApp { settings: row.json()?, secret: row.take()? }))
    }

    /// Keeps the settings; a secret that is there stays.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_app<S: Serialize>(&mut self, org: &Org, app: &StoredApp<S>) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "INSERT INTO crm_apps (org_id, settings, secret_sealed, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (org_id) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at";
        self.execute(sql, args![org.id(), Arg::json(&app.settings)?, &app.secret[..], now]).map(|_| ())
    }

    /// Every organization that set up an app, for questions that come before anybody is proven.
    ///
    /// # Errors
    /// When the store fails or the settings are of another type.
    pub fn apps<S: DeserializeOwned>(&mut self) -> Result<Vec<(Org, S)>, StoreError> {
        let sql = "SELECT org_id, settings FROM crm_apps ORDER BY org_id";
        self.query(sql, &[], |row| Ok((Org::proven(row.take()?), row.json()?)))
    }
}
