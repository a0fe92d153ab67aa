//! The append-only log of changes, and the erasure of a person from it and from all that quotes them.

use std::slice;

use lockstep_core::change::{Change, FieldChange};
use lockstep_core::ids::ContactId;
use lockstep_core::pair::FieldBase;

use crate::contacts::escape_like;
use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args};
use crate::tx::Tx;

const CHANGE: &str =
    "SELECT id, contact_id, seq, at, origin, fields FROM changes WHERE org_id = ?1 AND contact_id = ?2";

fn change_row(row: &Row<'_>) -> Result<Change, StoreError> {
    Ok(Change {
        id: row.take()?,
        subject: row.take()?,
        seq: row.take()?,
        at: row.take()?,
        origin: row.json()?,
        fields: row.json()?,
    })
}

impl Tx<'_> {
    /// Appends to the log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record(&mut self, org: &Org, change: &Change) -> Result<(), StoreError> {
        self.record_all(org, slice::from_ref(change))
    }

    /// Appends to the log, many entries in a statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record_all(&mut self, org: &Org, changes: &[Change]) -> Result<(), StoreError> {
        let rows = changes.iter().map(|change| {
            let names: Vec<&str> = change.fields.iter().map(|field| field.field.as_str()).collect();
            Ok(Vec::from(args![
                &change.id,
                org.id(),
                &change.subject,
                change.seq,
                change.at,
                Arg::json(&change.origin)?,
                // Between line breaks, so that one name can be looked for.
                format!("\n{}\n", names.join("\n")),
                Arg::json(&change.fields)?
            ]))
        });
        let rows = rows.collect::<Result<_, StoreError>>()?;
        self.insert_rows("changes (id, org_id, contact_id, seq, at, origin, field_names, fields)", rows)
    }

    /// What happened to a contact, or to one field of it; newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub fn changes_of(
        &mut self,
        org: &Org,
        contact: &ContactId,
        field: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        let newest = "ORDER BY seq DESC, id DESC";
        match field {
            Some(field) => {
                let named = format!("%\n{}\n%", escape_like(field));
                let sql = format!("{CHANGE} AND field_names LIKE ?3 ESCAPE '\\' {newest} LIMIT ?4");
                self.query(&sql, args![org.id(), contact, named, limit], change_row)
            }
            None => self.query(&format!("{CHANGE} {newest} LIMIT ?3"), args![org.id(), contact, limit], change_row),
        }
    }

    /// Blanks a person's values wherever they are quoted: the log, pairs, intents, parked questions, plans, events and kept
    /// answers (law 10). What happened stays, with whom and what about does not.
    ///
    /// # Errors
    /// When the store fails.
    pub fn erase_subject(&mut self, org: &Org, contact: &ContactId) -> Result<(), StoreError> {
        self.hold(org.id())?;
        for mut change in self.changes_of(org, contact, None, usize::MAX)? {
            change.fields.iter_mut().for_each(blank);
            self.execute(
                "UPDATE changes SET fields = ?2 WHERE id = ?1",
                args![&change.id, Arg::json(&change.fields)?],
            )?;
        }
        for sql in [
            "UPDATE intents SET fields = '{}', properties = '{}' WHERE pair_id IN
                 (SELECT id FROM pairs WHERE contact_id = ?2 AND sync_id IN (SELECT id FROM syncs WHERE org_id = ?1))",
            // The row and its keys stay: whoever writes again with the same number must still meet the CRM's record.
            "UPDATE records SET properties = '{}' WHERE (sync_id, native) IN
                 (SELECT sync_id, native FROM pairs WHERE contact_id = ?2 AND sync_id IN (SELECT id FROM syncs WHERE org_id = ?1))",
            "UPDATE pairs SET base = '{}', fights = '{}'
             WHERE contact_id = ?2 AND sync_id IN (SELECT id FROM syncs WHERE org_id = ?1)",
            "DELETE FROM parked WHERE org_id = ?1 AND contact_id = ?2",
            "DELETE FROM idempotency WHERE org_id = ?1 AND subject = ?2",
            "UPDATE events SET content = '{\"erased\":true}' WHERE org_id = ?1 AND subject = ?2",
            "UPDATE deliveries SET status = 'dead', last_error = 'the contact was deleted', next_attempt_at = NULL
             WHERE status IN ('pending', 'failed') AND event_id IN
                 (SELECT id FROM events WHERE org_id = ?1 AND subject = ?2)",
        ] {
            self.execute(sql, args![org.id(), contact])?;
        }
        self.erase_conversations(org, contact)?;
        self.blank_plan_rows(org, contact)
    }
}

fn blank(field: &mut FieldChange) {
    (field.before, field.after) = (None, None);
    if let Some(decision) = &mut field.decision {
        decision.base = decision.base.as_ref().map(|_| FieldBase::default());
        (decision.ours, decision.theirs) = (None, None);
    }
}
