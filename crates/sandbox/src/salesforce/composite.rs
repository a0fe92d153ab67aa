//! Several calls in one: they may use each other's answers, and may all be undone when one fails.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Call, Content, Refusal, Reply, Wrong};
use super::dispatch::answered;
use super::gate::parts;
use super::org::{By, Org};
use super::records::on_path;
use crate::wire::form_pairs;

/// Calls within one.
const CALLS_MAX: usize = 25;

/// Calls within one that are queries or collections.
const HEAVY_MAX: usize = 5;

/// Records of one tree.
const TREE_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    #[serde(default)]
    all_or_none: bool,
    composite_request: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    method: String,
    url: String,
    reference_id: String,
    #[serde(default)]
    body: Value,
}

fn posted<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, Refusal> {
    if call.method == Method::POST { call.json() } else { Err(Refusal::method(&call.method)) }
}

/// A call within another one.
fn inner(call: &Call, method: &str, url: &str, body: &Value) -> Option<Call> {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (version, path) = parts(path);
    let kept = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let nests =
        path.first().is_some_and(|part| part == "composite") && path.get(1).is_none_or(|part| part != "sobjects");
    let (method, query) = (Method::from_bytes(method.to_uppercase().as_bytes()).ok()?, form_pairs(query.as_bytes()));
    (!version.is_empty() && !nests).then(|| Call { method, version, path, query, body: kept, ..call.clone() })
}

/// `POST composite`
pub(super) fn composite(org: &mut Org, call: &Call) -> Answer {
    let Composite { all_or_none, composite_request: parts } = posted(call)?;
    let heavy = |part: &&Part| part.url.contains("/composite/") || part.url.contains("/query");
    if parts.len() > CALLS_MAX || parts.iter().filter(heavy).count() > HEAVY_MAX {
        let message = format!(
            "The request can't contain more than {CALLS_MAX} operations, {HEAVY_MAX} of them queries or collections"
        );
        return Err(Refusal::bad("PROCESSING_HALTED", message));
    }
    let mark = org.rows.begin();
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    let mut done: Vec<(String, Reply)> = Vec::new();
    // How many rows are done before the connection ends.
    let mut left = call.cut;
    for part in &parts {
        if left == Some(0) {
            break;
        }
        let reply = part_done(org, &Call { cut: left, ..call.clone() }, part, &bodies);
        left = left.map(|left| left.saturating_sub(reply.rows.max(1)));
        let failed = reply.status.is_client_error() || reply.status.is_server_error();
        if let (false, Content::Json(body)) = (failed, &reply.content) {
            bodies.insert(part.reference_id.clone(), body.clone());
        }
        done.push((part.reference_id.clone(), reply));
        if failed && all_or_none {
            break;
        }
    }
    let failed = all_or_none && (left == Some(0) || done.iter().any(|(_, reply)| reply.status.as_u16() >= 400));
    org.rows.end(mark, failed);
    if failed {
        halt(&parts, &mut done);
    }
    let rows = done.iter().map(|(_, reply)| reply.rows).sum();
    let shown: Vec<Value> = done.into_iter().map(|(reference, reply)| part_shown(&reference, reply)).collect();
    Ok(Reply::ok(json!({"compositeResponse": shown})).rows(rows))
}

fn part_done(org: &mut Org, call: &Call, part: &Part, bodies: &BTreeMap<String, Value>) -> Reply {
    let (url, body) = match (filled(&part.url, bodies), filled_value(&part.body, bodies)) {
        (Ok(url), Ok(body)) => (url, body),
        (Err(wrong), _) | (_, Err(wrong)) => return Refusal::from(wrong).reply(),
    };
    match inner(call, &part.method, &url, &body) {
        Some(call) => answered(org, &call),
        None => Refusal::not_found().reply(),
    }
}

/// Puts the refusal of an undone whole in the place of what had gone well, and of what was not begun.
fn halt(parts: &[Part], done: &mut Vec<(String, Reply)>) {
    let message = "The transaction was rolled back since another operation in the same transaction failed.";
    for (_, reply) in done.iter_mut().filter(|(_, reply)| reply.status.as_u16() < 400) {
        *reply = Refusal::bad("PROCESSING_HALTED", message).reply();
    }
    for part in parts.iter().skip(done.len()) {
        done.push((part.reference_id.clone(), Refusal::bad("PROCESSING_HALTED", message).reply()));
    }
}

fn part_shown(reference: &str, reply: Reply) -> Value {
    let body = match reply.content {
        Content::Json(body) => body,
        Content::Empty | Content::Other(..) => Value::Null,
    };
    let headers: Map<String, Value> = reply
        .headers
        .into_iter()
        .filter(|(name, _)| *name == "location")
        .map(|(_, value)| ("Location".to_owned(), value.into()))
        .collect();
    json!({"body": body, "httpHeaders": headers, "httpStatusCode": reply.status.as_u16(), "referenceId": reference})
}

/// Text with each `@{reference.path}` replaced by what the earlier answer holds there.
fn filled(text: &str, bodies: &BTreeMap<String, Value>) -> Result<String, Wrong> {
    let mut whole = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        let Some((path, behind)) = after.split_once('}') else { break };
        let value = looked_up(path, bodies)?;
        whole.push_str(before);
        whole.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        rest = behind;
    }
    whole.push_str(rest);
    Ok(whole)
}

fn looked_up(path: &str, bodies: &BTreeMap<String, Value>) -> Result<Value, Wrong> {
    let mut steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']'));
    let reference = steps.next().unwrap_or_default();
    let found = bodies.get(reference).and_then(|body| {
        steps.try_fold(body, |value, step| match step.parse::<usize>() {
            Ok(index) => value.get(index),
            Err(_) => value.get(step),
        })
    });
    found.cloned().ok_or_else(|| {
        Wrong::new(
            "PROCESSING_HALTED",
            format!("Invalid reference specified. No value for {path} found in {reference}"),
        )
    })
}

fn filled_value(value: &Value, bodies: &BTreeMap<String, Value>) -> Result<Value, Wrong> {
    Ok(match value {
        Value::String(text) => filled(text, bodies)?.into(),
        Value::Array(items) => items.iter().map(|item| filled_value(item, bodies)).collect::<Result<_, _>>()?,
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| Ok((name.clone(), filled_value(value, bodies)?)));
            Value::Object(members.collect::<Result<_, Wrong>>()?)
        }
        other => other.clone(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    halt_on_error: bool,
    batch_requests: Vec<BatchPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchPart {
    method: String,
    url: String,
    #[serde(default)]
    rich_input: Value,
}

/// `POST composite/batch`: calls that do not know of each other. Each counts.
pub(super) fn batch(org: &mut Org, call: &Call) -> Answer {
    let Batch { halt_on_error, batch_requests } = posted(call)?;
    if batch_requests.len() > CALLS_MAX {
        return Err(Refusal::bad("LIMIT_EXCEEDED", format!("at most {CALLS_MAX} requests")));
    }
    let now_us = org.now_us();
    org.used.admit(now_us, batch_requests.len().saturating_sub(1), usize::MAX);
    let (mut results, mut has_errors) = (Vec::new(), false);
    for part in &batch_requests {
        let reply = if has_errors && halt_on_error {
            let refusal = Refusal::new(
                StatusCode::PRECONDITION_FAILED,
                "BATCH_PROCESSING_HALTED",
                "Batch processing halted per request",
            );
            refusal.reply()
        } else {
            let url =
                format!("/services/data/{}", part.url.trim_start_matches("/services/data/").trim_start_matches('/'));
            inner(call, &part.method, &url, &part.rich_input)
                .map_or_else(|| Refusal::not_found().reply(), |call| answered(org, &call))
        };
        has_errors |= reply.status.as_u16() >= 400;
        let result = if let Content::Json(body) = reply.content { body } else { Value::Null };
        results.push(json!({"statusCode": reply.status.as_u16(), "result": result}));
    }
    Ok(Reply::ok(json!({"hasErrors": has_errors, "results": results})).rows(batch_requests.len()))
}

#[derive(Deserialize)]
struct Tree {
    records: Vec<Map<String, Value>>,
}

/// `POST composite/tree/{object}`: new records, all or none. Records beneath records are not known here.
pub(super) fn tree(org: &mut Org, call: &Call, object: &str) -> Answer {
    let Tree { records } = posted(call)?;
    let object = org.object(object).map_err(on_path)?;
    if records.len() > TREE_MAX {
        return Err(Refusal::bad("LIMIT_EXCEEDED", format!("at most {TREE_MAX} records")));
    }
    let reference =
        |row: &Map<String, Value>| row.get("attributes").map_or(Value::Null, |it| it["referenceId"].clone());
    let mark = org.rows.begin();
    let made: Vec<(Value, Result<String, Wrong>)> =
        records.iter().map(|row| (reference(row), org.create(&object.name, row, By::App, false))).collect();
    let failed = made.iter().any(|(_, row)| row.is_err());
    org.rows.end(mark, failed);
    let results: Vec<Value> = made
        .into_iter()
        .filter_map(|(reference, row)| match row {
            Ok(_) if failed => None,
            Ok(id) => Some(json!({"referenceId": reference, "id": id})),
            Err(wrong) => Some(json!({"referenceId": reference, "errors": [wrong.row()]})),
        })
        .collect();
    let status = if failed { StatusCode::BAD_REQUEST } else { StatusCode::CREATED };
    Ok(Reply::json(status, json!({"hasErrors": failed, "results": results})).rows(records.len()))
}
