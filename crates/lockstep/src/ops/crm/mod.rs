//! The Universal CRM API: apps, their contexts, the connections that users make, what they map, and what an event does.

pub mod app;
pub mod connections;
pub mod invoke;
pub mod issuers;
pub mod mapping;
pub mod outcome;
pub mod records;
pub mod samples;
pub mod schema;
pub mod subscriptions;
pub mod tokens;
pub mod unknown;
