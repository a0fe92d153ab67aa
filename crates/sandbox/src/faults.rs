//! The fault switch: what shall go wrong on which route, how often, and after how many good calls.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// Marks a response (in its extensions) that must never reach the caller: the connection ends instead.
/// [`serve`](crate::serve) closes the connection; a caller in memory must report a transport error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped;

/// Marks a response (in its extensions) that comes late by this many microseconds. Only under a virtual
/// clock; a sandbox that was given a real [`Wait`](crate::Wait) has waited already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delayed(pub i64);

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// The connection ends before anything was done.
    LostBefore,
    /// Everything is done, then the connection ends without an answer.
    LostAfter,
    /// Nothing is done and this status is answered; for 429 the vendor's name of the exhausted limit may be
    /// given (HubSpot: `TEN_SECONDLY_ROLLING`, `SECONDLY`, `DAILY`).
    Status {
        /// HTTP status, 400 to 599.
        status: u16,
        /// Name of the limit a 429 speaks of.
        #[serde(default)]
        policy: Option<String>,
    },
    /// Everything is done and the answer comes late.
    Slow {
        /// Delay in microseconds.
        us: i64,
    },
    /// Everything is done; the answer is well framed but its body ends half-way.
    Truncate,
    /// Everything is done; the connection breaks half-way through the body.
    Reset,
    /// The first rows of a batch are done, then the connection ends without an answer.
    PartialBatch {
        /// How many rows are done.
        rows: usize,
    },
}

/// One order to fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Method and route template as the call counters print them, such as
    /// `POST /crm/v3/objects/contacts/batch/read`; none means any route.
    #[serde(default)]
    pub route: Option<String>,
    /// What goes wrong.
    pub effect: Effect,
    /// How many calls it strikes (1 when left out).
    #[serde(default = "once")]
    pub times: u32,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub skip: u32,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Strikes the next call of a route.
    #[must_use]
    pub fn once(route: &str, effect: Effect) -> Self {
        Self { route: Some(route.to_owned()), effect, times: 1, skip: 0 }
    }

    /// Strikes the next call of any route.
    #[must_use]
    pub fn anywhere(effect: Effect) -> Self {
        Self { route: None, effect, times: 1, skip: 0 }
    }
}

/// The standing orders of one sandbox, oldest first. The first that matches a call and has no calls left to
/// skip strikes it; one call is struck at most once.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

impl Faults {
    /// Adds an order.
    pub fn push(&self, fault: Fault) {
        self.orders().push(fault);
    }

    /// Forgets all orders.
    pub fn clear(&self) {
        self.orders().clear();
    }

    /// Orders that have not run out.
    #[must_use]
    pub fn pending(&self) -> Vec<Fault> {
        self.orders().clone()
    }

    /// Decides what strikes a call of `route`.
    pub(crate) fn strike(&self, route: &str) -> Option<Effect> {
        let mut orders = self.orders();
        let mut struck = None;
        for order in orders.iter_mut().filter(|order| order.route.as_deref().is_none_or(|it| it == route)) {
            if order.skip > 0 {
                order.skip -= 1;
            } else if struck.is_none() && order.times > 0 {
                order.times -= 1;
                struck = Some(order.effect.clone());
            }
        }
        orders.retain(|order| order.times > 0);
        struck
    }

    fn orders(&self) -> MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_skip_then_strike_then_run_out() {
        let faults = Faults::default();
        faults.push(Fault { route: Some("GET /a".into()), effect: Effect::LostAfter, times: 2, skip: 1 });
        assert_eq!(faults.strike("GET /b"), None);
        assert_eq!(faults.strike("GET /a"), None, "the first is skipped");
        assert_eq!(faults.strike("GET /a"), Some(Effect::LostAfter));
        assert_eq!(faults.strike("GET /a"), Some(Effect::LostAfter));
        assert_eq!(faults.strike("GET /a"), None);
        assert!(faults.pending().is_empty());
    }

    #[test]
    fn orders_are_read_from_json() {
        let text = r#"{"route":"GET /a","effect":{"status":{"status":429,"policy":"DAILY"}},"times":3}"#;
        let fault: Fault = serde_json::from_str(text).expect("a valid order");
        assert_eq!(fault.effect, Effect::Status { status: 429, policy: Some("DAILY".into()) });
        assert_eq!((fault.times, fault.skip), (3, 0));
        let plain: Fault = serde_json::from_str(r#"{"effect":"lost_before"}"#).expect("a valid order");
        assert_eq!(plain, Fault::anywhere(Effect::LostBefore));
    }
}
