//! Holds each exchange of the tests against the OpenAPI document: what is answered is documented, and so is what was
//! taken.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use jsonschema::Validator;
use lockstep::wire::{crm, inbox};
use serde_json::{Value as Json, json};
use tower::ServiceExt;
use url::form_urlencoded;

static INBOX: LazyLock<Json> = LazyLock::new(|| serde_json::to_value(inbox::document()).expect("JSON"));
static CRM: LazyLock<Json> = LazyLock::new(|| serde_json::to_value(crm::document()).expect("JSON"));
/// The validators that were built, by their place in the document.
static BUILT: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What was sent and what came back.
pub struct Exchange<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub asked: &'a HeaderMap,
    /// What was sent; `None` where it is a stream.
    pub request: Option<&'a [u8]>,
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// What came; `None` where it is a stream that is not read yet.
    pub answer: Option<&'a [u8]>,
}

/// Sends a request to a server and holds the exchange against the document; answers the head and the body.
pub async fn exchange(router: &Router, request: Request<Body>) -> (Parts, Bytes) {
    let (asked, body) = request.into_parts();
    let sent = to_bytes(body, usize::MAX).await.expect("a whole body");
    let request = Request::from_parts(asked.clone(), Body::from(sent.clone()));
    let answer = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (head, body) = answer.into_parts();
    let got = to_bytes(body, usize::MAX).await.expect("a body");
    let (status, headers) = (head.status, &head.headers);
    let (method, uri, asked) = (&asked.method, &asked.uri, &asked.headers);
    Exchange { method, uri, asked, request: Some(&sent), status, headers, answer: Some(&got) }.check();
    (head, got)
}

impl Exchange<'_> {
    /// Fails the test when the surface's document does not allow this exchange. Other surfaces have none.
    pub fn check(&self) {
        let path = self.uri.path();
        let Some(document) = document_of(path) else { return };
        let what = format!("{} {} {}", self.method, self.uri, self.status);
        let operation = template(document, path).and_then(|template| {
            let method = self.method.as_str().to_lowercase();
            document["paths"][&template].get(&method).map(|operation| (format!("{method} {template}"), operation))
        });
        let Some((name, operation)) = operation else {
            // A browser asks in advance whether its page may ask at all.
            if self.method == Method::OPTIONS {
                return;
            }
            let refusals = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
            assert!(refusals.contains(&self.status), "{what}: no such operation, and not refused");
            return;
        };
        let said = operation["responses"].get(self.status.as_str());
        let said = said.unwrap_or_else(|| panic!("{what}: the status is not documented"));
        let response = resolved(document, said);
        self.check_headers(response, &what);
        let kind = self.headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().expect("ASCII"));
        match (kind, response.get("content")) {
            (None, None) => {}
            (Some(kind), Some(content)) => {
                let media = content.get(kind).unwrap_or_else(|| panic!("{what}: {kind} is not documented"));
                if let Some(answer) = self.answer {
                    check_body(document, &format!("{name} {}", self.status), (kind, &media["schema"]), answer, &what);
                }
            }
            (kind, _) => panic!("{what}: a body of {kind:?} is not what is documented"),
        }
        if self.status.is_success() || self.status.is_redirection() {
            self.check_request(document, &name, operation, &what);
        } else if let Some(answer) = self.answer {
            // The operation's own list of codes, beside its reference to what all of this status have in common.
            let answer: Json = serde_json::from_slice(answer).expect("JSON");
            let (code, codes) = (code_of(&answer), said["description"].as_str());
            assert!(codes.is_some_and(|codes| codes.contains(&format!("`{code}`"))), "{what}: {code} of {codes:?}");
        }
    }

    /// What has a meaning of ours is documented, and what always comes has come.
    fn check_headers(&self, response: &Json, what: &str) {
        let said = |name: &str| {
            let mut names = response["headers"].as_object().into_iter().flatten();
            names.any(|(said, _)| said.eq_ignore_ascii_case(name))
        };
        for name in self.headers.keys().map(header::HeaderName::as_str) {
            let ours = name.starts_with("x-") || ["retry-after", "idempotent-replayed", "location"].contains(&name);
            assert!(!ours || said(name), "{what}: the header {name} is not documented");
        }
        for (name, comes) in [("x-request-id", true), ("retry-after", self.status == StatusCode::TOO_MANY_REQUESTS)] {
            assert!(!comes || self.headers.contains_key(name), "{what}: there is no {name}");
        }
    }

    /// What was taken is what the document says can be sent.
    fn check_request(&self, document: &'static Json, name: &str, operation: &Json, what: &str) {
        let of = |place: &'static str| {
            let all = operation["parameters"].as_array().into_iter().flatten();
            all.filter(move |of| of["in"] == place).map(|of| (of["name"].as_str().expect("a name"), &of["schema"]))
        };
        let check = |of: &str, schema: &Json, value: &str| {
            let kind = schema["type"].to_string();
            let is_text = !kind.contains("integer") && !kind.contains("boolean");
            let text = if is_text { serde_json::to_vec(value).expect("JSON") } else { value.as_bytes().to_vec() };
            conforms(document, &format!("{name} {of}"), schema, &text, what);
        };
        for (sent, value) in form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes()) {
            let (known, schema) =
                of("query").find(|(known, _)| *known == sent).unwrap_or_else(|| panic!("{what}: no parameter {sent}"));
            // A plus that nobody encoded arrives as a space, and is taken.
            let value = value.strip_prefix(' ').map_or_else(|| value.to_string(), |digits| format!("+{digits}"));
            check(known, schema, &value);
        }
        for (known, schema) in of("header") {
            if let Some(value) = self.asked.get(known) {
                check(known, schema, value.to_str().expect("ASCII"));
            }
        }
        let taken = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(sent) = self.request.filter(|sent| !taken.is_null() && !sent.is_empty()) else { return };
        // A batch is taken whole and answers each row by itself, also one that is no row.
        let counts = self.answer.and_then(|answer| serde_json::from_slice::<Json>(answer).ok());
        if counts.is_none_or(|answer| answer["data"]["counts"]["refused"].as_u64().unwrap_or_default() == 0) {
            conforms(document, &format!("{name} request"), taken, sent, what);
        }
    }
}

fn document_of(path: &str) -> Option<&'static Json> {
    let is_crm = || ["/api/v1/crm/", "/api/platform/", "/api/platform_user/"].iter().any(|it| path.starts_with(it));
    let inbox = path.starts_with("/v1/") && path != "/v1/openapi.json";
    if inbox { Some(&INBOX) } else { is_crm().then_some(&CRM) }
}

/// A refusal's code: each surface has its own envelope.
fn code_of(answer: &Json) -> &str {
    let code = answer.get("code").unwrap_or(&answer["error"]["code"]);
    code.as_str().expect("a code")
}

/// What a reference of the document points to.
fn resolved(document: &'static Json, said: &'static Json) -> &'static Json {
    let Some(place) = said["$ref"].as_str() else { return said };
    document.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("{place} is not there"))
}

/// A body, or each line of a stream, which the document can only say in words.
fn check_body(document: &'static Json, place: &str, (kind, schema): (&str, &Json), bytes: &[u8], what: &str) {
    if kind == "application/json" {
        return conforms(document, place, schema, bytes, what);
    }
    assert_eq!(kind, "application/x-ndjson", "{what}");
    let line = if place.contains("/export") { "ContactObject" } else { "RowResult" };
    for bytes in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let object: Json = serde_json::from_slice(bytes).expect("a line of JSON");
        if !["export_end", "import_end"].iter().any(|end| object["object"] == *end) {
            conforms(document, line, &json!({ "$ref": format!("#/components/schemas/{line}") }), bytes, what);
        }
    }
}

/// The document's path that this one is an example of; names go before parameters.
fn template(document: &Json, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_parameter = |part: &str| part.starts_with('{');
    let fits = |template: &&String| {
        let wanted: Vec<&str> = template.split('/').collect();
        let same = |(wanted, part): (&&str, &&str)| wanted == part || (is_parameter(wanted) && !part.is_empty());
        wanted.len() == parts.len() && wanted.iter().zip(&parts).all(same)
    };
    let templates = document["paths"].as_object().expect("paths").keys().filter(fits);
    templates.min_by_key(|template| template.split('/').filter(|part| is_parameter(part)).count()).cloned()
}

fn conforms(document: &'static Json, place: &str, schema: &Json, bytes: &[u8], what: &str) {
    let value: Json = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{what}: no JSON: {error}"));
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let build = || {
        // References point into the document, so the schema is taken where it can see it.
        let whole = json!({ "allOf": [schema], "components": document["components"] });
        Arc::new(jsonschema::draft202012::new(&whole).expect("the document's schemas are sound"))
    };
    let validator = Arc::clone(built.entry(place.to_owned()).or_insert_with(build));
    drop(built);
    let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{what}: {place} is not as documented: {errors:?} in {value}");
}
