//! The OpenAPI 3.1 document: what the handlers' attributes cannot say is added here, once for all routes.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ObjectBuilder, OpenApi, Required, Type};

use crate::wire::inbox::envelope::Error;
use crate::wire::inbox::refusals::{self, Kind};

/// Where the route of one account starts.
const SCOPED: &str = "/v1/{phone_number_id}/";

/// The document's head, and the shape of refusals, which no handler names.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Lockstep Inbox API",
        version = "1.0.0",
        description = "Contacts, conversations, messages and webhooks of a team's messaging inbox. A client written for Kirim's /v1 works here: change the \
            host. Members beyond Kirim's are additions; unknown members of a request are ignored.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Error))
)]
pub struct Head;

/// Adds the key, the refusals, the idempotency header and the account's path parameter.
pub fn complete(mut document: OpenApi) -> OpenApi {
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("kdv_live_…").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("api_key", SecurityScheme::Http(key));
    refusals::add_components(components);
    document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("api_key", [])]);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            // A stream has no one answer that could be repeated.
            let once = method == "post" && !path.ends_with("/import");
            if path.starts_with(SCOPED) {
                operation.operation_id = operation.operation_id.take().map(|id| format!("{id}_of_account"));
                operation.parameters.get_or_insert_default().insert(0, account_parameter().into());
            }
            if once {
                operation.parameters.get_or_insert_default().push(idempotency_parameter().into());
            }
            refusals::complete(Kind { path, gated: path != "/v1/health", once }, operation);
        }
    }
    document
}

/// The operations of a path, with their methods.
pub fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn account_parameter() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^\d{6,20}$")).build();
    ParameterBuilder::new()
        .name("phone_number_id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("Meta's id of the account's number, as GET /v1/accounts shows it"))
        .schema(Some(schema))
        .build()
}

fn idempotency_parameter() -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255)).build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Makes the request safe to repeat for 24 hours; a UUID is best"))
        .schema(Some(schema))
        .build()
}
