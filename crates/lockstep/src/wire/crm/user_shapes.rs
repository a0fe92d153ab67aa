//! The shapes of the browser API (xkit reference, section 4.3). What lets us act at a CRM is in none of them.

use lockstep_connect::About;
use lockstep_core::ids::AuthorizationId;
use lockstep_store::{Authorization, AuthorizationStatus, ConnectionStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::shapes::CrmName;
use crate::app::App;
use crate::ops::crm::connections::{Authorising, Begun, Seen, authorising};

/// A CRM that can be chosen.
#[derive(Serialize, ToSchema)]
pub struct PublicConnector {
    /// For people.
    #[schema(value_type = String)]
    name: &'static str,
    /// Such as `hubspot`.
    #[schema(value_type = String)]
    slug: &'static str,
    /// A sentence for people.
    short_description: String,
    /// A picture for it.
    mark_url: String,
    /// Always true.
    supports_multiple_connections: bool,
    /// Always true.
    crm: bool,
}

impl PublicConnector {
    /// A CRM as it can be chosen.
    pub fn new(app: &App, about: &About) -> Self {
        Self {
            name: about.name,
            slug: about.slug,
            short_description: format!("Connect your {} account.", about.name),
            mark_url: format!("{}/link/marks/{}.svg", app.settings.public_url, about.slug),
            supports_multiple_connections: true,
            crm: true,
        }
    }
}

/// The CRMs that can be chosen.
#[derive(Serialize, ToSchema)]
pub struct PublicConnectorList {
    /// The CRMs.
    pub connectors: Vec<PublicConnector>,
}

/// One CRM that can be chosen.
#[derive(Serialize, ToSchema)]
pub struct OnePublicConnector {
    /// The CRM.
    pub connector: PublicConnector,
}

/// A CRM with the context's connections to it.
#[derive(Serialize, ToSchema)]
pub struct Connector {
    #[serde(flatten)]
    about: PublicConnector,
    /// The first of them; `null` where there is none.
    #[schema(required)]
    connection: Option<Standing>,
    /// All of them.
    connections: Vec<Standing>,
}

impl Connector {
    /// A CRM with those of the context's connections that are to it.
    pub fn new(app: &App, about: &About, seen: &[Seen]) -> Self {
        let of = || seen.iter().filter(|seen| seen.about.slug == about.slug).map(|seen| Standing::of(app, seen));
        Self { about: PublicConnector::new(app, about), connection: of().next(), connections: of().collect() }
    }
}

/// The CRMs, with the context's connections.
#[derive(Serialize, ToSchema)]
pub struct ConnectorList {
    /// The CRMs.
    pub connectors: Vec<Connector>,
}

/// One CRM, with the context's connections to it.
#[derive(Serialize, ToSchema)]
pub struct OneConnector {
    /// The CRM.
    pub connector: Connector,
}

/// A connection and how its authorisation stands.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    /// The `connectionID`.
    id: String,
    /// False once it was disconnected.
    enabled: bool,
    /// Its last authorisation.
    authorization: AuthorizationObject,
}

impl Standing {
    fn of(app: &App, seen: &Seen) -> Self {
        Self { id: seen.id.clone(), enabled: true, authorization: AuthorizationObject::of(app, seen) }
    }
}

/// A connection as its context sees it.
#[derive(Serialize, ToSchema)]
pub struct BrowserConnection {
    #[serde(flatten)]
    standing: Standing,
    /// Its CRM.
    connector: PublicConnector,
}

impl BrowserConnection {
    /// A connection that can be used, or could.
    pub fn of(app: &App, seen: &Seen) -> Self {
        Self { standing: Standing::of(app, seen), connector: PublicConnector::new(app, seen.about) }
    }

    /// A connection that was just disconnected.
    pub fn gone(app: &App, seen: &Seen) -> Self {
        let mut shown = Self::of(app, seen);
        shown.standing.enabled = false;
        shown
    }
}

/// The context's connections.
#[derive(Serialize, ToSchema)]
pub struct BrowserConnectionList {
    /// The connections.
    pub connections: Vec<BrowserConnection>,
}

/// One of the context's connections.
#[derive(Serialize, ToSchema)]
pub struct OneBrowserConnection {
    /// The connection.
    pub connection: BrowserConnection,
}

/// An authorisation as it stands.
#[derive(Serialize, ToSchema)]
pub struct AuthorizationObject {
    /// Its id.
    id: String,
    /// `awaiting_callback` or `retrieving_tokens`; at the end `active` or `error`.
    #[schema(value_type = String)]
    status: AuthorizationStatus,
    /// The account, or the CRM, for people.
    display_label: String,
    /// Why it is in error: a stable word.
    #[schema(required)]
    error_code: Option<String>,
    /// The same for people.
    #[schema(required)]
    error_message: Option<String>,
    /// Who authorises.
    authorizer: Authorizer,
}

impl AuthorizationObject {
    /// An authorisation as it stands.
    pub fn new(app: &App, authorization: &Authorization, about: &About) -> Self {
        let (error_code, error_message) = authorization.error.clone().unzip();
        Self {
            id: authorization.id.to_string(),
            status: authorization.status,
            display_label: about.name.to_owned(),
            error_code,
            error_message,
            authorizer: Authorizer::new(app, about),
        }
    }

    fn of(app: &App, seen: &Seen) -> Self {
        let (status, error_message) = match &seen.of.connection().status {
            ConnectionStatus::Ok => (AuthorizationStatus::Active, None),
            ConnectionStatus::Reauthorise { reason } => (AuthorizationStatus::Error, Some(reason.clone())),
        };
        let own = seen.authorization.as_ref();
        Self {
            id: own.map_or(seen.of.id().as_str(), |authorization| authorization.id.as_str()).to_owned(),
            status,
            display_label: seen.of.connection().label.clone(),
            error_code: error_message.as_ref().map(|_| "reauthorisation_needed".to_owned()),
            error_message,
            authorizer: Authorizer::new(app, seen.about),
        }
    }
}

/// One authorisation.
#[derive(Serialize, ToSchema)]
pub struct OneAuthorization {
    /// The authorisation.
    pub authorization: AuthorizationObject,
}

/// Who authorises: the CRM, and what a user has to type in for it.
#[derive(Serialize, ToSchema)]
pub struct Authorizer {
    /// The id of the operator's app at the CRM; `null` where a token is typed in.
    #[schema(required)]
    client_id: Option<String>,
    /// The CRM.
    prototype: Prototype,
}

/// A way to authorise.
#[derive(Serialize, ToSchema)]
pub struct Prototype {
    #[serde(flatten)]
    crm: CrmName,
    /// What is typed in; nothing where the CRM's own page asks.
    collect_fields: Vec<CollectField>,
}

/// Something to type in.
#[derive(Serialize, ToSchema)]
pub struct CollectField {
    /// The member that it is given as.
    #[schema(value_type = String)]
    name: &'static str,
    /// For people.
    label: String,
}

impl Authorizer {
    fn new(app: &App, about: &About) -> Self {
        let collect_fields = match authorising(app, about) {
            Some(Authorising::OAuth) | None => Vec::new(),
            Some(Authorising::Token) => {
                vec![CollectField { name: "token", label: format!("{}: {}", about.name, about.token.label) }]
            }
        };
        Self {
            client_id: app.settings.oauth_apps.get(about.slug).map(|app| app.client_id.clone()),
            prototype: Prototype { crm: CrmName { slug: about.slug, name: about.name }, collect_fields },
        }
    }
}

/// A connection on its way.
#[derive(Serialize, ToSchema)]
pub struct BegunConnection {
    /// The `connectionID`.
    id: String,
    /// Whether a connection of that id was there already: then it is renewed.
    enabled: bool,
    /// Its CRM.
    connector: PublicConnector,
    /// What the user has to finish.
    authorization: BegunAuthorization,
}

/// An authorisation on its way.
#[derive(Serialize, ToSchema)]
pub struct BegunAuthorization {
    #[serde(flatten)]
    as_it_stands: AuthorizationObject,
    /// Where a page leads the user; `null` where a token is typed in.
    #[schema(required)]
    authorize_url: Option<String>,
    /// What a token that is typed in is given with.
    #[schema(value_type = String)]
    state: AuthorizationId,
}

impl BegunConnection {
    /// A connection on its way.
    pub fn new(app: &App, begun: Begun) -> Self {
        let Begun { authorization, about, authorize_url, connection } = begun;
        let as_it_stands = AuthorizationObject::new(app, &authorization, about);
        Self {
            id: authorization.external_id,
            enabled: connection.is_some(),
            connector: PublicConnector::new(app, about),
            authorization: BegunAuthorization { as_it_stands, authorize_url, state: authorization.id },
        }
    }
}

/// One connection on its way.
#[derive(Serialize, ToSchema)]
pub struct OneBegunConnection {
    /// The connection.
    pub connection: BegunConnection,
}
