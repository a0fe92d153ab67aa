//! From a path to what is done: for calls, and for the calls within a composite one.

use http::Method;

use super::answer::{Answer, Call, Refusal, Reply};
use super::org::Org;
use super::{account, bulk, bulk_query, collections, composite, describe, flows, query, records, replication, sosl};

/// What can be reached beneath `/services/data/`, with and without a slash at the end. The counters and the fault switch
/// know calls by these.
pub(super) const ROUTES: &[&str] = &[
    "/services/data",
    "/services/data/{version}",
    "/services/data/{version}/limits",
    "/services/data/{version}/sobjects",
    "/services/data/{version}/sobjects/{object}",
    "/services/data/{version}/sobjects/{object}/describe",
    "/services/data/{version}/sobjects/{object}/updated",
    "/services/data/{version}/sobjects/{object}/deleted",
    "/services/data/{version}/sobjects/{object}/{id}",
    "/services/data/{version}/sobjects/{object}/{field}/{value}",
    "/services/data/{version}/query",
    "/services/data/{version}/query/{locator}",
    "/services/data/{version}/queryAll",
    "/services/data/{version}/queryAll/{locator}",
    "/services/data/{version}/search",
    "/services/data/{version}/parameterizedSearch",
    "/services/data/{version}/composite",
    "/services/data/{version}/composite/batch",
    "/services/data/{version}/composite/sobjects",
    "/services/data/{version}/composite/sobjects/{object}",
    "/services/data/{version}/composite/sobjects/{object}/{field}",
    "/services/data/{version}/composite/tree/{object}",
    "/services/data/{version}/jobs/ingest",
    "/services/data/{version}/jobs/ingest/{job}",
    "/services/data/{version}/jobs/ingest/{job}/{part}",
    "/services/data/{version}/jobs/query",
    "/services/data/{version}/jobs/query/{job}",
    "/services/data/{version}/jobs/query/{job}/results",
    "/services/data/{version}/actions/custom/flow",
    "/services/data/{version}/actions/custom/flow/{flow}",
];

/// Does a call that was let in.
pub(super) fn dispatch(org: &mut Org, call: &Call) -> Answer {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let gets = |answer: fn(&mut Org, &Call) -> Answer, org: &mut Org| match call.method {
        Method::GET => answer(org, call),
        _ => Err(Refusal::method(&call.method)),
    };
    match path.as_slice() {
        [] if call.version.is_empty() => gets(account::versions, org),
        [] => gets(account::resources, org),
        ["limits"] => gets(account::limits, org),
        ["sobjects"] => gets(describe::global, org),
        ["sobjects", object] => records::object(org, call, object),
        ["sobjects", object, "describe"] => describe::one(org, call, object),
        ["sobjects", object, "updated"] => replication::updated(org, call, object),
        ["sobjects", object, "deleted"] => replication::deleted(org, call, object),
        ["sobjects", object, id] => records::one(org, call, object, id),
        ["sobjects", object, field, value] => records::keyed(org, call, object, field, value),
        ["query"] => gets(|org, call| query::query(org, call, false), org),
        ["queryAll"] => gets(|org, call| query::query(org, call, true), org),
        ["query" | "queryAll", locator] => query::more(org, call, locator),
        ["search"] => gets(sosl::search, org),
        ["parameterizedSearch"] => sosl::parameterized(org, call),
        ["composite"] => composite::composite(org, call),
        ["composite", "batch"] => composite::batch(org, call),
        ["composite", "sobjects"] => collections::many(org, call),
        ["composite", "sobjects", object] => collections::read(org, call, object),
        ["composite", "sobjects", object, key] => collections::upsert(org, call, object, key),
        ["composite", "tree", object] => composite::tree(org, call, object),
        ["jobs", "ingest", rest @ ..] => bulk::route(org, call, rest),
        ["jobs", "query", rest @ ..] => bulk_query::route(org, call, rest),
        ["actions", "custom", "flow"] => gets(flows::list, org),
        ["actions", "custom", "flow", name] => flows::run(org, call, name),
        _ => Err(Refusal::not_found()),
    }
}

/// As [`dispatch`], with refusals as answers.
pub(super) fn answered(org: &mut Org, call: &Call) -> Reply {
    dispatch(org, call).unwrap_or_else(Refusal::reply)
}
