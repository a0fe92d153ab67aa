//! The look-alike as an app sees it: its router called in memory, time moved by hand.

mod desk;

mod batches;
mod contacts;
mod faults;
mod grants;
mod searches;
mod webhooks;
