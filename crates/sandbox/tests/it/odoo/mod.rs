//! The Odoo look-alike.

mod automations;
mod contacts;
mod desk;
mod faults;
mod fields;
mod keys;
mod leads;
mod people;
mod protocols;
mod searches;
mod times;
