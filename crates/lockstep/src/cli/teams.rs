//! `lockstep teams`

use lockstep_core::ids::{TeamId, UserId};
use lockstep_core::problem::Problem;
use lockstep_store::{Org, Team};
use serde_json::{Value as Json, json};
use toml::Table;

use super::organizations::{Of, chosen};
use super::place::{Place, runtime, start_quiet_log};
use super::screen;
use crate::app::App;
use crate::ops;
use crate::ops::Author;

#[derive(clap::Subcommand)]
pub enum Command {
    /// Make a team
    Add(Add),
    /// List the teams
    List(List),
    /// Rename a team
    Rename(Rename),
    /// Remove a team that has neither labels nor accounts
    Remove(Remove),
    /// Put a user into a team
    Join(Membership),
    /// Take a user out of a team
    Leave(Membership),
}

#[derive(clap::Args)]
pub struct Add {
    #[command(flatten)]
    of: Of,
    /// What people call it
    name: String,
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
    /// The team's id, as the list shows it
    id: TeamId,
    /// What people shall call it
    name: String,
}

#[derive(clap::Args)]
pub struct Remove {
    #[command(flatten)]
    of: Of,
    /// The team's id, as the list shows it
    id: TeamId,
}

#[derive(clap::Args)]
pub struct Membership {
    #[command(flatten)]
    of: Of,
    /// The team's id
    team: TeamId,
    /// The user's id
    user: UserId,
}

pub fn run(command: Command) -> anyhow::Result<()> {
    start_quiet_log();
    let of = match &command {
        Command::Add(Add { of, .. }) | Command::List(List { of, .. }) | Command::Remove(Remove { of, .. }) => of,
        Command::Rename(Rename { of, .. }) => of,
        Command::Join(Membership { of, .. }) | Command::Leave(Membership { of, .. }) => of,
    };
    let app = Place::find(&of.at, Table::new())?.open_existing()?;
    let organization = of.organization.clone();
    runtime()?.block_on(async {
        let org = chosen(&app, organization).await?;
        match command {
            Command::Add(add) => make(&app, org, add).await,
            Command::List(list) => show(&app, org, list.json).await,
            Command::Rename(rename) => call(&app, org, rename).await,
            Command::Remove(remove) => end(&app, org, remove.id).await,
            Command::Join(of) => join(&app, org, of).await,
            Command::Leave(of) => leave(&app, org, of).await,
        }
    })
}

async fn make(app: &App, org: Org, add: Add) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let team = app.store.write(move |tx| ops::users::add_team(tx, &by, &add.name)).await?;
    if add.json { screen::json(&shown(&team)) } else { screen::say(team.id) }
}

async fn show(app: &App, org: Org, json: bool) -> anyhow::Result<()> {
    let teams = app.store.read(move |tx| Ok::<_, Problem>(tx.teams(&org, None, usize::MAX)?.0)).await?;
    if json {
        return screen::json(&teams.iter().map(shown).collect::<Vec<_>>());
    }
    let row = |team: Team| vec![team.id.to_string(), team.name];
    screen::say(screen::table(&["id", "name"], &[], teams.into_iter().map(row).collect()))
}

fn shown(team: &Team) -> Json {
    json!({ "id": team.id, "name": team.name, "created_at": team.created_at })
}

async fn call(app: &App, org: Org, rename: Rename) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let team = app.store.write(move |tx| ops::users::rename_team(tx, &by, &rename.id, &rename.name)).await?;
    screen::say(format!("{} is called {} now.", team.id, team.name))
}

async fn end(app: &App, org: Org, id: TeamId) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let said = format!("{id} is removed.");
    app.store.write(move |tx| ops::users::remove_team(tx, &by, &id)).await?;
    screen::say(said)
}

async fn join(app: &App, org: Org, of: Membership) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let said = format!("{} is in {}.", of.user, of.team);
    app.store.write(move |tx| ops::users::join(tx, &by, &of.team, &of.user)).await?;
    screen::say(said)
}

async fn leave(app: &App, org: Org, of: Membership) -> anyhow::Result<()> {
    let by = Author::command_line(org);
    let said = format!("{} is not in {}.", of.user, of.team);
    app.store.write(move |tx| ops::users::leave(tx, &by, &of.team, &of.user)).await?;
    screen::say(said)
}
