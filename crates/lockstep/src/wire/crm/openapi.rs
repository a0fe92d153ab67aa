//! The OpenAPI 3.1 document of the CRM API: what the handlers' attributes cannot say is added here, once for all routes.

use std::collections::{BTreeMap, BTreeSet};

use lockstep_core::crm::CrmCode;
use lockstep_core::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder, Type,
};

use super::BROWSER;
use super::envelope::CrmError;
use super::user_sessions::COOKIE;
use crate::wire::inbox::openapi::operations;
use crate::wire::inbox::refusals::{RATE, REQUEST, RETRY, add_headers, component, give_headers};

/// The document's head, and the shape of refusals, which no handler names.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Lockstep CRM API",
        version = "1.0.0",
        description = "Records and events of an app in the CRMs of its users, and what a page calls for a user who connects and maps. A client written for Xkit's CRM API works here: change the host. \
            Unknown members of a request are ignored, except in the app's settings. Bodies are read as JSON whatever their content type.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(CrmError))
)]
pub struct Head;

/// What the parts of paths are.
const PARTS: [(&str, &str); 8] = [
    ("connection", "The `connectionID`"),
    ("object", "The CRM object's slug, as the app defined it"),
    ("native", "The slug of an object of the user's CRM, such as `deals`"),
    ("record", "The record's id, such as `deals:15`"),
    ("event", "The event's slug, as the app defined it"),
    ("context", "The context's `external_id`"),
    ("crm", "The CRM's slug, such as `hubspot`"),
    ("id", "The id"),
];

/// Whatever is asked.
const ALWAYS: &[CrmCode] = &[CrmCode::Internal, CrmCode::TemporarilyUnavailable];
/// Of what stands behind the key pair.
const KEYED: &[CrmCode] = &[CrmCode::Unauthorized, CrmCode::RateLimited];
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

/// Of what asks the vendor while the user waits.
const VENDOR: [CrmCode; 4] =
    [CrmCode::ReauthorisationNeeded, CrmCode::RateLimited, CrmCode::CrmRefused, CrmCode::CrmUnavailable];
/// What an operation of the browser API refuses beyond what its shape says, by its id.
const OWN: [(&str, &[CrmCode]); 6] = [
    ("get_platform", &[CrmCode::NotFound]),
    ("begin_connection", &[CrmCode::OtherCrm]),
    ("give_token", &[CrmCode::ConnectionNotFound]),
    ("set_up_mapping", &[CrmCode::Invalid]),
    ("list_api_objects", &[CrmCode::MetadataPending]),
    (
        "save_mapping",
        &[
            CrmCode::Invalid,
            CrmCode::MappingChanged,
            CrmCode::MetadataPending,
            CrmCode::NotFound,
            CrmCode::OutcomeUnknown,
        ],
    ),
];
/// Which of these ask the vendor.
const ASKING: [&str; 3] = ["give_token", "get_api_object", "save_mapping"];

/// Adds the key pair, the tokens, the parts of paths, the idempotency header and the refusals.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let components = document.components.get_or_insert_default();
    add_schemes(components);
    add_components(components);
    document.security = Some(vec![by("key_pair")]);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let parameters = operation.parameters.get_or_insert_default();
            let parts = PARTS.iter().filter(|(name, _)| path.contains(&format!("{{{name}}}")));
            parameters.extend(parts.map(|(name, meaning)| part(name, meaning).into()));
            if is_invoke(method, path) {
                parameters.push(idempotency_key().into());
            }
            if path.starts_with(BROWSER) {
                operation.security.get_or_insert_with(|| vec![by("context_token")]);
            }
            give_refusals(operation, &codes(method, path, operation), !path.starts_with(BROWSER));
        }
    }
    document
}

fn by(scheme: &str) -> SecurityRequirement {
    SecurityRequirement::new::<_, [&str; 0], &str>(scheme, [])
}

fn add_schemes(components: &mut Components) {
    let http =
        |scheme, meaning| SecurityScheme::Http(HttpBuilder::new().scheme(scheme).description(Some(meaning)).build());
    let pair = http(HttpAuthScheme::Basic, "The publishable key as name, the secret key as password");
    let token = http(HttpAuthScheme::Bearer, "A context token, from a page of an allowed origin");
    let session = ApiKeyValue::with_description(COOKIE, "The session, from a page of an allowed origin");
    components.add_security_scheme("key_pair", pair);
    components.add_security_scheme("context_token", token);
    components.add_security_scheme("session_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
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
    let id = operation.operation_id.as_deref().unwrap_or_default();
    let own = OWN.iter().find(|(of, _)| *of == id).map_or(&[][..], |(_, codes)| *codes);
    let browser = path.starts_with(BROWSER);
    let public = operation.security.as_ref().is_some_and(|all| all.contains(&SecurityRequirement::default()));
    let sets: [(bool, &[CrmCode]); 16] = [
        (true, ALWAYS),
        (true, own),
        (!browser, KEYED),
        (browser, &[CrmCode::OriginNotAllowed]),
        (browser && !public, &[CrmCode::TokenInvalid]),
        (ASKING.contains(&id), &VENDOR),
        (operation.request_body.is_some(), BODY),
        (takes_query() || subscribes, &[CrmCode::Malformed]),
        (has("{connection}") || has("/connections/"), &[CrmCode::ConnectionNotFound]),
        (has("{object}"), OBJECT),
        (has("{record}"), &[CrmCode::RecordNotFound]),
        (has("{event}"), EVENT),
        (is_invoke(method, path), INVOKE),
        (has("/invocations/"), &[CrmCode::NotFound, CrmCode::CrmUnavailable]),
        (has("{crm}") || has("{native}") || has("{connection}/subscriptions"), &[CrmCode::NotFound]),
        (has("/platform/") && operation.request_body.is_some(), &[CrmCode::Invalid]),
    ];
    sets.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, codes)| codes).copied().collect()
}

fn give_refusals(operation: &mut Operation, codes: &[CrmCode], counted: bool) {
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            give_headers(response, [REQUEST].into_iter().chain(RATE.into_iter().filter(|_| counted)));
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
        let retry = matches!(status, 409 | 424 | 429 | 502).then_some(RETRY);
        give_headers(&mut response, [REQUEST].into_iter().chain(rate).chain(retry));
        components.responses.insert(component(status), RefOr::T(response));
    }
    add_headers(components, &[REQUEST, RATE[0], RATE[1], RATE[2], RETRY]);
}
