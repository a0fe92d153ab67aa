//! Connections that users make in CRM Link: begun, authorised, listed and ended.

use lockstep_connect::oauth::Grant;
use lockstep_connect::{About, Connector, KeyField, registry};
use lockstep_core::crm::{CrmCode, CrmProblem};
use lockstep_core::env::Time;
use lockstep_core::ids::{AuthorizationId, ConnectionId};
use lockstep_core::job::Job;
use lockstep_core::limits::{EXTERNAL_ID_CHARS_MAX, fits};
use lockstep_store::{
    Authorization, AuthorizationStatus, ConnectionOf, ConnectionStatus, ContextOf, NewConnection, Org, StoreError, Tx,
};
use secrecy::SecretString;
use ulid::Ulid;

use super::app::{AppSettings, ConnectionEvent};
use super::outcome;
use super::subscriptions::Told;
use super::tokens::{Visitor, broken};
use crate::app::App;
use crate::ops::authorise;
use crate::reach;

/// Words that stand in paths beside connection ids, and that no connection can have.
const RESERVED: [&str; 2] = ["connections", "subscriptions"];

/// How a user lets us in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorising {
    /// At the vendor's own page.
    OAuth,
    /// By a token that they make there and type in.
    Token,
}

/// A connection, as users and apps see it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The proof.
    pub of: ConnectionOf,
    /// The app's name for it.
    pub id: String,
    /// The context's name.
    pub context: String,
    /// The vendor.
    pub about: &'static About,
    /// Its last authorisation, if one is known.
    pub authorization: Option<Authorization>,
    /// The CRM objects that the user mapped.
    pub objects: Vec<String>,
}

/// An authorisation under way.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The authorisation.
    pub authorization: Authorization,
    /// The vendor.
    pub about: &'static About,
    /// The vendor's page; `None` where a token is to be typed in.
    pub authorize_url: Option<String>,
    /// The connection that it renews, if there is one.
    pub connection: Option<ConnectionOf>,
}

impl Seen {
    /// Whether it can be used now.
    pub fn is_active(&self) -> bool {
        self.of.connection().status == ConnectionStatus::Ok
    }
}

/// The CRMs that users can choose.
pub fn connectors(app: &App) -> Vec<&'static About> {
    registry::all().into_iter().map(Connector::about).filter(|about| authorising(app, about).is_some()).collect()
}

/// A CRM by its slug.
///
/// # Errors
/// [`CrmCode::NotFound`].
pub fn connector(slug: &str) -> Result<&'static About, CrmProblem> {
    let known = registry::find(slug).map(Connector::about);
    known.ok_or_else(|| CrmProblem::new(CrmCode::NotFound, format!("There is no CRM called {}.", shown(slug))))
}

/// How users authorise at a CRM: by OAuth where the operator registered an app there, else with a token. `None` where a
/// token does not say whose server it is for, and the operator does not either: it would be shown to another one.
pub fn authorising(app: &App, about: &About) -> Option<Authorising> {
    let registered = about.oauth.is_some() && app.settings.oauth_apps.contains_key(about.slug);
    let known = !about.token.own_address || app.settings.vendor_urls.contains_key(about.slug);
    if registered { Some(Authorising::OAuth) } else { known.then_some(Authorising::Token) }
}

fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

/// What is said of a connection that is not to be seen.
pub fn unknown(id: &str) -> CrmProblem {
    let message = format!("There is no connection {}, or it is another context's.", shown(id));
    CrmProblem::new(CrmCode::ConnectionNotFound, message)
}

/// The organization's connection of this name that can be used now.
///
/// # Errors
/// [`CrmCode::ConnectionNotFound`], [`CrmCode::ConnectionDisabled`] or [`CrmCode::ReauthorisationNeeded`].
pub fn usable(tx: &mut Tx<'_>, org: &Org, id: &str) -> Result<ConnectionOf, CrmProblem> {
    let of = tx.named_connection(org, id)?.ok_or_else(|| unknown(id))?;
    if of.connection().disabled_at.is_some() {
        let message = "The user disconnected. Open CRM Link with the same connectionID to connect again.";
        return Err(CrmProblem::new(CrmCode::ConnectionDisabled, message));
    }
    match &of.connection().status {
        ConnectionStatus::Ok => Ok(of),
        ConnectionStatus::Reauthorise { reason } => {
            let message = format!("{reason} Open CRM Link with the same connectionID to authorise again.");
            Err(CrmProblem::new(CrmCode::ReauthorisationNeeded, message))
        }
    }
}

/// The organization's connection of this name, whether it can be used or not.
///
/// # Errors
/// [`CrmCode::ConnectionNotFound`]; the store's.
pub async fn of_org(app: &App, org: &Org, id: &str) -> Result<Seen, CrmProblem> {
    let (org, id) = (org.clone(), id.to_owned());
    app.store
        .read(move |tx| {
            let of = tx.named_connection(&org, &id)?.filter(|of| of.connection().disabled_at.is_none());
            see(tx, of.ok_or_else(|| unknown(&id))?)
        })
        .await
}

/// The context's connection of this name. Another context's is not to be seen.
///
/// # Errors
/// [`CrmCode::ConnectionNotFound`]; the store's.
pub async fn of_context(app: &App, context: &ContextOf, id: &str) -> Result<Seen, CrmProblem> {
    let seen = of_org(app, context.org(), id).await?;
    if seen.of.connection().context == *context.id() { Ok(seen) } else { Err(unknown(id)) }
}

/// A page of connections by name, of one context or of all, and the name to go on behind.
///
/// # Errors
/// The store's.
pub async fn page(
    app: &App,
    org: &Org,
    context: Option<ContextOf>,
    after: &str,
    limit: usize,
) -> Result<(Vec<Seen>, Option<String>), CrmProblem> {
    let (org, after) = (org.clone(), after.to_owned());
    app.store
        .read(move |tx| {
            let (page, more) = tx.named_connections(&org, context.as_ref(), &after, limit)?;
            let seen = page.into_iter().map(|of| see(tx, of)).collect::<Result<Vec<_>, _>>()?;
            let next = seen.last().filter(|_| more).map(|last| last.id.clone());
            Ok::<_, CrmProblem>((seen, next))
        })
        .await
}

fn see(tx: &mut Tx<'_>, of: ConnectionOf) -> Result<Seen, CrmProblem> {
    let row = of.connection().clone();
    let id = row.external_id.ok_or_else(|| broken("a connection without a name"))?;
    let context = tx.context_name(of.org(), &row.context)?.unwrap_or_default();
    let authorization = match tx.named_context(of.org(), &context)? {
        Some(context) => tx.last_authorization(&context, &id)?,
        None => None,
    };
    let mapped = tx.mapping_in_force(&of)?;
    let objects = mapped.map_or_else(Vec::new, |version| {
        let chosen = |object: i64| {
            version.mapping.iter().any(|mapping| mapping.crm_object_id == object && mapping.api_object_id.is_some())
        };
        version.objects.into_iter().filter(|object| chosen(object.id)).map(|object| object.slug).collect()
    });
    Ok(Seen { id, context, about: connector(&row.vendor)?, authorization, objects, of })
}

/// Begins to connect, or to connect again: a connection of that name in this context is renewed.
///
/// # Errors
/// An unusable id, another context's ([`CrmCode::ConnectionNotFound`]), another CRM than the connection has
/// ([`CrmCode::OtherCrm`]); the store's.
pub async fn begin(app: &App, visitor: &Visitor, vendor: &str, id: Option<&str>) -> Result<Begun, CrmProblem> {
    let about = connector(vendor)?;
    let authorising = authorising(app, about).ok_or_else(|| {
        let message = format!("{} cannot be connected here: the server's operator has not set it up.", about.name);
        CrmProblem::new(CrmCode::NotFound, message)
    })?;
    let id = id.map_or_else(|| Ok(Ulid::from_bytes(app.env.random_bytes()).to_string()), checked_id)?;
    let context = visitor.context.clone();
    let (connection, authorization) = app
        .store
        .write(move |tx| {
            let connection = tx.named_connection(context.org(), &id)?;
            if connection.as_ref().is_some_and(|of| of.connection().context != *context.id()) {
                return Err(unknown(&id));
            }
            let live = connection.filter(|of| of.connection().disabled_at.is_none());
            if live.as_ref().is_some_and(|of| of.connection().vendor != about.slug) {
                let message =
                    "This connection belongs to another CRM. Disconnect it first, or use another connectionID.";
                return Err(CrmProblem::new(CrmCode::OtherCrm, message));
            }
            let authorization = tx.add_authorization(&context, about.slug, &id)?;
            Ok((live, authorization))
        })
        .await?;
    let authorize_url = match authorising {
        Authorising::OAuth => Some(address(app, &visitor.context, &authorization)?),
        Authorising::Token => None,
    };
    Ok(Begun { authorization, about, authorize_url, connection })
}

/// Where an authorisation goes on: our door to the vendor's page.
///
/// # Errors
/// No client id and secret are configured.
pub fn address(app: &App, context: &ContextOf, authorization: &Authorization) -> Result<String, CrmProblem> {
    authorise::begin_link(app, context, authorization, vendor_url(app, &authorization.vendor))
        .map_err(|problem| broken(problem.message))
}

fn vendor_url(app: &App, vendor: &str) -> Option<String> {
    app.settings.vendor_urls.get(vendor).cloned()
}

fn checked_id(id: &str) -> Result<String, CrmProblem> {
    let sound = !id.is_empty() && fits(id, EXTERNAL_ID_CHARS_MAX) && !id.chars().any(char::is_control);
    if !sound || RESERVED.contains(&id) {
        let message = format!("A connectionID has 1 to {EXTERNAL_ID_CHARS_MAX} characters and is no reserved word.");
        return Err(CrmProblem::new(CrmCode::Malformed, message));
    }
    Ok(id.to_owned())
}

/// An authorisation as it stands.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn authorization(app: &App, context: &ContextOf, id: &str) -> Result<Authorization, CrmProblem> {
    let missing = || CrmProblem::new(CrmCode::NotFound, "There is no such authorization.");
    let id = AuthorizationId::parse(id).map_err(|_| missing())?;
    let context = context.clone();
    let found = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.authorization(&context, &id)?)).await?;
    found.ok_or_else(missing)
}

/// Goes on with a token that the user typed in.
///
/// # Errors
/// What the CRM says of the token; then it can be typed again.
pub async fn give_token(
    app: &App,
    context: &ContextOf,
    id: &str,
    token: SecretString,
) -> Result<Authorization, CrmProblem> {
    let under_way = authorization(app, context, id).await?;
    if under_way.status != AuthorizationStatus::AwaitingCallback {
        return Ok(under_way);
    }
    let about = connector(&under_way.vendor)?;
    let base_url = vendor_url(app, about.slug).unwrap_or_else(|| about.base_url.to_owned());
    match connect(app, context, &under_way, Grant::fixed(token), base_url).await {
        Ok(_) | Err(CrmProblem { code: CrmCode::Invalid, .. }) => authorization(app, context, id).await,
        Err(problem) => Err(problem),
    }
}

/// Ends an authorisation that came to nothing.
///
/// # Errors
/// The store's.
pub async fn fail(
    app: &App,
    context: &ContextOf,
    id: &AuthorizationId,
    code: &str,
    message: &str,
) -> Result<(), CrmProblem> {
    let (context, id, code, message) = (context.clone(), id.clone(), code.to_owned(), message.to_owned());
    app.store
        .write(move |tx| {
            let error = Some((code.as_str(), message.as_str()));
            tx.move_authorization(&context, &id, AuthorizationStatus::Error, error)?;
            Ok::<_, CrmProblem>(())
        })
        .await
}

/// Makes the connection of an authorisation whose grant has come, or renews it.
///
/// # Errors
/// What the CRM says of the grant. [`CrmCode::Invalid`] when it is for another account than the connection has: then the
/// authorisation has ended with that error.
pub async fn connect(
    app: &App,
    context: &ContextOf,
    authorization: &Authorization,
    grant: Grant,
    base_url: String,
) -> Result<ConnectionOf, CrmProblem> {
    let connector = reach::connector(&authorization.vendor).map_err(broken)?;
    let about = connector.about();
    let session = reach::trial(app, connector, &base_url, grant.clone());
    let account = connector.account(&session).await.map_err(|fault| outcome::problem(app, fault, about, None))?;
    let id = ConnectionId::new(&app.env);
    let key_field = serde_json::to_string(&KeyField::None).map_err(broken)?;
    let new = NewConnection {
        grant_sealed: Vec::new(),
        vendor: about.slug.to_owned(),
        label: format!("{} {account}", about.name),
        base_url,
        account,
        external_id: Some(authorization.external_id.clone()),
        key_field,
        static_token: grant.refresh.is_none(),
        id,
    };
    let (here, context, authorization) = (app.clone(), context.clone(), authorization.clone());
    let made = app.store.write(move |tx| keep(tx, &here, &context, &authorization, new, &grant)).await?;
    made.map_err(|message| CrmProblem::new(CrmCode::Invalid, message))
}

/// Keeps what was authorised. The inner refusal is written down, too: the authorisation has ended with it.
fn keep(
    tx: &mut Tx<'_>,
    app: &App,
    context: &ContextOf,
    authorization: &Authorization,
    new: NewConnection,
    grant: &Grant,
) -> Result<Result<ConnectionOf, String>, CrmProblem> {
    let known = tx.named_connection(context.org(), &authorization.external_id)?;
    let foreign = |of: &ConnectionOf| of.connection().account != new.account || of.connection().vendor != new.vendor;
    let known = match known {
        Some(of) if of.connection().context != *context.id() => return Err(unknown(&authorization.external_id)),
        Some(of) if foreign(&of) && of.connection().disabled_at.is_none() => {
            let message = format!(
                "You allowed access to the account {}, but this connection is to {}. Sign in there to that account.",
                new.account,
                of.connection().account
            );
            let error = Some(("account_mismatch", message.as_str()));
            tx.move_authorization(context, &authorization.id, AuthorizationStatus::Error, error)?;
            return Ok(Err(message));
        }
        // What was mapped was another account's: the name begins afresh.
        Some(of) if foreign(&of) => {
            tx.forget_connection(&of)?;
            None
        }
        known => known,
    };
    let id = known.as_ref().map_or(&new.id, ConnectionOf::id);
    let sealed = reach::seal(&app.vault, id, grant, &app.env).map_err(broken)?;
    let of = match known {
        Some(of) => {
            tx.reconnect(&of, &sealed, new.static_token)?;
            of
        }
        None => tx.add_connection_in(context, &NewConnection { grant_sealed: sealed, ..new })?,
    };
    tx.move_authorization(context, &authorization.id, AuthorizationStatus::Active, None)?;
    let now = tx.now();
    tx.enqueue(&Job::Describe { connection: of.id().clone() }, now)?;
    // What changed while nobody could look is told now.
    tx.enqueue(&Job::Watch { connection: of.id().clone() }, now)?;
    tell(tx, &of, context.external_id(), ConnectionEvent::Enabled)?;
    Ok(Ok(of))
}

/// Disconnects: at once nothing is read or written any more; what was mapped is kept for a while.
///
/// # Errors
/// The store's.
pub async fn disconnect(app: &App, seen: &Seen) -> Result<(), CrmProblem> {
    let (of, context) = (seen.of.clone(), seen.context.clone());
    app.store
        .write(move |tx| {
            tx.disable_connection(&of)?;
            Ok::<_, CrmProblem>(tell(tx, &of, &context, ConnectionEvent::Disabled)?)
        })
        .await
}

/// Queues what the app is told of a connection, for each address that wants it.
pub(crate) fn tell(
    tx: &mut Tx<'_>,
    of: &ConnectionOf,
    context: &str,
    event_type: ConnectionEvent,
) -> Result<(), StoreError> {
    let bug = |error: serde_json::Error| StoreError::Bug { detail: error.to_string() };
    let org = of.org().clone();
    let Some(stored) = tx.app::<AppSettings>(&org)? else { return Ok(()) };
    let row = of.connection();
    let connection = row.external_id.clone().unwrap_or_default();
    for hook in stored.settings.connection_webhooks.into_iter().filter(|hook| hook.event_type == event_type) {
        let fold = format!("{}:{}:{}", connection, serde_json::to_string(&event_type).map_err(bug)?, hook.url);
        let told = Told::Connection {
            url: hook.url,
            event_type,
            connector: row.vendor.clone(),
            context: context.to_owned(),
            connection: connection.clone(),
        };
        tx.tell_app(&org, &fold, &serde_json::to_value(&told).map_err(bug)?)?;
    }
    Ok(())
}

/// When a disconnected connection and what was mapped for it are forgotten.
pub fn forgotten_before(now: Time) -> Time {
    const DAYS: u64 = 30;
    now.minus(std::time::Duration::from_secs(DAYS * 24 * 60 * 60))
}
