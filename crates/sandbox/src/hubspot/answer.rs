//! What a route is asked and what it answers, before either is HTTP.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::values::Invalid;
use crate::wire::form_pairs;

pub(super) use crate::wire::Reply;

/// One call, with its body read.
#[derive(Debug, Default)]
pub(super) struct Call {
    pub(super) params: BTreeMap<String, String>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    /// The route's path, with the names of its parameters.
    pub(super) route: String,
    /// Whether it changes something.
    pub(super) writes: bool,
    /// Only so many rows of a batch are done before the connection ends.
    pub(super) cut: Option<usize>,
}

impl Call {
    pub(super) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.query(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A list given once with commas, several times, or both.
    pub(super) fn query_list(&self, name: &str) -> Vec<&str> {
        self.query
            .iter()
            .filter(|(key, _)| key == name)
            .flat_map(|(_, value)| value.split(','))
            .map(str::trim)
            .filter(|value| !value.is_empty())
            .collect()
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Refusal::validation(format!(
                "Invalid input JSON on line {}, column {}: {error}",
                error.line(),
                error.column()
            ))
        })
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        form_pairs(&self.body).into_iter().collect()
    }
}

/// One refused value as HubSpot writes it into the text of its message, in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InvalidRow<'a> {
    is_valid: bool,
    message: &'a str,
    error: &'a str,
    name: &'a str,
}

impl<'a> InvalidRow<'a> {
    fn of(invalid: &'a Invalid) -> Self {
        Self { is_valid: false, message: &invalid.message, error: invalid.code, name: &invalid.name }
    }
}

/// A refusal in HubSpot's error envelope.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub(super) status: StatusCode,
    category: Option<&'static str>,
    message: String,
    context: BTreeMap<&'static str, Vec<String>>,
    errors: Vec<Value>,
    /// Members beside the envelope's own, such as a 429's `policyName`; they win over the envelope's.
    extra: Map<String, Value>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, category: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            category: Some(category),
            message: message.into(),
            context: BTreeMap::new(),
            errors: Vec::new(),
            extra: Map::new(),
        }
    }

    /// A refusal whose envelope names no category.
    pub(super) fn plain(status: StatusCode, message: impl Into<String>) -> Self {
        Self { category: None, ..Self::new(status, "", message) }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "VALIDATION_ERROR", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "OBJECT_NOT_FOUND", message)
    }

    pub(super) fn invalid(invalid: &[Invalid]) -> Self {
        let rows: Vec<InvalidRow<'_>> = invalid.iter().map(InvalidRow::of).collect();
        let rows = serde_json::to_string(&rows).unwrap_or_default();
        let mut refusal = Self::validation(format!("Property values were not valid: {rows}"));
        refusal.errors = invalid
            .iter()
            .map(|it| json!({"message": it.message, "code": it.code, "context": {"propertyName": [it.name]}}))
            .collect();
        refusal
    }

    pub(super) fn sub_category(self, sub_category: &'static str) -> Self {
        self.extra("subCategory", sub_category)
    }

    pub(super) fn context(mut self, name: &'static str, values: impl IntoIterator<Item = String>) -> Self {
        self.context.insert(name, values.into_iter().collect());
        self
    }

    pub(super) fn extra(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// The envelope of a whole answer.
    pub(super) fn envelope(&self, correlation_id: String) -> Value {
        let mut body = self.row();
        body.insert("correlationId".into(), correlation_id.into());
        Value::Object(body)
    }

    /// The form of one row's refusal inside a 207.
    pub(super) fn row(&self) -> Map<String, Value> {
        let mut row = Map::new();
        row.insert("status".into(), "error".into());
        row.insert("message".into(), self.message.clone().into());
        if let Some(category) = self.category {
            row.insert("category".into(), category.into());
        }
        if !self.context.is_empty() {
            row.insert("context".into(), json!(self.context));
        }
        if !self.errors.is_empty() {
            row.insert("errors".into(), self.errors.clone().into());
        }
        row.extend(self.extra.clone());
        row
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.message)
    }
}

impl std::error::Error for Refusal {}

/// What a route gives back.
pub(super) type Answer = Result<Reply, Refusal>;
