//! The way of every call to a look-alike: counted, struck by faults, then done.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::calls::{Calls, Ended};
use crate::faults::{Effect, Faults};
use crate::strike::{dropped, loses, spoil};
use crate::world::Wait;

/// What stands before every vendor's routes.
#[derive(Default)]
pub(crate) struct Front {
    calls: Mutex<Calls>,
    pub(crate) faults: Faults,
    wait: Option<Wait>,
}

impl Front {
    /// Calls since the start or the last reset.
    pub(crate) fn calls(&self) -> Calls {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets all counters to 0.
    pub(crate) fn reset_calls(&self) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner) = Calls::default();
    }

    fn count(&self, route: &str, ended: &Ended) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).count(route, ended);
    }
}

/// An account behind its front: what all clones of a look-alike share.
pub(crate) struct Shared<W> {
    world: Mutex<W>,
    pub(crate) front: Front,
}

impl<W> Shared<W> {
    /// `wait` is absent under a virtual clock.
    pub(crate) fn new(world: W, wait: Option<Wait>) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world), front: Front { wait, ..Front::default() } })
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut W) -> T) -> T {
        work(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<W> fmt::Debug for Shared<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// A vendor behind a [`Front`].
pub(crate) trait Fronted: Clone + Send + Sync + 'static {
    /// What stands before it.
    fn front(&self) -> &Front;

    /// The vendor's own answer for a status that the fault switch ordered.
    fn refuse(&self, status: u16, policy: Option<&str>) -> Response;

    /// The route as counters and faults know it, of its template and a path.
    fn route(&self, template: &str, _path: &str) -> String {
        template.to_owned()
    }

    /// Whether a status of this policy is answered although the work was done: the routes then find [`Belated`].
    fn is_belated(&self, _policy: Option<&str>) -> bool {
        false
    }
}

/// In a response's extensions: how many rows it carries. One without it.
#[derive(Clone, Copy)]
pub(crate) struct Rows(pub(crate) u64);

/// In a response's extensions: the vendor's own limiters refused the call.
#[derive(Clone, Copy)]
pub(crate) struct Throttled;

/// In a request's extensions: only so many rows of the batch are to be done.
#[derive(Clone, Copy)]
pub(crate) struct Cut(pub(crate) usize);

/// In a request's extensions: the work is to be done, and this status answered all the same.
#[derive(Clone, Copy)]
pub(crate) struct Belated(pub(crate) u16);

/// Counts a call and strikes it where a fault was ordered. To be put on a router as `route_layer`: the counters and the
/// faults know a call by its method and its route.
pub(crate) async fn pass<V: Fronted>(
    State(vendor): State<V>,
    matched: MatchedPath,
    mut request: Request,
    next: Next,
) -> Response {
    let front = vendor.front();
    let route = format!("{} {}", request.method(), vendor.route(matched.as_str(), request.uri().path()));
    let strike = front.faults.strike(&route);
    if let Some(Effect::PartialBatch { rows }) = strike {
        request.extensions_mut().insert(Cut(rows));
    }
    let belated = match &strike {
        Some(Effect::Status { status, policy }) if vendor.is_belated(policy.as_deref()) => Some(Belated(*status)),
        _ => None,
    };
    if let Some(belated) = belated {
        request.extensions_mut().insert(belated);
    }
    let response = match &strike {
        Some(Effect::LostBefore) => dropped(),
        Some(Effect::Status { status, policy }) if belated.is_none() => vendor.refuse(*status, policy.as_deref()),
        _ => next.run(request).await,
    };
    let lost = strike.as_ref().is_some_and(loses);
    let extensions = response.extensions();
    let ended = Ended {
        status: (!lost).then(|| response.status().as_u16()),
        rows: extensions.get::<Rows>().map_or(u64::from(strike != Some(Effect::LostBefore)), |rows| rows.0),
        throttled: extensions.get::<Throttled>().is_some(),
        faulted: strike.is_some(),
    };
    front.count(&route, &ended);
    spoil(response, strike, front.wait.as_ref()).await
}
