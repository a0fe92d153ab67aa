//! Idempotency keys: the first call runs, repeats get its answer (reference section "Idempotency").

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::ids::ContactId;

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Row, args};
use crate::tx::Tx;

/// How long an answer is repeated.
const KEPT: Duration = Duration::from_secs(24 * 3_600);
/// After this span a call without an answer is taken to have died, and the next one runs.
const ABANDONED: Duration = Duration::from_secs(120);

/// What a call with an idempotency key finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// It is the first and has to run.
    First,
    /// The first one still runs.
    Running,
    /// The first one was answered so.
    Replay(StoredAnswer),
    /// The key came with another request before.
    OtherRequest,
}

/// An answer as kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: i64,
    /// The headers, as JSON of the caller's.
    pub headers: String,
    /// The body, sealed by the caller's vault: it may hold a secret that is shown once.
    pub body: Vec<u8>,
}

struct Kept {
    fingerprint: Vec<u8>,
    answer: Option<StoredAnswer>,
}

fn kept_row(row: &Row<'_>) -> Result<Kept, StoreError> {
    let fingerprint = row.take()?;
    let (status, headers, body): (Option<i64>, Option<String>, Option<Vec<u8>>) =
        (row.take()?, row.take()?, row.take()?);
    let answer = status.map(|status| StoredAnswer {
        status,
        headers: headers.unwrap_or_default(),
        body: body.unwrap_or_default(),
    });
    Ok(Kept { fingerprint, answer })
}

impl Tx<'_> {
    /// Claims a key for a request with this fingerprint. Until the commit, others with the key find it running.
    ///
    /// # Errors
    /// When the store fails.
    pub fn idempotency_begin(&mut self, org: &Org, key: &str, fingerprint: &[u8; 32]) -> Result<Begin, StoreError> {
        // Without it, the INSERT would wait for whoever has the key, and hold a connection.
        if let Some(sql) = self.dialect().try_request()
            && self.one(sql, args![org.id(), key], |_| Ok(()))?.is_none()
        {
            return Ok(Begin::Running);
        }
        let now = self.now();
        let sql = "DELETE FROM idempotency WHERE org_id = ?1 AND idempotency_key = ?2
             AND (begun_at <= ?3 OR (status IS NULL AND begun_at <= ?4))";
        self.execute(sql, args![org.id(), key, now.minus(KEPT), now.minus(ABANDONED)])?;
        let first = self.execute(
            "INSERT INTO idempotency (org_id, idempotency_key, fingerprint, begun_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (org_id, idempotency_key) DO NOTHING",
            args![org.id(), key, &fingerprint[..], now],
        )?;
        if first > 0 {
            return Ok(Begin::First);
        }
        let sql =
            "SELECT fingerprint, status, headers, body FROM idempotency WHERE org_id = ?1 AND idempotency_key = ?2";
        Ok(match self.one(sql, args![org.id(), key], kept_row)? {
            Some(kept) if kept.fingerprint != fingerprint => Begin::OtherRequest,
            Some(Kept { answer: Some(answer), .. }) => Begin::Replay(answer),
            Some(_) | None => Begin::Running,
        })
    }

    /// Keeps the answer of the call that began. `subject` is the contact that it quotes: it goes when that is erased.
    ///
    /// # Errors
    /// When the store fails.
    pub fn idempotency_finish(
        &mut self,
        org: &Org,
        key: &str,
        answer: &StoredAnswer,
        subject: Option<&ContactId>,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE idempotency SET status = ?3, headers = ?4, body = ?5, subject = ?6
             WHERE org_id = ?1 AND idempotency_key = ?2";
        let StoredAnswer { status, headers, body } = answer;
        self.execute(sql, args![org.id(), key, *status, headers, &body[..], subject.map(ContactId::as_str)]).map(|_| ())
    }

    /// Gives a key back after an answer that must not be repeated: 409, 429 and 5xx.
    ///
    /// # Errors
    /// When the store fails.
    pub fn idempotency_release(&mut self, org: &Org, key: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM idempotency WHERE org_id = ?1 AND idempotency_key = ?2 AND status IS NULL";
        self.execute(sql, args![org.id(), key]).map(|_| ())
    }

    /// Removes keys that began before this instant; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_idempotency(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM idempotency WHERE begun_at < ?1", args![before])
    }
}
