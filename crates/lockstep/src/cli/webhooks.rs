//! `lockstep webhooks`

use lockstep_core::ids::ConnectionId;
use secrecy::ExposeSecret;
use toml::Table;

use super::init::organization;
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::ops::hook_addresses::{self, Shown};
use crate::ops::key_ring;

#[derive(clap::Args)]
pub struct Arguments {
    /// The connection, as `lockstep connect` named it
    connection: ConnectionId,
    #[command(flatten)]
    at: Where,
    /// Make another address and forget the token: what comes to the old address is refused from then on
    #[arg(long)]
    anew: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    start_quiet_log();
    let Arguments { connection, at, anew, json } = arguments;
    let app = Place::find(at, Table::new())?.open_existing()?;
    let Shown { url, token } = runtime()?.block_on(async {
        key_ring::check(&app).await?;
        let org = organization(&app).await?;
        anyhow::Ok(hook_addresses::show(&app, &org, connection, *anew).await?)
    })?;
    let token = token.as_ref().map(ExposeSecret::expose_secret);
    if *json {
        return screen::json(&serde_json::json!({ "webhook_url": url, "verification_token": token }));
    }
    screen::say(format!("{:<20}{url}", "webhook_url"))?;
    match token {
        Some(token) => screen::say(format!("{:<20}{token}", "verification_token")),
        None => screen::say(
            "No token was handed over there yet. Give the vendor this address while `lockstep serve` answers there, then\n\
             run this again; keep the address to yourself until then.",
        ),
    }
}
