//! Labels and the contacts they hang on.

use std::collections::BTreeMap;

use lockstep_core::ids::{ContactId, LabelId, TeamId};
use lockstep_core::label::{Label, NewLabel, name_key};

use crate::error::StoreError;
use crate::orgs::Org;
use crate::sql::{Arg, Row, args, cut};
use crate::tx::Tx;

/// A contact that a label shall be attached to or detached from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelTarget {
    /// The contact.
    pub contact: ContactId,
    /// Whether the label's team may label it.
    pub fits: bool,
    /// Whether it has the label.
    pub attached: bool,
}

const LABEL: &str = "SELECT id, team_id, name, color, created_at, updated_at FROM labels WHERE org_id = ?1";

pub(crate) fn label_row(row: &Row<'_>) -> Result<Label, StoreError> {
    Ok(Label {
        id: row.take()?,
        team: row.take()?,
        name: row.take()?,
        color: row.word()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

impl Tx<'_> {
    /// Makes a label.
    ///
    /// # Errors
    /// `Conflict` of `labels_name` when the team has a label of this name; the transaction goes on. `Foreign` when there
    /// is no such team.
    pub fn add_label(&mut self, org: &Org, new: NewLabel) -> Result<Label, StoreError> {
        let (id, now) = (LabelId::new(self.env()), self.now());
        let label = Label { id, team: new.team, name: new.name, color: new.color, created_at: now, updated_at: now };
        let made = self.execute(
            "INSERT INTO labels (id, org_id, team_id, name, name_key, color, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7) ON CONFLICT (team_id, name_key) DO NOTHING",
            args![&label.id, org.id(), &label.team, &label.name, name_key(&label.name), Arg::word(&label.color)?, now],
        )?;
        if made == 0 { Err(StoreError::conflict("labels_name")) } else { Ok(label) }
    }

    /// The label with this id.
    ///
    /// # Errors
    /// When the store fails.
    pub fn label(&mut self, org: &Org, id: &LabelId) -> Result<Option<Label>, StoreError> {
        self.hold(org.id())?;
        self.one(&format!("{LABEL} AND id = ?2"), args![org.id(), id], label_row)
    }

    /// A page of the organization's labels by id, from behind `after`, and whether there are more. With a team only its
    /// own.
    ///
    /// # Errors
    /// When the store fails.
    pub fn labels(
        &mut self,
        org: &Org,
        team: Option<&TeamId>,
        after: Option<&LabelId>,
        limit: usize,
    ) -> Result<(Vec<Label>, bool), StoreError> {
        let after = after.map_or("", LabelId::as_str);
        let more = limit.saturating_add(1);
        let found = match team {
            None => {
                let sql = format!("{LABEL} AND id > ?2 ORDER BY id LIMIT ?3");
                self.query(&sql, args![org.id(), after, more], label_row)?
            }
            Some(team) => {
                let sql = format!("{LABEL} AND id > ?2 AND team_id = ?4 ORDER BY id LIMIT ?3");
                self.query(&sql, args![org.id(), after, more, team], label_row)?
            }
        };
        Ok(cut(found, limit))
    }

    /// How many labels there are.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count_labels(&mut self, org: &Org) -> Result<u64, StoreError> {
        self.hold(org.id())?;
        self.count("SELECT COUNT(*) FROM labels WHERE org_id = ?1", args![org.id()])
    }

    /// Replaces a label's name and colour and answers what is stored.
    ///
    /// # Errors
    /// `Conflict` of `labels_name` when another label of the team has the name; the transaction goes on. `Missing` when
    /// the label is gone.
    pub fn put_label(&mut self, org: &Org, label: &Label) -> Result<Label, StoreError> {
        self.hold(org.id())?;
        let (key, stored) = (name_key(&label.name), Label { updated_at: self.now(), ..label.clone() });
        let taken = "SELECT 1 FROM labels WHERE team_id = ?1 AND name_key = ?2 AND id <> ?3";
        if self.one(taken, args![&stored.team, &key, &stored.id], |_| Ok(()))?.is_some() {
            return Err(StoreError::conflict("labels_name"));
        }
        let sql =
            "UPDATE labels SET name = ?3, name_key = ?4, color = ?5, updated_at = ?6 WHERE org_id = ?1 AND id = ?2";
        let color = Arg::word(&stored.color)?;
        self.change("label", sql, args![org.id(), &stored.id, &stored.name, &key, color, stored.updated_at])?;
        Ok(stored)
    }

    /// Deletes a label and takes it from all that it hangs on; false when there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub fn delete_label(&mut self, org: &Org, id: &LabelId) -> Result<bool, StoreError> {
        if self.label(org, id)?.is_none() {
            return Ok(false);
        }
        self.execute("DELETE FROM contact_labels WHERE label_id = ?1", args![id])?;
        self.execute("DELETE FROM conversation_labels WHERE label_id = ?1", args![id])?;
        Ok(self.execute("DELETE FROM labels WHERE org_id = ?1 AND id = ?2", args![org.id(), id])? > 0)
    }

    /// The labels of contacts, each contact's by id; any number of contacts in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn labels_of_contacts(
        &mut self,
        org: &Org,
        contacts: &[&ContactId],
    ) -> Result<BTreeMap<ContactId, Vec<Label>>, StoreError> {
        let sql = format!(
            "SELECT contact_labels.contact_id, labels.id, team_id, name, color, created_at, updated_at
             FROM contact_labels JOIN labels ON labels.id = contact_labels.label_id
             WHERE labels.org_id = ?1 AND {} ORDER BY labels.id",
            self.dialect().among("contact_labels.contact_id", 2)
        );
        let mut found: BTreeMap<ContactId, Vec<Label>> = BTreeMap::new();
        let rows =
            self.query(&sql, args![org.id(), Arg::json(&contacts)?], |row| Ok((row.take()?, label_row(row)?)))?;
        for (contact, label) in rows {
            found.entry(contact).or_default().push(label);
        }
        Ok(found)
    }

    /// Of these ids, the living contacts of the organization, by id: whether the label fits them and whether they have it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn label_targets(
        &mut self,
        org: &Org,
        label: &Label,
        contacts: &[ContactId],
    ) -> Result<Vec<LabelTarget>, StoreError> {
        self.hold(org.id())?;
        let sql = format!(
            "SELECT contacts.id, CAST(CASE WHEN accounts.team_id IS NULL OR accounts.team_id = ?3 THEN 1 ELSE 0 END AS BIGINT),
                 CAST(CASE WHEN contact_labels.label_id IS NULL THEN 0 ELSE 1 END AS BIGINT)
             FROM contacts
             JOIN accounts ON accounts.org_id = contacts.org_id AND accounts.phone_number_id = contacts.account
             LEFT JOIN contact_labels ON contact_labels.contact_id = contacts.id AND contact_labels.label_id = ?4
             WHERE contacts.org_id = ?1 AND contacts.deleted_at IS NULL AND {} ORDER BY contacts.id",
            self.dialect().among("contacts.id", 2)
        );
        self.query(&sql, args![org.id(), Arg::json(&contacts)?, &label.team, &label.id], |row| {
            Ok(LabelTarget { contact: row.take()?, fits: row.take()?, attached: row.take()? })
        })
    }

    /// Attaches a label to contacts of the organization; those that have it keep it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn attach_to_contacts(&mut self, org: &Org, label: &LabelId, contacts: &[ContactId]) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO contact_labels (contact_id, label_id)
             SELECT contacts.id, labels.id FROM contacts JOIN labels ON labels.org_id = contacts.org_id
             WHERE contacts.org_id = ?1 AND labels.id = ?3 AND {} ON CONFLICT DO NOTHING",
            self.dialect().among("contacts.id", 2)
        );
        self.execute(&sql, args![org.id(), Arg::json(&contacts)?, label]).map(|_| ())
    }

    /// Detaches a label from contacts of the organization.
    ///
    /// # Errors
    /// When the store fails.
    pub fn detach_from_contacts(
        &mut self,
        org: &Org,
        label: &LabelId,
        contacts: &[ContactId],
    ) -> Result<(), StoreError> {
        let sql = format!(
            "DELETE FROM contact_labels WHERE label_id = ?3 AND {}
             AND EXISTS (SELECT 1 FROM labels WHERE org_id = ?1 AND id = ?3)",
            self.dialect().among("contact_id", 2)
        );
        self.execute(&sql, args![org.id(), Arg::json(&contacts)?, label]).map(|_| ())
    }
}
