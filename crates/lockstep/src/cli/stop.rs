//! When a long-running command is to end.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Becomes true when the process is asked to end.
pub type Stop = watch::Receiver<bool>;

/// Listens for SIGINT and SIGTERM. The first asks everything to finish what is under way; a second ends the
/// process at once, for whoever has lost patience.
pub fn on_signals() -> std::io::Result<Stop> {
    let (ask, stop) = watch::channel(false);
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut signalled = async move || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::spawn(async move {
        signalled().await;
        // Nobody listens any more only when everything has ended.
        let _ = ask.send(true);
        signalled().await;
        std::process::exit(130);
    });
    Ok(stop)
}

/// Waits until the process is asked to end.
pub async fn asked(mut stop: Stop) {
    // A closed channel means the same: nobody is left to ask.
    let _ = stop.wait_for(|asked| *asked).await;
}
