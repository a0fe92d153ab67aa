//! Pipelines of deals and tickets with their stages. Source: HubSpot's page "CRM API | Pipelines".

use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::objects::Object;
use super::portal::Portal;
use super::values::{Change, Invalid};

const LONG_AGO: &str = "1970-01-01T00:00:00Z";

/// The pipelines of one object, and the properties that place a record in them.
pub(super) struct Pipelines {
    pub(super) property: &'static str,
    pub(super) stage_property: &'static str,
    pub(super) all: Vec<Pipeline>,
}

/// One pipeline as the API shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pipeline {
    label: &'static str,
    display_order: u32,
    id: &'static str,
    stages: Vec<Stage>,
    created_at: &'static str,
    updated_at: &'static str,
    archived: bool,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    label: &'static str,
    display_order: u32,
    metadata: Value,
    id: &'static str,
    created_at: &'static str,
    updated_at: &'static str,
    write_permissions: &'static str,
    archived: bool,
}

type StageRow = (&'static str, &'static str, Value);

fn pipeline(display_order: u32, id: &'static str, label: &'static str, stages: Vec<StageRow>) -> Pipeline {
    let stage = |(display_order, (id, label, metadata)): (u32, StageRow)| Stage {
        label,
        display_order,
        metadata,
        id,
        created_at: LONG_AGO,
        updated_at: LONG_AGO,
        write_permissions: "CRM_PERMISSIONS_ENFORCEMENT",
        archived: false,
    };
    let stages = (0..).zip(stages).map(stage).collect();
    Pipeline { label, display_order, id, stages, created_at: LONG_AGO, updated_at: LONG_AGO, archived: false }
}

/// The sales pipeline that every account begins with, and one for renewals.
pub(super) fn of_deals() -> Pipelines {
    let stage = |id, label, probability: &str| {
        let closed = matches!(probability, "0.0" | "1.0");
        (id, label, json!({"isClosed": closed.to_string(), "probability": probability}))
    };
    let sales = vec![
        stage("appointmentscheduled", "Appointment Scheduled", "0.2"),
        stage("qualifiedtobuy", "Qualified To Buy", "0.4"),
        stage("presentationscheduled", "Presentation Scheduled", "0.6"),
        stage("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
        stage("contractsent", "Contract Sent", "0.9"),
        stage("closedwon", "Closed Won", "1.0"),
        stage("closedlost", "Closed Lost", "0.0"),
    ];
    let renewals = vec![
        stage("1067411501", "Due", "0.5"),
        stage("1067411502", "Renewed", "1.0"),
        stage("1067411503", "Lapsed", "0.0"),
    ];
    Pipelines {
        property: "pipeline",
        stage_property: "dealstage",
        all: vec![pipeline(0, "default", "Sales Pipeline", sales), pipeline(1, "734420116", "Renewals", renewals)],
    }
}

/// The support pipeline that every account begins with.
pub(super) fn of_tickets() -> Pipelines {
    let stage = |id, label, state: &str| {
        (id, label, json!({"ticketState": state, "isClosed": (state == "CLOSED").to_string()}))
    };
    let support = vec![
        stage("1", "New", "OPEN"),
        stage("2", "Waiting on contact", "OPEN"),
        stage("3", "Waiting on us", "OPEN"),
        stage("4", "Closed", "CLOSED"),
    ];
    Pipelines {
        property: "hs_pipeline",
        stage_property: "hs_pipeline_stage",
        all: vec![pipeline(0, "0", "Support Pipeline", support)],
    }
}

impl Pipelines {
    /// Refuses a pipeline that does not exist, and a stage that is not in the record's pipeline. `held` is what the
    /// record holds in a property that is not written.
    pub(super) fn check(&self, changes: &[Change], held: impl Fn(&str) -> Option<String>) -> Vec<Invalid> {
        let written =
            |name: &str| changes.iter().find(|(changed, _)| &**changed == name).map(|(_, value)| value.as_deref());
        let pipeline = match written(self.property) {
            Some(value) => value.map(str::to_owned),
            None => held(self.property),
        };
        let mut invalid = Vec::new();
        if let Some(Some(id)) = written(self.property)
            && !self.all.iter().any(|pipeline| pipeline.id == id)
        {
            invalid.push(not_an_option(self.property, id, self.all.iter().map(|pipeline| pipeline.id)));
        }
        if let Some(Some(stage)) = written(self.stage_property) {
            let here = |it: &&Pipeline| pipeline.as_deref().is_none_or(|id| it.id == id);
            let stages = self.all.iter().filter(here).flat_map(|it| &it.stages).map(|stage| stage.id);
            if !stages.clone().any(|id| id == stage) {
                invalid.push(not_an_option(self.stage_property, stage, stages));
            }
        }
        invalid
    }

    /// What a stage says of its records: whether they are closed, and how likely they are won.
    fn stage_metadata(&self, stage: &str) -> Option<&Value> {
        self.all.iter().flat_map(|pipeline| &pipeline.stages).find(|it| it.id == stage).map(|it| &it.metadata)
    }
}

impl Object {
    /// Adds what the stage among `changes` says of a deal.
    pub(super) fn add_stage(&self, changes: &mut Vec<Change>) {
        let Some(pipelines) = &self.pipelines else { return };
        let stage = changes.iter().find(|(name, _)| &**name == pipelines.stage_property);
        let metadata = stage.and_then(|(_, stage)| pipelines.stage_metadata(stage.as_deref()?));
        let Some(metadata) = metadata else { return };
        let text = |name: &str| metadata[name].as_str().unwrap_or_default();
        let (closed, probability) = (text("isClosed"), text("probability"));
        let won = (probability == "1.0").to_string();
        let said = [("hs_is_closed", closed), ("hs_is_closed_won", &won), ("hs_deal_stage_probability", probability)];
        let known = said.iter().filter_map(|(name, value)| Some((Arc::clone(self.schema.live(name)?.0), *value)));
        changes.extend(known.map(|(name, value)| (name, Some(value.into()))));
    }
}

fn not_an_option<'a>(name: &str, value: &str, allowed: impl Iterator<Item = &'a str>) -> Invalid {
    let allowed: Vec<&str> = allowed.collect();
    let message = format!("{value} was not one of the allowed options: [{}]", allowed.join(", "));
    Invalid::new(name, "INVALID_OPTION", message)
}

fn pipelines_of<'a>(portal: &'a Portal, call: &Call) -> Result<&'a [Pipeline], Refusal> {
    let object: &Object = &portal.objects[portal.objects.named(call.param("objectType"))?];
    Ok(object.pipelines.as_ref().map_or(&[], |pipelines| &pipelines.all))
}

fn pipeline_of<'a>(portal: &'a Portal, call: &Call) -> Result<&'a Pipeline, Refusal> {
    let id = call.param("pipelineId");
    let found = pipelines_of(portal, call)?.iter().find(|pipeline| pipeline.id == id);
    found.ok_or_else(|| Refusal::not_found(format!("Pipeline {id} does not exist")))
}

fn shown(value: &impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::plain(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

/// `GET /crm/v3/pipelines/{objectType}`
pub(super) fn list(portal: &mut Portal, call: &Call) -> Answer {
    Ok(Reply::ok(json!({"results": shown(&pipelines_of(portal, call)?)?})))
}

/// `GET /crm/v3/pipelines/{objectType}/{pipelineId}`
pub(super) fn get(portal: &mut Portal, call: &Call) -> Answer {
    Ok(Reply::ok(shown(pipeline_of(portal, call)?)?))
}

/// `GET /crm/v3/pipelines/{objectType}/{pipelineId}/stages`
pub(super) fn stages(portal: &mut Portal, call: &Call) -> Answer {
    Ok(Reply::ok(json!({"results": shown(&pipeline_of(portal, call)?.stages)?})))
}
