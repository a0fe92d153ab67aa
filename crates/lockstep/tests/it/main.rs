//! The integration tests: one binary, one world.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod admin;
mod bad_input;
mod bulk;
mod cli;
mod contract;
mod conversations;
mod crm;
mod desk;
mod egress;
mod flows;
mod found_by_storms;
mod hard_cases;
mod hard_cases_more;
mod inbox;
mod labels;
mod letters;
mod manual;
mod members;
mod messages;
mod oauth;
mod page;
mod rates;
mod relink;
mod renewals;
mod second_channel;
mod storm;
mod storms;
mod templates;
mod tenants;
mod two_servers;
mod vendors;
mod webhook_desk;
mod webhooks;
mod whatsapp;
mod world;
