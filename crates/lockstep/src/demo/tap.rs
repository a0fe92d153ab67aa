//! Watches what the hub reads of the CRM's changes, apart from the engine and from the look-alike.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use lockstep_core::env::Time;
use lockstep_sandbox::hubspot::Record;
use serde::Deserialize;

use crate::egress::Egress;
use crate::network::{Limits, Network, NetworkError};

/// The way out, with an eye on the searches at one address.
pub struct Tap {
    egress: Egress,
    /// Host and port of the CRM.
    authority: String,
    seen: Mutex<Seen>,
}

/// What searches have shown.
#[derive(Default)]
struct Seen {
    /// Records, each with the time of the change that was shown.
    versions: HashSet<(String, Time)>,
    /// Searches that found nothing: polls without a change.
    empty: u64,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<Version>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    id: String,
    updated_at: Time,
}

impl Tap {
    /// Watches searches at `authority`.
    pub fn new(egress: Egress, authority: String) -> Self {
        Self { egress, authority, seen: Mutex::default() }
    }

    /// Whether searches have shown every living record as it is now.
    pub fn has_seen(&self, records: &[Record]) -> bool {
        let seen = self.seen();
        let living = records.iter().filter(|record| !record.archived);
        living.into_iter().all(|record| seen.versions.contains(&(record.id.clone(), Time(record.updated_us))))
    }

    /// Changes that searches have shown, each once, and searches that found nothing.
    pub fn count(&self) -> (u64, u64) {
        let seen = self.seen();
        (u64::try_from(seen.versions.len()).unwrap_or(u64::MAX), seen.empty)
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Network for Tap {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
        limits: Limits,
    ) -> Result<http::Response<Bytes>, NetworkError> {
        let to_crm = request.uri().authority().is_some_and(|authority| authority.as_str() == self.authority);
        let search = to_crm && request.uri().path().ends_with("/search");
        let answer = self.egress.exchange(request, limits).await?;
        if search && let Ok(page) = serde_json::from_slice::<Page>(answer.body()) {
            let mut seen = self.seen();
            seen.empty += u64::from(page.results.is_empty());
            seen.versions.extend(page.results.into_iter().map(|version| (version.id, version.updated_at)));
        }
        Ok(answer)
    }
}
