//! `lockstep organizations`, and how other commands are told which one they are about.

use anyhow::Context;
use lockstep_core::change::Origin;
use lockstep_core::ids::OrgId;
use lockstep_core::problem::Problem;
use lockstep_store::{Org, StoreError};
use serde_json::json;
use toml::Table;

use super::init::{organization, phone_number_id, say};
use super::place::{Place, Where, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops::accounts::NewAccount;
use crate::ops::organizations;

/// Where a command works and about which organization.
#[derive(clap::Args)]
pub struct Of {
    #[command(flatten)]
    pub at: Where,
    /// The organization; the one that was made first if left out
    #[arg(long, value_name = "ID")]
    pub organization: Option<OrgId>,
}

/// Finds the organization that a command is about.
pub async fn chosen(app: &App, id: Option<OrgId>) -> anyhow::Result<Org> {
    let Some(id) = id else { return Ok(organization(app).await?) };
    let missing = format!("there is no organization {id}; `lockstep organizations list` shows them");
    let found = app.store.read(move |tx| tx.org(&id)).await?;
    found.context(missing)
}

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make another organization with its first WhatsApp account and its keys
    Add(Add),
    /// List the organizations
    List(List),
}

#[derive(clap::Args)]
pub struct Add {
    #[command(flatten)]
    at: Where,
    /// What people call it
    name: String,
    /// The WhatsApp number that its contacts write to, with its country code
    #[arg(long, value_name = "NUMBER")]
    phone_number: String,
    /// Meta's id of that number
    #[arg(long, value_name = "DIGITS", value_parser = phone_number_id)]
    phone_number_id: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    at: Where,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let at = match &command {
        Command::Add(Add { at, .. }) | Command::List(List { at, .. }) => at,
    };
    let app = Place::find(at, Table::new())?.open_existing()?;
    runtime()?.block_on(async {
        match command {
            Command::Add(add) => make(&app, add).await,
            Command::List(list) => show(&app, list.json).await,
        }
    })
}

async fn make(app: &App, add: Add) -> anyhow::Result<()> {
    let Add { name, phone_number, phone_number_id, json, .. } = add;
    let account = NewAccount { phone_number_id, phone_number, name: name.clone(), team: None };
    let here = app.clone();
    let made = app.store.write(move |tx| {
        let by = organizations::make(tx, Origin::CommandLine, &name, &account)?;
        let keys = organizations::first_keys(tx, &here, &by)?;
        Ok::<_, Problem>((by.org, keys))
    });
    let (org, keys) = made.await?;
    if json {
        return screen::json(&json!({ "organization": org.id(), "keys": keys }));
    }
    screen::say(format!("Organization      {}", org.id()))?;
    say(&keys)
}

async fn show(app: &App, json: bool) -> anyhow::Result<()> {
    let orgs: Result<_, StoreError> = app.store.read(|tx| tx.orgs()).await;
    let orgs = orgs?;
    if json {
        let shown = orgs.iter().map(|(org, name)| json!({ "id": org.id(), "name": name }));
        return screen::json(&shown.collect::<Vec<_>>());
    }
    let rows = orgs.into_iter().map(|(org, name)| vec![org.id().to_string(), name]).collect();
    screen::say(screen::table(&["id", "name"], &[], rows))
}
