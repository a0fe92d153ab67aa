//! Remote webhooks, stored before they are answered and understood later.

use lockstep_core::env::Time;
use lockstep_core::ids::ReceivedId;
use lockstep_core::job::Job;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Row, args, cut};
use crate::tx::Tx;

/// A stored webhook that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its id.
    pub id: ReceivedId,
    /// The raw body.
    pub body: Vec<u8>,
    /// How often it could not be taken in.
    pub attempts: u32,
}

/// A webhook that is set aside until a person looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedHook {
    /// Its id.
    pub id: ReceivedId,
    /// The slug of the vendor or channel that sent it.
    pub vendor: String,
    /// The vendor's id of the account that it is about, or the id of the channel.
    pub account: String,
    /// Why it cannot be taken in.
    pub reason: String,
    /// Bytes of its body.
    pub bytes: i64,
    /// When it came.
    pub received_at: Time,
    /// When it was set aside.
    pub parked_at: Time,
}

/// A webhook of a channel is its organization's, one of a vendor is everybody's who has the account connected.
const PARKED: &str =
    "SELECT id, vendor, account, parked_reason, CAST(length(body) AS BIGINT), received_at, parked_at FROM received
    WHERE parked_at IS NOT NULL AND (
        EXISTS (SELECT 1 FROM channels WHERE channels.org_id = ?1 AND channels.id = received.account)
        OR EXISTS (SELECT 1 FROM connections WHERE connections.org_id = ?1 AND connections.vendor = received.vendor
            AND connections.account = received.account))";

fn parked_row(row: &Row<'_>) -> Result<ParkedHook, StoreError> {
    Ok(ParkedHook {
        id: row.take()?,
        vendor: row.take()?,
        account: row.take()?,
        reason: row.take()?,
        bytes: row.take()?,
        received_at: row.take()?,
        parked_at: row.take()?,
    })
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

    /// Stored webhooks of an account that wait to be read and are due; those that are tried again come last.
    ///
    /// # Errors
    /// When the store fails.
    pub fn unread(&mut self, vendor: &str, account: &str, limit: usize) -> Result<Vec<Received>, StoreError> {
        let now = self.now();
        let sql = "SELECT id, body, attempts FROM received WHERE vendor = ?1 AND account = ?2 AND due <= ?3
             AND read_at IS NULL AND parked_at IS NULL ORDER BY due, id LIMIT ?4";
        self.query(sql, args![vendor, account, now, limit], |row| {
            let (id, body) = (row.take()?, row.take()?);
            let attempts = u32::try_from(row.take::<i64>()?).map_err(StoreError::bug)?;
            Ok(Received { id, body, attempts })
        })
    }

    /// When the next webhook of an account is due that waits to be tried again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn next_unread(&mut self, vendor: &str, account: &str) -> Result<Option<Time>, StoreError> {
        let now = self.now();
        let sql = "SELECT due FROM received WHERE vendor = ?1 AND account = ?2 AND due > ?3
             AND read_at IS NULL AND parked_at IS NULL ORDER BY due LIMIT 1";
        self.one(sql, args![vendor, account, now], |row| row.take())
    }

    /// Notes that a webhook could not be taken in, and when it is tried again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn put_off_received(&mut self, id: &ReceivedId, due: Time) -> Result<(), StoreError> {
        let sql = "UPDATE received SET attempts = attempts + 1, due = ?2 WHERE id = ?1";
        self.execute(sql, args![id, due]).map(|_| ())
    }

    /// Sets a webhook aside, with the reason.
    ///
    /// # Errors
    /// When the store fails.
    pub fn park_received(&mut self, id: &ReceivedId, reason: &str) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE received SET attempts = attempts + 1, parked_at = ?2, parked_reason = ?3 WHERE id = ?1";
        self.execute(sql, args![id, now, reason]).map(|_| ())
    }

    /// The organization's webhooks that are set aside, oldest first, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_hooks(&mut self, org: &Org, limit: usize) -> Result<(Vec<ParkedHook>, bool), StoreError> {
        let sql = format!("{PARKED} ORDER BY id LIMIT ?2");
        Ok(cut(self.query(&sql, args![org.id(), limit.saturating_add(1)], parked_row)?, limit))
    }

    /// One of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn parked_hook(&mut self, org: &Org, id: &ReceivedId) -> Result<Option<ParkedHook>, StoreError> {
        self.one(&format!("{PARKED} AND id = ?2"), args![org.id(), id], parked_row)
    }

    /// Has a webhook that was set aside tried again, as often as a new one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn resume_hook(&mut self, hook: &ParkedHook) -> Result<(), StoreError> {
        let sql = "UPDATE received SET attempts = 0, due = 0, parked_at = NULL, parked_reason = NULL WHERE id = ?1";
        self.execute(sql, args![&hook.id])?;
        let now = self.now();
        self.enqueue(&Job::Ingest { vendor: hook.vendor.clone(), account: hook.account.clone() }, now)
    }

    /// Drops what a webhook said once it is understood; that its event was seen is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub fn forget_received(&mut self, id: &ReceivedId) -> Result<(), StoreError> {
        let (now, nothing): (Time, &[u8]) = (self.now(), &[]);
        self.execute(
            "UPDATE received SET read_at = ?2, body = ?3, parked_at = NULL, parked_reason = NULL WHERE id = ?1",
            args![id, now, nothing],
        )
        .map(|_| ())
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
