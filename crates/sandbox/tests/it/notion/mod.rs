//! The Notion look-alike as an app sees it.

mod blocks;
mod contacts;
mod desk;
mod faults;
mod grants;
mod queries;
mod recorded;
mod schemas;
mod webhooks;
