//! The way of every call behind the front: read, authenticated, limited, then done under one lock.

use axum::body::to_bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::HOST;
use http::{HeaderMap, StatusCode};

use super::Pipedrive;
use super::answer::{Answer, Call, Refusal, Reply};
use super::company::Company;
use super::kinds::Kind;
use super::oauth::Who;
use crate::front::{Cut, Front, Fronted, Throttled};
use crate::strike::dropped;
use crate::wire::{form_pairs, set_date};

/// Bytes a request body may have.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a route does.
pub(super) type Work = fn(&mut Company, &Call) -> Answer;

/// What a route asks of its caller.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    /// Nothing: authorisation itself.
    Open,
    /// A token; so much of the day's budget.
    Costs(u64),
    /// The same; counted by the search limiter too.
    Search(u64),
}

/// Everything about a vendor route but its path. `scope` is what an app's grant needs, without `:read` or `:full`.
#[derive(Clone, Copy)]
pub(super) struct Gate {
    pub(super) access: Access,
    pub(super) scope: &'static str,
    pub(super) kind: Option<Kind>,
    pub(super) work: Work,
}

pub(super) fn gated(method: MethodFilter, gate: Gate) -> MethodRouter<Pipedrive> {
    on(
        method,
        move |State(pipedrive): State<Pipedrive>,
              params: Result<RawPathParams, RawPathParamsRejection>,
              request: Request| async move {
            let (head, body) = request.into_parts();
            // Every call is a batch of one: cut before its first row, it does nothing.
            if head.extensions.get::<Cut>().is_some_and(|cut| cut.0 == 0) {
                return dropped();
            }
            let writes = !matches!(head.method, http::Method::GET | http::Method::HEAD);
            let mut call = Call {
                // A path that is not UTF-8 names nothing that exists.
                params: params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                query: form_pairs(head.uri.query().unwrap_or_default().as_bytes()),
                headers: head.headers,
                kind: gate.kind,
                ..Call::default()
            };
            match to_bytes(body, BODY_BYTES_MAX).await {
                Ok(body) => call.body = body,
                Err(_) => {
                    let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request entity too large");
                    return respond(Err(refusal), HeaderMap::new(), 0);
                }
            }
            pipedrive.with(|company| enter(company, gate, writes, call))
        },
    )
}

fn enter(company: &mut Company, gate: Gate, writes: bool, mut call: Call) -> Response {
    let host = call.headers.get(HOST).and_then(|it| it.to_str().ok()).unwrap_or("localhost");
    call.origin = company.settings.public_origin.clone().unwrap_or_else(|| format!("http://{host}"));
    let clock_us = company.now_us() + company.settings.clock_offset_us;
    let (headers, admitted) = admit(company, gate, writes, &call);
    respond(admitted.and_then(|()| (gate.work)(company, &call)), headers, clock_us)
}

fn admit(company: &mut Company, gate: Gate, writes: bool, call: &Call) -> (HeaderMap, Result<(), Refusal>) {
    let (cost, is_search) = match gate.access {
        Access::Open => return (HeaderMap::new(), Ok(())),
        Access::Costs(cost) => (cost, false),
        Access::Search(cost) => (cost, true),
    };
    let who = match company.caller(call) {
        Ok(who) => who,
        Err(refusal) => return (HeaderMap::new(), Err(refusal)),
    };
    if matches!(who, Who::App(_)) && !has_scope(&company.settings.scopes, gate.scope, writes) {
        return (HeaderMap::new(), Err(Refusal::scope()));
    }
    if !company.settings.quirks {
        return (HeaderMap::new(), Ok(()));
    }
    let now_us = company.now_us();
    company.windows.admit(company.settings.limits, now_us, &who, cost, is_search)
}

fn has_scope(scopes: &[String], wanted: &str, writes: bool) -> bool {
    let has = |scope: &str| scopes.iter().any(|it| it == scope);
    wanted.is_empty() || has(wanted) || has(&format!("{wanted}:full")) || (!writes && has(&format!("{wanted}:read")))
}

impl Fronted for Pipedrive {
    fn front(&self) -> &Front {
        &self.0.front
    }

    /// 403 with the policy `cloudflare` is Cloudflare's page, with `feature_capping` a limit of the plan.
    fn refuse(&self, status: u16, policy: Option<&str>) -> Response {
        let refusal = match StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR) {
            StatusCode::TOO_MANY_REQUESTS => Refusal { throttled: false, ..Refusal::throttled() },
            StatusCode::UNAUTHORIZED => Refusal::unauthorized(),
            StatusCode::FORBIDDEN if policy == Some("cloudflare") => {
                Refusal { throttled: false, ..Refusal::cloudflare() }
            }
            StatusCode::FORBIDDEN if policy == Some("feature_capping") => Refusal::capped("deal", "deals"),
            StatusCode::FORBIDDEN => Refusal::scope(),
            status => Refusal::new(status, status.canonical_reason().unwrap_or("Error")),
        };
        let clock_us = self.with(|company| company.now_us() + company.settings.clock_offset_us);
        respond(Err(refusal), HeaderMap::new(), clock_us)
    }
}

pub(super) fn respond(answer: Answer, headers: HeaderMap, clock_us: i64) -> Response {
    let (reply, throttled) = match answer {
        Ok(reply) => (reply, false),
        Err(it) => (Reply { status: it.status, content: it.content, rows: 0 }, it.throttled),
    };
    let mut response = reply.response("application/json; charset=utf-8");
    response.headers_mut().extend(headers);
    set_date(response.headers_mut(), clock_us);
    if throttled {
        response.extensions_mut().insert(Throttled);
    }
    response
}
