//! Workflows of the account that a property starts (HubSpot's page "Automation v4 API", beta, and its reference of
//! enrolment criteria). HubSpot has no call that enrols a record: what starts a workflow is a value that it watches for.

use std::collections::BTreeMap;

use lockstep_core::crm::{Access, NativeField, Selector, Workflow};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::objects::granted;
use super::wire::{Paging, ask, in_path};
use crate::door::{Call, Method, Session};
use crate::fault::{Fault, FaultClass};

const FLOWS: &str = "/automation/v4/flows";
/// Workflows in one page, and in one read of their definitions.
const PAGE: usize = 100;
/// Pages of workflows that are looked at.
const PAGES_MAX: usize = 5;
/// Workflows that are offered of one object: each brings a form as long as the object.
const OFFERED_MAX: usize = 25;
/// HubSpot's number of the event "a property's value changed".
const VALUE_CHANGED: &str = "4-655002";
/// A property that an account may have for us: any of its values may start something there.
pub(super) const EVENT: &str = "lockstep_event";

#[derive(Deserialize)]
struct Listing {
    results: Vec<Listed>,
    paging: Option<Paging>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    id: String,
    #[serde(default)]
    is_enabled: bool,
    object_type_id: Option<String>,
}

#[derive(Deserialize)]
struct Batch {
    results: Vec<Flow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Flow {
    id: String,
    name: Option<String>,
    #[serde(default)]
    is_enabled: bool,
    #[serde(default)]
    enrollment_criteria: Json,
}

/// What starts a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trigger {
    /// The property that is watched.
    pub property: String,
    /// The value that is waited for; any if there is none.
    pub value: Option<String>,
}

/// The workflows that records of an object can start by a writable field, each with the form of its inputs: what can be
/// written besides. At most two calls a page. There are none where the grant may not read them, where the account's plan
/// has none, and where HubSpot changed this beta API: no object shall be without its fields for that.
pub(super) async fn of(session: &Session, type_id: &str, fields: &[NativeField]) -> Result<Vec<Workflow>, Fault> {
    let mut known = Vec::new();
    let watched = Trigger { property: EVENT.to_owned(), value: None };
    if let Some(field) = writable(fields, EVENT) {
        let label = format!("Workflows that watch \"{}\"", field.label);
        known.push(Workflow { id: EVENT.to_owned(), selector: form(&label, EVENT, &watched, fields), label });
    }
    let mut path = format!("{FLOWS}?limit={PAGE}");
    for _ in 0..PAGES_MAX {
        let Some(listing) = offered(ask::<Listing>(session, Call::read(Method::Get, path, None)).await)? else { break };
        let of_object = |flow: &&Listed| flow.is_enabled && flow.object_type_id.as_deref() == Some(type_id);
        let ids: Vec<Json> = listing.results.iter().filter(of_object).map(|flow| input(&flow.id)).collect();
        for flow in definitions(session, ids).await? {
            if known.len() == OFFERED_MAX {
                return Ok(known);
            }
            let Some(trigger) = flow.trigger().filter(|it| writable(fields, &it.property).is_some()) else { continue };
            let label = flow.name.clone().unwrap_or_else(|| flow.id.clone());
            known.push(Workflow { selector: form(&label, &flow.id, &trigger, fields), id: flow.id, label });
        }
        let Some(after) = listing.paging.as_ref().and_then(Paging::after) else { break };
        path = format!("{FLOWS}?limit={PAGE}&after={}", in_path(after));
    }
    Ok(known)
}

fn offered<T>(answer: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match granted(answer) {
        Err(fault) if matches!(fault.class, FaultClass::Missing | FaultClass::Rejected | FaultClass::Bug) => Ok(None),
        answer => answer,
    }
}

fn input(id: &str) -> Json {
    json!({ "type": "FLOW_ID", "flowId": id })
}

async fn definitions(session: &Session, ids: Vec<Json>) -> Result<Vec<Flow>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let call = Call::read(Method::Post, format!("{FLOWS}/batch/read"), Some(json!({ "inputs": ids })));
    Ok(offered(ask::<Batch>(session, call).await)?.map_or_else(Vec::new, |batch| batch.results))
}

/// What starts a workflow today. One call, unless it is our own property.
///
/// # Errors
/// Class [`FaultClass::Drift`] when it has gone, is switched off, or waits for something else now.
pub(super) async fn trigger(session: &Session, id: &str) -> Result<Trigger, Fault> {
    if id == EVENT {
        return Ok(Trigger { property: EVENT.to_owned(), value: None });
    }
    let call = Call::read(Method::Get, format!("{FLOWS}/{}", in_path(id)), None);
    let flow = match ask::<Flow>(session, call).await {
        Err(fault) if fault.class == FaultClass::Missing => None,
        flow => Some(flow?),
    };
    flow.filter(|flow| flow.is_enabled).and_then(|flow| flow.trigger()).ok_or_else(|| {
        let message =
            format!("The workflow {id} is gone from HubSpot, switched off, or no longer started by a property.");
        Fault::new(FaultClass::Drift, "WORKFLOW_GONE", message)
    })
}

fn writable<'a>(fields: &'a [NativeField], name: &str) -> Option<&'a NativeField> {
    fields.iter().find(|field| field.name == name && field.access.updateable)
}

/// The inputs of a workflow: every writable field but the one whose value is settled. Only a value that the trigger
/// leaves open is required, for the record may be there already.
fn form(label: &str, id: &str, trigger: &Trigger, fields: &[NativeField]) -> Selector {
    let open =
        |field: &&NativeField| field.access.updateable && (trigger.value.is_none() || field.name != trigger.property);
    let input = |field: &NativeField| NativeField {
        access: Access { createable: true, required: field.name == trigger.property, ..Access::default() },
        ..field.clone()
    };
    let mut inputs: Vec<NativeField> = fields.iter().filter(open).map(input).collect();
    inputs.sort_by_key(|field| !field.access.required);
    Selector::root(label, id, &inputs)
}

impl Flow {
    /// The first of its alternatives that a single value fulfils.
    fn trigger(&self) -> Option<Trigger> {
        let criteria = &self.enrollment_criteria;
        let branches = |at: &str| list(criteria.pointer(at));
        let by_filter = branches("/listFilterBranch/filterBranches").iter().find_map(of_filters);
        by_filter.or_else(|| branches("/eventFilterBranches").iter().find_map(of_event))
    }
}

fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// A branch of conditions that must all hold: only one condition can be met by writing one property.
fn of_filters(branch: &Json) -> Option<Trigger> {
    let [filter] = list(branch.get("filters")) else { return None };
    if filter["filterType"] != "PROPERTY" || !list(branch.get("filterBranches")).is_empty() {
        return None;
    }
    let property = filter["property"].as_str()?.to_owned();
    Some(Trigger { property, value: awaited(&filter["operation"])? })
}

/// A branch that waits for the event that a property's value changed.
fn of_event(branch: &Json) -> Option<Trigger> {
    if branch["eventTypeId"] != VALUE_CHANGED {
        return None;
    }
    let filters: BTreeMap<&str, &Json> = list(branch.get("filters"))
        .iter()
        .filter_map(|it| Some((it["property"].as_str()?, &it["operation"])))
        .collect();
    let property = awaited(filters.get("hs_name")?)??;
    let value = filters.get("hs_value").map_or(Some(None), |operation| awaited(operation))?;
    let others = filters.keys().any(|name| !matches!(*name, "hs_name" | "hs_value"));
    (!others).then_some(Trigger { property, value })
}

/// The value that fulfils an operation; `Some(None)` where any does, `None` where writing a value cannot.
fn awaited(operation: &Json) -> Option<Option<String>> {
    let value = operation.get("value").or_else(|| list(operation.get("values")).first());
    match operation["operator"].as_str()? {
        "IS_KNOWN" => Some(None),
        "IS_EQUAL_TO" | "IS_ANY_OF" | "IS_EXACTLY" => match value? {
            Json::String(text) => Some(Some(text.clone())),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
            plain => Some(Some(plain.to_string())),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Line, Script};
    use lockstep_core::crm::NativeKind;

    fn trigger(criteria: Json) -> Option<(String, Option<String>)> {
        let flow = json!({ "id": "1", "isEnabled": true, "enrollmentCriteria": criteria });
        let flow: Flow = serde_json::from_value(flow).expect("a flow");
        flow.trigger().map(|trigger| (trigger.property, trigger.value))
    }

    fn filtered(filters: Json) -> Json {
        json!({ "type": "LIST_BASED", "listFilterBranch": { "filterBranches": [{ "filterBranches": [], "filters": filters }] } })
    }

    fn filter(operation: Json) -> Json {
        json!([{ "filterType": "PROPERTY", "property": "stage", "operation": operation }])
    }

    fn stage() -> NativeField {
        let access = Access { readable: true, createable: true, updateable: true, required: false, searchable: true };
        let (name, label) = ("stage".to_owned(), "Stage".to_owned());
        NativeField { name, label, kind: NativeKind::Text, choices: Vec::new(), access, children: Vec::new() }
    }

    fn flow(id: usize, property: &str) -> Json {
        let filter = json!({ "filterType": "PROPERTY", "property": property, "operation": { "operator": "IS_KNOWN" } });
        json!({ "id": id.to_string(), "isEnabled": true, "objectTypeId": "0-3", "enrollmentCriteria": filtered(json!([filter])) })
    }

    fn page(flows: &[Json], after: Option<&str>) -> Line {
        Line::new(200, json!({ "results": flows, "paging": after.map(|after| json!({ "next": { "after": after } })) }))
    }

    #[tokio::test]
    async fn only_enabled_workflows_of_the_object_that_a_field_starts_are_offered() {
        let mut off = flow(2, "stage");
        off["isEnabled"] = false.into();
        let mut other = flow(3, "stage");
        other["objectTypeId"] = "0-1".into();
        let first = [flow(1, "stage"), off, other, flow(4, "createdate")];
        let second = [flow(5, "stage")];
        let (script, session, _) = Script::new([
            page(&first, Some("p2")),
            page(&[flow(1, "stage"), flow(4, "createdate")], None),
            page(&second, None),
            page(&second, None),
        ]);
        let known = of(&session, "0-3", &[stage()]).await.expect("workflows");
        assert_eq!(known.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["1", "5"]);
        let calls = script.calls();
        assert_eq!(calls[1].body.as_ref().expect("a body")["inputs"], json!([input("1"), input("4")]));
        assert_eq!(calls[2].path, "/automation/v4/flows?limit=100&after=p2");
        assert!(calls.iter().all(|call| !call.effect));
    }

    #[tokio::test]
    async fn no_more_workflows_are_offered_than_a_page_can_bear() {
        let many: Vec<Json> = (0..OFFERED_MAX + 1).map(|id| flow(id, "stage")).collect();
        let (_script, session, _) = Script::new([page(&many, Some("p2")), page(&many, None)]);
        assert_eq!(of(&session, "0-3", &[stage()]).await.expect("workflows").len(), OFFERED_MAX);
    }

    #[tokio::test]
    async fn an_account_whose_workflows_cannot_be_read_has_none() {
        for (status, body) in [(403, json!({ "message": "no" })), (404, json!({ "message": "no" })), (200, json!([]))] {
            let (_script, session, _) = Script::new([Line::new(status, body)]);
            assert!(of(&session, "0-3", &[stage()]).await.expect("none").is_empty(), "{status}");
        }
        let (_script, session, _) = Script::new([Line::new(503, Json::Null)]);
        assert_eq!(of(&session, "0-3", &[stage()]).await.expect_err("later").class, FaultClass::Busy);
    }

    #[test]
    fn a_single_condition_on_a_property_is_a_trigger() {
        let won = Some(("stage".to_owned(), Some("won".to_owned())));
        let any_of = json!({ "operator": "IS_ANY_OF", "values": ["won", "lost"] });
        assert_eq!(trigger(filtered(filter(any_of))), won);
        assert_eq!(trigger(filtered(filter(json!({ "operator": "IS_EQUAL_TO", "value": "won" })))), won);
        let known = json!({ "operator": "IS_KNOWN", "operationType": "ALL_PROPERTY" });
        assert_eq!(trigger(filtered(filter(known))), Some(("stage".to_owned(), None)));
        let ticked = json!({ "operator": "IS_EQUAL_TO", "operationType": "BOOL", "value": true });
        assert_eq!(trigger(filtered(filter(ticked))), Some(("stage".to_owned(), Some("true".to_owned()))));
    }

    #[test]
    fn a_changed_value_is_a_trigger() {
        let filters = json!([
            { "property": "hs_name", "operation": { "operator": "IS_EQUAL_TO", "value": "stage" } },
            { "property": "hs_value", "operation": { "operator": "IS_ANY_OF", "values": ["won"] } },
        ]);
        let event = |id: &str| json!({ "type": "EVENT_BASED", "eventFilterBranches": [{ "eventTypeId": id, "filters": filters }] });
        assert_eq!(trigger(event(VALUE_CHANGED)), Some(("stage".to_owned(), Some("won".to_owned()))));
        assert_eq!(trigger(event("4-1639801")), None, "a form that was sent");
    }

    #[test]
    fn what_one_value_cannot_fulfil_is_none() {
        assert_eq!(trigger(filtered(filter(json!({ "operator": "IS_NOT_EQUAL_TO", "value": "won" })))), None);
        let one = filter(json!({ "operator": "IS_KNOWN" }))[0].clone();
        assert_eq!(trigger(filtered(json!([one, one]))), None, "two conditions at once");
        assert_eq!(trigger(filtered(json!([{ "filterType": "IN_LIST", "listId": "1" }]))), None);
        assert_eq!(trigger(Json::Null), None);
    }
}
