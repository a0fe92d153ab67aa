//! Workflows: automations of the account that a property of a record starts, and their definitions over the API.
//! Source: HubSpot's page "Automation v4 API" (beta) with its reference of enrolment criteria.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::hooks::Before;
use super::item::Source;
use super::objects::ObjectNo;
use super::portal::{Claimed, Portal};
use super::schema::Kind;
use crate::world::iso;

const FIRST_ID: u64 = 585_051_946;

/// Definitions in one batch.
const READ_MAX: usize = 100;

/// An automation of the account: it runs each time a property of a record takes a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Workflow {
    /// Its name for people.
    pub name: String,
    /// The object whose records start it, as paths name it.
    pub object: String,
    /// The property that starts it.
    pub property: String,
    /// The value that starts it; any if there is none.
    pub value: Option<String>,
    /// What it does.
    pub does: Deed,
    /// Whether it is switched on.
    #[serde(default = "on")]
    pub is_enabled: bool,
}

fn on() -> bool {
    true
}

/// What a workflow does. `{{ name }}` in a value stands for a property of the record that started it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Sets properties of the record that started it.
    Set(BTreeMap<String, String>),
    /// Makes a record and links it with the one that started it.
    Create {
        /// The object, as paths name it.
        object: String,
        /// What the new record holds.
        properties: BTreeMap<String, String>,
    },
}

/// A workflow and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct WorkflowRuns {
    /// HubSpot's id of it.
    pub id: u64,
    /// Its definition.
    #[serde(flatten)]
    pub workflow: Workflow,
    /// How often it ran.
    pub runs: u64,
    /// Why it could not do its deed, the last time it could not.
    pub failure: Option<String>,
}

/// The account's workflows by id.
#[derive(Debug)]
pub(super) struct Workflows(BTreeMap<u64, WorkflowRuns>);

impl Workflows {
    /// The one that the account begins with.
    pub(super) fn new() -> Self {
        let mut workflows = Self(BTreeMap::new());
        let deal =
            [("dealname", "{{ firstname }} {{ lastname }}"), ("pipeline", "default"), ("dealstage", "qualifiedtobuy")];
        workflows.add(Workflow {
            name: "A deal for a lead that is ready".to_owned(),
            object: "contacts".to_owned(),
            property: "hs_lead_status".to_owned(),
            value: Some("OPEN_DEAL".to_owned()),
            does: Deed::Create {
                object: "deals".to_owned(),
                properties: deal.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            },
            is_enabled: true,
        });
        workflows
    }

    fn add(&mut self, workflow: Workflow) -> u64 {
        let id = self.0.last_key_value().map_or(FIRST_ID, |(id, _)| id + 1);
        self.0.insert(id, WorkflowRuns { id, workflow, runs: 0, failure: None });
        id
    }

    pub(super) fn all(&self) -> Vec<WorkflowRuns> {
        self.0.values().cloned().collect()
    }
}

impl Portal {
    /// An admin makes a workflow.
    pub(super) fn add_workflow(&mut self, workflow: Workflow) -> Result<u64, Refusal> {
        let of = self.objects.named(&workflow.object)?;
        if self.objects[of].schema.live(&workflow.property).is_none() {
            return Err(Refusal::validation(format!("Property {} does not exist", workflow.property)));
        }
        if let Deed::Create { object, .. } = &workflow.does {
            self.objects.named(object)?;
        }
        Ok(self.workflows.add(workflow))
    }

    /// Runs what the values that a record just took start. What a workflow writes starts no other.
    pub(super) fn run_workflows(&mut self, id: u64, before: Option<&Before>, source: Source) {
        let Some(item) = self.items.get(&id).filter(|_| source != Source::Workflow) else {
            return;
        };
        let (of, view) = (item.of, item.now());
        let starts = |it: &WorkflowRuns| {
            let workflow = &it.workflow;
            let now = view.stored(&workflow.property);
            let was = before.map(|before| before.get(workflow.property.as_str()));
            let changed = match was {
                None => true,
                Some(None) => false,
                Some(Some(was)) => was.as_deref() != now,
            };
            workflow.is_enabled
                && self.objects.named(&workflow.object).is_ok_and(|watched| watched == of)
                && changed
                && now.is_some_and(|now| workflow.value.as_deref().is_none_or(|value| value == now))
        };
        let started: Vec<u64> = self.workflows.0.values().filter(|it| starts(it)).map(|it| it.id).collect();
        for workflow in started {
            let deed = self.workflows.0.get(&workflow).map(|it| it.workflow.does.clone());
            let done = deed.map_or(Ok(()), |deed| self.run_deed(id, of, &deed));
            if let Some(it) = self.workflows.0.get_mut(&workflow) {
                it.runs += 1;
                it.failure = done.err().map(|refusal| refusal.to_string()).or_else(|| it.failure.take());
            }
        }
    }

    fn run_deed(&mut self, id: u64, of: ObjectNo, deed: &Deed) -> Result<(), Refusal> {
        match deed {
            Deed::Set(properties) => {
                let properties = self.filled_in(id, properties);
                let changes = self.check(of, Some(id), &properties).map_err(|invalid| Refusal::invalid(&invalid))?;
                self.claim(of, Some(id), &changes, &mut Claimed::new())?;
                self.write(id, changes, Source::Workflow);
            }
            Deed::Create { object, properties } => {
                let made_of = self.objects.named(object)?;
                let changes = self.check_new(made_of, &self.filled_in(id, properties))?;
                self.claim(made_of, None, &changes, &mut Claimed::new())?;
                let made = self.create(made_of, changes, Source::Workflow);
                self.link_by_default(made, id);
            }
        }
        Ok(())
    }

    fn filled_in(&self, id: u64, properties: &BTreeMap<String, String>) -> Map<String, Value> {
        let Some(item) = self.items.get(&id) else {
            return Map::new();
        };
        let fill = |text: &String| {
            let names: BTreeSet<Arc<str>> = item.names().cloned().collect();
            let filled = names.iter().fold(text.clone(), |text, name| {
                text.replace(&format!("{{{{ {name} }}}}"), item.now().stored(name).unwrap_or_default())
            });
            filled.trim().to_owned()
        };
        properties.iter().map(|(name, value)| (name.clone(), fill(value).into())).collect()
    }

    fn show_flow(&self, it: &WorkflowRuns) -> Result<Value, Refusal> {
        let workflow = &it.workflow;
        let object = &self.objects[self.objects.named(&workflow.object)?];
        let kind = object.schema.live(&workflow.property).map(|(_, property)| property.kind);
        let operation = match (&workflow.value, kind) {
            (None, _) => json!({"operationType": "ALL_PROPERTY", "operator": "IS_KNOWN"}),
            (Some(value), Some(Kind::Enumeration)) => {
                json!({"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": [value]})
            }
            (Some(value), _) => json!({"operationType": "STRING", "operator": "IS_EQUAL_TO", "value": value}),
        };
        let mut operation = operation;
        operation["includeObjectsWithNoValueSet"] = false.into();
        let filter = json!({"filterType": "PROPERTY", "property": workflow.property, "operation": operation});
        let branch = json!({"filterBranchType": "AND", "filterBranchOperator": "AND", "filterBranches": [], "filters": [filter]});
        let mut flow = self.show_listed_flow(it)?;
        flow["startActionId"] = "1".into();
        flow["nextAvailableActionId"] = "2".into();
        flow["actions"] = json!([{"type": "SINGLE_CONNECTION", "actionId": "1", "actionTypeVersion": 0,
            "actionTypeId": if matches!(workflow.does, Deed::Set(_)) { "0-5" } else { "0-14" }, "fields": {}}]);
        flow["enrollmentCriteria"] = json!({
            "type": "LIST_BASED",
            "shouldReEnroll": true,
            "unEnrollObjectsNotMeetingCriteria": false,
            "reEnrollmentTriggersFilterBranches": [branch.clone()],
            "listFilterBranch": {"filterBranchType": "OR", "filterBranchOperator": "OR", "filters": [],
                "filterBranches": [branch]},
        });
        Ok(flow)
    }

    fn show_listed_flow(&self, it: &WorkflowRuns) -> Result<Value, Refusal> {
        let type_id = self.objects[self.objects.named(&it.workflow.object)?].about.type_id;
        let made = "2025-03-01T09:00:00.000Z";
        Ok(json!({
            "id": it.id.to_string(),
            "name": it.workflow.name,
            "isEnabled": it.workflow.is_enabled,
            "flowType": "WORKFLOW",
            "type": if type_id == "0-1" { "CONTACT_FLOW" } else { "PLATFORM_FLOW" },
            "objectTypeId": type_id,
            "revisionId": "1",
            "createdAt": made,
            "updatedAt": made,
        }))
    }

    fn flow(&self, id: &str) -> Result<Value, Refusal> {
        let found = id.parse().ok().and_then(|id: u64| self.workflows.0.get(&id));
        self.show_flow(found.ok_or_else(|| Refusal::not_found(format!("Flow {id} does not exist")))?)
    }
}

/// `GET /automation/v4/flows`: all on one page.
pub(super) fn list(portal: &mut Portal, _call: &Call) -> Answer {
    let shown = portal.workflows.0.values().map(|it| portal.show_listed_flow(it));
    Ok(Reply::ok(json!({"results": shown.collect::<Result<Vec<_>, _>>()?})))
}

/// `GET /automation/v4/flows/{flowId}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    Ok(Reply::ok(portal.flow(call.param("flowId"))?))
}

#[derive(Deserialize)]
struct Batch {
    inputs: Vec<FlowInput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlowInput {
    flow_id: String,
}

/// `POST /automation/v4/flows/batch/read`: ids that are not there are passed over.
pub(super) fn batch_read(portal: &mut Portal, call: &Call) -> Answer {
    let Batch { inputs } = call.json()?;
    if inputs.len() > READ_MAX {
        return Err(Refusal::validation(format!("A batch has at most {READ_MAX} inputs")));
    }
    let results: Vec<Value> = inputs.iter().filter_map(|input| portal.flow(&input.flow_id).ok()).collect();
    let at = iso(portal.stamp_us());
    Ok(Reply::ok(json!({"status": "COMPLETE", "startedAt": at, "completedAt": at, "results": results})))
}
