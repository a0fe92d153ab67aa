//! The Pipedrive look-alike as an app sees it: its router called in memory, time moved by hand.

mod desk;

mod channels;
mod faults;
mod fields;
mod grants;
mod limits;
mod lists;
mod notes;
mod people;
mod persons;
mod recorded;
mod searches;
mod webhooks;
