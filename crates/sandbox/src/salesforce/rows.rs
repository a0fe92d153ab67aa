//! Where records are kept: found by id, by object and by key, and put back as they were when an all-or-none write fails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::ids;
use super::schema::Schema;

/// A record.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) object: String,
    /// What it holds; null where a value was cleared.
    pub(super) values: BTreeMap<String, Value>,
    pub(super) created_us: i64,
    pub(super) created_by: String,
    pub(super) modified_us: i64,
    pub(super) modified_by: String,
    /// Moves with changes that the system makes, too.
    pub(super) stamp_us: i64,
    pub(super) deleted_us: Option<i64>,
    /// The record it was merged into.
    pub(super) master: Option<String>,
    /// When the search index knows what it holds now.
    pub(super) searchable_us: i64,
}

impl Row {
    /// What a stored field holds, if anything.
    pub(super) fn held(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.held(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// A value as keys are compared: without case.
pub(super) fn folded(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_lowercase(),
        other => other.to_string(),
    }
}

type Key = (String, String, String);

/// All records of an org, deleted ones too.
#[derive(Debug, Default)]
pub(super) struct Rows {
    all: BTreeMap<String, Row>,
    keys: BTreeMap<Key, BTreeSet<String>>,
    key_fields: BTreeMap<String, Vec<String>>,
    /// What was there before each write, while some write may have to be undone.
    undo: Vec<(String, Option<Row>)>,
    depth: usize,
}

impl Rows {
    /// Learns which fields are keys. Values that were there before a field became one are not found by it.
    pub(super) fn learn(&mut self, schema: &Schema) {
        self.key_fields = schema
            .all()
            .map(|object| {
                let keys = object.fields.iter().filter(|field| field.is_key());
                (object.name.clone(), keys.map(|field| field.name.clone()).collect())
            })
            .collect();
    }

    pub(super) fn get(&self, id: &str) -> Option<&Row> {
        self.all.get(id)
    }

    pub(super) fn live(&self, id: &str) -> Option<&Row> {
        self.get(id).filter(|row| row.deleted_us.is_none())
    }

    /// All records of an object in the order they were made, deleted ones too.
    pub(super) fn of<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Row> {
        self.all.range(prefix.to_owned()..).map(|(_, row)| row).take_while(move |row| ids::prefix(&row.id) == prefix)
    }

    /// Live records that hold a value in a key field.
    pub(super) fn by_key(&self, object: &str, field: &str, value: &Value) -> Vec<String> {
        let key = (object.to_owned(), field.to_owned(), folded(value));
        self.keys.get(&key).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
    }

    /// Puts a record in the place of what was there, or takes it away.
    pub(super) fn put(&mut self, id: &str, row: Option<Row>) {
        let before = self.swap(id, row);
        if self.depth > 0 {
            self.undo.push((id.to_owned(), before));
        }
    }

    fn swap(&mut self, id: &str, row: Option<Row>) -> Option<Row> {
        let added = row.as_ref().map(|row| self.keys_of(row)).unwrap_or_default();
        let before = match row {
            Some(row) => self.all.insert(id.to_owned(), row),
            None => self.all.remove(id),
        };
        for key in before.as_ref().map(|row| self.keys_of(row)).unwrap_or_default() {
            if let Some(ids) = self.keys.get_mut(&key) {
                ids.remove(id);
                if ids.is_empty() {
                    self.keys.remove(&key);
                }
            }
        }
        for key in added {
            self.keys.entry(key).or_default().insert(id.to_owned());
        }
        before
    }

    fn keys_of(&self, row: &Row) -> Vec<Key> {
        if row.deleted_us.is_some() {
            return Vec::new();
        }
        let names = self.key_fields.get(&row.object).into_iter().flatten();
        names.filter_map(|name| Some((row.object.clone(), name.clone(), folded(row.held(name)?)))).collect()
    }

    /// Begins a write that may be undone. Answers the mark to undo it by.
    pub(super) fn begin(&mut self) -> usize {
        self.depth += 1;
        self.undo.len()
    }

    /// Ends a write that was begun; if it failed, everything since its mark is put back.
    pub(super) fn end(&mut self, mark: usize, failed: bool) {
        if failed {
            while self.undo.len() > mark {
                if let Some((id, before)) = self.undo.pop() {
                    self.swap(&id, before);
                }
            }
        }
        self.depth -= 1;
        if self.depth == 0 {
            self.undo.clear();
        }
    }
}
