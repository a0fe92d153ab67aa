//! `lockstep migrate`

use toml::Table;

use super::place::{Place, Where, start_quiet_log};
use super::screen;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    at: Where,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let place = Place::find(&arguments.at, Table::new())?;
    place.make_folder()?;
    let report = lockstep_store::migrate(&place.target)?;
    if arguments.json {
        return screen::json(&serde_json::json!({ "from": report.from, "to": report.to }));
    }
    screen::say(if report.from == report.to {
        format!("{} has schema version {} already.", place.target, report.to)
    } else {
        format!("{} went from schema version {} to {}.", place.target, report.from, report.to)
    })
}
