//! Remote webhooks, stored before they are answered and understood later.

use lockstep_core::env::Time;
use lockstep_core::ids::ReceivedId;
use lockstep_core::job::Job;

use crate::error::StoreError;
use crate::sql::args;
use crate::tx::Tx;

/// A stored webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: ReceivedId,
    /// The connector's slug.
    pub vendor: String,
    /// The vendor's id of the account.
    pub account: String,
    /// The vendor's id of the event.
    pub event_id: String,
    /// The request's headers, as JSON of the caller's.
    pub headers: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: Time,
}

impl Tx<'_> {
    /// Stores a webhook and enqueues its reading; `None` when the vendor's event was stored before.
    ///
    /// # Errors
    /// When the store fails.
    pub fn receive(
        &mut self,
        vendor: &str,
        account: &str,
        event_id: &str,
        headers: &str,
        body: &[u8],
    ) -> Result<Option<ReceivedId>, StoreError> {
        let (id, now) = (ReceivedId::new(self.env()), self.now());
        let stored = self.execute(
            "INSERT INTO received (id, vendor, account, event_id, headers, body, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (vendor, event_id) DO NOTHING",
            args![&id, vendor, account, event_id, headers, body, now],
        )?;
        if stored == 0 {
            return Ok(None);
        }
        self.enqueue(&Job::Ingest { received: id.clone() }, now)?;
        Ok(Some(id))
    }

    /// The stored webhook with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn received(&mut self, id: &ReceivedId) -> Result<Option<Received>, StoreError> {
        let sql = "SELECT id, vendor, account, event_id, headers, body, received_at FROM received WHERE id = ?1";
        self.one(sql, args![id], |row| {
            Ok(Received {
                id: row.take()?,
                vendor: row.take()?,
                account: row.take()?,
                event_id: row.take()?,
                headers: row.take()?,
                body: row.take()?,
                received_at: row.take()?,
            })
        })
    }

    /// Drops what a webhook said once it is understood; that its event was seen is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_received(&mut self, id: &ReceivedId) -> Result<(), StoreError> {
        let nothing: &[u8] = &[];
        self.execute("UPDATE received SET headers = '{}', body = ?2 WHERE id = ?1", args![id, nothing]).map(|_| ())
    }

    /// Removes webhooks that came before this instant; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_received(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM received WHERE received_at < ?1", args![before])
    }
}
