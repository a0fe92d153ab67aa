//! Requests that may be sent twice and act once (reference section "Idempotency").

use std::time::Duration;

use lockstep_core::ids::ContactId;
use lockstep_core::problem::{Code, Problem};
use lockstep_store::{Begin, Org, StoredAnswer, Tx};
use secrecy::ExposeSecret;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::vault::Place;

/// What a caller sent to make a POST safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// The `Idempotency-Key`.
    pub key: String,
    /// SHA-256 over method, path with its query, and canonical body.
    pub fingerprint: [u8; 32],
}

impl Once {
    /// Takes the fingerprint of a request. Two spellings of one JSON value have one fingerprint.
    pub fn new(key: String, method: &str, path: &str, body: &Json) -> Self {
        let mut body = body.clone();
        body.sort_all_objects();
        let mut hash = Sha256::new();
        for part in [method, path, &body.to_string()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self { key, fingerprint: hash.finalize().into() }
    }
}

/// What a request finds under its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used the key in the last 24 hours: the request is to be carried out, and its answer kept.
    First,
    /// The same request was answered before, like this; the body is open.
    Answered(StoredAnswer),
}

/// Claims a key for a request, in the transaction that will hold its effect and its answer. A second request with the
/// key meanwhile is told so; on SQLite, which has one writer, it waits for the first one's commit and has its answer.
///
/// # Errors
/// The key came with another request, its first call has not finished, or the kept answer cannot be opened.
pub fn claim(tx: &mut Tx<'_>, app: &App, org: &Org, once: &Once) -> Result<Claim, Problem> {
    match tx.idempotency_begin(org, &once.key, &once.fingerprint)? {
        Begin::First => Ok(Claim::First),
        Begin::Replay(kept) => {
            let body = app.vault.open(place(&row(org, once)), &kept.body).map_err(|error| {
                tracing::error!(%error, "a kept answer cannot be opened");
                Problem::new(Code::InternalError, "The answer that was kept under this key cannot be read.")
            })?;
            Ok(Claim::Answered(StoredAnswer { body: body.expose_secret().into(), ..kept }))
        }
        Begin::Running => {
            let message = "The first request with this Idempotency-Key has not finished. Try again with the same key.";
            Err(Problem {
                retry_after: Some(Duration::from_secs(1)),
                ..Problem::new(Code::IdempotencyInProgress, message)
            })
        }
        Begin::OtherRequest => {
            let message = "This Idempotency-Key came with another request before. Use a new key for a new request.";
            Err(Problem::of(Code::IdempotencyKeyReuse, "Idempotency-Key", message))
        }
    }
}

/// Keeps the answer of a claimed request, sealed. `subject` is the contact that it quotes, if it quotes one.
///
/// # Errors
/// The vault's or the store's.
pub fn keep(
    tx: &mut Tx<'_>,
    app: &App,
    org: &Org,
    once: &Once,
    answer: StoredAnswer,
    subject: Option<&ContactId>,
) -> Result<(), Problem> {
    let body = app.vault.seal(place(&row(org, once)), &answer.body, &app.env).map_err(|error| {
        tracing::error!(%error, "an answer cannot be sealed");
        Problem::new(Code::InternalError, "The key ring cannot seal the answer.")
    })?;
    Ok(tx.idempotency_finish(org, &once.key, &StoredAnswer { body, ..answer }, subject)?)
}

fn row(org: &Org, once: &Once) -> String {
    format!("{}/{}", org.id(), once.key)
}

fn place(row: &str) -> Place<'_> {
    Place { table: "idempotency", row, column: "body" }
}

/// Whether a refusal is kept under the key: those that a repeat may overcome are not.
pub fn is_kept(problem: &Problem) -> bool {
    let (status, _, code) = problem.code.wire();
    (400..500).contains(&status) && status != 409 && status != 429 && code != Code::IdempotencyKeyReuse.wire().2
}
