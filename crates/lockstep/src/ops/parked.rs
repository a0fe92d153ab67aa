//! Questions for a person: listed, resumed, dropped.

use lockstep_core::ids::ParkedId;
use lockstep_core::job::Job;
use lockstep_core::mapping::view::{contact_values, record_values};
use lockstep_core::pair::{Base, FieldBase, Pair, PairState};
use lockstep_core::parked::{Parked, Reason};
use lockstep_core::problem::{Code, Problem};
use lockstep_core::record::Field;
use lockstep_store::{Org, StoreError, SyncOf, SyncStatus, Tx};
use serde_json::json;

use crate::app::App;
use crate::ops::audit::{self, Action};
use crate::sync::census;
/// Has Lockstep try again, the cause being mended: what is still a question is asked anew.
///
/// # Errors
/// No such question, or one whose answer needs the sync, which does not run.
pub async fn resume(app: &App, org: &Org, id: &ParkedId) -> Result<(), Problem> {
    answer(app, org, id, Action::QuestionResumed, resume_one).await
}

/// Leaves both sides as they are: a pair stays apart, a field keeps its two values until one of them changes again.
///
/// # Errors
/// No such question.
pub async fn drop_question(app: &App, org: &Org, id: &ParkedId) -> Result<(), Problem> {
    answer(app, org, id, Action::QuestionDropped, drop_one).await
}

/// When a question is closed.
#[derive(PartialEq, Eq)]
enum Closes {
    /// With the answer.
    Now,
    /// When its cause is seen to be gone.
    Later,
}

type Answer = fn(&mut Tx<'_>, &SyncOf, &Parked) -> Result<Closes, Problem>;

async fn answer(app: &App, org: &Org, id: &ParkedId, action: Action, answer: Answer) -> Result<(), Problem> {
    let (org, id) = (org.clone(), id.clone());
    app.store
        .write(move |tx| {
            let not_found = || Problem::not_found("parked question");
            let parked = tx.parked(&org, &id)?.ok_or_else(not_found)?;
            let sync = tx.sync(&parked.sync)?.ok_or_else(not_found)?;
            let detail = json!({ "question": id, "sync": parked.sync, "reason": parked.reason.code() });
            audit::note_operator(tx, &org, action, &detail)?;
            if answer(tx, &sync, &parked)? == Closes::Now {
                tx.close_parked(&org, &id)?;
            }
            Ok(())
        })
        .await
}

fn resume_one(tx: &mut Tx<'_>, sync: &SyncOf, parked: &Parked) -> Result<Closes, Problem> {
    let Some(mut pair) = pair_of(tx, sync, parked)? else { return resume_without_pair(tx, sync, parked) };
    match held_field(&parked.reason, &pair) {
        Some(field) => release(&mut pair, &field),
        None => {
            if matches!(parked.reason, Reason::DeletedButEdited { .. }) {
                // The record lies in the CRM's recycle bin: a new one is made for the contact.
                pair.native = None;
                pair.base = Base::new();
            }
            pair.state = PairState::Open;
        }
    }
    if let Some(contact) = tx.contact(sync.org(), &pair.contact)? {
        pair.dirty = Some(contact.seq);
    }
    tx.save_pair(sync, &pair)?;
    tx.hurry(&Job::Push { sync: sync.id().clone() })?;
    Ok(Closes::Now)
}

/// What such a question is about is looked at by a job, and a job of a sync that does not run does nothing.
fn resume_without_pair(tx: &mut Tx<'_>, sync: &SyncOf, parked: &Parked) -> Result<Closes, Problem> {
    if sync.row().status != SyncStatus::Running {
        let message =
            "The sync does not run, so nothing can be tried again: resume the sync first, then this question.";
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let natives = match &parked.reason {
        Reason::MassDelete { .. } => {
            census::allow(tx, sync)?;
            return Ok(Closes::Later);
        }
        Reason::Refused { .. } if parked.native.is_none() => {
            // A census begins by looking whether the property has come back.
            tx.hurry(&Job::Census { sync: sync.id().clone() })?;
            return Ok(Closes::Later);
        }
        Reason::Ambiguous { records, .. } => records.clone(),
        _ => parked.native.clone().into_iter().collect(),
    };
    if !natives.is_empty() {
        tx.hurry(&Job::Check { sync: sync.id().clone(), natives })?;
    }
    Ok(Closes::Now)
}

fn drop_one(tx: &mut Tx<'_>, sync: &SyncOf, parked: &Parked) -> Result<Closes, Problem> {
    let Some(mut pair) = pair_of(tx, sync, parked)? else { return Ok(Closes::Now) };
    match held_field(&parked.reason, &pair) {
        Some(field) => {
            let base = as_they_stand(tx, sync, &pair, &field)?;
            release(&mut pair, &field);
            pair.base.insert(field, base);
        }
        None => {
            pair.state = PairState::Tombstone;
            pair.dirty = None;
        }
    }
    tx.save_pair(sync, &pair)?;
    Ok(Closes::Now)
}

fn pair_of(tx: &mut Tx<'_>, sync: &SyncOf, parked: &Parked) -> Result<Option<Pair>, StoreError> {
    Ok(parked.pair.as_ref().map(|pair| tx.pair(sync, pair)).transpose()?.flatten())
}

/// The field that a question sets aside; `None` when it is about the whole pair.
fn held_field(reason: &Reason, pair: &Pair) -> Option<Field> {
    let field = match reason {
        Reason::Fight { field, .. } | Reason::Refused { field: Some(field), .. } => field.as_str(),
        Reason::Ambiguous { .. } => "phone_number",
        _ => return None,
    };
    pair.held.iter().find(|held| *held == field).cloned()
}

fn release(pair: &mut Pair, field: &Field) {
    pair.held.retain(|held| held != field);
    pair.fights.remove(field);
}

fn as_they_stand(tx: &mut Tx<'_>, sync: &SyncOf, pair: &Pair, field: &Field) -> Result<FieldBase, StoreError> {
    let contact = tx.contact(sync.org(), &pair.contact)?;
    let record = pair.native.as_deref().map(|native| tx.native_record(sync, native)).transpose()?.flatten();
    Ok(FieldBase {
        ours: contact.and_then(|contact| contact_values(&contact).remove(field)),
        theirs: record.and_then(|record| record_values(&sync.row().mapping, &record).remove(field)),
    })
}
