//! A caller's closure on its way to a connection and its answer on the way back.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::error::StoreError;
use crate::tx::Tx;

/// Work for one transaction (PostgreSQL) or one savepoint of a shared transaction (SQLite).
pub(crate) trait Task: Send {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool;

    /// Runs the closure; true when its work is to be kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;

    /// Hands over what the closure answered, or why it does not count. Called once, after the commit.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A closure, then its result, then where to send it.
pub(crate) struct Pending<F, T, E> {
    closure: Option<F>,
    result: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    _room: Option<OwnedSemaphorePermit>,
}

impl<F, T, E> Pending<F, T, E> {
    pub(crate) fn new(closure: F, room: Option<OwnedSemaphorePermit>) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Self { closure: Some(closure), result: None, reply, _room: room }, answer)
    }
}

impl<F, T, E> Task for Pending<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        let result = match catch_unwind(AssertUnwindSafe(|| closure(tx))) {
            Err(_) => Err(E::from(StoreError::bug("a transaction's closure panicked"))),
            // A closure that swallowed a failed statement may not keep the rest of its work.
            Ok(Ok(value)) => tx.failure().map_or(Ok(value), |failure| Err(E::from(failure))),
            Ok(refusal) => refusal,
        };
        self.result.insert(result).is_ok()
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Err(failure), _) => Err(E::from(failure)),
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(E::from(StoreError::bug("a transaction was answered before it ran"))),
        };
        // A caller that went away learns the outcome by its idempotency key.
        drop(self.reply.send(result));
    }
}
