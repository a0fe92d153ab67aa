//! Who am I, and is the server well?

use axum::extract::State;
use lockstep_core::ids::{KeyId, OrgId, RequestId};
use lockstep_core::problem::Problem;
use lockstep_core::scope::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::wire::inbox::envelope::{Answer, One, Refusal};

/// The caller's organization, key and limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// The organization.
    organization: Organization,
    /// The key of this request.
    api_key: Key,
    /// The organization's limits.
    rate_limits: Limits,
}

#[derive(Debug, Serialize, ToSchema)]
struct Organization {
    #[schema(value_type = String)]
    id: OrgId,
    #[schema(value_type = String)]
    object: &'static str,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Key {
    #[schema(value_type = String)]
    id: KeyId,
    #[schema(value_type = String)]
    object: &'static str,
    label: String,
    last4: String,
    /// False for a test key.
    livemode: bool,
    /// What the key may do; null for everything.
    #[schema(value_type = Option<Vec<String>>, required)]
    scopes: Option<Vec<Scope>>,
}

/// Requests a minute, by class. A lifted limit is null.
#[derive(Debug, Serialize, ToSchema)]
struct Limits {
    #[schema(value_type = String)]
    tier: &'static str,
    #[schema(required)]
    write_per_minute: Option<u32>,
    #[schema(required)]
    read_per_minute: Option<u32>,
}

/// The organization and key behind this request.
#[utoipa::path(get, path = "/me", tag = "account", operation_id = "me", responses((status = 200, body = One<Me>)))]
pub async fn me(State(app): State<App>, caller: Caller) -> Result<Answer, Refusal> {
    let org = caller.org.clone();
    let name = app.store.read(move |tx| Ok::<_, Problem>(tx.org_name(&org)?)).await?;
    let limits = app.settings.rate_limits;
    let me = Me {
        organization: Organization { id: caller.org.id().clone(), object: "organization", name },
        api_key: Key {
            id: caller.key,
            object: "api_key",
            label: caller.label,
            last4: caller.last4,
            livemode: caller.livemode,
            scopes: Some(caller.scopes).filter(|scopes| !scopes.is_empty()),
        },
        rate_limits: Limits {
            tier: "self_hosted",
            write_per_minute: caller.limits.write_per_minute.or(limits.write_per_minute),
            read_per_minute: caller.limits.read_per_minute.or(limits.read_per_minute),
        },
    };
    Ok(Answer::ok(&caller.request, me)?)
}

/// Whether the server and its database answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`; a server that is not answers 503.
    #[schema(value_type = String)]
    status: &'static str,
    /// The program's version.
    #[schema(value_type = String)]
    version: &'static str,
}

/// Whether the server and its database answer. Needs no key.
#[utoipa::path(get, path = "/v1/health", tag = "account", operation_id = "health", security(()), responses((status = 200, body = One<Health>)))]
pub async fn health(
    State(app): State<App>,
    axum::Extension(request): axum::Extension<RequestId>,
) -> Result<Answer, Refusal> {
    app.store.read(|tx| Ok::<_, Problem>(tx.ping()?)).await?;
    Ok(Answer::ok(&request, Health { status: "ok", version: env!("CARGO_PKG_VERSION") })?)
}
