//! Polls a future by hand. Each `Pending` is a boundary between two effects.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// More boundaries than any job has: what is still not done then waits for something that nobody will do.
const BOUNDARIES_MAX: usize = 100_000;

/// Polls to the end, with `at_boundary` between the polls. `None` when it broke off there: the future is dropped where it
/// stood, as by a process that dies.
pub fn drive<F: Future>(future: F, mut at_boundary: impl FnMut() -> ControlFlow<()>) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..BOUNDARIES_MAX {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if at_boundary().is_break() {
            return None;
        }
    }
    panic!("a future is stuck: nothing it waits for can happen");
}

/// Polls to the end without a pause.
pub fn run<F: Future>(future: F) -> F::Output {
    drive(future, || ControlFlow::Continue(())).expect("nothing breaks it off")
}
