//! Custom fields: rows of `ir.model.fields` that a person or an app makes. Source: `ir_model.py` of module `base`.

use std::sync::Arc;

use serde_json::Value;

use super::database::Database;
use super::refusal::Refusal;
use super::schema::{self, Kind};
use super::tables::Row;

/// Bytes a field's name may have, as PostgreSQL's.
const NAME_MAX: usize = 63;

impl Database {
    /// Puts a custom field, new or changed, into its model.
    pub(super) fn shape_field(&mut self, id: u64) -> Result<(), Refusal> {
        let Some(row) = self.tables.get("ir.model.fields", id).cloned() else { return Ok(()) };
        if row.text("state") != "manual" {
            return Err(Refusal::user(
                "Properties of base fields cannot be altered in this manner! Please modify them through Python code, \
                 preferably through a custom addon!",
            ));
        }
        let name = row.text("name");
        let is_plain = name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
        if !name.starts_with("x_") {
            return Err(Refusal::validation("Custom fields must have a name that starts with 'x_' !"));
        }
        if !is_plain || name.len() > NAME_MAX {
            return Err(Refusal::validation(
                "Field names can only contain characters, digits and underscores (up to 63).",
            ));
        }
        let kind = Kind::named(row.text("ttype")).unwrap_or(Kind::Char);
        let mut field = schema::field(name, kind, row.text("field_description"));
        field.manual = true;
        field.required = row.is_set("required");
        field.readonly = row.is_set("readonly");
        field.help = row.get("help").as_str().map(str::to_owned);
        if matches!(kind, Kind::Many2one | Kind::Many2many) {
            let relation = row.text("relation");
            if !self.schema.contains_key(relation) {
                return Err(Refusal::user(format!("Model {relation} does not exist!")));
            }
            relation.clone_into(&mut field.relation);
        }
        if kind == Kind::Selection {
            field.choices = self.choices_of(id, &row);
        }
        if let Some(model) = self.schema.get_mut(row.text("model")) {
            Arc::make_mut(model).fields.insert(Arc::clone(&field.name), Arc::new(field));
        }
        Ok(())
    }

    fn choices_of(&self, id: u64, row: &Row) -> Vec<(String, String)> {
        let lines = self.tables.pointing("ir.model.fields.selection", "field_id", id);
        let mut lines: Vec<(Option<i64>, u64)> = lines
            .into_iter()
            .map(|line| {
                (self.tables.get("ir.model.fields.selection", line).and_then(|it| it.get("sequence").as_i64()), line)
            })
            .collect();
        lines.sort_unstable();
        if lines.is_empty() {
            return written_pairs(row.text("selection"));
        }
        let pair = |(_, line): (_, u64)| {
            let line = self.tables.get("ir.model.fields.selection", line)?;
            Some((line.text("value").to_owned(), line.text("name").to_owned()))
        };
        lines.into_iter().filter_map(pair).collect()
    }

    /// Takes a custom field, and what it held, out of its model.
    pub(super) fn drop_field(&mut self, id: u64) -> Result<(), Refusal> {
        let Some(row) = self.tables.get("ir.model.fields", id).cloned() else { return Ok(()) };
        if row.text("state") != "manual" {
            return Err(Refusal::user("This column contains module data and cannot be removed!"));
        }
        let name = row.text("name");
        let Some(model) = self.schema.get_mut(row.text("model")) else { return Ok(()) };
        Arc::make_mut(model).fields.remove(name);
        let model = model.name;
        let holders: Vec<(u64, Row)> = self
            .tables
            .of(model)
            .filter(|(_, row)| !row.get(name).is_null())
            .map(|(id, row)| (id, row.clone()))
            .collect();
        for (id, mut row) in holders {
            row.set(name, Value::Null);
            self.tables.put(model, id, row);
        }
        for line in self.tables.pointing("ir.model.fields.selection", "field_id", id) {
            self.tables.remove("ir.model.fields.selection", line);
        }
        Ok(())
    }
}

/// Reads choices written as Python writes a list of pairs: every two quoted texts are a pair.
fn written_pairs(text: &str) -> Vec<(String, String)> {
    let mut quoted = Vec::new();
    let mut chars = text.chars();
    while let Some(quote) = chars.find(|it| *it == '\'' || *it == '"') {
        quoted.push(chars.by_ref().take_while(|it| *it != quote).collect::<String>());
    }
    quoted.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_from_pythons_notation() {
        let pairs = written_pairs("[('a', 'An A'), (\"b\", \"It's B\")]");
        assert_eq!(pairs, [("a".into(), "An A".into()), ("b".into(), "It's B".into())]);
        assert!(written_pairs("nonsense").is_empty());
    }
}
