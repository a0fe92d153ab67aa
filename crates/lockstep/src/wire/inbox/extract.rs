//! Reading requests: whatever is wrong becomes the documented problem, with the member at fault.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OriginalUri, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, StatusCode};
use lockstep_core::limits::{BODY_BYTES_MAX, IDEMPOTENCY_KEY_CHARS_MAX, fits};
use lockstep_core::problem::{Code, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use serde_path_to_error::Segment;

use crate::auth::Caller;
use crate::ops::idempotency::Once;
use crate::wire::inbox::envelope::Refusal;

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let outside = || Problem::new(Code::InternalError, "A route stands outside the gate.");
        Ok(parts.extensions.get().cloned().ok_or_else(outside)?)
    }
}

/// Parts of the path. Text that fits none is "no such thing".
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Ok(Path(value)) = Path::from_request_parts(parts, state).await else {
            return Err(Problem::not_found("path").into());
        };
        Ok(Self(value))
    }
}

/// Parameters of the query. Unknown ones are ignored.
#[derive(Debug)]
pub struct Filters<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Filters<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::new(Code::InvalidFieldValue, rejection.body_text()).into()),
        }
    }
}

/// A body as it came.
#[derive(Debug)]
pub struct Raw(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(read(request, state).await?))
    }
}

/// A JSON body of a request that is repeatable by itself: PATCH, PUT.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = read(request, state).await?;
        Ok(Self(typed(json(&bytes)?)?))
    }
}

/// A JSON body of a POST, with what makes it safe to repeat if the caller sent an `Idempotency-Key`.
/// No body at all is read as an empty object.
#[derive(Debug)]
pub struct Post<T> {
    /// The body, or why it will not do. A refusal is kept under the key like any answer, so it is not one yet.
    pub body: Result<T, Problem>,
    /// The key and the request's fingerprint.
    pub once: Option<Once>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Post<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let key = idempotency_key(request.headers())?;
        let uri = request.extensions().get::<OriginalUri>().map_or_else(|| request.uri(), |original| &original.0);
        let path = uri.path_and_query().map_or_else(|| uri.path(), PathAndQuery::as_str).to_owned();
        let method = request.method().clone();
        let bytes = read(request, state).await?;
        let body = if bytes.is_empty() { Json::Object(Map::new()) } else { json(&bytes)? };
        let once = key.map(|key| Once::new(key, method.as_str(), &path, &body));
        Ok(Self { body: typed(body), once })
    }
}

async fn read<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::new(Code::BodyTooLarge, format!("The body is over {BODY_BYTES_MAX} bytes."))
        } else {
            Problem::new(Code::InvalidJson, "The body did not arrive whole.")
        }
    })
}

/// Reads a JSON object.
///
/// # Errors
/// Not JSON, or not an object.
pub(super) fn json(bytes: &[u8]) -> Result<Json, Problem> {
    let value: Json = serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(Code::InvalidJson, format!("The body is not JSON: {error}.")))?;
    if !value.is_object() {
        return Err(Problem::new(Code::InvalidFieldValue, "The body must be a JSON object."));
    }
    Ok(value)
}

/// Reads a value as a type.
///
/// # Errors
/// The member that does not fit.
pub(super) fn typed<T: DeserializeOwned>(value: Json) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path: Vec<String> = error.path().iter().map(step).collect();
        let message = format!("{}.", error.into_inner());
        if path.is_empty() {
            Problem::new(Code::InvalidFieldValue, message)
        } else {
            Problem::of(Code::InvalidFieldValue, path.join("."), message)
        }
    })
}

fn step(segment: &Segment) -> String {
    match segment {
        Segment::Seq { index } => index.to_string(),
        other => other.to_string(),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    const NAME: &str = "Idempotency-Key";
    let Some(value) = headers.get(NAME) else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(key) if !key.is_empty() && fits(key, IDEMPOTENCY_KEY_CHARS_MAX) => Ok(Some(key.to_owned())),
        _ => {
            let message =
                format!("An idempotency key has 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters; a UUID is best.");
            Err(Problem::of(Code::InvalidFieldValue, NAME, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &[u8], code: Code, param: Option<&str>) {
        let problem = json(body).and_then(typed::<Sample>).map(|_| ()).unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (code, param), "{problem}");
    }

    #[derive(Debug, serde::Deserialize)]
    struct Sample {
        #[expect(dead_code, reason = "only its type is tested")]
        name: Option<String>,
        #[expect(dead_code, reason = "only its type is tested")]
        metadata: Option<Map<String, Json>>,
    }

    #[test]
    fn bad_bodies_name_the_member_at_fault() {
        check(b"", Code::InvalidJson, None);
        check(b"{\"name\":", Code::InvalidJson, None);
        check(b"{\"name\":\"\\ud800\"}", Code::InvalidJson, None);
        check(b"{\"name\":\"\xff\"}", Code::InvalidJson, None);
        check(b"[1]", Code::InvalidFieldValue, None);
        check(b"\"text\"", Code::InvalidFieldValue, None);
        check(b"{\"name\":5}", Code::InvalidFieldValue, Some("name"));
        check(b"{\"metadata\":[]}", Code::InvalidFieldValue, Some("metadata"));
    }
}
