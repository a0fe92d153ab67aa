//! Connections and syncs: made, planned, started, paused and looked at.

use lockstep_connect::oauth::Grant;
use lockstep_connect::{Connector, Fault, FaultClass, KeyField, PropertySpec, Session};
use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, PlanId, SyncId};
use lockstep_core::job::Job;
use lockstep_core::mapping::Mapping;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{
    ConnectionOf, ConnectionStatus, NewConnection, Org, PairCounts, PlanRowSet, StoreError, SyncOf, SyncStatus, Tx,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::ops::audit::{self, Action};
use crate::reach::{self, Class};
use crate::sync::plan::{self, FirstRun, Step};
use crate::sync::schema;

pub use crate::sync::schema::SOURCE_PROPERTY;

/// The name of the unique property that is made for our id.
pub const KEY_PROPERTY: &str = "lockstep_id";

/// What the operator says about a unique property for our id (law 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyChoice {
    /// Make [`KEY_PROPERTY`], or use it if it is there.
    Create,
    /// Use this one.
    Existing(String),
    /// None: a create whose answer is lost is looked for by e-mail and phone.
    None,
}

/// What is needed to connect an account.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The vendor's slug.
    pub vendor: String,
    /// Where its API is; `None` takes the vendor's own address.
    pub base_url: Option<String>,
    /// What lets us act there.
    pub grant: Grant,
    /// About a unique property for our id.
    pub key: KeyChoice,
    /// The connection whose grant this one replaces: another account's is refused.
    pub renews: Option<ConnectionId>,
}

impl Connect {
    /// What renews the grant of a connection.
    ///
    /// # Errors
    /// No such connection.
    pub async fn renewal(app: &App, org: &Org, connection: &ConnectionId, grant: Grant) -> Result<Self, Problem> {
        let of = connection_of(app, org, connection).await?;
        let row = of.connection();
        let key = match stored_key_field(&of)? {
            KeyField::None => KeyChoice::None,
            KeyField::Property { name } => KeyChoice::Existing(name),
        };
        let (vendor, base_url) = (row.vendor.clone(), Some(row.base_url.clone()));
        Ok(Self { vendor, base_url, grant, key, renews: Some(connection.clone()) })
    }
}

/// Connects an account of a vendor, or renews the grant of the connection that this account has already; its syncs then
/// go on exactly where they stopped.
///
/// # Errors
/// The vendor is unknown, refuses the grant, or lacks a fitting key property; or the account is connected already, with
/// another address or key property.
pub async fn connect(app: &App, org: &Org, request: Connect) -> Result<ConnectionOf, Problem> {
    let connector = reach::connector(&request.vendor).map_err(vendor_problem)?;
    let about = connector.about();
    let base_url = request.base_url.unwrap_or_else(|| about.base_url.to_owned());
    let base_url = base_url.trim_end_matches('/').to_owned();
    let session = reach::trial(app, connector, &base_url, request.grant.clone());
    let account = connector.account(&session).await.map_err(vendor_problem)?;
    let known = known(app, org, about.slug, &account).await?;
    if let Some(renewed) = &request.renews
        && known.as_ref().is_none_or(|known| known.id() != renewed)
    {
        let renewed = connection_of(app, org, renewed).await?;
        let message = format!(
            "This grant is for account {account}, the connection is to account {}. Authorise that account.",
            renewed.connection().account
        );
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    if let Some(known) = known {
        agrees_with(&known, &base_url, &request.key)?;
        store_grant(app, org, &known, &request.grant).await?;
        return Ok(known);
    }
    let key_field = key_field(connector, &session, request.key).await?;
    let new = new_connection(app, about.slug, base_url, account, &key_field, &request.grant)?;
    let org = org.clone();
    let made = app.store.write(move |tx| {
        let connection = tx.add_connection(&org, &new)?;
        let detail = json!({ "connection": new.id, "vendor": new.vendor, "account": new.account });
        audit::note_operator(tx, &org, Action::ConnectionMade, &detail)?;
        Ok::<_, StoreError>(connection)
    });
    Ok(made.await?)
}

/// Address and key property stay what they were when the connection was made: its pairs rest on them.
fn agrees_with(known: &ConnectionOf, base_url: &str, key: &KeyChoice) -> Result<(), Problem> {
    let row = known.connection();
    if row.base_url != base_url {
        let message = format!("This account is connected already, at {}, and not at {base_url}.", row.base_url);
        return Err(Problem::of(Code::InvalidFieldValue, "base_url", message));
    }
    let held = match stored_key_field(known)? {
        KeyField::None => "none".to_owned(),
        KeyField::Property { name } => name,
    };
    let wanted = match key {
        KeyChoice::None => "none",
        KeyChoice::Create => KEY_PROPERTY,
        KeyChoice::Existing(name) => name,
    };
    if held != wanted {
        let message =
            format!("This account is connected already, with the key property {held}, and not with {wanted}.");
        return Err(Problem::of(Code::InvalidFieldValue, "key_field", message));
    }
    Ok(())
}

fn stored_key_field(of: &ConnectionOf) -> Result<KeyField, Problem> {
    serde_json::from_str(&of.connection().key_field)
        .map_err(|error| Problem::new(Code::InternalError, format!("the key field cannot be read: {error}")))
}

async fn known(app: &App, org: &Org, vendor: &'static str, account: &str) -> Result<Option<ConnectionOf>, Problem> {
    let (org, account) = (org.clone(), account.to_owned());
    let found = app.store.read(move |tx| {
        let all = tx.connections(&org)?;
        Ok::<_, StoreError>(
            all.into_iter().find(|of| of.connection().vendor == vendor && of.connection().account == account),
        )
    });
    Ok(found.await?)
}

async fn store_grant(app: &App, org: &Org, of: &ConnectionOf, grant: &Grant) -> Result<(), Problem> {
    let sealed = reach::seal(&app.vault, of.id(), grant, &app.env)
        .map_err(|error| Problem::new(Code::InternalError, error.to_string()))?;
    let (org, of) = (org.clone(), of.clone());
    app.store
        .write(move |tx| {
            audit::note_operator(tx, &org, Action::ConnectionAuthorised, &json!({ "connection": of.id() }))?;
            let version = tx.grant(&of)?.version;
            tx.replace_grant(&of, version, &sealed)?;
            tx.set_connection_status(&of, &ConnectionStatus::Ok)?;
            match tx.sync_of_connection(&of)? {
                Some(sync) if sync.row().status == SyncStatus::Stopped => go_on(tx, &sync),
                _ => Ok(()),
            }
        })
        .await?;
    Ok(())
}

async fn key_field(connector: &dyn Connector, session: &Session, choice: KeyChoice) -> Result<KeyField, Problem> {
    match choice {
        KeyChoice::None => Ok(KeyField::None),
        KeyChoice::Create => {
            connector.add_key_property(session, KEY_PROPERTY).await.map_err(vendor_problem)?;
            // Some vendors give a property a name of their own and keep ours for its label.
            let described = connector.describe(session).await.map_err(vendor_problem)?;
            let made = called(&described.properties, KEY_PROPERTY);
            Ok(KeyField::Property { name: made.map_or(KEY_PROPERTY, |property| property.name.as_str()).to_owned() })
        }
        KeyChoice::Existing(name) => {
            let description = connector.describe(session).await.map_err(vendor_problem)?;
            let property = called(&description.properties, &name);
            let fits = |property: &PropertySpec| property.unique || !connector.about().upsert_by_key;
            if let Some(property) = property.filter(|property| fits(property) && !property.read_only) {
                return Ok(KeyField::Property { name: property.name.clone() });
            }
            let why =
                if property.is_some() { "is not a unique property that can be written" } else { "does not exist" };
            let message = format!(
                "The property {name} {why}. Uniqueness is chosen when a property is made: let \"create\" make one, or name another."
            );
            Err(Problem::of(Code::InvalidFieldValue, "key_field", message))
        }
    }
}

/// The property of this name, or else of this label in any case: some vendors give a property a name of their own.
fn called<'a>(properties: &'a [PropertySpec], name: &str) -> Option<&'a PropertySpec> {
    let named = properties.iter().find(|property| property.name == name);
    named.or_else(|| properties.iter().find(|property| property.label.eq_ignore_ascii_case(name)))
}

fn new_connection(
    app: &App,
    vendor: &str,
    base_url: String,
    account: String,
    key_field: &KeyField,
    grant: &Grant,
) -> Result<NewConnection, Problem> {
    let internal = |error: &dyn std::fmt::Display| Problem::new(Code::InternalError, error.to_string());
    let id = ConnectionId::new(&app.env);
    Ok(NewConnection {
        vendor: vendor.to_owned(),
        base_url,
        label: format!("{vendor} {account}"),
        account,
        external_id: None,
        key_field: serde_json::to_string(key_field).map_err(|error| internal(&error))?,
        grant_sealed: reach::seal(&app.vault, &id, grant, &app.env).map_err(|error| internal(&error))?,
        static_token: grant.refresh.is_none(),
        id,
    })
}

/// Computes a first-run plan for a connection, making its sync if it has none. `region` is for phone numbers without a
/// country code. One vendor call; the rest is the worker's.
///
/// # Errors
/// No such connection, a sync that was started already, or the vendor's.
pub async fn plan(app: &App, org: &Org, connection: &ConnectionId, region: Option<String>) -> Result<PlanId, Problem> {
    let of = connection_of(app, org, connection).await?;
    let (connector, session) = reach::session(app, &of, Class::Interactive).map_err(vendor_problem)?;
    let mapping = mapping(connector, &session, &of, region).await?;
    app.store
        .write(move |tx| {
            let mapping = among_others(tx, &of, mapping.clone())?;
            let sync = match tx.sync_of_connection(&of)? {
                None => tx.add_sync(&of, &mapping)?,
                Some(sync) => {
                    let accepted = !matches!(
                        FirstRun::of(&sync)?.map(|first| first.step),
                        Some(Step::Read { .. } | Step::Contacts { .. } | Step::Records { .. } | Step::Ready)
                    );
                    if accepted && sync.row().plan.is_some() {
                        return Err(Problem::new(
                            Code::InvalidFieldValue,
                            "This connection's sync was started already: it keeps itself in step.",
                        ));
                    }
                    tx.set_sync_mapping(&sync, &mapping)?;
                    sync
                }
            };
            Ok(plan::begin(tx, &sync)?)
        })
        .await
}

/// The mapping with a field of its own for the record's id.
fn among_others(tx: &mut Tx<'_>, of: &ConnectionOf, mut mapping: Mapping) -> Result<Mapping, StoreError> {
    let others = tx.syncs(of.org())?.into_iter().filter(|sync| sync.row().connection != *of.id());
    let others: Vec<Mapping> = others.map(|sync| sync.row().mapping.clone()).collect();
    mapping.keep_id_apart(&of.connection().vendor, &others);
    Ok(mapping)
}

/// The default mapping, with the properties that the account has.
async fn mapping(
    connector: &dyn Connector,
    session: &Session,
    of: &ConnectionOf,
    region: Option<String>,
) -> Result<Mapping, Problem> {
    let description = connector.describe(session).await.map_err(vendor_problem)?;
    let key = stored_key_field(of)?;
    let key = match &key {
        KeyField::None => None,
        KeyField::Property { name } => Some(name.as_str()),
    };
    Ok(schema::default_mapping(connector, &description, key, region))
}

/// Pauses a sync: what changes meanwhile waits.
///
/// # Errors
/// No such sync.
pub async fn pause(app: &App, org: &Org, connection: &ConnectionId) -> Result<(), Problem> {
    let of = connection_of(app, org, connection).await?;
    app.store
        .write(move |tx| {
            let sync = tx.sync_of_connection(&of)?.ok_or_else(|| Problem::not_found("sync"))?;
            audit::note_operator(tx, sync.org(), Action::SyncPaused, &json!({ "sync": sync.id() }))?;
            Ok(tx.set_sync_status(&sync, SyncStatus::Paused, None)?)
        })
        .await
}

/// Lets a paused or stopped sync go on.
///
/// # Errors
/// No such sync, or its connection has to be authorised again first.
pub async fn resume(app: &App, org: &Org, connection: &ConnectionId) -> Result<(), Problem> {
    let of = connection_of(app, org, connection).await?;
    if let ConnectionStatus::Reauthorise { reason } = &of.connection().status {
        return Err(Problem::new(Code::InvalidFieldValue, format!("Authorise the connection again first: {reason}")));
    }
    app.store
        .write(move |tx| {
            let sync = tx.sync_of_connection(&of)?.ok_or_else(|| Problem::not_found("sync"))?;
            audit::note_operator(tx, sync.org(), Action::SyncResumed, &json!({ "sync": sync.id() }))?;
            Ok(go_on(tx, &sync)?)
        })
        .await
}

fn go_on(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<(), StoreError> {
    let id = sync.id().clone();
    let Some(first) = FirstRun::of(sync)? else {
        tx.set_sync_status(sync, SyncStatus::Running, None)?;
        tx.hurry(&Job::Push { sync: id.clone() })?;
        tx.hurry(&Job::Pull { sync: id.clone() })?;
        let now = tx.now();
        return tx.enqueue(&Job::Census { sync: id }, now);
    };
    let status = if matches!(first.step, Step::Ready) { SyncStatus::Planned } else { SyncStatus::Planning };
    tx.set_sync_status(sync, status, None)?;
    tx.hurry(&Job::Plan { sync: id })
}

/// Where a sync stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The sync.
    pub sync: SyncId,
    /// Its connection.
    pub connection: ConnectionId,
    /// Where it stands.
    pub status: SyncStatus,
    /// Why it stopped itself.
    pub stopped_reason: Option<String>,
    /// The plan that was made last.
    pub plan: Option<PlanRowSet>,
    /// How many rows of the plan were carried out, while that goes on.
    pub carried_out: Option<i64>,
    /// Its pairs and questions.
    pub pairs: PairCounts,
    /// Writes without an answer yet.
    pub unanswered: usize,
    /// When the CRM's changes were last read to their end.
    pub pulled_at: Option<Time>,
    /// When the last census ended.
    pub census_at: Option<Time>,
    /// Whether nothing waits to be written and the CRM's changes were read: both sides are in step but for questions.
    pub in_step: bool,
}

/// Where the sync of a connection stands; `None` when it has none.
///
/// # Errors
/// No such connection.
pub async fn standing(app: &App, org: &Org, connection: &ConnectionId) -> Result<Option<Standing>, Problem> {
    let of = connection_of(app, org, connection).await?;
    let found = app.store.read(move |tx| {
        let Some(sync) = tx.sync_of_connection(&of)? else { return Ok(None) };
        standing_of(tx, &sync).map(Some)
    });
    Ok(found.await?)
}

fn standing_of(tx: &mut Tx<'_>, sync: &SyncOf) -> Result<Standing, StoreError> {
    const UNANSWERED_MAX: usize = 1_000;
    let row = sync.row();
    let plan = row.plan.as_ref().map(|plan| tx.plan(plan)).transpose()?.flatten();
    let carried_out = match FirstRun::of(sync)?.map(|first| first.step) {
        Some(Step::Start { after }) => Some(after),
        _ => None,
    };
    let pairs = tx.pair_counts(sync)?;
    let unanswered = tx.open_intents(sync, UNANSWERED_MAX)?.len();
    let quiet = pairs.dirty == 0 && unanswered == 0 && row.pulled_at.is_some();
    Ok(Standing {
        sync: sync.id().clone(),
        connection: row.connection.clone(),
        status: row.status,
        stopped_reason: row.stopped_reason.clone(),
        plan,
        carried_out,
        pairs,
        unanswered,
        pulled_at: row.pulled_at,
        census_at: row.census_at,
        in_step: row.status == SyncStatus::Running && quiet,
    })
}

/// A connection of the organization.
///
/// # Errors
/// No such connection.
pub(super) async fn connection_of(app: &App, org: &Org, id: &ConnectionId) -> Result<ConnectionOf, Problem> {
    let (org, id) = (org.clone(), id.clone());
    app.store.read(move |tx| tx.connection(&org, &id)?.ok_or_else(|| Problem::not_found("connection"))).await
}

/// What we tell a caller of a vendor's failure.
pub fn vendor_problem(fault: Fault) -> Problem {
    let code = match fault.class {
        FaultClass::Limited | FaultClass::Busy | FaultClass::Unreachable | FaultClass::Unknown => {
            Code::TemporarilyUnavailable
        }
        _ => Code::InvalidFieldValue,
    };
    Problem::new(code, fault.message)
}
