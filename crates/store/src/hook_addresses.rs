//! Addresses where connections' CRMs send webhooks, and the tokens that were handed over there, sealed by the caller's
//! vault.

use lockstep_core::ids::ConnectionId;

use crate::connections::ConnectionOf;
use crate::error::StoreError;
use crate::sql::{Row, args};
use crate::tx::Tx;

/// Where a connection's CRM sends webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAddress {
    /// The end of the address, which nobody can guess.
    pub path: String,
    /// What the vault made of the token; `None` until one was handed over.
    pub token_sealed: Option<Vec<u8>>,
}

impl Tx<'_> {
    /// The connection's address, if it was given one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hook_address(&mut self, of: &ConnectionOf) -> Result<Option<HookAddress>, StoreError> {
        let sql = "SELECT hook_path, hook_token FROM connections WHERE id = ?1 AND hook_path IS NOT NULL";
        self.one(sql, args![of.id()], |row| Ok(HookAddress { path: row.take()?, token_sealed: row.take()? }))
    }

    /// Gives the connection an address; one that it had is forgotten with its token.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_hook_path(&mut self, of: &ConnectionOf, path: &str) -> Result<(), StoreError> {
        let sql = "UPDATE connections SET hook_path = ?2, hook_token = NULL WHERE id = ?1";
        self.execute(sql, args![of.id(), path]).map(|_| ())
    }

    /// Whose address ends in this: whoever sends names nothing else.
    ///
    /// # Errors
    /// When the store fails.
    pub fn connection_at_hook_path(&mut self, path: &str) -> Result<Option<(ConnectionOf, HookAddress)>, StoreError> {
        let sql = "SELECT id, hook_path, hook_token FROM connections WHERE hook_path = ?1";
        let address = |row: &Row<'_>| {
            Ok((row.take::<ConnectionId>()?, HookAddress { path: row.take()?, token_sealed: row.take()? }))
        };
        let Some((id, address)) = self.one(sql, args![path], address)? else { return Ok(None) };
        Ok(self.connection_of_job(&id)?.map(|of| (of, address)))
    }

    /// Keeps the token that was handed over at an address; false when there is one, or the address has gone.
    ///
    /// # Errors
    /// When the store fails.
    pub fn keep_hook_token(&mut self, path: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        let sql = "UPDATE connections SET hook_token = ?2 WHERE hook_path = ?1 AND hook_token IS NULL";
        Ok(self.execute(sql, args![path, sealed])? > 0)
    }
}
