//! The person's latest records, remembered for a minute: a screen shows them again and again, and each look costs a call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockstep_core::crm::ApiObject;
use lockstep_core::env::Time;
use lockstep_core::ids::ConnectionId;
use lockstep_core::record::Record;
use lockstep_store::ConnectionOf;

use crate::app::App;
use crate::ops::crm::samples;

/// How long they are remembered.
const FRESH: Duration = Duration::from_secs(60);
/// Native objects whose records are in memory at once.
const KEPT_MAX: usize = 200;

type Kept = HashMap<(ConnectionId, String), (Time, Vec<Record>)>;

/// What is remembered, by connection and native object.
#[derive(Clone, Debug, Default)]
pub struct Samples(Arc<Mutex<Kept>>);

impl Samples {
    /// The latest records; none where the CRM does not show them now, for a mapping can be made without.
    pub async fn of(&self, app: &App, of: &ConnectionOf, native: &ApiObject) -> Vec<Record> {
        let key = (of.id().clone(), native.slug.clone());
        let now = app.env.now();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some((_, records)) = known.filter(|(at, _)| now >= *at && now.since(*at) < FRESH) {
            return records;
        }
        match samples::latest(app, of, native).await {
            Ok(records) => {
                let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                kept.retain(|_, (at, _)| now >= *at && now.since(*at) < FRESH);
                // A first record is to show at once.
                if kept.len() < KEPT_MAX && !records.is_empty() {
                    kept.insert(key, (now, records.clone()));
                }
                records
            }
            Err(problem) => {
                tracing::info!(connection = %of.id(), object = native.slug, %problem, "no records to show");
                Vec::new()
            }
        }
    }
}
