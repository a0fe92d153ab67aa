//! The rules of Lockstep, pure: no I/O, no async, no clock and no randomness of its own.
//!
//! Everything here computes from what it is given. Time, ids and jitter come from [`env::Env`],
//! which the caller passes in, so each decision can be recomputed on any machine.
#![warn(missing_docs)]

pub mod bucket;
pub mod budget;
pub mod change;
pub mod contact;
pub mod conversation;
pub mod crm;
pub mod day;
pub mod env;
pub mod event;
pub mod external;
pub mod fight;
pub mod holes;
pub mod ids;
pub mod job;
pub mod label;
pub mod limits;
pub mod mapping;
pub mod merge;
pub mod message;
pub mod pair;
pub mod parked;
pub mod patch;
pub mod phone;
pub mod plan;
pub mod problem;
pub mod record;
pub mod retry;
pub mod scope;
pub mod signature;
pub mod slice;
pub mod text;
