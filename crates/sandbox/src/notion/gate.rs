//! The way of every call behind the front: read, authenticated, limited, then done under one lock.

use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::Notion;
use super::answer::{Answer, Call, Content, Refusal, Reply};
use super::limits;
use super::workspace::Workspace;
use crate::front::{Belated, Cut, Front, Fronted, Throttled};
use crate::wire::{basic, credentials, form_pairs, origin, set_date};

/// Bytes a request body may have: 500 KB.
const BODY_BYTES_MAX: usize = 500 * 1_024;

/// The versions that know data sources; the second one forgot `archived`.
const VERSIONS: [&str; 2] = ["2025-09-03", "2026-03-11"];

/// Pause that a 429 or 529 asks for when the fault switch orders it.
const ORDERED_WAIT_US: i64 = 5_000_000;

/// The policy of a fault whose refusal comes from something that stands before Notion and knows no JSON.
const HTML: &str = "html";

/// The policy of a fault that answers with its status although the work was done.
const COMMITTED: &str = "committed";

/// What a route does.
pub(super) type Work = fn(&mut Workspace, &Call) -> Answer;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Nothing: authorisation itself.
    Open,
    /// A bearer token and a version.
    Token,
}

impl Fronted for Notion {
    fn front(&self) -> &Front {
        &self.0.front
    }

    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        let refusal = match status {
            _ if policy == Some(HTML) => {
                let status = Refusal::ordered(status).status;
                let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
                return self.with(|workspace| response(workspace, Ok(Reply::html(status, page)), false));
            }
            429 => limits::refusal(policy.unwrap_or(limits::CONNECTION), ORDERED_WAIT_US),
            529 => Refusal::ordered(529).wait(ORDERED_WAIT_US / 1_000_000),
            _ => Refusal::ordered(status),
        };
        let mut response = self.with(|workspace| response(workspace, Err(refusal), false));
        // It was not the limiter.
        response.extensions_mut().remove::<Throttled>();
        response
    }

    fn is_belated(&self, policy: Option<&str>) -> bool {
        policy == Some(COMMITTED)
    }
}

/// A vendor route: everything about it but its path.
pub(super) fn gated(method: MethodFilter, access: Access, work: Work) -> MethodRouter<Notion> {
    on(
        method,
        move |State(notion): State<Notion>, params: Result<RawPathParams, RawPathParamsRejection>, request: Request| async move {
            let (head, body) = request.into_parts();
            let mut call = Call {
                // A path that is not UTF-8 names nothing that exists.
                params: params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                query: form_pairs(head.uri.query().unwrap_or_default().as_bytes()),
                basic: basic(&head.headers),
                is_newest: header(&head, "notion-version") == Some(VERSIONS[1]),
                cut: head.extensions.get::<Cut>().map(|cut| cut.0),
                ..Call::default()
            };
            let body = to_bytes(body, BODY_BYTES_MAX).await;
            notion.with(|workspace| {
                call.origin = workspace
                    .settings
                    .public_origin
                    .clone()
                    .unwrap_or_else(|| origin(&head.uri, &head.headers, "api.notion.com"));
                let answer = match body {
                    Ok(body) => {
                        call.body = body;
                        admit(workspace, access, &head).and_then(|()| work(workspace, &call))
                    }
                    Err(_) => Err(Refusal::validation("Request body is too large.")),
                };
                let belated = head.extensions.get::<Belated>().map(|it| it.0);
                let answer = belated.map_or(Ok(()), |status| regret(&answer, status)).and(answer);
                response(workspace, answer, call.is_newest)
            })
        },
    )
}

/// The refusal of a call that was done all the same: it names what was made or changed.
fn regret(answer: &Answer, status: u16) -> Result<(), Refusal> {
    let Ok(Reply { content: Content::Json(body), .. }) = answer else {
        return Ok(());
    };
    Err(Refusal::ordered(status).additional(json!({
        "retry_guidance": "The request may have been committed. Look for the resource before you repeat it.",
        "committed_resource_id": body["id"],
    })))
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok()
}

fn admit(workspace: &mut Workspace, access: Access, head: &Parts) -> Result<(), Refusal> {
    workspace.picked = None;
    if access == Access::Open {
        return Ok(());
    }
    let (now_us, accepts_any) = (workspace.now_us(), workspace.settings.accepts_any_token);
    let (app, grant) = workspace.grants.caller(credentials(&head.headers, "bearer"), accepts_any, now_us)?;
    workspace.picked = grant.picked();
    if workspace.settings.quirks {
        workspace.windows.admit(workspace.settings.limits, now_us, &app)?;
    }
    match header(head, "notion-version") {
        Some(version) if VERSIONS.contains(&version) => Ok(()),
        Some(version) => Err(Refusal::validation(format!("Notion-Version \"{version}\" is not served here."))),
        None => {
            let message = "Notion-Version header failed validation: Notion-Version header should be defined, instead \
                           was `undefined`.";
            Err(Refusal::new(StatusCode::BAD_REQUEST, "missing_version", message))
        }
    }
}

/// Takes the member away that the newest version no longer has.
fn modernize(body: &mut Value) {
    if let Value::Object(members) = body {
        members.remove("archived");
    }
    if let Some(Value::Array(results)) = body.get_mut("results") {
        results.iter_mut().for_each(modernize);
    }
}

/// Turns an answer into a response, with the id and the date that every one of Notion's carries.
pub(super) fn response(workspace: &mut Workspace, answer: Answer, is_newest: bool) -> Response {
    let request_id = workspace.rng.uuid();
    let (reply, refused) = match answer {
        Ok(mut reply) => {
            if let Content::Json(body) = &mut reply.content {
                if is_newest {
                    modernize(body);
                }
                body["request_id"] = request_id.clone().into();
            }
            (reply, None)
        }
        Err(it) => (Reply::json(it.status, it.envelope(&request_id)).rows(0), Some((it.status, it.retry_after))),
    };
    let mut response = reply.response("application/json; charset=utf-8");
    if let Some((StatusCode::TOO_MANY_REQUESTS, _)) = refused {
        response.extensions_mut().insert(Throttled);
    }
    let headers = response.headers_mut();
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain"));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-notion-request-id", id);
    }
    if let Some((_, Some(seconds))) = refused {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    set_date(headers, workspace.stamp_us());
    response
}
