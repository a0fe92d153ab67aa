//! Looks through a CRM for changes that an app subscribed to: one search for each native object, from where the last one
//! ended. Only what a subscription wants is told of; nothing else is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_connect::{Got, Search};
use lockstep_core::crm::{CrmProblem, RecordId};
use lockstep_core::env::Time;
use lockstep_core::ids::{ConnectionId, CrmSubscriptionId};
use lockstep_core::job::Job;
use lockstep_core::limits::CRM_SUBSCRIPTIONS_MAX;
use lockstep_core::record::Record;
use lockstep_store::{ConnectionOf, CrmSubscription, StoreError};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::ops::crm::records::{self, Mapped};
use crate::ops::crm::subscriptions::{Told, Wanted, Watched};
use crate::reach::{self, Class};
use crate::sync::Halt;

/// How far a native object was looked through, and which subscribed records were seen there.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Cursor {
    /// The modification time up to which all was told, and the records seen with exactly that time.
    since: Option<Time>,
    seen: BTreeMap<String, Time>,
    /// Records of subscriptions that were gone when last looked for: told once.
    gone: Vec<String>,
}

/// What is wanted of one native object.
#[derive(Default)]
struct Wishes {
    records: Vec<(CrmSubscriptionId, RecordId)>,
    searches: Vec<(CrmSubscriptionId, Mapped, Vec<lockstep_core::crm::Filter>)>,
}

/// Carries out [`Job::Watch`], and comes back after the poll's time while there are subscriptions.
///
/// # Errors
/// The vendor's or the store's; the job is then to be repeated.
pub async fn run(app: &App, connection: &ConnectionId) -> Result<(), Halt> {
    let id = connection.clone();
    let Some(of) = app.store.read(move |tx| tx.connection_of_job(&id)).await? else { return Ok(()) };
    if of.connection().disabled_at.is_some() {
        return Ok(());
    }
    let wanted = of.clone();
    let limit = CRM_SUBSCRIPTIONS_MAX as usize;
    let (subscriptions, _) = app.store.read(move |tx| tx.crm_subscriptions(&wanted, None, limit)).await?;
    if subscriptions.is_empty() {
        return Ok(());
    }
    for (object, wishes) in wishes(app, &of, subscriptions).await? {
        look_through(app, &of, &object, wishes).await?;
    }
    let (job, wait) = (Job::Watch { connection: connection.clone() }, Duration::from_secs(app.settings.poll_seconds));
    Ok(app
        .store
        .write(move |tx| {
            let due = tx.now().plus(wait);
            tx.enqueue(&job, due)
        })
        .await?)
}

/// The subscriptions by native object. One that the mapping can say nothing of at present waits until it can.
async fn wishes(
    app: &App,
    of: &ConnectionOf,
    subscriptions: Vec<CrmSubscription>,
) -> Result<BTreeMap<String, Wishes>, Halt> {
    let mut wishes: BTreeMap<String, Wishes> = BTreeMap::new();
    let name = of.connection().external_id.clone().unwrap_or_default();
    for subscription in subscriptions {
        let Ok(wanted) = serde_json::from_value::<Wanted>(subscription.content) else { continue };
        let found = watched(app, of, &name, &wanted).await;
        let (mapped, watched) = match found {
            Ok(found) => found,
            Err(problem) => {
                tracing::info!(subscription = %subscription.id, %problem, "a subscription cannot be looked for at present");
                continue;
            }
        };
        let Some(native) = mapped.api.as_ref().map(|api| api.slug.clone()) else { continue };
        let of_object = wishes.entry(native).or_default();
        match watched {
            Watched::Record(record) => of_object.records.push((subscription.id, record)),
            Watched::Matching(Some(filters)) => of_object.searches.push((subscription.id, mapped, filters)),
            Watched::Matching(None) => {}
        }
    }
    Ok(wishes)
}

async fn watched(app: &App, of: &ConnectionOf, name: &str, wanted: &Wanted) -> Result<(Mapped, Watched), CrmProblem> {
    let mapped = records::mapped(app, of.org(), name, wanted.object()).await?;
    let watched = wanted.filters(&mapped)?;
    Ok((mapped, watched))
}

async fn look_through(app: &App, of: &ConnectionOf, object: &str, wishes: Wishes) -> Result<(), Halt> {
    let (connector, session) = reach::session(app, of, Class::Live)?;
    let about = connector.about();
    let mut cursor = cursor(app, of, object).await?;
    let began = cursor.since.is_none();
    // What was modified before the subscription is no change; what a search does not show yet is found the next time.
    let from = cursor.since.unwrap_or_else(|| app.env.now()).minus(about.index_lag);
    let mut told: Vec<(CrmSubscriptionId, String)> = Vec::new();
    let record_ids: BTreeMap<&str, &CrmSubscriptionId> =
        wishes.records.iter().map(|(subscription, record)| (record.id(), subscription)).collect();
    let mut searches: Vec<(Option<&CrmSubscriptionId>, Vec<lockstep_core::crm::Filter>)> =
        wishes.searches.iter().map(|(subscription, _, filters)| (Some(subscription), filters.clone())).collect();
    if !record_ids.is_empty() {
        searches.push((None, Vec::new()));
    }
    let mut newest = cursor.since;
    let mut seen: BTreeMap<String, Time> = BTreeMap::new();
    for (subscription, filters) in searches {
        let mut search = Search { filters, changed_since: Some(from), limit: about.page, after: None };
        loop {
            let found = connector.search(&session, object, &search, &[]).await?;
            for record in &found.records {
                newest = newest.max(Some(record.updated_at));
                let fresh = !began && cursor.seen.get(&record.id) != Some(&record.updated_at);
                seen.insert(record.id.clone(), record.updated_at);
                let to = subscription.or_else(|| record_ids.get(record.id.as_str()).copied());
                if let Some(to) = to.filter(|_| fresh) {
                    told.push((to.clone(), record_id(object, record)));
                }
            }
            match found.after {
                Some(after) => search.after = Some(after),
                None => break,
            }
        }
    }
    let keep_from = newest.map(|newest| newest.minus(about.index_lag));
    seen.retain(|_, at| keep_from.is_none_or(|from| *at >= from));
    cursor.gone = gone(app, of, object, &wishes, &cursor.gone, &mut told).await?;
    (cursor.since, cursor.seen) = (newest.or(Some(from)), seen);
    tell(app, of, object, cursor, told).await
}

fn record_id(object: &str, record: &Record) -> String {
    format!("{object}:{}", record.id)
}

async fn cursor(app: &App, of: &ConnectionOf, object: &str) -> Result<Cursor, Halt> {
    let (of, object) = (of.clone(), object.to_owned());
    let kept = app.store.read(move |tx| tx.crm_watch(&of, &object)).await?;
    Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default())
}

/// Subscribed records that are to be seen no more: a search never shows that.
async fn gone(
    app: &App,
    of: &ConnectionOf,
    object: &str,
    wishes: &Wishes,
    before: &[String],
    told: &mut Vec<(CrmSubscriptionId, String)>,
) -> Result<Vec<String>, Halt> {
    let (connector, session) = reach::session(app, of, Class::Live)?;
    let mut gone = Vec::new();
    for part in wishes.records.chunks(connector.about().read_batch) {
        let ids: Vec<String> = part.iter().map(|(_, record)| record.id().to_owned()).collect();
        let got = connector.read(&session, object, &ids, &[]).await?;
        for ((subscription, record), got) in part.iter().zip(got) {
            if matches!(got, Got::Found(_)) {
                continue;
            }
            gone.push(record.id().to_owned());
            if !before.iter().any(|known| known == record.id()) {
                told.push((subscription.clone(), record.to_string()));
            }
        }
    }
    Ok(gone)
}

/// Queues what is to be told, in the commit that moves the cursor on.
async fn tell(
    app: &App,
    of: &ConnectionOf,
    object: &str,
    cursor: Cursor,
    told: Vec<(CrmSubscriptionId, String)>,
) -> Result<(), Halt> {
    let cursor = serde_json::to_value(&cursor).map_err(|error| Halt::Store(bug(&error)))?;
    let (of, object) = (of.clone(), object.to_owned());
    let name = of.connection().external_id.clone().unwrap_or_default();
    Ok(app
        .store
        .write(move |tx| {
            for (subscription, record) in told {
                let fold = format!("{subscription}:{record}");
                let content = Told::Record { connection: name.clone(), subscription, record };
                let content = serde_json::to_value(&content).map_err(|error| bug(&error))?;
                tx.tell_app(of.org(), &fold, &content)?;
            }
            tx.set_crm_watch(&of, &object, &cursor)
        })
        .await?)
}

fn bug(error: &serde_json::Error) -> StoreError {
    StoreError::Bug { detail: error.to_string() }
}
