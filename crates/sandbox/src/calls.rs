//! Counters of the calls a sandbox was asked.

use std::collections::BTreeMap;

use serde::Serialize;

/// What one route saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteCalls {
    /// All calls, answered or not.
    pub total: u64,
    /// Answers by HTTP status; a lost answer is not among them.
    pub statuses: BTreeMap<u16, u64>,
    /// Rows carried: inputs of a batch, results of a page, 1 for a single record.
    pub rows: u64,
    /// Calls refused by the vendor's own limiters (not by a fault).
    pub throttled: u64,
    /// Calls struck by a fault.
    pub faulted: u64,
}

/// Calls per route since the start or the last reset, keyed by method and route template such as
/// `POST /crm/v3/objects/contacts/batch/read`. The sandbox's own `/__…` routes are not counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// All calls.
    pub total: u64,
    /// All calls refused by the vendor's own limiters.
    pub throttled: u64,
    /// All calls struck by a fault.
    pub faulted: u64,
    /// Per route.
    pub routes: BTreeMap<String, RouteCalls>,
}

/// How one call ended.
pub(crate) struct Ended {
    pub(crate) status: Option<u16>,
    pub(crate) rows: u64,
    pub(crate) throttled: bool,
    pub(crate) faulted: bool,
}

impl Calls {
    /// The counters of one route, all 0 if it was never called.
    #[must_use]
    pub fn route(&self, route: &str) -> RouteCalls {
        self.routes.get(route).cloned().unwrap_or_default()
    }

    pub(crate) fn count(&mut self, route: &str, ended: &Ended) {
        let (throttled, faulted) = (u64::from(ended.throttled), u64::from(ended.faulted));
        self.total += 1;
        self.throttled += throttled;
        self.faulted += faulted;
        let counters = self.routes.entry(route.to_owned()).or_default();
        counters.total += 1;
        counters.rows += ended.rows;
        counters.throttled += throttled;
        counters.faulted += faulted;
        if let Some(status) = ended.status {
            *counters.statuses.entry(status).or_default() += 1;
        }
    }
}
