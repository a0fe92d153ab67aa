//! Rows, and the journal that undoes a call that failed: one call is one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

/// The fields that lead back from a one2many, and those that die or are emptied with what they point at.
const INDEXED: [(&str, &str); 10] = [
    ("res.partner", "parent_id"),
    ("crm.lead", "partner_id"),
    ("res.users", "partner_id"),
    ("mail.message", "res_id"),
    ("mail.activity", "res_id"),
    ("ir.model.fields", "model_id"),
    ("ir.model.fields.selection", "field_id"),
    ("ir.actions.server", "base_automation_id"),
    ("crm.lead", "stage_id"),
    ("res.partner.category", "parent_id"),
];

/// One row of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// What has a column and a value: a many2one as a number, a many2many as an array of them, a datetime as
    /// microseconds since the epoch.
    pub(super) values: BTreeMap<Arc<str>, Value>,
    pub(super) created_us: i64,
    pub(super) updated_us: i64,
    pub(super) created_by: u64,
    pub(super) updated_by: u64,
    /// A record rule keeps it from the API user.
    pub(super) hidden: bool,
}

impl Row {
    pub(super) fn get(&self, name: &str) -> &Value {
        self.values.get(name).unwrap_or(&Value::Null)
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// The record a many2one points at.
    pub(super) fn link(&self, name: &str) -> Option<u64> {
        self.get(name).as_u64()
    }

    /// The records a many2many points at.
    pub(super) fn links(&self, name: &str) -> Vec<u64> {
        self.get(name).as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).as_bool() == Some(true)
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        match value.into() {
            Value::Null => self.values.remove(name),
            value => self.values.insert(name.into(), value),
        };
    }
}

type Rows = BTreeMap<u64, Row>;

/// All rows of the database.
#[derive(Debug, Default)]
pub(super) struct Tables {
    rows: BTreeMap<&'static str, Rows>,
    /// Ids given out so far. A call that fails does not give them back, as PostgreSQL's sequences do not.
    last: BTreeMap<&'static str, u64>,
    back: BTreeMap<(&'static str, &'static str), BTreeMap<u64, BTreeSet<u64>>>,
    journal: Vec<(&'static str, u64, Option<Row>)>,
}

impl Tables {
    pub(super) fn of(&self, model: &str) -> impl Iterator<Item = (u64, &Row)> {
        self.rows.get(model).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    pub(super) fn get(&self, model: &str, id: u64) -> Option<&Row> {
        self.rows.get(model)?.get(&id)
    }

    pub(super) fn next_id(&mut self, model: &'static str) -> u64 {
        let last = self.last.entry(model).or_default();
        *last += 1;
        *last
    }

    /// The records whose many2one `field` points at `id`.
    pub(super) fn pointing(&self, model: &str, field: &str, id: u64) -> Vec<u64> {
        let index = INDEXED.iter().find(|key| **key == (model, field)).and_then(|key| self.back.get(key));
        index.and_then(|index| index.get(&id)).into_iter().flatten().copied().collect()
    }

    pub(super) fn put(&mut self, model: &'static str, id: u64, row: Row) {
        self.index(model, id, Some(&row));
        let before = self.rows.entry(model).or_default().insert(id, row);
        self.journal.push((model, id, before));
    }

    pub(super) fn remove(&mut self, model: &'static str, id: u64) -> Option<Row> {
        self.index(model, id, None);
        let before = self.rows.get_mut(model)?.remove(&id)?;
        self.journal.push((model, id, Some(before.clone())));
        Some(before)
    }

    /// Forgets how to undo what was done so far.
    pub(super) fn commit(&mut self) {
        self.journal.clear();
    }

    /// Undoes everything since the last commit.
    pub(super) fn roll_back(&mut self) {
        while let Some((model, id, before)) = self.journal.pop() {
            self.index(model, id, before.as_ref());
            let rows = self.rows.entry(model).or_default();
            match before {
                Some(row) => drop(rows.insert(id, row)),
                None => drop(rows.remove(&id)),
            }
        }
    }

    fn index(&mut self, model: &str, id: u64, row: Option<&Row>) {
        for key in INDEXED.iter().filter(|(of, _)| *of == model) {
            let before = self.rows.get(model).and_then(|rows| rows.get(&id)).and_then(|row| row.link(key.1));
            let after = row.and_then(|row| row.link(key.1));
            if before == after {
                continue;
            }
            let index = self.back.entry(*key).or_default();
            if let Some(set) = before.and_then(|before| index.get_mut(&before)) {
                set.remove(&id);
            }
            if let Some(after) = after {
                index.entry(after).or_default().insert(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_leaves_nothing_but_a_gap() {
        let mut tables = Tables::default();
        let mut child = Row::default();
        child.set("parent_id", 1);
        let first = tables.next_id("res.partner");
        tables.put("res.partner", first, Row::default());
        tables.commit();
        let second = tables.next_id("res.partner");
        tables.put("res.partner", second, child);
        assert_eq!(tables.pointing("res.partner", "parent_id", 1), [second]);
        tables.remove("res.partner", first);
        tables.roll_back();
        assert!(tables.pointing("res.partner", "parent_id", 1).is_empty());
        assert_eq!(tables.of("res.partner").map(|(id, _)| id).collect::<Vec<_>>(), [1]);
        assert_eq!(tables.next_id("res.partner"), 3);
    }
}
