//! Remote webhooks, stored before they are answered and understood later (law 1: they are hints).

use std::collections::BTreeMap;

use bytes::Bytes;
use lockstep_core::env::Time;
use lockstep_core::ids::ReceivedId;
use lockstep_core::job::Job;
use lockstep_core::limits::HOOK_ATTEMPTS_MAX;
use lockstep_core::problem::{Code, Problem};
use lockstep_core::retry::backoff;
use lockstep_store::{Org, ParkedHook, Received, StoreError};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::ops::Author;
use crate::ops::audit::{Action, note};

/// Characters of the reason that is kept with a webhook that was set aside.
const REASON_CHARS_MAX: usize = 500;

/// A webhook that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedHook {
    /// The vendor.
    pub vendor: &'static str,
    /// The accounts that it is about (vendors with one address for all send batches), with the time that it gives.
    pub accounts: BTreeMap<String, Option<Time>>,
    /// Its raw bytes.
    pub body: Bytes,
}

/// Stores a webhook, with the jobs that will read it, in one commit. The same bytes from the same vendor are kept once.
/// They are known again by their digest. The time before it, which the bytes give too, keeps neighbours in time together
/// in the index: a commit then writes few of its pages.
///
/// # Errors
/// The store's; the vendor must then send it again.
pub async fn receive(app: &App, hook: VerifiedHook) -> Result<(), Problem> {
    let digest = hex::encode(Sha256::digest(&hook.body));
    app.store
        .write(move |tx| {
            for (account, at) in &hook.accounts {
                let event = format!("{account}:{:016}:{digest}", at.unwrap_or_default().as_millis());
                tx.receive(hook.vendor, account, &event, &hook.body)?;
            }
            Ok(())
        })
        .await
}

/// Stored webhooks that wait to be read.
///
/// # Errors
/// The store's.
pub async fn unread(app: &App, vendor: &str, account: &str, limit: usize) -> Result<Vec<Received>, StoreError> {
    let (vendor, account) = (vendor.to_owned(), account.to_owned());
    app.store.read(move |tx| tx.unread(&vendor, &account, limit)).await
}

/// A stored webhook could not be taken in: it is tried again later and, after [`HOOK_ATTEMPTS_MAX`] tries, set aside for a
/// person. It is never lost: its sender was told that it is kept.
///
/// # Errors
/// The store's; also when `problem` is that the store takes nothing now, which is no try.
pub async fn put_off(app: &App, received: &Received, problem: &Problem) -> Result<(), StoreError> {
    if problem.code == Code::TemporarilyUnavailable {
        return Err(StoreError::Unavailable { detail: problem.message.clone() });
    }
    let reason = problem.cause.as_ref().unwrap_or(&problem.message);
    let failed = received.attempts.saturating_add(1);
    if u64::from(failed) >= HOOK_ATTEMPTS_MAX {
        return park(app, received, reason).await;
    }
    tracing::warn!(received = %received.id, attempt = failed, "a webhook cannot be taken in now: {reason}");
    let (id, due) = (received.id.clone(), app.env.now().plus(backoff(failed, &app.env)));
    app.store.write(move |tx| tx.put_off_received(&id, due)).await
}

/// Sets a stored webhook aside at once: another try would end alike.
///
/// # Errors
/// The store's.
pub async fn park(app: &App, received: &Received, reason: &str) -> Result<(), StoreError> {
    tracing::error!(received = %received.id, "a webhook is set aside, `lockstep parked` shows it: {reason}");
    let printable = reason.chars().filter(|c| !c.is_control());
    let (id, reason) = (received.id.clone(), printable.take(REASON_CHARS_MAX).collect::<String>());
    app.store.write(move |tx| tx.park_received(&id, &reason)).await
}

/// Enqueues the next look at an account's stored webhooks, where some wait to be tried again.
///
/// # Errors
/// The store's.
pub async fn look_again(app: &App, vendor: &str, account: &str) -> Result<(), StoreError> {
    let job = Job::Ingest { vendor: vendor.to_owned(), account: account.to_owned() };
    let (vendor, account) = (vendor.to_owned(), account.to_owned());
    match app.store.read(move |tx| tx.next_unread(&vendor, &account)).await? {
        Some(due) => app.store.write(move |tx| tx.enqueue(&job, due)).await,
        None => Ok(()),
    }
}

/// The webhook that was set aside under this id.
///
/// # Errors
/// No such one, or the store's.
pub async fn parked(app: &App, org: &Org, id: &ReceivedId) -> Result<ParkedHook, Problem> {
    let (org, id) = (org.clone(), id.clone());
    app.store.read(move |tx| tx.parked_hook(&org, &id)).await?.ok_or_else(|| Problem::not_found("parked webhook"))
}

/// Has a webhook that was set aside taken in again, the cause being mended.
///
/// # Errors
/// No such one, or the store's.
pub async fn resume(app: &App, org: &Org, id: &ReceivedId) -> Result<(), Problem> {
    let (hook, by) = (parked(app, org, id).await?, Author::command_line(org.clone()));
    let resumed = app.store.write(move |tx| {
        tx.resume_hook(&hook)?;
        note(tx, &by, Action::QuestionResumed, &json!({ "webhook": hook.id }))
    });
    Ok(resumed.await?)
}

/// Gives up a webhook that was set aside: what it said is dropped.
///
/// # Errors
/// No such one, or the store's.
pub async fn drop_parked(app: &App, org: &Org, id: &ReceivedId) -> Result<(), Problem> {
    let (hook, by) = (parked(app, org, id).await?, Author::command_line(org.clone()));
    let dropped = app.store.write(move |tx| {
        tx.forget_received(&hook.id)?;
        note(tx, &by, Action::QuestionDropped, &json!({ "webhook": hook.id }))
    });
    Ok(dropped.await?)
}
