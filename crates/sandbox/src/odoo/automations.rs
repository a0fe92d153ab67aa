//! Automation rules: webhooks out when a record is written or deleted, webhooks in that start a rule, and server
//! actions. All are rows of `base.automation` and `ir.actions.server`, made by people or over the API. From version 17.
//! Source: "Automation rules" of odoo.com/documentation, `base_automation` and `ir_actions.py`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Odoo;
use super::database::{Caller, Database};
use super::refusal::Refusal;
use super::schema::{Kind, Model};
use super::tables::Row;
use super::times::{self, SECOND_US};
use crate::deliver::deliver;
use crate::world::Wait;

/// Webhooks that wait at most; more are lost.
const PENDING_MAX: usize = 500_000;
/// What [`Database::subscribe`] has a webhook tell of a contact.
const TOLD: [&str; 4] = ["name", "email", "phone", "write_date"];

/// One request to the app, as data: a test may lose it, repeat it or hold it back. Odoo signs nothing and sends it once,
/// with one second to answer; whatever becomes of it, it never comes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Where it goes, by POST.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// A JSON object: `_model`, `_id`, `_action`, and the fields that the action names.
    pub body: Bytes,
}

/// An account's own automation, as an admin makes it: it sets fields of the record it is run on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workflow {
    /// What it is called.
    pub name: String,
    /// The model whose records it is run on.
    pub model: String,
    /// What it sets, as text.
    #[serde(default)]
    pub sets: BTreeMap<String, String>,
}

/// A workflow and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct WorkflowRuns {
    /// What it is called.
    pub name: String,
    /// Id of its `ir.actions.server`, whose `run` starts it.
    pub action_id: u64,
    /// Last part of `/web/hook/UUID`, which starts it too; empty before version 17.
    pub uuid: String,
    /// The records it ran on, in order.
    pub ran_on: Vec<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Automations {
    hooks: VecDeque<Hook>,
    /// What the actions that are workflows set, by action.
    sets: BTreeMap<u64, BTreeMap<String, String>>,
    ran: BTreeMap<u64, Vec<u64>>,
    /// Where people reach this Odoo.
    pub(super) origin: String,
}

impl Automations {
    /// How many webhooks wait.
    pub(super) fn pending(&self) -> usize {
        self.hooks.len()
    }

    /// Forgets those that a failed call announced.
    pub(super) fn forget_after(&mut self, pending: usize) {
        self.hooks.truncate(pending);
    }

    pub(super) fn take(&mut self) -> Vec<Hook> {
        self.hooks.drain(..).collect()
    }
}

impl Database {
    /// Runs the rules on what the call under way wrote.
    pub(super) fn run_automations(&mut self) -> Result<(), Refusal> {
        let touched: BTreeSet<(&'static str, u64)> = std::mem::take(&mut self.touched).into_iter().collect();
        for (model, id) in touched {
            self.run_rules(model, id, "on_create_or_write")?;
        }
        Ok(())
    }

    /// Runs the rules on a record that is about to be deleted.
    pub(super) fn announce_end(&mut self, model: &Model, id: u64) -> Result<(), Refusal> {
        self.run_rules(model.name, id, "on_unlink")
    }

    fn run_rules(&mut self, model: &'static str, id: u64, trigger: &str) -> Result<(), Refusal> {
        let of =
            |row: &Row| row.link("model_id").and_then(|id| self.tables.get("ir.model", id)).map(|it| it.text("model"));
        let rules: Vec<u64> = self
            .tables
            .of("base.automation")
            .filter(|(_, rule)| rule.is_set("active") && rule.text("trigger") == trigger && of(rule) == Some(model))
            .map(|(id, _)| id)
            .collect();
        for rule in rules {
            for action in self.tables.pointing("ir.actions.server", "base_automation_id", rule) {
                self.act(action, model, id)?;
            }
        }
        Ok(())
    }

    /// Runs one action on one record.
    fn act(&mut self, action: u64, model: &str, id: u64) -> Result<(), Refusal> {
        let Some(row) = self.tables.get("ir.actions.server", action).cloned() else { return Ok(()) };
        let model = self.model(model)?;
        if row.text("model_name") != model.name {
            return Err(Refusal::user(format!(
                "The action is made for {}, not for {}.",
                row.text("model_name"),
                model.name
            )));
        }
        let record = self.tables.get(model.name, id).cloned().ok_or_else(|| Refusal::missing(model.name, id, 2))?;
        if row.text("state") == "webhook" {
            return self.post(action, &row, &model, id, &record);
        }
        self.automations.ran.entry(action).or_default().push(id);
        let sets = self.automations.sets.get(&action).cloned().unwrap_or_default();
        let vals = self.flat(&model, sets.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
        self.write(&Self::itself(), &model, &[id], &vals)
    }

    fn post(&mut self, action: u64, row: &Row, model: &Model, id: u64, record: &Row) -> Result<(), Refusal> {
        let url = row.text("webhook_url");
        if url.is_empty() {
            return Err(Refusal::user(
                "I'll be happy to send a webhook for you, but you really need to give me a URL to reach out to...",
            ));
        }
        let mut told = Map::new();
        for name in row.links("webhook_field_ids").into_iter().filter_map(|id| self.tables.get("ir.model.fields", id)) {
            if let Some(field) = model.field(name.text("name")) {
                let value = match self.cell(model, id, record, field).as_i64() {
                    // Python prints what the column holds: with microseconds.
                    Some(us) if field.kind == Kind::Datetime && us % SECOND_US != 0 => {
                        format!("{}.{:06}", times::written(us), us.rem_euclid(SECOND_US)).into()
                    }
                    _ => self.shown(model, id, record, field, self.settings.version < 18),
                };
                told.insert(field.name.to_string(), value);
                told.insert("id".to_owned(), id.into());
            }
        }
        told.insert("_model".to_owned(), model.name.into());
        told.insert("_id".to_owned(), id.into());
        told.insert("_action".to_owned(), format!("{}(#{action})", row.text("name")).into());
        if self.automations.hooks.len() < PENDING_MAX {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let body = Bytes::from(Value::Object(told).to_string());
            self.automations.hooks.push_back(Hook { url: url.to_owned(), headers, body });
        }
        Ok(())
    }

    /// `ir.actions.server.run`: runs actions on the records that the context names.
    pub(super) fn run_actions(&mut self, who: &Caller, actions: &[u64]) -> Result<(), Refusal> {
        for action in actions {
            if self.tables.get("ir.actions.server", *action).is_none() {
                return Err(Refusal::missing("ir.actions.server", *action, 2));
            }
            for id in &who.active_ids {
                self.act(*action, &who.active_model, *id)?;
            }
        }
        Ok(())
    }

    /// A call of `/web/hook/UUID`. None if no rule has this address.
    pub(super) fn web_hook(&mut self, uuid: &str, payload: &Value) -> Option<Result<(), Refusal>> {
        let (rule, model) = self
            .tables
            .of("base.automation")
            .find(|(_, rule)| rule.text("webhook_uuid") == uuid && rule.is_set("active"))
            .map(|(id, rule)| (id, rule.link("model_id")))?;
        let model = model.and_then(|id| self.tables.get("ir.model", id)).map(|it| it.text("model").to_owned());
        let id = payload.get("_id").and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
        let (Some(model), Some(id)) = (model, id) else {
            return Some(Err(Refusal::validation("No record to run the automation on was found.")));
        };
        let actions = self.tables.pointing("ir.actions.server", "base_automation_id", rule);
        Some(self.transact(|database| actions.iter().try_for_each(|action| database.act(*action, &model, id))))
    }

    /// Gives a rule that webhooks start its address.
    pub(super) fn address_rule(&mut self, id: u64) {
        let Some(mut row) = self.tables.get("base.automation", id).cloned() else { return };
        if row.text("trigger") == "on_webhook" && row.text("webhook_uuid").is_empty() {
            row.set("webhook_uuid", self.rng.uuid());
            self.tables.put("base.automation", id, row);
        }
    }

    /// An admin has every new, changed and deleted contact told to an address.
    pub(super) fn subscribe(&mut self, url: &str) -> Result<(), Refusal> {
        let who = Self::itself();
        let (rules, partners) = (self.model("base.automation")?, self.model_row("res.partner"));
        let told: Vec<u64> = self
            .tables
            .of("ir.model.fields")
            .filter(|(_, row)| row.text("model") == "res.partner" && TOLD.contains(&row.text("name")))
            .map(|(id, _)| id)
            .collect();
        for trigger in ["on_create_or_write", "on_unlink"] {
            let action = json!({"name": "Send Webhook Notification", "model_id": partners, "state": "webhook",
                "usage": "base_automation", "webhook_url": url, "webhook_field_ids": [[6, 0, told]]});
            let rule = json!({"name": format!("Tell {url}"), "model_id": partners, "trigger": trigger,
                "action_server_ids": [[0, 0, action]]});
            if let Value::Object(rule) = rule {
                self.create(&who, &rules, &rule)?;
            }
        }
        Ok(())
    }

    /// An admin makes a workflow.
    pub(super) fn add_workflow(&mut self, workflow: &Workflow) -> Result<WorkflowRuns, Refusal> {
        let who = Self::itself();
        let model = self.model(&workflow.model)?;
        if let Some(name) = workflow.sets.keys().find(|name| !model.has(name)) {
            return Err(Refusal::value(format!("Invalid field '{name}' on model '{}'", model.name)));
        }
        let of = self.model_row(model.name);
        let mut action = Map::from_iter([
            ("name".to_owned(), workflow.name.clone().into()),
            ("model_id".to_owned(), of.into()),
            ("state".to_owned(), "object_write".into()),
        ]);
        let mut uuid = String::new();
        if let Some(rules) = self.schema.get("base.automation").cloned() {
            let rule = [
                ("name", workflow.name.clone().into()),
                ("model_id", of.into()),
                ("trigger", Value::from("on_webhook")),
            ];
            let rule =
                self.create(&who, &rules, &rule.map(|(name, value)| (name.to_owned(), value)).into_iter().collect())?;
            action.insert("base_automation_id".to_owned(), rule.into());
            uuid = self
                .tables
                .get("base.automation", rule)
                .map(|row| row.text("webhook_uuid").to_owned())
                .unwrap_or_default();
        }
        let actions: Arc<Model> = self.model("ir.actions.server")?;
        let action_id = self.create(&who, &actions, &action)?;
        self.automations.sets.insert(action_id, workflow.sets.clone());
        Ok(WorkflowRuns { name: workflow.name.clone(), action_id, uuid, ran_on: Vec::new() })
    }

    /// Every workflow and where it ran.
    pub(super) fn workflows(&self) -> Vec<WorkflowRuns> {
        let told = |action_id: &u64| {
            let row = self.tables.get("ir.actions.server", *action_id)?;
            let rule = row.link("base_automation_id").and_then(|id| self.tables.get("base.automation", id));
            Some(WorkflowRuns {
                name: row.text("name").to_owned(),
                action_id: *action_id,
                uuid: rule.map(|rule| rule.text("webhook_uuid").to_owned()).unwrap_or_default(),
                ran_on: self.automations.ran.get(action_id).cloned().unwrap_or_default(),
            })
        };
        self.automations.sets.keys().filter_map(told).collect()
    }
}

/// Delivers webhooks for ever: `post` sends one; what becomes of it does not matter, Odoo sends it once.
pub async fn deliver_hooks<Post, Posted>(odoo: Odoo, wait: Wait, post: Post)
where
    Post: Fn(Hook) -> Posted,
    Posted: Future<Output = bool>,
{
    deliver(wait, || odoo.take_hooks(), post, |hook, _| odoo.return_hook(hook)).await;
}
