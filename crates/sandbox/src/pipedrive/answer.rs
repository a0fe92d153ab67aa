//! What a route is asked and what it answers, before either is HTTP.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::kinds::Kind;
use crate::wire::form_pairs;

pub(super) use crate::wire::{Content, Reply};

/// Where every refusal points to.
const MORE: &str = "Please check developers.pipedrive.com for more information about Pipedrive API.";

/// One call, with its body read.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) params: BTreeMap<String, String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// The object whose route it is, if it is one's.
    pub(super) kind: Option<Kind>,
    /// Scheme and host the caller reached us by.
    pub(super) origin: String,
}

impl Call {
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// The id in the path.
    pub(super) fn id(&self) -> Result<u64, Refusal> {
        self.param("id").parse().map_err(|_| Refusal::invalid(format!("id: {} is not an integer", self.param("id"))))
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind.unwrap_or(Kind::Person)
    }

    /// A member of the query; an empty one counts as absent.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// A list with commas.
    pub(super) fn query_list(&self, name: &str) -> Option<Vec<&str>> {
        Some(self.query(name)?.split(',').map(str::trim).filter(|it| !it.is_empty()).collect())
    }

    pub(super) fn query_number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let text = self.query(name);
        text.map(|text| text.parse().map_err(|_| Refusal::invalid(format!("{name}: {text} is not an integer"))))
            .transpose()
    }

    pub(super) fn query_flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.query(name) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(text) => Err(Refusal::invalid(format!("{name}: {text} is not a boolean"))),
        }
    }

    /// The body as any JSON.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("Invalid JSON: {error}")).code("ERR_SCHEMA_VALIDATION_FAILED")
        })
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(members) => Ok(members),
            _ => Err(Refusal::invalid("body is not an object")),
        }
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        form_pairs(&self.body).into_iter().collect()
    }
}

impl Reply {
    /// One thing in the usual envelope.
    pub(super) fn data(data: impl Into<Value>) -> Self {
        Self::ok(json!({"success": true, "data": data.into()}))
    }

    /// A page in the envelope of v2.
    pub(super) fn page(rows: Vec<Value>, next_cursor: Option<String>) -> Self {
        let count = rows.len();
        Self::ok(json!({"success": true, "data": rows, "additional_data": {"next_cursor": next_cursor}})).rows(count)
    }

    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

/// A refusal in Pipedrive's envelope, or of what stands before Pipedrive.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) content: Content,
    /// Whether the vendor's own limiters refused.
    pub(super) throttled: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        let body = json!({
            "success": false,
            "error": error.into(),
            "error_info": MORE,
            "data": null,
            "additional_data": null,
        });
        Self::raw(status, body)
    }

    /// A body that is not the usual envelope.
    pub(super) fn raw(status: StatusCode, body: Value) -> Self {
        Self { status, content: Content::Json(body), throttled: false }
    }

    /// A request that does not fit the schema of v2.
    pub(super) fn invalid(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, format!("Validation failed: {}", error.into()))
            .code("ERR_SCHEMA_VALIDATION_FAILED")
    }

    pub(super) fn not_found(kind: Kind) -> Self {
        let name = kind.singular();
        let capital = name[..1].to_uppercase();
        Self::new(StatusCode::NOT_FOUND, format!("{capital}{} not found", &name[1..])).code("ERR_NOT_FOUND")
    }

    pub(super) fn unauthorized() -> Self {
        let body = json!({"success": false, "error": "unauthorized access", "errorCode": 401, "error_info": MORE});
        Self::raw(StatusCode::UNAUTHORIZED, body)
    }

    /// A token whose app has not the scope that a route asks for. Seen in recorded traffic.
    pub(super) fn scope() -> Self {
        let body = json!({
            "success": false,
            "error": "Scope and URL mismatch",
            "errorCode": 403,
            "error_info": "Please check developers.pipedrive.com",
        });
        Self::raw(StatusCode::FORBIDDEN, body)
    }

    /// A limit of the company's plan on how many there may be. Source: Pipedrive's changelog of March 2022.
    pub(super) fn capped(one: &str, many: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, format!("Couldn't add the {one}. Open {many} limit reached."))
            .code(&format!("feature_capping_{}_limit", many.replace(' ', "_")))
    }

    /// Cloudflare's page: too many calls after too many refusals, and no word about permission.
    pub(super) fn cloudflare() -> Self {
        let page = "<!DOCTYPE html>\n<html lang=\"en-US\"><head><title>Access denied | pipedrive.com used Cloudflare \
            to restrict access</title></head><body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>\n";
        let content = Content::Html(page.to_owned());
        Self { status: StatusCode::FORBIDDEN, content, throttled: true }
    }

    pub(super) fn throttled() -> Self {
        Self { throttled: true, ..Self::new(StatusCode::TOO_MANY_REQUESTS, "request over limit").number(429) }
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Content::Json(Value::Object(body)) = &mut self.content {
            body.insert(name.to_owned(), value.into());
        }
        self
    }

    pub(super) fn code(self, code: &str) -> Self {
        self.with("code", code)
    }

    pub(super) fn number(self, code: u16) -> Self {
        self.with("errorCode", code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Json(body) => f.write_str(body["error"].as_str().unwrap_or("refused")),
            _ => write!(f, "refused with {}", self.status),
        }
    }
}

/// What a route gives back.
pub(super) type Answer = Result<Reply, Refusal>;
