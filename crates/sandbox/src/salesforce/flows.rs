//! Flows: the org's own automation, started by name. Only active autolaunched ones are listed and run.

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Refusal, Reply};
use super::org::Org;

/// Runs that one call may ask for.
const INPUTS_MAX: usize = 200;

/// An active autolaunched flow.
#[derive(Clone, Debug, Deserialize)]
pub struct Flow {
    /// API name.
    pub name: String,
    /// What people call it.
    pub label: String,
    /// Names of variables that a run must be given.
    #[serde(default)]
    pub required: Vec<String>,
    /// Names of variables that a run may be given.
    #[serde(default)]
    pub optional: Vec<String>,
    /// What every run answers.
    #[serde(default)]
    pub outputs: Map<String, Value>,
}

/// A run of a flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlowRun {
    /// API name of the flow.
    pub name: String,
    /// What it was given.
    pub inputs: Value,
}

fn action(flow: &Flow, call: &Call) -> Value {
    let url = format!("/services/data/{}/actions/custom/flow/{}", call.version, flow.name);
    json!({"label": flow.label, "name": flow.name, "type": "FLOW", "url": url})
}

/// `GET actions/custom/flow`
pub(super) fn list(org: &mut Org, call: &Call) -> Answer {
    let actions: Vec<Value> = org.flows.iter().map(|flow| action(flow, call)).collect();
    Ok(Reply::ok(json!({"actions": actions})))
}

#[derive(Deserialize)]
struct Started {
    inputs: Vec<Map<String, Value>>,
}

/// `actions/custom/flow/{name}`: GET describes, POST runs it once for each of the inputs.
pub(super) fn run(org: &mut Org, call: &Call, name: &str) -> Answer {
    let flow = org.flows.iter().find(|flow| flow.name == name).cloned().ok_or_else(Refusal::not_found)?;
    if call.method == Method::GET {
        let input = |name: &String, required: bool| json!({"name": name, "label": name, "type": "STRING", "required": required, "maxOccurs": 1, "description": null});
        let required = flow.required.iter().map(|name| input(name, true));
        let inputs: Vec<Value> = required.chain(flow.optional.iter().map(|name| input(name, false))).collect();
        let outputs: Vec<Value> = flow.outputs.keys().map(|name| json!({"name": name, "type": "STRING"})).collect();
        let mut about = action(&flow, call);
        about["inputs"] = inputs.into();
        about["outputs"] = outputs.into();
        return Ok(Reply::ok(about));
    }
    if call.method != Method::POST {
        return Err(Refusal::method(&call.method));
    }
    let Started { inputs } = call.json()?;
    if inputs.is_empty() || inputs.len() > INPUTS_MAX {
        return Err(Refusal::bad("INVALID_API_INPUT", format!("1 to {INPUTS_MAX} inputs are taken")));
    }
    let results: Vec<Value> = inputs.into_iter().map(|input| run_once(org, &flow, input)).collect();
    let failed = results.iter().any(|result| result["isSuccess"] == false);
    let status = if failed { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    Ok(Reply::json(status, results.into()))
}

fn run_once(org: &mut Org, flow: &Flow, input: Map<String, Value>) -> Value {
    let refused = |code: &str, message: String| {
        json!({
            "actionName": flow.name,
            "errors": [{"statusCode": code, "message": message, "fields": []}],
            "invocationId": null,
            "isSuccess": false,
            "outputValues": null,
        })
    };
    if let Some(missing) = flow.required.iter().find(|name| !input.contains_key(*name)) {
        return refused("REQUIRED_FIELD_MISSING", format!("Missing required input parameter: {missing}"));
    }
    let known = |name: &&String| flow.required.contains(name) || flow.optional.contains(name);
    if let Some(unknown) = input.keys().find(|name| !known(name)) {
        return refused("INVALID_API_INPUT", format!("The input parameter {unknown} isn't available"));
    }
    org.flow_runs.push(FlowRun { name: flow.name.clone(), inputs: input.into() });
    let mut outputs = flow.outputs.clone();
    outputs.insert("Flow__InterviewStatus".to_owned(), "Finished".into());
    json!({
        "actionName": flow.name,
        "errors": null,
        "invocationId": null,
        "isSuccess": true,
        "outputValues": outputs,
        "sortOrder": -1,
        "version": 1,
    })
}
