//! The Platform User API: what a browser may do for its context (xkit reference, section 4).

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::limits::PAGE_SIZE_MAX;
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::envelope::{Asked, Body, CrmRefusal, Segments};
use super::user_shapes::{
    AuthorizationObject, BegunConnection, BrowserConnection, BrowserConnectionList, Connector, ConnectorList,
    OneAuthorization, OneBegunConnection, OneBrowserConnection, OneConnector, OnePublicConnector, PublicConnector,
    PublicConnectorList,
};
use crate::app::App;
use crate::ops::crm::app;
use crate::ops::crm::connections::{self, Seen};
use crate::ops::crm::tokens::{self, Kind, Visitor};

/// The routes below `/api/platform_user` that are about CRMs, connections and authorisations.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(public_connectors))
        .routes(routes!(public_connector))
        .routes(routes!(connectors))
        .routes(routes!(connector))
        .routes(routes!(list))
        .routes(routes!(first, begin, disconnect_first))
        .routes(routes!(one, disconnect))
        .routes(routes!(give_token))
        .routes(routes!(authorization))
}

/// Lets pages of the allowed origins in, with their cookies. A preflight names no app, so any app's origin will do for
/// it; what follows is checked against the token's own app.
pub async fn cross_origin(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).and_then(|it| it.to_str().ok()).map(str::to_owned);
    let Some(origin) = origin.filter(|origin| *origin != app.settings.public_url) else {
        return next.run(request).await;
    };
    match app::knows_origin(&app, &origin).await {
        Err(problem) => return CrmRefusal(problem).into_response(),
        Ok(false) => {
            let message = "This page's origin is not among the app's allowed origins: PUT /api/platform/app adds it.";
            return CrmRefusal(CrmProblem::new(CrmCode::OriginNotAllowed, message)).into_response();
        }
        Ok(true) => {}
    }
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    if let Ok(origin) = HeaderValue::from_str(&origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, accept, xkit-js-version"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (header::VARY, "Origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The browser's context, by its bearer token; its page's origin must be the app's.
///
/// # Errors
/// [`CrmCode::TokenInvalid`] or [`CrmCode::OriginNotAllowed`]; the store's.
pub(super) async fn visitor(app: &App, headers: &HeaderMap) -> Result<Visitor, CrmRefusal> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok()).and_then(|it| it.split_once(' '));
    let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let visitor = tokens::visitor(app, token.unwrap_or_default(), Kind::Bearer).await?;
    check_origin(app, headers, &visitor)?;
    Ok(visitor)
}

/// The page's origin must be the app's.
///
/// # Errors
/// [`CrmCode::OriginNotAllowed`].
pub(super) fn check_origin(app: &App, headers: &HeaderMap, visitor: &Visitor) -> Result<(), CrmRefusal> {
    let origin = headers.get(header::ORIGIN).and_then(|it| it.to_str().ok());
    if origin.is_none_or(|origin| origin == app.settings.public_url || visitor.settings.allows_origin(origin)) {
        return Ok(());
    }
    let message = "This page's origin is not among the app's allowed origins.";
    Err(CrmRefusal(CrmProblem::new(CrmCode::OriginNotAllowed, message)))
}

/// Lists the CRMs that can be chosen.
#[utoipa::path(get, path = "/platform/connectors", tag = "browser", operation_id = "list_public_connectors", security(()),
    responses((status = 200, body = PublicConnectorList)))]
async fn public_connectors(State(app): State<App>) -> Json<PublicConnectorList> {
    let all = connections::connectors(&app).into_iter().map(|about| PublicConnector::new(&app, about));
    Json(PublicConnectorList { connectors: all.collect() })
}

/// Shows a CRM that can be chosen.
#[utoipa::path(get, path = "/platform/connectors/{crm}", tag = "browser", operation_id = "get_public_connector",
    security(()), responses((status = 200, body = OnePublicConnector)))]
async fn public_connector(
    State(app): State<App>,
    Segments(crm): Segments<String>,
) -> Result<Json<OnePublicConnector>, CrmRefusal> {
    Ok(Json(OnePublicConnector { connector: PublicConnector::new(&app, connections::connector(&crm)?) }))
}

async fn seen(app: &App, visitor: &Visitor) -> Result<Vec<Seen>, CrmRefusal> {
    let context = visitor.context.clone();
    let org = context.org().clone();
    Ok(connections::page(app, &org, Some(context), "", PAGE_SIZE_MAX as usize).await?.0)
}

/// Lists the CRMs, with the context's connections.
#[utoipa::path(get, path = "/connectors", tag = "browser", operation_id = "list_connectors",
    responses((status = 200, body = ConnectorList)))]
async fn connectors(State(app): State<App>, headers: HeaderMap) -> Result<Json<ConnectorList>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    let all = connections::connectors(&app).into_iter().map(|about| Connector::new(&app, about, &seen));
    Ok(Json(ConnectorList { connectors: all.collect() }))
}

/// Shows a CRM, with the context's connections to it.
#[utoipa::path(get, path = "/connectors/{crm}", tag = "browser", operation_id = "get_connector",
    responses((status = 200, body = OneConnector)))]
async fn connector(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<OneConnector>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    Ok(Json(OneConnector { connector: Connector::new(&app, connections::connector(&crm)?, &seen) }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// Only those to this CRM.
    slug: Option<String>,
}

/// Lists the context's connections.
#[utoipa::path(get, path = "/connections", tag = "browser", operation_id = "list_own_connections", params(Of),
    responses((status = 200, body = BrowserConnectionList)))]
async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Asked(Of { slug }): Asked<Of>,
) -> Result<Json<BrowserConnectionList>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = seen(&app, &visitor).await?;
    let wanted = seen.iter().filter(|seen| slug.as_deref().is_none_or(|slug| slug == seen.about.slug));
    Ok(Json(BrowserConnectionList { connections: wanted.map(|seen| BrowserConnection::of(&app, seen)).collect() }))
}

async fn first_of(app: &App, headers: &HeaderMap, crm: &str) -> Result<Seen, CrmRefusal> {
    let visitor = visitor(app, headers).await?;
    let about = connections::connector(crm)?;
    let found = seen(app, &visitor).await?.into_iter().find(|seen| seen.about.slug == about.slug);
    Ok(found.ok_or_else(|| connections::unknown(crm))?)
}

/// Shows the context's first connection to a CRM.
#[utoipa::path(get, path = "/connections/{crm}", tag = "browser", operation_id = "get_first_connection",
    responses((status = 200, body = OneBrowserConnection)))]
async fn first(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<OneBrowserConnection>, CrmRefusal> {
    let seen = first_of(&app, &headers, &crm).await?;
    Ok(Json(OneBrowserConnection { connection: BrowserConnection::of(&app, &seen) }))
}

/// Disconnects the context's first connection to a CRM.
#[utoipa::path(delete, path = "/connections/{crm}", tag = "browser", operation_id = "disconnect_first",
    responses((status = 200, body = OneBrowserConnection)))]
async fn disconnect_first(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
) -> Result<Json<OneBrowserConnection>, CrmRefusal> {
    gone(&app, &first_of(&app, &headers, &crm).await?).await
}

async fn gone(app: &App, seen: &Seen) -> Result<Json<OneBrowserConnection>, CrmRefusal> {
    connections::disconnect(app, seen).await?;
    Ok(Json(OneBrowserConnection { connection: BrowserConnection::gone(app, seen) }))
}

/// A connection to begin.
#[derive(Deserialize, ToSchema)]
struct Begin {
    /// The `connectionID`, 1 to 255 characters; a new one is made where it is absent.
    #[schema(min_length = 1, max_length = 255)]
    id: Option<String>,
}

/// Begins to connect to a CRM. With the id of a connection that is there already, that one is renewed.
#[utoipa::path(post, path = "/connections/{crm}", tag = "browser", operation_id = "begin_connection",
    request_body = Begin, responses((status = 200, body = OneBegunConnection)))]
async fn begin(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
    Body(Begin { id }): Body<Begin>,
) -> Result<Json<OneBegunConnection>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let begun = connections::begin(&app, &visitor, &crm, id.as_deref()).await?;
    Ok(Json(OneBegunConnection { connection: BegunConnection::new(&app, begun) }))
}

/// Shows one of the context's connections.
#[utoipa::path(get, path = "/connection/{connection}", tag = "browser", operation_id = "get_own_connection",
    responses((status = 200, body = OneBrowserConnection)))]
async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<OneBrowserConnection>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let seen = connections::of_context(&app, &visitor.context, &id).await?;
    Ok(Json(OneBrowserConnection { connection: BrowserConnection::of(&app, &seen) }))
}

/// Disconnects: at once nothing is read or written any more; the mapping is found again under the same id.
#[utoipa::path(delete, path = "/connection/{connection}", tag = "browser", operation_id = "disconnect_own",
    responses((status = 200, body = OneBrowserConnection)))]
async fn disconnect(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(id): Segments<String>,
) -> Result<Json<OneBrowserConnection>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    gone(&app, &connections::of_context(&app, &visitor.context, &id).await?).await
}

/// Shows how an authorisation stands.
#[utoipa::path(get, path = "/authorizations/{crm}/{id}", tag = "browser", operation_id = "get_authorization",
    responses((status = 200, body = OneAuthorization)))]
async fn authorization(
    State(app): State<App>,
    headers: HeaderMap,
    Segments((crm, id)): Segments<(String, String)>,
) -> Result<Json<OneAuthorization>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let found = connections::authorization(&app, &visitor.context, &id).await?;
    let about = connections::connector(&crm)?;
    Ok(Json(OneAuthorization { authorization: AuthorizationObject::new(&app, &found, about) }))
}

/// A token of the CRM that the user typed in.
#[derive(Deserialize, ToSchema)]
struct Token {
    /// The authorisation's `state`.
    state: String,
    /// The token.
    #[schema(value_type = String)]
    token: SecretString,
}

/// Goes on with a token that the user typed in; how that went is in the answer.
#[utoipa::path(put, path = "/authorizations/{crm}", tag = "browser", operation_id = "give_token", request_body = Token,
    responses((status = 200, body = OneAuthorization)))]
async fn give_token(
    State(app): State<App>,
    headers: HeaderMap,
    Segments(crm): Segments<String>,
    Body(Token { state, token }): Body<Token>,
) -> Result<Json<OneAuthorization>, CrmRefusal> {
    let visitor = visitor(&app, &headers).await?;
    let about = connections::connector(&crm)?;
    let found = connections::give_token(&app, &visitor.context, &state, token).await?;
    Ok(Json(OneAuthorization { authorization: AuthorizationObject::new(&app, &found, about) }))
}
