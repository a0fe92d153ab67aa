//! The OpenAPI 3.1 document of the CRM API: what the handlers' attributes cannot say is added here, once for all routes.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::crm::CrmCode;
use lockstep_core::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
};

use super::envelope::CrmError;
use crate::wire::inbox::openapi::operations;
use crate::wire::inbox::refusals::{RATE, REQUEST, RETRY, add_headers, component, give_headers};

/// The document's head, and the shape of refusals, which no handler names.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Lockstep CRM API",
        version = "1.0.0",
        description = "Records and events of an app in the CRMs of its users. A client written for Xkit's CRM API works here: change the host. \
            Unknown members of a request are ignored, except in the app's settings. Bodies are read as JSON whatever their content type.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(CrmError))
)]
pub struct Head;

/// What the parts of paths are.
const PARTS: [(&str, &str); 7] = [
    ("connection", "The `connectionID`"),
    ("object", "The CRM object's slug, as the app defined it"),
    ("record", "The record's id, such as `deals:15`"),
    ("event", "The event's slug, as the app defined it"),
    ("context", "The context's `external_id`"),
    ("crm", "The CRM's slug, such as `hubspot`"),
    ("id", "The id"),
];

/// Whatever is asked.
const ALWAYS: &[CrmCode] =
    &[CrmCode::Unauthorized, CrmCode::RateLimited, CrmCode::Internal, CrmCode::TemporarilyUnavailable];
/// Of a body.
const BODY: &[CrmCode] = &[CrmCode::Malformed, CrmCode::BodyTooLarge];
/// Of what is about a CRM object.
const OBJECT: &[CrmCode] = &[
    CrmCode::ConnectionDisabled,
    CrmCode::ReauthorisationNeeded,
    CrmCode::ObjectNotFound,
    CrmCode::ObjectNotMapped,
    CrmCode::MappingBroken,
    CrmCode::MetadataPending,
    CrmCode::CrmRefused,
    CrmCode::CrmUnavailable,
];
/// Of what is about an event.
const EVENT: &[CrmCode] =
    &[CrmCode::EventNotFound, CrmCode::EventNotMapped, CrmCode::PayloadInvalid, CrmCode::ValueNotMapped];
/// Of an event that is invoked.
const INVOKE: &[CrmCode] = &[
    CrmCode::RecordRequired,
    CrmCode::RecordNotAllowed,
    CrmCode::RecordNotFound,
    CrmCode::RecordAmbiguous,
    CrmCode::InvocationInProgress,
    CrmCode::KeyReused,
    CrmCode::OutcomeUnknown,
];

/// Adds the key pair, the parts of paths, the idempotency header and the refusals.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    let pair = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("The publishable key as name, the secret key as password"));
    components.add_security_scheme("key_pair", SecurityScheme::Http(pair.build()));
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("key_pair", [])]);
    add_components(components);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let parameters = operation.parameters.get_or_insert_default();
            let parts = PARTS.iter().filter(|(name, _)| path.contains(&format!("{{{name}}}")));
            parameters.extend(parts.map(|(name, meaning)| part(name, meaning).into()));
            if is_invoke(method, path) {
                parameters.push(idempotency_key().into());
            }
            give_refusals(operation, &codes(method, path, operation));
        }
    }
    document
}

fn is_invoke(method: &str, path: &str) -> bool {
    method == "post" && path.ends_with("/events/{event}")
}

fn part(name: &str, meaning: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).build();
    let part = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
    part.description(Some(meaning)).schema(Some(schema)).build()
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(IDEMPOTENCY_KEY_CHARS_MAX as usize))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Under one key an event is carried out once: a repeat gets the first answer"))
        .schema(Some(schema))
        .build()
}

/// What an operation can refuse with, by what it takes.
fn codes(method: &str, path: &str, operation: &Operation) -> Vec<CrmCode> {
    let takes_query = || {
        let mut all = operation.parameters.iter().flatten();
        all.any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query))
    };
    let has = |part: &str| path.contains(part);
    let subscribes = method == "post" && path.ends_with("/subscriptions");
    let sets: [(bool, &[CrmCode]); 11] = [
        (true, ALWAYS),
        (operation.request_body.is_some(), BODY),
        (takes_query() || subscribes, &[CrmCode::Malformed]),
        (has("{connection}") || has("/connections/"), &[CrmCode::ConnectionNotFound]),
        (has("{object}"), OBJECT),
        (has("{record}"), &[CrmCode::RecordNotFound]),
        (has("{event}"), EVENT),
        (is_invoke(method, path), INVOKE),
        (has("/invocations/"), &[CrmCode::NotFound, CrmCode::CrmUnavailable]),
        (has("{crm}") || has("{connection}/subscriptions"), &[CrmCode::NotFound]),
        (has("/platform/") && operation.request_body.is_some(), &[CrmCode::Invalid]),
    ];
    sets.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, codes)| codes).copied().collect()
}

fn give_refusals(operation: &mut Operation, codes: &[CrmCode]) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            give_headers(response, [REQUEST].into_iter().chain(RATE));
        }
    }
    let mut words: BTreeMap<u16, BTreeSet<String>> = BTreeMap::new();
    for code in codes {
        words.entry(code.status()).or_default().insert(format!("`{}`", code.word()));
    }
    for (status, words) in words {
        let mut refused = Ref::from_response_name(component(status));
        refused.description = words.into_iter().collect::<Vec<_>>().join(", ");
        operation.responses.responses.insert(status.to_string(), RefOr::Ref(refused));
    }
}

fn add_components(components: &mut Components) {
    let mut meanings: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (code, meaning) in CrmCode::ALL {
        meanings.entry(code.status()).or_default().push(format!("- `{}`: {meaning}", code.word()));
    }
    for (status, meanings) in meanings {
        let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("CrmError"))).build();
        let mut response =
            ResponseBuilder::new().description(meanings.join("\n")).content("application/json", body).build();
        let rate = RATE.into_iter().filter(|_| status < 500 && status != 401);
        let retry = matches!(status, 409 | 429 | 502).then_some(RETRY);
        give_headers(&mut response, [REQUEST].into_iter().chain(rate).chain(retry));
        components.responses.insert(component(status), RefOr::T(response));
    }
    add_headers(components, &[REQUEST, RATE[0], RATE[1], RATE[2], RETRY]);
}
