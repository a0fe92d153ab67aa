//! The one pipeline of the company and its stages.

use serde_json::{Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::company::Company;
use super::kinds::Kind;
use super::values::stamp;

/// The pipeline's id.
pub(super) const PIPELINE: i64 = 1;

/// Stages in order: id, name, chance to win in per cent.
const STAGES: [(i64, &str, u32); 5] = [
    (1, "Qualified", 20),
    (2, "Contact Made", 40),
    (3, "Demo Scheduled", 60),
    (4, "Proposal Made", 80),
    (5, "Negotiations Started", 100),
];

/// When both were made: long before anything else.
const MADE_US: i64 = 1_704_067_200_000_000;

/// The pipeline a stage belongs to.
pub(super) fn pipeline_of(stage: i64) -> Option<i64> {
    STAGES.iter().any(|it| it.0 == stage).then_some(PIPELINE)
}

/// A stage's name.
pub(super) fn name_of(stage: i64) -> Option<&'static str> {
    STAGES.iter().find(|it| it.0 == stage).map(|it| it.1)
}

fn stage((id, name, probability): (i64, &str, u32)) -> Value {
    json!({
        "id": id,
        "order_nr": id,
        "name": name,
        "is_deleted": false,
        "deal_probability": probability,
        "pipeline_id": PIPELINE,
        "is_deal_rot_enabled": false,
        "days_to_rotten": null,
        "add_time": stamp(MADE_US),
        "update_time": stamp(MADE_US),
    })
}

fn pipeline() -> Value {
    json!({
        "id": PIPELINE,
        "name": "Pipeline",
        "order_nr": 1,
        "is_deleted": false,
        "is_deal_probability_enabled": true,
        "add_time": stamp(MADE_US),
        "update_time": stamp(MADE_US),
    })
}

/// `GET /api/v2/stages`
pub(super) fn list_stages(_: &mut Company, call: &Call) -> Answer {
    let is_asked = call.query_number("pipeline_id")?.is_none_or(|id| id == PIPELINE.unsigned_abs());
    Ok(Reply::page(STAGES.into_iter().filter(|_| is_asked).map(stage).collect(), None))
}

/// `GET /api/v2/stages/{id}`
pub(super) fn read_stage(_: &mut Company, call: &Call) -> Answer {
    let id = call.id()?;
    let found = STAGES.into_iter().find(|it| it.0.unsigned_abs() == id).map(stage);
    found.map(Reply::data).ok_or_else(|| Refusal::not_found(Kind::Deal))
}

/// `GET /api/v2/pipelines`
pub(super) fn list_pipelines(_: &mut Company, _: &Call) -> Answer {
    Ok(Reply::page(vec![pipeline()], None))
}

/// `GET /api/v2/pipelines/{id}`
pub(super) fn read_pipeline(_: &mut Company, call: &Call) -> Answer {
    if call.id()? == PIPELINE.unsigned_abs() {
        Ok(Reply::data(pipeline()))
    } else {
        Err(Refusal::not_found(Kind::Deal))
    }
}
