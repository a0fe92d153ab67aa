//! Making, changing and deleting records, with the commands of links and the constraints of models.
//! Source: the ORM reference, CRUD and `Command`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::database::{Caller, Database, USER, USER_PARTNER};
use super::refusal::Refusal;
use super::schema::{Field, Kind, MAGIC, Model};
use super::tables::Row;
use super::values;

/// Lines of a one2many to be written once the record stands.
type Lines = Vec<(Arc<Field>, Value)>;

/// Models that miss a record that is gone when it is written or deleted; the others pass over it without a word, as a
/// real Odoo 14 was seen to do.
const MISSED: [&str; 3] = ["res.partner", "crm.lead", "mail.activity"];

/// How deep records may be made inside records.
const DEPTH_MAX: usize = 8;

impl Database {
    /// Makes a record.
    pub(super) fn create(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        vals: &Map<String, Value>,
    ) -> Result<u64, Refusal> {
        self.create_in(who, model, vals, 0)
    }

    fn create_in(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        vals: &Map<String, Value>,
        depth: usize,
    ) -> Result<u64, Refusal> {
        self.check_access(who, model, "create")?;
        known(model, vals)?;
        let id = self.tables.next_id(model.name);
        let stamp_us = self.stamp_us();
        let mut row =
            Row { created_us: stamp_us, updated_us: stamp_us, created_by: USER, updated_by: USER, ..Row::default() };
        let defaults = self.defaults(model.name);
        let unsaid = defaults.into_iter().filter(|(name, _)| model.has(name) && !vals.contains_key(name)).collect();
        self.assign(who, model, &mut row, &unsaid, depth)?;
        let lines = self.assign(who, model, &mut row, vals, depth)?;
        self.settle(who, model, id, row, None, vals)?;
        self.write_lines(who, id, lines, depth)?;
        if model.chatter {
            self.log_creation(model, id);
        }
        Ok(id)
    }

    /// Changes records: the same values for all.
    pub(super) fn write(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        ids: &[u64],
        vals: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        self.write_in(who, model, ids, vals, 0)
    }

    fn write_in(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        ids: &[u64],
        vals: &Map<String, Value>,
        depth: usize,
    ) -> Result<(), Refusal> {
        self.check_access(who, model, "write")?;
        known(model, vals)?;
        for id in ids {
            if self.tables.get(model.name, *id).is_none() && !MISSED.contains(&model.name) {
                continue;
            }
            let before = self.row(who, model, *id)?.clone();
            let mut row = before.clone();
            let lines = self.assign(who, model, &mut row, vals, depth)?;
            // Every write counts, also one that changes nothing.
            (row.updated_us, row.updated_by) = (self.stamp_us(), USER);
            self.settle(who, model, *id, row, Some(&before), vals)?;
            self.write_lines(who, *id, lines, depth)?;
            if model.name == "res.partner" && self.is_of_another_user(*id) {
                let users = self.model("res.users")?;
                self.check_access(who, &users, "write")?;
            }
        }
        Ok(())
    }

    /// Whether the contact is that of another user than the caller, whom `write` of `res_partner.py` guards.
    fn is_of_another_user(&self, id: u64) -> bool {
        let users = self.tables.pointing("res.users", "partner_id", id);
        users
            .into_iter()
            .any(|it| it != USER && self.tables.get("res.users", it).is_some_and(|row| row.is_set("active")))
    }

    /// Puts values into a row that is not stored yet.
    fn assign(
        &mut self,
        who: &Caller,
        model: &Model,
        row: &mut Row,
        vals: &Map<String, Value>,
        depth: usize,
    ) -> Result<Lines, Refusal> {
        let mut lines = Lines::new();
        for (name, raw) in vals {
            let Some(field) = model.field(name).filter(|_| !MAGIC.contains(&name.as_str())).cloned() else { continue };
            match field.kind {
                _ if name == "company_type" => row.set("is_company", raw.as_str() == Some("company")),
                _ if model.name == "res.users" && matches!(name.as_str(), "name" | "email") => {}
                Kind::One2many => lines.push((field, raw.clone())),
                _ if field.computed => {}
                Kind::Many2one => row.set(name, self.link(model, &field, raw)?),
                Kind::Many2many => {
                    let ids = self.commanded(who, &field, row.links(name), raw, depth)?;
                    row.set(name, ids);
                }
                _ => row.set(name, values::taken(model.name, &field, raw)?),
            }
        }
        Ok(lines)
    }

    fn link(&self, model: &Model, field: &Field, raw: &Value) -> Result<Value, Refusal> {
        match raw {
            Value::Null | Value::Bool(false) => Ok(Value::Null),
            Value::Number(_) if raw.as_u64() == Some(0) => Ok(Value::Null),
            Value::Number(_) => {
                let id = raw.as_u64().filter(|id| self.tables.get(&field.relation, *id).is_some());
                id.map(Value::from).ok_or_else(|| {
                    let constraint = format!("{}_{}_fkey", model.name.replace('.', "_"), field.name);
                    Refusal::foreign_key(&format!("{} ({})", model.label, model.name), &constraint)
                })
            }
            // The pair that a read shows may be written back.
            Value::Array(pair) if pair.first().is_some_and(Value::is_number) => self.link(model, field, &pair[0]),
            Value::String(text) => {
                let words = format!("invalid input syntax for type integer: \"{text}\"\n");
                Err(Refusal::new(500, "psycopg2.errors.InvalidTextRepresentation", words))
            }
            _ => Err(values::wrong(model.name, field, raw)),
        }
    }

    /// Does the commands of a many2many to the ids it holds.
    fn commanded(
        &mut self,
        who: &Caller,
        field: &Field,
        mut ids: Vec<u64>,
        raw: &Value,
        depth: usize,
    ) -> Result<Vec<u64>, Refusal> {
        let wrong = || Refusal::value(format!("Wrong value for {}: {}", field.name, values::python(raw)));
        let relation = self.model(&field.relation)?;
        let commands = match raw {
            Value::Null | Value::Bool(false) => return Ok(Vec::new()),
            Value::Array(commands) => commands,
            _ => return Err(wrong()),
        };
        if commands.first().is_some_and(|first| !first.is_array()) {
            let all: Option<Vec<u64>> = commands.iter().map(Value::as_u64).collect();
            ids = all.ok_or_else(wrong)?;
        } else {
            for command in commands {
                let id = command.get(1).and_then(Value::as_u64);
                match (command.get(0).and_then(Value::as_u64).ok_or_else(wrong)?, id) {
                    (0, _) => {
                        let vals = command.get(2).and_then(Value::as_object).ok_or_else(wrong)?;
                        ids.push(self.nested(who, &relation, vals, depth)?);
                    }
                    (1, Some(id)) => {
                        let vals = command.get(2).and_then(Value::as_object).ok_or_else(wrong)?.clone();
                        self.write_in(who, &relation, &[id], &vals, depth + 1)?;
                    }
                    (2, Some(id)) => {
                        ids.retain(|it| *it != id);
                        self.unlink(who, &relation, &[id])?;
                    }
                    (3, Some(id)) => ids.retain(|it| *it != id),
                    (4, Some(id)) => ids.push(id),
                    (5, _) => ids.clear(),
                    (6, _) => {
                        let all = command.get(2).and_then(Value::as_array).ok_or_else(wrong)?;
                        ids = all.iter().filter_map(Value::as_u64).collect();
                    }
                    // A command that is none is passed over.
                    _ => {}
                }
            }
        }
        ids.sort_unstable();
        ids.dedup();
        match ids.iter().find(|id| self.tables.get(&field.relation, **id).is_none()) {
            Some(_) => {
                let constraint = format!("{}_rel_{}_fkey", field.relation.replace('.', "_"), field.name);
                Err(Refusal::foreign_key("Unknown (Unknown)", &constraint))
            }
            None => Ok(ids),
        }
    }

    fn nested(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        vals: &Map<String, Value>,
        depth: usize,
    ) -> Result<u64, Refusal> {
        if depth == DEPTH_MAX {
            return Err(Refusal::new(500, "builtins.RecursionError", "maximum recursion depth exceeded"));
        }
        self.create_in(who, model, vals, depth + 1)
    }

    /// Does the commands of one2manys.
    fn write_lines(&mut self, who: &Caller, id: u64, lines: Lines, depth: usize) -> Result<(), Refusal> {
        for (field, raw) in lines {
            let relation = self.model(&field.relation)?;
            let wrong = || Refusal::value(format!("Wrong value for {}: {}", field.name, values::python(&raw)));
            for command in raw.as_array().ok_or_else(wrong)? {
                let (target, vals) =
                    (command.get(1).and_then(Value::as_u64), command.get(2).and_then(Value::as_object));
                let back = |to: Value| Map::from_iter([(field.inverse.clone(), to)]);
                match (command.get(0).and_then(Value::as_u64), target, vals) {
                    (Some(0), _, Some(vals)) => {
                        let mut vals = vals.clone();
                        vals.insert(field.inverse.clone(), id.into());
                        self.nested(who, &relation, &vals, depth)?;
                    }
                    (Some(1), Some(line), Some(vals)) => self.write_in(who, &relation, &[line], vals, depth + 1)?,
                    (Some(2), Some(line), _) => self.unlink(who, &relation, &[line])?,
                    (Some(3), Some(line), _) => {
                        self.write_in(who, &relation, &[line], &back(false.into()), depth + 1)?
                    }
                    (Some(4), Some(line), _) => self.write_in(who, &relation, &[line], &back(id.into()), depth + 1)?,
                    _ => return Err(wrong()),
                }
            }
        }
        Ok(())
    }

    /// Derives, checks and stores a row, and lets the model have its say.
    fn settle(
        &mut self,
        who: &Caller,
        model: &Arc<Model>,
        id: u64,
        mut row: Row,
        before: Option<&Row>,
        vals: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        self.derive(model, &mut row, before, vals)?;
        self.check(model, id, &row)?;
        self.tables.put(model.name, id, row);
        self.touched.push((model.name, id));
        match model.name {
            "res.partner" => {
                self.sync_address(id, before.is_none(), vals)?;
                if let Some(before) = before {
                    self.renew_names(id, before);
                    self.sync_leads(id, vals);
                }
                Ok(())
            }
            "crm.lead" => self.sync_customer(id, vals),
            "ir.model.fields" => self.shape_field(id),
            "base.automation" => {
                self.address_rule(id);
                Ok(())
            }
            "ir.model.fields.selection" => {
                let field = self.tables.get(model.name, id).and_then(|row| row.link("field_id"));
                field.map_or(Ok(()), |field| self.shape_field(field))
            }
            "res.users" if before.is_none() => {
                let name: Map<String, Value> =
                    vals.clone().into_iter().filter(|(it, _)| it == "name" || it == "email").collect();
                let partner = self.tables.get(model.name, id).and_then(|row| row.link("partner_id"));
                let partners = self.model("res.partner")?;
                partner.map_or(Ok(()), |partner| self.write(who, &partners, &[partner], &name))
            }
            _ => Ok(()),
        }
    }

    /// The constraints of the database and of the models.
    fn check(&self, model: &Model, id: u64, row: &Row) -> Result<(), Refusal> {
        let nothing = |field: &&Arc<Field>| field.required && row.get(&field.name).is_null();
        let exempt = |field: &Field| model.name == "res.users" && &*field.name == "name";
        if let Some(field) = model.fields.values().find(|field| nothing(field) && !exempt(field)) {
            return Err(Refusal::validation(format!(
                "The operation cannot be completed:\n- Create/update: a mandatory field is not set.\n- Delete: another \
                 model requires the record being deleted. If possible, archive it instead.\n\nModel: {} ({}), Field: {} ({})",
                model.label, model.name, field.label, field.name
            )));
        }
        if let Some((fields, message)) = model.unique {
            let twin = self.tables.of(model.name).any(|(other, it)| {
                other != id && fields.iter().all(|field| !row.get(field).is_null() && it.get(field) == row.get(field))
            });
            if twin {
                return Err(Refusal::validation(format!("The operation cannot be completed: {message}")));
            }
        }
        match model.name {
            "res.partner" if row.get("name").is_null() && row.text("type") == "contact" => {
                Err(Refusal::validation("The operation cannot be completed: Contacts require a name"))
            }
            "res.partner" if self.descends(row.link("parent_id"), id) => {
                Err(Refusal::validation("You cannot create recursive Partner hierarchies."))
            }
            _ => Ok(()),
        }
    }

    /// Whether going up from `at` leads to `id`.
    fn descends(&self, mut at: Option<u64>, id: u64) -> bool {
        while let Some(parent) = at {
            if parent == id {
                return true;
            }
            at = self.tables.get("res.partner", parent).and_then(|row| row.link("parent_id"));
        }
        false
    }

    /// Deletes records.
    pub(super) fn unlink(&mut self, who: &Caller, model: &Arc<Model>, ids: &[u64]) -> Result<(), Refusal> {
        self.check_access(who, model, "unlink")?;
        for id in ids {
            let missed = MISSED.contains(&model.name) || model.name == "mail.message";
            if self.tables.get(model.name, *id).is_none() && !missed {
                continue;
            }
            self.row(who, model, *id)?;
            self.may_go(model, *id)?;
            self.announce_end(model, *id)?;
            self.detach(model, *id);
            self.tables.remove(model.name, *id);
            self.touched.retain(|it| *it != (model.name, *id));
        }
        Ok(())
    }

    /// What other rows require stays.
    fn may_go(&mut self, model: &Arc<Model>, id: u64) -> Result<(), Refusal> {
        let used_by_users = || {
            let users = self.tables.pointing("res.users", "partner_id", id);
            users.into_iter().any(|user| self.tables.get("res.users", user).is_some_and(|row| row.is_set("active")))
        };
        match model.name {
            "res.partner" if id == USER_PARTNER || id <= 2 || used_by_users() => Err(Refusal::validation(
                "You cannot delete contacts linked to an active user.\nYou should rather archive them after archiving \
                 their associated user.",
            )),
            "crm.stage" if !self.tables.pointing("crm.lead", "stage_id", id).is_empty() => {
                Err(Refusal::foreign_key("Lead/Opportunity (crm.lead)", "crm_lead_stage_id_fkey"))
            }
            "ir.model.fields" => self.drop_field(id),
            _ => Ok(()),
        }
    }

    /// Empties what points at a record that goes, and takes its messages and activities along.
    fn detach(&mut self, model: &Model, id: u64) {
        for (of, field) in
            [("res.partner", "parent_id"), ("crm.lead", "partner_id"), ("res.partner.category", "parent_id")]
        {
            let points_here =
                self.schema.get(of).and_then(|it| it.field(field)).is_some_and(|it| *it.relation == *model.name);
            for other in self.tables.pointing(of, field, id) {
                if let Some(mut row) = self.tables.get(of, other).filter(|_| points_here).cloned() {
                    row.set(field, Value::Null);
                    self.tables.put(of, other, row);
                }
            }
        }
        for (of, field) in [("res.partner", "category_id"), ("crm.lead", "tag_ids")] {
            let points_here =
                self.schema.get(of).and_then(|it| it.field(field)).is_some_and(|it| *it.relation == *model.name);
            let holders: Vec<(u64, Row)> = self
                .tables
                .of(of)
                .filter(|(_, row)| points_here && row.links(field).contains(&id))
                .map(|(id, row)| (id, row.clone()))
                .collect();
            for (holder, mut row) in holders {
                row.set(field, row.links(field).into_iter().filter(|it| *it != id).collect::<Vec<_>>());
                self.tables.put(of, holder, row);
            }
        }
        if model.chatter {
            for (of, named) in [("mail.message", "model"), ("mail.activity", "res_model")] {
                for line in self.tables.pointing(of, "res_id", id) {
                    if self.tables.get(of, line).is_some_and(|row| row.text(named) == model.name) {
                        self.tables.remove(of, line);
                    }
                }
            }
        }
    }
}

/// Refuses names that the model does not have.
fn known(model: &Model, vals: &Map<String, Value>) -> Result<(), Refusal> {
    match vals.keys().find(|name| !model.has(name)) {
        Some(name) => Err(Refusal::value(format!("Invalid field '{name}' on model '{}'", model.name))),
        None => Ok(()),
    }
}
