//! The storm: stories drawn from seeds in which everything goes wrong that can, and an oracle that knows what must hold.

pub mod crm;
mod ends;
mod found;
mod ledger;
mod oracle;
mod people;
mod polls;
mod script;
mod shrink;
pub mod story;
mod weather;

pub use shrink::shrunk;
pub use story::Told;

use story::Storm;
use weather::Weather;

/// Plays the story of a seed on SQLite, or on a PostgreSQL database of its own; with the CRMs that the seed draws unless
/// others are given.
pub fn play(seed: u64, vendors: Option<Vec<&'static str>>, postgres: Option<String>) -> Told {
    let weather = Weather::drawn(seed, vendors);
    let script = script::drawn(&weather);
    Storm::play(weather, script, true, postgres)
}
