//! The documents of both APIs as pages to browse and to try: Swagger UI, whose files are part of this program. A browser
//! loads nothing from anywhere else, and is told so.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::{Router, middleware};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

/// What the pages may load. Swagger UI draws its icons from `data:` addresses and sets styles in its elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes below `/docs`.
pub fn router() -> Router<App> {
    page("/docs", "/v1/openapi.json")
        .merge(page("/docs/crm", "/api/openapi.json"))
        .layer(middleware::map_response(confine))
}

fn page(at: &'static str, document: &'static str) -> Router<App> {
    // Without a word about it Swagger UI sends the document's address to a validator of its makers.
    let config = Config::from(document).validator_url("none").use_base_layout();
    Router::from(SwaggerUi::new(at).config(config))
}

async fn confine(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
