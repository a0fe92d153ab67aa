//! The budgets of vendor accounts, which all servers share (law 11).

use lockstep_core::budget::Budgets;
use lockstep_core::env::Time;

use crate::error::StoreError;
use crate::sql::args;
use crate::tx::Tx;

impl Tx<'_> {
    /// What is left of a vendor account's windows, under its row's lock: nobody else admits a call to the account before
    /// this transaction ends. `account` names the vendor too.
    ///
    /// # Errors
    /// When the store fails.
    pub fn hold_budgets(&mut self, account: &str) -> Result<Budgets, StoreError> {
        let unused = stored(&Budgets::default())?;
        let sql = "INSERT INTO vendor_budgets (account, budgets, used_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (account) DO UPDATE SET account = excluded.account RETURNING budgets";
        let held = self.one(sql, args![account, unused, self.now()], |row| row.json())?;
        Ok(held.unwrap_or_default())
    }

    /// The same without the lock, to be looked at.
    ///
    /// # Errors
    /// When the store fails.
    pub fn budgets(&mut self, account: &str) -> Result<Budgets, StoreError> {
        let sql = "SELECT budgets FROM vendor_budgets WHERE account = ?1";
        Ok(self.one(sql, args![account], |row| row.json())?.unwrap_or_default())
    }

    /// Saves what [`Tx::hold_budgets`] gave.
    ///
    /// # Errors
    /// When the store fails.
    pub fn save_budgets(&mut self, account: &str, budgets: &Budgets) -> Result<(), StoreError> {
        let sql = "UPDATE vendor_budgets SET budgets = ?2, used_at = ?3 WHERE account = ?1";
        self.execute(sql, args![account, stored(budgets)?, self.now()])?;
        Ok(())
    }

    /// Removes the budgets of accounts that nobody called since an instant.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_budgets(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM vendor_budgets WHERE used_at < ?1", args![before])
    }
}

fn stored(budgets: &Budgets) -> Result<String, StoreError> {
    serde_json::to_string(budgets).map_err(StoreError::bug)
}
