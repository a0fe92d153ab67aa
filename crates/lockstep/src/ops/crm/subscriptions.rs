//! What apps want to be told of: one record, or every record that a search event finds.

use lockstep_connect::{Changed, Search};
use lockstep_core::crm::{CrmCode, CrmProblem, Effect, EventType, Filter, RecordId, evaluate, payload};
use lockstep_core::ids::CrmSubscriptionId;
use lockstep_core::job::Job;
use lockstep_core::limits::CRM_SUBSCRIPTIONS_MAX;
use lockstep_store::{ConnectionOf, CrmSubscription, Org};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::app::ConnectionEvent;
use super::invoke::refused;
use super::records::{self, Mapped};
use super::{connections, outcome, tokens};
use crate::app::App;
use crate::sync::watch::Place;

/// What a subscription wants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Wanted {
    /// Changes of one record.
    Record {
        /// The CRM object's slug.
        object: String,
        /// The record.
        record: String,
    },
    /// Changes of every record that a search event finds.
    Search {
        /// The CRM object's slug.
        object: String,
        /// The event's slug.
        event: String,
        /// The criteria.
        payload: Json,
    },
}

/// What an app is told, as it waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Told {
    /// Something about a connection.
    Connection {
        /// Where.
        url: String,
        /// What happened.
        event_type: ConnectionEvent,
        /// The connector's slug.
        connector: String,
        /// The context's name.
        context: String,
        /// The connection's name.
        connection: String,
    },
    /// A record of a subscription changed or is gone. What it holds is read when it is told.
    Record {
        /// The connection's name.
        connection: String,
        /// The subscription.
        subscription: CrmSubscriptionId,
        /// The record.
        record: String,
    },
}

impl Wanted {
    /// The CRM object's slug.
    pub fn object(&self) -> &str {
        match self {
            Self::Record { object, .. } | Self::Search { object, .. } => object,
        }
    }

    /// Whether a record of this native object can be wanted, and under which conditions.
    ///
    /// # Errors
    /// What keeps the mapping from telling.
    pub(crate) fn filters(&self, mapped: &Mapped) -> Result<Watched, CrmProblem> {
        match self {
            Self::Record { record, .. } => Ok(Watched::Record(mapped.record(record)?)),
            Self::Search { event, payload, .. } => Ok(Watched::Matching(search(mapped, event, payload)?)),
        }
    }
}

/// What is looked for at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// One record.
    Record(RecordId),
    /// The records that pass; `None` when the user wants the search to find nothing.
    Matching(Option<Vec<Filter>>),
}

fn search(mapped: &Mapped, slug: &str, given: &Json) -> Result<Option<Vec<Filter>>, CrmProblem> {
    let event = mapped.object.event(slug).filter(|event| event.event_type == EventType::Search).ok_or_else(|| {
        CrmProblem::new(CrmCode::EventNotFound, format!("{} defines no such search event.", mapped.object.slug))
    })?;
    let payload = payload::read(&event.fields, given, false)
        .map_err(|flaws| CrmProblem::flawed(CrmCode::PayloadInvalid, flaws))?;
    let Some(api) = &mapped.api else { return Ok(None) };
    let action = mapped.mapping.action(slug).ok_or_else(|| {
        CrmProblem::new(CrmCode::EventNotMapped, format!("The user has not decided yet what {slug} does."))
    })?;
    match evaluate(action, event.event_type, api, &payload).map_err(refused)? {
        Effect::Search(filters) => Ok(Some(filters)),
        _ => Ok(None),
    }
}

/// Where a subscription begins: with the record as it is, or with what is modified from now on by the vendor's clock. Asking
/// for that also shows whether the vendor takes such a search.
async fn beginning(app: &App, mapped: &Mapped, wanted: &Wanted) -> Result<Place, CrmProblem> {
    match wanted.filters(mapped)? {
        Watched::Record(id) => {
            let missing = || CrmProblem::new(CrmCode::RecordNotFound, "The CRM shows no such record.");
            let record = mapped.look(app, &id, &[]).await?.ok_or_else(missing)?;
            Ok(Place::Record { known: Some(record.updated_at) })
        }
        Watched::Matching(None) => Ok(Place::searching_from(app.env.now())),
        Watched::Matching(Some(filters)) => {
            let (connector, session) = mapped.session(app)?;
            let changed = Some(Changed { from: app.env.now(), until: None });
            let search = Search { filters, changed, limit: 1, after: None };
            let found = connector.search(&session, &mapped.native()?.slug, &search, &[]).await;
            let found = found.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?;
            Ok(Place::searching_from(found.asked_at))
        }
    }
}

/// Subscribes; the same wish twice is one subscription.
///
/// # Errors
/// As invoking a search or reading a record would answer; too many subscriptions; the store's.
pub async fn subscribe(app: &App, org: &Org, connection: &str, wanted: Wanted) -> Result<CrmSubscription, CrmProblem> {
    let mapped = records::mapped(app, org, connection, wanted.object()).await?;
    let settings = super::app::settings(app, org).await?;
    if settings.data_webhook_url.is_none() {
        let message = "Set data_webhook_url with PUT /api/platform/app first: there is nowhere to tell changes to.";
        return Err(CrmProblem::new(CrmCode::Malformed, message));
    }
    let place = beginning(app, &mapped, &wanted).await?;
    let of = mapped.of.clone();
    app.store
        .write(move |tx| {
            let (held, more) = tx.crm_subscriptions(&of, None, CRM_SUBSCRIPTIONS_MAX as usize)?;
            if more || held.len() as u64 == CRM_SUBSCRIPTIONS_MAX {
                let message =
                    format!("A connection has at most {CRM_SUBSCRIPTIONS_MAX} subscriptions. Delete one first.");
                return Err(CrmProblem::new(CrmCode::Malformed, message));
            }
            let content = serde_json::to_value(&wanted).map_err(tokens::broken)?;
            let place = serde_json::to_value(&place).map_err(tokens::broken)?;
            let kept = tx.add_crm_subscription(&of, &content.to_string(), &content, &place)?;
            let now = tx.now();
            tx.enqueue(&Job::Watch { connection: of.id().clone() }, now)?;
            Ok(kept)
        })
        .await
}

fn parsed(id: &str) -> Result<CrmSubscriptionId, CrmProblem> {
    CrmSubscriptionId::parse(id).map_err(|_| missing())
}

fn missing() -> CrmProblem {
    CrmProblem::new(CrmCode::NotFound, "There is no such subscription.")
}

async fn connection(app: &App, org: &Org, id: &str) -> Result<ConnectionOf, CrmProblem> {
    Ok(connections::of_org(app, org, id).await?.of)
}

/// A page of a connection's subscriptions, and the id to go on behind.
///
/// # Errors
/// An unknown connection; the store's.
pub async fn page(
    app: &App,
    org: &Org,
    id: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<(Vec<CrmSubscription>, Option<CrmSubscriptionId>), CrmProblem> {
    let of = connection(app, org, id).await?;
    let after = after.map(parsed).transpose()?;
    let (page, more) =
        app.store.read(move |tx| Ok::<_, CrmProblem>(tx.crm_subscriptions(&of, after.as_ref(), limit)?)).await?;
    let next = page.last().filter(|_| more).map(|last| last.id.clone());
    Ok((page, next))
}

/// One subscription.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn get(app: &App, org: &Org, id: &str, subscription: &str) -> Result<CrmSubscription, CrmProblem> {
    let of = connection(app, org, id).await?;
    let subscription = parsed(subscription)?;
    let found = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.crm_subscription(&of, &subscription)?)).await?;
    found.ok_or_else(missing)
}

/// Ends a subscription.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn delete(app: &App, org: &Org, id: &str, subscription: &str) -> Result<(), CrmProblem> {
    let of = connection(app, org, id).await?;
    let subscription = parsed(subscription)?;
    let gone = app.store.write(move |tx| Ok::<_, CrmProblem>(tx.delete_crm_subscription(&of, &subscription)?)).await?;
    if gone { Ok(()) } else { Err(missing()) }
}

/// What a subscription wants.
///
/// # Errors
/// A row that cannot be read back.
pub fn wanted(subscription: &CrmSubscription) -> Result<Wanted, CrmProblem> {
    serde_json::from_value(subscription.content.clone()).map_err(tokens::broken)
}
