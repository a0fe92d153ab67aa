//! `lockstep accounts`

use lockstep_core::ids::TeamId;
use lockstep_core::patch::Patch;
use lockstep_core::problem::Problem;
use lockstep_store::{Account, Org};
use toml::Table;

use super::init::phone_number_id;
use super::organizations::{Of, chosen};
use super::place::{Place, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops;
use crate::ops::Author;
use crate::ops::accounts::{AccountPatch, NewAccount};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Add a WhatsApp account
    Add(Add),
    /// List the accounts
    List(List),
    /// Rename an account
    Rename(Rename),
    /// Give an account to a team: labels of other teams do not fit its contacts any more
    Give(Give),
}

#[derive(clap::Args)]
pub struct Add {
    #[command(flatten)]
    of: Of,
    /// The number that its contacts write to, with its country code
    phone_number: String,
    /// Meta's id of that number
    #[arg(long, value_name = "DIGITS", value_parser = phone_number_id)]
    phone_number_id: String,
    /// The name that customers see
    #[arg(long)]
    name: String,
    /// The team that it belongs to; all of them if left out
    #[arg(long, value_name = "ID")]
    team: Option<TeamId>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct List {
    #[command(flatten)]
    of: Of,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
pub struct Rename {
    #[command(flatten)]
    of: Of,
    /// Meta's id of the account's number
    #[arg(value_parser = phone_number_id)]
    phone_number_id: String,
    /// The name that customers see
    name: String,
}

#[derive(clap::Args)]
pub struct Give {
    #[command(flatten)]
    of: Of,
    /// Meta's id of the account's number
    #[arg(value_parser = phone_number_id)]
    phone_number_id: String,
    /// The team; all of them if left out
    #[arg(long, value_name = "ID")]
    team: Option<TeamId>,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let of = match &command {
        Command::Add(Add { of, .. }) | Command::List(List { of, .. }) | Command::Give(Give { of, .. }) => of,
        Command::Rename(Rename { of, .. }) => of,
    };
    let app = Place::find(&of.at, Table::new())?.open_existing()?;
    let organization = of.organization.clone();
    runtime()?.block_on(async {
        let org = chosen(&app, organization).await?;
        match command {
            Command::Add(add) => make(&app, org, add).await,
            Command::List(list) => show(&app, org, list.json).await,
            Command::Rename(rename) => call(&app, org, rename).await,
            Command::Give(give) => hand_over(&app, org, give).await,
        }
    })
}

async fn make(app: &App, org: Org, add: Add) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let Add { phone_number_id, phone_number, name, team, json, .. } = add;
    let new = NewAccount { phone_number_id, phone_number, name, team };
    let account = app.store.write(move |tx| ops::accounts::add(tx, &by, &new)).await?;
    if json { screen::json(&account) } else { screen::say(account.phone_number_id) }
}

async fn show(app: &App, org: Org, json: bool) -> anyhow::Result<()> {
    let accounts = app.store.read(move |tx| Ok::<_, Problem>(tx.accounts(&org)?)).await?;
    if json {
        return screen::json(&accounts);
    }
    let row = |account: Account| {
        let team = account.team.map_or_else(|| "all".to_owned(), |team| team.to_string());
        vec![account.phone_number_id, account.phone_number, account.name, account.status, team]
    };
    let header = ["phone_number_id", "number", "name", "status", "team"];
    screen::say(screen::table(&header, &[], accounts.into_iter().map(row).collect()))
}

async fn call(app: &App, org: Org, rename: Rename) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let Rename { phone_number_id, name, .. } = rename;
    let patch = AccountPatch { name: Some(name), ..AccountPatch::default() };
    let account = app.store.write(move |tx| ops::accounts::patch(tx, &by, &phone_number_id, patch)).await?;
    screen::say(format!("{} is called {} now.", account.phone_number_id, account.name))
}

async fn hand_over(app: &App, org: Org, give: Give) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let team = give.team.as_ref().map_or_else(|| "all teams".to_owned(), TeamId::to_string);
    let said = format!("{} belongs to {team}.", give.phone_number_id);
    let patch = AccountPatch { name: None, team: give.team.map_or(Patch::Clear, Patch::Set) };
    let given = app.store.write(move |tx| ops::accounts::patch(tx, &by, &give.phone_number_id, patch));
    given.await?;
    screen::say(said)
}
