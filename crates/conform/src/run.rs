//! Runs a case and tells what came of it. A case ends by a panic wherever it cannot go on.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use crate::{Case, World};

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It holds; what of it was left out because the vendor is without it.
    Passed(Vec<String>),
    /// It does not hold, and where it ended.
    Failed(String),
    /// The vendor is without what it is about, and why.
    NotFor(String),
    /// It needs a hand on the account that nobody has there.
    NotTold(&'static str),
}

/// A case came to where it needs a hand that nobody has on a real account.
struct Lacking(&'static str);

/// A case that is not for the vendor.
struct NotFor(String);

/// Ends the case: it cannot be told. No panic hook hears of it.
pub fn lacking(what: &'static str) -> ! {
    resume_unwind(Box::new(Lacking(what)))
}

/// Ends the case: it is not for this vendor.
pub(crate) fn not_for(why: String) -> ! {
    resume_unwind(Box::new(NotFor(why)))
}

thread_local! {
    /// Where the last panic was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps failures of cases off the standard error: their outcomes tell them.
pub fn quietly() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!("{}:{}: ", at.file(), at.line())).unwrap_or_default();
        PLACE.replace(place);
    }));
}

/// Runs a case in a world.
pub async fn run(case: &Case, making: impl FnOnce() -> World) -> Outcome {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let mut running = pin!(async {
        let world = World { notes: notes.clone(), ..making() };
        (case.show)(world).await;
    });
    let ended =
        std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        });
    match ended.await {
        Ok(()) => Outcome::Passed(notes.lock().expect("the notes").clone()),
        Err(panic) => told(panic),
    }
}

fn told(panic: Box<dyn Any + Send>) -> Outcome {
    let panic = match panic.downcast::<Lacking>() {
        Ok(lacking) => return Outcome::NotTold(lacking.0),
        Err(panic) => panic,
    };
    let panic = match panic.downcast::<NotFor>() {
        Ok(not_for) => return Outcome::NotFor(not_for.0),
        Err(panic) => panic,
    };
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    let text = text.unwrap_or("it ended without a word").split_whitespace().collect::<Vec<_>>().join(" ");
    Outcome::Failed(format!("{}{text}", PLACE.take()))
}
