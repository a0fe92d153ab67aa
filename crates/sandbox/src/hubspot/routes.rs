//! Every route of the look-alike: HubSpot's own and, beneath `/__`, the sandbox's.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::MethodFilter;
use http::StatusCode;

use super::answer::Refusal;
use super::gate::{Access, NO_CORRELATION_ID, Work, gated, refusal_response};
use super::{Hubspot, account, admin, associations, batch, merge, oauth, pipelines, properties, records};
use super::{schemas, search, subscriptions, workflows};
use crate::front::pass;

use Access::{Developer, Open, Search, Token};

const DELETE: MethodFilter = MethodFilter::DELETE;
const GET: MethodFilter = MethodFilter::GET;
const PATCH: MethodFilter = MethodFilter::PATCH;
const POST: MethodFilter = MethodFilter::POST;
const PUT: MethodFilter = MethodFilter::PUT;

const ROUTES: &[(MethodFilter, &str, Access, Work)] = &[
    (GET, "/crm/v3/objects/{object}", Token, records::list),
    (POST, "/crm/v3/objects/{object}", Token, records::create),
    (GET, "/crm/v3/objects/{object}/{id}", Token, records::get),
    (PATCH, "/crm/v3/objects/{object}/{id}", Token, records::update),
    (DELETE, "/crm/v3/objects/{object}/{id}", Token, records::archive),
    (POST, "/crm/v3/objects/{object}/search", Search, search::search),
    (POST, "/crm/v3/objects/{object}/merge", Token, merge::merge),
    (POST, "/crm/v3/objects/{object}/gdpr-delete", Token, merge::gdpr_delete),
    (POST, "/crm/v3/objects/{object}/batch/read", Token, batch::read),
    (POST, "/crm/v3/objects/{object}/batch/create", Token, batch::create),
    (POST, "/crm/v3/objects/{object}/batch/update", Token, batch::update),
    (POST, "/crm/v3/objects/{object}/batch/upsert", Token, batch::upsert),
    (POST, "/crm/v3/objects/{object}/batch/archive", Token, batch::archive),
    (GET, "/crm/v3/properties/{objectType}", Token, properties::list),
    (POST, "/crm/v3/properties/{objectType}", Token, properties::create),
    (GET, "/crm/v3/properties/{objectType}/{propertyName}", Token, properties::get),
    (PATCH, "/crm/v3/properties/{objectType}/{propertyName}", Token, properties::patch),
    (DELETE, "/crm/v3/properties/{objectType}/{propertyName}", Token, properties::archive),
    (POST, "/crm/v3/properties/{objectType}/batch/create", Token, properties::batch_create),
    (POST, "/crm/v3/properties/{objectType}/batch/read", Token, properties::batch_read),
    (POST, "/crm/v3/properties/{objectType}/batch/archive", Token, properties::batch_archive),
    (GET, "/crm/v3/properties/{objectType}/groups", Token, properties::groups),
    (POST, "/crm/v3/properties/{objectType}/groups", Token, properties::create_group),
    (GET, "/crm/v3/properties/{objectType}/groups/{groupName}", Token, properties::get_group),
    (PATCH, "/crm/v3/properties/{objectType}/groups/{groupName}", Token, properties::patch_group),
    (DELETE, "/crm/v3/properties/{objectType}/groups/{groupName}", Token, properties::archive_group),
    (GET, "/crm/v3/pipelines/{objectType}", Token, pipelines::list),
    (GET, "/crm/v3/pipelines/{objectType}/{pipelineId}", Token, pipelines::get),
    (GET, "/crm/v3/pipelines/{objectType}/{pipelineId}/stages", Token, pipelines::stages),
    (GET, "/crm/v3/schemas", Token, schemas::list),
    (GET, "/crm/v3/schemas/{objectType}", Token, schemas::get),
    (GET, "/crm-object-schemas/v3/schemas", Token, schemas::list),
    (GET, "/crm-object-schemas/v3/schemas/{objectType}", Token, schemas::get),
    (PUT, "/crm/v4/objects/{object}/{id}/associations/default/{toObject}/{toId}", Token, associations::put_default),
    (PUT, "/crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}", Token, associations::put),
    (DELETE, "/crm/v4/objects/{object}/{id}/associations/{toObject}/{toId}", Token, associations::delete),
    (GET, "/crm/v4/objects/{object}/{id}/associations/{toObject}", Token, associations::list),
    (POST, "/crm/v4/associations/{object}/{toObject}/batch/create", Token, associations::batch_create),
    (POST, "/crm/v4/associations/{object}/{toObject}/batch/associate/default", Token, associations::batch_default),
    (POST, "/crm/v4/associations/{object}/{toObject}/batch/read", Token, associations::batch_read),
    (POST, "/crm/v4/associations/{object}/{toObject}/batch/archive", Token, associations::batch_archive),
    (GET, "/crm/v4/associations/{object}/{toObject}/labels", Token, associations::labels),
    (GET, "/automation/v4/flows", Token, workflows::list),
    (GET, "/automation/v4/flows/{flowId}", Token, workflows::get),
    (POST, "/automation/v4/flows/batch/read", Token, workflows::batch_read),
    (GET, "/crm/v3/owners", Token, account::owners),
    (GET, "/crm/v3/owners/", Token, account::owners),
    (GET, "/crm/v3/owners/{ownerId}", Token, account::owner),
    (GET, "/account-info/v3/details", Token, account::details),
    (GET, "/oauth/authorize", Open, oauth::authorize),
    (POST, "/oauth/authorize", Open, oauth::decide),
    (POST, "/oauth/v1/token", Open, oauth::token),
    (POST, "/oauth/v3/token", Open, oauth::token),
    (GET, "/oauth/v1/access-tokens/{token}", Open, oauth::inspect_access),
    (GET, "/oauth/v1/refresh-tokens/{token}", Open, oauth::inspect_refresh),
    (DELETE, "/oauth/v1/refresh-tokens/{token}", Open, oauth::delete_refresh),
    (POST, "/oauth/v2/private-apps/get/access-token-info", Open, oauth::inspect_private),
    (GET, "/webhooks/v3/{appId}/settings", Developer, subscriptions::settings),
    (PUT, "/webhooks/v3/{appId}/settings", Developer, subscriptions::put_settings),
    (DELETE, "/webhooks/v3/{appId}/settings", Developer, subscriptions::delete_settings),
    (GET, "/webhooks/v3/{appId}/subscriptions", Developer, subscriptions::list),
    (POST, "/webhooks/v3/{appId}/subscriptions", Developer, subscriptions::create),
    (GET, "/webhooks/v3/{appId}/subscriptions/{subscriptionId}", Developer, subscriptions::get),
    (PATCH, "/webhooks/v3/{appId}/subscriptions/{subscriptionId}", Developer, subscriptions::patch),
    (DELETE, "/webhooks/v3/{appId}/subscriptions/{subscriptionId}", Developer, subscriptions::delete),
    (POST, "/webhooks/v3/{appId}/subscriptions/batch/update", Developer, subscriptions::batch_update),
];

pub(super) fn router(hubspot: Hubspot) -> Router {
    let vendor = ROUTES
        .iter()
        .fold(Router::new(), |router, &(method, path, access, work)| router.route(path, gated(method, access, work)));
    vendor
        .route_layer(from_fn_with_state(hubspot.clone(), pass::<Hubspot>))
        .merge(admin::routes())
        .fallback(|| async { unrouted(StatusCode::NOT_FOUND, "Resource not found") })
        .method_not_allowed_fallback(|| async { unrouted(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed") })
        .with_state(hubspot)
}

fn unrouted(status: StatusCode, message: &str) -> Response {
    refusal_response(&Refusal::plain(status, message), NO_CORRELATION_ID.to_owned())
}
