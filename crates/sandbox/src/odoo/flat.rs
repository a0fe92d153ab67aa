//! Records as people and tests see them: every value a text.

use serde_json::{Map, Value, json};

use super::database::{Caller, Database};
use super::refusal::Refusal;
use super::schema::{Kind, Model};
use super::tables::Row;
use super::times;
use super::{Record, Seeded};

impl Database {
    /// Values from texts: links by id, or by name where several may stand; an empty text is no value.
    pub(super) fn flat<'a>(
        &mut self,
        model: &Model,
        texts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<Map<String, Value>, Refusal> {
        let mut vals = Map::new();
        for (name, text) in texts {
            let unknown = || Refusal::value(format!("Invalid field '{name}' on model '{}'", model.name));
            let field = model.field(name).cloned().ok_or_else(unknown)?;
            let value = match field.kind {
                Kind::Many2many => json!([[6, 0, self.linked(&field.relation, text)?]]),
                _ if text.is_empty() => false.into(),
                Kind::Boolean => matches!(text, "true" | "True" | "1").into(),
                Kind::Many2one => text.parse::<u64>().map_or_else(|_| text.into(), Value::from),
                _ => text.into(),
            };
            vals.insert(name.to_owned(), value);
        }
        Ok(vals)
    }

    /// Ids from ids and names between commas; a name that nothing has yet is made.
    fn linked(&mut self, relation: &str, text: &str) -> Result<Vec<u64>, Refusal> {
        let model = self.model(relation)?;
        let mut ids = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let named = self.tables.of(relation).find(|(_, row)| row.text(model.named_by) == part).map(|(id, _)| id);
            ids.push(match part.parse().ok().or(named) {
                Some(id) => id,
                None => {
                    let vals = Map::from_iter([(model.named_by.to_owned(), part.into())]);
                    self.create(&Caller::person(), &model, &vals)?
                }
            });
        }
        Ok(ids)
    }

    /// Makes records one by one; what cannot be made is told.
    pub(super) fn seed(&mut self, model: &str, rows: Vec<Map<String, Value>>) -> Result<Seeded, Refusal> {
        let model = self.model(model)?;
        let before = self.automations.pending();
        let mut seeded = Seeded::default();
        for (number, row) in (1..).zip(rows) {
            let made = self.transact(|database| {
                let (texts, others): (Map<_, _>, Map<_, _>) = row.into_iter().partition(|(_, value)| value.is_string());
                let texts = texts.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)));
                let mut vals = database.flat(&model, texts.filter(|(_, text)| !text.is_empty()))?;
                vals.extend(others);
                database.create(&Caller::person(), &model, &vals)
            });
            match made {
                Ok(_) => seeded.created += 1,
                Err(refusal) => seeded.refused.push((number, refusal.to_string())),
            }
        }
        self.automations.forget_after(before);
        Ok(seeded)
    }

    /// Every record of a model, by id.
    pub(super) fn records(&self, model: &str) -> Result<Vec<Record>, Refusal> {
        let model = self.model(model)?;
        let mut all: Vec<(u64, Record)> =
            self.tables.of(model.name).map(|(id, row)| (id, told(&model, id, row, None))).collect();
        if model.name == "res.partner" {
            all.extend(self.merged.iter().map(|(id, (row, into))| (*id, told(&model, *id, row, Some(*into)))));
            all.sort_by_key(|(id, _)| *id);
        }
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    pub(super) fn record(&self, model: &str, id: u64) -> Option<Record> {
        let model = self.model(model).ok()?;
        match self.tables.get(model.name, id) {
            Some(row) => Some(told(&model, id, row, None)),
            None => self.merged.get(&id).map(|(row, into)| told(&model, id, row, Some(*into))),
        }
    }
}

fn told(model: &Model, id: u64, row: &Row, merged_into: Option<u64>) -> Record {
    let text = |name: &str, value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(ids) => ids.iter().map(Value::to_string).collect::<Vec<_>>().join(","),
        value => match (model.field(name).map(|field| field.kind), value.as_i64()) {
            (Some(Kind::Datetime), Some(us)) => times::written(us),
            _ => value.to_string(),
        },
    };
    let held = row.values.iter().filter(|(_, value)| value.as_array().is_none_or(|ids| !ids.is_empty()));
    Record {
        object: model.name.to_owned(),
        id: id.to_string(),
        properties: held.map(|(name, value)| (name.to_string(), Some(text(name, value)))).collect(),
        created_us: row.created_us,
        updated_us: row.updated_us,
        archived: row.get("active") == &Value::Bool(false),
        merged_into: merged_into.map(|id| id.to_string()),
    }
}
