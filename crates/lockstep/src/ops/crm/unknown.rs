//! Invocations whose answer was lost: looked for before anything is said, and never sent again blindly (law 5).

use lockstep_connect::{Deed, FaultClass, Search};
use lockstep_core::crm::action::Key;
use lockstep_core::crm::{CrmCode, CrmEvent, CrmProblem, EventType, Filter, Operator, RecordId};
use lockstep_core::ids::InvocationId;
use lockstep_core::record::Properties;
use lockstep_store::{Invocation, InvocationState, LostInvocation, Org};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::invoke::holds;
use super::records::{self, Mapped};
use super::{connections, outcome, tokens};
use crate::app::App;
use crate::ops::Author;
use crate::ops::audit::{self, Action};

/// What was sent: enough to look for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "sent", rename_all = "snake_case")]
pub(super) enum Lost {
    /// A record was to be made, with our key where there is one: its property and its value.
    Create {
        /// Our key.
        key: Option<(String, String)>,
        /// Whether the app can send it again under the same key of ours, because it sent one of its own.
        repeatable: bool,
    },
    /// These were to be set.
    Update {
        /// The record.
        record: String,
        /// What it was to hold.
        properties: Properties,
        /// Whether it was to be linked, too: no look can tell.
        linked: bool,
    },
    /// It was to go to the recycle bin.
    Archive { record: String },
    /// An automation was to start: no look can tell.
    Start,
}

impl Lost {
    pub(super) fn of(deed: &Deed, repeatable: bool) -> Self {
        match deed {
            Deed::Create { key, .. } => {
                let key = key.as_ref().map(|key| (key.property.clone(), key.value.clone()));
                Self::Create { key, repeatable }
            }
            Deed::Update { record, properties, links } => {
                let linked = !links.is_empty();
                Self::Update { record: record.to_string(), properties: properties.clone(), linked }
            }
            Deed::Archive(record) => Self::Archive { record: record.to_string() },
            Deed::Start { .. } => Self::Start,
        }
    }
}

/// Looks for what an earlier invocation sent, and answers as it would have been.
///
/// # Errors
/// [`CrmCode::OutcomeUnknown`] where no look can prove it.
pub(super) async fn settle(app: &App, mapped: &Mapped, before: &Invocation) -> Result<Json, CrmProblem> {
    let lost: Lost = serde_json::from_value(before.deed.clone()).map_err(tokens::broken)?;
    let event = mapped.object.event(&before.event).ok_or_else(|| undecided(&before.id))?;
    look(app, mapped, event, &before.id, &lost).await
}

/// Looks for what was sent, keeps the answer if it is found, and gives the app's key back if it certainly did not happen.
///
/// # Errors
/// [`CrmCode::OutcomeUnknown`], or [`CrmCode::CrmUnavailable`] when it certainly did not happen.
pub(super) async fn look(
    app: &App,
    mapped: &Mapped,
    event: &CrmEvent,
    id: &InvocationId,
    lost: &Lost,
) -> Result<Json, CrmProblem> {
    let found = find(app, mapped, event, id, lost).await.map_err(|problem| {
        tracing::warn!(invocation = %id, %problem, "a lost answer could not be looked for");
        undecided(id)
    })?;
    let (of, kept) = (mapped.of.clone(), id.clone());
    let keeps_keys_unique = connections::connector(&mapped.of.connection().vendor)?.upsert_by_key;
    match (found, lost) {
        (Some(answer), _) => {
            let body = answer.clone();
            app.store.write(move |tx| Ok::<_, CrmProblem>(tx.finish_invocation(&of, &kept, &answer)?)).await?;
            Ok(body)
        }
        // Its key is nowhere; should it land late after all, the next try under the same key finds it by its key.
        (None, Lost::Create { key: Some(_), repeatable: true }) if keeps_keys_unique => {
            app.store.write(move |tx| Ok::<_, CrmProblem>(tx.drop_invocation(&of, &kept)?)).await?;
            let message = "The CRM's answer was lost, and it holds no such record. Try again with the same key.";
            Err(CrmProblem::new(CrmCode::CrmUnavailable, message))
        }
        (None, _) => {
            tracing::warn!(invocation = %id, event = event.slug, "an invocation's outcome is unknown: it waits for a person");
            Err(undecided(id))
        }
    }
}

fn undecided(id: &InvocationId) -> CrmProblem {
    let message = format!(
        "The CRM's answer was lost: it may have happened. It is not sent again under this key. Look in the CRM, or ask \
         GET …/invocations/{id} later."
    );
    CrmProblem::new(CrmCode::OutcomeUnknown, message)
}

/// The answer as it would have been, if what was sent is found.
pub(super) async fn find(
    app: &App,
    mapped: &Mapped,
    event: &CrmEvent,
    id: &InvocationId,
    lost: &Lost,
) -> Result<Option<Json>, CrmProblem> {
    let parsed = |record: &str| record.parse::<RecordId>().map_err(tokens::broken);
    let only_id = |record: &str| json!({ "record": { "type": mapped.object.slug, "id": record, "data": {} } });
    match lost {
        Lost::Create { key: Some((property, value)), .. } => {
            let (connector, session) = mapped.session(app)?;
            let key = Key { property: property.clone(), value: value.clone() };
            let (object, properties) = (&mapped.native()?.slug, mapped.properties());
            let found = match connector.by_key(&session, object, &key, &properties).await {
                Err(fault) if fault.class == FaultClass::Rejected => {
                    let (property, value) = (key.property.clone(), Some(key.value.clone()));
                    let filters = vec![Filter { property, operator: Operator::Eq, value }];
                    let search = Search { filters, limit: 1, ..Search::default() };
                    connector
                        .search(&session, object, &search, &properties)
                        .await
                        .map(|found| found.records.into_iter().next())
                }
                found => found,
            };
            let found = found.map_err(|fault| outcome::problem(app, fault, connector.about(), None))?;
            found.map(|record| Ok(json!({ "record": mapped.view(&record)? }))).transpose()
        }
        Lost::Update { record, properties, linked: false } => {
            let native = parsed(record)?;
            let names: Vec<String> = properties.keys().cloned().collect();
            let held = mapped.look(app, &native, &names).await?;
            if !held.is_some_and(|held| holds(&held, properties)) {
                return Ok(None);
            }
            if event.event_type == EventType::Delete {
                return Ok(Some(only_id(record)));
            }
            Ok(Some(json!({ "record": mapped.current(app, &native).await? })))
        }
        Lost::Archive { record } => {
            Ok(mapped.look(app, &parsed(record)?, &[]).await?.is_none().then(|| only_id(record)))
        }
        Lost::Create { key: None, .. } | Lost::Update { linked: true, .. } | Lost::Start => {
            tracing::debug!(invocation = %id, "nothing tells whether this happened");
            Ok(None)
        }
    }
}

/// An invocation as it stands. One whose outcome is unknown is looked for once more.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn invocation(app: &App, org: &Org, connection: &str, id: &str) -> Result<Invocation, CrmProblem> {
    let missing = || CrmProblem::new(CrmCode::NotFound, "There is no such invocation; done ones are kept for a day.");
    let id = InvocationId::parse(id).map_err(|_| missing())?;
    let seen = connections::of_org(app, org, connection).await?;
    let (of, wanted) = (seen.of.clone(), id.clone());
    let read = || {
        let (of, wanted) = (of.clone(), wanted.clone());
        app.store.read(move |tx| Ok::<_, CrmProblem>(tx.invocation(&of, &wanted)?))
    };
    let found = read().await?.ok_or_else(missing)?;
    if !found.is_lost(app.env.now()) {
        return Ok(found);
    }
    if let Ok(mapped) = records::mapped(app, org, connection, &found.object).await
        && let Err(problem) = settle(app, &mapped, &found).await
        && problem.code == CrmCode::CrmUnavailable
    {
        return Err(problem);
    }
    Ok(read().await?.unwrap_or(found))
}

/// The invocation with this id that waits for a person.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn lost(app: &App, org: &Org, id: &InvocationId) -> Result<LostInvocation, CrmProblem> {
    let (org, wanted) = (org.clone(), id.clone());
    let found = app.store.read(move |tx| Ok::<_, CrmProblem>(tx.lost_invocation(&org, &wanted)?)).await?;
    found.ok_or_else(|| CrmProblem::new(CrmCode::NotFound, format!("No outcome of an invocation {id} is unknown.")))
}

/// Forgets it for the operator, who has looked at the CRM: its key may be used again, and then sends again.
///
/// # Errors
/// The store's.
pub async fn forget(app: &App, org: &Org, lost: &LostInvocation) -> Result<(), CrmProblem> {
    let (by, lost) = (Author::command_line(org.clone()), lost.clone());
    app.store
        .write(move |tx| {
            if let Some(of) = tx.named_connection(&by.org, &lost.connection)? {
                tx.drop_invocation(&of, &lost.invocation.id)?;
                audit::note(tx, &by, Action::QuestionDropped, &json!({ "invocation": lost.invocation.id }))?;
            }
            Ok::<_, CrmProblem>(())
        })
        .await
}

/// Closes the question of an unknown outcome: a person has looked.
///
/// # Errors
/// [`CrmCode::NotFound`]; the store's.
pub async fn dismiss(app: &App, org: &Org, connection: &str, id: &str) -> Result<(), CrmProblem> {
    let found = invocation(app, org, connection, id).await?;
    let seen = connections::of_org(app, org, connection).await?;
    if found.state == InvocationState::Done || found.is_lost(app.env.now()) {
        app.store.write(move |tx| Ok::<_, CrmProblem>(tx.drop_invocation(&seen.of, &found.id)?)).await?;
    }
    Ok(())
}
