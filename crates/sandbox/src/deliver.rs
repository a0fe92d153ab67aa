//! The loop that delivers a look-alike's webhooks.

use std::future::Future;

use crate::world::Wait;

/// How often the loop looks for what is due.
const LOOK_US: i64 = 100_000;

/// Sends what is due for ever, one after another, and settles each with what became of it.
pub(crate) async fn deliver<Hook: Clone, Became, Sent: Future<Output = Became>>(
    wait: Wait,
    take: impl Fn() -> Vec<Hook>,
    send: impl Fn(Hook) -> Sent,
    settle: impl Fn(Hook, Became),
) {
    loop {
        for hook in take() {
            let became = send(hook.clone()).await;
            settle(hook, became);
        }
        wait(LOOK_US).await;
    }
}
