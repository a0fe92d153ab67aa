//! Everything that binds: the surfaces, the operations, the sync and the command line.
//!
//! Data flows one way: [`wire`] → [`ops`]; [`sync`] → [`ops`]; both → [`reach`] → the connectors; all → core and store.

pub mod app;
pub mod auth;
pub mod channel;
pub mod cli;
pub mod config;
pub mod demo;
pub mod egress;
pub mod import;
pub mod link;
pub mod network;
pub mod ops;
pub mod reach;
pub mod sync;
pub mod vault;
pub mod wire;
pub mod worker;
