//! Remote webhooks, stored before they are answered and understood later (law 1: they are hints).

use std::collections::BTreeMap;

use bytes::Bytes;
use lockstep_core::env::Time;
use lockstep_core::problem::Problem;
use sha2::{Digest, Sha256};

use crate::app::App;

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
