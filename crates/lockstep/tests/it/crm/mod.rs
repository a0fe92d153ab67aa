//! The Universal CRM API through the real routers: an app's back end, a user's browser, and HubSpot.

mod issuers;
mod link;
mod lost;
mod refusals;
mod retries;
mod secrets;
mod seed;
mod signet;
mod stranger;
mod told;
mod user;
mod whatever_it_means;
