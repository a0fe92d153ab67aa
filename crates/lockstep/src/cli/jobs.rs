//! Commands that wait for the sync's work: a running server does it, or this process for as long as it waits.

use std::time::Duration;

use lockstep_store::{Share, Target, try_worker_lock};
use tokio::sync::watch;

use super::{look_again, stop};
use crate::app::App;
use crate::worker;

/// Between two looks. A running server sees new jobs within a second.
const LOOK: Duration = Duration::from_millis(100);

/// Asks `done` until it answers something. Meanwhile the syncs' jobs are run here if no other process runs them. Webhooks
/// are a server's to send: this process may reach more than a subscriber may name.
pub async fn until<T>(
    app: &App,
    target: &Target,
    mut done: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let interrupted = stop::on_signals()?;
    let (ask, own_stop) = watch::channel(false);
    let worker = try_worker_lock(target)?.map(|lock| {
        let app = app.clone();
        tokio::spawn(async move {
            let ended = worker::run(app, Share::Syncs, own_stop).await;
            drop(lock);
            ended
        })
    });
    let outcome = loop {
        match done().await {
            Ok(Some(answer)) => break Ok(answer),
            Ok(None) => look_again(LOOK).await,
            Err(error) => break Err(error),
        }
        if *interrupted.borrow() {
            break Err(anyhow::anyhow!("interrupted; the next `lockstep serve` goes on with it"));
        }
    };
    // The worker has ended already only if it failed; joining tells.
    let _ = ask.send(true);
    if let Some(worker) = worker {
        worker.await??;
    }
    outcome
}
