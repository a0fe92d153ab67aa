//! Carrying an accepted plan out. What is carried out was shown; a row that no longer holds drops out, is said in the
//! log, and its contact is taken up afterwards like any other change.

use lockstep_connect::Cursor;
use lockstep_core::contact::Contact;
use lockstep_core::ids::{ContactId, PlanId};
use lockstep_core::job::Job;
use lockstep_core::mapping::model::Side;
use lockstep_core::mapping::view::{contact_keys, record_keys};
use lockstep_core::pair::{FieldBase, PairState};
use lockstep_core::plan::{PlanConflict, PlanRow};
use lockstep_core::record::Record;
use lockstep_store::{ContactFilter, Order, Page, PlanStatus, StoreError, SyncStatus, Tx};

use super::matching::{ambiguous, contacts_like, records_like};
use super::plan::{FirstRun, Step, commit};
use super::questions::{self, About};
use super::reconcile::reconcile;
use super::spoke::{Halt, Spoke};
use super::{arrive, pairs, planning, pull};

/// Rows that one commit carries out.
const ROWS_CHUNK: usize = 100;

/// Reads a page of what changed in the CRM since it was read for the plan: what has changed is not what was shown. The
/// sync's own cursor stays, so that the first pull takes these changes in.
///
/// # Errors
/// The store's and the vendor's.
pub async fn refresh(spoke: &Spoke, mut first: FirstRun, cursor: Option<Cursor>) -> Result<(), Halt> {
    let cursor = match cursor {
        Some(cursor) => Some(cursor),
        None => pull::cursor(spoke)?,
    };
    let page = spoke.connector.changes(&spoke.session, cursor.as_ref(), &spoke.properties()).await?;
    commit(spoke, move |spoke, tx| {
        for record in &page.records {
            let before = tx.native_record(&spoke.sync, &record.id)?;
            if before
                .as_ref()
                .is_some_and(|before| before.updated_at > record.updated_at || before.properties == record.properties)
            {
                continue;
            }
            arrive::remember(tx, spoke, record)?;
            first.changed.insert(record.id.clone());
        }
        first.step = if page.more { Step::Refresh { cursor: Some(page.cursor) } } else { Step::Start { after: 0 } };
        first.save(tx, &spoke.sync)
    })
    .await
}

/// Carries a page of rows out.
///
/// # Errors
/// The store's.
pub async fn carry_out(spoke: &Spoke, mut first: FirstRun, plan: PlanId, after: i64) -> Result<(), Halt> {
    commit(spoke, move |spoke, tx| {
        let rows = tx.plan_rows(&plan, after, ROWS_CHUNK)?;
        for (n, row) in &rows {
            if !carry_out_row(tx, spoke, &first, row)? {
                tracing::info!(sync = %spoke.sync.id(), row = n, "a row of the plan no longer holds and drops out");
                take_up(tx, spoke, row)?;
            }
        }
        first.step = match rows.last() {
            Some((n, _)) => Step::Start { after: *n },
            None => Step::CatchUp { after: first.seq },
        };
        first.save(tx, &spoke.sync)
    })
    .await
}

/// Takes up the contacts that changed since they were shown; behind the last one the sync runs.
///
/// # Errors
/// The store's.
pub async fn catch_up(spoke: &Spoke, mut first: FirstRun, plan: PlanId, after: i64) -> Result<(), Halt> {
    commit(spoke, move |spoke, tx| {
        // Taking a number keeps every other writer of contacts waiting: none can slip in behind the last page.
        tx.next_seq(spoke.org())?;
        // A new id is greater than all before it, so the page begins behind the number.
        let after = (after, ContactId::new(tx.env()));
        let page = Page { limit: ROWS_CHUNK, after: Some(after), order: Order::SeqAsc };
        let (contacts, more) = tx.list_contacts(spoke.org(), &ContactFilter::default(), &page)?;
        for contact in &contacts {
            take_up_contact(tx, spoke, &contact.id)?;
        }
        match contacts.last() {
            Some(last) if more => {
                first.step = Step::CatchUp { after: last.seq };
                first.save(tx, &spoke.sync)
            }
            _ => begin_running(tx, spoke, &plan),
        }
    })
    .await
}

fn begin_running(tx: &mut Tx<'_>, spoke: &Spoke, plan: &PlanId) -> Result<(), StoreError> {
    if let Some(row) = tx.plan(plan)? {
        tx.set_plan(plan, PlanStatus::Done, &row.summary)?;
        tx.drop_plan_rows(plan)?;
    }
    tx.set_sync_scan(&spoke.sync, None)?;
    tx.set_sync_status(&spoke.sync, SyncStatus::Running, None)?;
    let (now, sync) = (tx.now(), spoke.sync.id().clone());
    tx.enqueue(&Job::Push { sync: sync.clone() }, now)?;
    tx.enqueue(&Job::Pull { sync: sync.clone() }, now)?;
    tx.enqueue(&Job::Census { sync }, now.plus(std::time::Duration::from_secs(spoke.app.settings.census_seconds)))
}

/// The contact of a dropped row is matched or made like any changed one; its record comes with the first pull.
fn take_up(tx: &mut Tx<'_>, spoke: &Spoke, row: &PlanRow) -> Result<(), StoreError> {
    match row {
        PlanRow::Matched { contact, .. } | PlanRow::NewInCrm { contact } => take_up_contact(tx, spoke, contact),
        PlanRow::Ambiguous { .. } | PlanRow::NewInInbox { .. } => Ok(()),
    }
}

fn take_up_contact(tx: &mut Tx<'_>, spoke: &Spoke, contact: &ContactId) -> Result<(), StoreError> {
    let Some(contact) = tx.contact(spoke.org(), contact)? else { return Ok(()) };
    if tx.pair_by_contact(&spoke.sync, &contact.id)?.is_some() {
        return Ok(());
    }
    let pair = pairs::unmade(tx, &spoke.sync, &contact.id, contact.seq);
    tx.insert_pair(&spoke.sync, &pair)
}

/// Carries one row out; false when it no longer holds.
fn carry_out_row(tx: &mut Tx<'_>, spoke: &Spoke, first: &FirstRun, row: &PlanRow) -> Result<bool, StoreError> {
    match row {
        PlanRow::Matched { contact, native, conflicts } => matched(tx, spoke, first, contact, native, conflicts),
        PlanRow::NewInCrm { contact } => {
            let Some(contact) = as_shown(tx, spoke, first, contact)? else { return Ok(false) };
            if !records_like(tx, spoke, &contact_keys(&contact))?.is_empty() {
                return Ok(false);
            }
            let pair = pairs::unmade(tx, &spoke.sync, &contact.id, contact.seq);
            tx.insert_pair(&spoke.sync, &pair)?;
            Ok(true)
        }
        PlanRow::NewInInbox { native } => {
            let Some(record) = record_as_shown(tx, spoke, first, native)? else { return Ok(false) };
            if !contacts_like(tx, spoke, &record_keys(spoke.mapping(), &record))?.is_empty() {
                return Ok(false);
            }
            arrive::make_contact(tx, spoke, &record)?;
            Ok(true)
        }
        PlanRow::Ambiguous { contacts, records } => park(tx, spoke, contacts, records),
    }
}

/// The record, if it is still as the plan saw it and nobody has paired it since.
fn record_as_shown(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    first: &FirstRun,
    native: &str,
) -> Result<Option<Record>, StoreError> {
    let record =
        tx.native_record(&spoke.sync, native)?.filter(|record| !record.archived && !first.changed.contains(&record.id));
    let Some(record) = record else { return Ok(None) };
    Ok(tx.pair_by_native(&spoke.sync, &record.id)?.is_none().then_some(record))
}

/// The contact, if it is still as the plan saw it and nobody has paired it since.
fn as_shown(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    first: &FirstRun,
    contact: &ContactId,
) -> Result<Option<Contact>, StoreError> {
    let contact = tx.contact(spoke.org(), contact)?.filter(|contact| contact.seq <= first.seq);
    let Some(contact) = contact else { return Ok(None) };
    Ok(tx.pair_by_contact(&spoke.sync, &contact.id)?.is_none().then_some(contact))
}

fn matched(
    tx: &mut Tx<'_>,
    spoke: &Spoke,
    first: &FirstRun,
    contact: &ContactId,
    native: &str,
    shown: &[PlanConflict],
) -> Result<bool, StoreError> {
    let mut pair = pairs::bound(tx, &spoke.sync, contact, Some(native.to_owned()));
    if tx.contact(spoke.org(), contact)?.is_none() {
        // Deleted since: its record must not come back as a new contact.
        if tx.pair_by_native(&spoke.sync, native)?.is_none() && tx.pair_by_contact(&spoke.sync, contact)?.is_none() {
            pair.state = PairState::Tombstone;
            tx.insert_pair(&spoke.sync, &pair)?;
        }
        return Ok(false);
    }
    let Some(record) = record_as_shown(tx, spoke, first, native)? else { return Ok(false) };
    let Some(now) = as_shown(tx, spoke, first, contact)? else { return Ok(false) };
    for rule in planning::conflicts(tx, spoke, &now, native)? {
        let turned = shown.iter().find(|shown| shown.field == rule.field && shown.winner != rule.winner);
        if let Some(turned) = turned {
            pair.base.insert(rule.field, as_if_only_the_winner_moved(turned));
        }
    }
    tx.insert_pair(&spoke.sync, &pair)?;
    reconcile(tx, spoke, pair, &record)?;
    Ok(true)
}

/// A person turned the winner: the loser's value becomes the base of both sides, so that the winner's flows.
fn as_if_only_the_winner_moved(turned: &PlanConflict) -> FieldBase {
    let loser = match turned.winner {
        Side::Inbox => turned.theirs.clone(),
        Side::Crm => turned.ours.clone(),
    };
    FieldBase { ours: Some(loser.clone()), theirs: Some(loser) }
}

/// An ambiguous row becomes a question for each of its contacts, or one about its records.
fn park(tx: &mut Tx<'_>, spoke: &Spoke, contacts: &[ContactId], records: &[String]) -> Result<bool, StoreError> {
    let reason = || ambiguous(contacts.to_vec(), records.to_vec());
    let mut parked = false;
    for contact in contacts {
        if tx.contact(spoke.org(), contact)?.is_none() || tx.pair_by_contact(&spoke.sync, contact)?.is_some() {
            continue;
        }
        let mut pair = pairs::bound(tx, &spoke.sync, contact, None);
        pair.state = PairState::Parked;
        tx.insert_pair(&spoke.sync, &pair)?;
        questions::park(tx, &spoke.sync, About::pair(&pair), reason())?;
        parked = true;
    }
    if let Some(record) = records.first().filter(|_| !parked) {
        questions::park(tx, &spoke.sync, About::record(record), reason())?;
    }
    Ok(true)
}
