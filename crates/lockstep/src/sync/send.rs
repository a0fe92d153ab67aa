//! Hands one queued message to its channel, and tells the channel that a customer's was read.

use lockstep_core::ids::MessageId;
use lockstep_core::message::MessageError;
use lockstep_core::retry::backoff;

use crate::app::App;
use crate::channel::{ChannelFault, Outcome};
use crate::ops::sending::{self, DOUBT, Step};
use crate::sync::Halt;

/// How often a message is offered to a channel that does not take it; about an hour.
const TRIES_MAX: u32 = 14;

/// Sends a message, or finds out what became of it. Running it again does no harm: whoever begins writes that down first,
/// and nobody begins twice.
///
/// # Errors
/// The store's, or when to look again.
pub async fn run(app: &App, id: &MessageId, attempt: u32) -> Result<(), Halt> {
    let begun = app.store.write({
        let (app, id) = (app.clone(), id.clone());
        move |tx| sending::begin(tx, &app, &id)
    });
    let (line, outgoing) = match begun.await? {
        Step::Done => return Ok(()),
        Step::Wait(due) => return Err(Halt::Wait { due, counted: false }),
        Step::Send(work) => *work,
    };
    let answer = line.send(app, &outgoing).await;
    let (here, org, id) = (app.clone(), line.org, outgoing.id);
    match answer {
        Ok(sent) => Ok(app.store.write(move |tx| sending::taken(tx, &here, &org, &id, sent.vendor_id)).await?),
        Err(fault) => {
            tracing::info!(message = %id, attempt, code = fault.code, outcome = ?fault.outcome, "the channel did not take a message: {fault}");
            match fault.outcome {
                Outcome::Paced { wait } => {
                    app.store.write(move |tx| sending::put_back(tx, &org, &id)).await?;
                    Err(Halt::Wait { due: app.env.now().plus(wait), counted: false })
                }
                Outcome::NotTaken { retry_after } if attempt < TRIES_MAX => {
                    app.store.write(move |tx| sending::put_back(tx, &org, &id)).await?;
                    let wait = backoff(attempt, &app.env).max(retry_after.unwrap_or_default());
                    Err(Halt::Wait { due: app.env.now().plus(wait), counted: true })
                }
                Outcome::NotTaken { .. } | Outcome::Refused | Outcome::Disconnected => {
                    let error = MessageError { code: fault.code, message: fault.message };
                    Ok(app.store.write(move |tx| sending::refused(tx, &here, &org, &id, error)).await?)
                }
                Outcome::Unknown => Err(Halt::Wait { due: app.env.now().plus(DOUBT), counted: false }),
            }
        }
    }
}

/// Tells the channel that a customer's message was read. What the channel refuses is let go: it is a courtesy.
///
/// # Errors
/// The store's, or when to try again.
pub async fn mark_read(app: &App, id: &MessageId, typing: bool, attempt: u32) -> Result<(), Halt> {
    let wanted = id.clone();
    let read = app.store.read(move |tx| sending::read_receipt(tx, &wanted));
    let Some((line, vendor_id)) = read.await? else { return Ok(()) };
    match line.mark_read(app, &vendor_id, typing).await {
        Ok(()) => Ok(()),
        Err(ChannelFault { outcome: Outcome::NotTaken { retry_after }, .. }) if attempt < TRIES_MAX && !typing => {
            let wait = backoff(attempt, &app.env).max(retry_after.unwrap_or_default());
            Err(Halt::Wait { due: app.env.now().plus(wait), counted: true })
        }
        Err(fault) => {
            tracing::info!(message = %id, code = fault.code, "the channel was not told that a message was read: {fault}");
            Ok(())
        }
    }
}
