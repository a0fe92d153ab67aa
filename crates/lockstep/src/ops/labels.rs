//! Labels made, changed and deleted, and hung on contacts (reference section "Labels").

use std::collections::BTreeSet;
use std::slice;

use lockstep_core::change::{Change, FieldChange};
use lockstep_core::contact::Contact;
use lockstep_core::event::EventType;
use lockstep_core::ids::{ChangeId, ContactId, LabelId, TeamId};
use lockstep_core::label::{Color, Label, NewLabel};
use lockstep_core::limits::LABELS_MAX;
use lockstep_core::mapping::model::Side;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Account, Org, StoreError, Tx};
use serde_json::{Value as Json, json};

use crate::ops::Author;
use crate::ops::audit::{self, Action};
use crate::ops::contacts::{self, AccountChoice};
use crate::ops::payload::{self, ContactObject, LabelObject};

/// What a caller gives to make a label, checked already.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The team; `None` takes the only one.
    pub team: Option<TeamId>,
    /// What people call it.
    pub name: String,
    /// How it looks.
    pub color: Color,
}

/// What to change of a label; members left out stay.
#[derive(Clone, Debug, Default)]
pub struct LabelPatch {
    /// See [`Label::name`].
    pub name: Option<String>,
    /// See [`Label::color`].
    pub color: Option<Color>,
}

/// The team whose labels fit an account of a path; `None` where those of every team do.
///
/// # Errors
/// No such account.
pub fn team_of(tx: &mut Tx<'_>, org: &Org, account: Option<&str>) -> Result<Option<TeamId>, Problem> {
    let Some(account) = account else { return Ok(None) };
    Ok(contacts::account(tx, org, &AccountChoice::Id(account.to_owned()))?.team)
}

/// Finds a label, among those of one team if one is given.
///
/// # Errors
/// No such label.
pub fn find(tx: &mut Tx<'_>, org: &Org, team: Option<&TeamId>, id: &LabelId) -> Result<Label, Problem> {
    tx.label(org, id)?
        .filter(|label| team.is_none_or(|team| label.team == *team))
        .ok_or_else(|| Problem::not_found("label"))
}

/// Finds the label that shall hang on something of this account.
///
/// # Errors
/// No such label, or its team's labels do not fit there.
pub fn fitting(tx: &mut Tx<'_>, org: &Org, account: &Account, id: &LabelId) -> Result<Label, Problem> {
    let label = find(tx, org, None, id)?;
    if account.team.as_ref().is_some_and(|team| *team != label.team) { Err(misfit()) } else { Ok(label) }
}

fn misfit() -> Problem {
    let message = "The label belongs to another team. GET /v1/labels shows each label's team_id.";
    Problem::of(Code::InvalidFieldValue, "label_id", message)
}

/// Makes a label; `team` is that of the path's account, which goes before the only one.
///
/// # Errors
/// The team is not clear or unknown, it has a label of this name, or there are [`LABELS_MAX`] labels.
pub fn create(tx: &mut Tx<'_>, by: &Author, team: Option<TeamId>, wish: Wish) -> Result<Label, Problem> {
    let team = match (wish.team, team) {
        (Some(wished), Some(team)) if wished != team => return Err(no_team("The path's account has another team.")),
        (Some(team), _) | (None, Some(team)) => team,
        (None, None) => only_team(tx, &by.org)?,
    };
    tx.team(&by.org, &team)?.ok_or_else(|| no_team("There is no such team. GET /v1/teams lists them."))?;
    if tx.count_labels(&by.org)? >= LABELS_MAX {
        let message = format!("An organization has at most {LABELS_MAX} labels. Delete one first.");
        return Err(Problem::new(Code::InvalidFieldValue, message));
    }
    let label = tx.add_label(&by.org, NewLabel { team, name: wish.name, color: wish.color }).map_err(taken)?;
    let data = json!({ "label": LabelObject::new(&label) });
    publish(tx, by, EventType::LabelCreated, data)?;
    Ok(label)
}

fn only_team(tx: &mut Tx<'_>, org: &Org) -> Result<TeamId, Problem> {
    let (mut teams, more) = tx.teams(org, None, 1)?;
    match teams.pop() {
        Some(team) if !more => Ok(team.id),
        _ => {
            let message = "The organization has several teams: say which by team_id. GET /v1/teams lists them.";
            Err(Problem::of(Code::MissingRequiredField, "team_id", message))
        }
    }
}

fn no_team(message: &str) -> Problem {
    Problem::of(Code::InvalidFieldValue, "team_id", message)
}

fn taken(error: StoreError) -> Problem {
    match error {
        StoreError::Conflict { .. } => {
            let message = "The team has a label of this name. Upper and lower case are the same.";
            Problem::of(Code::InvalidFieldValue, "name", message)
        }
        other => other.into(),
    }
}

/// Changes a label. What it holds already is no change.
///
/// # Errors
/// Another label of the team has the name, or the store's.
pub fn patch(tx: &mut Tx<'_>, by: &Author, old: Label, patch: LabelPatch) -> Result<Label, Problem> {
    let name = patch.name.unwrap_or_else(|| old.name.clone());
    let next = Label { name, color: patch.color.unwrap_or(old.color), ..old.clone() };
    let differs = [("name", next.name != old.name), ("color", next.color != old.color)];
    let changed: Vec<&str> = differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect();
    if changed.is_empty() {
        return Ok(old);
    }
    let label = tx.put_label(&by.org, &next).map_err(taken)?;
    let data = json!({ "label": LabelObject::new(&label), "changed_fields": changed });
    publish(tx, by, EventType::LabelUpdated, data)?;
    Ok(label)
}

/// Deletes a label and takes it from all that it hangs on. One event tells of it, not one for each contact.
///
/// # Errors
/// The store's.
pub fn delete(tx: &mut Tx<'_>, by: &Author, label: &Label) -> Result<(), StoreError> {
    tx.delete_label(&by.org, &label.id)?;
    audit::note(tx, by, Action::LabelDeleted, &json!({ "label": label.id, "name": label.name }))?;
    publish(tx, by, EventType::LabelDeleted, payload::label_deleted(&label.id))
}

fn publish(tx: &mut Tx<'_>, by: &Author, event_type: EventType, data: Json) -> Result<(), StoreError> {
    let event = contacts::event(tx, by, event_type, None, data);
    tx.publish(&by.org, &event).map(|_| ())
}

/// What to do with a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Hang it on.
    Attach,
    /// Take it off.
    Detach,
}

/// What became of each contact that was to be labelled. Every id given is in exactly one of them, once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labelled {
    /// They are as wished now, whether or not they were before.
    pub applied: Vec<ContactId>,
    /// The organization has no such contacts.
    pub unknown: Vec<ContactId>,
    /// The label's team does not see them.
    pub misfits: Vec<ContactId>,
}

/// Attaches a label to contacts or detaches it. Each contact whose labels really changed gets a log entry and an event.
/// The number of statements grows by a few for each thousand contacts.
///
/// # Errors
/// The store's.
pub fn label_contacts(
    tx: &mut Tx<'_>,
    by: &Author,
    label: &Label,
    operation: Operation,
    contacts: &[ContactId],
) -> Result<Labelled, StoreError> {
    let mut rest: BTreeSet<&ContactId> = contacts.iter().collect();
    let (mut done, mut changed) = (Labelled::default(), Vec::new());
    for target in tx.label_targets(&by.org, label, contacts)? {
        rest.remove(&target.contact);
        // What hangs there since before the account changed its team can still be taken off.
        if !target.fits && !target.attached {
            done.misfits.push(target.contact);
            continue;
        }
        if target.attached != (operation == Operation::Attach) {
            changed.push(target.contact.clone());
        }
        done.applied.push(target.contact);
    }
    done.unknown = rest.into_iter().cloned().collect();
    if !changed.is_empty() {
        match operation {
            Operation::Attach => tx.attach_to_contacts(&by.org, &label.id, &changed)?,
            Operation::Detach => tx.detach_from_contacts(&by.org, &label.id, &changed)?,
        }
        tell(tx, by, label, operation, &changed)?;
    }
    Ok(done)
}

/// Logs that the labels of contacts changed, and tells subscribers.
fn tell(
    tx: &mut Tx<'_>,
    by: &Author,
    label: &Label,
    operation: Operation,
    changed: &[ContactId],
) -> Result<(), StoreError> {
    let touched = tx.touch_contacts(&by.org, changed)?;
    let (before, after) = match operation {
        Operation::Attach => (None, Some(label.name.clone())),
        Operation::Detach => (Some(label.name.clone()), None),
    };
    let field = FieldChange { field: "labels".into(), side: Side::Inbox, before, after, decision: None };
    let entry = |contact: &Contact| Change {
        id: ChangeId::new(tx.env()),
        subject: contact.id.clone(),
        seq: contact.seq,
        at: tx.now(),
        origin: by.origin.clone(),
        fields: vec![field.clone()],
    };
    let entries: Vec<Change> = touched.iter().map(entry).collect();
    tx.record_all(&by.org, &entries)?;
    let accounts = tx.accounts(&by.org)?;
    let event = |contact: &Contact| {
        let data = payload::contact_updated(&ContactObject::new(contact, &accounts), &["labels"]);
        contacts::event(tx, by, EventType::ContactUpdated, Some(contact.seq), data)
    };
    let events: Vec<_> = touched.iter().map(event).collect();
    tx.publish_all(&by.org, &events).map(|_| ())
}

/// Attaches a label to one contact or detaches it. Doing it again changes nothing.
///
/// # Errors
/// No such label, or its team does not see the contact.
pub fn label_contact(
    tx: &mut Tx<'_>,
    by: &Author,
    id: &LabelId,
    operation: Operation,
    contact: &ContactId,
) -> Result<(), Problem> {
    let label = find(tx, &by.org, None, id)?;
    let done = label_contacts(tx, by, &label, operation, slice::from_ref(contact))?;
    match operation {
        Operation::Attach if !done.misfits.is_empty() => Err(misfit()),
        Operation::Attach | Operation::Detach => Ok(()),
    }
}
