//! Every route of the look-alike: Notion's own and, beneath `/__`, the sandbox's.

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::MethodFilter;
use http::StatusCode;

use super::answer::Refusal;
use super::gate::{Access, Work, gated, response};
use super::{Notion, blocks, comments, markdown, oauth, pages, query, sources, users};
use crate::desk;
use crate::front::pass;

use Access::{Open, Token};

const DELETE: MethodFilter = MethodFilter::DELETE;
const GET: MethodFilter = MethodFilter::GET;
const PATCH: MethodFilter = MethodFilter::PATCH;
const POST: MethodFilter = MethodFilter::POST;

const ROUTES: &[(MethodFilter, &str, Access, Work)] = &[
    (POST, "/v1/pages", Token, pages::create),
    (GET, "/v1/pages/{page_id}", Token, pages::get),
    (PATCH, "/v1/pages/{page_id}", Token, pages::update),
    (POST, "/v1/pages/{page_id}/move", Token, pages::relocate),
    (GET, "/v1/pages/{page_id}/properties/{property_id}", Token, pages::property),
    (GET, "/v1/pages/{page_id}/markdown", Token, markdown::get),
    (PATCH, "/v1/pages/{page_id}/markdown", Token, markdown::update),
    (GET, "/v1/async_tasks/{task_id}", Token, markdown::task),
    (POST, "/v1/data_sources", Token, sources::create),
    (GET, "/v1/data_sources/{data_source_id}", Token, sources::get),
    (PATCH, "/v1/data_sources/{data_source_id}", Token, sources::update),
    (POST, "/v1/data_sources/{data_source_id}/query", Token, query::query),
    (GET, "/v1/data_sources/{data_source_id}/templates", Token, sources::templates),
    (POST, "/v1/databases", Token, sources::create_database),
    (GET, "/v1/databases/{database_id}", Token, sources::get_database),
    (PATCH, "/v1/databases/{database_id}", Token, sources::update_database),
    (POST, "/v1/search", Token, users::search),
    (GET, "/v1/users", Token, users::list),
    (GET, "/v1/users/me", Token, users::me),
    (GET, "/v1/users/{user_id}", Token, users::get),
    (GET, "/v1/blocks/{block_id}", Token, blocks::get),
    (PATCH, "/v1/blocks/{block_id}", Token, blocks::update),
    (DELETE, "/v1/blocks/{block_id}", Token, blocks::delete),
    (GET, "/v1/blocks/{block_id}/children", Token, blocks::children),
    (PATCH, "/v1/blocks/{block_id}/children", Token, blocks::append),
    (POST, "/v1/comments", Token, comments::create),
    (GET, "/v1/comments", Token, comments::list),
    (GET, "/v1/comments/{comment_id}", Token, comments::get),
    (PATCH, "/v1/comments/{comment_id}", Token, comments::update),
    (DELETE, "/v1/comments/{comment_id}", Token, comments::delete),
    (GET, "/v1/oauth/authorize", Open, oauth::authorize),
    (POST, "/v1/oauth/authorize", Open, oauth::decide),
    (POST, "/v1/oauth/token", Open, oauth::token),
    (POST, "/v1/oauth/introspect", Open, oauth::introspect),
    (POST, "/v1/oauth/revoke", Open, oauth::revoke),
];

pub(super) fn router(notion: Notion) -> Router {
    let vendor = ROUTES
        .iter()
        .fold(Router::new(), |router, &(method, path, access, work)| router.route(path, gated(method, access, work)));
    vendor
        .route_layer(from_fn_with_state(notion.clone(), pass::<Notion>))
        .merge(desk::with_records())
        .fallback(unrouted)
        .method_not_allowed_fallback(unrouted)
        .with_state(notion)
}

async fn unrouted(State(notion): State<Notion>) -> Response {
    let refusal = Refusal::new(StatusCode::BAD_REQUEST, "invalid_request_url", "Invalid request URL.");
    notion.with(|workspace| response(workspace, Err(refusal), false))
}
