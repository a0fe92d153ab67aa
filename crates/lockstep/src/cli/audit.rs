//! `lockstep audit`

use serde_json::json;
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    at: Where,
    /// How many entries at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Only what was done before this entry's number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let app = Place::find(&arguments.at, Table::new())?.open_existing()?;
    let (before, limit) = (arguments.before, usize::try_from(arguments.limit)?);
    let entries = runtime()?.block_on(async {
        let org = organization(&app).await?;
        anyhow::Ok(app.store.read(move |tx| tx.audit_list(&org, before, limit)).await?)
    })?;
    if arguments.json {
        let entry = |entry: &lockstep_store::AuditEntry| {
            json!({
                "number": entry.seq, "at": entry.at, "actor": entry.actor, "action": entry.action, "detail": entry.detail,
            })
        };
        return screen::json(&entries.iter().map(entry).collect::<Vec<_>>());
    }
    if entries.is_empty() {
        return screen::say("Nothing was done to the set-up yet.");
    }
    let row = |entry: &lockstep_store::AuditEntry| {
        let detail = entry.detail.to_string();
        vec![entry.seq.to_string(), entry.at.to_string(), entry.actor.clone(), entry.action.clone(), detail]
    };
    screen::say(screen::table(&["number", "at", "who", "what", "to what"], &[0], entries.iter().map(row).collect()))
}
