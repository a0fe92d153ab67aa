//! Counts polls of the CRM that found nothing, apart from the engine and from the look-alike.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

use crate::egress::Egress;
use crate::network::{Limits, Network, NetworkError};

/// The way out, with a counter for one address.
pub struct Tap {
    egress: Egress,
    /// Host and port of the CRM.
    authority: String,
    empty_searches: AtomicU64,
}

#[derive(Deserialize)]
struct Page {
    results: Vec<serde::de::IgnoredAny>,
}

impl Tap {
    /// Counts searches at `authority`.
    pub fn new(egress: Egress, authority: String) -> Self {
        Self { egress, authority, empty_searches: AtomicU64::new(0) }
    }

    /// Searches that found nothing: polls without a change.
    pub fn empty_searches(&self) -> u64 {
        self.empty_searches.load(Ordering::SeqCst)
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
        if search && serde_json::from_slice::<Page>(answer.body()).is_ok_and(|page| page.results.is_empty()) {
            self.empty_searches.fetch_add(1, Ordering::SeqCst);
        }
        Ok(answer)
    }
}
