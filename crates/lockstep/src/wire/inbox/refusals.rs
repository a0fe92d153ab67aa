//! What each operation of the OpenAPI document can refuse with, and the headers of all its answers. Handlers name their
//! successes alone: the rest follows from what an operation takes, and [`OWN`] has what does not.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::problem::Code;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Components, ContentBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Type};

/// Whatever is asked.
const ALWAYS: &[Code] = &[Code::InternalError, Code::TemporarilyUnavailable];
/// What the gate refuses.
const GATE: &[Code] = &[
    Code::MissingApiKey,
    Code::InvalidApiKey,
    Code::ExpiredApiKey,
    Code::RevokedApiKey,
    Code::InsufficientScope,
    Code::RateLimitExceeded,
];
/// Of a list in pages.
const PAGES: &[Code] = &[Code::InvalidLimit, Code::InvalidCursor];
/// Of a JSON body.
const BODY: &[Code] = &[Code::InvalidJson, Code::BodyTooLarge, Code::InvalidFieldValue, Code::MissingRequiredField];
/// Of an idempotency key.
const ONCE: &[Code] = &[Code::InvalidFieldValue, Code::IdempotencyInProgress, Code::IdempotencyKeyReuse];

/// Of the account that a query names, and of what Meta is asked there.
const TEMPLATES: &[Code] = &[
    Code::InvalidPhoneNumber,
    Code::MissingRequiredField,
    Code::WhatsappNumberNotVerified,
    Code::WhatsappUpstreamError,
];

/// What an operation refuses beyond what its shape says, by its id.
const OWN: &[(&str, &[Code])] = &[
    ("create_account", &[Code::InvalidPhoneNumber]),
    ("create_organization", &[Code::InvalidPhoneNumber]),
    ("connect_channel", &[Code::WhatsappUpstreamError]),
    ("list_contacts", &[Code::InvalidPhoneNumber]),
    ("export_contacts", &[Code::InvalidPhoneNumber]),
    ("create_contact", &[Code::InvalidPhoneNumber, Code::ContactAlreadyExists]),
    ("upsert_contact", &[Code::InvalidPhoneNumber, Code::ContactAlreadyExists]),
    ("bulk_label_contacts", &[Code::ResourceNotFound]),
    ("delete_team", &[Code::InvalidFieldValue]),
    (
        "send_message",
        &[Code::InvalidPhoneNumber, Code::ResourceNotFound, Code::Outside24hWindow, Code::WhatsappNumberNotVerified],
    ),
    ("get_message_media", &[Code::WhatsappUpstreamError]),
    ("list_templates", TEMPLATES),
    ("get_template", TEMPLATES),
    ("delete_webhook_secret", &[Code::InvalidFieldValue]),
    ("create_webhook_subscription", &[Code::InvalidWebhookUrl]),
    ("update_webhook_subscription", &[Code::InvalidWebhookUrl]),
    ("bulk_replay_webhook_deliveries", &[Code::ResourceNotFound]),
];

/// What an operation is, as far as its refusals and headers depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// Its path.
    pub path: &'a str,
    /// Whether it stands behind the gate.
    pub gated: bool,
    /// Whether it takes an `Idempotency-Key`.
    pub once: bool,
}

/// Adds an operation's refusals, each status with its codes, and the headers of its successes.
pub fn complete(kind: Kind<'_>, operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            give_headers(response, success_headers(kind, status));
        }
    }
    let mut names: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for code in codes(kind, operation) {
        let (status, _, name) = code.wire();
        names.entry(status).or_default().insert(format!("`{name}`"));
    }
    for (status, names) in names {
        let mut refused = Ref::from_response_name(component(status));
        refused.description = names.into_iter().collect::<Vec<_>>().join(", ");
        operation.responses.responses.insert(status.to_string(), RefOr::Ref(refused));
    }
}

fn codes(kind: Kind<'_>, operation: &Operation) -> BTreeSet<Code> {
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let queries = || {
        let parameters = operation.parameters.iter().flatten();
        parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.as_str()),
            _ => None,
        })
    };
    let own = OWN.iter().filter(|(of, _)| id.trim_end_matches("_of_account") == *of).map(|(_, codes)| *codes);
    let sets = [
        (true, ALWAYS),
        (kind.gated, GATE),
        (kind.path.contains('{'), &[Code::ResourceNotFound]),
        (queries().next().is_some(), &[Code::InvalidFieldValue]),
        (queries().any(|name| name == "cursor"), PAGES),
        // A stream's lines are refused one by one.
        (kind.once || operation.request_body.is_some() && !kind.path.ends_with("/import"), BODY),
        (kind.once, ONCE),
    ];
    let shape = sets.into_iter().filter(|(applies, _)| *applies).map(|(_, codes)| codes);
    shape.chain(own).flatten().copied().collect()
}

/// Adds the refusals that operations refer to, one a status, and the headers.
pub fn add_components(components: &mut Components) {
    let mut meanings: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for code in Code::ALL {
        let (status, _, name) = code.wire();
        meanings.entry(status).or_default().push(format!("- `{name}`: {}", code.meaning()));
    }
    for (status, meanings) in meanings {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
        let mut response =
            ResponseBuilder::new().description(meanings.join("\n")).content("application/json", body).build();
        give_headers(&mut response, refusal_headers(status));
        components.responses.insert(component(status), RefOr::T(response));
    }
    add_headers(components, &HEADERS.each_ref().map(|(name, ..)| *name));
}

/// Adds headers that answers refer to, by name.
pub fn add_headers(components: &mut Components, names: &[&str]) {
    for (name, kind, description) in HEADERS.iter().filter(|(name, ..)| names.contains(name)) {
        components.headers.insert((*name).to_owned(), RefOr::T(header(kind.clone(), description)));
    }
}

/// The name of the component that all refusals of a status refer to.
pub fn component(status: u16) -> String {
    format!("Refused{status}")
}

/// The request's id.
pub const REQUEST: &str = "X-Request-Id";
/// How the bucket stands.
pub const RATE: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];
/// When to try again.
pub const RETRY: &str = "Retry-After";
const REPLAYED: &str = "Idempotent-Replayed";
const LOCATION: &str = "Location";

const HEADERS: [(&str, Type, &str); 7] = [
    (REQUEST, Type::String, "The request, as `request_id` in the body"),
    (
        RATE[0],
        Type::Integer,
        "Requests of this class (reads or writes) that a full bucket holds; absent without a limit",
    ),
    (RATE[1], Type::Integer, "Requests of this class that are left now"),
    (RATE[2], Type::Integer, "When the bucket is full again, in seconds since 1970"),
    (RETRY, Type::Integer, "Seconds to wait before the request is repeated"),
    (REPLAYED, Type::Boolean, "Whether this answer was given before; only where an `Idempotency-Key` was sent"),
    (LOCATION, Type::String, "Where the file is"),
];

fn header(kind: Type, description: &str) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// Lets an answer refer to its headers.
pub fn give_headers(response: &mut Response, names: impl Iterator<Item = &'static str>) {
    let refer = |name: &str| RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    response.headers.extend(names.map(|name| (name.to_owned(), refer(name))));
}

fn success_headers(kind: Kind<'_>, status: &str) -> impl Iterator<Item = &'static str> {
    let rate = RATE.into_iter().filter(move |_| kind.gated);
    let more = [(kind.once, REPLAYED), (status == "302", LOCATION)];
    [REQUEST].into_iter().chain(rate).chain(more.into_iter().filter(|(has, _)| *has).map(|(_, name)| name))
}

fn refusal_headers(status: u16) -> impl Iterator<Item = &'static str> {
    // Whose bucket it is, is not known without a key; our own faults cost nothing.
    let rate = RATE.into_iter().filter(move |_| status < 500 && status != 401);
    let more = [(matches!(status, 400 | 403 | 404 | 422), REPLAYED), (matches!(status, 409 | 429 | 502 | 503), RETRY)];
    [REQUEST].into_iter().chain(rate).chain(more.into_iter().filter(|(has, _)| *has).map(|(_, name)| name))
}
