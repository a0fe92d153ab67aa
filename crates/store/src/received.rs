//! Remote webhooks, stored before they are answered and understood later.

use lockstep_core::env::Time;
use lockstep_core::ids::ReceivedId;
use lockstep_core::job::Job;

use crate::error::StoreError;
use crate::sql::args;
use crate::tx::Tx;

/// A stored webhook that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: ReceivedId,
    /// The raw body.
    pub body: Vec<u8>,
}

impl Tx<'_> {
    /// Stores a webhook and enqueues the reading of its account's; false when the vendor's event was stored before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receive(&mut self, vendor: &str, account: &str, event_id: &str, body: &[u8]) -> Result<bool, StoreError> {
        let (id, now) = (ReceivedId::new(self.env()), self.now());
        let stored = self.execute(
            "INSERT INTO received (id, vendor, account, event_id, body, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (vendor, event_id) DO NOTHING",
            args![&id, vendor, account, event_id, body, now],
        )?;
        if stored > 0 {
            self.enqueue(&Job::Ingest { vendor: vendor.to_owned(), account: account.to_owned() }, now)?;
        }
        Ok(stored > 0)
    }

    /// Stored webhooks of an account that nobody has read yet, oldest first, from behind `after`.
    ///
    /// # Errors
    /// When the store fails.
    pub fn unread(
        &mut self,
        vendor: &str,
        account: &str,
        after: Option<&ReceivedId>,
        limit: usize,
    ) -> Result<Vec<Received>, StoreError> {
        let sql = "SELECT id, body FROM received
             WHERE vendor = ?1 AND account = ?2 AND read_at IS NULL AND id > ?3 ORDER BY id LIMIT ?4";
        let after = after.map_or("", ReceivedId::as_str);
        self.query(sql, args![vendor, account, after, limit], |row| Ok(Received { id: row.take()?, body: row.take()? }))
    }

    /// Drops what a webhook said once it is understood; that its event was seen is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_received(&mut self, id: &ReceivedId) -> Result<(), StoreError> {
        let (now, nothing): (Time, &[u8]) = (self.now(), &[]);
        self.execute("UPDATE received SET read_at = ?2, body = ?3 WHERE id = ?1", args![id, now, nothing]).map(|_| ())
    }

    /// Removes webhooks that came before this instant and were read; answers how many. One that nobody could read yet stays,
    /// however old: its sender was told that it is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_received(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM received WHERE received_at < ?1 AND read_at IS NOT NULL", args![before])
    }
}
