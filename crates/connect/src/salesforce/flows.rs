//! Flows that the API can start: active and autolaunched ones (Salesforce's pages "Invocable actions: Flow").

use lockstep_core::crm::{Access, NativeField, NativeKind, RecordId, Selector, Workflow};
use lockstep_core::record::Properties;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::faults;
use super::wire::{DATA, ErrorBody, ask, in_path, read};
use crate::connector::{Outcome, unseen};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

/// Flows that are offered; the inputs of each take a call.
const OFFERED_MAX: usize = 10;
/// The input that takes the record's id, as Salesforce's own buttons give it.
const RECORD_ID: &str = "recordId";

#[derive(Deserialize)]
struct Listing {
    actions: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
}

#[derive(Deserialize)]
struct Flow {
    name: String,
    label: Option<String>,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    name: String,
    label: Option<String>,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    max_occurs: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    is_success: bool,
    #[serde(default)]
    errors: Option<Vec<ErrorBody>>,
}

fn path_of(name: &str) -> String {
    format!("{DATA}/actions/custom/flow/{}", in_path(name))
}

/// The flows that may be started, each with its inputs. One call, and one for each. There are none where the user may
/// not run flows: no object shall be without its fields for that.
pub(super) async fn offered(session: &Session) -> Result<Vec<Workflow>, Fault> {
    let call = Call::read(Method::Get, format!("{DATA}/actions/custom/flow"), None);
    let Some(listing) = granted(ask::<Listing>(session, call).await)? else { return Ok(Vec::new()) };
    let mut offered = Vec::new();
    for listed in listing.actions.into_iter().take(OFFERED_MAX) {
        let call = Call::read(Method::Get, path_of(&listed.name), None);
        offered.extend(granted(ask::<Flow>(session, call).await)?.map(Flow::workflow));
    }
    Ok(offered)
}

/// What the grant does not cover is not there.
pub(super) fn granted<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    use FaultClass::{Bug, Drift, Forbidden, Missing, Rejected};
    match answer {
        Err(fault) if matches!(fault.class, Forbidden | Missing | Rejected | Drift | Bug) => Ok(None),
        answer => answer.map(Some),
    }
}

impl Flow {
    fn workflow(self) -> Workflow {
        let label = self.label.unwrap_or_else(|| self.name.clone());
        let inputs: Vec<NativeField> = self.inputs.into_iter().filter(Input::is_plain).map(Input::field).collect();
        Workflow { selector: Selector::root(&label, &self.name, &inputs), id: self.name, label }
    }
}

impl Input {
    /// Whether one value fills it; lists and whole records do not come out of an event.
    fn is_plain(&self) -> bool {
        self.max_occurs.is_none_or(|max| max == 1) && !matches!(self.kind.as_str(), "SOBJECT" | "APEX")
    }

    fn field(self) -> NativeField {
        // The record's id is filled in by itself.
        let required = self.required && self.name != RECORD_ID;
        NativeField {
            label: self.label.unwrap_or_else(|| self.name.clone()),
            kind: match self.kind.as_str() {
                "BOOLEAN" => NativeKind::Boolean,
                "NUMBER" | "CURRENCY" => NativeKind::Number,
                "DATE" => NativeKind::Date,
                "DATETIME" => NativeKind::Datetime,
                "MULTIPICKLIST" => NativeKind::Choices,
                _ => NativeKind::Text,
            },
            name: self.name,
            choices: Vec::new(),
            access: Access { createable: true, required, ..Access::default() },
            children: Vec::new(),
        }
    }

    fn value(&self, text: &str) -> Json {
        match self.kind.as_str() {
            "BOOLEAN" => (text == "true").into(),
            "NUMBER" | "CURRENCY" => serde_json::from_str::<serde_json::Number>(text).map_or(text.into(), Json::from),
            _ => text.into(),
        }
    }
}

/// Starts a flow. Two calls: its inputs have types, and it may want the record's id.
///
/// # Errors
/// Class [`FaultClass::Drift`] when it has gone or is switched off.
pub(super) async fn start(
    session: &Session,
    name: &str,
    record: Option<&RecordId>,
    inputs: &Properties,
) -> Result<Outcome, Fault> {
    let flow: Flow = match ask(session, Call::read(Method::Get, path_of(name), None)).await {
        Err(fault) if fault.class == FaultClass::Missing => {
            let message = format!("The flow {name} is gone from Salesforce, or no longer active.");
            return Err(Fault::new(FaultClass::Drift, "WORKFLOW_GONE", message));
        }
        flow => flow.map_err(Fault::nothing_done)?,
    };
    let mut given = Map::new();
    for (input, value) in inputs {
        let Some(value) = value else { continue };
        let known = flow.inputs.iter().find(|known| known.name == *input);
        given.insert(input.clone(), known.map_or_else(|| value.as_str().into(), |known| known.value(value)));
    }
    if let Some(record) = record.filter(|_| flow.inputs.iter().any(|input| input.name == RECORD_ID)) {
        given.entry(RECORD_ID).or_insert_with(|| record.id().into());
    }
    let body = json!({ "inputs": [given] });
    let answer = session.door.send(Call::write(Method::Post, path_of(name), Some(body))).await?;
    // A run that failed is told inside the answer, with a status of its own; it has changed nothing.
    if let Ok(runs) = Vec::<Run>::deserialize(&answer.body)
        && let Some(failed) = runs.into_iter().find(|run| !run.is_success)
    {
        return Err(faults::of_row(&failed.errors.unwrap_or_default()).nothing_done());
    }
    if !(200..300).contains(&answer.status) {
        return Err(faults::of_answer(&answer, true));
    }
    read::<Vec<Run>>(answer.body, true)?;
    Ok(Outcome::Written(unseen(record.map_or(name, RecordId::id), session.env.now())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};

    fn flow() -> Line {
        let input = |name: &str, kind: &str| json!({ "name": name, "label": name, "type": kind, "required": true, "maxOccurs": 1 });
        let inputs = [
            input("recordId", "STRING"),
            input("amount", "NUMBER"),
            input("isUrgent", "BOOLEAN"),
            input("who", "SOBJECT"),
        ];
        Line::new(200, json!({ "name": "Notify", "label": "Notify sales", "type": "FLOW", "inputs": inputs }))
    }

    fn inputs() -> Properties {
        [("amount", "12.5"), ("isUrgent", "true")].map(|(name, value)| (name.to_owned(), Some(value.to_owned()))).into()
    }

    #[tokio::test]
    async fn a_flow_is_started_with_typed_inputs_and_the_record() {
        let run = Line::new(200, json!([{ "actionName": "Notify", "isSuccess": true, "errors": null }]));
        let (script, session, _) = Script::new([flow(), run]);
        let record = "Opportunity:006ak00000OQ4RxAAL".parse().expect("a record id");
        start(&session, "Notify", Some(&record), &inputs()).await.expect("a run");
        let body = script.calls().remove(1).body.expect("a body");
        assert_eq!(body, json!({ "inputs": [{ "amount": 12.5, "isUrgent": true, "recordId": "006ak00000OQ4RxAAL" }] }));
    }

    #[tokio::test]
    async fn a_run_that_fails_and_a_flow_that_is_gone_have_their_faults() {
        let error = json!({ "statusCode": "REQUIRED_FIELD_MISSING", "message": "Missing required input parameter: a", "fields": [] });
        let failed = Line::new(400, json!([{ "actionName": "Notify", "isSuccess": false, "errors": [error] }]));
        let (_script, session, _) = Script::new([flow(), failed]);
        let fault = start(&session, "Notify", None, &inputs()).await.expect_err("failed");
        assert_eq!((fault.class, fault.code.as_str()), (FaultClass::Rejected, "REQUIRED_FIELD_MISSING"));
        let held = json!({ "statusCode": "UNABLE_TO_LOCK_ROW", "message": "no", "fields": [] });
        for held in [json!([{ "actionName": "Notify", "isSuccess": false, "errors": [held] }]), json!([held])] {
            let (_script, session, _) = Script::new([flow(), Line::new(400, held)]);
            let fault = start(&session, "Notify", None, &inputs()).await.expect_err("held");
            assert_eq!(fault.class, FaultClass::Unreachable, "nothing was done");
        }
        let gone =
            Line::new(404, json!([{ "errorCode": "NOT_FOUND", "message": "The requested resource does not exist" }]));
        let (_script, session, _) = Script::new([gone]);
        assert_eq!(start(&session, "Notify", None, &inputs()).await.expect_err("gone").class, FaultClass::Drift);
        let (_script, session, _) = Script::new([flow(), Line::new(504, Json::Null)]);
        assert_eq!(start(&session, "Notify", None, &inputs()).await.expect_err("lost").class, FaultClass::Unknown);
    }

    #[tokio::test]
    async fn flows_are_offered_with_what_an_event_can_fill_in() {
        let listing = Line::new(200, json!({ "actions": [{ "name": "Notify", "label": "Notify sales" }] }));
        let (_script, session, _) = Script::new([listing, flow()]);
        let offered = offered(&session).await.expect("flows");
        let inputs = &offered[0].selector.children;
        let told: Vec<_> = inputs.iter().filter_map(|it| Some((it.api_name.as_deref()?, it.access.required))).collect();
        assert_eq!(told, [("recordId", false), ("amount", true), ("isUrgent", true)]);
        let (_script, session, _) =
            Script::new([Line::new(403, json!([{ "errorCode": "API_DISABLED_FOR_ORG", "message": "no" }]))]);
        assert!(super::offered(&session).await.expect("none").is_empty());
    }
}
