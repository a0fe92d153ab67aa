//! Every route of Pipedrive that the look-alike has, with what a call of it costs. Source: `x-token-cost` in
//! Pipedrive's OpenAPI documents.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::MethodFilter;
use http::{HeaderMap, StatusCode};

use super::answer::{Answer, Call, Refusal};
use super::company::Company;
use super::gate::{Access, Gate, Work, gated, respond};
use super::kinds::Kind;
use super::{Pipedrive, channels, fields, lists, notes, oauth, records, search, stages, statics, users, v1, webhooks};
use crate::desk;
use crate::front::pass;

const GET: MethodFilter = MethodFilter::GET;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;
const PATCH: MethodFilter = MethodFilter::PATCH;
const DELETE: MethodFilter = MethodFilter::DELETE;

type Route = (MethodFilter, &'static str, Access, &'static str, Work);

const fn costs(tokens: u64) -> Access {
    Access::Costs(tokens)
}

/// Objects of v2 and the scope each needs.
const OBJECTS: [(Kind, &str); 4] = [
    (Kind::Person, "contacts"),
    (Kind::Organization, "contacts"),
    (Kind::Deal, "deals"),
    (Kind::Activity, "activities"),
];

/// Of each object in v2, after its name in the plural.
const RECORDS: [(MethodFilter, &str, Access, Work); 5] = [
    (GET, "", costs(10), lists::list),
    (POST, "", costs(5), records::create),
    (GET, "/{id}", costs(1), records::read),
    (PATCH, "/{id}", costs(5), records::update),
    (DELETE, "/{id}", costs(3), records::delete),
];

/// Of each object in v2, after its name in the singular.
const FIELDS: [(MethodFilter, &str, Access, Work); 8] = [
    (GET, "", costs(10), fields::list),
    (POST, "", costs(5), fields::create),
    (GET, "/{field_code}", costs(1), fields::read),
    (PATCH, "/{field_code}", costs(5), fields::update),
    (DELETE, "/{field_code}", costs(3), fields::delete),
    (POST, "/{field_code}/options", costs(5), fields::add_options),
    (PATCH, "/{field_code}/options", costs(5), fields::rename_options),
    (DELETE, "/{field_code}/options", costs(3), fields::delete_options),
];

const V2: [Route; 6] = [
    (GET, "/itemSearch", Access::Search(20), "search", search::items),
    (GET, "/itemSearch/field", Access::Search(20), "search", search::by_field),
    (GET, "/stages", costs(5), "deals", stages::list_stages),
    (GET, "/stages/{id}", costs(1), "deals", stages::read_stage),
    (GET, "/pipelines", costs(5), "deals", stages::list_pipelines),
    (GET, "/pipelines/{id}", costs(1), "deals", stages::read_pipeline),
];

const V1: [Route; 19] = [
    (GET, "/notes", costs(20), "contacts", notes::list),
    (POST, "/notes", costs(10), "contacts", notes::create),
    (GET, "/notes/{id}", costs(2), "contacts", notes::read),
    (PUT, "/notes/{id}", costs(10), "contacts", notes::update),
    (DELETE, "/notes/{id}", costs(6), "contacts", notes::delete),
    (GET, "/users", costs(20), "users", users::list),
    (GET, "/users/me", costs(2), "", users::me),
    (GET, "/users/find", costs(40), "users", users::find),
    (GET, "/users/{id}", costs(2), "users", users::read),
    (GET, "/recents", costs(20), "contacts", v1::recents),
    (GET, "/currencies", costs(20), "", statics::currencies),
    (GET, "/activityTypes", costs(20), "activities", statics::activity_types),
    (GET, "/leadLabels", costs(10), "", statics::lead_labels),
    (POST, "/channels", costs(10), "messengers-integration", channels::create),
    (DELETE, "/channels/{id}", costs(6), "messengers-integration", channels::delete),
    (POST, "/channels/messages/receive", costs(10), "messengers-integration", channels::receive),
    (GET, "/webhooks", costs(10), "webhooks", webhooks::list),
    (POST, "/webhooks", costs(10), "webhooks", webhooks::create),
    (DELETE, "/webhooks/{id}", costs(6), "webhooks", webhooks::delete),
];

const OPEN: [Route; 5] = [
    (GET, "/oauth/authorize", Access::Open, "", oauth::authorize),
    (POST, "/oauth/authorize", Access::Open, "", oauth::decide),
    (POST, "/oauth/token", Access::Open, "", oauth::token),
    (POST, "/oauth/token/", Access::Open, "", oauth::token),
    (POST, "/oauth/revoke", Access::Open, "", oauth::revoke),
];

fn add(
    router: Router<Pipedrive>,
    (method, path, access, work): (MethodFilter, &str, Access, Work),
    scope: &'static str,
    kind: Option<Kind>,
) -> Router<Pipedrive> {
    router.route(path, gated(method, Gate { access, scope, kind, work }))
}

/// Routes of v2 that each object has.
fn of_object(mut router: Router<Pipedrive>, kind: Kind, scope: &'static str) -> Router<Pipedrive> {
    for (method, rest, access, work) in RECORDS {
        let path = format!("/api/v2/{}{rest}", kind.plural());
        router = add(router, (method, &path, access, work), scope, Some(kind));
    }
    for (method, rest, access, work) in FIELDS {
        let path = format!("/api/v2/{}Fields{rest}", kind.singular());
        let scope = if method == GET { scope } else { "admin" };
        // Nobody makes fields of activities.
        if method == GET || kind.takes_custom_fields() {
            router = add(router, (method, &path, access, work), scope, Some(kind));
        }
    }
    if kind.takes_custom_fields() {
        let path = format!("/api/v2/{}/search", kind.plural());
        router = add(router, (GET, &path, Access::Search(20), search::of_object), "search", Some(kind));
    }
    router
}

/// The rest of v1: merges, and what went to v2 and is out of support since August 2026.
fn of_object_in_v1(mut router: Router<Pipedrive>, prefix: &str, kind: Kind, scope: &'static str) -> Router<Pipedrive> {
    if kind.takes_custom_fields() {
        let path = format!("{prefix}/{}/{{id}}/merge", kind.plural());
        router = add(router, (PUT, &path, costs(40), v1::merge), scope, Some(kind));
    }
    for rest in ["", "/{id}"] {
        let path = format!("{prefix}/{}{rest}", kind.plural());
        let gone = |router, method| add(router, (method, &path, costs(0), gone), scope, Some(kind));
        router = [GET, POST, PUT, DELETE].into_iter().fold(router, gone);
    }
    router
}

fn gone(_: &mut Company, _: &Call) -> Answer {
    Err(Refusal::new(StatusCode::GONE, "This endpoint is no longer supported, use API v2"))
}

pub(super) fn router(pipedrive: Pipedrive) -> Router {
    let mut router = Router::new();
    for (method, path, access, scope, work) in OPEN {
        router = add(router, (method, path, access, work), scope, None);
    }
    for (kind, scope) in OBJECTS {
        router = of_object(router, kind, scope);
    }
    for (method, path, access, scope, work) in V2 {
        router = add(router, (method, &format!("/api/v2{path}"), access, work), scope, None);
    }
    for prefix in ["/v1", "/api/v1"] {
        for (method, path, access, scope, work) in V1 {
            router = add(router, (method, &format!("{prefix}{path}"), access, work), scope, Some(Kind::Note));
        }
        for (kind, scope) in OBJECTS {
            router = of_object_in_v1(router, prefix, kind, scope);
        }
    }
    router
        .route_layer(from_fn_with_state(pipedrive.clone(), pass::<Pipedrive>))
        .merge(desk::with_records())
        .fallback(|| async { unrouted(StatusCode::NOT_FOUND, "Unknown method .") })
        .method_not_allowed_fallback(|| async { unrouted(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed") })
        .with_state(pipedrive)
}

fn unrouted(status: StatusCode, message: &str) -> Response {
    respond(Err(Refusal::new(status, message)), HeaderMap::new(), 0)
}
