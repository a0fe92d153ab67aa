//! Remote webhooks, stored before they are answered and understood later (law 1: they are hints).

use std::collections::BTreeSet;

use lockstep_core::problem::Problem;
use sha2::{Digest, Sha256};

use crate::app::App;

/// A webhook that was verified.
#[derive(Clone, Debug)]
pub struct VerifiedHook {
    /// The vendor.
    pub vendor: &'static str,
    /// The accounts that it is about: vendors with one address for all send batches.
    pub accounts: BTreeSet<String>,
    /// Its raw bytes.
    pub body: Vec<u8>,
}

/// Stores a webhook, with the jobs that will read it, in one commit. The same bytes from the same vendor are kept once.
///
/// # Errors
/// The store's; the vendor must then send it again.
pub async fn receive(app: &App, hook: VerifiedHook) -> Result<(), Problem> {
    let digest = hex::encode(Sha256::digest(&hook.body));
    app.store
        .write(move |tx| {
            for account in &hook.accounts {
                let event = format!("{account}:{digest}");
                tx.receive(hook.vendor, account, &event, &hook.body)?;
            }
            Ok(())
        })
        .await
}
