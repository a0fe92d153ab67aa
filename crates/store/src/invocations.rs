//! Invocations: what an app's event is about to do at a vendor, durable before it is sent (law 5), and what came of it.

use std::time::Duration;

use lockstep_core::env::Time;
use lockstep_core::ids::InvocationId;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::connections::ConnectionOf;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// An invocation without an answer after this long has lost it: longer than its wait for room and its calls take.
const LOST_AFTER: Duration = Duration::from_secs(90);

/// Where an invocation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvocationState {
    /// It is being sent.
    Open,
    /// It was sent and no answer came: it may have happened.
    Unknown,
    /// It was answered.
    Done,
}

/// An invocation as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Invocation {
    /// Its id.
    pub id: InvocationId,
    /// The CRM object's slug.
    pub object: String,
    /// The event's slug.
    pub event: String,
    /// Where it stands.
    pub state: InvocationState,
    /// What was sent, in the caller's own form: enough to look for it.
    pub deed: Json,
    /// What the app was answered; `None` until it is done.
    pub answer: Option<Json>,
    /// When it began.
    pub created_at: Time,
    /// When it last moved on.
    pub updated_at: Time,
}

impl Invocation {
    /// Whether nobody waits for its answer any more, and none came.
    pub fn is_lost(&self, now: Time) -> bool {
        match self.state {
            InvocationState::Open => self.updated_at <= now.minus(LOST_AFTER),
            InvocationState::Unknown => true,
            InvocationState::Done => false,
        }
    }
}

/// An invocation whose outcome nobody knows: it waits for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct LostInvocation {
    /// The name that the app gave its connection.
    pub connection: String,
    /// The connector's slug.
    pub vendor: String,
    /// The invocation.
    pub invocation: Invocation,
}

const LOST: &str = "SELECT invocations.id, object, event, state, deed, answer, invocations.created_at,
        invocations.updated_at, external_id, vendor
    FROM invocations JOIN connections ON connections.id = connection_id
    WHERE invocations.org_id = ?1 AND external_id IS NOT NULL AND state <> 'done'
        AND (state = 'unknown' OR invocations.updated_at <= ?2)";

fn lost_row(row: &Row<'_>) -> Result<LostInvocation, StoreError> {
    Ok(LostInvocation { invocation: invocation_row(row)?, connection: row.take()?, vendor: row.take()? })
}

/// What is given to begin one.
#[derive(Clone, Debug)]
pub struct NewInvocation {
    /// Its id.
    pub id: InvocationId,
    /// See [`Invocation::object`].
    pub object: String,
    /// See [`Invocation::event`].
    pub event: String,
    /// The app's key for it: the same key never sends twice.
    pub idempotency_key: Option<String>,
    /// SHA-256 of what was asked.
    pub fingerprint: [u8; 32],
    /// The record or key that only one open invocation may be about.
    pub exclusive: Option<String>,
    /// What a find-or-create recognises its record by; see [`Tx::last_found_by`].
    pub found_by: Option<String>,
    /// See [`Invocation::deed`].
    pub deed: Json,
}

/// What a beginning finds.
#[derive(Clone, Debug, PartialEq)]
pub enum BeginInvocation {
    /// It may be sent.
    First,
    /// Another one about the same record, or with the same key, is being sent.
    Running,
    /// The key came with another request before.
    OtherRequest,
    /// The same was invoked before: its answer, or an unknown outcome that has to be looked for.
    Before(Box<Invocation>),
}

const INVOCATION: &str = "SELECT id, object, event, state, deed, answer, created_at, updated_at FROM invocations";

fn invocation_row(row: &Row<'_>) -> Result<Invocation, StoreError> {
    Ok(Invocation {
        id: row.take()?,
        object: row.take()?,
        event: row.take()?,
        state: row.word()?,
        deed: row.json()?,
        answer: row.maybe_json()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// What the app's key says of an invocation: nothing, or how the one before with that key fared.
    ///
    /// # Errors
    /// When the store fails.
    pub fn invocation_by_key(
        &mut self,
        of: &ConnectionOf,
        key: &str,
        fingerprint: &[u8; 32],
    ) -> Result<Option<BeginInvocation>, StoreError> {
        let now = self.now();
        let columns = INVOCATION.replace("SELECT", "SELECT fingerprint,");
        let sql = format!("{columns} WHERE connection_id = ?1 AND idempotency_key = ?2");
        let found = self.one(&sql, args![of.id(), key], |row| Ok((row.take::<Vec<u8>>()?, invocation_row(row)?)))?;
        Ok(found.map(|(kept, before)| match before.state {
            _ if kept != fingerprint => BeginInvocation::OtherRequest,
            InvocationState::Open if !before.is_lost(now) => BeginInvocation::Running,
            _ => BeginInvocation::Before(Box::new(before)),
        }))
    }

    /// Begins an invocation. Afterwards it may be sent, and only then.
    ///
    /// # Errors
    /// When the store fails.
    pub fn begin_invocation(&mut self, of: &ConnectionOf, new: &NewInvocation) -> Result<BeginInvocation, StoreError> {
        let now = self.now();
        if let Some(key) = &new.idempotency_key
            && let Some(found) = self.invocation_by_key(of, key, &new.fingerprint)?
        {
            return Ok(found);
        }
        if new.exclusive.is_some() {
            let sql = "UPDATE invocations SET state = 'unknown', exclusive = NULL
                 WHERE connection_id = ?1 AND exclusive = ?2 AND updated_at <= ?3";
            self.execute(sql, args![of.id(), new.exclusive.as_deref(), now.minus(LOST_AFTER)])?;
        }
        let begun = self.execute(
            "INSERT INTO invocations (id, org_id, connection_id, object, event, idempotency_key, fingerprint, exclusive,
                 found_by, state, deed, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open', ?10, ?11, ?11) ON CONFLICT DO NOTHING",
            args![
                &new.id, of.org().id(), of.id(), &new.object, &new.event, new.idempotency_key.as_deref(),
                &new.fingerprint[..], new.exclusive.as_deref(), new.found_by.as_deref(), Arg::json(&new.deed)?, now
            ],
        )?;
        Ok(if begun > 0 { BeginInvocation::First } else { BeginInvocation::Running })
    }

    /// The last invocation before this one that recognised its record by the same. Done ones are kept for a day.
    ///
    /// # Errors
    /// When the store fails.
    pub fn last_found_by(
        &mut self,
        of: &ConnectionOf,
        found_by: &str,
        before: &InvocationId,
    ) -> Result<Option<Invocation>, StoreError> {
        let sql = format!(
            "{INVOCATION} WHERE connection_id = ?1 AND found_by = ?2 AND id <> ?3
             ORDER BY created_at DESC, id DESC LIMIT 1"
        );
        self.one(&sql, args![of.id(), found_by, before], invocation_row)
    }

    /// Keeps what came of an invocation.
    ///
    /// # Errors
    /// When the store fails.
    pub fn finish_invocation(&mut self, of: &ConnectionOf, id: &InvocationId, answer: &Json) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE invocations SET state = 'done', exclusive = NULL, answer = ?3, updated_at = ?4
             WHERE connection_id = ?1 AND id = ?2";
        self.execute(sql, args![of.id(), id, Arg::json(answer)?, now]).map(|_| ())
    }

    /// Notes what is about to be sent after all, in the caller's own form.
    ///
    /// # Errors
    /// `Missing` when it has gone.
    pub fn set_invocation_deed(&mut self, of: &ConnectionOf, id: &InvocationId, deed: &Json) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE invocations SET deed = ?3, updated_at = ?4 WHERE connection_id = ?1 AND id = ?2";
        self.change("invocation", sql, args![of.id(), id, Arg::json(deed)?, now])
    }

    /// Notes that no answer came.
    ///
    /// # Errors
    /// When the store fails.
    pub fn set_invocation_unknown(&mut self, of: &ConnectionOf, id: &InvocationId) -> Result<(), StoreError> {
        let now = self.now();
        let sql = "UPDATE invocations SET state = 'unknown', exclusive = NULL, updated_at = ?3
             WHERE connection_id = ?1 AND id = ?2";
        self.execute(sql, args![of.id(), id, now]).map(|_| ())
    }

    /// Forgets an invocation that certainly did nothing: its key may be used again.
    ///
    /// # Errors
    /// When the store fails.
    pub fn drop_invocation(&mut self, of: &ConnectionOf, id: &InvocationId) -> Result<(), StoreError> {
        self.execute("DELETE FROM invocations WHERE connection_id = ?1 AND id = ?2", args![of.id(), id]).map(|_| ())
    }

    /// The connection's invocation with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn invocation(&mut self, of: &ConnectionOf, id: &InvocationId) -> Result<Option<Invocation>, StoreError> {
        let sql = format!("{INVOCATION} WHERE connection_id = ?1 AND id = ?2");
        self.one(&sql, args![of.id(), id], invocation_row)
    }

    /// The organization's invocations whose outcome nobody knows, oldest first, and whether there are more.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lost_invocations(&mut self, org: &Org, limit: usize) -> Result<(Vec<LostInvocation>, bool), StoreError> {
        let lost_since = self.now().minus(LOST_AFTER);
        let sql = format!("{LOST} ORDER BY invocations.id LIMIT ?3");
        let rows = self.query(&sql, args![org.id(), lost_since, limit.saturating_add(1)], lost_row)?;
        Ok(cut(rows, limit))
    }

    /// One of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lost_invocation(&mut self, org: &Org, id: &InvocationId) -> Result<Option<LostInvocation>, StoreError> {
        let lost_since = self.now().minus(LOST_AFTER);
        let sql = format!("{LOST} AND invocations.id = ?3");
        self.one(&sql, args![org.id(), lost_since, id], lost_row)
    }

    /// Removes invocations that were done before this instant; answers how many.
    ///
    /// # Errors
    /// When the store fails.
    pub fn purge_invocations(&mut self, before: Time) -> Result<u64, StoreError> {
        self.execute("DELETE FROM invocations WHERE updated_at < ?1 AND state = 'done'", args![before])
    }
}
