//! Finding and reading: `search`, `search_count`, `search_read`, `read`, `name_search`.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::database::{Caller, Database};
use super::domain::{self, Test};
use super::refusal::Refusal;
use super::schema::{Field, Kind, Model};
use super::tables::Row;

/// What to look for.
#[derive(Debug, Default)]
pub(super) struct Search<'a> {
    pub(super) domain: Option<&'a Value>,
    pub(super) order: Option<&'a str>,
    pub(super) offset: usize,
    pub(super) limit: Option<usize>,
}

/// One key of an order: the field, and whether it runs down.
type Key = (Arc<Field>, bool);

impl Database {
    /// The ids of all rows that pass.
    pub(super) fn ids_where(&self, model: &Model, test: &Test) -> BTreeSet<u64> {
        let rows = self.tables.of(model.name).filter(|(id, row)| test.passes(self, model, *id, row));
        rows.map(|(id, _)| id).collect()
    }

    /// The ids of the records that are called so.
    pub(super) fn ids_named(
        &self,
        who: &Caller,
        model: &str,
        operator: &str,
        name: &str,
    ) -> Result<BTreeSet<u64>, Refusal> {
        let model = self.model(model)?;
        let test = domain::compile(self, who, &model, &named(&model, operator, name))?;
        Ok(self.ids_where(&model, &test))
    }

    /// Records that pass, in order.
    pub(super) fn search(&mut self, who: &Caller, model: &Model, search: &Search<'_>) -> Result<Vec<u64>, Refusal> {
        self.check_access(who, model, "read")?;
        let test = domain::compile(self, who, model, search.domain.unwrap_or(&Value::Null))?;
        let keys = self.order_of(model, search.order.unwrap_or(model.order))?;
        // Ties that the order leaves fall differently each time, as they may in PostgreSQL.
        let salt = if self.settings.quirks { self.rng.next() | 1 } else { 1 };
        let found = self
            .tables
            .of(model.name)
            .filter(|(id, row)| (who.is_person || !row.hidden) && test.passes(self, model, *id, row));
        let mut found: Vec<(Vec<Value>, u64)> = found
            .map(|(id, row)| (keys.iter().map(|(field, _)| self.sort_key(model, id, row, field)).collect(), id))
            .collect();
        found.sort_by(|(a, a_id), (b, b_id)| {
            let by_keys = keys.iter().zip(a.iter().zip(b)).map(|((_, down), (a, b))| compare(a, b, *down));
            by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| tie(*a_id, salt).cmp(&tie(*b_id, salt)))
        });
        let page = found.into_iter().map(|(_, id)| id).skip(search.offset).take(search.limit.unwrap_or(usize::MAX));
        Ok(page.collect())
    }

    /// How many records pass.
    pub(super) fn count(&self, who: &Caller, model: &Model, domain: &Value) -> Result<usize, Refusal> {
        self.check_access(who, model, "read")?;
        let test = domain::compile(self, who, model, domain)?;
        let rows = self.tables.of(model.name).filter(|(_, row)| who.is_person || !row.hidden);
        Ok(rows.filter(|(id, row)| test.passes(self, model, *id, row)).count())
    }

    /// Fields of records, in the order asked. Records that are gone are left out without a word.
    pub(super) fn read(
        &self,
        who: &Caller,
        model: &Model,
        ids: &[u64],
        names: Option<&Value>,
        classic: bool,
    ) -> Result<Vec<Value>, Refusal> {
        self.check_access(who, model, "read")?;
        let fields = self.fields_named(model, names)?;
        let mut rows = Vec::new();
        for id in ids {
            // With nothing to look up but the id itself, the miss comes to light.
            if fields.len() == 1 && &*fields[0].name == "id" {
                self.row(who, model, *id)?;
            }
            if self.tables.get(model.name, *id).is_none() {
                continue;
            }
            let row = self.row(who, model, *id)?;
            let mut told = Map::new();
            told.insert("id".into(), (*id).into());
            for field in fields.iter().filter(|field| &*field.name != "id") {
                told.insert(field.name.to_string(), self.shown(model, *id, row, field, classic));
            }
            rows.push(Value::Object(told));
        }
        Ok(rows)
    }

    /// The fields asked for, or all.
    fn fields_named(&self, model: &Model, names: Option<&Value>) -> Result<Vec<Arc<Field>>, Refusal> {
        let names = names.and_then(Value::as_array).filter(|names| !names.is_empty());
        let Some(names) = names else { return Ok(model.fields.values().cloned().collect()) };
        let field = |name: &Value| {
            let field = name.as_str().and_then(|name| model.field(name)).cloned();
            field.ok_or_else(|| {
                let name = super::values::python(name);
                Refusal::value(format!("Invalid field {name} on model '{}'", model.name))
            })
        };
        names.iter().map(field).collect()
    }

    /// `[[id, "name"], …]` of those called so.
    pub(super) fn name_search(
        &mut self,
        who: &Caller,
        model: &Model,
        (name, operator): (&str, &str),
        within: &Value,
        limit: Option<usize>,
    ) -> Result<Vec<Value>, Refusal> {
        let mut all = within.as_array().cloned().unwrap_or_default();
        if !name.is_empty() {
            all.extend(named(model, operator, name).as_array().cloned().unwrap_or_default());
        }
        let all = Value::from(all);
        let ids = self.search(who, model, &Search { domain: Some(&all), limit, ..Search::default() })?;
        Ok(ids.into_iter().map(|id| self.pair(model.name, id)).collect())
    }

    /// Reads `name [asc|desc], …`.
    fn order_of(&self, model: &Model, order: &str) -> Result<Vec<Key>, Refusal> {
        let invalid = || {
            Refusal::user(format!(
                "Invalid \"order\" specified ({order}). A valid \"order\" specification is a comma-separated list of \
                 valid field names (optionally followed by asc/desc for the direction)"
            ))
        };
        let order_by = |part: &str| {
            let mut words = part.split_whitespace();
            let name = words.next().ok_or_else(invalid)?;
            let down = match words.next().map(str::to_lowercase).as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(_) => return Err(invalid()),
            };
            let unknown = || Refusal::value(format!("Invalid field '{name}' on model '{}'", model.name));
            let field = model.field(name).ok_or_else(unknown)?;
            if field.kind.is_many() && self.settings.version >= 17 || words.next().is_some() {
                return Err(invalid());
            }
            Ok((Arc::clone(field), down))
        };
        order.split(',').map(order_by).collect()
    }

    fn sort_key(&self, model: &Model, id: u64, row: &Row, field: &Field) -> Value {
        let cell = self.cell(model, id, row, field).into_owned();
        match (field.kind, cell.as_u64()) {
            // Links are ordered by the name of what they point at.
            (Kind::Many2one, Some(target)) => self.pair(&field.relation, target).get(1).cloned().unwrap_or_default(),
            _ => cell,
        }
    }
}

/// The domain of records called so: contacts are found by their address and their reference too.
fn named(model: &Model, operator: &str, name: &str) -> Value {
    let fields: &[&str] = match model.name {
        "res.partner" => &["name", "email", "ref"],
        "res.users" => &["name", "login"],
        _ => &[model.named_by],
    };
    let conditions = fields.iter().map(|field| serde_json::json!([field, operator, name]));
    std::iter::repeat_n(Value::from("|"), fields.len() - 1).chain(conditions).collect::<Vec<_>>().into()
}

/// PostgreSQL's order: nothing comes last going up and first going down.
fn compare(a: &Value, b: &Value, down: bool) -> Ordering {
    let up = match (a.is_null(), b.is_null()) {
        (false, false) => domain::order(a, b).unwrap_or(Ordering::Equal),
        (a, b) => a.cmp(&b),
    };
    if down { up.reverse() } else { up }
}

fn tie(id: u64, salt: u64) -> u64 {
    if salt == 1 { id } else { id.wrapping_mul(salt).rotate_left(32).wrapping_mul(0x9e37_79b9_7f4a_7c15) }
}
