//! What a route is asked and what it answers, before either is HTTP.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::wire::form_pairs;

/// One call, with its body read. A composite call makes several of them.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) method: Method,
    /// The version as the path has it, such as `v66.0`; empty outside `/services/data/`.
    pub(super) version: String,
    /// The path's parts behind the version, decoded.
    pub(super) path: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Scheme and authority under which the caller reached us.
    pub(super) origin: String,
    /// Only so many rows of a batch are done before the connection ends.
    pub(super) cut: Option<usize>,
}

impl Call {
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The version's number, such as 66.0.
    pub(super) fn version_number(&self) -> f64 {
        self.version.trim_start_matches('v').parse().unwrap_or_default()
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Refusal::bad("JSON_PARSER_ERROR", format!("{error} at [line:{line}, column:{column}]"))
        })
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        form_pairs(&self.body).into_iter().collect()
    }

    /// Where a record is found, as answers name it.
    pub(super) fn url_of(&self, object: &str, id: &str) -> String {
        format!("/services/data/{}/sobjects/{object}/{id}", self.version)
    }
}

/// What a reply carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    Empty,
    Json(Value),
    /// Anything else, with its content type.
    Other(&'static str, Vec<u8>),
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) content: Content,
    /// Headers beside those every answer has.
    pub(super) headers: Vec<(&'static str, String)>,
    /// Rows carried, for the counters.
    pub(super) rows: usize,
}

impl Reply {
    pub(super) fn new(status: StatusCode, content: Content) -> Self {
        Self { status, content, headers: Vec::new(), rows: 1 }
    }

    pub(super) fn json(status: StatusCode, body: Value) -> Self {
        Self::new(status, Content::Json(body))
    }

    pub(super) fn ok(body: Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self::new(status, Content::Empty)
    }

    pub(super) fn csv(text: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, Content::Other("text/csv", text))
    }

    pub(super) fn html(status: StatusCode, page: String) -> Self {
        Self::new(status, Content::Other("text/html; charset=UTF-8", page.into_bytes()))
    }

    pub(super) fn redirect(location: String) -> Self {
        Self::empty(StatusCode::FOUND).header("location", location)
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn rows(mut self, rows: usize) -> Self {
        self.rows = rows;
        self
    }
}

/// One thing that is wrong, as Salesforce words it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wrong {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) fields: Vec<String>,
}

impl Wrong {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), fields: Vec::new() }
    }

    pub(super) fn of(code: &str, message: impl Into<String>, field: &str) -> Self {
        Self { fields: vec![field.to_owned()], ..Self::new(code, message) }
    }

    /// As a row of a collection carries it.
    pub(super) fn row(&self) -> Value {
        json!({"statusCode": self.code, "message": self.message, "fields": self.fields})
    }

    /// The status of an answer that carries nothing else.
    fn status(&self) -> StatusCode {
        match self.code.as_str() {
            "NOT_FOUND" | "ENTITY_IS_DELETED" => StatusCode::NOT_FOUND,
            "INVALID_SESSION_ID" => StatusCode::UNAUTHORIZED,
            "REQUEST_LIMIT_EXCEEDED" => StatusCode::FORBIDDEN,
            "METHOD_NOT_ALLOWED" => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

/// A refusal of a whole call.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { status, body: json!([{"message": message, "errorCode": code}]) }
    }

    pub(super) fn bad(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(super) fn method(method: &Method) -> Self {
        let message = format!("HTTP Method '{method}' not allowed. Allowed are GET,HEAD,POST,PATCH,PUT,DELETE");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
    }

    /// The object that OAuth's routes answer with.
    pub(super) fn oauth(error: &str, description: &str) -> Self {
        let body = json!({"error": error, "error_description": description});
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    pub(super) fn reply(self) -> Reply {
        Reply { rows: 0, ..Reply::json(self.status, self.body) }
    }
}

impl From<Wrong> for Refusal {
    fn from(wrong: Wrong) -> Self {
        let mut body = Map::new();
        body.insert("message".to_owned(), wrong.message.clone().into());
        body.insert("errorCode".to_owned(), wrong.code.clone().into());
        if !wrong.fields.is_empty() || wrong.code == "ENTITY_IS_DELETED" {
            body.insert("fields".to_owned(), wrong.fields.clone().into());
        }
        Self { status: wrong.status(), body: json!([body]) }
    }
}

/// What a route gives back.
pub(super) type Answer = Result<Reply, Refusal>;
