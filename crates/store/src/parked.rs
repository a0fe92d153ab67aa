//! Questions that wait for a person (law 7).

use lockstep_core::ids::{PairId, ParkedId};
use lockstep_core::parked::{Parked, Reason};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::syncs::SyncOf;
use crate::tx::Tx;

const PARKED: &str = "SELECT id, sync_id, contact_id, pair_id, native, reason, parked_at FROM parked";

fn parked_row(row: &Row<'_>) -> Result<Parked, StoreError> {
    Ok(Parked {
        id: row.take()?,
        sync: row.take()?,
        contact: row.take()?,
        pair: row.take()?,
        native: row.take()?,
        reason: row.json()?,
        parked_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Sets something aside and answers the question's id. The same question about the same thing is asked once: it
    /// keeps its id and time and takes the new details.
    ///
    /// # Errors
    /// When the store fails.
    pub fn park(&mut self, of: &SyncOf, parked: &Parked) -> Result<ParkedId, StoreError> {
        let subject = match (&parked.pair, &parked.contact, &parked.native) {
            (Some(pair), _, _) => pair.as_str(),
            (None, _, Some(native)) => native,
            (None, Some(contact), None) => contact.as_str(),
            (None, None, None) => "",
        };
        let sql = "INSERT INTO parked (id, org_id, sync_id, contact_id, pair_id, native, subject, question, reason, parked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (sync_id, subject, question) DO UPDATE SET contact_id = excluded.contact_id,
                 pair_id = excluded.pair_id, native = excluded.native, reason = excluded.reason
             RETURNING id";
        let asked = self.one(
            sql,
            args![
                &parked.id,
                of.org().id(),
                of.id(),
                parked.contact.as_ref(),
                parked.pair.as_ref(),
                parked.native.as_deref(),
                subject,
                question(&parked.reason),
                Arg::json(&parked.reason)?,
                parked.parked_at
            ],
            |row| row.take(),
        )?;
        asked.ok_or_else(|| StoreError::bug("a parked row was not returned"))
    }

    /// A page of questions, oldest first, from behind `after`; and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_list(
        &mut self,
        org: &Org,
        after: Option<&ParkedId>,
        limit: usize,
    ) -> Result<(Vec<Parked>, bool), StoreError> {
        let sql = format!("{PARKED} WHERE org_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3");
        let after = after.map_or("", ParkedId::as_str);
        Ok(cut(self.query(&sql, args![org.id(), after, limit.saturating_add(1)], parked_row)?, limit))
    }

    /// The question with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked(&mut self, org: &Org, id: &ParkedId) -> Result<Option<Parked>, StoreError> {
        self.one(&format!("{PARKED} WHERE org_id = ?1 AND id = ?2"), args![org.id(), id], parked_row)
    }

    /// The questions about a pair.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_of_pair(&mut self, of: &SyncOf, pair: &PairId) -> Result<Vec<Parked>, StoreError> {
        self.query(
            &format!("{PARKED} WHERE sync_id = ?1 AND pair_id = ?2 ORDER BY id"),
            args![of.id(), pair],
            parked_row,
        )
    }

    /// The questions about a sync as a whole.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_of_sync(&mut self, of: &SyncOf) -> Result<Vec<Parked>, StoreError> {
        self.query(&format!("{PARKED} WHERE sync_id = ?1 AND subject = '' ORDER BY id"), args![of.id()], parked_row)
    }

    /// The questions of a sync about a native record, with or without a pair.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_of_native(&mut self, of: &SyncOf, native: &str) -> Result<Vec<Parked>, StoreError> {
        self.query(
            &format!("{PARKED} WHERE sync_id = ?1 AND native = ?2 ORDER BY id"),
            args![of.id(), native],
            parked_row,
        )
    }

    /// Closes a question; false when it is closed already.
    ///
    /// # Errors
    /// When the store fails.
    pub fn close_parked(&mut self, org: &Org, id: &ParkedId) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM parked WHERE org_id = ?1 AND id = ?2", args![org.id(), id])? > 0)
    }
}

/// What is asked: a pair can have a question per field.
fn question(reason: &Reason) -> String {
    match reason {
        Reason::Fight { field, .. } | Reason::Refused { field: Some(field), .. } => {
            format!("{}:{field}", reason.code())
        }
        other => other.code().to_owned(),
    }
}
