//! Intents: what is about to be sent, durable before it is sent (law 5).

use std::collections::BTreeMap;

use lockstep_core::env::Time;
use lockstep_core::ids::{IntentId, PairId, SyncId};
use lockstep_core::record::{Field, Properties};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::sql::{Arg, Row, args};
use crate::syncs::SyncOf;
use crate::tx::Tx;

/// What is done to the CRM's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentKind {
    /// A record is made.
    Create,
    /// A record is changed.
    Update,
    /// A record is archived.
    Archive,
}

/// What is known of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntentState {
    /// No answer has been kept yet.
    Open,
    /// The answer was lost: the sweep has to look before anything is repeated.
    Unknown,
}

/// One write that was decided. A pair has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Its id.
    pub id: IntentId,
    /// The sync it belongs to.
    pub sync: SyncId,
    /// The pair it is for.
    pub pair: PairId,
    /// What is done.
    pub kind: IntentKind,
    /// The values that were decided.
    pub fields: BTreeMap<Field, Option<String>>,
    /// What is sent.
    pub properties: Properties,
    /// The pair's change number that the merge read.
    pub dirty: i64,
    /// What is known of the outcome.
    pub state: IntentState,
    /// Before this instant a look proves nothing: the vendor's index lags.
    pub not_before: Option<Time>,
    /// When it was committed, just before it was sent.
    pub sent_at: Time,
}

const INTENT: &str = "SELECT id, sync_id, pair_id, kind, fields, properties, dirty, state, not_before, sent_at FROM intents WHERE sync_id = ?1";

fn intent_row(row: &Row<'_>) -> Result<Intent, StoreError> {
    Ok(Intent {
        id: row.take()?,
        sync: row.take()?,
        pair: row.take()?,
        kind: row.word()?,
        fields: row.json()?,
        properties: row.json()?,
        dirty: row.take()?,
        state: row.word()?,
        not_before: row.take()?,
        sent_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Keeps what is about to be sent.
    ///
    /// # Errors
    /// `Conflict` when a pair has an intent already: nothing may be sent for it.
    pub fn put_intents(&mut self, of: &SyncOf, intents: &[Intent]) -> Result<(), StoreError> {
        for intent in intents {
            self.execute(
                "INSERT INTO intents (id, sync_id, pair_id, kind, fields, properties, dirty, state, not_before, sent_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                args![
                    &intent.id, of.id(), &intent.pair, Arg::word(&intent.kind)?, Arg::json(&intent.fields)?,
                    Arg::json(&intent.properties)?, intent.dirty, Arg::word(&intent.state)?, intent.not_before, intent.sent_at
                ],
            )?;
        }
        Ok(())
    }

    /// The sync's intents, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn open_intents(&mut self, of: &SyncOf, limit: usize) -> Result<Vec<Intent>, StoreError> {
        self.query(&format!("{INTENT} ORDER BY sent_at, id LIMIT ?2"), args![of.id(), limit], intent_row)
    }

    /// The intent of a pair.
    ///
    /// # Errors
    /// When the store fails.
    pub fn intent_of_pair(&mut self, of: &SyncOf, pair: &PairId) -> Result<Option<Intent>, StoreError> {
        self.one(&format!("{INTENT} AND pair_id = ?2"), args![of.id(), pair], intent_row)
    }

    /// Notes that the answer was lost, and from when on a look proves something.
    ///
    /// # Errors
    /// `Missing` when the intent is closed.
    pub fn set_intent_unknown(&mut self, of: &SyncOf, id: &IntentId, not_before: Time) -> Result<(), StoreError> {
        let sql = "UPDATE intents SET state = 'unknown', not_before = ?3 WHERE sync_id = ?1 AND id = ?2";
        self.change("intent", sql, args![of.id(), id, not_before])
    }

    /// Notes that these are sent now, once more.
    ///
    /// # Errors
    /// `Missing` when one is closed.
    pub fn set_intents_sent(&mut self, of: &SyncOf, ids: &[IntentId]) -> Result<(), StoreError> {
        let now = self.now();
        for id in ids {
            let sql = "UPDATE intents SET sent_at = ?3 WHERE sync_id = ?1 AND id = ?2";
            self.change("intent", sql, args![of.id(), id, now])?;
        }
        Ok(())
    }

    /// Removes an intent whose outcome is settled.
    ///
    /// # Errors
    /// When the store fails.
    pub fn close_intent(&mut self, of: &SyncOf, id: &IntentId) -> Result<(), StoreError> {
        self.execute("DELETE FROM intents WHERE sync_id = ?1 AND id = ?2", args![of.id(), id]).map(|_| ())
    }
}
