//! Requests read and refusals written, in the CRM API's flat form.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_core::crm::{CrmCode, CrmProblem, CrmWords, Flaw};
use lockstep_core::limits::{
    BODY_BYTES_MAX, CRM_SEARCH_MAX, IDEMPOTENCY_KEY_CHARS_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, fits,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::wire::request::Cause;

/// What a refused caller reads. `code` never changes its meaning; the sentences may.
#[derive(Serialize, ToSchema)]
pub struct CrmError {
    /// One of the closed list of codes.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong and what to do. Absent where `errors` stands alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub error: Option<String>,
    /// Every flaw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FlawObject>,
    /// The payload field, or the CRM's field, that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub field: Option<String>,
    /// The CRM's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub crm: Option<CrmWordsObject>,
}

/// One thing that is wrong.
#[derive(Serialize, ToSchema)]
pub struct FlawObject {
    /// Where.
    path: String,
    /// What.
    error: String,
}

impl From<Flaw> for FlawObject {
    fn from(Flaw { path, error }: Flaw) -> Self {
        Self { path, error }
    }
}

/// What the CRM said of a refusal.
#[derive(Serialize, ToSchema)]
pub struct CrmWordsObject {
    /// The vendor's code.
    code: String,
    /// The vendor's sentence.
    message: String,
    /// The vendor's id of the request, for its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<String>,
}

impl From<CrmWords> for CrmWordsObject {
    fn from(CrmWords { code, message, request_id }: CrmWords) -> Self {
        Self { code, message, request_id }
    }
}

/// A problem on its way out.
#[derive(Debug)]
pub struct CrmRefusal(pub CrmProblem);

impl<E: Into<CrmProblem>> From<E> for CrmRefusal {
    fn from(problem: E) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for CrmRefusal {
    fn into_response(self) -> Response {
        let problem = self.0;
        let status = StatusCode::from_u16(problem.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // A list of flaws stands alone: the stock client takes a body with `error` for something else.
        let body = CrmError {
            code: problem.code.word(),
            error: (problem.code != CrmCode::Invalid).then_some(problem.message),
            errors: problem.flaws.into_iter().map(FlawObject::from).collect(),
            field: problem.field,
            crm: problem.crm.map(|words| CrmWordsObject::from(*words)),
        };
        let mut response = (status, Json(body)).into_response();
        if let Some(wait) = problem.retry_after {
            let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs.max(1)));
        }
        if problem.code == CrmCode::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        }
        if let Some(cause) = problem.cause {
            response.extensions_mut().insert(Cause(cause.into()));
        }
        response
    }
}

pub(super) async fn no_such_path() -> CrmRefusal {
    CrmRefusal(CrmProblem::new(CrmCode::NotFound, "There is nothing under this path."))
}

pub(super) async fn method_not_allowed() -> CrmRefusal {
    CrmRefusal(CrmProblem::new(
        CrmCode::MethodNotAllowed,
        "This path does not take that method; Allow lists those it takes.",
    ))
}

/// Parts of the path, percent-decoded.
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = CrmRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, CrmRefusal> {
        let found = Path::from_request_parts(parts, state).await;
        found
            .map(|Path(value)| Self(value))
            .map_err(|_| CrmRefusal(CrmProblem::new(CrmCode::NotFound, "There is nothing under this path.")))
    }
}

/// Parameters of the query.
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = CrmRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, CrmRefusal> {
        let found = Query::from_request_parts(parts, state).await;
        found.map(|Query(value)| Self(value)).map_err(|rejection| malformed(rejection.body_text()))
    }
}

/// A JSON body, whatever its content type says; none at all is an empty object.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = CrmRefusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, CrmRefusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                CrmRefusal(CrmProblem::new(CrmCode::BodyTooLarge, format!("The body is over {BODY_BYTES_MAX} bytes.")))
            }
            _ => malformed("The body did not arrive whole."),
        })?;
        let value: Value = if bytes.is_empty() {
            Value::Object(Map::new())
        } else {
            serde_json::from_slice(&bytes).map_err(|error| malformed(format!("The body is not JSON: {error}.")))?
        };
        if !value.is_object() {
            return Err(malformed("The body must be a JSON object."));
        }
        serde_path_to_error::deserialize(value).map(Self).map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner();
            malformed(if path == "." { format!("The body: {error}.") } else { format!("{path}: {error}.") })
        })
    }
}

pub(super) fn malformed(message: impl Into<String>) -> CrmRefusal {
    CrmRefusal(CrmProblem::new(CrmCode::Malformed, message))
}

/// How a list is paged.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// Rows on a page; 25 when absent.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u64>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Paging {
    /// Rows on the page.
    ///
    /// # Errors
    /// Not from 1 to 100.
    pub fn limit(&self) -> Result<usize, CrmRefusal> {
        let limit = self.limit.unwrap_or(PAGE_SIZE_DEFAULT);
        if (1..=PAGE_SIZE_MAX.min(CRM_SEARCH_MAX)).contains(&limit) {
            return Ok(limit as usize);
        }
        Err(malformed("limit must be from 1 to 100."))
    }
}

/// The app's key for what must not happen twice.
///
/// # Errors
/// Empty or too long.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, CrmRefusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(key) if !key.is_empty() && fits(key, IDEMPOTENCY_KEY_CHARS_MAX) => Ok(Some(key.to_owned())),
        _ => Err(malformed(format!("An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters."))),
    }
}
