//! Removing what its retention has ended.

use std::time::Duration;

use lockstep_core::job::Job;
use lockstep_core::limits::{DELIVERY_RETENTION_DAYS, IDEMPOTENCY_TTL_HOURS};
use lockstep_store::StoreError;

use crate::app::App;
use crate::ops::crm::connections::forgotten_before;

const HOUR_SECS: u64 = 60 * 60;
/// That a remote webhook was seen is remembered for as long as vendors send one again.
const RECEIVED_DAYS: u64 = 3;
/// How long the budget of an account that nobody calls is kept: longer than a vendor's day.
const BUDGET_DAYS: u64 = 3;

/// Purges, and enqueues the next purge.
///
/// # Errors
/// The store's.
pub async fn run(app: &App) -> Result<(), StoreError> {
    app.store
        .write(|tx| {
            let now = tx.now();
            tx.purge_deliveries(now.minus(Duration::from_secs(HOUR_SECS * 24 * DELIVERY_RETENTION_DAYS)))?;
            tx.purge_idempotency(now.minus(Duration::from_secs(HOUR_SECS * IDEMPOTENCY_TTL_HOURS)))?;
            tx.purge_received(now.minus(Duration::from_secs(HOUR_SECS * 24 * RECEIVED_DAYS)))?;
            tx.purge_buckets(now.minus(Duration::from_secs(HOUR_SECS)))?;
            tx.purge_budgets(now.minus(Duration::from_secs(HOUR_SECS * 24 * BUDGET_DAYS)))?;
            tx.purge_authorizations(now.minus(Duration::from_secs(HOUR_SECS * 24)))?;
            tx.purge_invocations(now.minus(Duration::from_secs(HOUR_SECS * IDEMPOTENCY_TTL_HOURS)))?;
            tx.purge_crm_deliveries(now.minus(Duration::from_secs(HOUR_SECS * 24 * DELIVERY_RETENTION_DAYS)))?;
            tx.purge_connections(forgotten_before(now))?;
            tx.enqueue(&Job::Purge, now.plus(Duration::from_secs(HOUR_SECS)))
        })
        .await
}
