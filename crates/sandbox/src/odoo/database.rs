//! One database: its models, its rows, its keys, and what a field of a row holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::automations::Automations;
use super::keys::Keys;
use super::refusal::Refusal;
use super::schema::{self, Field, Kind, Model, Schema};
use super::settings::OdooSettings;
use super::standard;
use super::tables::{Row, Tables};
use super::throttle::Throttle;
use crate::world::Rng;

/// The user all API calls and people of the look-alike act as.
pub(super) const USER: u64 = 2;
/// The contact of that user.
pub(super) const USER_PARTNER: u64 = 3;
/// The last contact that an account has before anybody made one.
pub(super) const LAST_OWN_PARTNER: u64 = 6;

/// Who calls, and with what in the context.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Archived rows are left out of searches that do not speak of `active`.
    pub(super) active_test: bool,
    pub(super) active_model: String,
    pub(super) active_ids: Vec<u64>,
    /// A person or the vendor: no right is missing and no rule hides anything.
    pub(super) is_person: bool,
}

impl Caller {
    pub(super) fn person() -> Self {
        Self { is_person: true, ..Self::of(&Map::new()) }
    }

    /// Reads the context of a call.
    pub(super) fn of(context: &Map<String, Value>) -> Self {
        let mut active_ids: Vec<u64> = context
            .get("active_ids")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        if active_ids.is_empty() {
            active_ids.extend(context.get("active_id").and_then(Value::as_u64));
        }
        Self {
            active_test: context.get("active_test").is_none_or(super::values::is_truthy),
            active_model: context.get("active_model").and_then(Value::as_str).unwrap_or_default().to_owned(),
            active_ids,
            is_person: false,
        }
    }
}

/// One database.
pub(super) struct Database {
    pub(super) settings: OdooSettings,
    pub(super) schema: Schema,
    pub(super) tables: Tables,
    pub(super) keys: Keys,
    pub(super) throttle: Throttle,
    pub(super) automations: Automations,
    pub(super) rng: Rng,
    /// Contacts that were merged away: as they were last, and into which.
    pub(super) merged: BTreeMap<u64, (Row, u64)>,
    /// Rows written by the call under way, for the automations.
    pub(super) touched: Vec<(&'static str, u64)>,
}

impl Database {
    pub(super) fn new(settings: OdooSettings) -> Self {
        let mut database = Self {
            schema: schema::standard(settings.version),
            tables: Tables::default(),
            keys: Keys::default(),
            throttle: Throttle::default(),
            automations: Automations::default(),
            rng: Rng::new(settings.seed),
            merged: BTreeMap::new(),
            touched: Vec::new(),
            settings,
        };
        standard::fill(&mut database);
        database.tables.commit();
        database
    }

    /// Odoo's own time.
    pub(super) fn now_us(&self) -> i64 {
        (self.settings.clock)() + self.settings.clock_offset_us
    }

    /// When the transaction of the call under way began, which is what rows are stamped with.
    pub(super) fn stamp_us(&self) -> i64 {
        self.now_us() - self.settings.commit_lag_us
    }

    /// Does all of it or nothing.
    pub(super) fn transact<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let schema = self.schema.clone();
        let hooks = self.automations.pending();
        let done = work(self).and_then(|done| self.run_automations().map(|()| done));
        self.touched.clear();
        if done.is_ok() {
            self.tables.commit();
        } else {
            self.tables.roll_back();
            let tables = &self.tables;
            self.merged.retain(|id, _| tables.get("res.partner", *id).is_none());
            self.schema = schema;
            self.automations.forget_after(hooks);
        }
        done
    }

    pub(super) fn model(&self, name: &str) -> Result<Arc<Model>, Refusal> {
        self.schema.get(name).cloned().ok_or_else(|| Refusal::user(format!("Object {name} doesn't exist")))
    }

    /// The row, if the caller may see it.
    pub(super) fn row(&self, who: &Caller, model: &Model, id: u64) -> Result<&Row, Refusal> {
        let row = self.tables.get(model.name, id).ok_or_else(|| Refusal::missing(model.name, id, USER))?;
        if row.hidden && !who.is_person {
            return Err(Refusal::access(format!(
                "Due to security restrictions, you are not allowed to access '{}' ({}) records.\n\nRecords: id={id}, User: {USER}",
                model.label, model.name
            )));
        }
        Ok(row)
    }

    /// Whether the API user may do this to records of a model.
    pub(super) fn check_access(&self, who: &Caller, model: &Model, operation: &str) -> Result<(), Refusal> {
        let guarded = match model.name {
            "ir.model" | "ir.model.fields" | "ir.model.fields.selection" | "ir.actions.server" | "res.users" => {
                operation != "read"
            }
            "base.automation" => true,
            _ => false,
        };
        if !guarded || self.settings.is_admin || who.is_person {
            return Ok(());
        }
        let verb = match operation {
            "read" => "access",
            "write" => "modify",
            "unlink" => "delete",
            other => other,
        };
        Err(Refusal::access(format!(
            "You are not allowed to {verb} '{}' ({}) records.\n\nThis operation is allowed for the following groups:\n\t\
             - Administration/Settings\n\nContact your administrator to request access if necessary.",
            model.label, model.name
        )))
    }

    /// What a record is called.
    pub(super) fn name_of(&self, model: &Model, id: u64, row: &Row) -> String {
        let own = row.text(model.named_by);
        match model.name {
            "res.partner" => match row.link("parent_id").and_then(|parent| self.tables.get("res.partner", parent)) {
                Some(parent) if !row.is_set("is_company") => format!("{}, {own}", parent.text("name")),
                _ => own.to_owned(),
            },
            "mail.message" if own.is_empty() => format!("mail.message,{id}"),
            "res.users" => self.user_text(row, "name"),
            _ => own.to_owned(),
        }
    }

    /// A user's name and address are their contact's.
    fn user_text(&self, row: &Row, name: &str) -> String {
        let partner = row.link("partner_id").and_then(|id| self.tables.get("res.partner", id));
        partner.map(|partner| partner.text(name).to_owned()).unwrap_or_default()
    }

    /// What a field of a row holds, derived ones too; null where it is nothing. Datetimes are microseconds, links ids.
    pub(super) fn cell<'a>(&self, model: &Model, id: u64, row: &'a Row, field: &Field) -> Cow<'a, Value> {
        let text = |text: String| Cow::Owned(if text.is_empty() { Value::Null } else { text.into() });
        let links = |ids: Vec<u64>| Cow::Owned(Value::from(ids));
        match (&*field.name, model.name) {
            ("id", _) => Cow::Owned(id.into()),
            ("create_date", _) => Cow::Owned(row.created_us.into()),
            ("write_date", _) => Cow::Owned(row.updated_us.into()),
            ("create_uid", _) => Cow::Owned(row.created_by.into()),
            ("write_uid", _) => Cow::Owned(row.updated_by.into()),
            ("display_name", _) | ("complete_name", "res.partner") => text(self.name_of(model, id, row)),
            ("name" | "email", "res.users") => text(self.user_text(row, &field.name)),
            ("url", "base.automation") => match row.get("webhook_uuid").as_str() {
                Some(uuid) => text(format!("{}/web/hook/{uuid}", self.automations.origin)),
                None => Cow::Owned(Value::Null),
            },
            ("company_type", "res.partner") => {
                Cow::Owned(if row.is_set("is_company") { "company" } else { "person" }.into())
            }
            ("commercial_partner_id", "res.partner") => Cow::Owned(self.commercial_of(id).into()),
            ("email_formatted", "res.partner") => match row.get("email_normalized").as_str() {
                Some(address) => {
                    let address = if self.settings.version < 16 { row.text("email") } else { address };
                    text(format!("\"{}\" <{address}>", row.text("name")))
                }
                None => Cow::Owned(Value::Null),
            },
            ("partner_ids", "res.partner.category") => links(
                self.tables
                    .of("res.partner")
                    .filter(|(_, it)| it.links("category_id").contains(&id))
                    .map(|(id, _)| id)
                    .collect(),
            ),
            _ if field.kind == Kind::One2many => links(self.lines(model, id, field)),
            _ => Cow::Borrowed(row.get(&field.name)),
        }
    }

    /// The records of a one2many; archived ones are left out, as its default search does.
    fn lines(&self, model: &Model, id: u64, field: &Field) -> Vec<u64> {
        let mut ids = self.tables.pointing(&field.relation, &field.inverse, id);
        ids.retain(|line| {
            self.tables.get(&field.relation, *line).is_some_and(|row| {
                let of_model = match &*field.relation {
                    "mail.message" => row.text("model") == model.name,
                    "mail.activity" => row.text("res_model") == model.name,
                    _ => true,
                };
                of_model && row.get("active") != &Value::Bool(false)
            })
        });
        if field.relation == "mail.message" {
            ids.reverse();
        }
        ids
    }

    /// The company a contact belongs to, or the contact itself.
    fn commercial_of(&self, id: u64) -> u64 {
        let mut at = id;
        // Odoo refuses circles; the bound only keeps a mistake from hanging.
        for _ in 0..64 {
            match self.tables.get("res.partner", at) {
                Some(row) if !row.is_set("is_company") => match row.link("parent_id") {
                    Some(parent) => at = parent,
                    None => break,
                },
                _ => break,
            }
        }
        at
    }

    /// What `read` shows of a field.
    pub(super) fn shown(&self, model: &Model, id: u64, row: &Row, field: &Field, classic: bool) -> Value {
        let cell = self.cell(model, id, row, field);
        match field.kind {
            Kind::Many2one => match cell.as_u64() {
                Some(target) if classic => self.pair(&field.relation, target),
                Some(target) => target.into(),
                None => false.into(),
            },
            Kind::Many2many => cell
                .as_array()
                .into_iter()
                .flatten()
                .filter(|id| {
                    let row = id.as_u64().and_then(|id| self.tables.get(&field.relation, id));
                    row.is_some_and(|row| row.get("active") != &Value::Bool(false))
                })
                .cloned()
                .collect::<Vec<_>>()
                .into(),
            Kind::One2many => cell.into_owned(),
            kind => super::values::shown(kind, &cell),
        }
    }

    /// `[id, "name"]`.
    pub(super) fn pair(&self, model: &str, id: u64) -> Value {
        match (self.schema.get(model), self.tables.get(model, id)) {
            (Some(model), Some(row)) => serde_json::json!([id, self.name_of(model, id, row)]),
            _ => false.into(),
        }
    }
}
