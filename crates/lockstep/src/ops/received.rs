//! Remote webhooks, stored before they are answered and understood later (law 1: they are hints).

use lockstep_core::ids::ReceivedId;
use lockstep_core::problem::Problem;
use sha2::{Digest, Sha256};

use crate::app::App;

/// Stores a verified webhook of a vendor's account, with the job that will read it, in one commit. The same bytes from
/// the same vendor are kept once: `None` says that they were seen before.
///
/// # Errors
/// The store's; the vendor must then send it again.
pub async fn receive(app: &App, vendor: &'static str, account: String, body: Vec<u8>) -> Result<Option<ReceivedId>, Problem> {
    let event = hex::encode(Sha256::new().chain_update(&account).chain_update([0]).chain_update(&body).finalize());
    app.store.write(move |tx| Ok::<_, Problem>(tx.receive(vendor, &account, &event, "{}", &body)?)).await
}
