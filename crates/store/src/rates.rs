//! The token buckets that all servers share.

use lockstep_core::bucket::Bucket;
use lockstep_core::env::Time;
use lockstep_core::ids::KeyId;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::args;
use crate::tx::Tx;

/// Requests a minute of one key alone, by class. `None` has it share its organization's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyLimits {
    /// POST, PUT, PATCH, DELETE.
    pub write_per_minute: Option<u32>,
    /// GET, HEAD.
    pub read_per_minute: Option<u32>,
}

impl Tx<'_> {
    /// Gives tokens back to a bucket and takes up to `wanted` out of it, under its row's lock: whatever servers do, all
    /// of them together get no more than the bucket held. Answers how many it gave and what it holds now.
    ///
    /// # Errors
    /// When the store fails.
    pub fn take_tokens(
        &mut self,
        bucket: &str,
        per_minute: u32,
        returned: u32,
        wanted: u32,
    ) -> Result<(u32, Bucket), StoreError> {
        let now = self.now();
        let full = Bucket::full(per_minute, now);
        let sql = "INSERT INTO rate_buckets (bucket, level, at) VALUES (?1, ?2, ?3)
             ON CONFLICT (bucket) DO UPDATE SET bucket = excluded.bucket RETURNING level, at";
        let held = self
            .one(sql, args![bucket, full.level, full.at], |row| Ok(Bucket { level: row.take()?, at: row.take()? }))?;
        let mut held = held.unwrap_or(full).until(per_minute, now).with(per_minute, returned);
        let given = held.take(wanted);
        let sql = "UPDATE rate_buckets SET level = ?2, at = ?3 WHERE bucket = ?1";
        self.execute(sql, args![bucket, held.level, held.at])?;
        Ok((given, held))
    }

    /// Removes buckets that nobody took from since an instant; a bucket is full again after a minute.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_buckets(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM rate_buckets WHERE at < ?1", args![before])
    }

    /// Sets a key's own limits; false when the organization has no such key.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_key_limits(&mut self, org: &Org, key: &KeyId, limits: KeyLimits) -> Result<bool, StoreError> {
        let sql = "UPDATE api_keys SET write_per_minute = ?3, read_per_minute = ?4 WHERE org_id = ?1 AND id = ?2";
        let KeyLimits { write_per_minute, read_per_minute } = limits;
        let args = args![org.id(), key, write_per_minute.map(i64::from), read_per_minute.map(i64::from)];
        Ok(self.execute(sql, args)? > 0)
    }

    /// What the organization's active keys, but for one, have of their own: requests a minute that they may write and
    /// read, summed up. Holds the organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_limits(&mut self, org: &Org, but: Option<&KeyId>) -> Result<(u64, u64), StoreError> {
        self.hold(org.id())?;
        let now = self.now();
        let sql = "SELECT CAST(COALESCE(SUM(write_per_minute), 0) AS BIGINT),
                 CAST(COALESCE(SUM(read_per_minute), 0) AS BIGINT) FROM api_keys
             WHERE org_id = ?1 AND id <> ?2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3)";
        let sums = self.one(sql, args![org.id(), but.map_or("", KeyId::as_str), now], |row| {
            Ok((row.take::<i64>()?.unsigned_abs(), row.take::<i64>()?.unsigned_abs()))
        })?;
        Ok(sums.unwrap_or_default())
    }
}
