//! The shapes of answers: `{data, request_id}`, lists with a cursor, and the error envelope.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lockstep_core::ids::{ContactId, RequestId};
use lockstep_core::problem::{Code, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::request::REQUEST_ID;

/// One object.
#[derive(Debug, Serialize, ToSchema)]
pub struct One<T> {
    /// The object.
    pub data: T,
    /// The request, as in `X-Request-Id`.
    #[schema(value_type = String)]
    pub request_id: RequestId,
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Whether `next_cursor` leads to more.
    pub has_more: bool,
    /// Opaque; to be passed back unchanged, with the same filters.
    pub next_cursor: Option<String>,
    /// Only with `updated_after`: ask again with it later to get what changed after this page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub delta_cursor: Option<String>,
    /// The request, as in `X-Request-Id`.
    #[schema(value_type = String)]
    pub request_id: RequestId,
}

impl<T> List<T> {
    /// A page that goes on where there is a cursor.
    pub fn page(data: Vec<T>, next_cursor: Option<String>, request: &RequestId) -> Self {
        Self { data, has_more: next_cursor.is_some(), next_cursor, delta_cursor: None, request_id: request.clone() }
    }
}

/// What a refused caller reads.
#[derive(Debug, Serialize, ToSchema)]
pub struct Error {
    /// See [`ErrorBody`].
    pub error: ErrorBody,
}

/// The parts of a refusal; `code` never changes its meaning, `message` may be reworded.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// One of the closed list of types.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub error_type: &'static str,
    /// The stable code.
    #[schema(value_type = String)]
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// The member at fault, dotted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub param: Option<String>,
    /// The request, as in `X-Request-Id`.
    #[schema(value_type = String)]
    pub request_id: RequestId,
}

/// A whole answer: what is sent, and what an idempotency key keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The request that was answered first: a replay repeats its id along with its body.
    pub request: RequestId,
    /// The JSON text.
    pub body: String,
    /// The contact that the body quotes: with it, a kept answer is erased too.
    pub subject: Option<ContactId>,
    /// Whether it was given before; `None` when no idempotency key was sent.
    pub replayed: Option<bool>,
}

impl Answer {
    /// Renders a body.
    ///
    /// # Errors
    /// Never in practice: our types all have a JSON form.
    pub fn new(status: u16, request: &RequestId, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(|error| Problem::new(Code::InternalError, error.to_string()))?;
        Ok(Self { status, request: request.clone(), body, subject: None, replayed: None })
    }

    /// The same answer, as one that quotes this contact.
    #[must_use]
    pub fn about(self, contact: &ContactId) -> Self {
        Self { subject: Some(contact.clone()), ..self }
    }

    /// One object, 200.
    ///
    /// # Errors
    /// As [`Answer::new`].
    pub fn ok(request: &RequestId, data: impl Serialize) -> Result<Self, Problem> {
        Self::new(200, request, &One { data, request_id: request.clone() })
    }

    /// One object, 201.
    ///
    /// # Errors
    /// As [`Answer::new`].
    pub fn created(request: &RequestId, data: impl Serialize) -> Result<Self, Problem> {
        Self::new(201, request, &One { data, request_id: request.clone() })
    }

    /// The envelope of a refusal.
    ///
    /// # Errors
    /// As [`Answer::new`].
    pub fn refused(request: &RequestId, problem: &Problem) -> Result<Self, Problem> {
        Self::new(problem.code.wire().0, request, &error(problem, request))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], self.body).into_response();
        if let Some(replayed) = self.replayed {
            let value = HeaderValue::from_static(if replayed { "true" } else { "false" });
            response.headers_mut().insert("idempotent-replayed", value);
        }
        if let Ok(value) = HeaderValue::from_str(self.request.as_str()) {
            response.headers_mut().insert(REQUEST_ID, value);
        }
        response
    }
}

/// A problem on its way out; [`crate::wire`]'s request scope writes the body, because it knows the request's id.
#[derive(Debug)]
pub struct Refusal(pub Problem);

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.code.wire().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(wait) = self.0.retry_after {
            let secs = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs.max(1)));
        }
        response.extensions_mut().insert(self.0);
        response
    }
}

/// Writes the error envelope into a refused response; its status and other headers stay.
pub fn write_refusal(response: &mut Response, problem: &Problem, request: &RequestId) {
    let text = serde_json::to_string(&error(problem, request)).unwrap_or_default();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(text);
}

impl ErrorBody {
    /// Shows a problem that this request met.
    pub fn new(problem: &Problem, request: &RequestId) -> Self {
        let (_, error_type, code) = problem.code.wire();
        Self {
            error_type,
            code,
            message: problem.message.clone(),
            param: problem.param.clone(),
            request_id: request.clone(),
        }
    }
}

fn error(problem: &Problem, request: &RequestId) -> Error {
    Error { error: ErrorBody::new(problem, request) }
}
