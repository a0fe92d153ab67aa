//! Looks after what apps subscribed to. Each subscription has a place of its own: a later one is told no history, one
//! that the vendor refuses keeps no other waiting, and two that want one record are both told.
//!
//! One record is read by id, many in one call. What a search event finds is walked in windows of the vendor's clock: each
//! is closed where that clock stood when its first page was asked for, and the next begins there, less the time that the
//! vendor's index may lag behind. Only what a subscription wants is told of; nothing else is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_connect::{Changed, Connector, Fault, FaultClass, Got, Search, Session};
use lockstep_core::crm::{CrmProblem, Filter};
use lockstep_core::env::Time;
use lockstep_core::ids::ConnectionId;
use lockstep_core::job::Job;
use lockstep_store::{ConnectionOf, ConnectionStatus, CrmStep, CrmSubscription, StoreError};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::ops::crm::records::{self, Mapped};
use crate::ops::crm::subscriptions::{Told, Wanted, Watched};
use crate::ops::crm::tokens;
use crate::reach::{self, Class};
use crate::sync::Halt;

/// When a subscription that cannot be looked after is tried again, in case somebody has mended the cause.
const AGAIN: Duration = Duration::from_secs(300);

/// How far a subscription was looked after. Times are the vendor's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(crate) enum Place {
    /// One record.
    Record {
        /// The modification that the app knows of; `None` when it knows that the record is gone.
        known: Option<Time>,
    },
    /// What a search finds.
    Search {
        /// What was modified before this is no change to the app.
        begins: Time,
        /// Where the next window begins, less the index lag.
        since: Time,
        /// The window under way, after its first page.
        window: Option<Window>,
        /// Records told of, and their modification, that the next window may show again.
        told: BTreeMap<String, Time>,
    },
}

/// The rest of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// The native object and the conditions: when the user maps anew, the walk starts over.
    search: (String, Vec<Filter>),
    until: Time,
    after: String,
}

impl Place {
    /// Before anything was looked at.
    pub(crate) const fn searching_from(begins: Time) -> Self {
        Self::Search { begins, since: begins, window: None, told: BTreeMap::new() }
    }
}

/// Why a subscription could not be looked after.
enum Hindrance {
    Vendor(Fault),
    Mapping(CrmProblem),
}

impl From<Fault> for Hindrance {
    fn from(fault: Fault) -> Self {
        Self::Vendor(fault)
    }
}

impl From<CrmProblem> for Hindrance {
    fn from(problem: CrmProblem) -> Self {
        Self::Mapping(problem)
    }
}

/// What one look found: where a subscription stands now, and the records to tell of.
struct Looked {
    step: CrmStep,
    told: Vec<String>,
}

/// The connection, the way to its CRM and how long a subscription rests.
struct Watch<'a> {
    app: &'a App,
    of: &'a ConnectionOf,
    connector: &'static dyn Connector,
    session: Session,
    poll: Duration,
}

/// Carries out [`Job::Watch`]: one page of one search, or one read of subscribed records, and then whatever is due next.
/// Ends when nothing is subscribed or the user has to connect again, which begins it anew.
///
/// # Errors
/// The vendor's or the store's; the job is then to be repeated.
pub async fn run(app: &App, connection: &ConnectionId) -> Result<(), Halt> {
    let id = connection.clone();
    let Some(of) = app.store.read(move |tx| tx.connection_of_job(&id)).await? else { return Ok(()) };
    if of.connection().disabled_at.is_some() || of.connection().status != ConnectionStatus::Ok {
        return Ok(());
    }
    let (connector, session) = reach::session(app, &of, Class::Live)?;
    let (wanted, limit) = (of.clone(), connector.about().read_batch);
    let due = app.store.read(move |tx| tx.due_crm_subscriptions(&wanted, limit)).await?;
    let poll = reach::poll_pause(app, connector.about(), &of);
    let watch = Watch { app, of: &of, connector, session, poll };
    let (looked, halt) = match watch.look(&due).await {
        Ok(looked) => (looked, None),
        Err(hindrance) => watch.postpone(&due, hindrance)?,
    };
    commit(app, &of, looked).await?;
    halt.map_or(Ok(()), Err)
}

impl Watch<'_> {
    /// Looks after the subscription that waits longest; when it is about a record, after others of its kind, too.
    async fn look(&self, due: &[CrmSubscription]) -> Result<Vec<Looked>, Hindrance> {
        let Some(first) = due.first() else { return Ok(Vec::new()) };
        let wanted = wanted(first)?;
        let name = self.of.connection().external_id.clone().unwrap_or_default();
        let mapped = records::mapped(self.app, self.of.org(), &name, wanted.object()).await?;
        match wanted.filters(&mapped)? {
            Watched::Record(_) => self.read(&mapped, due).await,
            Watched::Matching(Some(filters)) => Ok(vec![self.search(&mapped, first, filters).await?]),
            // The user wants this search to find nothing.
            Watched::Matching(None) => Ok(vec![self.looked(first, None, Vec::new())]),
        }
    }

    /// Reads the due records of one CRM object in one call.
    async fn read(&self, mapped: &Mapped, due: &[CrmSubscription]) -> Result<Vec<Looked>, Hindrance> {
        let same = due.iter().filter_map(|subscription| match wanted(subscription) {
            Ok(Wanted::Record { object, record }) if object == mapped.object.slug => {
                Some((subscription, mapped.record(&record).ok()?))
            }
            _ => None,
        });
        let (same, records): (Vec<_>, Vec<_>) = same.unzip();
        let ids: Vec<String> = records.iter().map(|record| record.id().to_owned()).collect();
        let got = self.connector.read(&self.session, &mapped.native()?.slug, &ids, &[]).await?;
        let looked = same.into_iter().zip(records).zip(got).map(|((subscription, record), got)| {
            let now = match got {
                Got::Found(record) => Some(record.updated_at),
                Got::Archived(_) | Got::Missing => None,
            };
            let known = match place(subscription) {
                Some(Place::Record { known }) => known,
                _ => Some(subscription.created_at),
            };
            let told = if known == now { Vec::new() } else { vec![record.to_string()] };
            self.looked(subscription, Some(Place::Record { known: now }), told)
        });
        Ok(looked.collect())
    }

    /// Reads one page of what a search finds among the changes.
    async fn search(
        &self,
        mapped: &Mapped,
        subscription: &CrmSubscription,
        filters: Vec<Filter>,
    ) -> Result<Looked, Hindrance> {
        let object = mapped.native()?.slug.clone();
        let kept = place(subscription).unwrap_or(Place::searching_from(subscription.created_at));
        let Place::Search { begins, since, window, mut told } = kept else {
            return Err(tokens::broken("a search with a record's place").into());
        };
        let search = (object, filters);
        let window = window.filter(|window| window.search == search);
        let about = self.connector.about();
        let from = begins.max(since.minus(about.index_lag));
        let page = Search {
            filters: search.1.clone(),
            changed: Some(Changed { from, until: window.as_ref().map(|window| window.until) }),
            limit: about.page,
            after: window.as_ref().map(|window| window.after.clone()),
        };
        let found = self.connector.search(&self.session, &search.0, &page, &[]).await?;
        let until = window.map_or(found.asked_at, |window| window.until);
        // Times that a vendor cuts lie before the edit: the next window begins before them, and shows them again.
        let keep_from = until.minus(about.index_lag).minus(about.granularity);
        let mut news = Vec::new();
        for record in found.records {
            if told.get(&record.id) != Some(&record.updated_at) {
                news.push(format!("{}:{}", search.0, record.id));
            }
            if record.updated_at >= keep_from {
                told.insert(record.id, record.updated_at);
            }
        }
        let place = match found.after {
            Some(after) => Place::Search { begins, since, window: Some(Window { search, until, after }), told },
            None => {
                told.retain(|_, modified| *modified >= keep_from);
                Place::Search { begins, since: until, window: None, told }
            }
        };
        Ok(self.looked(subscription, Some(place), news))
    }

    /// A walk that is not at its end goes on at once, behind those that wait longer.
    fn looked(&self, subscription: &CrmSubscription, place: Option<Place>, told: Vec<String>) -> Looked {
        let more = matches!(place, Some(Place::Search { window: Some(_), .. }));
        let due = if more { self.app.env.now() } else { self.app.env.now().plus(self.poll) };
        let place = place.and_then(|place| serde_json::to_value(place).ok());
        Looked { step: CrmStep { id: subscription.id.clone(), place, due }, told }
    }

    /// Lets the others go first. What ails the whole vendor halts the job, too.
    fn postpone(&self, due: &[CrmSubscription], hindrance: Hindrance) -> Result<(Vec<Looked>, Option<Halt>), Halt> {
        let Some(first) = due.first() else { return Ok((Vec::new(), None)) };
        let (wait, halt) = match hindrance {
            // Nothing was asked: it is this one's turn again.
            Hindrance::Vendor(fault) if fault.class == FaultClass::Limited => return Err(fault.into()),
            Hindrance::Vendor(fault) => {
                tracing::warn!(subscription = %first.id, class = ?fault.class, code = fault.code, "the vendor keeps a subscription from being looked after: {fault}");
                match fault.class {
                    FaultClass::Busy | FaultClass::Unknown | FaultClass::Unreachable => (self.poll, Some(fault.into())),
                    _ => (AGAIN, None),
                }
            }
            Hindrance::Mapping(problem) => {
                tracing::info!(subscription = %first.id, %problem, "a subscription cannot be looked after at present");
                (problem.retry_after.unwrap_or(AGAIN), None)
            }
        };
        let step = CrmStep { id: first.id.clone(), place: None, due: self.app.env.now().plus(wait) };
        Ok((vec![Looked { step, told: Vec::new() }], halt))
    }
}

fn wanted(subscription: &CrmSubscription) -> Result<Wanted, CrmProblem> {
    serde_json::from_value(subscription.content.clone()).map_err(tokens::broken)
}

fn place(subscription: &CrmSubscription) -> Option<Place> {
    serde_json::from_value(subscription.place.clone()?).ok()
}

/// Queues what is to be told, in the commit that moves the places on, and the next look.
async fn commit(app: &App, of: &ConnectionOf, looked: Vec<Looked>) -> Result<(), Halt> {
    let of = of.clone();
    let name = of.connection().external_id.clone().unwrap_or_default();
    let bug = |error: serde_json::Error| StoreError::Bug { detail: error.to_string() };
    Ok(app
        .store
        .write(move |tx| {
            for Looked { step, told } in looked {
                tx.step_crm_subscription(&of, &step)?;
                for record in told {
                    let fold = format!("{}:{record}", step.id);
                    let content = Told::Record { connection: name.clone(), subscription: step.id.clone(), record };
                    tx.tell_app(of.org(), &fold, &serde_json::to_value(&content).map_err(bug)?)?;
                }
            }
            match tx.next_crm_subscription(&of)? {
                Some(due) => tx.enqueue(&Job::Watch { connection: of.id().clone() }, due.max(tx.now())),
                None => Ok(()),
            }
        })
        .await?)
}
