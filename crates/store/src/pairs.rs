//! Pairs, and which of them wait to be pushed.

use lockstep_core::ids::{ContactId, PairId};
use lockstep_core::pair::{Pair, PairState};

use crate::error::StoreError;
use crate::sql::{Arg, Row, args};
use crate::syncs::SyncOf;
use crate::tx::Tx;

/// Which dirty pairs a push takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirtyKind {
    /// Those whose record is still to be made.
    Creates,
    /// Those that have a record.
    Updates,
    /// Tombstones whose record is still to be archived.
    Archives,
}

/// How many pairs stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PairCounts {
    /// In step, or about to be.
    pub open: i64,
    /// Open ones that wait to be pushed.
    pub dirty: i64,
    /// Unlinked by a delete.
    pub tombstones: i64,
    /// Waiting for a person.
    pub parked: i64,
    /// Questions of the sync that wait for a person, those without a pair included.
    pub questions: i64,
}

const PAIR: &str = "SELECT id, sync_id, contact_id, native, state, base, fights, held, dirty, updated_at FROM pairs WHERE sync_id = ?1";

fn pair_row(row: &Row<'_>) -> Result<Pair, StoreError> {
    Ok(Pair {
        id: row.take()?,
        sync: row.take()?,
        contact: row.take()?,
        native: row.take()?,
        state: row.word()?,
        base: row.json()?,
        fights: row.json()?,
        held: row.json()?,
        dirty: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Keeps a new pair.
    ///
    /// # Errors
    /// `Conflict` of `pairs` when the sync has a pair of the contact or of the record already; the transaction goes
    /// on. `Missing` when the contact is not the organization's.
    pub fn insert_pair(&mut self, of: &SyncOf, pair: &Pair) -> Result<(), StoreError> {
        self.hold(of.org().id())?;
        let owned = "SELECT 1 FROM contacts WHERE id = ?1 AND org_id = ?2";
        if self.one(owned, args![&pair.contact, of.org().id()], |_| Ok(()))?.is_none() {
            return Err(StoreError::Missing { what: "contact" });
        }
        let now = self.now();
        let made = self.execute(
            "INSERT INTO pairs (id, sync_id, contact_id, native, state, base, fights, held, dirty, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING",
            args![
                &pair.id,
                of.id(),
                &pair.contact,
                pair.native.as_deref(),
                Arg::word(&pair.state)?,
                Arg::json(&pair.base)?,
                Arg::json(&pair.fights)?,
                Arg::json(&pair.held)?,
                pair.dirty,
                now
            ],
        )?;
        if made == 0 { Err(StoreError::conflict("pairs")) } else { Ok(()) }
    }

    /// Replaces what a pair holds, `dirty` included: read the pair in the same transaction.
    ///
    /// # Errors
    /// `Conflict` of `pairs_native` when another pair has the record; the transaction goes on. `Missing` when there
    /// is no such pair.
    pub fn save_pair(&mut self, of: &SyncOf, pair: &Pair) -> Result<(), StoreError> {
        self.hold(of.org().id())?;
        let taken = "SELECT 1 FROM pairs WHERE sync_id = ?1 AND native = ?2 AND id <> ?3";
        if self.one(taken, args![of.id(), pair.native.as_deref(), &pair.id], |_| Ok(()))?.is_some() {
            return Err(StoreError::conflict("pairs_native"));
        }
        let now = self.now();
        self.change(
            "pair",
            "UPDATE pairs SET native = ?3, state = ?4, base = ?5, fights = ?6, held = ?7, dirty = ?8, updated_at = ?9
             WHERE sync_id = ?1 AND id = ?2",
            args![
                of.id(),
                &pair.id,
                pair.native.as_deref(),
                Arg::word(&pair.state)?,
                Arg::json(&pair.base)?,
                Arg::json(&pair.fights)?,
                Arg::json(&pair.held)?,
                pair.dirty,
                now
            ],
        )
    }

    /// The pair with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pair(&mut self, of: &SyncOf, id: &PairId) -> Result<Option<Pair>, StoreError> {
        self.hold(of.org().id())?;
        self.one(&format!("{PAIR} AND id = ?2"), args![of.id(), id], pair_row)
    }

    /// The pair of a contact.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pair_by_contact(&mut self, of: &SyncOf, contact: &ContactId) -> Result<Option<Pair>, StoreError> {
        self.hold(of.org().id())?;
        self.one(&format!("{PAIR} AND contact_id = ?2"), args![of.id(), contact], pair_row)
    }

    /// The pair of a native record.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pair_by_native(&mut self, of: &SyncOf, native: &str) -> Result<Option<Pair>, StoreError> {
        self.hold(of.org().id())?;
        self.one(&format!("{PAIR} AND native = ?2"), args![of.id(), native], pair_row)
    }

    /// Pairs of a kind that wait to be pushed, longest waiting first; with `skip_sent`, those without an open intent.
    ///
    /// # Errors
    /// When the store fails.
    pub fn dirty_pairs(
        &mut self,
        of: &SyncOf,
        kind: DirtyKind,
        skip_sent: bool,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let wanted = match kind {
            DirtyKind::Creates => "state = 'open' AND native IS NULL",
            DirtyKind::Updates => "state = 'open' AND native IS NOT NULL",
            DirtyKind::Archives => "state = 'tombstone' AND native IS NOT NULL",
        };
        let unsent =
            if skip_sent { "AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.pair_id = pairs.id)" } else { "" };
        let sql = format!("{PAIR} AND dirty IS NOT NULL AND {wanted} {unsent} ORDER BY dirty, id LIMIT ?2");
        self.query(&sql, args![of.id(), limit], pair_row)
    }

    /// Pairs by id, for a walk over all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pair_page(&mut self, of: &SyncOf, after: Option<&PairId>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let after = after.map_or("", PairId::as_str);
        self.query(&format!("{PAIR} AND id > ?2 ORDER BY id LIMIT ?3"), args![of.id(), after, limit], pair_row)
    }

    /// How many pairs of a sync stand how.
    ///
    /// # Errors
    /// When the store fails.
    pub fn pair_counts(&mut self, of: &SyncOf) -> Result<PairCounts, StoreError> {
        let mut counts = PairCounts::default();
        let sql = "SELECT state, COUNT(*), COUNT(dirty) FROM pairs WHERE sync_id = ?1 GROUP BY state";
        for (state, pairs, dirty) in
            self.query(sql, args![of.id()], |row| Ok((row.word()?, row.take()?, row.take()?)))?
        {
            match state {
                PairState::Open => (counts.open, counts.dirty) = (pairs, dirty),
                PairState::Tombstone => counts.tombstones = pairs,
                PairState::Parked => counts.parked = pairs,
            }
        }
        let sql = "SELECT COUNT(*) FROM parked WHERE sync_id = ?1";
        counts.questions = self.one(sql, args![of.id()], |row| row.take())?.unwrap_or(0);
        Ok(counts)
    }
}
