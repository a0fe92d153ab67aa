//! Keeping contacts in step with the CRMs: one file a job.
//!
//! Everything that reads or writes the pairs of one sync runs in that sync's lane, one job at a time. A job does one page
//! or one batch and enqueues its successor in the commit that holds its effect.

mod arrive;
pub mod census;
pub mod check;
pub mod deliver;
mod depart;
pub mod hear;
pub mod ingest;
mod mark;
mod matching;
mod owner;
pub(crate) mod pairs;
pub mod plan;
mod planning;
pub mod pull;
pub mod purge;
pub mod push;
pub mod questions;
mod reconcile;
pub mod schema;
pub mod send;
mod settle;
mod spoke;
mod start;
pub mod tell;
mod unknown;
pub mod watch;

pub use mark::{contact_deleted, mark_dirty, mark_dirty_but};
pub use spoke::Halt;
