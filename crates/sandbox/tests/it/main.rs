//! The look-alike as an app sees it: its router called in memory, time moved by hand.
#![expect(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod desk;

mod batches;
mod contacts;
mod faults;
mod grants;
mod kirim;
mod meta;
mod notion;
mod objects;
mod odoo;
mod own;
mod pipedrive;
mod recorded;
mod salesforce;
mod searches;
mod served;
mod specs;
mod webhooks;
