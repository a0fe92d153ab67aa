//! First-run plans: looked at, turned row by row, accepted.

use lockstep_core::ids::PlanId;
use lockstep_core::mapping::model::Side;
use lockstep_core::plan::PlanRow;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{OnDelete, Org, PlanRowSet, PlanStatus, SyncOf, SyncStatus, Tx};
use serde_json::json;

use crate::app::App;
use crate::ops::audit::{self, Action};
use crate::sync::plan::{FirstRun, Step};

/// A plan with its counts.
///
/// # Errors
/// No such plan.
pub async fn show(app: &App, org: &Org, plan: &PlanId) -> Result<PlanRowSet, Problem> {
    let (org, plan) = (org.clone(), plan.clone());
    app.store.read(move |tx| Ok(plan_of(tx, &org, &plan)?.0)).await
}

/// A page of a plan's rows with their numbers, from behind `after` (0 for the first page). A plan that was carried out
/// has its counts only.
///
/// # Errors
/// No such plan.
pub async fn rows(
    app: &App,
    org: &Org,
    plan: &PlanId,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, PlanRow)>, Problem> {
    let (org, plan) = (org.clone(), plan.clone());
    app.store
        .read(move |tx| {
            plan_of(tx, &org, &plan)?;
            Ok(tx.plan_rows(&plan, after, limit)?)
        })
        .await
}

/// Turns the winner of a conflict, as long as the plan waits for a person.
///
/// # Errors
/// No such plan, row or conflict, or the plan was accepted already.
pub async fn turn(app: &App, org: &Org, plan: &PlanId, n: i64, field: &str, winner: Side) -> Result<(), Problem> {
    let (org, plan, field) = (org.clone(), plan.clone(), field.to_owned());
    app.store
        .write(move |tx| {
            ready(&plan_of(tx, &org, &plan)?.0)?;
            let row = tx.plan_rows(&plan, n - 1, 1)?.into_iter().find(|(number, _)| *number == n);
            let Some((_, PlanRow::Matched { contact, native, mut conflicts })) = row else {
                return Err(Problem::not_found("conflict in the plan"));
            };
            let conflict = conflicts.iter_mut().find(|conflict| conflict.field == field);
            conflict.ok_or_else(|| Problem::not_found("conflict in the plan"))?.winner = winner;
            Ok(tx.replace_plan_row(&plan, n, &PlanRow::Matched { contact, native, conflicts })?)
        })
        .await
}

/// Chooses what a delete on one side does to the other in the sync of a plan, from now on (law 9).
///
/// # Errors
/// No such plan.
pub async fn choose_deletes(app: &App, org: &Org, plan: &PlanId, on_delete: OnDelete) -> Result<(), Problem> {
    let (org, plan) = (org.clone(), plan.clone());
    app.store
        .write(move |tx| {
            let (_, sync) = plan_of(tx, &org, &plan)?;
            let detail = json!({ "sync": sync.id(), "on_delete": on_delete });
            audit::note_operator(tx, &org, Action::DeletesChosen, &detail)?;
            Ok(tx.set_sync_on_delete(&sync, on_delete)?)
        })
        .await
}

/// Accepts a plan: from here on it is carried out. Accepting it again changes nothing.
///
/// # Errors
/// No such plan, or it is not ready, or a newer one has taken its place.
pub async fn accept(app: &App, org: &Org, plan: &PlanId) -> Result<(), Problem> {
    let (org, plan) = (org.clone(), plan.clone());
    app.store
        .write(move |tx| {
            let (row, sync) = plan_of(tx, &org, &plan)?;
            if matches!(row.status, PlanStatus::Accepted | PlanStatus::Done) {
                return Ok(());
            }
            ready(&row)?;
            let Some(mut first) = FirstRun::of(&sync)?.filter(|_| sync.row().plan.as_ref() == Some(&plan)) else {
                return Err(Problem::new(
                    Code::InvalidFieldValue,
                    "A newer plan has taken this one's place: accept that one.",
                ));
            };
            audit::note_operator(tx, &org, Action::PlanAccepted, &json!({ "plan": plan, "sync": sync.id() }))?;
            first.step = Step::Refresh { cursor: None };
            first.save(tx, &sync)?;
            tx.set_sync_status(&sync, SyncStatus::Planned, None)?;
            Ok(tx.set_plan(&plan, PlanStatus::Accepted, &row.summary)?)
        })
        .await
}

fn ready(plan: &PlanRowSet) -> Result<(), Problem> {
    let message = match plan.status {
        PlanStatus::Ready => return Ok(()),
        PlanStatus::Computing => "The plan is still being computed: wait until it is ready.",
        PlanStatus::Accepted | PlanStatus::Done => "The plan was accepted already.",
    };
    Err(Problem::new(Code::InvalidFieldValue, message))
}

fn plan_of(tx: &mut Tx<'_>, org: &Org, plan: &PlanId) -> Result<(PlanRowSet, SyncOf), Problem> {
    let not_found = || Problem::not_found("plan");
    let row = tx.plan(plan)?.ok_or_else(not_found)?;
    let sync = tx.sync(&row.sync)?.filter(|sync| sync.org() == org).ok_or_else(not_found)?;
    Ok((row, sync))
}
