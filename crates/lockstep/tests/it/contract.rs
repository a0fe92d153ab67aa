//! Holds each exchange of the tests against the OpenAPI document: what is answered is documented, and so is what was
//! taken.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::{HeaderMap, Method, StatusCode, Uri, header};
use jsonschema::Validator;
use lockstep::wire::inbox;
use serde_json::{Value as Json, json};

static DOCUMENT: LazyLock<Json> = LazyLock::new(|| serde_json::to_value(inbox::document()).expect("JSON"));
/// The validators that were built, by their place in the document.
static BUILT: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What was sent and what came back.
pub struct Exchange<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub request: &'a [u8],
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub answer: &'a [u8],
}

impl Exchange<'_> {
    /// Fails the test when the document does not allow this exchange. Other surfaces than the Inbox API have none.
    pub fn check(&self) {
        let path = self.uri.path();
        if !path.starts_with("/v1/") || path == "/v1/openapi.json" {
            return;
        }
        let what = format!("{} {path} {}", self.method, self.status);
        let operation = template(path).and_then(|template| {
            let method = self.method.as_str().to_lowercase();
            DOCUMENT["paths"][&template].get(&method).map(|operation| (format!("{method} {template}"), operation))
        });
        let Some((name, operation)) = operation else {
            let refusals = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
            assert!(refusals.contains(&self.status), "{what}: no such operation, and not refused");
            return;
        };
        let (exact, class) = (self.status.as_str(), format!("{}XX", self.status.as_u16() / 100));
        let documented = operation["responses"].get(exact).or_else(|| operation["responses"].get(&class));
        let response = documented.unwrap_or_else(|| panic!("{what}: the status is not documented"));
        let kind = self.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("ASCII"));
        match (kind, response.get("content")) {
            (None, None) => {}
            (Some(kind), Some(content)) => {
                let media = content.get(kind).unwrap_or_else(|| panic!("{what}: {kind} is not documented"));
                if kind == "application/json" {
                    conforms(&format!("{name} {exact}"), &media["schema"], self.answer, &what);
                }
            }
            (kind, _) => panic!("{what}: a body of {kind:?} is not what is documented"),
        }
        let taken = &operation["requestBody"]["content"]["application/json"]["schema"];
        // A batch is taken whole and answers each row by itself, also one that is no row.
        let whole = !name.ends_with("/batch");
        if whole && self.status.is_success() && !taken.is_null() && !self.request.is_empty() {
            conforms(&format!("{name} request"), taken, self.request, &what);
        }
    }
}

/// The document's path that this one is an example of; names go before parameters.
fn template(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_parameter = |part: &str| part.starts_with('{');
    let fits = |template: &&String| {
        let wanted: Vec<&str> = template.split('/').collect();
        let same = |(wanted, part): (&&str, &&str)| wanted == part || (is_parameter(wanted) && !part.is_empty());
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(same)
    };
    let templates = DOCUMENT["paths"].as_object().expect("paths").keys().filter(fits);
    templates.min_by_key(|template| template.split('/').filter(|part| is_parameter(part)).count()).cloned()
}

fn conforms(place: &str, schema: &Json, bytes: &[u8], what: &str) {
    let value: Json = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{what}: no JSON: {error}"));
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        // References point into the document, so the schema is taken where it can see it.
        let whole = json!({ "allOf": [schema], "components": DOCUMENT["components"] });
        Arc::new(jsonschema::draft202012::new(&whole).expect("the document's schemas are sound"))
    };
    let validator = Arc::clone(built.entry(place.to_owned()).or_insert_with(build));
    drop(built);
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {place} is not as documented: {errors:?} in {value}");
}
