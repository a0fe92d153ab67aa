//! What the CRM's side of a sync last showed, with the keys it is matched by.

use lockstep_core::env::Time;
use lockstep_core::record::Record;

use crate::error::StoreError;
use crate::sql::{Arg, Row, args};
use crate::syncs::SyncOf;
use crate::tx::Tx;

const RECORD: &str = "SELECT native, properties, updated_at, archived, merged FROM records WHERE sync_id = ?1";

fn record_row(row: &Row<'_>) -> Result<Record, StoreError> {
    Ok(Record {
        id: row.take()?,
        properties: row.json()?,
        updated_at: row.take()?,
        archived: row.take()?,
        merged: row.json()?,
    })
}

impl Tx<'_> {
    /// Keeps what a record showed, in place of what it showed before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_record(&mut self, of: &SyncOf, record: &Record, keys: &[String]) -> Result<(), StoreError> {
        let now = self.now();
        self.execute(
            "INSERT INTO records (sync_id, native, properties, archived, merged, updated_at, read_at, census)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)
             ON CONFLICT (sync_id, native) DO UPDATE SET properties = excluded.properties, archived = excluded.archived,
                 merged = excluded.merged, updated_at = excluded.updated_at, read_at = excluded.read_at",
            args![
                of.id(),
                &record.id,
                Arg::json(&record.properties)?,
                record.archived,
                Arg::json(&record.merged)?,
                record.updated_at,
                now
            ],
        )?;
        self.execute("DELETE FROM record_keys WHERE sync_id = ?1 AND native = ?2", args![of.id(), &record.id])?;
        let sql = "INSERT INTO record_keys (sync_id, match_key, native) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        for key in keys {
            self.execute(sql, args![of.id(), key, &record.id])?;
        }
        Ok(())
    }

    /// What the record with this vendor id showed.
    ///
    /// # Errors
    /// When the store fails.
    pub fn native_record(&mut self, of: &SyncOf, native: &str) -> Result<Option<Record>, StoreError> {
        self.one(&format!("{RECORD} AND native = ?2"), args![of.id(), native], record_row)
    }

    /// Records by vendor id, for a walk over all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record_page(&mut self, of: &SyncOf, after: Option<&str>, limit: usize) -> Result<Vec<Record>, StoreError> {
        let sql = format!("{RECORD} AND native > ?2 ORDER BY native LIMIT ?3");
        self.query(&sql, args![of.id(), after.unwrap_or_default(), limit], record_row)
    }

    /// Vendor ids of the records with this match key.
    ///
    /// # Errors
    /// When the store fails.
    pub fn records_by_key(&mut self, of: &SyncOf, key: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT native FROM record_keys WHERE sync_id = ?1 AND match_key = ?2 ORDER BY native";
        self.query(sql, args![of.id(), key], |row| row.take())
    }

    /// Forgets a record: it is gone, or it was merged into another.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_record(&mut self, of: &SyncOf, native: &str) -> Result<(), StoreError> {
        self.execute("DELETE FROM record_keys WHERE sync_id = ?1 AND native = ?2", args![of.id(), native])?;
        self.execute("DELETE FROM records WHERE sync_id = ?1 AND native = ?2", args![of.id(), native]).map(|_| ())
    }

    /// Forgets every record of the sync: its first run is planned anew.
    ///
    /// # Errors
    /// When the store fails.
    pub fn clear_records(&mut self, of: &SyncOf) -> Result<(), StoreError> {
        self.execute("DELETE FROM record_keys WHERE sync_id = ?1", args![of.id()])?;
        self.execute("DELETE FROM records WHERE sync_id = ?1", args![of.id()]).map(|_| ())
    }

    /// Notes that a census saw these records. Censuses of a sync are numbered upwards from 1 by the caller.
    ///
    /// # Errors
    /// When the store fails.
    pub fn seen_in_census(&mut self, of: &SyncOf, census: i64, natives: &[String]) -> Result<(), StoreError> {
        for native in natives {
            let sql = "UPDATE records SET census = ?3 WHERE sync_id = ?1 AND native = ?2";
            self.execute(sql, args![of.id(), native, census])?;
        }
        Ok(())
    }

    /// Whether a record was shown alive by this census, or by any read since `since`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn seen_alive(&mut self, of: &SyncOf, native: &str, census: i64, since: Time) -> Result<bool, StoreError> {
        let sql = "SELECT COUNT(*) FROM records WHERE sync_id = ?1 AND native = ?2 AND archived = 0
             AND (census >= ?3 OR read_at >= ?4)";
        let seen: Option<i64> = self.one(sql, args![of.id(), native, census, since], |row| row.take())?;
        Ok(seen.is_some_and(|seen| seen > 0))
    }

    /// Vendor ids of records that no census since this one has seen and that were read before `read_before`, from
    /// behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn absent_since_census(
        &mut self,
        of: &SyncOf,
        census: i64,
        read_before: Time,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT native FROM records WHERE sync_id = ?1 AND census < ?2 AND read_at < ?3 AND archived = 0
             AND native > ?4 ORDER BY native LIMIT ?5";
        self.query(sql, args![of.id(), census, read_before, after.unwrap_or_default(), limit], |row| row.take())
    }
}
