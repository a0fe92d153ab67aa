//! Salesforce's look-alike as an app sees it.

mod bulk;
mod changes;
mod collections;
mod composite;
mod desk;
mod grants;
mod limits;
mod queries;
mod recorded;
mod records;
mod writes;
