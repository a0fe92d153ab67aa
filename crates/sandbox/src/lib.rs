//! Look-alikes of the vendors' servers, with their quirks and a fault switch.
//!
//! A sandbox is an [`axum::Router`]: tests call it in memory under a virtual clock, with no runtime and no
//! sockets, and the `lockstep sandbox` command puts the same router on an address where any client of the
//! vendor can reach it. The crate shares no code with the connectors, so that a misreading of the vendor's
//! contract cannot hide by being made twice.
#![warn(missing_docs)]

mod calls;
mod consent;
mod deliver;
mod desk;
mod faults;
mod front;
pub mod hubspot;
pub mod kirim;
pub mod meta;
pub mod notion;
pub mod odoo;
pub mod pipedrive;
mod record;
pub mod salesforce;
mod serve;
mod strike;
pub mod vendor;
mod wire;
mod world;

pub use calls::{Calls, RouteCalls};
pub use faults::{Delayed, Dropped, Effect, Fault, Faults};
pub use hubspot::{Hubspot, HubspotSettings};
pub use kirim::{Kirim, KirimSettings};
pub use meta::{Meta, MetaSettings};
pub use notion::{Notion, NotionSettings};
pub use odoo::{Odoo, OdooSettings};
pub use pipedrive::{Pipedrive, PipedriveSettings};
pub use record::{Record, Seeded};
pub use salesforce::{Salesforce, SalesforceSettings};
pub use serve::serve;
pub use vendor::{Vendor, vendors};
pub use wire::NO_TOKEN;
pub use world::{Clock, Wait, system_clock, tokio_wait};
